"""A credential in the first message, for clients that can show none in the handshake (R021).

The one exception to authentication before 101: the socket is open, belongs to nobody, and may say
`wssec.auth` and nothing else.
"""

from collections.abc import Mapping
from typing import Any

from ..errors import CredentialRefused
from ..policy.identity import Identity
from .base import Credential, Desk, RequestView

_WAYS = ("token", "ticket")


class FirstMessage:
    """Accept a handshake that shows nothing, and then `wssec.auth {"token": …}` or `{"ticket": …}`.

    Args:
        token: whether a JWT access token will do.
        ticket: whether a single-use ticket will do.

    Raises:
        ValueError: neither will.
    """

    name = "first_message"

    def __init__(self, *, token: bool = True, ticket: bool = True) -> None:
        if not (token or ticket):
            raise ValueError("FirstMessage(token=False, ticket=False) lets nobody in; leave one of them on")
        self._accepted = tuple(name for name, accepts in zip(_WAYS, (token, ticket), strict=True) if accepts)

    def find(self, request: RequestView) -> Credential | None:
        """None: what is shown in the handshake is for other authenticators."""
        return None

    def credential_in(self, data: Mapping[str, Any]) -> Credential:
        """The one credential of a `wssec.auth` message.

        Raises:
            CredentialRefused: there is none, there are two, or its kind is switched off.
        """
        shown = [name for name in _WAYS if name in data]
        if len(shown) != 1:
            raise CredentialRefused(f"{len(shown)} credentials in the first message")
        if shown[0] not in self._accepted:
            raise CredentialRefused(f"a {shown[0]} in the first message, which is switched off")
        return Credential(data[shown[0]], shown[0])

    async def verify(self, credential: Credential, request: RequestView, desk: Desk) -> Identity:
        """Who the token names, or the ticket was given to; `request` is the handshake."""
        if credential.carried_by == "ticket":
            return await desk.redeem_ticket(credential.value, request)
        return await desk.identify_token(credential.value)
