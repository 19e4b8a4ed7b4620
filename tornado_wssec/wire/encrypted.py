"""A TLS socket, which stays on Tornado's stream: a transport of asyncio's would cost 280 KiB a connection."""

import asyncio
import ssl
from collections.abc import Callable
from typing import Final

from tornado.iostream import IOStream, StreamClosedError

from .engine import Engine

READ_BYTES: Final = 65_536


class EncryptedPipe:
    """The `Pipe` of one stream that has been taken from its HTTP connection.

    Args:
        stream: is closed by this pipe.
        loop: in which it lives.
        engine: what it feeds.
    """

    __slots__ = ("_early", "_engine", "_is_reading", "_loop", "_pending", "_stream")

    def __init__(self, stream: IOStream, loop: asyncio.AbstractEventLoop, engine: Engine) -> None:
        self._stream = stream
        self._loop = loop
        self._engine = engine
        self._is_reading = False
        self._pending: asyncio.Future[bytes] | None = None
        self._early = b""  # came while reading was paused, for a read that had begun
        stream.set_close_callback(self._lose)
        engine.attach(self)

    def write(self, data: bytes) -> int:
        if self._stream.closed():
            return len(data)
        if self._stream.writing():
            return 0  # `writable` is called when that is done
        try:
            # Straight to the socket: `write` costs a future.
            return int(self._stream.socket.send(data))
        except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
            # OpenSSL wants to see the same bytes again, and the stream keeps them until then.
            self._stream.write(data).add_done_callback(self._written)
        except OSError:
            self.abort()
        return len(data)

    def pause(self) -> None:
        self._is_reading = False

    def resume(self) -> None:
        if not self._is_reading:
            self._is_reading = True
            if self._early:
                self._loop.call_soon(self._hand_over_early)
            elif self._pending is None:
                self._read()

    def later(self, callback: Callable[[], None]) -> None:
        self._loop.call_soon(callback)

    def is_deserted(self) -> bool:
        return self._stream.closed()

    def finish(self) -> None:
        """Leave the end to the peer, or to the sweep: TLS has no halves."""

    def abort(self) -> None:
        self._stream.close()

    def _read(self) -> None:
        try:
            self._pending = asyncio.ensure_future(self._stream.read_bytes(READ_BYTES, partial=True))
        except StreamClosedError:
            return  # the close callback tells
        self._pending.add_done_callback(self._arrived)

    def _arrived(self, future: "asyncio.Future[bytes]") -> None:
        self._pending = None
        if future.cancelled() or future.exception() is not None:
            return  # the close callback tells
        if not self._is_reading:
            self._early = future.result()
            return
        self._engine.data_received(future.result())
        if self._is_reading and self._pending is None:
            self._read()

    def _hand_over_early(self) -> None:
        if self._is_reading and self._early:
            data, self._early = self._early, b""
            self._engine.data_received(data)
            if self._is_reading and self._pending is None:
                self._read()

    def _written(self, future: "asyncio.Future[None]") -> None:
        if not future.cancelled() and future.exception() is None:
            self._engine.writable()

    def _lose(self) -> None:
        self._is_reading = False
        self._loop.call_soon(self._engine.connection_lost)
