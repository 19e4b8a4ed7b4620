"""An access token in the Authorization header, a subprotocol or, where switched on, the query.

Source: RFC 6750 §2.
"""

from collections.abc import Awaitable
from typing import Final

from ..errors import CredentialRefused
from ..policy.identity import Identity
from .base import Credential, Desk, RequestView, from_query, from_subprotocol, the_only

PREFIX: Final = "wssec.bearer."
_SCHEME: Final = "bearer"


class BearerToken:
    """Accept JWT access tokens.

    Args:
        header: `Authorization: Bearer …`, for native clients and services.
        subprotocol: `wssec.bearer.…` beside `wssec.v1`, for browsers.
        query: `?token=…`. Off: proxies and browsers keep URLs; a ticket is the better answer.
    """

    name = "bearer"

    def __init__(self, *, header: bool = True, subprotocol: bool = True, query: bool = False) -> None:
        self._header = header
        self._subprotocol = subprotocol
        self.query = query

    def find(self, request: RequestView) -> Credential | None:
        """The token, wherever it may stand; refused when it stands in two places."""
        found = from_subprotocol(request, PREFIX) if self._subprotocol else []
        if self._header:
            found += self._from_header(request)
        if self.query:
            found += from_query(request, "token")
        return the_only(found)

    def verify(self, credential: Credential, request: RequestView, desk: Desk) -> Awaitable[Identity]:
        """Who the token names."""
        return desk.identify_token(credential.value)

    @staticmethod
    def _from_header(request: RequestView) -> list[Credential]:
        value = request.header("authorization")
        if value is None:
            return []
        scheme, _, token = value.partition(" ")
        if scheme.lower() != _SCHEME or not token.strip():
            raise CredentialRefused("an Authorization header that is not Bearer")
        return [Credential(token.strip(" "), "header")]
