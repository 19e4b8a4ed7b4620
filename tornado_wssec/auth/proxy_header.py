"""A header in which an authenticating proxy says who it has let through (R022).

Rules of this file:
1. The header counts when a trusted proxy is at the other end of the socket; from anybody else it is refused, never
   left aside: whoever sends it wants to be somebody.
2. A proxy lets a browser through by its own cookie, which a page of any site makes the browser send. So it is not
   enough for a browser's handshake (R008): pages ask for a ticket by it, and connect with that.
3. What a proxy has vouched for ends, since nobody tells us when its session does.

The proxy must set the header on every request, and drop whatever the client sent under that name.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from ..errors import CredentialRefused
from ..policy.assertions import Assertion
from ..policy.identity import Identity
from ..settings import ASSERTED_SECONDS
from .base import Credential, Desk, RequestView

ROLES_MOST: Final = 100
"""Roles in the header; a directory's groups can be many more, and each costs a look into the table."""

_FIELD_NAME: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64}").fullmatch


class ProxyHeader:
    """Believe what an authenticating proxy says of its client.

    Args:
        subject: the header with the subject.
        roles: that with its roles, separated by commas; None: it has none.
        tenant: that with its tenant; None: it has none.
        lifetime: seconds that a connection or a ticket may go on by it.
        browsers: whether it is enough for a page's handshake, so that the allowlist of origins alone keeps other
            sites' pages out.
    """

    name = "proxy_header"

    def __init__(
        self,
        subject: str = "X-Forwarded-User",
        *,
        roles: str | None = None,
        tenant: str | None = None,
        lifetime: float = ASSERTED_SECONDS,
        browsers: bool = False,
    ) -> None:
        self.headers = tuple(name for name in (subject, roles, tenant) if name is not None)
        if faulty := [name for name in self.headers if not _FIELD_NAME(name)]:
            raise ValueError(f"{faulty[0]!r} is no name of a header; write it as X-Forwarded-User")
        if len({name.lower() for name in self.headers}) != len(self.headers):
            raise ValueError("one header cannot say two things; name another for the roles or the tenant")
        if not 0 < lifetime < math.inf:
            raise ValueError(f"lifetime={lifetime!r} lets nobody in, or somebody for ever; give seconds")
        self.browsers = browsers
        self._subject = subject
        self._roles = roles
        self._tenant = tenant
        self._lifetime = lifetime

    def find(self, request: RequestView) -> Credential | None:
        """The proxy's word; None at a browser's handshake, which must show something else."""
        values = [request.header(name) for name in self.headers]
        if not request.is_from_proxy and any(value is not None for value in values):
            name = next(name for name, value in zip(self.headers, values, strict=True) if value is not None)
            remedy = "name the proxy in WSSEC_TRUSTED_PROXIES if it is yours; from anybody else this is a forgery"
            raise CredentialRefused(f"the header {name} came from a peer that is no trusted proxy", remedy=remedy)
        if request.is_handshake and request.origin is not None and not self.browsers:
            return None
        return None if values[0] is None else Credential(values[0], "header")

    async def verify(self, credential: Credential, request: RequestView, desk: Desk) -> Identity:
        """Who the proxy says it is."""
        if "," in credential.value:  # RFC 9110 §5.3: two headers of one name, joined on the way
            raise CredentialRefused(f"the {self._subject} header names several subjects")
        identity = desk.vouch(
            Assertion(subject=credential.value, roles=self._roles_in(request), tenant=_value(request, self._tenant))
        )
        return replace(identity, expires_at=identity.issued_at + self._lifetime)

    def _roles_in(self, request: RequestView) -> Sequence[str]:
        roles = [role.strip(" \t") for role in (_value(request, self._roles) or "").split(",")]
        if len(roles) > ROLES_MOST:
            raise CredentialRefused(f"the {self._roles} header names more than {ROLES_MOST} roles")
        return [role for role in roles if role]


def _value(request: RequestView, name: str | None) -> str | None:
    return None if name is None else request.header(name)
