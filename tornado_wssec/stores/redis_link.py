"""Calls to the Redis server, each within its budget whatever the client and the server do.

Rules of this file:
1. Nobody waits longer than the budget; while the server is down one call waits for it, and all others are told at once.
2. What leaves is a StoreError that holds nothing of a command or an answer.
3. A call is made once: whoever spends a ticket must not spend it twice.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, TypeVar

from redis import asyncio as aioredis
from redis import exceptions as redis_errors

from .breaker import Breaker
from .redis_faults import MOVED_CODES, code_of, is_answer, store_error
from .redis_primary import Primary, find_primary, send
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
        self._primary: Primary | None = None

    async def close(self) -> None:
        """Drop every connection; calls in flight end with StoreUnavailable."""
        primary, self._primary = self._primary, None
        if primary is not None:
            await primary.close(self.budget)

    async def call(self, work: Callable[[aioredis.Redis], Awaitable[T]]) -> T:
        """Do the work, which uses one short command, within the budget.

        Raises:
            StoreUnavailable: there was no answer, or the server cannot do it now. It may have been done all the same.
            StoreCorrupt: the server refuses it for good, or holds what is not ours.
        """
        with self._breaker.passing():
            async with self._within(self.budget):
                primary = await self._connected()
                return await work(primary.swift)

    async def run(self, script: str, keys: Sequence[str], *arguments: Argument) -> Any:
        """Run a script; see `call`."""
        return await self.call(lambda client: evaluate(client, script, keys, *arguments))

    @asynccontextmanager
    async def one_connection(self) -> AsyncIterator[aioredis.Redis]:
        """A connection of one's own, for what the server is to wait for. The block sets its deadlines by `within`."""
        with self._breaker.passing():
            async with self._within(self.budget):
                client = (await self._connected()).blocking.client()
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
    async def _within(self, seconds: float) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(seconds):
                yield
        except (redis_errors.RedisError, OSError) as error:  # TimeoutError is an OSError
            await self._note(error)
            raise store_error(error, self.url, seconds) from None
        self._breaker.answered()

    async def _note(self, error: Exception) -> None:
        if is_answer(error):
            self._breaker.answered()
        else:
            self._breaker.failed()
        if code_of(error) in MOVED_CODES:
            await self.close()

    async def _connected(self) -> Primary:
        async with self._finding:
            if self._primary is not None and self._breaker.failures >= FAILURES_UNTIL_NEW:
                await self.close()
            if self._primary is None:
                address = await find_primary(self._place, self.budget)
                self._primary = Primary(self._place, address, self.budget)
            return self._primary


async def evaluate(client: aioredis.Redis, script: str, keys: Sequence[str], *arguments: Argument) -> Any:
    """Run a script on a connection. By its text: a restarted server has forgotten it."""
    return await send(client, "EVAL", script, len(keys), *keys, *arguments)
