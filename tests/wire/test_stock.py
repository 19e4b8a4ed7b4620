"""The edges of Tornado's framing behind our interface: pauses, ends that cross, and what it does not count."""

import struct
from types import SimpleNamespace
from typing import Any

from tornado.iostream import StreamClosedError

from tests.attacks.conftest import certified
from tests.attacks.doors import Door
from tests.certificates import Certified
from tests.kits import GENEROUS, in_loop
from tests.talk import REGISTRY, Script, TalkSocket, talk_kit
from tornado_wssec import Close, FirstMessage, Limits
from tornado_wssec.testing import Client
from tornado_wssec.testing.raw import PING, PONG, TEXT
from tornado_wssec.wire.outgoing import Outgoing
from tornado_wssec.wire.stock import StockConnection

__all__ = ["certified"]


@in_loop
async def test_stock_counts_control_frames() -> None:
    """A flood of pings ends with 4429, as by the engine."""
    limits = Limits(frames_burst=10, frames_per_second=10, rate_refusals_until_silence=5, rate_refusals_until_close=20)
    async with talk_kit(limits=limits, framing="stock") as kit:
        client = await kit.connect("/ws")
        for _ in range(40):
            await client.socket.send_frame(PONG)

        await client.assert_closed(4429)


@in_loop
async def test_stock_handles_nothing_behind_our_close() -> None:
    """Tornado still delivers what arrives then."""
    script = Script()
    async with talk_kit(script, framing="stock") as kit:
        client = await kit.connect("/ws")
        await kit.guard.disconnect(subject="ann")
        await client.socket.send_frame(TEXT, b'{"type":"talk.do"}')
        await client.socket.send_frame(PING, b"late")
        await client.assert_closed(4403)
        await script.left.wait()

    assert [("opened", "ann"), ("closed", 4403)] == script.told


@in_loop
async def test_stock_knows_what_was_sent_and_heard() -> None:
    """Payloads that were handed over, and frames that came, a ping among them."""
    async with talk_kit(framing="stock") as kit:
        client = await kit.connect("/ws")
        (live,) = kit.guard.hub
        await client.socket.send_frame(PING, b"there?")
        await client.send("ping", id="a")
        answer = await client.assert_received("pong")

        assert {} == answer
        assert (len('{"type":"pong","id":"a"}'), 2) == (live.connection.sent_bytes, live.connection.heard_frames)


@in_loop
async def test_stock_has_no_deadlines_of_its_own() -> None:
    """The sweep asks, and nothing is ever due; a stall is nothing to forgive."""
    async with talk_kit(framing="stock") as kit:
        client = await kit.connect("/ws")
        (live,) = kit.guard.hub
        kit.guard.hub.extend(5.0)
        await client.socket.write(b"\x81")
        await kit.advance(20)

        assert (None, False) == (live.connection.overdue(1e9), live.session.is_closing)


@in_loop
async def test_stock_answers_late_to_who_has_gone() -> None:
    """Closing, writing and pausing a stream that has failed raises nothing."""
    script = Script()
    async with talk_kit(script, framing="stock") as kit:
        client = await kit.connect("/ws")
        (live,) = kit.guard.hub
        connection = live.connection
        assert isinstance(connection, StockConnection)
        connection._protocol.stream.close()
        assert connection.send(Outgoing("late"), 0.0)
        await kit.guard.disconnect(subject="ann")
        await script.left.wait()
        await client.socket.close()


@in_loop
async def test_stock_paused_by_a_full_inbox_notices_who_leaves() -> None:
    """Once there is room again, at the latest."""
    script = Script()
    script.do = script.wait
    limits = Limits(inbox_messages=1)
    async with talk_kit(script, limits=limits, framing="stock") as kit:
        client = await kit.connect("/ws")
        for _ in range(4):
            await client.send("talk.do")
        await script.entered.wait()
        (live,) = kit.guard.hub
        while live.connection.is_reading:
            await (await kit.raw()).upgrade("/wssec/live", [("Host", kit.host)])
        client.socket.reset()
        script.go_on.set()
        await script.left.wait()


@in_loop
async def test_stock_lingers_through_tls(certified: Certified) -> None:
    """TLS has no halves: who sent too much learns why, and leaves."""
    script = Script()
    given = {"registry": REGISTRY, "app_settings": {"script": script}, "limits": GENEROUS, "framing": "stock"}
    async with Door(certified).kit(TalkSocket, **given) as kit:
        client = await kit.connect("/ws")
        too_much = GENEROUS.message_bytes + 1
        await client.socket.write(struct.pack("!BBQ", 0x81, 0xFF, too_much) + b"mask" + bytes(1_000))
        await client.assert_closed(1009)
        await script.left.wait()


class Failing:
    """A protocol whose stream is gone, which has not noticed."""

    def is_closing(self) -> bool:
        return False

    def fail(self, *arguments: Any) -> None:
        raise StreamClosedError

    _write_frame = close = fail

    def resume(self) -> None:
        """Nothing was paused."""

    stream = SimpleNamespace(_write_buffer=None)


def test_stock_stream_that_is_gone_is_no_error() -> None:
    """The read loop notices, and ends the connection."""
    protocol: Any = Failing()
    connection = StockConnection(protocol, 1_000)
    connection.close(Close(4000))
    connection.ping(b"late")

    assert connection.send(Outgoing("late"), 0.0)


@in_loop
async def test_stock_resumed_twice_from_within() -> None:
    """Whoever has let it go on already does no harm."""
    async with talk_kit(framing="stock") as kit:
        client = await kit.connect("/ws")
        (live,) = kit.guard.hub
        assert isinstance(live.connection, StockConnection)
        protocol = live.connection._protocol
        live.connection.pause()
        assert protocol._unpaused is not None
        protocol._unpaused.set_result(None)
        live.connection.resume()

        assert {} == await client.request("talk.do")


@in_loop
async def test_stock_first_message() -> None:
    """Somebody unknown may send little, and once known as much as anybody."""

    async with talk_kit(Script(lambda socket, data: {}), authenticators=[FirstMessage()], framing="stock") as kit:
        raw, answer = await kit.handshake("/ws")
        assert 101 == answer.status
        client = Client(raw, None)
        await client.send("wssec.auth", {"token": kit.token()})
        await client.assert_received("wssec.ready")
        await client.send_text('{"type":"talk.do","id":"a"}'.ljust(60_000))

        assert "reply" == (await client.answer("a"))["type"]
