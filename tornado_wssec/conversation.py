"""What is said on one open connection: frames in, handlers called, answers out.

Rules of this file:
1. `receive` never raises and never waits: the read loop must go on.
2. A handler gets a message that the pipeline has let pass, and only if the identity that was asked is still the one in
   force.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping
from contextvars import copy_context
from functools import partial
from typing import Any, Final

from .clock import Clock
from .closing import Close
from .eager import Starter
from .endpoint import Endpoint
from .errors import Disconnect, FrameDropped, FrameError, RateLimited
from .handling import EXITS, TIMED_ONE_IN, HandlerCancelled, Handling, awaited, reply_of
from .hub import Hub, Live
from .inbox import Inbox, SharedInbox
from .measuring import Measuring
from .patience import patiently
from .policy.pipeline import Permitted
from .policy.reserved import Ping, Signed
from .policy.signatures import SignedMessages
from .policy.specs import MessageSpec
from .policy.swift import as_permitted
from .settings import Timeouts
from .telemetry.audit import Audit
from .telemetry.metrics import Meter
from .wire.outgoing import Outgoing

CONTROL_BYTES: Final = 6
"""The header and the mask of a control frame; its payload is bounded, and small beside them."""
APART: Final = frozenset({Ping, Signed})
"""Messages that are answered, or opened, before their handler is asked for."""


class Conversation(Handling):
    """One open connection and the handler that it talks to.

    Args:
        live: the connection.
        endpoint: what the handler's class declares.
        handler: the object whose methods handle messages.
        speaks_v1: whether the client negotiated `wssec.v1`; others get nothing unasked.
    """

    __slots__ = ("__weakref__", "_inbox", "speaks_v1")

    def __init__(
        self,
        live: Live,
        *,
        endpoint: Endpoint,
        handler: object,
        speaks_v1: bool,
        hub: Hub,
        clock: Clock,
        timeouts: Timeouts,
        audit: Audit,
        starter: Starter,
        measuring: Measuring,
    ) -> None:
        super().__init__(
            live,
            endpoint=endpoint,
            handler=handler,
            hub=hub,
            clock=clock,
            timeouts=timeouts,
            audit=audit,
            starter=starter,
            measuring=measuring,
        )
        self.speaks_v1 = speaks_v1
        connection = live.connection
        make = Inbox if endpoint.concurrency == 1 else partial(SharedInbox, at_once=endpoint.concurrency)
        self._inbox = make(self._handle_counted, endpoint.limits.inbox_messages, connection.pause, connection.resume)
        live.tell_expiring, live.settled = self._tell_expiring, self._inbox.settled

    # --- in ---

    def receive(self, frame: str | bytes) -> None:
        """Admit a frame, answer it, or end the connection."""
        self._receive(frame, None, self._monotonic())

    def _receive(self, frame: str | bytes, permitted: Permitted | None, now: float) -> None:
        """The same; what has been admitted already is not admitted again."""
        live = self.live
        try:
            if permitted is None:
                endpoint = self._endpoint
                pipeline = endpoint.binary if isinstance(frame, bytes) else endpoint.pipeline
                permitted = pipeline.admit(frame, live.session, now)
            if permitted.spec.message is Signed:
                permitted = self._admit_signed(permitted, now)
        except FrameDropped:
            return
        except FrameError as error:
            self._answer(error, frame)
        except Disconnect as disconnect:
            self._end(disconnect)
        except EXITS:
            raise
        except BaseException as error:
            self._fail("admitting a frame", error, None)
        else:
            if permitted.spec.message is Ping:
                # At once, never behind a slow handler; and no more a sign of use than a ping frame is.
                pong = Outgoing(self.envelope.pong(permitted.id), is_reply=True)
                live.send(pong, now, is_data=False)
            else:
                live.lifetime.idle_since = now
                self._inbox.put(permitted)

    def receive_all(self, frames: list[str]) -> int:
        """Receive texts that have come together, as `receive` does one after another, while each is done at once.

        All of it in one frame of Python: `Inbox.put`, `_handle_counted`, `_handle` and `Live.answer` without their
        calls, for messages that nothing is before and that nothing came between since they were admitted.

        Returns:
            How many were received: fewer where one has to be waited for, or the connection ends.
        """
        now, live, inbox = self._monotonic(), self.live, self._inbox
        session, lifetime, received = live.session, live.lifetime, 0
        lifetime.life_at = now
        running = inbox.running  # by a name of its own: compiled, what is None here would be held to be so below
        if running is not None:
            return 0
        methods, meters, starter, loop = self._methods, self._meters, self._starter, self._loop
        envelope, connection = self.envelope, live.connection
        # Of the type of the last one, since what comes together is mostly alike.
        known: MessageSpec | None = None
        meter: Any = None
        method: Any = None
        try:
            for passed in self._pipeline.admit_swiftly(frames, session, now):
                received += 1
                if passed is not None and passed[0] is not known:
                    spec = passed[0]
                    if spec.message in APART:
                        known = None
                    else:
                        known, meter = spec, meters[spec.type]
                        method = getattr(self._handler, methods[spec.type])
                if passed is None or known is None or live.standing is not None:
                    self._receive(frames[received - 1], None if passed is None else as_permitted(passed), now)
                    if session.close is not None or inbox.running is not None:
                        break
                    continue
                _, message_id, data, _, _, _ = passed
                lifetime.idle_since = now
                counted: Meter = meter
                count = counted.count = counted.count + 1
                began = None if count % TIMED_ONE_IN else self._monotonic()
                try:
                    context = copy_context()
                    waiting, result = starter.call(method, data, context, loop)
                    if waiting is not None:
                        self._wait_for(self._follow(as_permitted(passed), waiting), meter, began)
                        break
                    if type(result) is not dict and inspect.isawaitable(result):
                        running = self._begin(as_permitted(passed), awaited(result), context)
                        if running is not None:
                            self._wait_for(running, meter, began)
                            break
                        message_id = None  # it has been answered
                    if message_id is not None:
                        text = envelope.answer(message_id, result if type(result) is dict else reply_of(result))
                        if session.close is None and not connection.answer(text, now):
                            live.drop_slow()
                except asyncio.CancelledError as error:
                    self._refuse(as_permitted(passed), HandlerCancelled().with_traceback(error.__traceback__))
                except EXITS:
                    raise
                except BaseException as error:
                    self._refuse(as_permitted(passed), error)
                if began is not None:
                    meter.seconds.observe(self._monotonic() - began)
                if session.close is not None:
                    break
        except EXITS:
            raise
        except BaseException as error:
            self._fail("admitting a frame", error, None)
        return received

    def _wait_for(self, running: "asyncio.Future[None]", meter: Meter, began: float | None) -> None:
        """Let what comes from now on wait until a message has been handled that was not put into the inbox."""
        self._inbox.wait_for(running)
        if began is not None:
            running.add_done_callback(lambda _: meter.seconds.observe(self._monotonic() - began))

    def _admit_signed(self, outer: Permitted, now: float) -> Permitted:
        """Open a signed envelope and admit what it holds; an id of the envelope's own is answered here."""
        live, pipeline, wall = self.live, self._pipeline, self._wall()
        signed = live.signed = live.signed or SignedMessages(live.nonce, pipeline.limits)
        opened = pipeline.open_signed(outer, signed, live.session, wall, self._timeouts.signature_window)
        try:
            permitted = pipeline.admit_signed(opened, outer.id, live.session, now)
        except FrameError as error:
            self._acknowledge(outer, error.message_id)
            raise
        self._acknowledge(outer, permitted.id)
        self._audit.record(
            "message.signed",
            wall,
            type=permitted.spec.type,
            session=live.session.id,
            subject=permitted.identity.subject,
            issuer=permitted.identity.issuer,
            key=opened.key,
            seq=opened.seq,
        )
        return permitted

    def _acknowledge(self, outer: Permitted, answered: str | None) -> None:
        """Say that an envelope was opened, unless the answer to what it holds is the answer to it."""
        if outer.id is not None and outer.id != answered:
            self.say_reply(outer.id, {})

    def saw_frame(self) -> None:
        """Take note that the peer lives: something has come."""
        self.live.lifetime.life_at = self._monotonic()

    def saw_violation(self, close: Close) -> None:
        """End what breaks the protocol."""
        self._measuring.saw_violation(int(close.code))
        self._hub.end(self.live, close, "protocol violation")

    def receive_control(self) -> None:
        """Charge a ping or a pong to the frame budget; a flood of them ends like any other."""
        try:
            self.live.session.ensure_open()
            self.live.session.spend_frame(CONTROL_BYTES, self._monotonic())
        except (RateLimited, FrameDropped):
            return  # a control frame has no answer of its own
        except Disconnect as disconnect:
            self._end(disconnect)

    def stop(self) -> None:
        """Handle nothing more; what is being handled ends by itself or by its deadline.

        Nothing holds what holds it from now on: a crowd that leaves is no work for the collector.
        """
        self._inbox.close()
        self._handler = None
        self.live.fall_silent()

    # --- out ---

    def tell(self, type: str, data: Mapping[str, Any]) -> None:
        """Send a message of the protocol's own, to clients that negotiated it."""
        if self.speaks_v1:
            self.say_own(type, data)

    def say(self, message: Outgoing) -> None:
        """Send a declared message that has been validated."""
        self.live.send(message, self._monotonic())

    def say_own(self, type: str, data: Mapping[str, Any]) -> None:
        """Send a message of the protocol's own."""
        self._say(self.envelope.event(type, data))

    def say_reply(self, message_id: str, data: Mapping[str, Any]) -> None:
        """Answer a message that carried an id."""
        self.live.answer(self.envelope.answer(message_id, data), self._monotonic())

    def _tell_expiring(self, expires_in: float, grace: float) -> None:
        self.tell("wssec.expiring", {"expires_in": round(max(expires_in, 0.0), 3), "grace": grace})

    async def run_hook(self, name: str, hook: Callable[[], Awaitable[None] | None]) -> None:
        """Run `opened` or `closed` under the handler's deadline; a failure ends the connection."""
        try:
            await patiently(_completed(hook), self._timeouts.handler)
        except FrameError as error:
            self._answer(error, None)  # `opened` refuses like any handler, though nobody has asked yet
        except Disconnect as disconnect:
            self._end(disconnect)
        except (asyncio.CancelledError, GeneratorExit, *EXITS):
            raise  # the loop's, as it ends
        except BaseException as error:
            self._fail(name, error, None)


async def _completed(hook: Callable[[], Awaitable[None] | None]) -> None:
    """Call a hook of the application and wait for it, plain function or coroutine alike.

    Raises:
        HandlerCancelled: it ended in a cancellation of its own making.
    """
    try:
        result = hook()
        if result is not None:
            await result
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise  # the deadline's, or the loop's as it ends
        raise HandlerCancelled from error
