"""When a connection needs attention: heartbeat, idleness, age, the end of its token, and rights that are due.

All times are monotonic seconds, so a stepped wall clock neither revives nor kills anybody. One sweep
compares `next_at` with the clock; only a connection that is due pays for more.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from ..closing import Close, CloseCode
from ..settings import Timeouts

_NEVER: Final = float("inf")
SILENCE: Final = Close(CloseCode.TIMED_OUT, "no sign of life")
"""Ends who does not answer: nobody waits for such a peer's goodbye."""


class Nudge(Enum):
    """What is due, short of a close."""

    PING = "ping"
    EXPIRING = "expiring"
    RIGHTS = "rights"


@dataclass(frozen=True, slots=True)
class Expiry:
    """When a token ends: `at` it expires, `closes_at` the socket goes, `warn_at` the client is told."""

    at: float
    warn_at: float
    closes_at: float


class Lifetime:
    """The deadlines of one connection.

    Args:
        timeouts: the intervals.
        now: monotonic seconds.
        expires_in: seconds until the credential ends; None: it has no end.
        jitter: −1…1, this connection's share of `age_jitter`.
    """

    __slots__ = (
        "_expiry",
        "_ends_at",
        "life_at",
        "_pinged_at",
        "_rights_at",
        "_timeouts",
        "_warned",
        "began_at",
        "idle_since",
        "next_at",
    )

    idle_since: float
    life_at: float
    """When the last message went either way; set by whoever sends to thousands, else by `saw_data`."""

    def __init__(self, timeouts: Timeouts, now: float, *, expires_in: float | None, jitter: float = 0.0) -> None:
        self._timeouts = timeouts
        self.began_at = self.life_at = self.idle_since = now
        self._pinged_at: float | None = None
        self._ends_at = now + timeouts.age * (1 + jitter * timeouts.age_jitter)
        self._expiry: Expiry | None = None
        self._rights_at = _NEVER
        self._warned = False
        self.renew(now, expires_in)

    def renew(self, now: float, expires_in: float | None) -> None:
        """Take over the end of a fresh credential."""
        self._warned = False
        if expires_in is None:
            self._expiry = None
        else:
            at = now + expires_in
            warn_at = at - min(self._timeouts.token_warning, max(expires_in, 0.0) / 2)
            self._expiry = Expiry(at, warn_at, at + self._timeouts.token_grace)
        self.next_at = now

    def ask_rights_at(self, at: float) -> None:
        """Ask what this connection may still do at that moment, once."""
        self._rights_at = at
        self.next_at = min(self.next_at, at)

    def saw_life(self, now: float) -> None:
        """Any inbound byte: the peer is there."""
        self.life_at = now

    def saw_data(self, now: float) -> None:
        """A message either way: the connection is not idle. Pings are not data."""
        self.idle_since = now

    def extend(self, lag: float) -> None:
        """Move the deadlines that a stalled event loop must not fire: the peer was not heard, not silent."""
        self.life_at += lag
        self.idle_since += lag
        if self._pinged_at is not None:
            self._pinged_at += lag

    def expires_in(self, now: float) -> float | None:
        """Seconds until the credential ends; None: it has no end."""
        return None if self._expiry is None else self._expiry.at - now

    def due(self, now: float, *, listening: bool = True) -> Iterator[Nudge | Close]:
        """Say what is due and set `next_at`.

        Args:
            now: monotonic seconds.
            listening: False while reading is paused: who is not listened to cannot prove life.
        """
        ended = self._ended(now, listening)
        if ended is not None:
            self.next_at = _NEVER
            yield ended
            return
        if self._expiry is not None and not self._warned and now >= self._expiry.warn_at:
            self._warned = True
            yield Nudge.EXPIRING
        if now >= self._ping_at():
            self._pinged_at = now
            yield Nudge.PING
        if now >= self._rights_at:
            self._rights_at = _NEVER
            yield Nudge.RIGHTS
        self.next_at = self._earliest()

    def _ended(self, now: float, listening: bool) -> Close | None:
        if self._expiry is not None and now >= self._expiry.closes_at:
            return Close(CloseCode.TOKEN_EXPIRED)
        if now >= self._ends_at:
            return Close(CloseCode.TIMED_OUT, "connection reached its age")
        if now >= self.idle_since + self._timeouts.idle:
            return Close(CloseCode.TIMED_OUT, "idle")
        if listening and now >= self._pong_by():
            return SILENCE
        return None

    def _ping_at(self) -> float:
        # Any inbound byte is life: a peer that talks is not pinged.
        return self.life_at + self._timeouts.ping_interval if self._pong_by() == _NEVER else _NEVER

    def _pong_by(self) -> float:
        if self._pinged_at is None or self.life_at >= self._pinged_at:
            return _NEVER
        return self._pinged_at + self._timeouts.pong

    def _earliest(self) -> float:
        moments = [
            self._ends_at,
            self.idle_since + self._timeouts.idle,
            self._ping_at(),
            self._pong_by(),
            self._rights_at,
        ]
        if self._expiry is not None:
            moments.append(self._expiry.closes_at if self._warned else self._expiry.warn_at)
        return min(moments)
