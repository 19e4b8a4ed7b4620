"""A reader who is behind: what waits for it waits with us, where the newest takes the place of what is old."""

import asyncio
import socket

import pytest
from marshmallow import fields, validate

from tests.kits import GENEROUS, in_loop, settled
from tornado_wssec import Channel, Message, Registry, SecureWebSocketHandler, StrictInteger
from tornado_wssec.testing import Client, GuardKit, RawSocket
from tornado_wssec.testing.kit import ORIGIN
from tornado_wssec.testing.raw import handshake_headers

Name = fields.String(required=True, validate=validate.Regexp(r"[a-z]{1,8}\Z"))
QUOTES = 300
PADDING = "x" * 2_000
"""With it all quotes together are more than the system keeps for a reader, and less than it would if left alone."""


class Quote(Message):
    """What something costs now."""

    class Meta:
        type = "slow.quote"
        direction = "out"
        permission = "slow:read:{name}"
        coalesce = "{name}"

    name = Name
    number = StrictInteger(required=True)
    padding = fields.String(required=True, validate=validate.Length(max=2_000))


class Quotes(Channel):
    """The quotes of one name."""

    class Meta:
        pattern = "slow:{name}"
        subscribe = "slow:read:{name}"
        publish = None

    name = Name


async def slow_reader(kit: GuardKit) -> Client:
    """Somebody who listens, with as small a window as the system has, and reads on when asked."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    sock.connect(("127.0.0.1", kit.port))
    raw = RawSocket(*await asyncio.open_connection(sock=sock, limit=1_024))
    answer = await raw.upgrade("/ws", handshake_headers(kit.host, origin=ORIGIN, token=kit.token("s", ["slow:read:*"])))
    assert 101 == answer.status
    client = Client(raw, None)
    await client.request("wssec.subscribe", {"channel": "slow:acme"})
    return client


@pytest.mark.requirement("R073")
@in_loop
async def test_slow_reader_gets_the_newest_and_few_that_are_old() -> None:
    """The system keeps no megabytes of old quotes for him; the last to arrive is the last that was said."""
    registry = Registry(Quote, Quotes)
    async with GuardKit([(r"/ws", SecureWebSocketHandler)], registry=registry, limits=GENEROUS) as kit:
        reader = await slow_reader(kit)
        for number in range(QUOTES):
            await kit.guard.publish("slow:acme", Quote, {"name": "acme", "number": number, "padding": PADDING})
        await settled(kit, 1)
        numbers = [(await reader.assert_received("slow.quote"))["number"]]
        while numbers[-1] != QUOTES - 1:
            numbers.append((await reader.assert_received("slow.quote"))["number"])
        await reader.close()

    assert sorted(numbers) == numbers
    assert len(numbers) < QUOTES / 3
