"""The entries of the revocation log: what each names, what it matches, how it is written down.

Rules of this file:
1. What cannot be compared is matched: an `iat` that is no number is refused, not let through.
2. Whoever wrote an entry, it is checked when it is read; every fault is a ValueError that echoes nothing.
3. A notice is about connections that are live when it is read. It refuses nobody, and nobody needs it later.
"""

import math
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from .identity import Identity
from .moderation_entries import Moderation, ensure_channel, ensure_moderation, moderation_from
from .permissions import names_resource
from .records import Record, dump_record, ensure_seconds, ensure_text

BODY_BYTES: Final = 32 * 1024
"""More than any entry has: four texts of 1 KiB, each byte of them escaped to six, and its numbers."""

_NAME: Final = re.compile(r"[\x21-\x7e]{1,128}").fullmatch


class Kind(StrEnum):
    """What a revocation names."""

    TOKEN = "token"
    SESSION = "session"
    SUBJECT = "subject"
    TENANT = "tenant"
    KEY = "key"


DATED: Final = frozenset({Kind.SUBJECT, Kind.TENANT})
"""These name somebody who may get new tokens: only those issued up to `before` are refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """One entry of the log. Times are wall seconds of whoever revoked.

    Args:
        id: random, made by whoever revokes; an export imported twice is one entry.
        kind, value: what is revoked: a jti, sid, sub, tenant or kid.
        issuer: whose; None: of whatever issuer.
        at: when it was decided.
        effective_at: `at` plus the margin; until then clients are asked to re-authenticate.
        before: for SUBJECT and TENANT: tokens with `iat` at or before it are refused, those of
            the same second too; None: whatever their `iat`.
        expires_at: when no token it could match can be alive; None: never (a key).
        reason: for the audit; never sent to a peer.
    """

    id: str
    kind: Kind
    value: str
    at: float
    effective_at: float
    issuer: str | None = None
    before: float | None = None
    expires_at: float | None = None
    reason: str = ""

    @property
    def cutoff(self) -> float:
        """What was issued earlier than this is refused: the end of the second of `before`, or infinity."""
        if self.before is None or self.kind not in DATED:
            return math.inf
        return math.floor(self.before) + 1.0

    def is_effective(self, now: float) -> bool:
        """Whether it bites already. Without a margin it always does: a clock behind the revoker's puts nothing off."""
        # Both are "not" because what is no number must bite.
        return not self.effective_at > self.at or not self.effective_at > now

    def matches(self, identity: Identity) -> bool:
        """Whether it names this identity, in effect already or not."""
        if self.issuer is not None and self.issuer != identity.issuer:
            return False
        # "not at or after" instead of "before": NaN is neither, and must be refused.
        return _NAMED[self.kind](identity) == self.value and not identity.issued_at >= self.cutoff


_NAMED: Final = MappingProxyType[Kind, Callable[[Identity], str | None]](
    {
        Kind.TOKEN: lambda identity: identity.token_id,
        Kind.SESSION: lambda identity: identity.session_id,
        Kind.SUBJECT: lambda identity: identity.subject,
        Kind.TENANT: lambda identity: identity.tenant,
        Kind.KEY: lambda identity: identity.key_id,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo:
    """Takes a revocation back, by its id. It must not end before that one does."""

    id: str
    at: float
    expires_at: float | None = None
    reason: str = ""


class NoticeKind(StrEnum):
    """What a notice asks of every node, once."""

    KICK = "kick"
    PERMISSIONS = "permissions"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Asks every node to do something, once, about the connections that it has now. Nothing is revoked.

    Args:
        id: random, made by whoever asks; a node that sees it twice does it once.
        kind: end the connections that match, ask for their permissions again, or take them out of a channel.
        at: when it was decided.
        expires_at: who reads it later than that leaves it aside.
        issuer, session, subject, tenant: of the connections meant: every one given must be theirs. None: whatever.
        role: one that their credential, or the source of permissions, has named. None: whatever.
        resource: what one of their grants or channels names. None: whatever.
        channel: of REMOVE: which, by its name or a pattern as in a grant.
        reason: what a client is told that is ended; empty: the text of the close code.
    """

    id: str
    kind: NoticeKind
    at: float
    expires_at: float
    issuer: str | None = None
    session: str | None = None
    subject: str | None = None
    tenant: str | None = None
    role: str | None = None
    resource: str | None = None
    channel: str | None = None
    reason: str = ""

    def matches(self, identity: Identity, channels: Collection[str] = ()) -> bool:
        """Whether it means a connection of this identity that listens to these channels."""
        theirs = (identity.issuer, identity.session_id, identity.subject, identity.tenant)
        meant = (self.issuer, self.session, self.subject, self.tenant)
        if not all(ours is None or ours == its for ours, its in zip(meant, theirs, strict=True)):
            return False
        if self.role is not None and self.role not in identity.roles:
            return False
        return self.resource is None or names_resource(self.resource, [*identity.permissions, *channels])


Body = Revocation | Undo | Notice | Moderation


@dataclass(frozen=True, slots=True)
class LogEntry:
    """What stands in the log, and the cursor to read on from (opaque, set by the store)."""

    cursor: str
    body: Body


def class_of(body: Body) -> str:
    """`revocation`, `undo`, `notice` or `moderation`: together with the id, what makes two entries the same one."""
    return _CLASSES[type(body)]


_CLASSES: Final = MappingProxyType[type[Body], str](
    {Revocation: "revocation", Undo: "undo", Notice: "notice", Moderation: "moderation"}
)


def is_name(value: object) -> bool:
    """Whether this could be a jti, sid, sub, kid, tenant or entry id."""
    return isinstance(value, str) and _NAME(value) is not None


def ensure_name(what: str, value: object) -> str:
    """The value when it is a jti, sid, sub, kid, tenant or entry id as we accept it.

    Raises:
        ValueError: naming what it is and the remedy.
    """
    if not isinstance(value, str) or not is_name(value):
        remedy = "give 1–128 printable ASCII characters without spaces, as they stand in the token"
        raise ValueError(f"this cannot be the {what}; {remedy}")
    return value


def ensure_storable(body: Body) -> None:
    """Refuse what cannot be read again: one such entry would stop every node that follows the log.

    Raises:
        ValueError: an odd id, a text over 1 KiB, a time that is no number; names the field and the remedy.
    """
    ensure_name("entry id", body.id)
    ensure_text("the reason", body.reason)
    ensure_seconds("at", body.at)
    _ensure_optional_seconds("expires_at", body.expires_at)
    if isinstance(body, Revocation):
        _kind(body.kind)
        ensure_text("the value", body.value)
        if body.issuer is not None and not ensure_text("the issuer", body.issuer):
            raise ValueError("the issuer is empty, so nobody would match; leave it out for every issuer")
        ensure_seconds("effective_at", body.effective_at)
        _ensure_optional_seconds("before", body.before)
    if isinstance(body, Notice):
        _ensure_notice(body)
    if isinstance(body, Moderation):
        ensure_moderation(body)


def _ensure_notice(notice: Notice) -> None:
    _notice_kind(notice.kind)
    ensure_seconds("expires_at", notice.expires_at)
    if notice.issuer is not None and not ensure_text("the issuer", notice.issuer):
        raise ValueError("the issuer is empty, so nobody would match; leave it out for every issuer")
    named = {"session": notice.session, "subject": notice.subject, "tenant": notice.tenant}
    for what, value in {**named, "role": notice.role, "resource": notice.resource}.items():
        if value is not None:
            ensure_name(what, value)
    if notice.kind is not NoticeKind.PERMISSIONS and not any(named.values()):
        raise ValueError("the notice would end every connection; name a session, a subject or a tenant")
    if (notice.kind is NoticeKind.REMOVE) != (notice.channel is not None):
        raise ValueError("the notice does not say from which channel, or should not; a removal names one, nothing else")
    if notice.channel is not None:
        ensure_channel(notice.channel)


def _ensure_optional_seconds(name: str, moment: float | None) -> None:
    if moment is not None:
        ensure_seconds(name, moment)


def dump_body(body: Body) -> str:
    """The entry as one line of ASCII JSON, for stores and exports."""
    fields: dict[str, Any] = {name: getattr(body, name) for name in body.__dataclass_fields__}
    return dump_record({"class": class_of(body), **fields})


def load_body(text: object) -> Body:
    """Read what `dump_body` wrote. Unknown fields are left aside: without them an entry matches more, not less.

    Raises:
        ValueError: it is no entry.
    """
    record = Record.parse(text, BODY_BYTES)
    body = _READERS.get(record.text("class"), _revocation_from)(record)
    ensure_storable(body)
    return body


def _undo_from(record: Record) -> Undo:
    return Undo(
        id=record.text("id"),
        at=record.seconds("at"),
        expires_at=record.optional_seconds("expires_at"),
        reason=record.optional_text("reason") or "",
    )


def _revocation_from(record: Record) -> Revocation:
    if record.text("class") != "revocation":
        raise ValueError("the class of the entry is none of ours")
    return Revocation(
        id=record.text("id"),
        kind=_kind(record.text("kind")),
        value=record.text("value"),
        at=record.seconds("at"),
        effective_at=record.seconds("effective_at"),
        issuer=record.optional_text("issuer"),
        before=record.optional_seconds("before"),
        expires_at=record.optional_seconds("expires_at"),
        reason=record.optional_text("reason") or "",
    )


def _notice_from(record: Record) -> Notice:
    return Notice(
        id=record.text("id"),
        kind=_notice_kind(record.text("kind")),
        at=record.seconds("at"),
        expires_at=record.seconds("expires_at"),
        issuer=record.optional_text("issuer"),
        session=record.optional_text("session"),
        subject=record.optional_text("subject"),
        tenant=record.optional_text("tenant"),
        role=record.optional_text("role"),
        resource=record.optional_text("resource"),
        channel=record.optional_text("channel"),
        reason=record.optional_text("reason") or "",
    )


_READERS: Final = MappingProxyType[str, Callable[[Record], Body]](
    {"undo": _undo_from, "notice": _notice_from, "moderation": moderation_from}
)


def _notice_kind(text: str) -> NoticeKind:
    try:
        return NoticeKind(text)
    except ValueError:
        raise ValueError(f"the kind of the notice is none of ours; use {', '.join(NoticeKind)}") from None


def _kind(text: str) -> Kind:
    try:
        return Kind(text)
    except ValueError:
        raise ValueError(f"the kind of the entry is none of ours; use {', '.join(Kind)}") from None
