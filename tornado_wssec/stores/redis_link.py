"""Calls to the Redis server, each within its budget whatever the client and the server do.

Rules of this file:
1. Nobody waits longer than the budget; while the server is down one call waits for it, and all others are told at once.
2. What leaves is a StoreError that holds nothing of a command or an answer.
3. A call is made once: whoever spends a ticket must not spend it twice.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any, Final, TypeVar

from redis import asyncio as aioredis
from redis import exceptions as redis_errors

from ..errors import StoreUnavailable
from .breaker import Breaker
from .redis_faults import MOVED_CODES, code_of, is_answer, store_error
from .redis_primary import CONNECTIONS, Address, Lane, Primary, find_primary, send
from .redis_url import RedisPlace

T = TypeVar("T")
Argument = str | bytes | int | float

FAILURES_UNTIL_NEW: Final = 2
"""Calls without an answer until every connection is made anew: one may have been slow by itself."""


class RedisLink:
    """The way to one server. Made in the event loop that uses it.

    Args:
        place: how to get there.
        budget: seconds for a call, everything included.
    """

    def __init__(self, place: RedisPlace, budget: float) -> None:
        self.url = place.url
        self.budget = budget
        self._place = place
        self._breaker = Breaker(place.url)
        self._finding = asyncio.Lock()
        # In order of arrival. The client's own pool is not: under load it lets the same callers wait again and again.
        self._turns = {lane: asyncio.Semaphore(most) for lane, most in CONNECTIONS.items()}
        self._primary: Primary | None = None
        self._is_stale = False

    @property
    def address(self) -> Address | None:
        """Of the server that was talked to last; None: of none at the moment."""
        return self._primary.address if self._primary is not None else None

    async def close(self) -> None:
        """Drop every connection; calls in flight end with StoreUnavailable."""
        primary, self._primary, self._is_stale = self._primary, None, False
        if primary is not None:
            await primary.close(self.budget)

    async def call(self, work: Callable[[aioredis.Redis], Awaitable[T]]) -> T:
        """Do the work, which uses one short command, within the budget.

        Raises:
            StoreUnavailable: there was no answer, or the server cannot do it now. It may have been done all the same.
            StoreCorrupt: the server refuses it for good, or holds what is not ours.
        """
        until = asyncio.get_running_loop().time() + self.budget
        async with self._turn(Lane.SHORT, until):
            # Only now: who has waited for his turn behind a server that froze is told at once.
            with self._breaker.passing():
                async with self._until(until, self.budget):
                    return await work((await self._connected()).client(Lane.SHORT))

    async def run(self, script: str, keys: Sequence[str], *arguments: Argument) -> Any:
        """Run a script; see `call`."""
        return await self.call(lambda client: evaluate(client, script, keys, *arguments))

    @asynccontextmanager
    async def one_connection(self, lane: Lane, patience: float | None = None) -> AsyncIterator[aioredis.Redis]:
        """A connection of one's own, for what the server is to wait for. The block sets its deadlines by `within`.

        Args:
            patience: seconds that one's turn may take; None: the budget.
        """
        wanted_at = asyncio.get_running_loop().time()
        async with self._turn(lane, wanted_at + (patience or self.budget)):
            with self._breaker.passing():
                async with self._within(self.budget, is_proof=False):
                    client = (await self._connected()).client(lane).client()
                    await client.initialize()
                try:
                    yield client
                finally:
                    await client.aclose()

    async def within(self, seconds: float, work: Awaitable[T]) -> T:
        """What comes of a command on `one_connection`, within so many seconds; errors as in `call`."""
        async with self._within(seconds):
            return await work

    async def look_for_primary(self) -> None:
        """Move to the server that has our keys now, where that is another one than before.

        One that was cut off goes on answering, and would never say that it is no primary any more. Nobody who can
        be asked: nothing changes.
        """
        with suppress(redis_errors.RedisError, OSError):
            address = await find_primary(self._place, self.budget)
            if self._primary is not None and self._primary.address != address:
                await self.close()

    @asynccontextmanager
    async def _turn(self, lane: Lane, until: float) -> AsyncIterator[None]:
        """Wait for one's turn; that it did not come says nothing of the server."""
        try:
            async with asyncio.timeout_at(until):
                await self._turns[lane].acquire()
        except TimeoutError:
            fault = f"{self.url} was kept busy by others for too long"
            raise StoreUnavailable(f"{fault}; nothing was done, try again") from None
        try:
            yield
        finally:
            self._turns[lane].release()

    def _within(self, seconds: float, *, is_proof: bool = True) -> AbstractAsyncContextManager[None]:
        return self._until(asyncio.get_running_loop().time() + seconds, seconds, is_proof=is_proof)

    @asynccontextmanager
    async def _until(self, until: float, seconds: float, *, is_proof: bool = True) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout_at(until):
                yield
        except (redis_errors.RedisError, OSError) as error:  # TimeoutError is an OSError
            self._note(error)
            raise store_error(error, self.url, seconds) from None
        if is_proof:  # a frozen server accepts connections, too
            self._breaker.answered()

    def _note(self, error: Exception) -> None:
        if is_answer(error):
            self._breaker.answered()
        else:
            self._breaker.failed()
        if code_of(error) in MOVED_CODES or self._breaker.failures >= FAILURES_UNTIL_NEW:
            self._is_stale = True

    async def _connected(self) -> Primary:
        async with self._finding:
            if self._is_stale:
                await self.close()
            if self._primary is None:
                address = await find_primary(self._place, self.budget)
                self._primary = Primary(self._place, address, self.budget)
            return self._primary


async def evaluate(client: aioredis.Redis, script: str, keys: Sequence[str], *arguments: Argument) -> Any:
    """Run a script on a connection. By its text: a restarted server has forgotten it."""
    return await send(client, "EVAL", script, len(keys), *keys, *arguments)
