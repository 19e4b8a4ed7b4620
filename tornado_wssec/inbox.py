"""Admitted messages and their handler: in order, one at a time or as many as declared, and off the read loop.

A message is handled where it is put, and a handler that waits for nothing is done by then. While one waits,
the messages behind it wait here, so that pings, closes and revocations are never stuck behind it. When
too many do, reading pauses until half are done.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from .policy.pipeline import Permitted
from .policy.reserved import RESERVED


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

    __slots__ = ("_handle", "_most", "_pause", "_paused", "_resume", "_waiting", "running")

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
        # A message that is put now is handled now, and alone, where this is None.
        self.running: asyncio.Future[None] | None = None
        self._paused = False

    def wait_for(self, running: "asyncio.Future[None]") -> None:
        """Keep what is put from now on until this has ended: a message is being handled that was not put here."""
        self.running = running
        running.add_done_callback(self._go_on)

    def put(self, message: Permitted) -> None:
        """Handle a message, or keep it until its turn comes; never blocks."""
        if self.running is not None:
            self._keep(message)
            return
        running = self.running = self._handle(message)
        if running is not None:
            running.add_done_callback(self._go_on)

    def _keep(self, message: Permitted) -> None:
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

    async def settled(self, *, is_last: bool = False) -> None:
        """Wait until everything that was put has been handled.

        Args:
            is_last: whether nothing more is to come: it is read no further, whatever room there is.
        """
        if is_last:
            self._pause()
            self._pause, self._resume = _ignore, _ignore
        await self._done()

    async def _done(self) -> None:
        while self.running is not None:
            await asyncio.wait([self.running])

    def _go_on(self, ended: "asyncio.Future[None]") -> None:
        """However that ended, the messages behind it are not lost."""
        running = self.running = None
        while self._waiting and running is None:
            message = self._waiting.popleft()
            self._make_room()
            running = self.running = self._handle(message)
            if running is not None:
                running.add_done_callback(self._go_on)
        self._waiting = self._waiting or None

    def _make_room(self) -> None:
        if self._paused and len(self._waiting or ()) <= self._most // 2:
            self._paused = False
            self._resume()


_SOMEBODY: Final[Any] = object()


class SharedInbox(Inbox):
    """The queue of a connection some of whose messages are handled at once.

    They begin in the order in which they came; how they end is up to the handlers. The protocol's own messages are
    handled alone: what was sent before a `wssec.refresh` or a subscription is done by then, and what was sent
    behind it comes after.

    Args:
        at_once: handlers that may wait at the same time.
    """

    __slots__ = ("_at_once", "_crew", "_is_alone")

    def __init__(
        self,
        handle: "Callable[[Permitted], asyncio.Future[None] | None]",
        most: int,
        pause: Callable[[], None],
        resume: Callable[[], None],
        *,
        at_once: int,
    ) -> None:
        super().__init__(handle, most, pause, resume)
        self.running = _SOMEBODY  # whether one more may begin depends on which it is
        self._at_once = at_once
        self._crew: set[asyncio.Future[None]] = set()
        self._is_alone = False

    def put(self, message: Permitted) -> None:
        """Handle a message, or keep it until there is room for it; never blocks."""
        if not self._waiting and self._may_begin(message):
            self._begin(message)
        else:
            self._keep(message)

    async def _done(self) -> None:
        while self._crew:
            await asyncio.wait(self._crew)

    def _may_begin(self, message: Permitted) -> bool:
        if not self._crew:
            return True
        return not self._is_alone and len(self._crew) < self._at_once and not goes_alone(message)

    def _begin(self, message: Permitted) -> None:
        running = self._handle(message)
        if running is not None:
            self._crew.add(running)
            self._is_alone = goes_alone(message)
            running.add_done_callback(self._go_on)

    def _go_on(self, ended: "asyncio.Future[None]") -> None:
        """However that ended, the messages behind it are not lost."""
        self._crew.discard(ended)
        while self._waiting and self._may_begin(self._waiting[0]):
            message = self._waiting.popleft()
            self._make_room()
            self._begin(message)
        self._waiting = self._waiting or None


def goes_alone(message: Permitted) -> bool:
    """Whether it is one of the protocol's own, on which others may depend."""
    return message.spec.message in RESERVED
