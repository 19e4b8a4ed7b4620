"""One admitted message: its handler is called at once, it is answered once, and whatever fails is told.

Rules of this file:
1. A handler is called only if the identity that was asked is still the one in force, and the connection open.
2. An `id` gets exactly one answer; a mistake of ours says nothing of how.
"""

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Coroutine, Mapping
from contextvars import Context, copy_context
from types import CoroutineType
from typing import Any, Final

from .clock import Clock
from .closing import Close, CloseCode
from .eager import FirstStep, Starter
from .endpoint import Endpoint
from .errors import (
    Disconnect,
    FrameDropped,
    FrameError,
    HandlerFailed,
    HandlerTimedOut,
    NotReady,
    RateLimited,
    ReauthRequired,
    StoreError,
    Unavailable,
)
from .hub import Hub, Live
from .measuring import Measuring
from .patience import Deadline
from .policy.binary import parted
from .policy.pipeline import Permitted, readmit
from .settings import Timeouts
from .telemetry.audit import Audit
from .telemetry.redact import where_raised
from .wire.outgoing import Outgoing

logger = logging.getLogger(__name__)

TIMED_ONE_IN: Final = 8
"""Messages of a type of which one is timed: a look at the clock is dear beside the rest."""
EXITS: Final = (KeyboardInterrupt, SystemExit)
"""What ends the process. Whatever else is no `Exception`, such as a panic of an extension in Rust, is a failure."""
NOT_THE_PEERS_FAULT: Final = (RateLimited, ReauthRequired, Unavailable, HandlerTimedOut, HandlerFailed)


class HandlerCancelled(Exception):
    """An application's method was cancelled by something of its own, not by us."""


class Handling:
    """The handler of one open connection, and what is told of what became of its messages.

    Args:
        live: the connection.
        endpoint: what the handler's class declares.
        handler: the object whose methods handle messages.
    """

    __slots__ = (
        "_audit",
        "_endpoint",
        "_handler",
        "_hub",
        "_loop",
        "_measuring",
        "_meters",
        "_methods",
        "_monotonic",
        "_pipeline",
        "_starter",
        "_timeouts",
        "_wall",
        "envelope",
        "live",
    )

    def __init__(
        self,
        live: Live,
        *,
        endpoint: Endpoint,
        handler: object,
        hub: Hub,
        clock: Clock,
        timeouts: Timeouts,
        audit: Audit,
        starter: Starter,
        measuring: Measuring,
    ) -> None:
        self.live = live
        self.envelope = endpoint.pipeline.envelope
        self._endpoint, self._methods, self._pipeline = endpoint, endpoint.methods, endpoint.pipeline
        self._handler: object = handler
        self._hub = hub
        self._monotonic, self._wall = clock.monotonic, clock.wall
        self._timeouts = timeouts
        self._audit = audit
        self._starter = starter
        self._measuring, self._meters = measuring, measuring.meters
        self._loop = asyncio.get_running_loop()  # asked for each message, it would cost a system call on 3.11

    def _handle_counted(self, permitted: Permitted) -> "asyncio.Future[None] | None":
        """Handle a message and count it; of so many one is timed."""
        meter = self._meters[permitted.spec.type]
        meter.count += 1
        if meter.count % TIMED_ONE_IN:
            return self._handle(permitted)
        began = self._monotonic()
        running = self._handle(permitted)
        if running is None:
            meter.seconds.observe(self._monotonic() - began)
        else:
            running.add_done_callback(lambda _: meter.seconds.observe(self._monotonic() - began))
        return running

    def _handle(self, permitted: Permitted) -> "asyncio.Future[None] | None":
        """Call the handler; returns None when that is done, else what ends when it is."""
        try:
            live = self.live
            session, standing = live.session, live.standing
            if standing is not None and standing.awaited is not None and permitted.needs_standing:
                return self._begin(permitted, self._handle_after(permitted, standing.awaited), copy_context())
            if permitted.identity is not session.identity or session.is_in_doubt or session.close is not None:
                permitted = readmit(permitted, session, self._monotonic())
            method = getattr(self._handler, self._methods[permitted.spec.type])
            context = copy_context()
            result = context.run(method, permitted.data)
            if type(result) is CoroutineType:
                waiting, result = self._starter.begin(result, context, self._loop)
                if waiting is not None:
                    return self._follow(permitted, waiting)
            elif type(result) is not dict and inspect.isawaitable(result):
                return self._begin(permitted, awaited(result), context)
            if permitted.id is not None:
                data = result if type(result) is dict else reply_of(result)
                live.answer(self.envelope.answer(permitted.id, data), self._monotonic())
        except asyncio.CancelledError as error:
            self._refuse(permitted, HandlerCancelled().with_traceback(error.__traceback__))
        except EXITS:
            raise
        except BaseException as error:
            self._refuse(permitted, error)
        return None

    async def _handle_after(self, permitted: Permitted, asking: "asyncio.Task[None]") -> Any:
        """Handle a message once it is known what its sender may still do."""
        await asyncio.wait([asking])
        permitted = readmit(permitted, self.live.session, self._monotonic())
        method = getattr(self._handler, self._methods[permitted.spec.type])
        result = method(permitted.data)
        return await result if inspect.isawaitable(result) else result

    def _begin(
        self, permitted: Permitted, handling: Coroutine[Any, Any, Any], context: Context
    ) -> "asyncio.Future[None] | None":
        """Run what stands for a handler."""
        waiting, result = self._starter.begin(handling, context, self._loop)
        if waiting is not None:
            return self._follow(permitted, waiting)
        self._reply(permitted, result)
        return None

    def _follow(self, permitted: Permitted, waiting: FirstStep) -> "asyncio.Future[None]":
        """Answer when a handler is done, with a deadline from now on: it has something to wait for."""
        deadline = Deadline()
        running = waiting.hand_over(lambda rest: self._finish(permitted, rest, deadline))
        deadline.start(running, self._timeouts.handler)
        return running

    async def _finish(self, permitted: Permitted, result: Awaitable[Any], deadline: Deadline) -> None:
        try:
            self._reply(permitted, await result)
        except asyncio.CancelledError as error:
            self._take_cancellation(permitted, deadline, error)
        except (GeneratorExit, *EXITS):
            raise  # the loop's, as it ends
        except BaseException as error:
            self._refuse(permitted, error)
        finally:
            deadline.end()

    def _take_cancellation(self, permitted: Permitted, deadline: Deadline, error: asyncio.CancelledError) -> None:
        task = asyncio.current_task()
        if deadline.has_passed:
            if task is not None:
                task.uncancel()
            evidence = f"{permitted.spec.type} took over {self._timeouts.handler:g} s"
            self._refuse(permitted, HandlerTimedOut(evidence))
        elif task is not None and task.cancelling():
            raise error  # the loop's, as it ends
        else:
            self._refuse(permitted, HandlerCancelled().with_traceback(error.__traceback__))

    def _reply(self, permitted: Permitted, result: Any) -> None:
        if permitted.id is not None:
            data = result if type(result) is dict else reply_of(result)
            self.live.answer(self.envelope.answer(permitted.id, data), self._monotonic())

    def _refuse(self, permitted: Permitted, error: BaseException) -> None:
        """Tell what became of a message that was not handled."""
        error = told_as(error)
        if isinstance(error, FrameError):
            error.message_id = permitted.id
            self._answer(error, None)
        elif isinstance(error, Disconnect):
            self._end(error)
        elif not isinstance(error, FrameDropped):
            self._fail(permitted.spec.type, error, permitted.id)

    def _answer(self, error: FrameError, frame: str | bytes | None) -> None:
        try:
            if not isinstance(error, NOT_THE_PEERS_FAULT):
                self.live.session.spend_error(self._monotonic())
        except Disconnect as disconnect:
            self._end(disconnect)
            return
        message_id = error.message_id
        if message_id is None and frame is not None and isinstance(error, RateLimited):
            message_id = self._id_of(frame)
        self._audit_refusal(error)
        self._say(self.envelope.error(error, message_id), is_reply=True)

    def _id_of(self, frame: str | bytes) -> str | None:
        """The id of a frame that was refused unread, so that its sender is not left waiting.

        Only a refusal that is answered gets here, and the ladder bounds those.
        """
        try:
            head = parted(frame)[0] if isinstance(frame, bytes) else frame
            return self.envelope.parse(head, self._endpoint.limits).id
        except FrameError as error:
            return error.message_id

    def _fail(self, what: str, error: BaseException, message_id: str | None) -> None:
        logger.error("%s: %s: %s", self._endpoint.name, what, where_raised(error))
        self._say(self.envelope.error(HandlerFailed(), message_id), is_reply=True)
        self._end(Disconnect(Close(CloseCode.INTERNAL_ERROR), where_raised(error)))

    def _end(self, disconnect: Disconnect) -> None:
        self._hub.end(self.live, disconnect.close, disconnect.evidence)

    def _say(self, text: str, *, is_reply: bool = False) -> None:
        self.live.send(Outgoing(text, is_reply=is_reply), self._monotonic())

    def _audit_refusal(self, error: FrameError) -> None:
        self._measuring.saw_error(error.code)
        identity = self.live.session.identity
        self._audit.record(
            "message.refused",
            self._wall(),
            code=error.code,
            session=self.live.session.id,
            subject=identity.subject,
            issuer=identity.issuer,
            evidence=error.evidence,
        )


async def awaited(result: Awaitable[Any]) -> Any:
    """A coroutine that waits for something which is none."""
    return await result


def told_as(error: BaseException) -> BaseException:
    """What a failure of a handler or a hook is told as: `Unavailable` where it is a store that failed, else itself."""
    if isinstance(error, (StoreError, NotReady)):
        return Unavailable(f"{type(error).__name__}: {error}")
    return error


def reply_of(result: Any) -> Mapping[str, Any]:
    """The data of an answer, from what a handler has returned.

    Raises:
        TypeError: that is no answer.
    """
    if result is None:
        return {}
    if isinstance(result, Mapping):
        return result
    raise TypeError(f"a handler returns a dict or None, not {type(result).__name__}")
