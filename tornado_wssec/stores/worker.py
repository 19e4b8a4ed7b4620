"""One thread that does blocking work for one event loop.

Rules of this file:
1. The resource is made, used and closed inside the thread, and nobody else ever holds it. So a
   forked child, which has no such thread, can neither use nor close the parent's connections.
2. A caller waits no longer than its patience, whatever the thread is stuck in.
3. A caller that has left costs nothing: what the thread has not begun by then is not begun.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Any, Generic, Protocol, TypeVar

from ..errors import StoreError, StoreUnavailable


class Closable(Protocol):
    """What holds connections or files until it is closed."""

    def close(self) -> None:
        """Let go of them; must not raise."""


R = TypeVar("R", bound=Closable)
T = TypeVar("T")


class Worker(Generic[R]):
    """Runs functions on a resource, one after the other, in a thread of its own.

    Args:
        what: the store's address without its password, for messages and the thread's name.
        make: makes the resource, in the thread; must not raise.
    """

    def __init__(self, what: str, make: Callable[[], R]) -> None:
        self._what = what
        self._loop = asyncio.get_running_loop()
        self._inbox = _Inbox[R]()
        thread = threading.Thread(target=_serve, args=(self._inbox, make), name=what, daemon=True)
        thread.start()

    async def call(self, work: Callable[[R], T], patience: float, overdue: type[StoreError] = StoreUnavailable) -> T:
        """Run `work` in the thread and return what it returns, or raise what it raises.

        Args:
            work: gets the resource.
            patience: seconds from now.
            overdue: what is raised when the work was begun and is not done by then.

        Raises:
            StoreUnavailable: the thread did not come to it in time; it will not be done.
        """
        job = _Job[R](work, self._loop.create_future())
        timer = self._loop.call_later(patience, self._give_up, job, patience, overdue)
        self._inbox.put(job)
        try:
            result: T = await job.future
        except asyncio.CancelledError:
            self._inbox.withdraw(job)
            raise
        finally:
            timer.cancel()
        return result

    async def stop(self, patience: float) -> None:
        """Close the resource once what is waiting is done, and end the thread. Nothing may be called after this.

        A thread that is stuck for longer than `patience` seconds ends when it comes loose.
        """
        last = _Job[R](None, self._loop.create_future())
        self._inbox.put(last)
        with suppress(TimeoutError):
            await asyncio.wait_for(last.future, patience)

    def _give_up(self, job: "_Job[R]", patience: float, overdue: type[StoreError]) -> None:
        if job.future.done():
            return
        if self._inbox.withdraw(job):
            error: StoreError = StoreUnavailable(
                f"{self._what} was busy for {patience:g} s; nothing was done, try again"
            )
        else:
            fault = f"{self._what} did not finish within {patience:g} s and may do so yet"
            error = overdue(f"{fault}; see to the disk and try again")
        job.future.set_exception(error)


class _Job(Generic[R]):
    """Work, and where its result goes. No work at all ends the thread."""

    __slots__ = ("future", "work")

    def __init__(self, work: Callable[[R], Any] | None, future: asyncio.Future[Any]) -> None:
        self.work = work
        self.future = future


class _Inbox(Generic[R]):
    """What is waiting for the thread, in order."""

    def __init__(self) -> None:
        self._waiting: deque[_Job[R]] = deque()
        self._changed = threading.Condition()

    def put(self, job: _Job[R]) -> None:
        """Add to the end."""
        with self._changed:
            self._waiting.append(job)
            self._changed.notify()

    def take(self) -> _Job[R]:
        """Wait for the first and remove it."""
        with self._changed:
            while not self._waiting:
                self._changed.wait()
            return self._waiting.popleft()

    def withdraw(self, job: _Job[R]) -> bool:
        """Remove a job that has not been taken; False when it has been."""
        with self._changed:
            if job not in self._waiting:
                return False
            self._waiting.remove(job)
            return True


def _serve(inbox: _Inbox[R], make: Callable[[], R]) -> None:
    with closing(make()) as resource:
        while (job := inbox.take()).work is not None:
            _report(job.future, *_outcome(job.work, resource))
    _report(job.future, None, None)


def _outcome(work: Callable[[R], Any], resource: R) -> tuple[Any, BaseException | None]:
    try:
        return work(resource), None
    except BaseException as error:  # whatever it is, it belongs to the caller: the thread must live on
        return None, error


def _report(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    with suppress(RuntimeError):  # the loop has closed, so nobody is waiting
        future.get_loop().call_soon_threadsafe(_settle, future, result, error)


def _settle(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.done():
        return  # the caller has left or lost patience
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
