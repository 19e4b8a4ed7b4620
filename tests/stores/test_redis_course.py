"""What one node hears of a channel, whoever else is beginning to listen, and whatever other nodes were told to keep."""

import asyncio
from dataclasses import replace

import pytest

from tests.waiting import until
from tornado_wssec.errors import StoreUnavailable
from tornado_wssec.policy.broker import Broadcast, Kept, Resumed
from tornado_wssec.policy.history import FRESH
from tornado_wssec.stores import redis_course
from tornado_wssec.stores.redis_course import Course

from .broker_kit import Heard, said
from .kit import in_loop


def never() -> None:
    """What is told of a publication that the server has not numbered."""
    raise AssertionError("everything is ours here")


@in_loop
async def test_course_begun_twice_at_once() -> None:
    """What the first was promised is on its way still when the second is told where the channel is."""
    numbers, second_may_read = iter([9, 10]), asyncio.Event()

    async def read(since: int | None) -> Resumed:
        seq = next(numbers)
        if seq == 10:
            await second_may_read.wait()
        await asyncio.sleep(0)
        return Resumed(seq)

    heard = Heard()
    course = Course("room:a", Kept(10, 60.0), heard, read, never)
    first, second = asyncio.create_task(course.begin()), asyncio.create_task(course.begin())
    await first
    second_may_read.set()
    await second
    course.hear(replace(said("promised"), seq=10), after=9)

    assert ["promised"] == heard.texts()


@in_loop
async def test_course_of_what_others_keep() -> None:
    """A node that was not told to keep a channel, as one not updated yet, loses no more than what is missing."""

    async def read(since: int | None) -> Resumed:
        raise AssertionError("nothing is kept here")

    heard = Heard()
    course = Course("room:a", None, heard, read, never)
    course.hear(replace(said("before"), seq=5), after=4)
    course.mend()
    for seq in (7, 8):
        course.hear(replace(said(str(seq)), seq=seq), after=seq - 1)

    assert ["before", "gap", "7", "8"] == heard.texts()


HIGHEST = 2**53 - 1


class Server:
    """Numbers publications, and knows how far it has come.

    Args:
        seq: of the last one.
    """

    def __init__(self, seq: int) -> None:
        self.seq = seq
        self.told: list[Broadcast] = []
        self.asked = 0
        self.is_down = False

    async def read(self, since: int | None) -> Resumed:
        await asyncio.sleep(0)
        self.asked += 1
        if self.is_down:
            raise StoreUnavailable("down")
        missed = [one for one in self.told if since is not None and (one.seq or 0) > since]
        return Resumed(self.seq, missed)


@pytest.mark.parametrize(("seq", "after"), [(HIGHEST, FRESH), (HIGHEST, HIGHEST - 1), (12, FRESH), (12, 11)])
@in_loop
async def test_course_of_what_the_server_has_not_numbered(seq: int, after: int) -> None:
    """It is ignored once the server has been asked, and ends nothing: what comes behind it is heard."""
    heard, server, ignored = Heard(), Server(9), list[int]()
    course = Course("room:a", Kept(10, 60.0), heard, server.read, lambda: ignored.append(1))
    await course.begin()
    course.hear(replace(said("planted"), seq=seq), after=after)
    server.seq, server.told = 10, [replace(said("ours"), seq=10)]
    course.hear(server.told[0], after=9)
    await until(lambda: heard.texts() == ["ours"])
    course.hear(replace(said("next"), seq=11), after=10)

    assert (["ours", "next"], 1, 2) == (heard.texts(), len(ignored), server.asked)


@in_loop
async def test_course_asks_once_for_what_follows_nothing() -> None:
    """The first publication, and what came while the server was asked, are heard in their order."""
    heard, server = Heard(), Server(9)
    course = Course("room:a", Kept(10, 60.0), heard, server.read, never)
    await course.begin()
    server.seq = 52
    for seq, after in ((50, FRESH), (51, 50), (52, 51)):
        course.hear(replace(said(str(seq)), seq=seq), after=after)
    await until(lambda: heard.texts() == ["50", "51", "52"])
    course.hear(replace(said("53"), seq=53), after=52)

    assert (["50", "51", "52", "53"], 2) == (heard.texts(), server.asked)


@in_loop
async def test_course_that_cannot_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says that something may be missing, and goes on with what comes once it can."""
    monkeypatch.setattr(redis_course, "ATTEMPT_SECONDS", 0.0)
    heard, server = Heard(), Server(9)
    course = Course("room:a", Kept(10, 60.0), heard, server.read, never)
    await course.begin()
    server.is_down = True
    course.hear(replace(said("lost"), seq=50), after=FRESH)
    await until(lambda: heard.texts() == ["gap"])
    server.is_down, server.seq = False, 51
    course.hear(replace(said("51"), seq=51), after=50)
    await until(lambda: heard.texts() == ["gap", "51"])

    assert ["gap", "51"] == heard.texts()


@in_loop
async def test_course_that_is_not_kept_is_ended_by_no_number() -> None:
    """A high one that somebody else has sent is no last one."""
    heard, server = Heard(), Server(9)
    course = Course("room:a", None, heard, server.read, never)
    for seq in (HIGHEST, 10, 11):
        course.hear(replace(said(str(seq)), seq=seq), after=FRESH)

    assert ([str(HIGHEST), "10", "11"], 0) == (heard.texts(), server.asked)
