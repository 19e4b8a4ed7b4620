"""A coroutine that is begun at once behaves as in a task, from its first line on."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from typing import Any, TypeVar

import pytest

from tests.hand_loop import run_by_hand
from tests.kits import in_loop
from tornado_wssec.eager import Starter

T = TypeVar("T")
NAME: ContextVar[str] = ContextVar("NAME", default="nobody")


def begin(coroutine: Coroutine[Any, Any, Any], context: Context) -> "asyncio.Task[None] | None":
    """The task that does what is left of a coroutine; None when it has ended."""

    async def go_on(rest: Awaitable[Any]) -> None:
        await rest

    waiting, _ = Starter().begin(coroutine, context, asyncio.get_running_loop())
    return None if waiting is None else waiting.hand_over(go_on)


class Errand:
    """Runs a coroutine function eagerly and keeps what became of it.

    Args:
        work: the coroutine function.
    """

    def __init__(self, work: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        self.result: Any = None
        self._work = work
        self.task = begin(self._keep(), copy_context())

    async def _keep(self) -> None:
        self.result = await self._work()


async def ended(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """The result of a coroutine function that is begun eagerly and waited for."""
    errand = Errand(work)
    if errand.task is not None:
        await errand.task
    result: T = errand.result
    return result


# --- the first step ---


@in_loop
async def test_eager_coroutine_that_waits_for_nothing_makes_no_task() -> None:
    """It has run when `begin` returns, and nobody else has."""
    turns: list[str] = []
    asyncio.get_running_loop().call_soon(turns.append, "turn")
    before = asyncio.all_tasks()

    async def work() -> str:
        return "done"

    errand = Errand(work)

    assert ("done", None, []) == (errand.result, errand.task, turns)
    assert before == asyncio.all_tasks()


@in_loop
async def test_eager_coroutine_runs_until_it_waits() -> None:
    """What stands before the first wait has happened, what stands behind it has not."""
    told: list[str] = []
    gate = asyncio.Event()

    async def work() -> None:
        told.append("before")
        await gate.wait()
        told.append("behind")

    errand = Errand(work)
    assert (["before"], True) == (told, errand.task is not None)
    gate.set()
    await asyncio.gather(errand.task or asyncio.sleep(0))

    assert ["before", "behind"] == told


@pytest.mark.parametrize("waits", [False, True])
@in_loop
async def test_eager_coroutine_that_raises(waits: bool) -> None:
    """Whoever began it gets what was raised before a wait; the task has what was raised behind one."""

    async def work() -> None:
        if waits:
            await asyncio.sleep(0)
        raise LookupError("lost")

    with pytest.raises(LookupError, match="lost"):
        await ended(work)


@in_loop
async def test_eager_coroutine_within_a_task_gives_it_back() -> None:
    """The task that began it is the current one again, whether or not it waits, and after a failure."""
    mine = asyncio.current_task()

    async def fail() -> None:
        raise LookupError

    async def wait() -> None:
        await asyncio.Event().wait()

    async def nothing() -> None:
        return None

    for work in (nothing, wait, fail):
        try:
            errand = Errand(work)
        except LookupError:
            continue
        finally:
            assert mine is asyncio.current_task()
        if errand.task is not None:
            errand.task.cancel()


@in_loop
async def test_eager_coroutine_in_a_callback() -> None:
    """Without any task around it there is a current one inside, and none afterwards."""
    told: asyncio.Future[tuple[bool, bool]] = asyncio.get_running_loop().create_future()

    def callback() -> None:
        seen = []

        async def work() -> None:
            seen.append(asyncio.current_task() is not None)

        Errand(work)
        told.set_result((seen[0], asyncio.current_task() is None))

    asyncio.get_running_loop().call_soon(callback)

    assert (True, True) == await told


# --- the same task all along ---


@in_loop
async def test_eager_current_task_stays_the_same() -> None:
    """Before and after the waits, whatever is waited for."""
    seen = []

    async def work() -> None:
        for seconds in (0, 0.001, 0):
            seen.append(asyncio.current_task())
            await asyncio.sleep(seconds)
        seen.append(asyncio.current_task())

    await ended(work)

    assert 1 == len(set(map(id, seen)))
    assert seen[0] is not None


@in_loop
async def test_eager_nested_begins() -> None:
    """One within another: each has its own current task, and the outer its own again."""
    seen: list[Any] = []

    async def inner() -> None:
        seen.append(asyncio.current_task())
        await asyncio.sleep(0)
        seen.append(asyncio.current_task())

    async def outer() -> None:
        seen.append(asyncio.current_task())
        await ended(inner)
        seen.append(asyncio.current_task())

    await ended(outer)

    assert seen[0] is seen[3]
    assert seen[1] is seen[2]
    assert seen[0] is not seen[1]


# --- contexts ---


@in_loop
async def test_eager_context_is_its_own() -> None:
    """Variables that are set before a wait are there behind it, and nowhere else."""

    async def work() -> list[str]:
        found = [NAME.get()]
        NAME.set("inside")
        await asyncio.sleep(0)
        return [*found, NAME.get()]

    NAME.set("outside")

    assert ["outside", "inside"] == await ended(work)
    assert "outside" == NAME.get()


# --- time and cancellation ---


def test_eager_timeout_from_the_first_line() -> None:
    """`asyncio.timeout` that was entered before the first wait ends a later one."""

    async def work() -> str:
        try:
            async with asyncio.timeout(0.01):
                await asyncio.Event().wait()
        except TimeoutError:
            return "late"
        return "never"

    assert "late" == run_by_hand(ended(work))


def test_eager_timeout_around_a_timeout() -> None:
    """The inner one expires, one entered behind the first wait too, and the outer one does not notice."""

    async def work() -> list[str]:
        told = []
        async with asyncio.timeout(10):
            for _ in range(2):
                try:
                    async with asyncio.timeout(0.005):
                        await asyncio.Event().wait()
                except TimeoutError:
                    told.append("inner")
            await asyncio.sleep(0)
        return told

    assert ["inner", "inner"] == run_by_hand(ended(work))


def test_eager_timeout_that_does_not_expire() -> None:
    """It leaves nothing behind that would cancel the task later."""

    async def work() -> int:
        async with asyncio.timeout(0.01):
            await asyncio.sleep(0)
        await asyncio.sleep(0.02)
        task = asyncio.current_task()
        return task.cancelling() if task is not None else -1

    assert 0 == run_by_hand(ended(work))


@in_loop
async def test_eager_wait_for() -> None:
    """`asyncio.wait_for` gives results and timeouts."""

    async def work() -> list[Any]:
        found: list[Any] = [await asyncio.wait_for(asyncio.sleep(0, "there"), 10)]
        try:
            await asyncio.wait_for(asyncio.Event().wait(), 0.005)
        except TimeoutError:
            found.append("late")
        return found

    assert ["there", "late"] == await ended(work)


@in_loop
async def test_eager_task_group() -> None:
    """A group that was entered before the first wait runs its tasks, and ends with the first that fails."""

    async def fail() -> None:
        await asyncio.sleep(0)
        raise LookupError

    async def work() -> list[Any]:
        async with asyncio.TaskGroup() as group:
            one, two = group.create_task(asyncio.sleep(0, 1)), group.create_task(asyncio.sleep(0, 2))
        found: list[Any] = [one.result(), two.result()]
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(asyncio.Event().wait())
                group.create_task(fail())
                await asyncio.Event().wait()
        except* LookupError:
            found.append("failed")
        await asyncio.sleep(0)
        return found

    assert [1, 2, "failed"] == await ended(work)


@in_loop
async def test_eager_gather_and_shield() -> None:
    """Tasks of its own are waited for like anywhere else."""

    async def work() -> list[int]:
        return [*await asyncio.gather(asyncio.sleep(0, 1), asyncio.shield(asyncio.sleep(0, 2)))]

    assert [1, 2] == await ended(work)


@in_loop
async def test_eager_cancel_from_outside() -> None:
    """Cancelling the task reaches what the coroutine waits for, at its first wait and at later ones."""
    for waits in (0, 1, 3):
        waited: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        told: list[str] = []

        async def work(waits: int = waits, waited: Any = waited, told: list[str] = told) -> None:
            for _ in range(waits):
                await asyncio.sleep(0)
            try:
                await waited
            except asyncio.CancelledError:
                told.append("cancelled")
                raise

        task = Errand(work).task
        assert task is not None
        for _ in range(2 * waits):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        assert ["cancelled"] == told


@in_loop
async def test_eager_cancel_that_is_swallowed() -> None:
    """A coroutine may go on after a cancellation; its count stays until somebody takes it back."""

    async def work() -> list[int]:
        task = asyncio.current_task()
        assert task is not None
        counts: list[int] = []
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            counts += [task.cancelling(), task.uncancel(), task.cancelling()]
        await asyncio.sleep(0)
        return counts

    errand = Errand(work)
    assert errand.task is not None
    errand.task.cancel()
    await errand.task

    assert [1, 0, 0] == errand.result


@in_loop
async def test_eager_cancel_of_itself_before_the_first_wait() -> None:
    """It is thrown at the first wait, and what that waited for is cancelled."""
    waited: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    told: list[Any] = []

    async def work() -> None:
        task = asyncio.current_task()
        assert task is not None
        assert (True, 1) == (task.cancel(), task.cancelling())
        try:
            await waited
        except asyncio.CancelledError:
            told.append(task.cancelling())
            raise

    task = Errand(work).task
    with pytest.raises(asyncio.CancelledError):
        await (task or asyncio.sleep(0))

    assert ([1], True) == (told, waited.cancelled())


@in_loop
async def test_eager_cancel_of_itself_without_a_wait() -> None:
    """As in a task: who has cancelled itself and then ends has been cancelled."""

    async def work() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel("enough")

    with pytest.raises(asyncio.CancelledError):
        Errand(work)


@in_loop
async def test_eager_cancel_of_itself_and_a_failure() -> None:
    """As in a task: the failure tells more."""

    async def work() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        raise LookupError

    with pytest.raises(LookupError):
        Errand(work)


@in_loop
async def test_eager_coroutine_that_ends_with_the_loop() -> None:
    """A task that never ends is cancelled with all others, and its cleaning up may wait."""
    told: list[str] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            told.append("clean")

    def run() -> None:
        async def main() -> None:
            Errand(work)

        asyncio.run(main())

    await asyncio.to_thread(run)

    assert ["clean"] == told


# --- what else a task can be asked ---


@in_loop
async def test_eager_task_can_be_asked() -> None:
    """Name, loop, coroutine and state, before the first wait and behind it."""
    told: asyncio.Queue[str] = asyncio.Queue()

    async def work() -> list[Any]:
        task = asyncio.current_task()
        assert task is not None
        task.add_done_callback(lambda ended: told.put_nowait("first"))
        task.set_name("errand")
        found = [task.get_name(), task.done(), task.cancelled(), inspect.iscoroutine(task.get_coro())]
        assert asyncio.get_running_loop() is task.get_loop()
        await asyncio.sleep(0)
        task.add_done_callback(lambda ended: told.put_nowait("second"))
        found += [task.get_name(), task.done(), task.cancelled()]
        task.set_name("other")
        assert task.get_stack() is not None
        return [*found, task.get_name()]

    expected = ["errand", False, False, True, "errand", False, False, "other"]
    assert expected == await ended(work)
    assert ["first", "second"] == [await told.get() for _ in range(2)]


@in_loop
async def test_eager_done_callback_without_a_wait() -> None:
    """Who asked to be told of the end is told, also when there was nothing to wait for, and of a failure."""
    told: asyncio.Queue[str] = asyncio.Queue()

    async def work(fails: bool = False) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.add_done_callback(lambda ended: told.put_nowait("told"))
        if fails:
            raise LookupError

    Errand(work)
    with pytest.raises(LookupError):
        Errand(lambda: work(fails=True))

    assert ["told", "told"] == [await told.get() for _ in range(2)]


@in_loop
async def test_eager_bad_yield_is_told() -> None:
    """A coroutine that waits for what is no future gets the RuntimeError that a task would throw."""

    class Odd:
        def __await__(self) -> Any:
            yield "no future"

    async def work() -> str:
        try:
            await Odd()
        except RuntimeError:
            return "told"
        return "never"

    assert "told" == await ended(work)
