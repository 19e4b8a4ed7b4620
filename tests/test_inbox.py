"""Admitted messages and their handler: in order, one at a time, and never more waiting than may."""

import asyncio
from types import SimpleNamespace
from typing import Any

from tests.kits import in_loop
from tornado_wssec.inbox import Inbox


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
