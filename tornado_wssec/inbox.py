"""Admitted messages and their handler: in order, one at a time, and never in the way of the read loop.

A message is handled where it is put, and a handler that waits for nothing is done by then. While one waits,
the messages behind it wait here, so that pings, closes and revocations are never stuck behind it. When
too many do, reading pauses until half are done.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from .policy.pipeline import Permitted


def _drop(message: Permitted) -> None:
    """Nobody handles messages any more."""


def _ignore() -> None:
    """There is nothing to read."""


class Inbox:
    """The queue of one connection.

    Args:
        handle: handles one message; returns None when it is done, else what ends when it is. Raises nothing.
        most: messages waiting before reading pauses.
        pause, resume: stop and start reading.
    """

    __slots__ = ("_handle", "_most", "_pause", "_paused", "_resume", "_running", "_waiting")

    def __init__(
        self,
        handle: "Callable[[Permitted], asyncio.Future[None] | None]",
        most: int,
        pause: Callable[[], None],
        resume: Callable[[], None],
    ) -> None:
        self._handle = handle
        self._most = most
        self._pause = pause
        self._resume = resume
        self._waiting: deque[Permitted] | None = None  # an empty one is larger than all the rest of this
        self._running: asyncio.Future[None] | None = None
        self._paused = False

    def put(self, message: Permitted) -> None:
        """Handle a message, or keep it until its turn comes; never blocks."""
        if self._running is None:
            self._begin(message)
            return
        if self._waiting is None:
            self._waiting = deque()
        self._waiting.append(message)
        if len(self._waiting) >= self._most and not self._paused:
            self._paused = True
            self._pause()

    def close(self) -> None:
        """Drop what waits, and forget the handler. The message being handled ends by itself or by its deadline."""
        self._waiting = None
        self._make_room()
        self._handle, self._pause, self._resume = _drop, _ignore, _ignore

    async def settled(self) -> None:
        """Wait until everything that was put has been handled."""
        while self._running is not None:
            await asyncio.wait([self._running])

    def _begin(self, message: Permitted) -> None:
        self._running = self._handle(message)
        if self._running is not None:
            self._running.add_done_callback(self._go_on)

    def _go_on(self, ended: "asyncio.Future[None]") -> None:
        """However that ended, the messages behind it are not lost."""
        self._running = None
        while self._waiting and self._running is None:
            message = self._waiting.popleft()
            self._make_room()
            self._begin(message)
        self._waiting = self._waiting or None

    def _make_room(self) -> None:
        if self._paused and len(self._waiting or ()) <= self._most // 2:
            self._paused = False
            self._resume()
