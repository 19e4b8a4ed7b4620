"""Runs a coroutine at once, up to where it first waits; only what waits becomes a task.

A task for each message would cost more than everything else that is done for it, and most handlers wait for
nothing. Yet `asyncio.timeout`, `TaskGroup`, `wait_for` and context variables must work from the first line
on, so that line runs as the current task: a `FirstStep` stands for the task that may follow, entered by the functions
that asyncio documents for extending it. (An eager task of Python 3.12 is a whole task, and costs more.)
"""

import asyncio
import types
from asyncio.tasks import _enter_task, _leave_task
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextvars import Context
from types import CoroutineType
from typing import Any, Final

GoOn = Callable[[Awaitable[Any]], Coroutine[Any, Any, None]]
"""Waits for what is left of a coroutine, and does with its result what is to be done."""


_ENDED: Final = object()
"""What a runner says, in the place of something to wait for, when its coroutine has ended."""


class _Runner:
    """Calls one function after another and runs the coroutine that it makes, whose end costs no exception here."""

    __slots__ = ("_generator", "is_last", "result", "send")

    def __init__(self) -> None:
        self.result: Any = None
        self.is_last = False
        self._generator = self._run()
        self.send = self._generator.send
        self.send(None)

    def throw(self, *exception: Any) -> Any:
        """Into the coroutine."""
        return self._generator.throw(*exception)

    @types.coroutine
    def _run(self) -> Generator[Any, Any, Any]:
        while True:
            step, call, argument = yield _ENDED
            result: Any = call(argument)
            kind = type(result)
            if kind is CoroutineType:
                step._coroutine = result
                result = yield from result
            self.result = result
            if self.is_last:
                return result


def _as_current(task: Any, loop: asyncio.AbstractEventLoop, call: Callable[..., Any], *arguments: Any) -> Any:
    """Call something while `task` is the current one, in the place of the one that is, if any."""
    outer: Any = asyncio.current_task(loop)
    if outer is not None:
        _leave_task(loop, outer)
    _enter_task(loop, task)
    try:
        return call(*arguments)
    finally:
        _leave_task(loop, task)
        if outer is not None:
            _enter_task(loop, outer)


class FirstStep:
    """The current task of a coroutine that was begun at once, before and after there is a real one.

    It is what `asyncio.current_task()` gives there: whoever has kept it, as a timeout does, reaches
    the task that follows.
    """

    # On the class, since one is made for each message and hardly any needs them.
    _task: "asyncio.Task[None] | None" = None
    _cancels = 0
    _must_cancel = False
    _message: Any = None
    _waits: tuple[Any, ...] = ()
    _name: str | None = None
    _callbacks: tuple[tuple[Callable[[Any], object], Context | None], ...] = ()

    # Set by whoever makes one: an `__init__` would be a call more for each message.
    _coroutine: Coroutine[Any, Any, Any]
    _loop: asyncio.AbstractEventLoop

    def cancel(self, msg: Any = None) -> bool:
        """As a task's: the next wait is cancelled."""
        if self._task is not None:
            return self._task.cancel(msg)
        self._cancels += 1
        self._must_cancel, self._message = True, msg
        return True

    def cancelling(self) -> int:
        """As a task's."""
        return self._cancels if self._task is None else self._task.cancelling()

    def uncancel(self) -> int:
        """As a task's."""
        if self._task is not None:
            return self._task.uncancel()
        self._cancels = max(self._cancels - 1, 0)
        return self._cancels

    def done(self) -> bool:
        """As a task's."""
        return self._task is not None and self._task.done()

    def cancelled(self) -> bool:
        """As a task's."""
        return self._task is not None and self._task.cancelled()

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """As a task's."""
        return self._loop

    def get_coro(self) -> Coroutine[Any, Any, None]:
        """As a task's."""
        return self._coroutine

    def get_name(self) -> str:
        """As a task's."""
        if self._task is not None:
            return self._task.get_name()
        return self._name or f"Task-begun-{id(self):x}"

    def set_name(self, value: object) -> None:
        """As a task's."""
        self._name = str(value)
        if self._task is not None:
            self._task.set_name(value)

    def add_done_callback(self, callback: Callable[[Any], object], *, context: Context | None = None) -> None:
        """As a task's; it is called with whichever of the two has ended."""
        if self._task is not None:
            self._task.add_done_callback(callback, context=context)
        else:
            self._callbacks = (*self._callbacks, (callback, context))

    def end(self) -> None:
        """The coroutine has ended without waiting for anything.

        Raises:
            asyncio.CancelledError: it had cancelled itself.
        """
        if self._callbacks:
            self.call_back()
        if self._must_cancel:
            raise asyncio.CancelledError(*([] if self._message is None else [self._message])) from None

    def call_back(self) -> None:
        """Tell whoever asked to be told of the end."""
        for callback, context in self._callbacks:
            self._loop.call_soon(callback, self, context=context)

    def wait(self, awaited: Any, runner: _Runner, context: Context) -> None:
        """The coroutine waits for something.

        Args:
            awaited: as it has told its event loop.
            runner: in which it waits.
            context: in which the rest runs, too.
        """
        runner.is_last = True
        self._waits = awaited, runner, context

    def hand_over(self, go_on: GoOn) -> "asyncio.Task[None]":
        """Let a task do the rest.

        Args:
            go_on: what the task runs.
        """
        (awaited, runner, context), self._waits = self._waits, ()
        self.__class__ = FollowedStep
        rest = go_on(_rest(self, runner, awaited))
        task = self._task = _underway(rest, self._loop, context, self._name)
        for callback, wanted in self._callbacks:
            task.add_done_callback(callback, context=wanted)
        if self._must_cancel:
            if awaited is not None:
                awaited.cancel(self._message)
            for _ in range(max(self._cancels, 1)):
                task.cancel(self._message)
            if not self._cancels:
                task.uncancel()
        return task


class FollowedStep(FirstStep):
    """A first step that a task has followed: everything else that a task has is that one's.

    A class of its own, since `__getattr__` makes each attribute slow.
    """

    def __getattr__(self, name: str) -> Any:
        return getattr(self._task, name)


_NOTHING: Final = object()


class _Underway(Coroutine[Any, Any, None]):
    """A coroutine that has been begun, as a task takes it: first it says what it waits for already."""

    __slots__ = ("_awaited", "_coroutine")

    def __init__(self, coroutine: Coroutine[Any, Any, None], awaited: Any) -> None:
        self._coroutine = coroutine
        self._awaited = awaited

    def send(self, value: Any) -> Any:
        """Go on; called by the task."""
        if self._awaited is not _NOTHING:
            awaited, self._awaited = self._awaited, _NOTHING
            return awaited
        return self._coroutine.send(value)

    def throw(self, *exception: Any) -> Any:
        """Go on with an exception; called by the task."""
        self._awaited = _NOTHING
        return self._coroutine.throw(*exception)

    def close(self) -> None:
        """Give up; called as the loop ends."""
        self._coroutine.close()

    def __await__(self) -> Generator[Any, Any, None]:
        raise TypeError("the rest of a coroutine belongs to its task")


def _underway(
    coroutine: Coroutine[Any, Any, None], loop: asyncio.AbstractEventLoop, context: Context, name: str | None = None
) -> "asyncio.Task[None]":
    """A task for a coroutine, which is begun here: one that is cancelled before its first step would begin none."""
    return loop.create_task(_Underway(coroutine, coroutine.send(None)), name=name, context=context)


@types.coroutine
def _rest(step: FirstStep, runner: _Runner, awaited: Any) -> Generator[Any, Any, Any]:
    """What is left of a coroutine that has been begun: first what it waits for already, then itself."""
    while True:
        try:
            sent = yield awaited
        except BaseException as error:
            resume: tuple[Callable[..., Any], Any] = runner.throw, error
        else:
            resume = runner.send, sent
        try:
            awaited = _as_current(step, step.get_loop(), *resume)
        except StopIteration as done:
            return done.value
        finally:
            del resume  # what was thrown would hold this frame, and be held by it


def _itself(coroutine: Coroutine[Any, Any, Any]) -> Coroutine[Any, Any, Any]:
    """A coroutine of Python's own: one that a compiler has made is waited for by one."""
    return coroutine if type(coroutine) is CoroutineType else _awaited(coroutine)


async def _awaited(coroutine: Coroutine[Any, Any, Any]) -> Any:
    return await coroutine


class Starter:
    """Begins coroutines. One serves all connections."""

    __slots__ = ("_runner",)

    def __init__(self) -> None:
        self._runner: _Runner | None = None

    def begin(
        self, coroutine: Coroutine[Any, Any, Any], context: Context, loop: asyncio.AbstractEventLoop
    ) -> tuple[FirstStep | None, Any]:
        """Run a coroutine that is not yet begun until it waits or ends; for the rest as `call`."""
        return self.call(_itself, coroutine, context, loop)

    def call(
        self, function: Callable[[Any], Any], argument: Any, context: Context, loop: asyncio.AbstractEventLoop
    ) -> tuple[FirstStep | None, Any]:
        """Call a function, and run the coroutine that it returns, if it is one, until that waits or ends.

        Args:
            context: in which all of it runs; nothing else runs in it meanwhile.
            loop: the one that runs.

        Returns:
            What waits; or None, and the result of what has ended.

        Raises:
            Whatever was raised before anything waited.
        """
        # Taken out while in use: a handler may well begin another one.
        runner, self._runner = self._runner or _Runner(), None
        step: Any = FirstStep()
        step._loop = loop
        try:
            try:
                _enter_task(loop, step)
            except RuntimeError:  # in a task, which `_as_current` leaves meanwhile
                awaited = _as_current(step, loop, context.run, runner.send, (step, function, argument))
            else:
                try:
                    awaited = context.run(runner.send, (step, function, argument))
                finally:
                    _leave_task(loop, step)
        except BaseException:
            step.call_back()
            raise
        if awaited is not _ENDED:
            step.wait(awaited, runner, context)
            return step, None
        result, runner.result = runner.result, None
        self._runner = runner
        if step._callbacks or step._must_cancel:
            step.end()
        return None, result
