"""Single-use tickets: an authenticated POST buys one handshake (R018, R019).

Rules of this file:
1. A ticket is 256 random bits; only its SHA-256 is ever stored.
2. Presenting it spends it, whether or not the binding then fits.
3. Its expiry is absolute; nothing renews it.
4. What a store hands back is a stranger's until it is checked; every fault is TicketRefused.
"""

import secrets
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Protocol, Self

from ..errors import TicketRefused
from ..settings import KiB
from .digests import digest_of
from .identity import Identity
from .permissions import Grants
from .records import Record, dump_record, ensure_text
from .revocation_entries import ensure_name

TICKET_BYTES: Final = 32
"""256 bits: nobody guesses one. Source: RFC 6749 §10.10 asks for 160."""

PAYLOAD_BYTES: Final = 32 * KiB
"""Room for the claims of the largest token, escaped to ASCII, and the rest of the record."""


class TicketStore(Protocol):
    """Where outstanding tickets are. Raises StoreError where the store does not answer."""

    def put_ticket(
        self, digest: str, *, owner: str, payload: str, expires_at: float, most: int, now: float
    ) -> Awaitable[bool]:
        """Keep a ticket; False when `owner` has `most` unexpired ones outstanding already, or the digest is taken."""

    def take_ticket(self, digest: str, now: float) -> Awaitable[str | None]:
        """Remove a ticket and return its payload, to exactly one of any racers; None when unknown or expired."""


def new_ticket() -> tuple[str, str]:
    """A ticket for the client and its digest for the store. It has no "=": a subprotocol may not contain one."""
    ticket = secrets.token_urlsafe(TICKET_BYTES)
    return ticket, digest_of(ticket)


ANY_PATH: Final = "*"
"""How a record says that it is bound to no path: written out, so that a missing one means nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketRecord:
    """What is stored for a ticket: who gets in by it, and where.

    Args:
        identity: as whom; not anonymous.
        path: the only path it opens; None: any. The ticket endpoint always names one.
        origin: the Origin it was issued to; None: issued to a client that sent none, and bound to none.
        address: the client address it is bound to; None: to none.
        expires_at: wall seconds; the ticket's end, not the token's.
    """

    identity: Identity
    path: str | None
    origin: str | None = None
    address: str | None = None
    expires_at: float

    def __post_init__(self) -> None:
        if self.identity.anonymous:
            raise ValueError("an anonymous client has nothing to hand over by a ticket; it connects without one")

    @classmethod
    def of(
        cls, identity: Identity, *, path: str | None, origin: str | None, address: str | None, expires_at: float
    ) -> Self:
        """The record for a ticket that `identity` asks for.

        Raises:
            ValueError: the identity is anonymous.
        """
        return cls(identity=identity, path=path, origin=origin, address=address, expires_at=expires_at)

    @property
    def owner(self) -> str:
        """Whose outstanding tickets this one counts among: the issuer and the subject, hashed to one length."""
        issuer, subject = self.identity.issuer, self.identity.subject
        return digest_of(dump_record({"issuer": issuer, "subject": subject}))

    def redeem(self, *, path: str, origin: str | None, address: str | None, now: float) -> Identity:
        """Who the ticket lets in. By then it is spent, so a wrong guess at its binding has no second.

        Args:
            path: the request's, without its query.
            origin: the request's, written the same way as when the ticket was issued.
            address: the client's, likewise.
            now: wall seconds.

        Raises:
            TicketRefused: it has expired, its token has, or it is bound elsewhere.
        """
        if not now < self.expires_at:
            raise TicketRefused(f"the ticket expired {now - self.expires_at:g} s ago")
        if self.identity.expires_at is not None and not now < self.identity.expires_at:
            raise TicketRefused("the token that the ticket was issued for has expired")
        for what, bound, given in (
            ("path", self.path, path),
            ("origin", self.origin, origin),
            ("address", self.address, address),
        ):
            if bound is not None and bound != given:
                raise TicketRefused(f"the ticket is bound to {what} {bound!r:.200} and came from {given!r:.200}")
        return self.identity

    def to_json(self) -> str:
        """The payload for the store.

        Raises:
            ValueError: it is larger than a store keeps, or a claim is no JSON.
        """
        path = ANY_PATH if self.path is None else self.path
        bound = {"path": path, "origin": self.origin, "address": self.address, "until": self.expires_at}
        payload = dump_record({**_identity_fields(self.identity), **bound})
        return ensure_text("the ticket's record", payload, PAYLOAD_BYTES)

    @classmethod
    def from_json(cls, payload: object) -> Self:
        """Read what `to_json` wrote.

        Raises:
            TicketRefused: it is anything else; nothing of it is told.
        """
        try:
            record = Record.parse(payload, PAYLOAD_BYTES)
            record.ensure_known(_FIELDS)
            path = record.text("path")
            return cls(
                identity=_identity(record),
                path=None if path == ANY_PATH else path,
                origin=record.optional_text("origin"),
                address=record.optional_text("address"),
                expires_at=record.seconds("until"),
            )
        except ValueError:
            # No "from": a fault of Grants quotes the grant, which is somebody else's text.
            raise TicketRefused("what the store holds for the ticket is none of ours") from None


_FIELDS: Final = frozenset(
    {"subject", "issuer", "permissions", "claims", "tenant", "token_id", "session_id", "key_id", "issued_at"}
    | {"roles", "expires_at", "path", "origin", "address", "until"}
)


def _identity_fields(identity: Identity) -> Mapping[str, Any]:
    return {
        "subject": identity.subject,
        "issuer": identity.issuer,
        "permissions": list(identity.permissions if identity.own is None else identity.own),
        "roles": list(identity.roles),
        "claims": dict(identity.claims),
        "tenant": identity.tenant,
        "token_id": identity.token_id,
        "session_id": identity.session_id,
        "key_id": identity.key_id,
        "issued_at": identity.issued_at,
        "expires_at": identity.expires_at,
    }


def _identity(record: Record) -> Identity:
    return Identity(
        subject=ensure_name("subject", record.text("subject")),
        issuer=record.optional_text("issuer"),
        permissions=Grants(record.texts("permissions")),
        roles=tuple(record.texts("roles")),
        claims=MappingProxyType(record.mapping("claims")),
        tenant=record.optional_text("tenant"),
        token_id=record.optional_text("token_id"),
        session_id=record.optional_text("session_id"),
        key_id=record.optional_text("key_id"),
        issued_at=record.seconds("issued_at"),
        expires_at=record.optional_seconds("expires_at"),
    )
