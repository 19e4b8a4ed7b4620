"""What is kept for the page: an hour, bounded, and nothing before somebody asks for a page."""

import json
from itertools import pairwise

from tests.kits import CHAT, ChatSocket, in_loop
from tests.ops.crowd import fill
from tests.ops.kit import operations_kit, operator
from tornado_wssec.ops.observer import LINES, SAMPLES, SCAN_SECONDS, Observer
from tornado_wssec.policy.revocations import RevocationIndex
from tornado_wssec.testing import GuardKit


def observer_of(kit: GuardKit) -> Observer:
    """That of the guard."""
    observer = kit.guard.audit.watcher
    assert isinstance(observer, Observer)
    return observer


@in_loop
async def test_observer_samples_what_happened_in_between() -> None:
    """Every five seconds: connections as they are, refusals since the sample before."""
    async with operations_kit() as kit:
        await kit.advance(0)
        await kit.assert_handshake_refused(401, "/ws")
        await kit.assert_handshake_refused(403, "/ws", origin="https://evil.example")
        await fill(kit.guard, ChatSocket, 3)
        await kit.advance(4)
        await kit.advance(1)
        await kit.advance(5)
        samples = list(observer_of(kit).samples)

        assert [(0, {}), (3, {"credential": 1, "origin": 1}), (3, {})] == [
            (one.connections, one.refused) for one in samples
        ]
        assert [5.0, 5.0] == [later.at - one.at for one, later in pairwise(samples)]


@in_loop
async def test_observer_is_bounded() -> None:
    """An hour of samples and the newest lines, however long it runs."""
    async with operations_kit() as kit:
        observer = observer_of(kit)
        for each in range(2_000):
            observer.put(f'{{"n": {each}')
            observer.look(each * 10.0)
        seq, lines = observer.lines_after(0)

        assert (SAMPLES, LINES) == (len(observer.samples), len(lines))
        assert (1_999, True) == (json.loads(lines[-1])["n"], seq >= 2_000)


@in_loop
async def test_observer_looks_through_connections_once_a_second_at_most() -> None:
    """However many operators look on."""
    async with operations_kit() as kit:
        observer = observer_of(kit)
        before = observer.scan()
        await fill(kit.guard, ChatSocket, 5)
        at_once = observer.scan()
        await kit.advance(SCAN_SECONDS)
        later = observer.scan()

        assert (True, 0, 5) == (at_once is before, at_once.endpoints.total(), later.endpoints.total())


@in_loop
async def test_observer_is_one_for_each_guard() -> None:
    """Routes that are asked for twice share it; two guards in one process show themselves alone."""
    async with operations_kit() as one, operations_kit() as other:
        first = observer_of(one)
        one.guard.routes(ops=True)
        await fill(one.guard, ChatSocket, 2)
        here, there = await operator(one), await operator(other)

        assert first is observer_of(one)
        assert (3, 1) == tuple(
            [(await client.request("ops.overview", {"since": 0.0}))["connections"] for client in (here, there)]
        )


def test_observer_starts_without_a_server() -> None:
    """Routes are made before anything runs: nothing is asked of a store or a loop for it."""
    kit = GuardKit([], registry=CHAT)
    observer = Observer(kit.guard, index=RevocationIndex(), readiness=kit.guard._readiness)

    assert (0, (0, [])) == (len(observer.samples), observer.lines_after(0))
