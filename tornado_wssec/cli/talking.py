"""What the lines of `wssec connect` mean."""

import json
from collections.abc import Mapping
from typing import Any, Final

from ..client import Client, Refused
from .output import error, note
from .spoken import Screen

HELP: Final = 'TYPE {"field": …} sends; /listen CHANNEL [SINCE], /leave CHANNEL, /quit'


class Talk:
    """One conversation."""

    def __init__(self, client: Client, screen: Screen) -> None:
        self._client = client
        self._screen = screen
        self._sent = 0
        self.refused = 0

    async def hear(self) -> None:
        """Show what comes unasked, until the end.

        Raises:
            Stopped: the server ended it.
        """
        async for event in self._client.events():
            self._screen.show(event)

    async def obey(self, line: str) -> bool:
        """Do what a line says; False when it says that this is all."""
        word, _, rest = line.strip().partition(" ")
        match word:
            case "":
                return True
            case "/quit":
                return False
            case "/help":
                note(HELP)
            case "/listen" | "/leave":
                await self._answered(self._listen(word, *rest.split()[:2]))
            case _:
                await self._say(line.strip())
        return True

    async def _say(self, line: str) -> None:
        try:
            type, data = message_of(line)
        except ValueError as fault:
            self.refused += 1
            error(str(fault))
        else:
            await self._answered(self._client.request(type, data))

    async def _answered(self, asked: Any) -> None:
        self._sent += 1
        number = self._sent
        try:
            self._screen.show_reply(number, await asked or {})
        except Refused as refusal:
            self.refused += 1
            self._screen.show_refusal(number, refusal)
        except ValueError as fault:  # what a flat envelope cannot say
            self.refused += 1
            error(str(fault))

    async def _listen(self, word: str, channel: str = "", since: str = "") -> None:
        if word == "/leave":
            await self._client.unsubscribe(channel)
        else:
            await self._client.subscribe(channel, since=int(since) if since.isdecimal() else None)


def message_of(line: str) -> tuple[str, Mapping[str, Any]]:
    """The type and the data of a line: `TYPE {…}`, or `{"type": …, "data": …}`.

    Raises:
        ValueError: it is neither; saying which is wanted.
    """
    type, _, text = ("", "", line) if line.startswith("{") else line.partition(" ")
    try:
        found = json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError):
        raise ValueError(f"what stands behind the type is no JSON; {HELP}") from None
    if not type and isinstance(found, dict):
        type, found = found.get("type", ""), found.get("data", {})
    if not isinstance(found, dict) or not isinstance(type, str) or not type:
        raise ValueError(f"that is no message; {HELP}")
    return type, found
