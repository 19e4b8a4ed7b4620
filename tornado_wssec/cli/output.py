"""How results reach people (tables) and programs (`--json`).

Rules of this file:
1. Results go to standard output; everything said about them goes to standard error.
2. Text that came from elsewhere cannot move the cursor: what does not print is escaped.
3. A line that says what went wrong is short, and holds nothing that looks like a token.
"""

import json
import os
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import click

from ..errors import Problem

LINE_CHARACTERS: Final = 600
"""What an error line may have at most: a hostile argument is not repeated in full."""

LOOKED_AT: Final = 10_000
"""Of the text, so that looking for secrets in it costs little; a longer secret would be none of ours."""

SECRETS: Final = re.compile(
    r"eyJ[A-Za-z0-9_=-]{6,}(?:\.[A-Za-z0-9_=-]*)*|(?<=wssec_ak)[A-Za-z0-9_-]{8,}|(?<=://)\S*(?=@)"
)
"""The shape of a token, whole or in part (its header begins with `{"`), of an API key, and of the user in a URL."""

json_is_fine = click.option("--json", is_flag=True, expose_value=False, help="It is JSON in any case.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs instead of a table.")


def printable(text: str) -> str:
    """The text with control, format and surrogate characters escaped, so that it stays on its line."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode() for char in text
    )


def _line(text: str) -> str:
    safe = printable(SECRETS.sub("[redacted]", " ".join(text[:LOOKED_AT].split())))
    return safe if len(safe) <= LINE_CHARACTERS else f"{safe[:LINE_CHARACTERS]}…"


def error(text: str) -> None:
    """Say on standard error what went wrong, in one line."""
    click.secho(f"wssec: {_line(text)}", err=True, fg="red", color=wants_colour())


def warn(text: str) -> None:
    """Say on standard error what is dangerous but was done, in one line."""
    click.secho(f"wssec: warning: {_line(text)}", err=True, fg="yellow", color=wants_colour())


def note(text: str) -> None:
    """Say on standard error what else happened, in one line."""
    click.echo(f"wssec: {_line(text)}", err=True)


def wants_colour() -> bool | None:
    """False where NO_COLOR is set (https://no-color.org); None lets the terminal decide."""
    return False if os.environ.get("NO_COLOR") else None


def print_json(value: Any) -> None:
    """Print one JSON value; ASCII only, so that nothing in it can act on a terminal."""
    click.echo(json.dumps(value, indent=2, allow_nan=False))


def print_facts(facts: Mapping[str, object]) -> None:
    """Print one thing: a name and a value on each line."""
    shown = [(printable(name), printable("-" if value is None else str(value))) for name, value in facts.items()]
    width = max(len(name) for name, _ in shown)
    for name, value in shown:
        click.echo(f"{name.ljust(width)}  {value}")


def show_time(at: float | None) -> str | None:
    """Wall seconds as ISO 8601 in UTC, to the second; as seconds beyond the calendar; None where there is none."""
    if at is None:
        return None
    try:
        return f"{datetime.fromtimestamp(int(at), UTC):%Y-%m-%dT%H:%M:%SZ}"
    except (OverflowError, OSError, ValueError):
        return f"{at:.0f}"


def print_problems(problems: Iterable[Problem]) -> None:
    """Print each problem with its remedy, a line each."""
    for problem in problems:
        click.echo(printable(str(problem)))
