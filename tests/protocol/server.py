"""The server of the conformance cases: a chat with everything that the protocol has."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import tornado.web
from marshmallow import fields, validate

from schemas import chat
from tests.client.kit import KeptChannel
from tests.kits import ChatSocket
from tests.signing import Order
from tornado_wssec import ApiKey, Channel, Envelope, FirstMessage, Message, Registry, on
from tornado_wssec.auth.bearer import BearerToken
from tornado_wssec.auth.ticket import Ticket
from tornado_wssec.settings import KiB
from tornado_wssec.testing import GuardKit
from tornado_wssec.testing.clock import NOON

RIGHTS: Final = ("chat:*:lobby", "desk:order:*")


class Typing(Message):
    """Somebody is typing."""

    class Meta:
        type = "chat.typing"
        direction = "both"
        permission = "chat:read:{room}"
        bind = {"author": "sub"}  # noqa: RUF012 -- as users write it

    room = chat.Room
    author = fields.String(validate=validate.Length(max=128))


class Lounge(Channel):
    """Where clients tell each other that they type."""

    class Meta:
        pattern = "lounge:{room}"
        subscribe = "chat:read:{room}"
        publish = "chat:write:{room}"
        accepts = [Typing]  # noqa: RUF012 -- as users write it

    room = chat.Room


class Picture(Message):
    """A picture for a room."""

    class Meta:
        type = "chat.picture"
        permission = "chat:write:{room}"
        binary = "png"
        max_bytes = 8 * KiB

    room = chat.Room


REGISTRY: Final = Registry(chat.Send, chat.Posted, Typing, Order, Picture, chat.RoomChannel, KeptChannel, Lounge)


class Socket(ChatSocket):
    """Programs may come; a line may be kept, wait, or break."""

    allow_missing_origin = True

    @on(chat.Send)
    async def send_line(self, data: dict[str, Any]) -> dict[str, Any]:
        match data["text"]:
            case "break":
                raise RuntimeError("broken")
            case "wait":
                self.settings["town"].waiting += 1
                await self.settings["town"].gate.wait()
            case "keep":
                await self.publish(f"kept:{data['room']}", chat.Posted, {**data, "author": "ann"})
                return {}
        delivered: dict[str, Any] = await super().send_line(data)
        return delivered

    @on(Order)
    def take_order(self, data: dict[str, Any]) -> dict[str, Any]:
        return {"ordered": data["symbol"]}

    @on(Picture)
    def take_picture(self, data: dict[str, Any]) -> dict[str, Any]:
        return {"bytes": len(data["payload"])}


class QuerySocket(Socket):
    """Takes a token from the query."""

    authenticators = [BearerToken(query=True), Ticket()]  # noqa: RUF012 -- as users write it


class KeySocket(Socket):
    """Takes API keys."""

    authenticators = [ApiKey()]  # noqa: RUF012 -- as users write it


class WaitingSocket(Socket):
    """Waits for a first message."""

    authenticators = [FirstMessage()]  # noqa: RUF012 -- as users write it


class FlatSocket(Socket):
    """Speaks a flat format."""

    envelope = Envelope.flat(type="action")


class TokenHandler(tornado.web.RequestHandler):
    """Gives tokens: the separate way by which a client gets fresh ones."""

    async def get(self) -> None:
        town: Town = self.settings["town"]
        await town.counter.wait()
        if town.has_closed_counter:
            raise tornado.web.HTTPError(401)
        self.write({"token": town.token("ann", RIGHTS, **town.bound)})


class Town(GuardKit):
    """The chat at /ws; at /first, /flat, /query and /key the same by other ways; tokens at /token.

    Args:
        now: wall seconds at the beginning.

    Attributes:
        api_key: for /key; see `begin`.
        bound: what its tokens say besides, such as `cnf`.
        counter: gives no token while it is clear.
        gate: a line that waits, waits for it.
        has_closed_counter: it gives no more tokens.
        waiting: lines that have begun to wait.
    """

    def __init__(self, *, now: float = NOON, **options: Any) -> None:
        routes = [
            ("/ws", Socket),
            ("/first", WaitingSocket),
            ("/flat", FlatSocket),
            ("/query", QuerySocket),
            ("/key", KeySocket),
            ("/token", TokenHandler),
        ]
        given = {"authenticators": [BearerToken(), Ticket()], **options}
        super().__init__(routes, registry=REGISTRY, **given)
        self.clock.wall = now
        self.bound: dict[str, Any] = {}
        self.api_key = ""
        self.gate, self.counter = asyncio.Event(), asyncio.Event()
        self.counter.set()
        self.has_closed_counter = False
        self.waiting = 0
        self.app.settings["town"] = self

    async def begin(self, key: Mapping[str, str] | None) -> None:
        """Give out what a case needs besides: an API key, and tokens that are bound to the public half of a key."""
        self.api_key = (await self.guard.create_api_key("ann", RIGHTS)).key
        if key is not None:
            self.bound = {"cnf": {"jwk": {name: value for name, value in key.items() if name != "d"}}}
