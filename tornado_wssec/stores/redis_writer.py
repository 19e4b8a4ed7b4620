"""Writes to Redis that a crash cannot take back, as far as that can be known.

Rules of this file:
1. A revocation is acknowledged when a replica has it, or a server that follows the log has applied it.
   The primary's word alone is not enough: it may be gone with the machine.
2. Other writes are acknowledged by a replica where one is connected, and by the primary otherwise.
3. A write that found itself done already is acknowledged anew: the first time it may not have been.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from redis import asyncio as aioredis

from ..errors import NotAcknowledged, StoreError
from .redis_link import Argument, RedisLink, evaluate
from .redis_primary import Lane, send
from .redis_scripts import STANDING, Keys

LOOK_SECONDS: Final = 0.02
"""Between two looks whether a server has applied it; a server takes a few milliseconds."""

WAIT_SECONDS: Final = 0.1
"""How long the server waits for its replicas before we look again who else has it."""


class Place(NamedTuple):
    """Where an entry stands in the log's stream. Later ones are greater."""

    high: int
    low: int

    @classmethod
    def of(cls, id: str) -> "Place":
        """From an id such as `1700000000000-0`; ValueError."""
        high, _, low = id.partition("-")
        return cls(int(high), int(low))


class Writer:
    """Makes writes that last.

    Args:
        link: the way to the server.
        keys: of the store.
        patience: seconds that an acknowledgement may take.
    """

    def __init__(self, link: RedisLink, keys: Keys, patience: float) -> None:
        self._link = link
        self._keys = keys
        self._patience = patience

    async def write(self, script: str, keys: Sequence[str], *arguments: Argument) -> Any:
        """Run a script, and return what it returns once a replica has it, where one is connected.

        Raises:
            NotAcknowledged: no replica has said so in time.
            StoreUnavailable, StoreCorrupt: it may or may not have been written.
        """
        async with self._link.one_connection(Lane.WRITING, self._patience) as one:
            result = await self._evaluate(one, script, keys, *arguments)
            await self._until_replicated(one)
            return result

    async def append(self, script: str, keys: Sequence[str], *arguments: Argument) -> Any:
        """Run a script that returns the life, the place and the body of an entry; errors as in `write`.

        Raises:
            NotAcknowledged: neither a replica nor a server that follows the log has said so in time.
        """
        async with self._link.one_connection(Lane.WRITING, self._patience) as one:
            result = await self._evaluate(one, script, keys, *arguments)
            await self._until_safe(one, Place.of(result[1].decode()))
            return result

    async def _evaluate(self, one: aioredis.Redis, script: str, keys: Sequence[str], *arguments: Argument) -> Any:
        return await self._link.within(self._link.budget, evaluate(one, script, keys, *arguments))

    async def _until_replicated(self, one: aioredis.Redis) -> None:
        try:
            replicas, _ = await self._standing(one)
            if not replicas:
                return
            # What was there already was written on another connection: WAIT covers what this one wrote.
            await self._link.within(self._link.budget, send(one, "SET", self._keys.touched, 1))
            acknowledged = await self._wait(one, self._patience)
        except StoreError as error:
            raise self._not_acknowledged(f"then {error}") from None
        if not acknowledged:
            raise self._not_acknowledged(f"no replica has it after {self._patience:g} s; see to the replicas")

    async def _until_safe(self, one: aioredis.Redis, place: Place) -> None:
        until = asyncio.get_running_loop().time() + self._patience
        try:
            while not await self._is_safe(one, place):
                if asyncio.get_running_loop().time() >= until:
                    fault = f"after {self._patience:g} s neither a replica nor a live server has it"
                    raise self._not_acknowledged(f"{fault}; see to them")
        except StoreError as error:
            if isinstance(error, NotAcknowledged):
                raise
            raise self._not_acknowledged(f"then {error}") from None

    async def _is_safe(self, one: aioredis.Redis, place: Place) -> bool:
        replicas, applied = await self._standing(one)
        if applied is not None and applied >= place:
            return True
        if replicas:
            return await self._wait(one, WAIT_SECONDS)
        if applied is None:
            remedy = "start a server or connect a replica, and do it again"
            raise self._not_acknowledged(f"there is no replica, and no live server to apply it; {remedy}")
        await asyncio.sleep(LOOK_SECONDS)
        return False

    async def _standing(self, one: aioredis.Redis) -> tuple[int, Place | None]:
        """How many replicas are connected, and how far a live server has come."""
        replicas, applied = await self._evaluate(one, STANDING, [self._keys.applied])
        try:
            return replicas, None if applied is None else Place.of(applied[:64].decode())
        except ValueError:
            return replicas, None  # somebody else's value says nothing about our entry

    async def _wait(self, one: aioredis.Redis, seconds: float) -> bool:
        milliseconds = max(1, int(seconds * 1000))
        reached = await self._link.within(seconds + self._link.budget, send(one, "WAIT", 1, milliseconds))
        return int(reached) >= 1

    def _not_acknowledged(self, why: str) -> NotAcknowledged:
        return NotAcknowledged(f"{self._link.url} has written it, but may lose it: {why}")
