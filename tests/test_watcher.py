"""The mirror of the store: nothing is lost between looks, and a store that fails is noticed in time."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from tests.kits import GENEROUS, chat_kit, in_loop
from tornado_wssec import Clock, Timeouts
from tornado_wssec.errors import StoreUnavailable
from tornado_wssec.policy.revocations import Kind, LogEntry, make_revocation
from tornado_wssec.stores.base import Generation
from tornado_wssec.stores.memory import MemoryStore
from tornado_wssec.testing import GuardKit
from tornado_wssec.testing.clock import NOON


class Fickle(MemoryStore):
    """A store that can be told to fail: at once, or after so many reads."""

    def __init__(self) -> None:
        super().__init__(wall=lambda: NOON)
        self.failing: Exception | None = None
        self.fails_after: int | None = None
        self.made: Generation | None = None
        self.reads: list[str | None] = []

    async def generation(self) -> Generation | None:
        if self.failing is not None:
            raise self.failing
        return self.made or await super().generation()

    async def read_after(self, cursor: str | None, limit: int) -> Sequence[LogEntry]:
        self.reads.append(cursor)
        if self.fails_after is not None and len(self.reads) > self.fails_after:
            raise StoreUnavailable("cut off")
        return await super().read_after(cursor, limit)


def about(kit: GuardKit, subject: str) -> Any:
    """A revocation of a subject, as another node would write it."""
    return make_revocation(Kind.SUBJECT, subject, kit.clock.wall, rules=kit.guard.rules)


async def told(kit: GuardKit, seconds: float) -> None:
    """Let time pass while the store fails: nothing is raised, the deadlines are looked at."""
    kit.clock.advance(seconds)
    with pytest.raises(StoreUnavailable):
        await kit.guard.watcher.catch_up()
    kit.guard.tick(kit.clock.monotonic)


@in_loop
async def test_watcher_catches_up() -> None:
    """Everything between two looks is read, in more pieces than one, from where the last look ended."""
    store = Fickle()
    async with chat_kit(store=store, limits=GENEROUS) as kit:
        clients = [await kit.connect("/ws", subject=f"u{number}") for number in range(3)]
        for number in range(2_500):
            await store.append(about(kit, f"u{number}"))
        await kit.guard.watcher.catch_up()

        for client in clients:
            await client.assert_closed(4403)
        before = len(store.reads)
        await store.append(about(kit, "late"))
        await kit.guard.watcher.catch_up()
        assert None not in store.reads[before:]
        await kit.assert_handshake_refused(401, "/ws", token=kit.token("late"))


@in_loop
async def test_watcher_cut_off_in_the_middle() -> None:
    """What was read before the store failed is enforced, and the rest is not missed afterwards."""
    store = Fickle()
    async with chat_kit(store=store, limits=GENEROUS) as kit:
        first, last = await kit.connect("/ws", subject="u0"), await kit.connect("/ws", subject="u1500")
        for number in range(1_501):
            await store.append(about(kit, f"u{number}"))
        store.fails_after = len(store.reads) + 1
        with pytest.raises(StoreUnavailable):
            await kit.guard.watcher.catch_up()
        await first.assert_closed(4403)
        await last.assert_nothing_received()
        store.fails_after = None
        await kit.guard.watcher.catch_up()

        await last.assert_closed(4403)


@in_loop
async def test_watcher_store_that_fails() -> None:
    """New connections get 503 after 30 s, live ones go with 1013 after 60 s, and both come back with the store."""
    store, times = Fickle(), Timeouts()
    async with chat_kit(store=store, limits=GENEROUS) as kit:
        client = await kit.connect("/ws")
        store.failing = StoreUnavailable("frozen")
        await told(kit, times.mirror_for_new)
        second = await kit.connect("/ws")
        await told(kit, 0.5)
        answer = await kit.assert_handshake_refused(503, "/ws", token=kit.token())
        assert int(answer.headers["retry-after"]) >= 1
        for each in (client, second):
            await each.assert_nothing_received()
        await told(kit, times.mirror_for_live - times.mirror_for_new - 0.5)
        for each in (client, second):
            await each.assert_nothing_received()
        await told(kit, 0.5)

        for each in (client, second):
            assert "store too stale" == await each.assert_closed(1013)
        store.failing = None
        await kit.advance(0)
        await kit.connect("/ws")


@in_loop
async def test_watcher_strict() -> None:
    """With a grace of nothing, live connections go as soon as the mirror is older than one look."""
    store, times = Fickle(), Timeouts.strict()
    async with chat_kit(store=store, timeouts=times) as kit:
        client = await kit.connect("/ws")
        store.failing = StoreUnavailable("frozen")
        await told(kit, 1 + 2 * times.store_call)
        await client.assert_nothing_received()
        await told(kit, 0.25)

        await client.assert_closed(1013)


@in_loop
async def test_watcher_store_that_lost_its_generation() -> None:
    """An empty store never means "nothing is revoked": nobody new comes in, and what was revoked stays so."""
    store = Fickle()
    async with chat_kit(store=store, limits=GENEROUS) as kit:
        client = await kit.connect("/ws", subject="bob")
        await kit.guard.revoke(subject="ann")
        store._kept.generation = None
        await kit.guard.watcher.catch_up()
        await kit.assert_handshake_refused(503, "/ws", token=kit.token("bob"))
        await client.assert_nothing_received()
        store._kept.make(NOON)
        await kit.guard.watcher.catch_up()

        await kit.assert_handshake_refused(401, "/ws", token=kit.token("ann"))
        await kit.connect("/ws", subject="bob")


@in_loop
async def test_watcher_new_generation(caplog: pytest.LogCaptureFixture) -> None:
    """Of a new generation the log is read from the start, and tokens from before it are refused."""
    store = Fickle()
    async with chat_kit(store=store, limits=GENEROUS) as kit:
        old = kit.token("ann")
        await kit.connect("/ws", token=old)
        await kit.guard.revoke(subject="eve")
        await kit.guard.watcher.catch_up()
        assert None not in store.reads[-1:]
        kit.clock.advance(20)
        store.made = Generation("another", NOON + 20)
        before = len(store.reads)
        await kit.guard.watcher.catch_up()

        assert None is store.reads[before]
        await kit.assert_handshake_refused(401, "/ws", token=old)
        await kit.connect("/ws", token=kit.token("ann"))
    assert "another generation than before" in caplog.text


@in_loop
async def test_watcher_older_generation() -> None:
    """A store that has gone back to an older life is not believed."""
    store = Fickle()
    async with chat_kit(store=store) as kit:
        store.made = Generation("older", NOON - 1_000)
        await kit.guard.watcher.catch_up()

        await kit.assert_handshake_refused(503, "/ws", token=kit.token())


@in_loop
async def test_watcher_store_that_fails_at_the_start() -> None:
    """The server starts, answers 503, and opens when the store does."""
    store = Fickle()
    store.failing = StoreUnavailable("not yet")
    async with chat_kit(store=store) as kit:
        await kit.assert_handshake_refused(503, "/ws", token=kit.token())
        await kit.assert_handshake_refused(503, "/ws")
        store.failing = None
        await kit.advance(0)
        await kit.connect("/ws")


@pytest.mark.parametrize("failure", [StoreUnavailable("frozen"), RuntimeError("a mistake of ours")], ids=repr)
@in_loop
async def test_watcher_follows_by_itself(failure: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """Started for real, it sees what another node writes within moments, also after the store has failed."""
    monkeypatch.setattr("tornado_wssec.watcher.RETRY_SECONDS", 0.01)
    store = Fickle()
    async with chat_kit(store=store, limits=GENEROUS) as kit:
        await kit.guard.stop()
        await kit.guard.start()
        kit.port = kit.guard.listen(kit.app, 0)
        for subject in ("ann", "bob"):
            client = await kit.connect("/ws", subject=subject)
            store.failing = failure
            await store.append(about(kit, subject))
            await asyncio.sleep(0)
            store.failing = None
            await client.assert_closed(4403)


@in_loop
async def test_sweep_outlives_a_mistake(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """A sweep that fails is logged, and the next one still ends who is due."""
    async with chat_kit(timeouts=Timeouts(tick=0.01, mirror_for_live=10_000.0)) as kit:
        await kit.guard.stop()
        sweep, failed = kit.guard.hub.sweep, asyncio.Event()

        def fail_once(now: float) -> None:
            monkeypatch.setattr(kit.guard.hub, "sweep", sweep)
            failed.set()
            raise RuntimeError("s3cr3t")

        monkeypatch.setattr(kit.guard.hub, "sweep", fail_once)
        await kit.guard.start()
        kit.port = kit.guard.listen(kit.app, 0)
        client = await kit.connect("/ws")
        await failed.wait()
        kit.clock.advance(660)

        await client.assert_closed(4001)
    assert "a sweep over the deadlines failed: RuntimeError at" in caplog.text
    assert "s3cr3t" not in caplog.text


def test_clock_is_the_machines() -> None:
    """Unless told otherwise, both clocks are the machine's own."""
    clock = Clock()

    assert clock.wall() > NOON - 10**9
    assert clock.monotonic() <= clock.monotonic()
