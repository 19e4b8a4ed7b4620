"""What the pages take from the code is all there."""

from collections.abc import Callable, Iterator, Mapping
from runpy import run_path
from typing import Any

import click
import pytest

from tests.cli.test_help import COMMANDS, walk
from tests.docs.pages import DOCS
from tornado_wssec.cli import main

TABLES: Mapping[str, tuple[tuple[str, ...], Callable[[], Iterator[tuple[object, ...]]]]] = run_path(
    str(DOCS / "_ext" / "tables.py")
)["TABLES"]
REFERENCE = "\n".join(run_path(str(DOCS / "_ext" / "commands.py"))["reference"]())


def found(path: tuple[str, ...]) -> Any:
    """The command of these words."""
    command: click.Command = main
    for name in path:
        assert isinstance(command, click.Group)
        command = command.commands[name]
    return command


@pytest.mark.parametrize("path", [path for path in COMMANDS if path], ids=" ".join)
def test_reference_has_every_command_with_its_options_and_example(path: tuple[str, ...]) -> None:
    """A section named as it is typed, a row for each option, and the example of the help."""
    command = found(path)
    heading = f"{'#' * (len(path) + 1)} wssec {' '.join(path)}\n"
    section = REFERENCE.partition(f"\n{heading}")[2].partition(f"\n{'#' * (len(path) + 1)} ")[0]
    options = [param.opts[-1] for param in command.params if isinstance(param, click.Option)]

    assert section
    assert [] == [option for option in options if option not in section]
    assert isinstance(command, click.Group) or f"$ {command.example.strip().splitlines()[0]}" in section


def test_reference_has_no_other_commands() -> None:
    """As many sections as commands."""
    assert len(list(walk(main))) - 1 == REFERENCE.count("\n## ") + REFERENCE.count("\n### ")


@pytest.mark.parametrize("name", sorted(TABLES))
def test_reference_tables_have_rows_as_wide_as_their_titles(name: str) -> None:
    """A table that the code no longer fills would stand there empty."""
    titles, rows = TABLES[name]

    assert {len(titles)} == {len(row) for row in rows()}


def test_reference_tables_are_each_on_a_page() -> None:
    """None is made for nobody."""
    pages = "\n".join(path.read_text() for path in DOCS.glob("*.md"))

    assert [] == [name for name in TABLES if f"{{truth}} {name}\n" not in pages]
