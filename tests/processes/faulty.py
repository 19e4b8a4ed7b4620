"""A Redis server to which things happen at random, and people who go on talking meanwhile."""

import asyncio
import random
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from tests.redis_server import Binary, RedisServer, replica_of, wait_until

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
SERVICE: Final = "chat"
A_LOOK_SECONDS: Final = 2.0
"""Within which a server that has moved says where it may have spoken in vain, if it says nothing else."""

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
        happenings = self.happenings()
        while asyncio.get_running_loop().time() < until:
            await asyncio.sleep(self._chance.uniform(0.2, 1.0))
            await self._chance.choice(happenings)()
            self.happened += 1

    def happenings(self) -> Sequence[Callable[[], Awaitable[None]]]:
        """What may happen, each as likely as the others."""
        return (self._kill, self._freeze, self._cut, self._cut)

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

    async def settle(self, witnesses: Sequence[Witness], channel: str) -> None:
        """Say something again and again until everybody has heard one of it: what was said before will not come now."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            for number in range(10_000):
                text = f"last.{number}"
                if await witnesses[0].say(channel, text) and await self._is_heard(witnesses, channel, text):
                    return
                await asyncio.sleep(0.1)

    async def _is_heard(self, witnesses: Sequence[Witness], channel: str, text: str) -> bool:
        for _ in range(100):
            if all(text in witness.heard[channel] for witness in witnesses):
                return True
            await asyncio.sleep(0.02)
        return False


class Failovers(Faults):
    """What happens to a pair of servers: they take turns as the primary, and one or the other is killed or frozen.

    Args:
        pair: both of them.
        sentinel: has them take turns.
        chance: what decides.
    """

    def __init__(self, pair: Sequence[RedisServer], sentinel: RedisServer, chance: random.Random) -> None:
        super().__init__(pair[0], chance)
        self._pair = pair
        self._sentinel = sentinel

    async def happen(self, seconds: float) -> None:
        """One turn at least, and whatever else for so long."""
        await asyncio.to_thread(wait_until, self._take_turns, "the Sentinel to let them take turns")
        await asyncio.sleep(self._chance.uniform(0.5, 3.0))
        await super().happen(seconds)

    def happenings(self) -> Sequence[Callable[[], Awaitable[None]]]:
        return (self._fail_over, self._fail_over, *map(self._to_one, (self._cut, self._freeze, self._kill)))

    def _take_turns(self) -> bool:
        """Whether the Sentinel does it: not before it knows how the replica is, nor while they do so already."""
        return self._sentinel.ask("SENTINEL", "FAILOVER", SERVICE).startswith("+OK")

    async def _fail_over(self) -> None:
        await asyncio.to_thread(self._take_turns)
        await asyncio.sleep(self._chance.uniform(0.5, 3.0))

    def _to_one(self, happening: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
        async def happen() -> None:
            self._server = self._chance.choice(self._pair)
            await happening()

        return happen


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
    facts, missing_of_kept = await _life(server.url, folder, Faults(server, random.Random(seed)), seconds)
    assert 0 == missing_of_kept
    return facts


async def life_with_failovers(binary: Binary, folder: Path, *, seed: int, seconds: float) -> Facts:
    """Let them talk over a primary and a replica that take turns, as a Sentinel says.

    What is written to the one is not always at the other when that takes over.

    Raises:
        AssertionError: something came twice, or in two orders, or is missing without a gap in its place.
    """
    with (
        RedisServer(binary, folder) as primary,
        replica_of(primary, binary, folder) as replica,
        RedisServer.sentinel(binary, folder, primary, SERVICE) as sentinel,
    ):
        await asyncio.to_thread(
            wait_until, lambda: "slaves=1" in sentinel.ask("INFO", "sentinel"), "the Sentinel to know the replica"
        )
        faults = Failovers((primary, replica), sentinel, random.Random(seed))
        url = f"redis+sentinel://127.0.0.1:{sentinel.port}/{SERVICE}"
        return (await _life(url, folder, faults, seconds))[0]


async def _life(url: str, folder: Path, faults: Faults, seconds: float) -> tuple[Facts, int]:
    shared = environment_of(url, folder)
    await make_store(shared)
    missing = {}
    async with Crowd(shared) as crowd, several(3, shared, "tests.processes.records") as servers:
        witnesses = await everywhere(crowd, servers, 2, *KINDS)
        said = await speak_while(faults.happen(seconds), witnesses, KINDS)
        for kind in KINDS:
            await faults.settle(witnesses, kind)
        await asyncio.sleep(A_LOOK_SECONDS)
        for kind in KINDS:
            heard = [witness.heard[kind] for witness in witnesses]
            assert_one_order(heard)
            for one in heard:
                assert_once(one)
            missing[kind] = sum(assert_nothing_missing_unsaid(one, said[kind]) for one in heard)
        everything = [text for witness in witnesses for kind in KINDS for text in witness.heard[kind]]
    return Facts(faults.happened, len(everything), missing["plain:a"], everything.count(GAP)), missing["kept:a"]
