"""What a handshake shows of itself, and what an authenticator makes of it.

Rules of this file:
1. An authenticator looks first (`find`, no I/O) and verifies later: nothing expensive is spent on who shows nothing.
2. Several credentials at once are refused; there is no falling back from one to another.
3. A credential is never part of a message, a repr or a log line.
"""

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from ..errors import CredentialRefused, HandshakeMalformed
from ..policy.assertions import Assertion
from ..policy.identity import Identity
from ..policy.logins import Login

SUBPROTOCOL: Final = "wssec.v1"
CREDENTIAL_PREFIXES: Final = ("wssec.bearer.", "wssec.ticket.", "wssec.csrf.")


@dataclass(frozen=True, slots=True)
class RequestView:
    """The parts of an HTTP request that a decision may rest on. Values are as the peer sent them.

    Args:
        path: decoded by nobody; without the query.
        headers: name in lower case → every value, in order.
        query: name → every value, in order.
        offered: the subprotocols offered, credentials among them.
        address: the client's, behind trusted proxies.
        origin: the Origin header, or None.
        is_handshake: whether this becomes a socket; else it is a plain request, such as for a ticket.
        is_from_proxy: whether the socket's other end is a trusted proxy, whose assertions count.
        method: of the request.
    """

    path: str
    headers: Mapping[str, Sequence[str]] = field(repr=False)
    query: Mapping[str, Sequence[str]] = field(repr=False)
    offered: Sequence[str] = field(repr=False)
    address: str
    origin: str | None
    is_handshake: bool = True
    is_from_proxy: bool = False
    method: str = "GET"

    def header(self, name: str) -> str | None:
        """The only value of a header, or None when it is absent.

        Raises:
            HandshakeMalformed: it is there twice.
        """
        values = self.headers.get(name.lower(), ())
        if len(values) > 1:
            raise HandshakeMalformed(f"two {name} headers")
        return values[0] if values else None


@dataclass(frozen=True, slots=True)
class Credential:
    """Something that was shown and is not verified yet."""

    value: str = field(repr=False)
    carried_by: str


@dataclass(frozen=True, slots=True)
class Signed:
    """A text that was signed with a cookie secret, and when (wall seconds)."""

    text: str = field(repr=False)
    at: float


CookieSecrets = Mapping[int, str] | None
"""The cookie secrets of an application by their version; None: the one of the guard's settings."""


class LoginDesk(Protocol):
    """What cookie authenticators may ask of the guard."""

    def sign(self, cookie_name: str, text: str, secrets: CookieSecrets) -> str:
        """The value of Tornado's signed cookie of that name."""

    def unsign(self, cookie_name: str, value: str, secrets: CookieSecrets) -> Signed:
        """Read such a value; CredentialRefused for any that is not of that name and by one of these secrets."""

    def keep(self, login: Login) -> Awaitable[str]:
        """Remember a login; the value of the cookie that proves it. StoreError."""

    def find(self, value: str) -> Awaitable[Login]:
        """The login that a cookie's value proves; CredentialRefused, or NotReady when the store does not answer."""

    def drop(self, id: str) -> Awaitable[None]:
        """Forget a login; StoreError."""

    def lifetime(self, max_age: float | None) -> float:
        """Seconds that a login may last: what is asked for, or as long as a token may."""


class Desk(Protocol):
    """What authenticators may ask of the guard."""

    @property
    def logins(self) -> LoginDesk:
        """Where cookies are signed and looked up."""

    def identify_token(self, token: str) -> Awaitable[Identity]:
        """Verify an access token of ours or of a trusted issuer, revocation included; TokenRefused."""

    def redeem_ticket(self, ticket: str, request: RequestView) -> Awaitable[Identity]:
        """Spend a ticket; TicketRefused, or NotReady when the store does not answer."""

    def identify_api_key(self, key: str) -> Awaitable[Identity]:
        """Look an API key of ours up; CredentialRefused, or NotReady when the store does not answer."""

    def vouch(self, assertion: Assertion) -> Identity:
        """Make an identity of what something other than a token of ours has proven; CredentialRefused if revoked."""


class Authenticator(Protocol):
    """One way to show who one is."""

    name: str

    def find(self, request: RequestView) -> Credential | None:
        """The credential this request carries in my way, or None; CredentialRefused when it is ambiguous."""

    def verify(self, credential: Credential, request: RequestView, desk: Desk) -> Awaitable[Identity]:
        """Who it proves; CredentialRefused."""


def is_authenticator(one: object) -> bool:
    """Whether this is an object that can be asked; a class is none."""
    return not isinstance(one, type) and hasattr(one, "find") and hasattr(one, "verify")


def the_only(found: Sequence[Credential]) -> Credential | None:
    """One credential or none: two places for it are an attempt to have two readers disagree.

    Raises:
        CredentialRefused: there are several.
    """
    if len(found) > 1:
        raise CredentialRefused("credentials in several places: " + ", ".join(sorted(one.carried_by for one in found)))
    return found[0] if found else None


def from_subprotocol(request: RequestView, prefix: str) -> list[Credential]:
    """Credentials that ride beside `wssec.v1`, found by prefix, never by position."""
    values = [item.removeprefix(prefix) for item in request.offered if item.startswith(prefix)]
    return [Credential(value, "subprotocol") for value in values]


def from_query(request: RequestView, name: str) -> list[Credential]:
    """Credentials in the query; two of one name are two credentials."""
    return [Credential(value, "query") for value in request.query.get(name, ())]
