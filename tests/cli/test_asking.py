"""What cannot be taken back is asked about, at a terminal."""

import click
import pytest
from click.testing import CliRunner

from tornado_wssec.cli.asking import confirm
from tornado_wssec.cli.commands import Refused


@click.command()
@click.option("--yes", is_flag=True)
def careful(yes: bool) -> None:
    """Ask, and say that it was done."""
    confirm("Really?", yes)
    click.echo("done")


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody sits at standard input."""
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda self: True)


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize(
    ("answer", "done"), [("y\n", True), ("yes\n", True), ("n\n", False), ("\n", False), ("", False)]
)
def test_confirm_takes_yes_for_yes(answer: str, done: bool) -> None:
    """No, nothing and the end of input are no."""
    result = CliRunner().invoke(careful, input=answer)

    assert done is ("done" in result.stdout)
    assert "Really?" in result.stderr


def test_confirm_without_a_terminal_names_the_option() -> None:
    """A pipe cannot answer, and what it holds is no answer."""
    result = CliRunner().invoke(careful, input="y\n")

    assert (1, "") == (result.exit_code, result.stdout)
    assert "there is no terminal to ask at; add --yes if it is meant: Really?" in result.stderr


def test_confirm_is_skipped_by_yes() -> None:
    """Nothing is asked."""
    result = CliRunner().invoke(careful, ["--yes"])

    assert ("done\n", "") == (result.stdout, result.stderr)


def test_confirm_without_standard_input_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be closed."""
    monkeypatch.setattr("sys.stdin", None)

    with pytest.raises(Refused):
        confirm("Really?", False)
