"""Every command explains itself, and its help ends in an example that works."""

import re
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import click
import pytest

from tests.cli.conftest import Terminal
from tests.cli.live import connection, enter
from tests.cli.prepared import prepare, shell
from tornado_wssec.cli import main


def walk(command: click.Command, *path: str) -> Iterator[tuple[str, ...]]:
    """The command and every one below it, as words behind `wssec`."""
    yield path
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            yield from walk(below, *path, name)


COMMANDS = list(walk(main))


def example_of(wssec: Terminal, path: tuple[str, ...]) -> str:
    """The lines behind the last `Example:` of the command's help."""
    return wssec.done(*path, "--help").rpartition("\nExample:\n")[2]


def test_help_lists_the_commands_of_the_contract() -> None:
    """The nouns and verbs are those of the design, with `store clock` and `channels kick`, and there are no others."""
    below = {" ".join(path) for path in COMMANDS}

    assert {
        "init",
        *(f"keys {verb}" for verb in ("generate", "list", "show", "rotate", "promote", "retire", "import", "export")),
        *(f"token {verb}" for verb in ("issue", "inspect", "verify")),
        "ticket issue",
        *(f"revoke {kind}" for kind in ("token", "session", "subject", "tenant", "key")),
        *(f"revocations {verb}" for verb in ("list", "show", "undo", "prune", "export", "import")),
        *(f"apikeys {verb}" for verb in ("create", "list", "revoke")),
        *(f"sessions {verb}" for verb in ("list", "show", "kick", "refresh")),
        *(f"channels {verb}" for verb in ("list", "show", "mute", "unmute", "ban", "unban", "slow", "kick")),
        "publish",
        "connect",
        "top",
        *(f"schemas {verb}" for verb in ("list", "check", "export")),
        *(f"store {verb}" for verb in ("ping", "migrate", "doctor", "clock")),
        *(f"audit {verb}" for verb in ("tail", "query", "verify", "replay")),
        "check",
        "completion",
    } == below - {
        "",
        "keys",
        "token",
        "ticket",
        "revoke",
        "revocations",
        "sessions",
        "channels",
        "apikeys",
        "schemas",
        "store",
        "audit",
    }


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_help_explains_every_command(bare: Terminal, path: tuple[str, ...]) -> None:
    """One sentence at least, a word on each option, and lines that fit a terminal."""
    command = main
    for name in path:
        assert isinstance(command, click.Group)
        command = command.commands[name]  # type: ignore[assignment]  # a verb is no group, and the last

    options = [param for param in command.params if isinstance(param, click.Option)]

    assert command.help
    assert not [option.name for option in options if not option.help]
    assert not [line for line in bare.done(*path, "--help").splitlines() if len(line) > 80 and "wssec" not in line]


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_help_ends_in_an_example_that_works(
    wssec: Terminal, tmp_path: Path, place: Path, path: tuple[str, ...]
) -> None:
    """The example names the command, and a shell executes it as it stands, with exit code 0."""
    example = example_of(wssec, path)
    wssec.done("keys", "generate")
    wssec.done("revoke", "subject", "u42", "--before", "2020-01-31")  # tokens of this second go on
    wssec.done("channels", "mute", "room:lobby", "u42")
    wssec.done("channels", "ban", "room:*", "--address", "192.0.2.7")
    enter(wssec, connection("8c1f0a"))
    environment = prepare(tmp_path) | wssec.environment

    ran = shell(example, tmp_path, environment)

    assert re.match(rf"\s+.*\bwssec {' '.join(path)}", example)
    assert 0 == ran.returncode, ran
    assert "Traceback" not in ran.stdout + ran.stderr


def test_help_of_a_group_is_shown_for_the_group_alone(bare: Terminal) -> None:
    """A noun without a verb shows the verbs, on standard error, and is a usage error."""
    outcome = bare("keys")

    assert (2, "") == (outcome.code, outcome.out)
    assert bare.done("keys", "--help") == outcome.err


def test_help_needs_no_settings(bare: Terminal) -> None:
    """Whatever the environment holds."""
    assert 0 == bare("revoke", "subject", "--help", WSSEC_STORE="nonsense", WSSEC_STOER="x").code


@pytest.mark.parametrize(("known", "told"), [({"tornado-wssec": "1.2.3"}, "1.2.3"), ({}, "(not installed)")])
def test_version_is_that_of_the_package(
    bare: Terminal, monkeypatch: pytest.MonkeyPatch, known: dict[str, str], told: str
) -> None:
    """For reports of faults; a tree that was never installed has none."""

    def version(name: str) -> str:
        if name not in known:
            raise metadata.PackageNotFoundError(name)
        return known[name]

    monkeypatch.setattr(metadata, "version", version)

    assert f"wssec {told}\n" == bare.done("--version")


def test_help_names_every_json_shape(bare: Terminal) -> None:
    """A command with --json says what it prints."""
    silent = []
    for path in COMMANDS:
        text = bare.done(*path, "--help")
        group = bare.done(*path[:-1], "--help") if path else ""
        if "--json" in text and "JSON: " not in text + group:
            silent.append(path)

    assert [] == silent
