"""What is remembered of a login, and what a cookie must show to be one.

Rules of this file:
1. A cookie names its login by a public id, and proves it by 256 random bits of which only the SHA-256 is kept.
2. Both are made at the login: nothing that was there before it is taken over (R038).
3. The end is absolute, and comes before a revocation of the login may be forgotten.
4. What a store or a cookie hands back is a stranger's until it is checked; every fault is CredentialRefused.
"""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Self

from ..errors import CredentialRefused
from .assertions import Assertion
from .credential_records import RECORD_BYTES
from .digests import digest_of, is_digest, is_proven
from .permissions import Grants
from .records import Record, dump_record, ensure_seconds
from .revocation_entries import ensure_name

ID_BYTES: Final = 16
"""128 bits: no two logins are ever of one name. It is public: commands and the audit show it."""

SECRET_BYTES: Final = 32
"""256 bits: nobody guesses one. Source: OWASP session management asks for 64."""

_COOKIE: Final = re.compile(r"([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})").fullmatch


class LoginCookie(NamedTuple):
    """The cookie of a login whose record is in the store."""

    id: str
    secret: str

    @classmethod
    def of(cls, id: str) -> Self:
        """A fresh one for a login."""
        return cls(id, secrets.token_urlsafe(SECRET_BYTES))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read one as it was shown.

        Raises:
            CredentialRefused: it cannot be ours.
        """
        match = _COOKIE(text)
        if match is None:
            raise CredentialRefused("the cookie is not one that a login made")
        return cls(match[1], match[2])

    @property
    def text(self) -> str:
        """Its value."""
        return f"{self.id}.{self.secret}"

    @property
    def digest(self) -> str:
        """What is kept of its secret."""
        return digest_of(self.secret)

    def __repr__(self) -> str:
        return f"LoginCookie(id={self.id!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Who has signed in, as what, and until when. Times are wall seconds.

    Args:
        id: under which it is revoked; the session of its sockets.
        digest: what is kept of the cookie's secret; None: the cookie is signed, and holds all of this itself.
    """

    id: str
    subject: str
    permissions: Sequence[str] = ()
    roles: Sequence[str] = ()
    tenant: str | None = None
    issued_at: float
    expires_at: float
    digest: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        ensure_name("login's id", self.id)
        ensure_name("subject", self.subject)
        if self.tenant is not None:
            ensure_name("tenant", self.tenant)
        Grants(self.permissions)
        if not self.issued_at < self.expires_at:
            raise ValueError("a login ends after it began; give a later end")

    @property
    def assertion(self) -> Assertion:
        """What it says of somebody."""
        return Assertion(
            subject=self.subject,
            permissions=self.permissions,
            roles=self.roles,
            tenant=self.tenant,
            session_id=self.id,
            issued_at=self.issued_at,
            expires_at=self.expires_at,
        )

    def ensure_proven(self, cookie: LoginCookie) -> None:
        """Refuse a cookie that knows the id alone, or found the record of another login; CredentialRefused."""
        if self.id != cookie.id or self.digest is None or not is_proven(self.digest, cookie.digest):
            raise CredentialRefused(f"a wrong secret for the login {self.id}")

    def to_json(self) -> str:
        """The record, for a store or a signed cookie."""
        fields: dict[str, Any] = {name: getattr(self, name) for name in _FIELDS}
        return dump_record({**fields, "permissions": list(self.permissions), "roles": list(self.roles)})

    @classmethod
    def from_json(cls, text: object) -> Self:
        """Read what `to_json` wrote.

        Raises:
            CredentialRefused: it is anything else; nothing of it is told.
        """
        try:
            record = Record.parse(text, RECORD_BYTES)
            record.ensure_known(frozenset(_FIELDS))
            return cls(
                id=record.text("id"),
                subject=record.text("subject"),
                permissions=tuple(record.texts("permissions")),
                roles=tuple(record.texts("roles")),
                tenant=record.optional_text("tenant"),
                issued_at=record.seconds("issued_at"),
                expires_at=record.seconds("expires_at"),
                digest=_digest(record.optional_text("digest")),
            )
        except ValueError:
            # No "from": a fault of Grants quotes the grant, which is somebody else's text.
            raise CredentialRefused("what is remembered of the login is none of ours") from None


_FIELDS: Final = ("id", "subject", "permissions", "roles", "tenant", "issued_at", "expires_at", "digest")


def _digest(text: str | None) -> str | None:
    if text is not None and not is_digest(text):
        raise ValueError("the digest is no SHA-256")
    return text


def new_login(
    subject: str,
    permissions: Sequence[str],
    now: float,
    *,
    roles: Sequence[str],
    tenant: str | None,
    ttl: float | None,
    most: float,
) -> Login:
    """A login that begins now, under an id that nobody has seen before.

    Args:
        ttl: seconds; None: as long as it may.
        most: seconds that it may last.

    Raises:
        ValueError: something cannot be in it, or it would last too long; says the remedy.
    """
    if isinstance(permissions, str) or isinstance(roles, str):
        raise ValueError("permissions and roles are lists; write [...] around a single one")
    seconds = most if ttl is None else ensure_seconds("ttl", ttl)
    if not 0 < seconds <= most:
        remedy = "or raise max_age of the cookie, and TokenRules.max_lifetime where that is the bound"
        raise ValueError(f"a login of {seconds:g} s; give more than 0 and at most {most:g}, {remedy}")
    return Login(
        id=secrets.token_urlsafe(ID_BYTES),
        subject=subject,
        permissions=tuple(permissions),
        roles=tuple(roles),
        tenant=tenant,
        issued_at=now,
        expires_at=now + seconds,
    )
