"""API keys: long-lived credentials of programs, which a store remembers by a hash (R023).

Rules of this file:
1. A key names itself by a public id, and proves itself by 256 random bits of which only the SHA-256 is kept.
2. A key is good for the issuer and the audience that it was made for, as a token is.
3. What a store hands back is a stranger's until it is checked, and nothing of it is told.

256 random bits need no slow hash: there is no dictionary to try. Source: OWASP password storage cheat sheet, whose
slow hashes are for what people choose.
"""

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Self

from ..errors import CredentialRefused
from .assertions import Assertion
from .credential_records import RECORD_BYTES
from .digests import digest_of, is_digest, is_proven
from .identity import Identity
from .permissions import Grants
from .records import Record, dump_record, ensure_seconds, ensure_text
from .revocation_entries import ensure_name

ID_BYTES: Final = 8
"""64 bits: enough that no two keys meet; the store refuses a second of one name all the same."""

SECRET_BYTES: Final = 32
"""256 bits: nobody guesses one."""

_ID: Final = re.compile(r"ak[0-9a-f]{16}").fullmatch
_KEY: Final = re.compile(r"wssec_(ak[0-9a-f]{16})_([A-Za-z0-9_-]{43})").fullmatch


def is_key_id(text: str) -> bool:
    """Whether this is the public id of an API key of ours."""
    return _ID(text) is not None


def looks_like_key(text: str) -> bool:
    """Whether this begins as an API key of ours does, so that it must be treated as a secret."""
    return text.startswith("wssec_ak")


class ApiKeyText(NamedTuple):
    """A key as its holder has it: `wssec_<id>_<secret>`."""

    id: str
    secret: str

    @classmethod
    def new(cls) -> Self:
        """A fresh one."""
        return cls(f"ak{secrets.token_hex(ID_BYTES)}", secrets.token_urlsafe(SECRET_BYTES))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read one as it was shown.

        Raises:
            CredentialRefused: it cannot be ours.
        """
        match = _KEY(text)
        if match is None:
            raise CredentialRefused("what was shown is not shaped like an API key")
        return cls(match[1], match[2])

    @property
    def text(self) -> str:
        """The whole key: a secret."""
        return f"wssec_{self.id}_{self.secret}"

    @property
    def digest(self) -> str:
        """What is kept of its secret."""
        return digest_of(self.secret)

    def __repr__(self) -> str:
        return f"ApiKeyText(id={self.id!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyRecord:
    """What is remembered of a key. Times are wall seconds.

    Args:
        id: its public name, by which it is revoked.
        digest: SHA-256 of its secret.
        issuer, audience: in whose name and for what service it was made.
        subject: whom it stands for; 1–128 printable ASCII characters, as in a token, and so is the tenant.
        permissions: grants, patterns included.
        roles: expanded by the guard's table when the key is used.
        note: for whoever lists the keys; at most 1 KiB.
        expires_at: None: it is good until it is revoked.

    Raises:
        ValueError: something cannot be; says what and the remedy.
    """

    id: str
    digest: str = field(repr=False)
    issuer: str
    audience: str
    subject: str
    permissions: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    tenant: str | None = None
    note: str = ""
    created_at: float
    expires_at: float | None = None

    def __post_init__(self) -> None:
        if not is_key_id(self.id) or not is_digest(self.digest):
            raise ValueError("the id or the digest is not one of an API key")
        ensure_name("subject", self.subject)
        if self.tenant is not None:
            ensure_name("tenant", self.tenant)
        for role in self.roles:
            ensure_name("role", role)
        Grants(self.permissions)
        ensure_text("the note", self.note)
        ensure_seconds("created_at", self.created_at)
        if self.expires_at is not None and not self.created_at < ensure_seconds("expires_at", self.expires_at):
            raise ValueError("the key would have ended when it begins; give it a longer life")

    @property
    def assertion(self) -> Assertion:
        """What it says of somebody."""
        return Assertion(
            subject=self.subject,
            permissions=self.permissions,
            roles=self.roles,
            tenant=self.tenant,
            token_id=self.id,
            issued_at=self.created_at,
            expires_at=self.expires_at,
        )

    def named(self, now: float) -> Identity:
        """Whom a revocation must name to end this key; without any rights.

        A key that was made in the future, by another machine's clock, was made by now: no cut-off may miss it.
        """
        return Identity(
            subject=self.subject,
            issuer=self.issuer,
            tenant=self.tenant,
            token_id=self.id,
            issued_at=min(self.created_at, now),
        )

    def ensure_proven(self, key: ApiKeyText, issuer: str | None, audience: str | None) -> None:
        """Refuse whoever knows the id alone, or shows the key where it was not made for.

        Raises:
            CredentialRefused: for either.
        """
        if not is_proven(self.digest, key.digest):
            raise CredentialRefused(f"a wrong secret for the API key {self.id}")
        if (self.issuer, self.audience) != (issuer, audience):
            raise CredentialRefused(f"the API key {self.id} was made for another issuer or audience")

    def to_json(self) -> str:
        """The payload for the store.

        Raises:
            ValueError: it is larger than a store keeps.
        """
        fields = {name: getattr(self, name) for name in _FIELDS}
        payload = dump_record({**fields, "permissions": list(self.permissions), "roles": list(self.roles)})
        return ensure_text("the API key's record", payload, RECORD_BYTES)

    @classmethod
    def from_json(cls, name: str, payload: object) -> Self:
        """Read what `to_json` wrote, under the name that it was kept by.

        Raises:
            CredentialRefused: it is anything else; nothing of it is told.
        """
        try:
            record = Record.parse(payload, RECORD_BYTES)
            record.ensure_known(_FIELDS)
            if record.text("id") != name:
                raise ValueError("the record of another key")
            return cls(
                id=name,
                digest=record.text("digest"),
                issuer=record.text("issuer"),
                audience=record.text("audience"),
                subject=record.text("subject"),
                permissions=tuple(record.texts("permissions")),
                roles=tuple(record.texts("roles")),
                tenant=record.optional_text("tenant"),
                note=record.optional_text("note") or "",
                created_at=record.seconds("created_at"),
                expires_at=record.optional_seconds("expires_at"),
            )
        except ValueError:
            # No "from": a fault of Grants quotes the grant, which is somebody else's text.
            raise CredentialRefused("what is remembered of the API key is none of ours") from None


_FIELDS: Final = frozenset(
    {"id", "digest", "issuer", "audience", "subject", "permissions", "roles", "tenant", "note"}
    | {"created_at", "expires_at"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewApiKey:
    """A key that has just been made. Hand `key` to its holder now: nobody can show it again.

    Args:
        id: its public name, by which it is revoked.
        key: the whole of it: a secret.
        expires_at: wall seconds; None: it is good until it is revoked.
    """

    id: str
    key: str = field(repr=False)
    expires_at: float | None


def new_api_key(
    *,
    issuer: str | None,
    audience: str | None,
    subject: str,
    permissions: Iterable[str] = (),
    roles: Iterable[str] = (),
    tenant: str | None = None,
    note: str = "",
    ttl: float | None,
    now: float,
) -> tuple[ApiKeyText, ApiKeyRecord]:
    """A key for its holder, and the record for the store.

    Args:
        ttl: seconds; None: it never ends.
        now: wall seconds.

    Raises:
        ValueError: something cannot be; says what and the remedy.
    """
    if not issuer or not audience:
        raise ValueError("an API key is made for an issuer and an audience; set WSSEC_ISSUER and WSSEC_AUDIENCE")
    key = ApiKeyText.new()
    record = ApiKeyRecord(
        id=key.id,
        digest=key.digest,
        issuer=issuer,
        audience=audience,
        subject=subject,
        permissions=_listed("permissions", permissions),
        roles=_listed("roles", roles),
        tenant=tenant,
        note=note,
        created_at=now,
        expires_at=None if ttl is None else now + ensure_seconds("ttl", ttl),
    )
    record.to_json()
    return key, record


def _listed(what: str, items: Iterable[str]) -> tuple[str, ...]:
    if isinstance(items, str):
        raise ValueError(f"{what} is one string where a list belongs; write [{items!r}]")
    return tuple(items)
