"""Questions before what cannot be taken back."""

import sys
from typing import Final

import click

from .commands import Refused

YES: Final = "--yes"

yes_option = click.option(YES, is_flag=True, help="Do not ask.")


yes_is_fine = click.option(
    YES, is_flag=True, expose_value=False, help="For scripts that always say so; nothing is asked."
)


def confirm(question: str, yes: bool) -> None:
    """Ask, unless `yes`.

    Raises:
        Refused: the answer is no, or there is nobody at a terminal to ask.
    """
    if yes:
        return
    if sys.stdin is None or not sys.stdin.isatty():
        raise Refused(f"there is no terminal to ask at; add {YES} if it is meant: {question}")
    if not click.confirm(question, err=True):
        raise Refused("nothing was changed, since the answer was no")
