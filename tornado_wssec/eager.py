"""Runs a coroutine at once, up to where it first waits; only what waits becomes a task.

A task for each message would cost more than everything else that is done for it, and most handlers wait for
nothing. Yet `asyncio.timeout`, `TaskGroup`, `wait_for` and context variables must work from the first line
on, so that line runs as the current task. Python 3.12 has this built in; on 3.11 a `FirstStep` stands for the
task that may follow, entered by the functions that asyncio documents for extending it.
"""

import asyncio
import sys
from asyncio.tasks import _enter_task, _leave_task
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context
from typing import Any, Final

_NOTHING: Final = object()

if sys.version_info >= (3, 12):

    def begin(coroutine: Coroutine[Any, Any, None], context: Context) -> "asyncio.Task[None] | None":
        """Run a coroutine until it waits or ends.

        Args:
            coroutine: not yet begun.
            context: in which all of it runs; nothing else runs in it meanwhile.

        Returns:
            The task that does the rest; None when there is none.

        Raises:
            Whatever the coroutine raised before it waited.
        """
        task = asyncio.Task(coroutine, loop=asyncio.get_running_loop(), context=context, eager_start=True)
        if not task.done():
            return task
        task.result()
        return None

else:

    def begin(coroutine: Coroutine[Any, Any, None], context: Context) -> "asyncio.Task[None] | None":
        """Run a coroutine until it waits or ends.

        Args:
            coroutine: not yet begun.
            context: in which all of it runs; nothing else runs in it meanwhile.

        Returns:
            The task that does the rest; None when there is none.

        Raises:
            Whatever the coroutine raised before it waited.
        """
        loop = asyncio.get_running_loop()
        step = FirstStep(coroutine, loop)
        try:
            awaited = _as_current(step, loop, context.run, coroutine.send, None)
        except StopIteration:
            step.end()
        except BaseException:
            step.call_back()
            raise
        else:
            return step.hand_over(awaited, context)
        return None


def _as_current(task: Any, loop: asyncio.AbstractEventLoop, call: Callable[..., Any], *arguments: Any) -> Any:
    """Call something while `task` is the current one, in the place of the one that is, if any."""
    outer: Any = asyncio.current_task(loop)
    if outer is None:
        _enter_task(loop, task)
        try:
            return call(*arguments)
        finally:
            _leave_task(loop, task)
    _leave_task(loop, outer)
    _enter_task(loop, task)
    try:
        return call(*arguments)
    finally:
        _leave_task(loop, task)
        _enter_task(loop, outer)


class FirstStep:
    """The current task of a coroutine that was begun at once, before and after there is a real one.

    It is what `asyncio.current_task()` gives there on Python 3.11: whoever has kept it, as a timeout does, reaches
    the task that follows.
    """

    # On the class, since one is made for each message and hardly any needs them.
    _task: "asyncio.Task[None] | None" = None
    _cancels = 0
    _must_cancel = False
    _message: Any = None
    _name: str | None = None
    _callbacks: tuple[tuple[Callable[[Any], object], Context | None], ...] = ()

    def __init__(self, coroutine: Coroutine[Any, Any, None], loop: asyncio.AbstractEventLoop) -> None:
        self._coroutine = coroutine
        self._loop = loop

    def __getattr__(self, name: str) -> Any:
        """Everything else that a task has, once there is one."""
        if self._task is None:
            raise AttributeError(f"{name} is not known before the coroutine has waited for something")
        return getattr(self._task, name)

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

    def hand_over(self, awaited: Any, context: Context) -> "asyncio.Task[None]":
        """Let a task do the rest.

        Args:
            awaited: what the coroutine waits for, as it has told its event loop.
            context: in which the rest runs, too.
        """
        rest = _Rest(self, self._coroutine, awaited, self._loop)
        task = self._task = self._loop.create_task(rest, name=self._name, context=context)
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


class _Rest(Coroutine[Any, Any, None]):
    """What is left of a coroutine that has been begun: first what it waits for already, then itself."""

    __slots__ = ("_awaited", "_coroutine", "_loop", "_step")

    def __init__(
        self, step: FirstStep, coroutine: Coroutine[Any, Any, None], awaited: Any, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._step = step
        self._coroutine = coroutine
        self._awaited = awaited
        self._loop = loop

    def send(self, value: Any) -> Any:
        """Go on; called by the task."""
        if self._awaited is not _NOTHING:
            awaited, self._awaited = self._awaited, _NOTHING
            return awaited
        return self._run(self._coroutine.send, value)

    def throw(self, *exception: Any) -> Any:
        """Go on with an exception; called by the task."""
        self._awaited = _NOTHING
        return self._run(self._coroutine.throw, *exception)

    def close(self) -> None:
        """Give up; called as the loop ends."""
        self._coroutine.close()

    def __await__(self) -> Generator[Any, Any, None]:
        raise TypeError("the rest of a coroutine belongs to its task")

    def _run(self, call: Callable[..., Any], *arguments: Any) -> Any:
        return _as_current(self._step, self._loop, call, *arguments)
