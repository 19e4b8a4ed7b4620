"""Errors are one line each, exit codes are four, and nobody sees a traceback."""

import click
import pytest
from click.testing import CliRunner

from tests.cli.conftest import ROOT_WARNING, Outcome, Terminal
from tornado_wssec.cli import main
from tornado_wssec.cli.commands import Command, Refused, Root, WrongUsage
from tornado_wssec.errors import ConfigurationError, Problem, StoreUnavailable


def run(raised: BaseException) -> Outcome:
    """Run a command that raises this."""

    @click.group(cls=Root, example="wssec")
    def root() -> None:
        """A program."""

    @root.command("fail", example="wssec fail")
    def fail() -> None:
        """Fail."""
        raise raised

    result = CliRunner().invoke(root, ["fail"])
    lines = [line for line in result.stderr.splitlines(keepends=True) if not line.startswith(ROOT_WARNING)]
    return Outcome(result.exit_code, result.stdout, "".join(lines))


@pytest.mark.parametrize(
    ("raised", "code", "told"),
    [
        (Refused("no; do this"), 1, "wssec: no; do this\n"),
        (WrongUsage("not so; write it so"), 2, "wssec: not so; write it so\n"),
        (click.UsageError("Missing argument."), 2, "wssec: Missing argument; see `wssec fail --help`\n"),
        (StoreUnavailable("it does not answer; try again"), 1, "wssec: it does not answer; try again\n"),
        (FileNotFoundError(2, "No such file or directory", "x"), 1, "wssec: x: No such file or directory\n"),
        (OSError("odd"), 1, "wssec: the system: OSError\n"),
        (
            KeyboardInterrupt(),
            130,
            "\nwssec: interrupted; no file is torn, and `wssec store doctor` tells what is left to do\n",
        ),
        (EOFError(), 1, "\nwssec: stopped; nothing was changed\n"),
        (click.Abort(), 1, "wssec: stopped; nothing was changed\n"),
        (click.exceptions.Exit(1), 1, ""),
    ],
    ids=repr,
)
def test_error_is_a_line_and_an_exit_code(raised: BaseException, code: int, told: str) -> None:
    """Each kind of failure has its code, and says what there is to say on standard error."""
    assert Outcome(code, "", told) == run(raised)


def test_error_of_a_configuration_lists_every_problem() -> None:
    """A line each, with where, what and the remedy."""
    error = ConfigurationError([Problem("A", "is wrong", "mend it"), Problem("B", "is too", "mend that")])

    assert Outcome(1, "", "wssec: A: is wrong; mend it\nwssec: B: is too; mend that\n") == run(error)


def test_error_that_is_a_bug_names_the_place_alone() -> None:
    """The exception's text may hold a secret, so it is not shown."""
    outcome = run(ZeroDivisionError("hunter2"))

    assert (1, 1) == (outcome.code, outcome.err.count("\n"))
    assert outcome.err.startswith("wssec: this is a bug (ZeroDivisionError at ")
    assert "hunter2" not in outcome.err


def test_error_that_is_a_bug_of_ours_names_its_line(bare: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last place in this package, for the report."""
    monkeypatch.setattr("tornado_wssec.cli.context.Settings", None)

    outcome = bare("store", "ping")

    assert outcome.code == 1
    assert "this is a bug (AttributeError at cli/context.py:" in outcome.err


@pytest.mark.parametrize(
    "arguments", [["nope"], ["keys", "nope"], ["--nope"], ["keys", "list", "--nope"], ["keys", "retire"]]
)
def test_error_of_usage_is_one_line(bare: Terminal, arguments: list[str]) -> None:
    """Exit 2, with where to read on."""
    outcome = bare(*arguments)

    assert (2, "", 1) == (outcome.code, outcome.out, outcome.err.count("\n"))
    assert "--help`" in outcome.err


def test_command_without_an_example_cannot_be_declared() -> None:
    """Nobody can forget it."""
    with pytest.raises(TypeError, match="example"):
        Command("forgotten")  # type: ignore[call-arg]  # that is the test


@pytest.mark.parametrize(("euid", "warned"), [(0, True), (1000, False)])
def test_root_is_warned(monkeypatch: pytest.MonkeyPatch, euid: int, warned: bool) -> None:
    """On standard error, and no more than that."""
    monkeypatch.setattr("os.geteuid", lambda: euid)

    result = CliRunner().invoke(main, ["store", "ping"])

    assert warned is (ROOT_WARNING in result.stderr)
    assert ROOT_WARNING not in result.stdout


@pytest.mark.parametrize("arguments", [["completion", "zsh"], ["token", "inspect"], ["keys", "list", "--help"]])
def test_root_is_not_warned_of_what_touches_nothing(monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    """A start-up file that asks for completions is not a warning's place."""
    monkeypatch.setattr("os.geteuid", lambda: 0)

    assert ROOT_WARNING not in CliRunner().invoke(main, arguments).stderr


def test_misspelt_variable_is_told(wssec: Terminal) -> None:
    """Silence would be a limit that does not hold."""
    outcome = wssec("store", "ping", WSSEC_STOER="sqlite:///x")

    assert (1, True) == (outcome.code, "did you mean WSSEC_STORE?" in outcome.err)


def test_settings_of_other_commands_do_not_matter(wssec: Terminal) -> None:
    """A command reads only what it uses."""
    assert 0 == wssec("store", "ping", WSSEC_COOKIE_SECRET="short", WSSEC_INSECURE="perhaps").code
