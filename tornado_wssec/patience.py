"""Deadlines that cost nothing where nobody waits.

A timer for each handshake costs more than the look-up that it watches over, which nearly always ends
without waiting for anything. So the work is begun, and timed only once it waits.
"""

import asyncio
import types
from collections.abc import Coroutine, Generator
from typing import Any, TypeVar

T = TypeVar("T")


class OutOfPatience(Exception):
    """The work has not ended in time; it has been cancelled."""


class Deadline:
    """When a handler has taken too long, counted from where it first waits."""

    # On the class, since one is made for each coroutine and hardly any waits.
    has_passed = False
    _timer: asyncio.TimerHandle | None = None

    def start(self, running: "asyncio.Future[None]", seconds: float) -> None:
        """Cancel it so long from now, and again as long as it goes on."""
        self._timer = running.get_loop().call_later(seconds, self._pass, running, seconds)

    def end(self) -> None:
        """Cancel nothing any more."""
        if self._timer is not None:
            self._timer.cancel()

    def _pass(self, running: "asyncio.Future[None]", seconds: float) -> None:
        self.has_passed = True
        running.cancel()
        self.start(running, seconds)


async def patiently(work: Coroutine[Any, Any, T], seconds: float) -> T:
    """Await the work, in the task that asks.

    Args:
        seconds: how long it may take in all.

    Raises:
        OutOfPatience: that long. Whatever the work made of its cancellation is dropped.
    """
    until = asyncio.get_running_loop().time() + seconds
    try:
        awaited = work.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    deadline = asyncio.timeout_at(until)
    try:
        async with deadline:
            result = await _rest(work, awaited)
        if not deadline.expired():
            return result
    except Exception:
        if not deadline.expired():
            raise
    # Raised here, so that no traceback keeps through __context__ what the failure quotes.
    raise OutOfPatience


@types.coroutine
def _rest(work: Coroutine[Any, Any, T], awaited: Any) -> Generator[Any, Any, T]:
    """Go on with work that has begun, and waits for `awaited`."""
    while True:
        try:
            try:
                sent = yield awaited
            except BaseException as error:
                awaited = work.throw(error)
            else:
                awaited = work.send(sent)
        except StopIteration as done:
            result: T = done.value
            return result
