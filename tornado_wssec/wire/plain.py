"""A plain socket, read and written by the event loop's own callbacks: no task, no future, no transport.

Measured against a transport of asyncio's: it saves the copy of what the kernel did not take, and the
hand-over of a socket after 101 costs one `dup` instead of a task.
"""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from .engine import Engine

READ_BYTES: Final = 65_536
"""Larger buffers come from the system for each read, and cost 27 µs."""


class PlainPipe:
    """The `Pipe` of one non-blocking socket.

    Args:
        sock: is closed by this pipe.
        loop: whose callbacks it uses.
        engine: what it feeds.
    """

    __slots__ = ("_engine", "_is_reading", "_is_writing", "_loop", "_sock")

    def __init__(self, sock: socket.socket, loop: asyncio.AbstractEventLoop, engine: Engine) -> None:
        self._sock = sock
        self._loop = loop
        self._engine = engine
        self._is_reading = self._is_writing = False
        engine.attach(self)

    def write(self, data: bytes) -> int:
        try:
            taken = self._sock.send(data)
        except (BlockingIOError, InterruptedError):
            taken = 0
        except OSError:
            self.abort()
            return len(data)
        if taken < len(data):
            self._write_on()
        elif self._is_writing:
            self._is_writing = False
            self._loop.remove_writer(self._sock)
        return taken

    def pause(self) -> None:
        if self._is_reading:
            self._is_reading = False
            self._loop.remove_reader(self._sock)

    def resume(self) -> None:
        if not self._is_reading and self._sock.fileno() >= 0:
            self._is_reading = True
            self._loop.add_reader(self._sock, self._read)

    def later(self, callback: Callable[[], None]) -> None:
        self._loop.call_soon(callback)

    def is_deserted(self) -> bool:
        try:
            return self._sock.recv(1, socket.MSG_PEEK) == b""
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            return True

    def finish(self) -> None:
        with suppress(OSError):  # the peer was faster
            self._sock.shutdown(socket.SHUT_WR)

    def abort(self) -> None:
        if self._sock.fileno() >= 0:
            self.pause()
            self._stop_writing()
            self._sock.close()
            self._loop.call_soon(self._engine.connection_lost)

    def _read(self) -> None:
        try:
            data = self._sock.recv(READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if data:
            self._engine.data_received(data)
        else:
            self.abort()

    def _write_on(self) -> None:
        if not self._is_writing:
            self._is_writing = True
            self._loop.add_writer(self._sock, self._engine.writable)

    def _stop_writing(self) -> None:
        if self._is_writing:
            self._is_writing = False
            self._loop.remove_writer(self._sock)
