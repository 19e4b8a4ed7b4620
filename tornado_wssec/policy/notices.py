"""Notices: what every node is asked to do, once, about the connections that it has now.

Rules of this file:
1. A node does what a notice asks for when it reads it, and never a second time, however often it reads it.
2. A notice that has expired asks for nothing: a node that starts later finds it and leaves it aside.
"""

import secrets
from typing import Final

from .records import ensure_seconds
from .revocation_entries import Notice, NoticeKind, ensure_storable
from .revocations import SKEW_SECONDS

NOTICE_SECONDS: Final = 2 * SKEW_SECONDS
"""Clocks apart by as much as they may be, and a node that reaches the store late. One that is cut off for longer
than `Timeouts.mirror_for_live` has closed all its connections."""


def make_notice(
    kind: NoticeKind,
    now: float,
    *,
    issuer: str | None = None,
    session: str | None = None,
    subject: str | None = None,
    tenant: str | None = None,
    role: str | None = None,
    resource: str | None = None,
    channel: str | None = None,
    reason: str = "",
) -> Notice:
    """A notice about the connections of which everything given is true.

    Args:
        kind: what is asked for.
        now: wall seconds of whoever asks.
        issuer: whose session, subject or tenant; None: of whatever issuer.
        role, resource, channel: see `Notice`.
        reason: what a client is told that is ended.

    Raises:
        ValueError: saying what cannot be and the remedy.
    """
    at = ensure_seconds("now", now)
    meant = {"issuer": issuer, "session": session, "subject": subject, "tenant": tenant}
    meant |= {"role": role, "resource": resource, "channel": channel}
    notice = Notice(
        id=secrets.token_hex(16), kind=NoticeKind(kind), at=at, expires_at=at + NOTICE_SECONDS, reason=reason, **meant
    )
    ensure_storable(notice)
    return notice


class Notices:
    """The notices that a node has heeded, until they expire."""

    __slots__ = ("_ends",)

    def __init__(self) -> None:
        self._ends: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._ends)

    def heed(self, notice: Notice, now: float) -> bool:
        """Whether to do what a notice asks for: it is new here, and has not expired."""
        if notice.expires_at <= now or notice.id in self._ends:
            return False
        self._ends[notice.id] = notice.expires_at
        return True

    def forget_expired(self, now: float) -> None:
        """Drop what would not be heeded any more anyway."""
        # In the order of their arrival, which is nearly that of their ends: the first that lives ends the look.
        while self._ends and self._ends[id := next(iter(self._ends))] <= now:
            del self._ends[id]
