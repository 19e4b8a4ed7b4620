"""Who is on the other end, as a verified credential says it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from .permissions import NO_GRANTS, Grants

NO_CLAIMS: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A verified principal: (issuer, subject). Two issuers' `u1` are two people.

    Times are wall seconds. `expires_at` None means the credential has no end of its own. `roles` are those that
    were expanded into `permissions`, and any others that were named. `own` are the permissions of the credential, where
    the application has put others in their place: what is handed on to a ticket. None: those are they.

    `signing_key` is the public JWK of the key that this person signs messages with, where the application says it;
    empty: none. None: it is the `cnf.jwk` of the credential, if anything is.
    """

    subject: str
    issuer: str | None = None
    permissions: Grants = NO_GRANTS
    claims: Mapping[str, Any] = field(default_factory=lambda: NO_CLAIMS, repr=False)  # 3.11 cannot hash the proxy
    tenant: str | None = None
    token_id: str | None = None
    session_id: str | None = None
    key_id: str | None = None
    issued_at: float = 0.0
    expires_at: float | None = None
    anonymous: bool = False
    roles: tuple[str, ...] = ()
    own: Grants | None = None
    signing_key: Mapping[str, Any] | None = field(default=None, repr=False)

    @property
    def authenticated_at(self) -> float:
        """When this person last proved who it is: `auth_time` where the credential says so, else when it was issued."""
        told = self.claims.get("auth_time")
        return float(told) if type(told) is int else self.issued_at


def claim_of(identity: Identity, claim: str) -> Any:
    """A claim by its registered name (RFC 7519 §4.1) or ours; None when absent."""
    if claim == "sub":
        return identity.subject
    if claim == "iss":
        return identity.issuer
    if claim == "tenant":
        return identity.tenant
    return identity.claims.get(claim)
