"""What a node knows and the store has lost is written again."""

import asyncio
from collections.abc import Awaitable

import pytest

from tests.stores.kit import NOW, in_loop, moderation, opened, revocation, undo, whole_log
from tornado_wssec.errors import NotAcknowledged, StoreUnavailable
from tornado_wssec.policy.revocations import Body, LogEntry, RevocationIndex
from tornado_wssec.reassertion import AT_ONCE, Reassertion
from tornado_wssec.stores.memory import MemoryStore


def knowing(*bodies: Body) -> tuple[RevocationIndex, Reassertion]:
    """A node that knows these."""
    index = RevocationIndex()
    for body in bodies:
        index.apply(LogEntry("", body))
    return index, Reassertion(index)


class Trying(MemoryStore):
    """A store that refuses an entry so many times."""

    def __init__(self, *faults: Exception) -> None:
        super().__init__()
        self.faults = list(faults)
        self.most = self.under_way = 0

    async def append(self, body: Body) -> LogEntry:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(0)
        self.under_way -= 1
        if self.faults:
            fault = self.faults.pop()
            if isinstance(fault, NotAcknowledged):
                await super().append(body)
            raise fault
        return await super().append(body)


@in_loop
async def test_reassertion_writes_what_is_missing() -> None:
    """As it was, what was taken back as taken back, and nothing else."""
    _, reassertion = knowing(revocation("a"), revocation("b"), revocation("c"), undo("c"))
    async with opened(MemoryStore()) as store:
        await store.append(revocation("a"))
        assert 2 == reassertion.compare({"a"}, set(), ended=NOW, now=NOW)
        await reassertion.write(store)

        assert [revocation("a"), revocation("b"), undo("c")] == await whole_log(store)


@in_loop
async def test_reassertion_writes_what_moderators_decided() -> None:
    """What was taken back, too: whoever reads both in whatever order knows which is the later."""
    _, reassertion = knowing()
    reassertion.moderations = lambda: [moderation("a"), moderation("b", expires_at=NOW - 1), moderation("c")]
    async with opened(MemoryStore()) as store:
        await store.append(moderation("a"))
        assert 1 == reassertion.compare(set(), set(), {"a"}, ended=NOW, now=NOW)
        await reassertion.write(store)

        assert [moderation("a"), moderation("c")] == await whole_log(store)


@in_loop
async def test_reassertion_by_two_is_one() -> None:
    """Two nodes that know the same write each entry once."""
    async with opened(MemoryStore()) as store:
        for _ in range(2):
            _, reassertion = knowing(revocation("a"))
            reassertion.compare(set(), set(), ended=NOW, now=NOW)
            await reassertion.write(store)

        assert [revocation("a")] == await whole_log(store)


def test_reassertion_leaves_out_what_has_ended() -> None:
    """It can match nothing any more; what never ends is written."""
    _, reassertion = knowing(revocation("ended", expires_at=NOW - 1), revocation("key", expires_at=None))

    assert 1 == reassertion.compare(set(), set(), ended=NOW, now=NOW)


def test_reassertion_of_a_whole_log_is_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """And nothing is told."""
    _, reassertion = knowing(revocation("a"))

    assert (0, 0, []) == (reassertion.compare({"a"}, set(), ended=NOW, now=NOW), len(reassertion), caplog.records)


@in_loop
async def test_reassertion_is_tried_until_it_is_done(caplog: pytest.LogCaptureFixture) -> None:
    """A store that fails in between gets the rest later; what is not acknowledged is there, and is said."""
    _, reassertion = knowing(*(revocation(f"r{number}") for number in range(20)))
    async with opened(Trying(NotAcknowledged("no replica"), StoreUnavailable("gone again"))) as store:
        reassertion.compare(set(), set(), ended=NOW, now=NOW)
        with pytest.raises(StoreUnavailable):
            await reassertion.write(store)
        await reassertion.write(store)

        assert {f"r{number}" for number in range(20)} == {body.id for body in await whole_log(store)}
        assert isinstance(store, Trying)
        assert AT_ONCE == store.most
    assert 0 == len(reassertion)


@in_loop
async def test_reassertion_runs_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whenever something is found to be missing, and whatever goes wrong."""
    monkeypatch.setattr("tornado_wssec.reassertion.RETRY_SECONDS", 0.0)
    _, reassertion = knowing(revocation("a"))
    async with opened(Trying(StoreUnavailable("gone again"), RuntimeError("a mistake of ours"))) as store:
        running = asyncio.ensure_future(reassertion.run(store))
        reassertion.compare(set(), set(), ended=NOW, now=NOW)
        async with asyncio.timeout(10):
            while not await whole_log(store):
                await _turn()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

        assert [revocation("a")] == await whole_log(store)


@in_loop
async def test_reassertion_compared_anew_while_it_writes() -> None:
    """What is found then is not mistaken for what has just been written."""
    index, reassertion = knowing(revocation("a"))
    async with opened(Trying()) as store:
        reassertion.compare(set(), set(), ended=NOW, now=NOW)
        writing: Awaitable[None] = asyncio.ensure_future(reassertion.write(store))
        await _turn()
        index.apply(LogEntry("", revocation("b")))
        reassertion.compare({"a"}, set(), ended=NOW, now=NOW)
        await writing
        assert 1 == len(reassertion)
        await reassertion.write(store)

        assert {"a", "b"} == {body.id for body in await whole_log(store)}


async def _turn() -> None:
    await asyncio.sleep(0)
