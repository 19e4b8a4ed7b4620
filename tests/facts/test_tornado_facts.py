"""What Tornado does with frames that the design leans on, or guards against.

An upgrade that changes one says so here.
"""

import asyncio
import socket

import pytest
from tornado.iostream import IOStream
from tornado.websocket import WebSocketProtocol, WebSocketProtocol13

from .sockets import EchoHandler, close, frame, handshake, play, served, text


def test_tornado_delivers_messages_after_close() -> None:
    """What the peer had sent still arrives once we have closed: frames are dropped once closing."""

    class Closing(EchoHandler):
        def on_message(self, message: str | bytes) -> None:
            self.told.put_nowait(f"message {message!r}")
            self.close(4403)

    async def scenario() -> list[str]:
        async with served(Closing) as server:
            client = await server.upgraded()
            client.send(text("one"), text("two"))
            return await server.heard(3)

    assert ["open", "message 'one'", "message 'two'"] == play(scenario())


def test_tornado_reads_nothing_while_a_handler_awaits() -> None:
    """One loop reads and awaits `on_message`: a ping behind a slow message goes unanswered."""

    async def scenario() -> list[int]:
        async with served(Slow) as server:
            client = await server.upgraded()
            client.send(text("slow"), frame(0x9, b"are you there"))
            await server.heard(2)
            proceed.set()
            return [(await client.receive())[0] for _ in range(2)]

    proceed = asyncio.Event()

    class Slow(EchoHandler):
        async def on_message(self, message: str | bytes) -> None:  # type: ignore[override]  # Tornado allows both
            self.told.put_nowait("begun")
            await proceed.wait()
            await self.write_message("done")

    assert [0x1, 0xA] == play(scenario())


@pytest.mark.parametrize(
    "sent",
    [
        text("hello", masked=False),
        b"\x81\xfe\x00\x05mask" + text("hello")[6:],
        frame(0x1, b"hello", final=False) + frame(0x0, final=False) * 1_000 + frame(0x0),
    ],
    ids=["unmasked", "length not minimal", "empty fragments"],
)
def test_tornado_accepts_forbidden_frames(sent: bytes) -> None:
    """What RFC 6455 §5 forbids, or nobody needs, is an ordinary message."""

    async def scenario() -> list[str]:
        async with served(EchoHandler) as server:
            client = await server.upgraded()
            client.send(sent)
            return await server.heard(2)

    assert ["open", "message 'hello'"] == play(scenario())


@pytest.mark.parametrize("code", [0, 999, 1005, 65_535])
def test_tornado_echoes_forbidden_close_codes(code: int) -> None:
    """A close code that must not appear on the wire is believed and sent back."""

    async def scenario() -> tuple[list[str], tuple[int, bytes]]:
        async with served(EchoHandler) as server:
            client = await server.upgraded()
            client.send(close(code))
            return await server.heard(2), await client.receive()

    assert (["open", f"close {code}"], (0x8, code.to_bytes(2, "big"))) == play(scenario())


@pytest.mark.parametrize("sent", [b"\xc1\x80mask", b"\x83\x80mask", frame(0x1, b"\xff"), frame(0x0)])
def test_tornado_drops_the_connection_on_violations(sent: bytes) -> None:
    """Reserved bits, unknown opcodes, bad UTF-8, an orphan: TCP ends without a close frame."""

    async def scenario() -> bool:
        async with served(EchoHandler) as server:
            client = await server.upgraded()
            client.send(sent)
            return await client.is_dropped()

    assert play(scenario())


def test_tornado_drops_the_connection_when_a_handler_raises(caplog: pytest.LogCaptureFixture) -> None:
    """An exception in a handler ends TCP without a close frame, and the log has the URI with its query."""

    class Failing(EchoHandler):
        async def on_message(self, message: str | bytes) -> None:  # type: ignore[override]  # Tornado allows both
            raise LookupError

    async def scenario() -> bool:
        async with served(Failing) as server:
            client = await server.connect()
            await client.ask(handshake(path="/ws?token=s3cret"))
            client.send(text("x"))
            return await client.is_dropped()

    assert play(scenario())
    assert "s3cret" in caplog.text


def test_tornado_close_reason_is_limited() -> None:
    """A reason of over 123 bytes is a ValueError, so `Close` cuts it."""

    class Wordy(EchoHandler):
        def open(self) -> None:
            try:
                self.close(1000, "x" * 124)
            except ValueError as error:
                self.told.put_nowait(str(error))

    async def scenario() -> list[str]:
        async with served(Wordy) as server:
            await server.upgraded()
            return await server.heard(1)

    assert ["control frame payloads may not exceed 125 bytes"] == play(scenario())


def test_tornado_on_close_sees_the_code_of_the_peer() -> None:
    """`close_code` is what the peer echoed, not what we sent: ours is remembered by us."""

    class Closing(EchoHandler):
        def open(self) -> None:
            self.close(4403)

    async def scenario() -> list[str]:
        async with served(Closing) as server:
            client = await server.upgraded()
            client.send(close(1000))
            return await server.heard(1)

    assert ["close 1000"] == play(scenario())


def test_tornado_drops_an_oversized_frame_from_its_header() -> None:
    """A length over the cap is answered by 1009 before any payload has come, and then TCP ends."""

    async def scenario() -> tuple[tuple[int, bytes], bool]:
        async with served(EchoHandler, settings={"websocket_max_message_size": 1_000}) as server:
            client = await server.upgraded()
            client.send(b"\x81\xff" + (2**62).to_bytes(8, "big"))
            return await client.receive(), await client.is_dropped()

    assert ((0x8, b"\x03\xf1message too big"), True) == play(scenario())


def test_tornado_write_buffer_has_no_limit() -> None:
    """A peer that does not read makes the server keep everything, and `write_message` need not be awaited."""
    count, size = 16, 1024 * 1024

    class Talkative(EchoHandler):
        def open(self) -> None:
            for _ in range(count):
                self.write_message("x" * size)
            stream = getattr(self.ws_connection, "stream")  # noqa: B009  # the abstract type does not name it
            self.told.put_nowait(str(len(stream._write_buffer) > count * size // 2))

    async def scenario() -> list[str]:
        async with served(Talkative) as server:
            client = await server.upgraded()
            heard = await server.heard(1)
            client.leave()
            return heard

    assert ["True"] == play(scenario())


def test_tornado_protocol_can_be_replaced() -> None:
    """`get_websocket_protocol` may return a subclass, whose receive loop waits for what `_handle_message` returns."""

    class Holding(WebSocketProtocol13):
        async def _held(self, opcode: int, data: bytes) -> None:
            await proceed.wait()
            super()._handle_message(opcode, data)

        def _handle_message(self, opcode: int, data: bytes) -> "asyncio.Future[None] | None":
            told.put_nowait(f"opcode {opcode}")
            return asyncio.ensure_future(self._held(opcode, data))

    class Held(EchoHandler):
        def get_websocket_protocol(self) -> WebSocketProtocol | None:
            stock = super().get_websocket_protocol()
            return Holding(self, False, stock.params) if isinstance(stock, WebSocketProtocol13) else None

    async def scenario() -> tuple[list[str], int]:
        async with served(Held) as server:
            client = await server.upgraded()
            client.send(text("one"), text("two"))
            heard = await server.heard(1) + [await told.get()]
            still_waiting = told.qsize()
            proceed.set()
            return heard + await server.heard(1) + [await told.get()] + await server.heard(1), still_waiting

    told: asyncio.Queue[str] = asyncio.Queue()
    proceed = asyncio.Event()

    assert (["open", "opcode 1", "message 'one'", "opcode 1", "message 'two'"], 0) == play(scenario())


@pytest.mark.parametrize("name", ["_abort", "_handle_message", "_receive_frame_loop", "_write_frame", "is_closing"])
def test_tornado_protocol_has_what_we_touch(name: str) -> None:
    """The private methods that our connection calls or overrides are there."""

    assert callable(getattr(WebSocketProtocol13, name))


def test_tornado_stream_keeps_what_was_read_and_not_asked_for() -> None:
    """In one buffer, which we take with the socket."""

    async def scenario() -> bytes:
        ours, peers = socket.socketpair()
        with peers:
            stream = IOStream(ours)
            peers.sendall(b"headtail")
            assert b"head" == await stream.read_bytes(4)
            kept = bytes(stream._read_buffer)
            stream.close()
            return kept

    assert b"tail" == play(scenario())
