"""The thread works for whoever waits, and for nobody longer than they wait."""

import asyncio
import gc
import threading
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest

from tornado_wssec.errors import NotAcknowledged, StoreCorrupt, StoreUnavailable
from tornado_wssec.stores.worker import Worker, _Inbox, _Job, _serve

from .kit import in_loop


class Resource:
    """Notes what was done with it, and by which threads."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.threads = {threading.current_thread()}
        self.may_go_on = threading.Event()
        self.is_stuck = threading.Event()

    def note(self, what: str) -> str:
        self.threads.add(threading.current_thread())
        self.done.append(what)
        return what

    def stick(self) -> str:
        """Block the thread, as a disk that does not answer."""
        self.is_stuck.set()
        self.may_go_on.wait(30)
        return self.note("stuck")

    def close(self) -> None:
        self.note("close")


@asynccontextmanager
async def working() -> AsyncIterator[tuple[Worker[Resource], Resource]]:
    """A worker and the resource in its thread."""
    worker = Worker("test://", Resource)
    resource = await worker.call(lambda it: it, 30)
    yield worker, resource
    resource.may_go_on.set()
    await worker.stop(30)


async def stuck(worker: Worker[Resource], resource: Resource, patience: float = 30) -> "asyncio.Task[str]":
    """A call in which the thread is stuck."""
    task = asyncio.create_task(worker.call(lambda it: it.stick(), patience, NotAcknowledged))
    await asyncio.to_thread(resource.is_stuck.wait, 30)
    return task


@in_loop
async def test_worker_does_everything_in_one_other_thread() -> None:
    """Made, used and closed: the resource sees one thread, and it is not ours."""
    async with working() as (worker, resource):
        await worker.call(lambda it: it.note("a"), 30)

    assert ["a", "close"] == resource.done
    assert 1 == len(resource.threads)
    assert threading.current_thread() not in resource.threads


@in_loop
async def test_worker_keeps_the_order() -> None:
    """What was asked for first is done first."""
    async with working() as (worker, resource):
        asked = [str(number) for number in range(50)]
        answers = await asyncio.gather(*(worker.call(partial(Resource.note, what=one), 30) for one in asked))

        assert (asked, asked) == (answers, resource.done)


@pytest.mark.parametrize("error", [StoreCorrupt("damaged"), KeyError("bug"), SystemExit(3)])
@in_loop
async def test_worker_hands_errors_to_the_caller(error: BaseException) -> None:
    """Whatever is raised reaches who asked, and the thread lives on."""

    def fail(_: Resource) -> str:
        raise error

    async with working() as (worker, _):
        with pytest.raises(type(error)) as caught:
            await worker.call(fail, 30)

        assert error is caught.value
        assert "b" == await worker.call(lambda it: it.note("b"), 30)


@in_loop
async def test_worker_that_is_stuck_is_not_waited_for() -> None:
    """What was begun and is overdue is told as asked for; its late end disturbs nobody."""
    faults: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, fault: faults.append(fault))
    async with working() as (worker, resource):
        task = await stuck(worker, resource, patience=0.01)
        with pytest.raises(
            NotAcknowledged, match=r"test:// did not finish within 0\.01 s and may do so yet; see to the disk"
        ):
            await task
        resource.may_go_on.set()

        assert "after" == await worker.call(lambda it: it.note("after"), 30)
        assert ["stuck", "after"] == resource.done
        assert [] == faults


@in_loop
async def test_worker_does_not_begin_what_nobody_waits_for() -> None:
    """A caller that lost patience in the queue, or was cancelled, costs the thread nothing."""
    async with working() as (worker, resource):
        first = await stuck(worker, resource)
        cancelled = asyncio.create_task(worker.call(lambda it: it.note("cancelled"), 30))
        await asyncio.sleep(0)
        cancelled.cancel()
        with pytest.raises(StoreUnavailable, match=r"test:// was busy for 0\.01 s; nothing was done"):
            await worker.call(lambda it: it.note("impatient"), 0.01)
        resource.may_go_on.set()
        await asyncio.gather(first, cancelled, return_exceptions=True)

        assert "last" == await worker.call(lambda it: it.note("last"), 30)
        assert ["stuck", "last"] == resource.done


@in_loop
async def test_worker_survives_a_caller_that_is_cancelled_in_the_middle() -> None:
    """What was begun is finished, its result is dropped, and the next caller is served."""
    async with working() as (worker, resource):
        task = await stuck(worker, resource)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        resource.may_go_on.set()

        assert "next" == await worker.call(lambda it: it.note("next"), 30)
        assert ["stuck", "next"] == resource.done


def test_worker_survives_the_end_of_its_loop() -> None:
    """A loop that closed while the thread was busy takes no answer; the thread goes on and closes the resource."""
    loop = asyncio.new_event_loop()
    future = loop.create_future()
    loop.close()
    inbox: _Inbox[Resource] = _Inbox()
    resource = Resource()
    for job in (_Job[Resource](lambda it: it.note("a"), future), _Job[Resource](None, future)):
        inbox.put(job)
    _serve(inbox, lambda: resource)

    assert ["a", "close"] == resource.done
    assert not future.done()


@in_loop
async def test_worker_that_is_stuck_can_be_stopped() -> None:
    """Stopping does not wait beyond its patience; the thread closes the resource once it comes loose."""
    worker = Worker("test://", Resource)
    resource = await worker.call(lambda it: it, 30)
    task = await stuck(worker, resource)
    await worker.stop(0.01)
    before = list(resource.done)
    resource.may_go_on.set()
    await task
    for thread in resource.threads:
        thread.join(30)

    assert ([], ["stuck", "close"]) == (before, resource.done)


@in_loop
async def test_worker_keeps_no_result() -> None:
    """What was returned is the caller's alone, although the thread waits for the next."""

    class Answer:
        pass

    async with working() as (worker, _):
        answer = weakref.ref(await worker.call(lambda _: Answer(), 30))
        await worker.call(lambda it: it.note("next"), 30)
        gc.collect()

        assert None is answer()


@in_loop
async def test_worker_that_answers_at_the_last_moment_has_answered() -> None:
    """An answer and the end of the patience in the same turn of the loop: the answer counts."""
    async with working() as (worker, _):
        job = _Job[Resource](None, asyncio.get_running_loop().create_future())
        job.future.set_result("in time")
        worker._give_up(job, 1, NotAcknowledged)

        assert "in time" == await job.future
