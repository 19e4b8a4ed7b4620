"""Many small requests at once, as one piece of work.

A transaction costs far more than what a ticket does in it. While one batch is being done, the
requests that arrive gather for the next; a request that comes alone does not wait for company.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Generic, TypeVar

from ..errors import StoreUnavailable

Q = TypeVar("Q")

MOST_AT_ONCE: Final = 256
"""Requests of one batch: a few milliseconds, during which the thread does nothing else."""


class Batches(Generic[Q]):
    """Gathers requests and does them in order. Belongs to one event loop.

    Args:
        do: does a batch within so many seconds, and returns an outcome or an exception for each.
        within: seconds that a request may take, its wait for the batch before it included.
    """

    def __init__(self, do: Callable[[Sequence[Q], float], Awaitable[Sequence[Any]]], within: float) -> None:
        self._do = do
        self._within = within
        self._waiting: deque[_Request[Q]] = deque()
        self._task: asyncio.Task[None] | None = None

    async def ask(self, what: Q) -> Any:
        """What came of the request.

        Raises:
            Exception: whatever came of it instead, or of its whole batch.
        """
        loop = asyncio.get_running_loop()
        request = _Request(what, loop.create_future(), loop.time() + self._within)
        self._waiting.append(request)
        if self._task is None:
            self._task = loop.create_task(self._work_off())
        return await request.outcome

    async def _work_off(self) -> None:
        try:
            while self._waiting:
                await self._do_batch(self._next_batch())
        finally:
            self._task = None

    def _next_batch(self) -> "list[_Request[Q]]":
        batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), MOST_AT_ONCE))]
        return [request for request in batch if not request.outcome.done()]  # who has left is not served

    async def _do_batch(self, batch: "list[_Request[Q]]") -> None:
        if not batch:
            return
        # All of it must be done when the first of them has run out of patience.
        left = batch[0].until - asyncio.get_running_loop().time()
        outcomes: Sequence[Any]
        try:
            if left <= 0:
                raise StoreUnavailable(f"the store was busy for {self._within:g} s; nothing was done, try again")
            outcomes = await self._do([request.what for request in batch], left)
        except Exception as error:
            outcomes = [error] * len(batch)
        for request, outcome in zip(batch, outcomes, strict=True):
            request.settle(outcome)


class _Request(Generic[Q]):
    """What is asked, where its outcome goes, and until when it is wanted."""

    __slots__ = ("outcome", "until", "what")

    def __init__(self, what: Q, outcome: asyncio.Future[Any], until: float) -> None:
        self.what = what
        self.outcome = outcome
        self.until = until

    def settle(self, outcome: Any) -> None:
        """Hand the outcome over, if anybody still waits for it."""
        if self.outcome.done():
            return
        if isinstance(outcome, Exception):
            self.outcome.set_exception(outcome)
        else:
            self.outcome.set_result(outcome)
