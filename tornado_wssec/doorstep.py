"""Open sockets that nobody has authenticated yet: they say one thing, in time, and hear nothing (R021).

Rules of this file:
1. A visitor has no identity and no session; all it is ever sent is the close that ends it.
2. One message is read. While it is verified nothing else is, and what lies behind it is only read once it is welcome.
3. Whatever way a visit ends, it is counted out once.
4. When there is too little of anything, visitors go first, the oldest before the others.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Final

from .closing import Close, CloseCode
from .errors import CredentialRefused, HandshakeRefused, NotReady, TooManyAttempts
from .policy.proxies import quota_key
from .policy.rates import TokenBucket
from .settings import Limits, Timeouts
from .telemetry.redact import where_raised
from .wire.connection import Connection

logger = logging.getLogger(__name__)

CLOSES: Final[Mapping[int, CloseCode]] = MappingProxyType(
    {
        401: CloseCode.UNAUTHENTICATED,
        403: CloseCode.REVOKED,
        429: CloseCode.RATE_LIMITED,
        503: CloseCode.TRY_AGAIN_LATER,
    }
)
"""What a status becomes after 101; any other is 4401."""

Welcome = Callable[[], Awaitable[None]]
"""Makes a connection of a visit; its first step, up to being counted in, waits for nothing."""


def close_for(refusal: HandshakeRefused) -> Close:
    """The close that says after 101 what a status would have said before."""
    return Close(CLOSES.get(refusal.status, CloseCode.UNAUTHENTICATED), refusal.text)


class Visitor:
    """One open socket of somebody unknown.

    Args:
        connection: its socket.
        address: the client's.
        limits: of its endpoint.
        hear: verifies its first frame; HandshakeRefused.
        refused: records why it was not let in, and the close that it was told; None when it left by itself.
        doorstep: where it is counted.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        address: str,
        limits: Limits,
        hear: Callable[[str | bytes], Awaitable[Welcome]],
        refused: Callable[[HandshakeRefused, Close | None], None],
        doorstep: "Doorstep",
    ) -> None:
        self.address = address
        self.due_at = doorstep.due_at()
        self._connection = connection
        self._hear = hear
        self._refused = refused
        self._doorstep = doorstep
        self._controls = TokenBucket(limits.frames_per_second, limits.frames_burst, doorstep.now())
        self._hearing: asyncio.Task[None] | None = None
        self._is_refused = False
        connection.watch(saw_frame=lambda: None, saw_control=self._charge_control, violated=self._refuse_violation)
        doorstep.add(self)

    def receive(self, frame: str | bytes) -> None:
        """Take the first message, and read nothing more until it has been verified."""
        if self._hearing is None and not self._is_refused:
            self._connection.pause()
            self._hearing = asyncio.get_running_loop().create_task(self._verify(frame))

    def refuse(self, refusal: HandshakeRefused, close: Close | None = None) -> None:
        """Start the closing handshake; the sweep drops who does not answer."""
        if self._is_refused:
            return
        self._is_refused = True
        self.due_at = self._doorstep.abort_at()
        self._stop_hearing()
        close = close or close_for(refusal)
        self._refused(refusal, close)
        self._connection.close(close)

    def drop(self, refusal: HandshakeRefused, close: Close | None = None) -> None:
        """Say goodbye without waiting for an answer."""
        self.refuse(refusal, close)
        self._doorstep.remove(self)
        self._connection.abort()

    def left(self) -> None:
        """Count it out: its socket is gone."""
        self._stop_hearing()
        if self._doorstep.remove(self) and not self._is_refused:
            self._refused(CredentialRefused("left before it had authenticated"), None)

    def look(self, now: float) -> None:
        """Attend to a visit whose time is over; the socket of one who has left is let go."""
        if self._connection.overdue(now) is not None or now >= self.due_at:
            self.overdue()

    def extend(self, lag: float) -> None:
        """Forgive the time in which this process was not looking."""
        self.due_at += lag
        self._connection.extend(lag)

    def overdue(self) -> None:
        """Refuse who has said nothing in time, drop who was refused and does not go; who is being verified may stay."""
        if self._is_refused:
            self._connection.abort()
        elif self._hearing is None:
            self.refuse(CredentialRefused("no first message in time"))

    async def _verify(self, frame: str | bytes) -> None:
        try:
            welcome = await self._hear(frame)
            # An authenticator may have swallowed the cancellation with which a visit ends.
            if not self._is_refused and self._doorstep.remove(self):
                await welcome()
                self._connection.resume()
        except HandshakeRefused as refusal:
            self.refuse(refusal)
        except Exception as error:
            logger.error("a first message failed unexpectedly: %s", where_raised(error))
            self._connection.close(Close(CloseCode.INTERNAL_ERROR))
            self._connection.abort()

    def _stop_hearing(self) -> None:
        if self._hearing is not None and self._hearing is not asyncio.current_task():
            self._hearing.cancel()

    def _charge_control(self) -> None:
        if self._controls.take(1.0, self._doorstep.now()):
            self.refuse(TooManyAttempts("control frames before the first message"))

    def _refuse_violation(self, close: Close) -> None:
        is_binary = close.code == CloseCode.UNSUPPORTED_DATA  # another message first, as any other
        refusal = CredentialRefused(f"protocol violation before the first message: {close.reason}")
        self.refuse(refusal, None if is_binary else close)


class Doorstep:
    """Everybody of one guard who is connected and unknown, the oldest first.

    Args:
        timeouts: how long the first message, and a closing handshake, may take.
        monotonic: the clock of both.
    """

    def __init__(self, timeouts: Timeouts, monotonic: Callable[[], float]) -> None:
        self.now = monotonic
        self._timeouts = timeouts
        self._visitors: dict[Visitor, None] = {}
        self._addresses: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._visitors)

    def at_address(self, address: str) -> int:
        """Visitors from an address (an IPv6 /64)."""
        return self._addresses[quota_key(address)]

    def due_at(self) -> float:
        """When somebody who comes now must have said who it is."""
        return self.now() + self._timeouts.first_message

    def abort_at(self) -> float:
        """When somebody who is refused now must have gone."""
        return self.now() + self._timeouts.close

    def add(self, visitor: Visitor) -> None:
        """Count a visitor in."""
        self._visitors[visitor] = None
        self._addresses[quota_key(visitor.address)] += 1

    def remove(self, visitor: Visitor) -> bool:
        """Count a visitor out; False when it was counted out before."""
        if visitor not in self._visitors:
            return False
        del self._visitors[visitor]
        address = quota_key(visitor.address)
        self._addresses[address] -= 1
        if not self._addresses[address]:
            del self._addresses[address]
        return True

    def sweep(self, now: float) -> None:
        """Look after everybody."""
        for visitor in tuple(self._visitors):
            visitor.look(now)

    def extend(self, lag: float) -> None:
        """Forgive everybody the time in which this process was not looking."""
        for visitor in self._visitors:
            visitor.extend(lag)

    def shed(self, most: int) -> int:
        """Drop the oldest visitors, to make room for somebody known; return how many."""
        oldest = list(self._visitors)[:most]
        for visitor in oldest:
            visitor.drop(NotReady("dropped for want of room"))
        return len(oldest)

    def clear(self) -> None:
        """Drop everybody: the guard stops, and nobody unknown is waited for."""
        for visitor in tuple(self._visitors):
            visitor.drop(NotReady("draining"), Close(CloseCode.GOING_AWAY))
