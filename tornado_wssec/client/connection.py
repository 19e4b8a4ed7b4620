"""The client: one connection that comes back, for services and devices.

Rules of this file:
1. The close code decides whether it comes back, and no wait is the same for two clients.
2. One task reads and reconnects; what else is under way belongs to one connection, and ends with it.
3. A fault of the caller's own (`credential`, `renew`) is not waited out: it is raised.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine, Mapping
from contextlib import suppress
from dataclasses import replace
from types import TracebackType
from typing import Any, Final, Self

from ..policy.codec import Envelope
from .credentials import Credential, Shown, Text, ensure_private, present
from .hearing import PASSING, UNSUBSCRIBED, Heard, Subscription, event_of
from .schedule import HTTP_ENDS, Ending, Schedule
from .signing import MessageSigner, SigningKey
from .speaking import CLOSED, Speaking, outgoing
from .states import Event, HttpRefused, Refused, State, Stopped
from .transport import Unreachable, connect

READY_WITHIN: Final = 20.0
"""Seconds for the handshake, and as many more for the credential and `wssec.ready`."""

LIFE_WITHIN: Final = 5.0
HANDLED_WITHIN: Final = 15.0
"""A ping waits behind a handler that is at work, as every message does."""

EVENTS: Final = 1_000


class Client(Speaking):
    """A connection to a socket of tornado_wssec; use it as an async context manager.

    Args:
        url: `wss://host/path`; `ws://` to this machine alone, or `insecure=True`.
        credential: asked before every attempt; see `bearer`, `ticket_for`, `api_key`. None: nothing is shown.
        renew: gives a fresh token once the server says that the present one ends.
        signing_key: what signs the messages of the types in `signed`.
        signed: the types that are signed.
        envelope: how the endpoint's messages look, such as `Envelope.flat(type="action")`.
        queue: messages that may wait while there is no connection.
        within: seconds that a request waits for its answer.
        on_state: told each change of `state`.
        insecure: allow `ws://` to other machines, while developing.
        dice: for the jitter; a number from 0 up to 1.
        pause: for the waits; a coroutine function that takes seconds.
        options: of Tornado's `HTTPRequest`, such as `ca_certs=`, `client_cert=` or `headers=`.

    Raises:
        ValueError: for a URL that would show a credential to strangers.
    """

    def __init__(
        self,
        url: str,
        *,
        credential: Credential | None = None,
        renew: Text | None = None,
        signing_key: SigningKey | None = None,
        signed: Collection[str] = (),
        envelope: Envelope | None = None,
        queue: int = 64,
        within: float = 15.0,
        on_state: Callable[[State], None] | None = None,
        insecure: bool = False,
        dice: Callable[[], float] = random.random,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        **options: Any,
    ) -> None:
        ensure_private(url, insecure=insecure)
        super().__init__(envelope or Envelope(), signed=signed, queue=queue, within=within)
        self.url = url
        self._credential = credential
        self._renew = renew
        self._signing_key = signing_key
        self._on_state = on_state
        self._pause = pause
        self._options = options
        self._schedule = Schedule(dice)
        self._heard = Heard(EVENTS)
        self._channels: dict[str, Subscription] = {}
        self._runner: asyncio.Task[None] | None = None
        self._errands: set[asyncio.Task[None]] = set()
        self._is_renewing = False
        self._lost_as = "lost"
        self._fault: BaseException | None = None
        self._heard_at = 0.0

    async def __aenter__(self) -> Self:
        """Connect, and wait until the connection is open.

        Raises:
            Stopped: it was refused for good.
        """
        opened = asyncio.Event()
        self._runner = asyncio.create_task(self._run(opened))
        waiting = asyncio.create_task(opened.wait())
        try:
            await asyncio.wait((self._runner, waiting), return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await self.close()
            raise
        finally:
            waiting.cancel()
        if self._runner.done():
            await self._runner
            raise Stopped(self.state)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Leave. `events()` ends, and what waits for an answer is refused with `stopped`.

        Raises:
            Exception: what `credential` or `renew` has raised, if that ended it.
        """
        if self._runner is None or self._runner.cancelled():
            return
        if self._runner.done():
            return await self._runner
        self._runner.cancel()
        with suppress(asyncio.CancelledError):
            await self._runner
        self._let_go()
        self._stop(CLOSED)

    async def subscribe(self, channel: str, *, since: int | None = None) -> None:
        """Listen to a channel, after every reconnect again; returns once the server has agreed.

        Args:
            channel: its name.
            since: the `seq` behind which to begin, in a channel that keeps its history.

        Raises:
            Refused: the server said no.
        """
        if self.state.name == "stopped":
            raise Refused("stopped", self.state.reason)
        self._settle(channel)
        subscription = self._channels[channel] = Subscription(since)
        if self._is_open:
            self._start(self._join(channel, subscription))
        await asyncio.shield(subscription.agreed)

    async def unsubscribe(self, channel: str) -> None:
        """Listen no more."""
        self._settle(channel)
        if self._channels.pop(channel, None) is not None and self._is_open:
            await self.request("wssec.unsubscribe", {"channel": channel})

    def _settle(self, channel: str) -> None:
        """Whoever still waits for the answer about a channel waits no longer: another word of ours takes its place."""
        if channel in self._channels:
            self._channels[channel].begin(None)

    async def events(self) -> AsyncIterator[Event]:
        """What the server says unasked, until `close()`. For one reader.

        At most a thousand wait; of what finds no room a `wssec.gap` is told.

        Raises:
            Stopped: the server ended it for good.
        """
        while isinstance(event := await self._heard.next(), Event):
            yield event
        if event != CLOSED:
            raise Stopped(event)

    async def check(self) -> None:
        """See whether the other end is still there; if it is not, the connection is lost."""
        link, heard_at = self._link, self._heard_at
        if link is None or not self._is_open:
            return
        try:
            await self.request("ping", within=HANDLED_WITHIN if len(self._answers) else LIFE_WITHIN)
        except Refused as refusal:
            if refusal.code == "no_answer" and link is self._link and heard_at == self._heard_at:
                self._lost_as = "silent"
                link.close()

    def __repr__(self) -> str:
        return f"<Client of {self.url.partition('?')[0]}, {self.state.name} {self.state.reason}>"

    # --- the one task ---

    async def _run(self, opened: asyncio.Event) -> None:
        while True:
            self._set(State("connecting"))
            try:
                state = await self._attempt(opened)
            except Exception as fault:
                self._let_go()
                self._stop(State("stopped", "fault", text=type(fault).__name__))
                raise
            self._let_go()
            if state.name == "stopped":
                self._stop(state)
                return
            self._set(state)
            await self._pause(state.seconds or 0.0)

    async def _attempt(self, opened: asyncio.Event) -> State:
        """Connect, and read until the end; what follows it."""
        try:
            async with asyncio.timeout(2 * READY_WITHIN):  # the handshake has half of it
                ready = await self._connect()
        except HttpRefused as refusal:
            return self._schedule.refused(refusal)
        except (Unreachable, OSError) as error:
            return self._schedule.after(Ending(text=str(error) or "nothing came in time"))
        if ready is None:
            return self._schedule.after(self._ending("unreachable"))
        await self._open(ready)
        opened.set()
        at = _now()
        await self._read()
        if self._fault is not None:
            raise self._fault
        return self._schedule.after(self._ending(self._lost_as, stood=_now() - at))

    async def _connect(self) -> Mapping[str, Any] | None:
        """What `wssec.ready` says; None where the connection ended instead."""
        shown = await self._credential() if self._credential else Shown()
        link = self._link = await connect(self.url, shown, READY_WITHIN, self._envelope, **self._options)
        if shown.first is not None:
            await link.write({"type": "wssec.auth", "data": shown.first})
        while (message := await link.read()) is not None:
            if message["type"] == "wssec.ready":
                ready: Mapping[str, Any] = message["data"]
                return ready
        return None

    async def _open(self, ready: Mapping[str, Any]) -> None:
        """Listen again, then send what has waited; only then does anything else leave."""
        self._lost_as, self._heard_at = "lost", _now()
        if self._signing_key is not None:
            self._signer = MessageSigner(self._signing_key, ready["nonce"])
        for channel, subscription in self._channels.items():
            self._start(self._join(channel, subscription))
        self._start(self._watch(ready["heartbeat"]))
        await asyncio.sleep(0)  # the subscriptions leave
        with suppress(Refused):  # the connection has ended again: whoever asked is told
            for waited in self._backlog.take():
                if self._answers.is_waited_for(waited.id):
                    await self._write(waited)
        self._set(State("open", session=ready["session"], expires_in=ready.get("expires_in")))

    async def _read(self) -> None:
        while self._link is not None and (message := await self._link.read()) is not None:
            self._heard_at = _now()
            if "id" in message:
                self._answers.settle(message)
            else:
                self._hear(event_of(message))

    def _hear(self, event: Event) -> None:
        match event.type:
            case "wssec.ready":
                return
            case "wssec.expiring":
                if self._renew is not None and not self._is_renewing:
                    self._is_renewing = True
                    self._start(self._refresh(self._renew, event.data["expires_in"] + event.data["grace"]))
            case "wssec.unsubscribed":
                self._channels.pop(event.data["channel"], None)
        if event.seq is not None and event.channel in self._channels:
            self._channels[event.channel].seq = event.seq
        self._heard.put(event)

    def _ending(self, instead: str, stood: float = 0.0) -> Ending:
        assert self._link is not None  # noqa: S101 -- it has just ended
        return Ending(self._link.close_code, instead, self._link.close_reason, stood)

    def _let_go(self) -> None:
        """Of the connection, and of whoever waits for an answer by it; what has not left yet still may."""
        for errand in self._errands:
            errand.cancel()
        if self._link is not None:
            self._link.close()
        self._link = self._signer = None
        self._is_renewing = False
        if self._is_open:
            self.state = State("connecting")  # until the next is told: nothing must leave meanwhile
        self._answers.reject("disconnected", only_sent=True)

    def _stop(self, state: State) -> None:
        self._set(state)
        self._backlog.clear()
        self._answers.reject("stopped")
        for subscription in self._channels.values():
            subscription.end(Refused("stopped", state.reason))
        self._heard.end(state)

    def _set(self, state: State) -> None:
        self.state = state
        if self._on_state is not None:
            self._on_state(state)

    # --- errands: each ends with its connection ---

    def _start(self, errand: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(errand)
        self._errands.add(task)
        task.add_done_callback(self._errand_done)

    def _errand_done(self, task: asyncio.Task[None]) -> None:
        self._errands.discard(task)
        if not task.cancelled() and (fault := task.exception()) is not None and self._link is not None:
            self._fault = fault
            self._link.close()

    async def _join(self, channel: str, subscription: Subscription) -> None:
        """Ask to listen until the server agrees, or refuses for good."""
        while self._channels.get(channel) is subscription:
            since = {} if subscription.seq is None else {"since": subscription.seq}
            id = self._answers.expect(lambda reply: self._joined(channel, subscription, reply))
            asked = outgoing("wssec.subscribe", {"channel": channel, **since}, None, id)
            try:
                await self._asked(self._write, asked)
                return
            except Refused as refusal:
                if refusal.code == "disconnected":
                    return  # the next connection asks again
                if refusal.code not in PASSING:
                    return self._leave(channel, subscription, refusal)
                await asyncio.sleep((refusal.retry_after or 1.0) * (1 + random.random()))  # noqa: S311 -- a jitter

    def _joined(self, channel: str, subscription: Subscription, reply: Mapping[str, Any]) -> None:
        """The server has agreed; what follows is heard, and what was missed is told before it."""
        if subscription.begin(reply.get("seq")):
            self._heard.gap(channel)

    def _leave(self, channel: str, subscription: Subscription, refusal: Refused) -> None:
        if self._channels.get(channel) is subscription:
            del self._channels[channel]
        subscription.end(refusal)
        self._heard.put(Event(UNSUBSCRIBED, {"channel": channel}, channel))

    async def _watch(self, heartbeat: float) -> None:
        """Ask after whoever is silent: the server's pings are answered below us, and not seen here."""
        while True:
            await asyncio.sleep(heartbeat)
            if _now() - self._heard_at >= heartbeat:
                await self.check()

    async def _refresh(self, renew: Text, left: float) -> None:
        """Put a fresh token in force on the open connection; try again while the old one still holds."""
        until, wait = _now() + left, 1.0
        while True:
            try:
                answer = await self.request("wssec.refresh", {"token": await present(renew)})
            except HttpRefused as refusal:
                if refusal.status in HTTP_ENDS:
                    return
            except (Refused, OSError):
                pass
            else:
                self._is_renewing = False
                return self._set(replace(self.state, expires_in=answer.get("expires_in")))
            if _now() + wait > until:
                return
            await asyncio.sleep(wait)
            wait *= 2


def _now() -> float:
    return asyncio.get_running_loop().time()
