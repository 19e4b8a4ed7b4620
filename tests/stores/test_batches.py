"""Requests gather while a batch is being done, and each gets its own outcome."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from tornado_wssec.errors import StoreUnavailable
from tornado_wssec.stores.batches import MOST_AT_ONCE, Batches

from .kit import in_loop


class Desk:
    """Does batches of numbers when it is let, and notes them."""

    def __init__(self, within: float = 30.0) -> None:
        self.batches = Batches[int](self.do, within)
        self.done: list[list[int]] = []
        self.may_go_on = asyncio.Event()
        self.fault: Exception | None = None

    async def do(self, requests: Sequence[int], within: float) -> Sequence[Any]:
        await self.may_go_on.wait()
        self.done.append(list(requests))
        if self.fault is not None:
            raise self.fault
        return [KeyError(number) if number < 0 else number * 2 for number in requests]

    async def asking(self, *numbers: int) -> "list[asyncio.Task[Any]]":
        """Calls that have been made and wait."""
        tasks = [asyncio.create_task(self.batches.ask(number)) for number in numbers]
        await turns()
        return tasks


async def turns() -> None:
    """Let everybody else go as far as they can."""
    for _ in range(10):
        await asyncio.sleep(0)


@in_loop
async def test_batches_of_one_do_not_wait() -> None:
    """A request that comes alone is done alone."""
    desk = Desk()
    desk.may_go_on.set()

    assert [2, 4] == [await desk.batches.ask(number) for number in (1, 2)]
    assert [[1], [2]] == desk.done


@in_loop
async def test_batches_gather_while_one_is_done() -> None:
    """What arrives meanwhile goes together, in its order."""
    desk = Desk()
    first = await desk.asking(1)
    others = await desk.asking(2, 3, 4)
    desk.may_go_on.set()

    assert [2, 4, 6, 8] == await asyncio.gather(*first, *others)
    assert [[1], [2, 3, 4]] == desk.done


@in_loop
async def test_batches_are_bounded() -> None:
    """However many wait, the thread gets so many at once."""
    desk = Desk()
    tasks = await desk.asking(0, *range(1, MOST_AT_ONCE + 2))
    desk.may_go_on.set()
    await asyncio.gather(*tasks)

    assert [MOST_AT_ONCE, 2] == [len(batch) for batch in desk.done]


@in_loop
async def test_batches_give_each_its_outcome() -> None:
    """An exception for one is no exception for its neighbours."""
    desk = Desk()
    first = await desk.asking(1)
    others = await desk.asking(2, -3, 4)
    desk.may_go_on.set()
    two, three, four = await asyncio.gather(*others, return_exceptions=True)

    assert [2, 4, 8] == [*(await asyncio.gather(*first)), two, four]
    assert isinstance(three, KeyError)


@in_loop
async def test_batches_fail_together() -> None:
    """What was rolled back is told to all whose it was, and the next batch is done."""
    desk = Desk()
    desk.may_go_on.set()
    desk.fault = StoreUnavailable("full")
    failed = await asyncio.gather(*(desk.batches.ask(number) for number in (1, 2)), return_exceptions=True)
    desk.fault = None

    assert [desk.done[0], [StoreUnavailable] * 2] == [[1, 2], [type(error) for error in failed]]
    assert 6 == await desk.batches.ask(3)


@in_loop
async def test_batches_leave_out_who_has_left() -> None:
    """A caller that was cancelled while it waited is not served, nor missed once it was."""
    desk = Desk()
    begun = await desk.asking(1)
    waiting = await desk.asking(2)
    for task in (*begun, *waiting):
        task.cancel()
    desk.may_go_on.set()
    await turns()

    assert 6 == await desk.batches.ask(3)
    assert [[1], [3]] == desk.done


@in_loop
async def test_batches_serve_the_neighbours_of_who_has_left() -> None:
    """A caller that is cancelled while its batch is being done takes nobody along."""
    desk = Desk()
    leaving, staying = [asyncio.create_task(desk.batches.ask(number)) for number in (1, 2)]
    await turns()
    leaving.cancel()
    await turns()
    desk.may_go_on.set()

    assert 4 == await asyncio.wait_for(staying, 30)
    assert [[1, 2]] == desk.done


@in_loop
async def test_batches_are_not_begun_too_late() -> None:
    """Whoever waited for the batch before until the patience was gone is told, and nothing is done."""
    desk = Desk(within=0.0)
    desk.may_go_on.set()
    with pytest.raises(StoreUnavailable, match="the store was busy for 0 s; nothing was done"):
        await desk.batches.ask(1)

    assert [] == desk.done
