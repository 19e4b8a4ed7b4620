"""What one node hears of a channel, whoever else is beginning to listen, and whatever other nodes were told to keep."""

import asyncio
from dataclasses import replace

from tornado_wssec.policy.broker import Kept, Resumed
from tornado_wssec.stores.redis_course import Course

from .broker_kit import Heard, said
from .kit import in_loop


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
    course = Course("room:a", Kept(10, 60.0), heard, read)
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
    course = Course("room:a", None, heard, read)
    course.hear(replace(said("before"), seq=5), after=4)
    course.mend()
    for seq in (7, 8):
        course.hear(replace(said(str(seq)), seq=seq), after=seq - 1)

    assert ["before", "gap", "7", "8"] == heard.texts()
