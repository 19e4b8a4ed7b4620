"""Ours, with everything on: quotas, budgets, strict JSON, schemas, permissions from fields, revocations, audit.

Quotas are raised until they do not refuse; they are asked all the same. Handlers are `async def`, do not suspend, and
get and return plain dicts.

Usage: python -m bench.peers.ours KEYS [CERTIFICATE KEY]
"""

import asyncio
import logging
import sys
import time
from typing import Any, Final

from marshmallow import fields, validate
from tornado.web import Application

from tornado_wssec import (
    Channel,
    Guard,
    Limits,
    Message,
    Registry,
    SecureWebSocketHandler,
    StrictBoolean,
    StrictDateTime,
    StrictFloat,
    StrictInteger,
    on,
)
from tornado_wssec.settings import Settings
from tornado_wssec.stores.keyfile import KeyFile
from tornado_wssec.stores.memory import MemoryStore

from ..messages import KINDS
from ..visitors import AUDIENCE, ISSUER, ORIGIN
from .control import answer, raise_descriptors
from .tls import context

MANY: Final = 1_000_000_000
OLD_SECONDS: Final = 3_600
"""A store knows of no revocation before it was made, and so takes no token that is older; this one counts as old."""
RATE: Final = "1000000/second"
RAISED: Final = Limits(
    connections=MANY,
    connections_per_address=MANY,
    connections_per_subject=MANY,
    pending_requests_per_address=MANY,
    attempts_per_second=MANY,
    attempts_burst=MANY,
    identity_attempts_per_second=MANY,
    identity_attempts_burst=MANY,
    frames_per_second=MANY,
    frames_burst=MANY,
    bytes_per_second=MANY,
    bytes_burst=MANY,
    identity_messages_per_second=MANY,
    identity_messages_burst=MANY,
    identity_sends_per_second=MANY,
    identity_sends_burst=MANY,
)


def room() -> fields.String:
    """A name that a permission can be filled with."""
    return fields.String(required=True, validate=validate.Regexp(r"[a-z0-9-]{1,64}\Z"))


class Chat(Message):
    """One line; the base of the two messages that carry one."""

    room = room()
    text = fields.String(required=True, validate=validate.Length(1, 2_000))
    reply_to = StrictInteger(required=True)
    urgent = StrictBoolean(required=True)
    lang = fields.String(required=True, validate=validate.OneOf(["en", "de", "fr"]))


class Send(Chat):
    """Say one line, and be answered."""

    class Meta:
        type = "chat.send"
        permission = "chat:write:{room}"
        rate = RATE


class Post(Chat):
    """Say one line to everyone in the room."""

    class Meta:
        type = "chat.post"
        permission = "chat:write:{room}"
        rate = RATE


class Posted(Chat):
    """A line has been said."""

    class Meta:
        type = "chat.posted"
        direction = "out"
        permission = "chat:read:{room}"


class RoomChannel(Channel):
    """What is said in one room."""

    class Meta:
        pattern = "room:{room}"
        subscribe = "chat:read:{room}"
        publish = None

    room = room()


class Style(Message):
    """How a stroke looks."""

    color = fields.String(required=True, validate=validate.Regexp(r"#[0-9a-f]{6}\Z"))
    width = StrictFloat(required=True, validate=validate.Range(0.1, 100))
    tool = fields.String(required=True, validate=validate.OneOf(["pen", "marker"]))


class Point(Message):
    """Where the pen was, how hard it was pressed, and when."""

    x = StrictFloat(required=True)
    y = StrictFloat(required=True)
    p = StrictFloat(required=True)
    t = StrictInteger(required=True)


class Draw(Message):
    """One stroke."""

    class Meta:
        type = "board.stroke"
        permission = "board:draw:{board}"
        rate = RATE

    stroke = fields.UUID(required=True)
    drawn_at = StrictDateTime(required=True)
    board = room()
    style = fields.Nested(Style, required=True)
    points = fields.List(fields.Nested(Point), required=True, validate=validate.Length(1, 500))
    tags = fields.List(fields.String(validate=validate.Length(1, 32)), required=True, validate=validate.Length(max=10))


class Socket(SecureWebSocketHandler):
    """Answers what is allowed and valid."""

    @on(Send)
    async def send_line(self, data: dict[str, Any]) -> dict[str, Any]:
        """The small message."""
        return KINDS["small"].answer

    @on(Draw)
    async def draw(self, data: dict[str, Any]) -> dict[str, Any]:
        """The medium one."""
        return KINDS["medium"].answer

    @on(Post)
    async def post_line(self, data: dict[str, Any]) -> None:
        """The one that is handed on."""
        await self.publish(f"room:{data['room']}", Posted, data)


async def main() -> None:
    """Serve."""
    raise_descriptors()
    store = MemoryStore()
    await store.migrate(time.time() - OLD_SECONDS)
    guard = Guard(
        settings=Settings.from_env({}, issuer=ISSUER, audience=AUDIENCE, origins=(ORIGIN,)),
        registry=Registry(Send, Draw, Post, Posted, RoomChannel),
        store=store,
        keys=KeyFile(sys.argv[1]),
        limits=RAISED,
    )
    async with guard:
        app = Application([(r"/ws", Socket), (r"/room", Socket), *guard.routes()], wssec=guard)
        answer(guard.listen(app, 0, address="127.0.0.1", ssl=context(sys.argv[2:])))
        await asyncio.Event().wait()


def quieten() -> None:
    """Log what is wrong alone; the audit is written, and goes nowhere."""
    logging.getLogger().setLevel(logging.ERROR)
    logging.getLogger("tornado_wssec.audit").setLevel(logging.INFO)
    logging.getLogger("tornado_wssec.audit").addHandler(logging.NullHandler())


if __name__ == "__main__":
    quieten()
    asyncio.run(main())
