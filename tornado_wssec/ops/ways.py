"""How an operator shows who that is: as to the application; and, where that has no cookie, by a token pasted once.

Rules of this file:
1. The cookie holds the token itself, so that whatever ends the token ends it: its end, and each revocation.
2. No script of the page ever sees the token.
3. Where the application has a cookie of its own, there is no second one: its login is the way.
"""

from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING, Final

from tornado.httputil import HTTPServerRequest

from ..auth.base import Authenticator, Credential, Desk, LoginDesk, RequestView
from ..auth.cookie import CookieAuthenticator
from ..auth.first_message import FirstMessage
from ..auth.ticket import Ticket
from ..errors import CredentialRefused
from ..policy.assertions import Assertion
from ..policy.csrf import csrf_value
from ..policy.identity import Identity
from ..policy.logins import Login

if TYPE_CHECKING:
    from ..guard import Guard

COOKIE: Final = "__Host-wssec-ops"
COOKIE_BYTES: Final = 3_800
"""Browsers keep 4,096 bytes of a cookie, its name and attributes included (RFC 6265 §6.1)."""


class TokenCookie(CookieAuthenticator):
    """Accept an access token in a cookie that the sign-in of this page has set."""

    name = "operations_cookie"

    def __init__(self) -> None:
        super().__init__(COOKIE, None, "Strict", allow_unprefixed=False)

    async def prove(self, value: str, desk: Desk) -> Identity:
        """Whom the token names, for as long as it is good."""
        return await desk.identify_token(value)

    async def begin(self, login: Login, logins: LoginDesk) -> str:
        """No login of an application becomes this cookie."""
        raise NotImplementedError

    async def _read(self, value: str, logins: LoginDesk) -> tuple[Assertion, float]:
        raise NotImplementedError


class Pasted:
    """A token from the form, to be verified as any other credential is: within its budgets, and put down if refused."""

    name = "operations_form"

    def __init__(self, token: str) -> None:
        self._token = token

    def find(self, request: RequestView) -> Credential | None:
        """The token; it stands in the body, which no authenticator sees."""
        return Credential(self._token, "form") if self._token else None

    def verify(self, credential: Credential, request: RequestView, desk: Desk) -> Awaitable[Identity]:
        """Whom it names."""
        if len(credential.value) > COOKIE_BYTES:
            raise CredentialRefused(f"a token of more than {COOKIE_BYTES} characters, which no cookie holds")
        return desk.identify_token(credential.value)


class Ways:
    """The ways to this page, for one guard.

    Attributes:
        cookie: by which a browser shows who is there.
        is_own: whether it is ours, so that there is a form to sign in.
        of_sockets, of_requests: the authenticators.
    """

    def __init__(self, guard: "Guard", authenticators: Sequence[Authenticator]) -> None:
        way = guard.cookies.way
        self.is_own = way is None
        self.cookie: CookieAuthenticator = TokenCookie() if way is None else way
        shared = [one for one in authenticators if not isinstance(one, FirstMessage)]
        self.of_sockets: tuple[Authenticator, ...] = (*shared, self.cookie) if way is None else tuple(shared)
        self.of_requests = tuple(one for one in self.of_sockets if not isinstance(one, Ticket))

    def csrf(self, request: HTTPServerRequest) -> str:
        """What goes with the cookie of a request; empty where none is shown, as behind a proxy that says who it is."""
        values = self.cookie.values_in(request.headers.get_list("Cookie"))
        return csrf_value(values[0]) if len(values) == 1 else ""
