"""What Tornado lets us take from it after a handshake: the socket, what was read behind it, and its mask.

An upgrade that changes one says so here.
"""

import asyncio
import random
import socket

import pytest
from tornado.httpserver import HTTPServer
from tornado.iostream import IOStream, StreamClosedError
from tornado.util import _websocket_mask
from tornado.web import RequestHandler
from tornado.websocket import WebSocketProtocol13

from tornado_wssec.handover import _Vacancy
from tornado_wssec.wire.masking import unmask

from .sockets import KEY, EchoHandler, handshake, play, served, text


def test_tornado_mask_is_a_function_of_key_and_data() -> None:
    """`tornado.util._websocket_mask`, compiled or not, does what ours does."""
    rng = random.Random(1)
    for size in (0, 1, 2, 3, 4, 5, 7, 8, 125, 2_049, 65_536):
        key, data = rng.randbytes(4), rng.randbytes(size)

        assert unmask(key, data) == _websocket_mask(key, data)


def test_tornado_computes_the_accept_value_without_a_connection() -> None:
    """With the example of RFC 6455 §1.3."""

    assert "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" == WebSocketProtocol13.compute_accept_value(KEY)


def test_tornado_closes_a_stream_without_its_socket() -> None:
    """`stream.socket` may be put in another's hands: closing the stream then takes it out of the loop and leaves it."""

    async def scenario() -> tuple[bool, bytes]:
        ours, peer = socket.socketpair()
        ours.setblocking(False)
        stream = IOStream(ours)
        reading = asyncio.ensure_future(stream.read_bytes(100, partial=True))  # so that the loop looks at it
        assert not reading.done()
        setattr(stream, "socket", _Vacancy(ours.fileno()))  # noqa: B010 - as the handover does it
        stream.close()
        with pytest.raises(StreamClosedError):
            await reading
        heard: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().add_reader(ours, lambda: heard.set_result(ours.recv(100)))
        peer.sendall(b"there")
        found = await heard
        asyncio.get_running_loop().remove_reader(ours)
        ours.close()
        peer.close()
        return stream.closed(), found

    assert (True, b"there") == play(scenario())


class Leaving(RequestHandler):
    """Takes the socket of its request."""

    def initialize(self, told: asyncio.Queue[str]) -> None:
        """Take the queue that the test listens to."""
        self.told = told

    def get(self) -> None:
        stream = self.detach()
        self.told.put_nowait("detached")
        stream.set_close_callback(lambda: self.told.put_nowait("closed"))
        self.stream = stream

    def on_connection_close(self) -> None:
        self.told.put_nowait("on_connection_close")


def test_tornado_forgets_a_detached_connection() -> None:
    """The server neither counts nor closes it any more, and the handler is not told when it ends."""

    async def scenario() -> tuple[list[str], int]:
        async with served(Leaving) as server:
            client = await server.connect()
            client.send(handshake())
            told = await server.heard(1)
            await asyncio.sleep(0)
            await server.http.close_all_connections()
            left = connections(server.http)
            client.leave()
            return told + await server.heard(1), left

    assert (["detached", "closed"], 0) == play(scenario())


def connections(server: HTTPServer) -> int:
    """How many the server counts."""
    return len(server._connections)


def test_tornado_reads_at_once_what_it_has() -> None:
    """`read_bytes(partial=True)` completes at once with what came behind the handshake."""

    class Reading(RequestHandler):
        def initialize(self, told: asyncio.Queue[str]) -> None:
            self.told = told

        async def get(self) -> None:
            stream = self.detach()
            first = asyncio.ensure_future(stream.read_bytes(65_536, partial=True))
            self.told.put_nowait(str(first.result() if first.done() else await first))
            stream.close()

    async def scenario() -> list[str]:
        async with served(Reading) as server:
            client = await server.connect()
            client.send(handshake(), text("behind"))
            return await server.heard(1)

    assert [str(text("behind"))] == play(scenario())


def test_tornado_handler_is_told_by_its_protocol() -> None:
    """`on_ws_connection_close` keeps code and reason and calls `on_close` once, without a protocol of Tornado's."""

    class Told(EchoHandler):
        def get(self) -> None:  # type: ignore[override]  # Tornado allows both
            stream = self.detach()
            for _ in range(2):
                self.on_ws_connection_close(4000, "enough")
            stream.close()

        def on_close(self) -> None:
            self.told.put_nowait(f"{self.close_code} {self.close_reason}")

    async def scenario() -> tuple[list[str], int]:
        async with served(Told) as server:
            client = await server.connect()
            client.send(handshake())
            return await server.heard(1), server.told.qsize()

    assert (["4000 enough"], 0) == play(scenario())
