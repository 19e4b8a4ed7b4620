"""A handler that does what a test tells it to, for what is said on an open connection."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from marshmallow import fields, validate

from tornado_wssec import PUBLIC, Close, Message, Registry, SecureWebSocketHandler, on
from tornado_wssec.testing import GuardKit

Do = Callable[["TalkSocket", dict[str, Any]], Any]


class Told(Message):
    """Do what the test says."""

    class Meta:
        type = "talk.do"
        permission = PUBLIC

    what = fields.String(load_default="", validate=validate.Length(max=32))


class Guarded(Message):
    """Do it too, if one may."""

    class Meta:
        type = "talk.guarded"
        permission = "talk:guarded"


class Rare(Message):
    """Do it twice in a row at most."""

    class Meta:
        type = "talk.rare"
        permission = PUBLIC
        rate = "2/second"


class Heard(Message):
    """What the server says."""

    class Meta:
        type = "talk.heard"
        direction = "out"
        permission = "talk:hear"

    text = fields.String(required=True, validate=validate.Length(max=1_000_000))


async def _nothing(socket: "TalkSocket", data: dict[str, Any]) -> None:
    return None


class Script:
    """What handlers do, and what has happened to them.

    Args:
        do: called for each message; its result is the handler's.
    """

    def __init__(self, do: Do = _nothing) -> None:
        self.do = do
        self.told: list[Any] = []
        self.entered = asyncio.Event()
        self.go_on = asyncio.Event()
        self.left = asyncio.Event()

    async def wait(self, socket: "TalkSocket", data: dict[str, Any]) -> dict[str, Any]:
        """A handler that waits until it is let go."""
        self.entered.set()
        await self.go_on.wait()
        self.told.append(data.get("what"))
        return {"what": data.get("what")}

    def fail(self, error: BaseException) -> Do:
        """A handler that raises."""

        def do(socket: "TalkSocket", data: dict[str, Any]) -> Any:
            raise error

        return do


class TalkSocket(SecureWebSocketHandler):
    """Does what its script says."""

    @property
    def script(self) -> Script:
        """Of this test."""
        found: Script = self.settings["script"]
        return found

    def opened(self) -> Awaitable[None] | None:
        self.script.told.append(("opened", self.identity.subject))
        return None

    def closed(self, close: Close | None) -> Awaitable[None] | None:
        self.script.told.append(("closed", close and int(close.code)))
        self.script.left.set()
        return None

    @on(Told, Guarded, Rare)
    def do(self, data: dict[str, Any]) -> Any:
        return self.script.do(self, data)


REGISTRY = Registry(Told, Guarded, Rare, Heard)


def talk_kit(script: Script | None = None, handler: type = TalkSocket, **options: Any) -> GuardKit:
    """Serves a script at /ws."""
    settings = {"script": script or Script(), **options.pop("app_settings", {})}
    return GuardKit([("/ws", handler)], registry=REGISTRY, app_settings=settings, **options)
