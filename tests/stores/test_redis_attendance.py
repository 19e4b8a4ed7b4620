"""Who is taken for killed: a node that neither renews its lease nor has a connection that hears."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.redis_server import RedisServer
from tornado_wssec.policy.broker import Present
from tornado_wssec.stores import redis_attendance
from tornado_wssec.stores.redis_attendance import RedisAttendance
from tornado_wssec.stores.redis_ear import Ear
from tornado_wssec.stores.redis_link import RedisLink
from tornado_wssec.stores.redis_primary import hash_tag
from tornado_wssec.stores.redis_url import RedisPlace, parse_redis_url

from .broker_contract import ANN
from .kit import in_loop
from .redis_kit import prefix_of

LEASE_SECONDS = 600.0
BUDGET_SECONDS = 30.0

Moves = list[tuple[str, Present, bool]]


class Looker:
    """A node that looks, beside one that may have been killed.

    Args:
        place: of the server.
    """

    def __init__(self, place: RedisPlace) -> None:
        self._link, self._tag = RedisLink(place, BUDGET_SECONDS), hash_tag(place.prefix)
        self.moves: Moves = []
        self.node, self.other = self._attendance("n0", self.moves), self._attendance("n1", [])
        self.ear = Ear(place, BUDGET_SECONDS, hear=lambda name, payload: None, returned=lambda name: None)

    def _attendance(self, node: str, moves: Moves) -> RedisAttendance:
        def moved(channel: str, who: Present, is_here: bool) -> None:
            moves.append((channel, who, is_here))

        return RedisAttendance(self._link, self._tag, node, LEASE_SECONDS, moved)

    async def looks(self, *, judges: bool = True) -> list[Present]:
        """Renew; return who is there then."""
        await self.node.renew(judges=judges)
        return await self.node.present("room:a")

    async def close(self) -> None:
        """Let go."""
        await self._link.close()


@asynccontextmanager
async def looker(server: RedisServer, folder: Path) -> AsyncIterator[Looker]:
    """A node, and another one with ann on it, which has renewed its lease once."""
    found = Looker(parse_redis_url(f"{server.url}?prefix={prefix_of(folder)}"))
    await found.other.renew(judges=False)
    found.other.enter("room:a", ANN)
    await found.other.write()
    try:
        yield found
    finally:
        await found.close()


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has not renewed in this very millisecond is late."""
    monkeypatch.setattr(redis_attendance, "LATE_SECONDS", 0.001)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is late, however busy the machine."""
    monkeypatch.setattr(redis_attendance, "LATE_SECONDS", LEASE_SECONDS)


@pytest.mark.usefixtures("late")
@in_loop
async def test_attendance_of_a_killed_node_ends_with_its_connections(each_redis: RedisServer, tmp_path: Path) -> None:
    """Not with its lease, which would last for minutes; that somebody has left is told once."""
    async with looker(each_redis, tmp_path) as one:
        await asyncio.sleep(0.002)
        found = [await one.looks(), await one.looks()]

        assert [[], []] == found
        assert [("room:a", ANN, False)] == one.moves


@pytest.mark.usefixtures("late")
@in_loop
async def test_attendance_of_a_node_that_hears_stays(each_redis: RedisServer, tmp_path: Path) -> None:
    """Its event loop stands still, or the server did: its lease decides."""
    async with looker(each_redis, tmp_path) as one:
        wish = one.ear.wish(one.other.sign_of_life)
        running = asyncio.get_running_loop().create_task(one.ear.run())
        assert wish is not None
        await one.ear.granted(wish)
        heard = await one.looks()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

        assert [ANN] == heard
        assert [] == one.moves


@pytest.mark.usefixtures("patient")
@in_loop
async def test_attendance_of_a_node_that_renews_stays(each_redis: RedisServer, tmp_path: Path) -> None:
    """Its connection that hears was cut a moment ago."""
    async with looker(each_redis, tmp_path) as one:
        assert [ANN] == await one.looks()


@pytest.mark.usefixtures("late")
@in_loop
async def test_attendance_after_an_outage_is_judged_by_leases_alone(each_redis: RedisServer, tmp_path: Path) -> None:
    """Some are connected again sooner than others."""
    async with looker(each_redis, tmp_path) as one:
        await asyncio.sleep(0.002)

        assert [ANN] == await one.looks(judges=False)
        assert [] == one.moves


@pytest.mark.usefixtures("late")
@in_loop
async def test_attendance_of_a_node_that_was_taken_for_killed_is_said_again(
    each_redis: RedisServer, tmp_path: Path
) -> None:
    """It was cut off for long enough: with its next renewal everybody on it is there again."""
    async with looker(each_redis, tmp_path) as one:
        await asyncio.sleep(0.002)
        gone = await one.looks()
        await one.other.renew(judges=False)
        await one.other.write()

        assert [] == gone
        assert [ANN] == await one.node.present("room:a")
