"""Admitted messages waiting for their handler: in order, one at a time, off the read loop.

Pings, closes and revocations are never stuck behind a slow handler, because the read loop only
puts messages here. When too many wait, reading pauses until half are done.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from .policy.pipeline import Permitted


class Inbox:
    """The queue of one connection.

    Args:
        handle: handles one message to its end; raises nothing.
        most: messages waiting before reading pauses.
        pause, resume: stop and start reading.
    """

    __slots__ = ("_handle", "_most", "_paused", "_pause", "_resume", "_waiting", "_worker")

    def __init__(
        self,
        handle: Callable[[Permitted], Awaitable[None]],
        most: int,
        pause: Callable[[], None],
        resume: Callable[[], None],
    ) -> None:
        self._handle = handle
        self._most = most
        self._pause = pause
        self._resume = resume
        self._waiting: deque[Permitted] = deque()
        self._worker: asyncio.Task[None] | None = None
        self._paused = False

    def put(self, message: Permitted) -> None:
        """Take a message in; never blocks."""
        self._waiting.append(message)
        if self._worker is None:
            self._worker = asyncio.get_running_loop().create_task(self._work())
        if len(self._waiting) >= self._most and not self._paused:
            self._paused = True
            self._pause()

    def discard(self) -> None:
        """Drop what waits. The message being handled ends by itself or by its deadline."""
        self._waiting.clear()
        self._make_room()

    async def settled(self) -> None:
        """Wait until everything that was put has been handled."""
        while self._worker is not None:
            await asyncio.wait([self._worker])

    async def _work(self) -> None:
        try:
            while self._waiting:
                message = self._waiting.popleft()
                self._make_room()
                await self._handle(message)
        finally:
            self._worker = None
            if self._waiting:  # this worker was cancelled; the messages behind it are not lost
                self._worker = asyncio.get_running_loop().create_task(self._work())

    def _make_room(self) -> None:
        if self._paused and len(self._waiting) <= self._most // 2:
            self._paused = False
            self._resume()
