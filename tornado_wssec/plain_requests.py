"""What plain HTTP handlers ask of a guard: who sends a request, and the beginning and the end of a login by cookie."""

from collections.abc import Sequence
from dataclasses import replace

from tornado.httputil import HTTPServerRequest
from tornado.web import RequestHandler

from .auth.base import Authenticator
from .clock import Clock
from .cookies import Cookies, answered_by_tornado
from .desk import CredentialDesk
from .policy.identity import Identity
from .policy.logins import new_login
from .reception import Reception
from .rights import Rights
from .telemetry.audit import Audit


class PlainRequests:
    """The calls of a `Guard` for plain handlers; it assembles what they need."""

    audit: Audit
    clock: Clock
    cookies: Cookies
    reception: Reception
    _desk: CredentialDesk
    _rights: Rights

    async def authenticate(
        self, request: HTTPServerRequest, *, ways: Sequence[Authenticator] | None = None
    ) -> Identity:
        """Who sends a plain HTTP request.

        Args:
            ways: how it may be shown; None: by any authenticator of the guard that is not for sockets alone.

        Raises:
            tornado.web.HTTPError: nobody we know, or not now; Tornado answers with its status.
        """
        with answered_by_tornado():
            proven = await self.reception.identify(request, ways)
            return replace(await self._rights.of(proven), own=proven.permissions) if self._rights.has_hooks else proven

    def refuse_cross_site(self, request: HTTPServerRequest) -> None:
        """Refuse a plain request, such as a login, that a page of another site sent; `authenticate` asks it, too.

        Raises:
            tornado.web.HTTPError: 421 for a Host, 403 for an Origin that is not ours. No Origin means no page.
        """
        with answered_by_tornado():
            self.reception.refuse_cross_site(request)

    async def sign_in(
        self,
        handler: RequestHandler,
        subject: str,
        permissions: Sequence[str] = (),
        *,
        roles: Sequence[str] = (),
        tenant: str | None = None,
        ttl: float | None = None,
    ) -> str:
        """Set the cookie of whoever has just proven to be `subject`; return the CSRF value that goes with it.

        The login that the browser had before is ended, and its sockets are closed: the new one takes nothing over.

        Args:
            handler: the plain handler that answers the login; its request must come from a page of ours.
            roles: expanded by the guard's table, each time that the cookie is used.
            ttl: seconds; None: `max_age` of the cookie.

        Raises:
            tornado.web.HTTPError: a page of another site asks (403), or the store does not answer (503).
            ConfigurationError: none of the guard's authenticators is a cookie.
            ValueError: something cannot be in a login; says what and the remedy.
        """
        most = self._desk.logins.lifetime(self.cookies.required().max_age)
        now = self.clock.wall()
        login = new_login(subject, permissions, now, roles=roles, tenant=tenant, ttl=ttl, most=most)
        with answered_by_tornado():
            csrf = await self.cookies.sign_in(handler, login)
        self.audit.record("login.began", now, session=login.id, subject=subject, tenant=tenant)
        return csrf

    async def sign_out(self, handler: RequestHandler) -> None:
        """End the login that a request shows, on every node, and clear its cookie. Its sockets close with 4403.

        Does nothing but clear the cookie when there is no login any more.

        Raises:
            tornado.web.HTTPError: 403 for a GET, a page of another site, or one without the CSRF value; 401 for two
                cookies of the name; 503 when the store does not answer. Then no login is ended.
        """
        with answered_by_tornado():
            await self.cookies.sign_out(handler)

    def csrf_value(self, request: HTTPServerRequest) -> str | None:
        """What a page must show beside the cookie of this request; None without one. For a template.

        Whether the cookie is any good is for `authenticate`.
        """
        return self.cookies.csrf_value(request)
