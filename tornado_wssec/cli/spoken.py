"""What a conversation looks like: a line for whatever is said, in colours for people, as JSON for programs.

Rules of this file:
1. What the server says cannot move the cursor.
2. Messages go to standard output; what is said about the connection goes to standard error.
"""

import json
from collections.abc import Mapping
from typing import Any

import click

from ..client import Event, Refused, State
from .output import note, printable, wants_colour


class Screen:
    """Where a conversation is shown.

    Args:
        as_json: one JSON object a line, ASCII only.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json

    def show(self, event: Event) -> None:
        """What came unasked."""
        self._say("cyan", event.type, channel=event.channel, seq=event.seq, data=event.data)

    def show_reply(self, number: int, data: Mapping[str, Any]) -> None:
        """The answer to the message of that number."""
        self._say("green", "reply", id=str(number), data=data)

    def show_refusal(self, number: int, refusal: Refused) -> None:
        """That the message of that number was refused."""
        facts = {"detail": refusal.detail or None, "fields": refusal.fields or None}
        self._say("red", "error", id=str(number), code=refusal.code, **facts, retry_after=refusal.retry_after)

    def tell_state(self, state: State) -> None:
        """That the connection changes."""
        why = f": {state.reason}" if state.reason else ""
        code = f" ({state.code})" if state.code else ""
        wait = f", tries again in {state.seconds:.1f} s" if state.seconds is not None else ""
        note(f"{state.name}{why}{code}{wait}")

    def _say(self, colour: str, type: str, **facts: Any) -> None:
        known = {name: value for name, value in facts.items() if value is not None}
        if self.as_json:
            return click.echo(json.dumps({"type": type, **known}))
        shown = [str(value) for name, value in known.items() if name not in ("data", "fields")]
        bodies = [json.dumps(known[name], ensure_ascii=False) for name in ("data", "fields") if known.get(name)]
        head = click.style(printable(" ".join([type, *shown])), fg=colour)
        click.echo(" ".join([head, *map(printable, bodies)]), color=wants_colour())
