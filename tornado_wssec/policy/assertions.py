"""Identities that no token of ours carries: what a verified cookie, key or proxy says of somebody.

Rules of this file:
1. A name that a token could not carry names nobody here either, so that it can be revoked by the same words.
2. Whatever has ended is refused, whoever vouches for it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from ..errors import CredentialRefused
from .identity import Identity
from .permissions import Grants, expand_roles
from .records import ensure_seconds
from .revocation_entries import ensure_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Assertion:
    """What something other than a token has proven of somebody.

    Args:
        subject: 1–128 printable ASCII characters, as in a token; so are tenant, session_id and token_id.
        permissions: grants, as in a token.
        roles: expanded by the guard's table; unknown ones give nothing.
        token_id: name of the credential, by which it can be revoked.
        issued_at: wall seconds; None: now.
        expires_at: wall seconds; None: it has no end of its own.
    """

    subject: str
    permissions: Sequence[str] = ()
    roles: Sequence[str] = ()
    tenant: str | None = None
    session_id: str | None = None
    token_id: str | None = None
    claims: Mapping[str, Any] = field(default_factory=dict, repr=False)
    issued_at: float | None = None
    expires_at: float | None = None

    def identity(self, issuer: str | None, roles: Mapping[str, Iterable[str]], now: float) -> Identity:
        """Who that is.

        Args:
            issuer: in whose name we vouch: our own.
            roles: role → grants.
            now: wall seconds.

        Raises:
            CredentialRefused: a name or a grant is malformed, or it has ended.
        """
        if self.expires_at is not None and not now < self.expires_at:
            raise CredentialRefused(f"the credential expired {now - self.expires_at:g} s ago")
        try:
            return Identity(
                subject=ensure_name("subject", self.subject),
                issuer=issuer,
                permissions=Grants([*self.permissions, *expand_roles(self.roles, roles)]),
                roles=tuple(self.roles),
                claims=MappingProxyType(dict(self.claims)),
                tenant=_optional("tenant", self.tenant),
                token_id=_optional("token id", self.token_id),
                session_id=_optional("session id", self.session_id),
                issued_at=now if self.issued_at is None else min(ensure_seconds("issued_at", self.issued_at), now),
                expires_at=None if self.expires_at is None else ensure_seconds("expires_at", self.expires_at),
            )
        except ValueError as error:
            fault = ascii(str(error))[1:160]
        # Not "from": what a grant's fault quotes is somebody else's text.
        raise CredentialRefused(f"the credential names nobody: {fault}")


def _optional(what: str, value: str | None) -> str | None:
    return None if value is None else ensure_name(what, value)
