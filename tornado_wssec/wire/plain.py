"""A plain socket, read and written by the event loop's own callbacks: no task, no future, no transport.

Measured against a transport of asyncio's: it saves the copy of what the kernel did not take, and the
hand-over of a socket after 101 costs no task.
"""

import asyncio
import select
import socket
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context, copy_context
from typing import Final

from .gathering import Gathering, Gatherings
from .pipe import Corked, Fed

READ_BYTES: Final = 65_536
"""Larger buffers come from the system for each read, and cost 27 µs."""
RESET: Final = select.POLLHUP | select.POLLERR
ENDED: Final[int] = getattr(select, "POLLRDHUP", 0)
"""The peer sends no more; only Linux tells without reading."""


class PlainPipe:
    """The `Pipe` of one non-blocking socket.

    Args:
        sock: is closed by this pipe.
        loop: whose callbacks it uses.
        engine: what it feeds.
        gatherings: where those meet that have something to read; None: the loop watches this one by itself.
        is_watched: whether the loop has a reader of somebody else's for it, which is replaced.
    """

    __slots__ = (
        "_context",
        "_engine",
        "_gathering",
        "_gatherings",
        "_held",
        "_is_reading",
        "_is_writing",
        "_loop",
        "_sock",
    )

    def __init__(
        self,
        sock: socket.socket,
        loop: asyncio.AbstractEventLoop,
        engine: Fed,
        gatherings: Gatherings | None = None,
        *,
        is_watched: bool = False,
    ) -> None:
        self._sock = sock
        self._loop = loop
        self._engine = engine
        self._is_writing = False
        # Once something has come: whoever is silent need not be gathered.
        self._gatherings = gatherings
        self._gathering: Gathering | None = None
        self._held: list[Corked] | None = None
        self._context: Context | None = None
        # None: the loop watches the socket already, and whatever comes before `resume` ends that.
        self._is_reading: bool | None = None if is_watched else False
        if is_watched:
            loop.add_reader(sock.fileno(), self._read_first)
        engine.attach(self)

    def write(self, data: bytes) -> int:
        try:
            taken = self._sock.send(data)
        except (BlockingIOError, InterruptedError):
            taken = 0
        except OSError:
            self.abort()
            return len(data)
        if taken < len(data) or self._is_writing:
            self._follow_writing(taken < len(data))
        return taken

    def sender(self) -> Callable[[bytes], int]:
        return self._sock.send

    def pause(self) -> None:
        if self._is_reading is not False:
            self._is_reading = False
            if self._gathering is None:
                self._loop.remove_reader(self._sock.fileno())
            else:
                self._gathering.remove(self._sock.fileno())

    def resume(self) -> None:
        descriptor = self._sock.fileno()  # asyncio would describe the socket, with two system calls, to itself
        if not self._is_reading and descriptor >= 0:
            if self._is_reading is False:
                self._watch(descriptor)
            self._is_reading = True

    def later(self, callback: Callable[[], None]) -> None:
        self._loop.call_soon(callback)

    def is_deserted(self) -> bool:
        return bool(self._events() & RESET) or self._peeked(1) == b""

    def finish(self) -> None:
        with suppress(OSError):  # the peer was faster
            self._sock.shutdown(socket.SHUT_WR)

    def abort(self) -> None:
        if self._sock.fileno() >= 0:
            self.pause()
            self._follow_writing(False)
            if self._gathering is not None:
                self._gathering.leave()
            self._sock.close()
            # Whatever is called for several has a context of its own.
            self._loop.call_soon(self._engine.connection_lost, context=self._context)

    def _watch(self, descriptor: int) -> None:
        if self._gathering is None:
            self._loop.add_reader(descriptor, self._read_first)
        else:
            self._gathering.add(descriptor, self._read, self._context or copy_context())

    def _read_first(self) -> None:
        """Something has come, of which the loop itself tells: from now on others are told together with us."""
        if self._is_reading is None:
            self.pause()
            return
        gathering = None if self._gatherings is None else self._gatherings.join(self._loop)
        if gathering is not None:
            self._move(gathering, copy_context())
        self._read()
        if self._gathering is not None:
            self._held = self._gathering.held  # from the next read on

    def _move(self, gathering: Gathering, context: Context) -> None:
        """Be watched there from now on, unless the system watches no more: then the loop goes on."""
        descriptor = self._sock.fileno()
        try:
            gathering.add(descriptor, self._read, context)
        except OSError:
            gathering.leave()
            return
        self._loop.remove_reader(descriptor)
        self._gathering, self._context = gathering, context

    def _read(self) -> None:
        try:
            data = self._sock.recv(READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if data:
            self._engine.data_received(data, self._held)
        else:
            self.abort()

    def _follow_writing(self, has_more: bool) -> None:
        if has_more and not self._is_writing:
            self._loop.add_writer(self._sock.fileno(), self._engine.writable)
        elif self._is_writing and not has_more:
            self._loop.remove_writer(self._sock.fileno())
        self._is_writing = has_more

    def _events(self) -> int:
        """What the system tells of the connection without reading: `RESET`, `ENDED`."""
        if self._sock.fileno() < 0:
            return RESET
        poll = select.poll()
        poll.register(self._sock, ENDED)
        return sum([events for _, events in poll.poll(0)])

    def _peeked(self, most: int) -> bytes | None:
        """What would be read next, as it is on the wire; empty at the end, None while nothing has come."""
        try:
            return socket.socket.recv(self._sock, most, socket.MSG_PEEK)
        except OSError:
            return None
