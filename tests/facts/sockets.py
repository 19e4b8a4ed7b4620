"""A bare Tornado server on a real socket and a client that speaks bytes, so that a fact is Tornado's and not ours."""

import asyncio
import struct
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler
from tornado.websocket import WebSocketHandler

T = TypeVar("T")

PATIENCE: Final = 20.0
"""Seconds after which a scenario that hangs fails. None waits for it to pass."""

KEY: Final = "dGhlIHNhbXBsZSBub25jZQ=="
MASK: Final = b"mask"


def play(scenario: Coroutine[Any, Any, T]) -> T:
    """Run a scenario in an event loop of its own."""
    return asyncio.run(asyncio.wait_for(scenario, PATIENCE))


class EchoHandler(WebSocketHandler):
    """What the facts build on: it tells what happened to it, in order."""

    def initialize(self, told: asyncio.Queue[str]) -> None:
        """Take the queue that the test listens to."""
        self.told = told

    def open(self) -> None:
        self.told.put_nowait("open")

    def on_message(self, message: str | bytes) -> None:
        self.told.put_nowait(f"message {message!r}")
        self.write_message(message)

    def on_close(self) -> None:
        self.told.put_nowait(f"close {self.close_code}")


class RawClient:
    """A peer that may send anything at all."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def ask(self, request: bytes) -> int:
        """Send a request and return the status of the answer; its headers have been read."""
        self.writer.write(request)
        head = await self.reader.readuntil(b"\r\n\r\n")
        return int(head.split(b" ", 2)[1])

    def send(self, *frames: bytes) -> None:
        """Send frames in one write."""
        self.writer.write(b"".join(frames))

    async def receive(self) -> tuple[int, bytes]:
        """The opcode and payload of the next frame."""
        first, length = await self.reader.readexactly(2)
        if length == 126:
            (length,) = struct.unpack("!H", await self.reader.readexactly(2))
        return first & 0x0F, await self.reader.readexactly(length)

    async def is_dropped(self) -> bool:
        """Whether the server ends the connection without a further byte."""
        try:
            return await self.reader.read(1) == b""
        except ConnectionError:
            return True

    def leave(self) -> None:
        """Drop the connection at once, without a closing handshake."""
        self.writer.transport.abort()


class Server:
    """A running server, what its handlers told, and the clients that came."""

    def __init__(self, http: HTTPServer, port: int, told: asyncio.Queue[str]) -> None:
        self.http = http
        self.port = port
        self.told = told
        self.clients: list[RawClient] = []

    async def connect(self) -> RawClient:
        """A client that has said nothing yet."""
        client = RawClient(*await asyncio.open_connection("127.0.0.1", self.port))
        self.clients.append(client)
        return client

    async def upgraded(self) -> RawClient:
        """A client that has passed the handshake."""
        client = await self.connect()
        status = await client.ask(handshake())
        if status != 101:
            raise AssertionError(f"the handshake was answered {status}")
        return client

    async def heard(self, count: int) -> list[str]:
        """The next things that were told."""
        return [await self.told.get() for _ in range(count)]


@asynccontextmanager
async def served(
    handler: type[RequestHandler], settings: dict[str, Any] | None = None, **options: Any
) -> AsyncIterator[Server]:
    """Serve one handler at /ws; `options` are those of HTTPServer, `settings` those of the application."""
    told: asyncio.Queue[str] = asyncio.Queue()
    listener, port = bind_unused_port()
    http = HTTPServer(Application([("/ws", handler, {"told": told})], **(settings or {})), **options)
    http.add_sockets([listener])
    server = Server(http, port, told)
    try:
        yield server
    finally:
        for client in server.clients:
            client.leave()
        http.stop()
        await http.close_all_connections()


def handshake(headers: dict[str, str] | None = None, *, path: str = "/ws", version: str = "HTTP/1.1") -> bytes:
    """A handshake; `headers` are added to it or take the place of its own."""
    lines = {
        "Host": "localhost",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": KEY,
        "Sec-WebSocket-Version": "13",
    } | (headers or {})
    head = [f"GET {path} {version}", *(f"{name}: {value}" for name, value in lines.items() if value)]
    return "\r\n".join([*head, "", ""]).encode()


def frame(opcode: int, payload: bytes = b"", *, final: bool = True, masked: bool = True) -> bytes:
    """One frame as a client sends it, or as it must not."""
    first, mask_bit = opcode | (0x80 if final else 0), 0x80 if masked else 0
    size = len(payload)
    length = bytes([mask_bit | size]) if size < 126 else struct.pack("!BH", mask_bit | 126, size)
    body = bytes(byte ^ MASK[place % 4] for place, byte in enumerate(payload)) if masked else payload
    return bytes([first]) + length + (MASK if masked else b"") + body


def text(content: str, **how: bool) -> bytes:
    """A text frame."""
    return frame(0x1, content.encode(), **how)


def close(code: int) -> bytes:
    """A close frame."""
    return frame(0x8, struct.pack("!H", code))
