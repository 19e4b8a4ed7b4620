"""What a revocation or a notice does to live connections.

Rules of this file:
1. Whatever the index matches is closed at once, in the same turn of the loop in which it was read.
2. A margin asks first: clients are told to re-authenticate, and closed when it ends. It ends once, whatever the
   clock is set to afterwards.
3. A notice is heeded once, by whoever is connected when it is read.
"""

import heapq
from collections.abc import Callable

from .clock import Clock
from .closing import Close, CloseCode
from .hub import Hub, Live
from .moderation import Moderator
from .policy.identity import Identity
from .policy.moderation_entries import Moderation
from .policy.notices import Notices
from .policy.revocation_entries import Notice, NoticeKind
from .policy.revocations import Revocation, RevocationIndex
from .telemetry.audit import Audit


class Enforcer:
    """Closes what is revoked.

    Args:
        hub: who is connected.
        index: what is revoked.
        clock: whose wall time decides.
        audit: where each closed connection is recorded.
    """

    trusts: Callable[[Identity], bool]
    """Whether the key that proved an identity is still its issuer's; whoever knows other issuers sets it."""

    reload: Callable[[Callable[[Live], bool]], int]
    """Asks anew what the connections may do that match, and says how many; whoever can ask sets it."""

    moderator: Moderator | None = None
    """Acts on what moderators have decided; whoever has one sets it."""

    def __init__(self, hub: Hub, index: RevocationIndex, clock: Clock, audit: Audit) -> None:
        self._hub = hub
        self._index = index
        self._clock = clock
        self._audit = audit
        self._margins: list[tuple[float, str]] = []
        self._distrusted: frozenset[str] = frozenset()
        self._notices = Notices()
        self.trusts = lambda identity: True
        self.reload = lambda matches: 0

    def added(self, revocation: Revocation) -> None:
        """Take note of a new entry: one with a margin bites later, and warns now; one whose margin is over bites."""
        now = self._clock.wall()
        if not revocation.is_effective(now):
            heapq.heappush(self._margins, (revocation.effective_at, revocation.id))
            self._warn(revocation.effective_at, revocation.effective_at - now)
        elif revocation.effective_at > revocation.at:
            self._index.end_margin(revocation.id)

    def enforce(self) -> int:
        """Close every connection that the index matches; return how many."""
        closed = sum(self.close_if_revoked(live) for live in self._hub)
        if closed:
            self._audit.record("revocation.enforced", self._clock.wall(), connections=closed)
        return closed

    def close_if_revoked(self, live: Live) -> bool:
        """Close one connection if the index matches it or its key is compromised; True when it did."""
        if live.session.is_closing:
            return False
        identity = live.session.identity
        revocation = self._index.revoked(identity, self._clock.wall())
        if revocation is not None:
            self._hub.end(live, Close(CloseCode.REVOKED), f"{revocation.kind} {revocation.id}")
        elif identity.key_id in self._distrusted:
            self._hub.end(live, Close(CloseCode.REVOKED), "its key is compromised")
        elif not self.trusts(identity):
            self._hub.end(live, Close(CloseCode.REVOKED), "its issuer has withdrawn the key")
        return live.session.is_closing

    def moderate(self, body: Moderation, *, is_news: bool) -> None:
        """Act on what a moderator has decided.

        Args:
            is_news: False where it was decided before this node began to follow the log.
        """
        if self.moderator is not None:
            self.moderator.apply(body, is_news=is_news)

    def heed(self, notice: Notice) -> int:
        """Do what a notice asks for, unless that has been done; return how many connections it has meant."""
        if notice.kind is NoticeKind.REMOVE:
            return 0 if self.moderator is None else self.moderator.remove(notice)
        if not self._notices.heed(notice, self._clock.wall()):
            return 0

        def means(live: Live) -> bool:
            return notice.matches(live.session.identity, live.channels)

        if notice.kind is NoticeKind.PERMISSIONS:
            return self.reload(means)
        close, evidence = Close(CloseCode.REVOKED, notice.reason), f"kicked by notice {notice.id}"
        closed = self._hub.end_where(means, close, evidence)
        if closed:
            facts = {"notice": notice.id, "reason": notice.reason or None}
            self._audit.record("sessions.kicked", self._clock.wall(), connections=closed, **facts)
        return closed

    def tick(self) -> None:
        """Enforce the margins that have ended."""
        now = self._clock.wall()
        self._notices.forget_expired(now)
        if self.moderator is not None:
            self.moderator.tick()
        ended = False
        while self._margins and self._margins[0][0] <= now:
            _, id = heapq.heappop(self._margins)
            self._index.end_margin(id)
            ended = True
        if ended:
            self.enforce()

    def distrust(self, kids: frozenset[str]) -> None:
        """Close every connection whose token a compromised key signed, and whoever joins with one later."""
        self._distrusted = kids
        self.enforce()

    def _warn(self, effective_at: float, margin: float) -> None:
        for live in self._hub:
            if self._index.revoked(live.session.identity, effective_at) is not None:
                live.tell_expiring(margin, 0.0)
