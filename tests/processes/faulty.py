"""A Redis server to which things happen at random, and people who go on talking meanwhile."""

import asyncio
import random
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from tests.redis_server import RedisServer

from .sharing import PATIENCE_SECONDS, environment_of, make_store, several
from .witnesses import (
    GAP,
    Crowd,
    Witness,
    assert_nothing_missing_unsaid,
    assert_once,
    assert_one_order,
    everywhere,
)

KINDS: Final = ("kept:a", "plain:a")

Said = Mapping[str, Mapping[str, Sequence[int]]]
"""Channel → speaker → the numbers of what was acknowledged."""


class Faults:
    """What happens to a server.

    Args:
        server: keeps what it has written.
        chance: what decides.
    """

    def __init__(self, server: RedisServer, chance: random.Random) -> None:
        self._server = server
        self._chance = chance
        self.happened = 0

    async def happen(self, seconds: float) -> None:
        """One thing after another, for so long; the server lives at the end."""
        until = asyncio.get_running_loop().time() + seconds
        happenings: Sequence[Callable[[], Awaitable[None]]] = (self._kill, self._freeze, self._cut, self._cut)
        while asyncio.get_running_loop().time() < until:
            await asyncio.sleep(self._chance.uniform(0.2, 1.0))
            await self._chance.choice(happenings)()
            self.happened += 1

    async def _kill(self) -> None:
        await asyncio.to_thread(self._server.stop)
        await asyncio.sleep(self._chance.uniform(0.0, 1.0))
        await asyncio.to_thread(self._server.start)

    async def _freeze(self) -> None:
        self._server.freeze()
        try:
            await asyncio.sleep(self._chance.choice([0.1, 0.6, 3.0]))
        finally:
            self._server.thaw()

    async def _cut(self) -> None:
        await asyncio.to_thread(self._server.ask, "CLIENT", "KILL", "TYPE", self._chance.choice(["pubsub", "normal"]))

    async def said_at_last(self, speaker: Witness, channel: str) -> str:
        """Say something once the server can be reached again, which everybody will hear."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            for number in range(10_000):
                if await speaker.say(channel, f"last.{number}"):
                    return f"last.{number}"
                await asyncio.sleep(0.1)
        raise AssertionError("nothing can be said any more")


async def speak_while(faults: Awaitable[None], witnesses: Sequence[Witness], channels: Sequence[str]) -> Said:
    """Let everybody talk in every channel until the faults have happened; return what was acknowledged."""
    said: dict[str, dict[str, list[int]]] = {channel: defaultdict(list) for channel in channels}
    is_over = asyncio.Event()

    async def speak(witness: Witness, name: str, channel: str) -> None:
        number = 0
        while not is_over.is_set():
            if await witness.say(channel, f"{name}.{number}"):
                said[channel][name].append(number)
            number += 1
            await asyncio.sleep(0.01)

    speakers = [
        asyncio.get_running_loop().create_task(speak(witness, f"s{number}", channel))
        for number, witness in enumerate(witnesses)
        for channel in channels
    ]
    try:
        await faults
    finally:
        is_over.set()
        await asyncio.gather(*speakers)
    return said


class Facts(NamedTuple):
    """What became of a life.

    Args:
        faults: that happened.
        heard: publications, by all who listened.
        missing: of those acknowledged, in the channel that is not kept; each behind a gap.
        gaps: told.
    """

    faults: int
    heard: int
    missing: int
    gaps: int


async def faulty_life(server: RedisServer, folder: Path, *, seed: int, seconds: float) -> Facts:
    """Let three processes talk over a server that is killed, frozen and cut off at random.

    Args:
        server: one that forgets nothing that it has acknowledged.

    Raises:
        AssertionError: something came twice, or in two orders, or is missing without a gap in its place; or is missing
            of the channel that is kept.
    """
    shared = environment_of(server.url, folder)
    await make_store(shared)
    missing = {}
    async with Crowd(shared) as crowd, several(3, shared, "tests.processes.records") as servers:
        witnesses = await everywhere(crowd, servers, 2, *KINDS)
        faults = Faults(server, random.Random(seed))
        said = await speak_while(faults.happen(seconds), witnesses, KINDS)
        for kind in KINDS:
            last = await faults.said_at_last(witnesses[0], kind)
            for witness in witnesses:
                await witness.hears(kind, last)
            heard = [witness.heard[kind] for witness in witnesses]
            assert_one_order(heard)
            for one in heard:
                assert_once(one)
            missing[kind] = sum(assert_nothing_missing_unsaid(one, said[kind]) for one in heard)
        assert 0 == missing["kept:a"]
        everything = [text for witness in witnesses for kind in KINDS for text in witness.heard[kind]]
    return Facts(faults.happened, len(everything), missing["plain:a"], everything.count(GAP))
