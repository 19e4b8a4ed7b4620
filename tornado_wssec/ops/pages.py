"""The plain routes of the operations page: sign in, sign out, and the page itself.

Rules of this file:
1. What is shown is escaped by the template, whatever the application's own templates do.
2. The page runs no script but its own files, none is inline, and none makes markup of text.
3. Who is there is asked at every request; who may not see the page learns nothing from it.
"""

from typing import TYPE_CHECKING, Any

from tornado.template import Loader
from tornado.web import HTTPError, RequestHandler, StaticFileHandler

from ..cookies import answered_by_tornado
from ..errors import RouteDenied
from ..policy.identity import Identity
from ..routes import GuardedHandler
from ..telemetry.redact import printable
from .configuration import groups_of
from .listing import page_of_here
from .observer import Observer
from .terms import ACT, READ
from .ways import Pasted, Ways

if TYPE_CHECKING:
    from ..guard import Guard


class OperationsHandler(GuardedHandler):
    """What the plain routes share."""

    observer: Observer
    ways: Ways
    loader: Loader
    base: str

    def initialize(  # type: ignore[override]  # some parts more
        self, guard: "Guard", observer: Observer, ways: Ways, loader: Loader, base: str
    ) -> None:
        """Take the parts from the route.

        Args:
            base: the path of the page.
        """
        super().initialize(guard)
        self.observer, self.ways, self.loader, self.base = observer, ways, loader, base

    def set_default_headers(self) -> None:
        """Nothing is cached, embedded elsewhere, or more than it says."""
        super().set_default_headers()
        set_security_headers(self)

    def show(self, template: str, **values: Any) -> None:
        """Answer with a page."""
        self.set_header("Content-Type", "text/html; charset=utf-8")
        csrf = self.ways.csrf(self.request)
        self.finish(self.loader.load(template).generate(base=self.base, csrf=csrf, **values))

    def deny(self, identity: Identity) -> None:
        """Tell somebody who is known, and may not see the page; it is put down as any refusal is."""
        refusal = RouteDenied(f"{identity.subject} lacks {READ}", about=(identity.subject, identity.issuer))
        self.guard.reception.record_refusal(refusal, self.request, printable(self.request.path))
        self.set_status(403)
        self.show("denied.html", subject=identity.subject, permission=READ, is_own=self.ways.is_own)


class PageHandler(OperationsHandler):
    """The page."""

    async def get(self) -> None:
        """Show it to whoever may see it; whoever is nobody goes to the sign-in."""
        try:
            identity = await self.guard.authenticate(self.request, ways=self.ways.of_requests)
        except HTTPError as refusal:
            if refusal.status_code != 401:
                raise
            self.redirect(f"{self.base}/sign-in", status=303)
            return
        if not identity.permissions.allows(READ):
            self.deny(identity)
            return
        self.show(
            "page.html",
            subject=identity.subject,
            may_act=identity.permissions.allows(ACT),
            node=self.guard.directory.membership.node,
            connections=page_of_here(self.guard, "", 0),
            configuration=groups_of(self.guard),
        )


class SignInHandler(OperationsHandler):
    """`…/sign-in`: a form for a token, where the application has no cookie of its own."""

    def get(self) -> None:
        """Show the form, or say where one signs in."""
        self.show("sign_in.html", is_own=self.ways.is_own, permission=READ, fault="")

    async def post(self) -> None:
        """Put a token that is good into a cookie that lasts no longer."""
        if not self.ways.is_own:
            raise HTTPError(404)
        token = self.get_body_argument("token", "").strip()
        try:
            identity = await self.guard.authenticate(self.request, ways=[Pasted(token)])
        except HTTPError as refusal:
            if refusal.status_code != 401:
                raise
            fault = "This token is not accepted. The log says why."
            self.show("sign_in.html", is_own=True, permission=READ, fault=fault)
            return
        if not identity.permissions.allows(READ):
            self.deny(identity)
            return
        left = None if identity.expires_at is None else max(1, int(identity.expires_at - self.guard.clock.wall()))
        name = self.ways.cookie.cookie_name
        self.set_cookie(name, token, path="/", secure=True, httponly=True, samesite="Strict", max_age=left)
        self.redirect(self.base, status=303)


class SignOutHandler(OperationsHandler):
    """`…/sign-out`: ends what the page was opened with."""

    async def post(self) -> None:
        """End the application's login; or revoke the token, and clear its cookie."""
        if not self.ways.is_own:
            await self.guard.sign_out(self)
        else:
            await self._end_token()
        self.redirect(f"{self.base}/sign-in", status=303)

    async def _end_token(self) -> None:
        name = self.ways.cookie.cookie_name
        try:
            identity = await self.guard.authenticate(self.request, ways=[self.ways.cookie])
        except HTTPError as refusal:
            if refusal.status_code != 401:
                raise
        else:
            with answered_by_tornado():
                await self._revoke(identity)
        self.clear_cookie(name, path="/", secure=True, httponly=True, samesite="Strict")

    async def _revoke(self, identity: Identity) -> None:
        if identity.token_id is not None:
            await self.guard.revoke(token=identity.token_id, issuer=identity.issuer, reason="signed out")


class FileHandler(StaticFileHandler):
    """The page's script, styles and icon; there is nothing in them that not everybody may see."""

    def set_default_headers(self) -> None:
        """As for the page."""
        self.clear_header("Server")
        set_security_headers(self)

    def set_extra_headers(self, path: str) -> None:
        """Kept, but asked for again each time: an upgrade brings another."""
        self.set_header("Cache-Control", "no-cache")


def set_security_headers(handler: RequestHandler) -> None:
    """Tell browsers what the page will never need."""
    guard: Guard | None = handler.settings.get("wssec")
    origins = guard.settings.origins if guard is not None else ()
    sockets = [origin.replace("http", "ws", 1) for origin in origins if "*" not in origin]
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self'",
        "connect-src": " ".join(["'self'", *sockets]),
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    handler.set_header("Content-Security-Policy", "; ".join(f"{name} {value}" for name, value in policy.items()))
    handler.set_header("X-Content-Type-Options", "nosniff")
    # Not "no-referrer": the forms would be posted with `Origin: null`, which is no origin of ours.
    handler.set_header("Referrer-Policy", "same-origin")
    handler.set_header("Cross-Origin-Opener-Policy", "same-origin")
    handler.set_header("Cross-Origin-Resource-Policy", "same-origin")
