"""Signing in and out with a cookie: what a login and a logout handler of the application ask of the guard.

Rules of this file:
1. A login never takes over what was there before it; what was shown is ended (R038, C08).
2. Signing out is durable before it is answered, and needs what any other change needs.
3. The cookie that we set is `Secure`, `HttpOnly`, `SameSite`, of the host alone and of the whole of it (R010).
"""

import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager

from tornado.httputil import HTTPServerRequest
from tornado.web import HTTPError, RequestHandler

from .auth.base import Authenticator, Desk
from .auth.cookie import SAFE_METHODS, CookieAuthenticator
from .errors import (
    ConfigurationError,
    CredentialRefused,
    CsrfRefused,
    HandshakeRefused,
    OriginRefused,
    Problem,
    StoreError,
)
from .policy.csrf import csrf_value
from .policy.identity import Identity
from .policy.logins import Login
from .reception import Reception
from .telemetry.redact import printable

logger = logging.getLogger(__name__)


class Cookies:
    """The cookie of one guard.

    Args:
        authenticators: those of the guard; one of them may be a cookie.
        reception: decides over plain requests.
        desk: whom a cookie proves.
        revoke: ends a session on every node.
    """

    def __init__(
        self,
        *,
        authenticators: Sequence[Authenticator],
        reception: Reception,
        desk: Desk,
        revoke: Callable[[Identity], Awaitable[object]],
    ) -> None:
        self.way = next((one for one in authenticators if isinstance(one, CookieAuthenticator)), None)
        self._reception = reception
        self._desk = desk
        self._revoke = revoke

    async def sign_in(self, handler: RequestHandler, login: Login) -> str:
        """Set the cookie of a login; return its CSRF value.

        Raises:
            HandshakeRefused: a page of another site asks, or the store does not answer.
            ConfigurationError: the guard has no cookie that it may set.
            ValueError: it is too much for a cookie, or would be refused at once.
        """
        way = self.required()
        self._reception.refuse_cross_site(handler.request)
        self._ensure_good(login)
        value = await way.begin(login, self._desk.logins)
        await self._end_shown(handler.request)
        lasts = max(1, int(login.expires_at - login.issued_at))
        handler.set_cookie(
            way.cookie_name, value, path="/", secure=True, httponly=True, samesite=way.same_site, max_age=lasts
        )
        handler.set_header("Cache-Control", "no-store")
        return csrf_value(value)

    async def sign_out(self, handler: RequestHandler) -> None:
        """End the login that a request shows, and clear its cookie; without one there is nothing to end.

        Raises:
            HandshakeRefused: a page of another site asks, the CSRF value is missing, there are several cookies of the
                name, or the store does not answer.
        """
        way = self.required()
        if handler.request.method in SAFE_METHODS:
            what = f"signing out by {handler.request.method}, which any page can make a browser send"
            raise self._told(CsrfRefused(what, remedy="call guard.sign_out in post()"), handler.request)
        try:
            await self._end(await self._reception.identify(handler.request, [way]))
        except CredentialRefused:  # it has ended already, or is none
            if len(way.values_in(handler.request.headers.get_list("Cookie"))) > 1:
                raise  # one of them may be a login that would go on
        handler.clear_cookie(way.cookie_name, path="/", secure=True, httponly=True, samesite=way.same_site)
        handler.set_header("Cache-Control", "no-store")

    async def csrf_for(self, request: HTTPServerRequest) -> str:
        """The CSRF value of the cookie that a page of ours shows; HandshakeRefused for any other."""
        way = self.required()
        if not {"same-origin", "none"}.issuperset(request.headers.get_list("Sec-Fetch-Site")):
            raise self._told(OriginRefused("the CSRF value is for pages of this origin alone"), request)
        await self._reception.identify(request, [way])
        return self.csrf_value(request) or ""

    def csrf_value(self, request: HTTPServerRequest) -> str | None:
        """The CSRF value of the cookie that a request shows, whether or not that is good; None without one."""
        values = self.required().values_in(request.headers.get_list("Cookie"))
        return csrf_value(values[0]) if len(values) == 1 else None

    def required(self) -> CookieAuthenticator:
        """The authenticator whose cookie is set; ConfigurationError when there is none."""
        if self.way is None:
            remedy = "add SessionCookie() or SignedCookie() to authenticators="
            raise ConfigurationError([Problem("Guard.authenticators", "none of them is a cookie", remedy)])
        return self.way

    def _ensure_good(self, login: Login) -> None:
        try:
            self._desk.vouch(login.assertion)
        except CredentialRefused as refusal:
            remedy = "a revocation covers its whole second: revoke with before= a second ago, or undo it"
            raise ValueError(f"the login would be refused at once ({refusal.evidence}); {remedy}") from None

    def _told(self, refusal: HandshakeRefused, request: HTTPServerRequest) -> HandshakeRefused:
        """The refusal, after it has been put down in the log and the audit."""
        self._reception.record_refusal(refusal, request, printable(request.path))
        return refusal

    async def _end_shown(self, request: HTTPServerRequest) -> None:
        """End the login that the browser had until now. Of two cookies neither has been let in."""
        way = self.required()
        values = way.values_in(request.headers.get_list("Cookie"))
        if len(values) != 1:
            return
        try:
            identity = await way.prove(values[0], self._desk)
        except CredentialRefused:
            return
        await self._end(identity)

    async def _end(self, identity: Identity) -> None:
        await self._revoke(identity)
        await self.required().end(identity, self._desk.logins)


@contextmanager
def answered_by_tornado() -> Iterator[None]:
    """Turn a refusal into the `HTTPError` that a plain handler may raise, with its status."""
    try:
        yield
    except HandshakeRefused as refusal:
        raise HTTPError(refusal.status) from refusal
    except StoreError as error:
        logger.warning("the store does not remember logins: %s", error)
        raise HTTPError(503) from error
