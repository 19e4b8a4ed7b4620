"""What is no longer accepted: how a revocation is made, and how long it must live.

Rules of this file:
1. A token, session, subject, tenant or key that matches is refused; nothing un-matches it but time or an undo.
2. An entry lives at least as long as any token it could match (R077).
3. The log is ordered and append-only; an undo is an entry too, and outlives what it undoes.
"""

import secrets
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import replace
from typing import Final, Protocol

from ..settings import LEEWAY_MOST, Timeouts, TokenRules
from .records import ensure_seconds
from .revocation_entries import DATED, Body, Kind, LogEntry, Notice, Revocation, Undo, ensure_name, ensure_storable
from .revocation_index import RevocationIndex

__all__ = [
    "SKEW_SECONDS",
    "Body",
    "Kind",
    "LogEntry",
    "Notice",
    "Revocation",
    "RevocationIndex",
    "RevocationLog",
    "Undo",
    "make_revocation",
    "make_undo",
    "outlasting",
]

SKEW_SECONDS: Final = 5 * LEEWAY_MOST
"""Issuer, revoker, verifier and pruner each have a clock; those further apart refuse each other's tokens anyway."""


class RevocationLog(Protocol):
    """The ordered log in a store. Raises StoreError where the store does not answer."""

    def append(self, body: Body) -> Awaitable[LogEntry]:
        """Add one entry and return once it is durable; a second with the same id and class is the first.

        Raises:
            ValueError: it is more than a store keeps; see `ensure_storable`.
            NotAcknowledged: it was written but may be lost with the machine.
        """

    def read_after(self, cursor: str | None, limit: int) -> Awaitable[Sequence[LogEntry]]:
        """At most `limit` entries after the cursor (None: from the start), in order.

        A cursor that was not given by this store in this life reads from the start: to see an
        entry twice is harmless, to miss one is not.
        """

    def log_life(self) -> Awaitable[str]:
        """Names this life of the log. Another one, as after a failover, may lack what was acknowledged in this."""

    def prune(self, now: float, limit: int, *, notices: bool = False) -> Awaitable[int]:
        """Delete at most `limit` entries whose `expires_at` is before `now`; return how many.

        An undo stays while its revocation is there, or that one would be in force again.

        Args:
            notices: of these alone, which need not outlive anything; False: of all others.
        """


def make_revocation(
    kind: Kind,
    value: str,
    now: float,
    *,
    rules: TokenRules | Iterable[TokenRules],
    timeouts: Timeouts | None = None,
    issuer: str | None = None,
    before: float | None = None,
    allow_future: bool = False,
    margin: float = 0.0,
    reason: str = "",
) -> Revocation:
    """An entry that lives at least as long as anything it could match (R077).

    Args:
        kind: what is named.
        value: its jti, sid, sub, tenant or kid. Nobody need have seen it before.
        now: wall seconds of whoever revokes.
        rules: of every issuer whose tokens are accepted; the longest lifetime counts.
        timeouts: how old connections may grow; None: the defaults.
        issuer: whose; None: of whatever issuer.
        before: for SUBJECT and TENANT: refuse what was issued up to then; None: up to now.
        allow_future: `before` may lie ahead; for a caller who has made sure that it is meant.
        margin: seconds until it is in effect, in which clients may authenticate anew.
        reason: for the audit.

    Raises:
        ValueError: saying what cannot be and the remedy.
    """
    kind, longest = Kind(kind), _longest(rules)
    at = ensure_seconds("now", now)
    cut = _checked_before(kind, before, at, allow_future)
    effective_at = at + _checked_margin(margin, longest)
    body = Revocation(
        id=secrets.token_hex(16),
        kind=kind,
        value=ensure_name(f"{kind} to revoke", value),
        at=at,
        effective_at=effective_at,
        issuer=issuer,
        before=cut,
        expires_at=_end(kind, max(effective_at, cut or at), longest, timeouts or Timeouts()),
        reason=reason,
    )
    ensure_storable(body)
    return body


def make_undo(revocation: Revocation, now: float, reason: str = "") -> Undo:
    """The entry that takes `revocation` back; it stays for as long as that one does.

    Raises:
        ValueError: saying what cannot be and the remedy.
    """
    body = Undo(id=revocation.id, at=now, expires_at=revocation.expires_at, reason=reason)
    ensure_storable(body)
    return body


def outlasting(body: Body, rules: TokenRules | Iterable[TokenRules], timeouts: Timeouts) -> Body:
    """The entry as a server with these rules must keep it: whoever made it may have known only the defaults."""
    if not isinstance(body, Revocation) or body.expires_at is None:
        return body
    end = _end(body.kind, max(body.effective_at, body.before or body.at), _longest(rules), timeouts)
    return body if end is None or end <= body.expires_at else replace(body, expires_at=end)


def _longest(rules: TokenRules | Iterable[TokenRules]) -> float:
    """The seconds from a moment to the end of the last token that may have been issued by then."""
    every = (rules,) if isinstance(rules, TokenRules) else tuple(rules)
    if not every:
        raise ValueError("there are no token rules, so no lifetime to outlive; give those of every issuer")
    return max(rule.max_lifetime + rule.leeway for rule in every)


def _end(kind: Kind, latest: float, longest: float, timeouts: Timeouts) -> float | None:
    """When an entry may be forgotten that is about tokens issued up to `latest`."""
    if kind is Kind.KEY:
        return None  # whoever has a compromised key can date a token as he likes
    # A connection of a revoked session may have been refreshed up to its last moment.
    age = timeouts.age * (1 + timeouts.age_jitter) if kind is Kind.SESSION else 0.0
    return latest + longest + age + SKEW_SECONDS


def _checked_before(kind: Kind, before: float | None, now: float, allow_future: bool) -> float | None:
    if kind not in DATED:
        if before is not None:
            raise ValueError(f"`before` does not go with a {kind}; drop it, or revoke the subject or the tenant")
        return None
    if before is None:
        return now
    cut = ensure_seconds("before", before)
    if cut > now and not allow_future:
        remedy = "give a time that has passed, or allow the future explicitly"
        raise ValueError(f"`before` is {cut - now:g} s ahead, so tokens not yet issued would be refused; {remedy}")
    return cut


def _checked_margin(margin: float, longest: float) -> float:
    seconds = ensure_seconds("margin", margin)
    if not 0 <= seconds <= longest:
        remedy = f"give 0 to {longest:g}, the longest that a token lives"
        raise ValueError(f"a margin of {seconds:g} s would never let the revocation bite in time; {remedy}")
    return seconds
