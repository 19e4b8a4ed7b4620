"""The wall clock is set forward or back: row 8, attack lines K18 and R14."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.faults.node import environment_of, is_served, make_store, running, until_status
from tests.kits import GENEROUS, chat_kit
from tests.left_out import leave_out
from tests.stores.kit import PATIENT, in_loop
from tests.waiting import until
from tornado_wssec.clock import Clock
from tornado_wssec.policy.high_water import SETTLING_SECONDS
from tornado_wssec.stores.sqlite import SqliteStore
from tornado_wssec.testing import GuardKit
from tornado_wssec.timekeeping import accept_clock

YEAR = 365 * 86_400
HOUR = 3_600


class FakedTime:
    """The wall clock of a process, which reads so much more than the machine's. Its monotonic clock is left alone."""

    def __init__(self, library: Path, place: Path) -> None:
        self._file = place / "faketime"
        self.environment = {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",
        }
        self.set(0)

    def set(self, seconds: int) -> None:
        """Let it read so many seconds more than the machine's."""
        self._file.write_text(f"{seconds:+d}s\n")


@pytest.fixture
def faked(tmp_path: Path) -> FakedTime:
    """A clock that libfaketime turns."""
    found = list(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    if not found:
        leave_out("libfaketime", "apt-get install faketime")
    return FakedTime(found[0], tmp_path)


@in_loop
async def test_set_back_under_a_running_server(faked: FakedTime, tmp_path: Path) -> None:
    """503 for whoever is new, one alert with the remedy; who is in is served; all is well once it is right again."""
    environment = environment_of(f"sqlite:///{tmp_path}/store.db", tmp_path) | faked.environment
    await make_store(environment)
    async with running(environment, tmp_path) as node:
        token, short = await node.token(), await node.token("bob", "s2", ttl=1)
        live = await node.connect(token)
        await until_status(node, 401, short)  # it has expired
        faked.set(-HOUR)
        await until_status(node, 503, short)  # and does not come to life again
        assert 503 == await node.status(token)
        assert 503 == await node.get("/wssec/ready")
        assert await is_served(live)
        faked.set(-20)
        await until_status(node, 101, token)  # a correction of less than half a minute is none of our business
        faked.set(0)

        assert 401 == await node.status(short)
        assert await is_served(live)
        assert 1 == node.told("ERROR", "s earlier than before: nobody new comes in; set the clock, or run")


@in_loop
async def test_set_forward_under_a_running_server(faked: FakedTime, tmp_path: Path) -> None:
    """A year ahead and back: nobody is disconnected, nothing revoked is forgotten, nobody is locked out afterwards."""
    environment = environment_of(f"sqlite:///{tmp_path}/store.db", tmp_path) | faked.environment
    await make_store(environment)
    async with running(environment, tmp_path) as node:
        token, revoked = await node.token(), await node.token("bob", "s2")
        lives = [await node.connect(await node.token(f"u{number}", f"s{number}")) for number in range(10)]
        assert "acknowledged" == await node.ask("revoke", "subject", "bob")
        faked.set(YEAR)
        await until_status(node, 401, token)
        assert {True} == {await is_served(live) for live in lives}
        faked.set(0)
        await until_status(node, 101, token)

        assert 401 == await node.status(revoked)
        assert {True} == {await is_served(live) for live in lives}
        assert 0 == node.told("ERROR", "earlier than before")


@in_loop
async def test_accepted_by_an_operator(faked: FakedTime, tmp_path: Path) -> None:
    """A clock that was wrong and is right now, as somebody says: the server that runs lets people in again."""
    environment = environment_of(f"sqlite:///{tmp_path}/store.db", tmp_path) | faked.environment
    await make_store(environment)
    faked.set(HOUR)
    async with running(environment, tmp_path) as node:
        await until_status(node, 101, await node.token())
        faked.set(0)
        await until_status(node, 503, await node.token())
        store = SqliteStore(tmp_path / "store.db", timeouts=PATIENT)
        await store.open()
        await accept_clock(store, Clock().wall())
        await store.close()
        await until(lambda: node.told("WARNING", "the clock was accepted as it is") == 1, "the server to hear of it")

        await until_status(node, 101, await node.token())


@asynccontextmanager
async def server_at(place: Path, ahead: float) -> AsyncIterator[GuardKit]:
    """A server on the store at this place whose clock is so far ahead."""
    store = SqliteStore(place / "store.db", timeouts=PATIENT)
    kit = chat_kit(store=store, limits=GENEROUS)
    kit.clock.wall += ahead
    await store.migrate(kit.clock.wall - ahead - HOUR)
    async with kit:
        yield kit


async def kept(kit: GuardKit) -> None:
    """What the server does of itself in the course of time."""
    for _ in range(int(SETTLING_SECONDS // 60) + 1):
        await kit.advance(60)
        await kit.guard.timekeeping.keep(kit.guard.watcher.store)


@in_loop
async def test_set_back_over_a_restart(tmp_path: Path) -> None:
    """What an earlier process had come to is on the disk: the next one, an hour earlier, lets nobody in."""
    async with server_at(tmp_path, HOUR) as kit:
        await kept(kit)
        await kit.connect("/ws")
    async with server_at(tmp_path, 0) as kit:
        await kit.assert_handshake_refused(503, "/ws", token=kit.token())
        await accept_clock(kit.guard.watcher.store, kit.clock.wall)
        await kit.guard.timekeeping.keep(kit.guard.watcher.store)
        await kit.connect("/ws")
    async with server_at(tmp_path, 0) as kit:
        await kit.connect("/ws")


@in_loop
async def test_set_back_it_refreshes_nobody(tmp_path: Path) -> None:
    """A token that has expired is no fresh one by a clock that was set back: "later", and the connection stays."""
    async with server_at(tmp_path, 0) as kit:
        expired = kit.token("ann", ttl=60)
        live = await kit.connect("/ws", token=kit.token("ann", ttl=600))
        await kit.advance(90)
        kit.clock.step_wall(-80)
        kit.guard.tick(kit.clock.monotonic)
        await live.assert_refused("unavailable", "wssec.refresh", {"token": expired})
        kit.clock.step_wall(80)

        assert {"expires_in"} == (await live.request("wssec.refresh", {"token": kit.token("ann")})).keys()


@in_loop
async def test_set_back_by_itself_it_is_over_in_time(tmp_path: Path) -> None:
    """Once the clock is where it was, everybody comes in again."""
    async with server_at(tmp_path, 0) as kit:
        live = await kit.connect("/ws")
        kit.clock.step_wall(-100)
        kit.guard.tick(kit.clock.monotonic)
        await kit.assert_handshake_refused(503, "/ws", token=kit.token())
        await kit.advance(70)

        await kit.connect("/ws")
        await live.assert_nothing_received()


@in_loop
async def test_a_glitch_forward_is_not_kept(tmp_path: Path) -> None:
    """A server that starts while the clock is a year ahead has kept nothing when it is right again after a minute."""
    async with server_at(tmp_path, YEAR) as kit:
        await kit.advance(60)
        await kit.guard.timekeeping.keep(kit.guard.watcher.store)
    async with server_at(tmp_path, 0) as kit:
        await kit.connect("/ws")


@in_loop
async def test_a_glitch_forward_prunes_nothing(tmp_path: Path) -> None:
    """Neither the store nor the memory loses what is revoked: by that clock it had long ended."""
    async with server_at(tmp_path, 0) as kit:
        token = kit.token("ann")
        await kit.guard.revoke(subject="ann")
        await kit.advance(SETTLING_SECONDS)
        kit.clock.step_wall(YEAR)
        kit.clock.monotonic += 600
        kit.guard.tick(kit.clock.monotonic)
        await kit.guard.watcher._prune()
        kit.clock.step_wall(-YEAR)
        await kit.advance(0)

        await kit.assert_handshake_refused(401, "/ws", token=token)
        assert 1 == len(await kit.guard.watcher.store.read_after(None, 10))


@in_loop
async def test_marks_are_few(tmp_path: Path) -> None:
    """One record of a machine, whatever the time; written once a minute at most."""
    async with server_at(tmp_path, 0) as kit:
        writes = 0
        store, put = kit.guard.watcher.store, kit.guard.watcher.store.put_record

        async def counted(*arguments: object, **options: object) -> bool:
            nonlocal writes
            writes += 1
            return await put(*arguments, **options)  # type: ignore[arg-type]  # as it was called

        store.put_record = counted  # type: ignore[method-assign]
        await kit.advance(SETTLING_SECONDS)
        for _ in range(600):
            kit.clock.advance(1)
            kit.guard.tick(kit.clock.monotonic)
            await kit.guard.timekeeping.keep(store)

        assert 10 <= writes <= 11
