"""A server in a process of its own with channels that are kept, that are not, and that tell who is there.

`python -m tests.processes.records` serves as `tests.processes.sharing` does.
"""

import asyncio
import os
import sys
from typing import Any, Final

from marshmallow import fields, validate
from tornado.web import Application

from tests.kits import GENEROUS
from tornado_wssec import PUBLIC, Channel, Guard, Message, Present, Registry, SecureWebSocketHandler, Timeouts, on

LEASE_SECONDS: Final = 3.0
TIMEOUTS: Final = Timeouts(
    store_call=float(os.environ.get("STORE_CALL", "0.5")),
    store_sync=10.0,
    node_lease=LEASE_SECONDS,
    node_renewal=0.25,
    node_alone=1.0,
    mirror_for_live=600.0,
    mirror_for_new=600.0,
)
KEPT: Final = 100_000
"""More than a test says."""

Name = fields.String(required=True, validate=validate.Regexp(r"[a-z0-9-]{1,16}\Z"))


class Say(Message):
    """Publish a line."""

    class Meta:
        type = "say"
        permission = PUBLIC

    channel = fields.String(required=True, validate=validate.Length(max=32))
    text = fields.String(required=True, validate=validate.Length(max=32))


class Line(Message):
    """A line."""

    class Meta:
        type = "line"
        direction = "out"
        permission = PUBLIC

    text = fields.String(required=True, validate=validate.Length(max=32))


class WhoIs(Message):
    """Ask who is there."""

    class Meta:
        type = "who"
        permission = PUBLIC

    channel = fields.String(required=True, validate=validate.Length(max=32))


class Kept(Channel):
    """What is kept."""

    class Meta:
        pattern = "kept:{name}"
        subscribe = PUBLIC
        history = 10_000
        ttl = 600

    name = Name


class Plain(Channel):
    """What is not."""

    class Meta:
        pattern = "plain:{name}"
        subscribe = PUBLIC

    name = Name


class Room(Channel):
    """Tells who is there, and who comes and goes."""

    class Meta:
        pattern = "room:{name}"
        subscribe = PUBLIC
        presence = True

    name = Name


class Socket(SecureWebSocketHandler):
    """Publishes what it is told."""

    @on(Say)
    async def say(self, data: dict[str, Any]) -> None:
        await self.publish(data["channel"], Line, {"text": data["text"]})

    @on(WhoIs)
    async def tell(self, data: dict[str, Any]) -> dict[str, Any]:
        return {"subjects": [who.subject for who in await self.present(data["channel"])]}


RECORDS: Final = Registry(Say, Line, WhoIs, Kept, Plain, Room)


async def serve() -> None:
    """Serve until standard input ends."""

    async def moved(channel: str, who: Present, is_here: bool) -> None:
        await guard.publish(channel, Line, {"text": f"{'+' if is_here else '-'}{who.subject}"})

    guard = Guard.from_env(registry=RECORDS, limits=GENEROUS, timeouts=TIMEOUTS, presence=moved)
    async with guard:
        app = Application([("/ws", Socket), *guard.routes()], wssec=guard)
        sys.stdout.write(f"{guard.listen(app, 0)}\n")
        sys.stdout.flush()
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        await reader.read()


if __name__ == "__main__":
    asyncio.run(serve())
