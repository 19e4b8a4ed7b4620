"""A thousand channels a second that somebody joins and leaves, and what stays of them."""

import asyncio
import time
from collections.abc import Sized
from pathlib import Path
from typing import Final, NamedTuple

from marshmallow import fields, validate
from tornado.web import Application

from tests.kits import GENEROUS
from tests.redis_server import RedisServer
from tests.waiting import until
from tornado_wssec import PUBLIC, Channel, Guard, Registry, SecureWebSocketHandler, Timeouts
from tornado_wssec.stores.redis_broker import RedisBroker
from tornado_wssec.testing import Client, RawSocket
from tornado_wssec.testing.kit import ORIGIN
from tornado_wssec.testing.raw import handshake_headers

from .sharing import environment_of, make_store

A_SECOND: Final = 1_000
CLIENTS: Final = 10
TAG: Final = "{wssec}:"

Number = fields.String(required=True, validate=validate.Regexp(r"[0-9]{1,9}\Z"))


class Brief(Channel):
    """Joined and left; tells who is there, and would be kept."""

    class Meta:
        pattern = "brief:{number}"
        subscribe = PUBLIC
        presence = True
        history = 10

    number = Number


class Plain(Channel):
    """Joined and left."""

    class Meta:
        pattern = "plain:{number}"
        subscribe = PUBLIC

    number = Number


class Socket(SecureWebSocketHandler):
    """Joins and leaves."""


class Left(NamedTuple):
    """What has stayed.

    Args:
        kept_here: entries in the tables of the server's channels.
        keys: of channels in Redis, but for the one that says when its life began.
        subscriptions: of the server to channels in Redis.
    """

    kept_here: int
    keys: list[str]
    subscriptions: int


async def churn(server: RedisServer, folder: Path, *, channels: int) -> Left:
    """Join and leave so many, a multiple of `CLIENTS`."""
    shared = environment_of(server.url, folder)
    await make_store(shared)
    async with Guard.from_env(
        shared, registry=Registry(Brief, Plain), limits=GENEROUS, timeouts=Timeouts(store_call=5.0)
    ) as guard:
        port = guard.listen(Application([("/ws", Socket)], wssec=guard), 0)
        clients = [await _connect(guard, port, f"u{number}") for number in range(CLIENTS)]
        await asyncio.gather(*(_join(client, at, channels // CLIENTS) for at, client in enumerate(clients)))
        broker = guard.channels.broker
        assert isinstance(broker, RedisBroker)
        await until(lambda: not _kept(guard, broker), "what is written later")
        subscriptions = _subscriptions(server)
        kept = _kept(guard, broker)
        for client in clients:
            await client.socket.close()
    stays = ("last:", "told:", "here", "heard-at:", "ears")
    keys = [word for word in server.ask("KEYS", f"{TAG}*").split() if word.removeprefix(TAG).startswith(stays)]
    return Left(kept, keys, subscriptions)


async def _connect(guard: Guard, port: int, subject: str) -> Client:
    raw = await RawSocket.open(port)
    headers = handshake_headers(f"127.0.0.1:{port}", origin=ORIGIN, token=guard.issue_token(subject))
    assert (await raw.upgrade("/ws", headers)).status == 101
    return Client(raw, None)


async def _join(client: Client, at: int, channels: int) -> None:
    """Join and leave so many, at its share of the pace."""
    began = time.monotonic()
    for number in range(channels):
        kind = "brief" if number % 10 == 0 else "plain"
        data = {"channel": f"{kind}:{at}{number:07}"}
        await client.request("wssec.subscribe", data)
        await client.request("wssec.unsubscribe", data)
        await asyncio.sleep(max(0.0, began + (number + 1) * CLIENTS / A_SECOND - time.monotonic()))


def _kept(guard: Guard, broker: RedisBroker) -> int:
    ear, attendance = broker._ear, broker._attendance
    own = {attendance.sign_of_life}
    tables: tuple[Sized, ...] = (
        broker._courses,
        broker._census,
        ear._wishes.keys() - own,
        ear._sent - own,
        ear._owed,
        ear._changed,
    )
    return (
        len(guard.channels) + sum(len(table) for table in tables) + len(attendance._changed) + len(attendance._written)
    )


def _subscriptions(server: RedisServer) -> int:
    told = [server.ask("PUBSUB", verb) for verb in ("CHANNELS", "SHARDCHANNELS")]
    return sum(one.count(f"{TAG}say:") for one in told)
