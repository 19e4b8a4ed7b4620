"""Admitted messages and their handler: in order, one at a time or as declared, and never more waiting than may."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from tests.kits import in_loop
from tornado_wssec.inbox import Inbox, SharedInbox
from tornado_wssec.policy.reserved import RESERVED


class Reader:
    """Counts pauses, and keeps what was handled."""

    def __init__(self) -> None:
        self.handled: list[Any] = []
        self.told: list[str] = []
        self.go_on = asyncio.Event()
        self.entered = asyncio.Event()

    async def handle(self, message: Any) -> None:
        self.entered.set()
        await self.go_on.wait()
        self.handled.append(message.id)

    def begin(self, message: Any) -> "asyncio.Future[None] | None":
        """Handle it now where there is nothing to wait for."""
        if message.waits:
            return asyncio.ensure_future(self.handle(message))
        self.handled.append(message.id)
        return None

    def inbox(self, most: int) -> Inbox:
        """An inbox that tells this reader."""
        return Inbox(self.begin, most, lambda: self.told.append("pause"), lambda: self.told.append("resume"))


def message(id: int, *, waits: bool = True) -> Any:
    """What stands for an admitted message here; `waits`: its handler waits for something."""
    return SimpleNamespace(id=id, waits=waits)


@in_loop
async def test_inbox_handles_at_once_what_waits_for_nothing() -> None:
    """Without a turn of the loop, as long as nothing is in front of it."""
    reader = Reader()
    inbox = reader.inbox(1)
    for number in range(3):
        inbox.put(message(number, waits=False))

    assert ([0, 1, 2], []) == (reader.handled, reader.told)


@in_loop
async def test_inbox_keeps_the_order_of_what_waits_and_what_does_not() -> None:
    """What waits for nothing waits for its turn all the same."""
    reader = Reader()
    inbox = reader.inbox(100)
    for number in range(20):
        inbox.put(message(number, waits=number % 3 == 0))
    assert [] == reader.handled
    reader.go_on.set()
    await inbox.settled()

    assert list(range(20)) == reader.handled


@in_loop
async def test_inbox_keeps_the_order() -> None:
    """One after the other, as they came."""
    reader = Reader()
    inbox = reader.inbox(100)
    for number in range(50):
        inbox.put(message(number))
    reader.go_on.set()
    await inbox.settled()

    assert list(range(50)) == reader.handled
    assert [] == reader.told


@in_loop
async def test_inbox_pauses_and_resumes() -> None:
    """It pauses once when full, and resumes once when half is done."""
    reader = Reader()
    inbox = reader.inbox(4)
    for number in range(10):
        inbox.put(message(number))
    assert ["pause"] == reader.told
    reader.go_on.set()
    await inbox.settled()

    assert (["pause", "resume"], list(range(10))) == (reader.told, reader.handled)


@in_loop
async def test_inbox_of_one() -> None:
    """The smallest bound works as well: one is handled, one waits."""
    reader = Reader()
    inbox = reader.inbox(1)
    inbox.put(message(1))
    assert [] == reader.told
    inbox.put(message(2))
    assert ["pause"] == reader.told
    reader.go_on.set()
    await inbox.settled()
    assert ["pause", "resume"] == reader.told
    inbox.put(message(3))
    await inbox.settled()

    assert [1, 2, 3] == reader.handled


@in_loop
async def test_closed_inbox_drops_what_waits() -> None:
    """What is being handled ends by itself; the rest is dropped, what still comes too, and reading goes on."""
    reader = Reader()
    inbox = reader.inbox(2)
    for number in range(5):
        inbox.put(message(number))
    await reader.entered.wait()
    inbox.close()
    assert ["pause", "resume"] == reader.told
    reader.go_on.set()
    await inbox.settled()
    inbox.put(message(5, waits=False))

    assert [0] == reader.handled


@in_loop
async def test_inbox_settled_when_empty() -> None:
    """Nothing to wait for is no wait."""
    waiting = asyncio.ensure_future(Reader().inbox(1).settled())
    await asyncio.sleep(0)

    assert waiting.done()


@in_loop
async def test_inbox_worker_that_is_cancelled() -> None:
    """The messages behind a cancelled one are handled by the next worker."""
    reader = Reader()
    inbox = reader.inbox(10)
    for number in range(3):
        inbox.put(message(number))
    await reader.entered.wait()
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    reader.go_on.set()
    await asyncio.sleep(0)
    await inbox.settled()

    assert [1, 2] == reader.handled


class Crew:
    """Handles as many messages as it is given, each until it is let go; keeps who began and who ended."""

    def __init__(self, at_once: int, most: int = 100) -> None:
        self.began: list[int] = []
        self.ended: list[int] = []
        self.told: list[str] = []
        self.doors: dict[int, asyncio.Event] = {}
        told = self.told.append
        self.inbox = SharedInbox(self.begin, most, lambda: told("pause"), lambda: told("resume"), at_once=at_once)

    def begin(self, message: Any) -> "asyncio.Future[None] | None":
        self.began.append(message.id)
        if message.waits:
            self.doors[message.id] = asyncio.Event()
            return asyncio.ensure_future(self.finish(message.id))
        self.ended.append(message.id)
        return None

    async def finish(self, id: int) -> None:
        await self.doors[id].wait()
        self.ended.append(id)

    def put(self, *ids: int, kind: type = str, waits: bool = True) -> None:
        """Put messages of a kind; `str` stands for an application's."""
        for id in ids:
            asked: Any = SimpleNamespace(id=id, waits=waits, spec=SimpleNamespace(message=kind))
            self.inbox.put(asked)

    async def let(self, *ids: int) -> None:
        """Let some end, and what waited for them begin."""
        for id in ids:
            self.doors[id].set()
        for _ in range(4):
            await asyncio.sleep(0)


@in_loop
async def test_shared_inbox_handles_as_many_as_declared() -> None:
    """The next one begins as soon as any has ended, in the order in which they came."""
    crew = Crew(3)
    crew.put(0, 1, 2, 3, 4)
    assert [0, 1, 2] == crew.began
    await crew.let(2)
    assert [0, 1, 2, 3] == crew.began
    await crew.let(0, 3)
    await crew.let(1, 4)

    assert ([0, 1, 2, 3, 4], [2, 0, 3, 1, 4]) == (crew.began, crew.ended)


@in_loop
async def test_shared_inbox_lets_nobody_overtake_who_waits() -> None:
    """What waits for nothing is handled at once while there is room, and in its turn where there is none."""
    crew = Crew(2)
    crew.put(0)
    crew.put(1, waits=False)
    crew.put(2, 3)
    crew.put(4, waits=False)
    assert ([0, 1, 2], [1]) == (crew.began, crew.ended)
    await crew.let(0)

    assert ([0, 1, 2, 3], [1, 0]) == (crew.began, crew.ended)
    await crew.let(2)
    assert [1, 0, 2, 4] == crew.ended
    await crew.let(3)


@pytest.mark.parametrize("own", RESERVED)
@in_loop
async def test_shared_inbox_handles_the_protocols_own_alone(own: type) -> None:
    """All before it are done by then, and none behind it begins until it is done."""
    crew = Crew(4)
    crew.put(0, 1)
    crew.put(2, kind=own)
    crew.put(3, 4)
    assert [0, 1] == crew.began
    await crew.let(0)
    assert [0, 1] == crew.began
    await crew.let(1)
    assert [0, 1, 2] == crew.began
    await crew.let(2)

    assert [0, 1, 2, 3, 4] == crew.began
    await crew.let(3, 4)


@in_loop
async def test_shared_inbox_pauses_and_resumes() -> None:
    """What runs does not count as waiting; the bound is that of any inbox."""
    crew = Crew(2, most=2)
    crew.put(0, 1, 2)
    assert [] == crew.told
    crew.put(3)
    assert ["pause"] == crew.told
    await crew.let(0)
    assert ["pause", "resume"] == crew.told
    await crew.let(1)
    await crew.let(2, 3)
    await crew.inbox.settled()

    assert (["pause", "resume"], [0, 1, 2, 3]) == (crew.told, crew.ended)


@in_loop
async def test_shared_inbox_that_is_closed_drops_what_waits() -> None:
    """What is being handled ends by itself, and `settled` waits for all of it."""
    crew = Crew(2)
    crew.put(0, 1, 2, 3)
    crew.inbox.close()
    settled = asyncio.ensure_future(crew.inbox.settled())
    await crew.let(1)
    assert not settled.done()
    await crew.let(0)
    crew.put(4)

    assert ([1, 0], [0, 1], True) == (crew.ended, crew.began, settled.done())
