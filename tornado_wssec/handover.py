"""From HTTP to frames: a socket leaves Tornado's stream, and the answer to its handshake is ours.

Rules of this file:
1. No byte that Tornado has read is lost, and none is looked at before the engine starts.
2. Whatever fails on the way leaves nothing open.
3. Nothing is waited for: whoever was admitted is counted in the same turn of the loop, or a crowd slips by.
4. A plain descriptor stays in the event loop, and `carry` puts another reader there before anything else may fail.
"""

import asyncio
import socket
import ssl
from contextlib import suppress
from typing import Final, NamedTuple

from tornado.iostream import IOStream, SSLIOStream, StreamClosedError
from tornado.platform.asyncio import BaseAsyncIOLoop
from tornado.util import _websocket_mask
from tornado.web import RequestHandler
from tornado.websocket import WebSocketProtocol13

from .wire.encrypted import EncryptedPipe
from .wire.engine import Engine
from .wire.gathering import Gatherings
from .wire.masking import Unmask
from .wire.plain import PlainPipe

ENGINE: Final = "engine"
STOCK: Final = "stock"
"""Tornado's own framing."""
READ_BYTES: Final = 65_536
UNSENT: Final[int | None] = getattr(socket, "TCP_NOTSENT_LOWAT", None)
UNSENT_BYTES: Final = 16_384
"""What the system keeps for a reader who is behind, beside what is on its way. Left alone it keeps up to 4 MB on Linux:
a coalesced quote would wait behind all that, and `outbound_bytes` would bound a part alone."""
compiled_unmask: Final[Unmask] = _websocket_mask


def switching_head(key: str, subprotocol: str | None) -> bytes:
    """The answer to a handshake that was admitted (RFC 6455 §4.2.2).

    Args:
        key: the request's Sec-WebSocket-Key.
        subprotocol: the one that was chosen.
    """
    lines = [
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Accept: {WebSocketProtocol13.compute_accept_value(key)}",
        *([f"Sec-WebSocket-Protocol: {subprotocol}"] if subprotocol else []),
    ]
    return "\r\n".join([*lines, "", ""]).encode("ascii")


class Taken(NamedTuple):
    """A socket that has left Tornado.

    Args:
        first: what was read behind the request.
        is_watched: whether its descriptor is in the event loop still, with a reader that must be replaced at once.
    """

    sock: socket.socket
    first: bytes
    is_watched: bool


def take_socket(handler: RequestHandler) -> Taken | None:
    """Take a request's socket out of Tornado's hands, with what was read behind the request.

    Returns:
        None when the peer has left, or does not read: its "100 Continue" waits behind what it was sent before.
    """
    stream = handler.detach()
    if stream.closed() or stream.writing():
        stream.close()
        return None
    if not isinstance(stream, SSLIOStream):
        return _taken_plain(stream)
    first = bytearray()
    try:
        while True:
            reading = asyncio.ensure_future(stream.read_bytes(READ_BYTES, partial=True))
            if not reading.done():
                break
            first += reading.result()
            if len(reading.result()) < READ_BYTES:
                break  # Tornado holds no more, and need not read on
    except StreamClosedError:
        return None
    return Taken(_released(stream), bytes(first), is_watched=False)


def _taken_plain(stream: IOStream) -> Taken | None:
    """The same of a plain socket, without the futures of a read that nearly always finds nothing."""
    sock, first = stream.socket, bytes(stream._read_buffer)
    try:
        more = sock.recv(READ_BYTES)
    except (BlockingIOError, InterruptedError):
        more = None
    except OSError:
        more = b""
    if more == b"":
        stream.close()
        return None
    is_watched = _left_watched(stream)
    return Taken(_released(stream), first + (more or b""), is_watched)


def _left_watched(stream: IOStream) -> bool:
    """Have Tornado's loop forget a stream, and the event loop watch its descriptor on: two system calls less."""
    loop, descriptor = stream.io_loop, stream.socket.fileno()
    if not isinstance(loop, BaseAsyncIOLoop) or loop.selector_loop is not loop.asyncio_loop:
        return False
    if descriptor not in loop.readers or descriptor in loop.writers:
        return False
    loop.readers.discard(descriptor)
    del loop.handlers[descriptor]
    return True


def _released(stream: IOStream) -> socket.socket:
    """The socket of a stream, which is closed without it."""
    sock = stream.socket
    setattr(stream, "socket", _Vacancy(sock.fileno()))  # noqa: B010 - no socket, and it need be none
    stream.close()
    return sock


class _Vacancy:
    """Stands where a socket was, so that its stream can be closed and the socket stays open."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def fileno(self) -> int:
        """Of the socket: the stream takes it out of the event loop by it."""
        return self._descriptor

    def close(self) -> None:
        """Leave the socket open."""


def carry(
    sock: socket.socket, engine: Engine, gatherings: Gatherings | None = None, *, is_watched: bool = False
) -> None:
    """Give an engine a socket that has left Tornado.

    Args:
        gatherings: those of the guard.
        is_watched: see `Taken`; of a plain socket.
    """
    loop = asyncio.get_running_loop()
    if isinstance(sock, ssl.SSLSocket):
        EncryptedPipe(sock, loop, engine, gatherings)
    else:
        PlainPipe(sock, loop, engine, gatherings, is_watched=is_watched)
    with suppress(OSError):  # one of the file system's has neither
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if UNSENT is not None:
            sock.setsockopt(socket.IPPROTO_TCP, UNSENT, UNSENT_BYTES)
