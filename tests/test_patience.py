"""A deadline over work that nearly never waits."""

import asyncio
import contextvars
from contextlib import suppress

import pytest

from tests.kits import in_loop
from tornado_wssec.patience import OutOfPatience, patiently

LONG = 3_600.0
KNOWN: contextvars.ContextVar[str] = contextvars.ContextVar("KNOWN", default="")


async def at_once(value: str) -> str:
    """Work that waits for nothing."""
    return value


async def waits_for(*futures: "asyncio.Future[str]") -> list[str]:
    """Work that waits for one after the other."""
    return [await future for future in futures]


def done(value: str) -> "asyncio.Future[str]":
    """A future that will be done as soon as somebody waits."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[str] = loop.create_future()
    loop.call_soon(future.set_result, value)
    return future


@in_loop
async def test_work_that_does_not_wait_has_no_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its result is there at once, and nothing has been armed for it."""
    armed: list[object] = []
    monkeypatch.setattr(asyncio.get_running_loop(), "call_at", lambda *given, **named: armed.append(given))

    assert "known" == await patiently(at_once("known"), LONG)
    assert [] == armed


@in_loop
async def test_work_that_waits_gets_what_it_waits_for() -> None:
    """However often it waits, also for a turn of the loop."""

    async def work() -> list[str]:
        await asyncio.sleep(0)
        return await waits_for(done("a"), done("b"))

    assert ["a", "b"] == await patiently(work(), LONG)


@in_loop
async def test_work_out_of_patience_is_cancelled() -> None:
    """What it waited for is let go of, and the cancellation ends with it."""
    never: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    with pytest.raises(OutOfPatience):
        await patiently(waits_for(never), 0.0)

    task = asyncio.current_task()
    assert task is not None
    assert (True, 0) == (never.cancelled(), task.cancelling())


@in_loop
async def test_work_that_swallows_its_cancellation_is_late_all_the_same() -> None:
    """What it answers then is dropped."""

    async def work() -> str:
        with suppress(asyncio.CancelledError):
            await waits_for(asyncio.get_running_loop().create_future())
        return "late"

    with pytest.raises(OutOfPatience):
        await patiently(work(), 0.0)


@in_loop
async def test_work_that_fails_as_it_is_cancelled_is_late_all_the_same() -> None:
    """What it makes of its cancellation is not told, nor kept by the error."""

    async def work() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            raise ValueError("a secret") from None

    with pytest.raises(OutOfPatience) as caught:
        await patiently(work(), 0.0)

    assert caught.value.__context__ is None


@pytest.mark.parametrize("turns", [0, 1])
@in_loop
async def test_a_failure_is_the_works_own(turns: int) -> None:
    """Before it waits and after, a TimeoutError too."""

    async def work() -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        raise TimeoutError("of its own")

    with pytest.raises(TimeoutError, match="of its own"):
        await patiently(work(), LONG)


@in_loop
async def test_work_hears_what_it_waited_for_fail() -> None:
    """An exception arrives where the work waits, which may go on."""
    failed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(failed.set_exception, OSError("gone"))

    async def work() -> list[str]:
        try:
            await failed
        except OSError:
            return await waits_for(done("again"))
        return []

    assert ["again"] == await patiently(work(), LONG)


@in_loop
async def test_a_cancellation_from_outside_reaches_the_work() -> None:
    """It is neither swallowed nor taken for the deadline's."""
    never: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    task = asyncio.ensure_future(patiently(waits_for(never), LONG))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert never.cancelled()


@in_loop
async def test_work_may_use_timeouts_and_groups_of_its_own() -> None:
    """It runs in the task that asks, and sees its context."""
    KNOWN.set("here")

    async def work() -> list[str]:
        async with asyncio.timeout(LONG), asyncio.TaskGroup() as group:
            one = group.create_task(at_once(KNOWN.get()))
            return [await asyncio.wait_for(done("other"), LONG), await one]

    assert ["other", "here"] == await patiently(work(), LONG)
