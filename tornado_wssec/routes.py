"""The plain HTTP routes of a guard: tickets, public keys, liveness and readiness."""

import json
import logging
import math
import random
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from tornado.web import HTTPError, RequestHandler

from .errors import FrameError, HandshakeMalformed, HandshakeRefused, OriginRefused
from .policy.codec import decode_json
from .settings import Limits
from .telemetry.redact import printable, redacted_uri, where_raised

if TYPE_CHECKING:
    from .guard import Guard

logger = logging.getLogger(__name__)

_SENT_UNASKED: Final = frozenset({"", "application/x-www-form-urlencoded"})
"""What HTTP libraries say of a body when nobody has told them what it is."""
PATH_CHARS: Final = 1_024
RETRY_SPREAD_SECONDS: Final = 10.0
"""How much later than it need be a Retry-After may be: who was turned away together must not come back together."""
KEYS_CACHE_SECONDS: Final = 60
"""A verifier may keep our keys this long: well below the overlap of a rotation."""


def respond_refused(handler: RequestHandler, refusal: HandshakeRefused) -> None:
    """Answer with the refusal's status and its fixed text; nothing of the request is in it."""
    guard: Guard | None = handler.settings.get("wssec")
    if guard is not None and not refusal.is_recorded:
        guard.reception.record_refusal(refusal, handler.request, printable(handler.request.path))
    https_only = handler._headers.get("Strict-Transport-Security")
    handler.clear()
    handler.clear_header("Server")
    if https_only is not None:
        handler.set_header("Strict-Transport-Security", https_only)
    handler.set_status(refusal.status)
    handler.set_header("Cache-Control", "no-store")
    handler.set_header("Content-Type", "text/plain; charset=utf-8")
    for name, value in refusal_headers(refusal).items():
        handler.set_header(name, value)
    handler.finish(refusal.text + "\n")


def refusal_headers(refusal: HandshakeRefused) -> Mapping[str, str]:
    """What goes with a status: the challenge of a 401, the wait of a 429 or 503."""
    headers = dict(refusal.headers)
    if refusal.status == 401:
        headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
    if refusal.retry_after is not None:
        spread = random.uniform(0, RETRY_SPREAD_SECONDS)  # noqa: S311 - nobody gains by guessing it
        headers["Retry-After"] = str(max(1, math.ceil(refusal.retry_after + spread)))
    return headers


class GuardedHandler(RequestHandler):
    """A plain route of the guard's own."""

    guard: "Guard"

    def initialize(self, guard: "Guard") -> None:
        """Take the guard from the route; no token of the query reaches the access log."""
        self.guard = guard
        # Not in `prepare`: a request with an unknown method never gets that far, and is logged, too.
        self.request.uri = redacted_uri(self.request.uri or "")

    def set_default_headers(self) -> None:
        """Nothing is cached, no failure either: before it answers one, Tornado forgets what `prepare` has set."""
        self.clear_header("Server")
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")

    def prepare(self) -> None:
        """Whoever came by https is told to stay there."""
        self.guard.reception.insist_on_https(self)

    def answer(self, body: Mapping[str, Any], status: int = 200) -> None:
        """Send a JSON object."""
        self.set_status(status)
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.finish(json.dumps(body))

    def log_exception(
        self, typ: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None
    ) -> None:
        """One line that says where, without what was sent."""
        if value is not None and not isinstance(value, HTTPError):  # the access log tells those
            logger.error("%s: %s", type(self).__name__, where_raised(value))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """A failure's status and nothing else, whatever the application's debug settings say."""
        self.guard.reception.insist_on_https(self)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        if status_code == 405:
            self.set_header("Allow", ", ".join(name for name in ("GET", "POST") if name.lower() in vars(type(self))))
        self.finish(f"{status_code}\n")

    def check_xsrf_cookie(self) -> None:
        """Not asked for, where the application asks its own pages: only JSON and no foreign Origin get this far."""

    def data_received(self, chunk: bytes) -> None:
        """No route streams its body."""


class TicketHandler(GuardedHandler):
    """`POST /wssec/ticket {"path": …}` → `{"ticket", "expires_in"}` for one handshake (R018)."""

    async def post(self) -> None:
        """Give a ticket to whoever any authenticator but `Ticket` knows."""
        try:
            self._refuse_forms()
            path = self._wanted_path()
            identity = await self.guard.reception.identify(self.request)
            origin = self.request.headers.get("Origin")
            ticket = await self.guard.issue_ticket(identity, path=path, origin=origin)
        except HandshakeRefused as refusal:
            respond_refused(self, refusal)
        else:
            self.answer({"ticket": ticket, "expires_in": self.guard.timeouts.ticket})

    def _refuse_forms(self) -> None:
        """A page elsewhere can post a form, but neither JSON nor an Authorization header without a preflight (T09)."""
        kind = self.request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        by_program = "Authorization" in self.request.headers and kind in _SENT_UNASKED
        if kind != "application/json" and not by_program:
            raise OriginRefused("a ticket request that is not application/json")

    def _wanted_path(self) -> str:
        try:
            body = decode_json(self.request.body, Limits())
        except FrameError as error:
            raise HandshakeMalformed("the body is not JSON, or far too much of it") from error
        path = body.get("path") if isinstance(body, dict) and set(body) == {"path"} else None
        if not isinstance(path, str) or not path.startswith("/") or len(path) > PATH_CHARS:
            raise HandshakeMalformed('the body is not {"path": "/…"}')
        return path


class CsrfHandler(GuardedHandler):
    """`/wssec/csrf` → `{"csrf"}`: what a page of ours shows beside its cookie (R008)."""

    async def get(self) -> None:
        """Tell whoever has signed in by cookie; no header lets a page of another site read the answer."""
        try:
            csrf = await self.guard.cookies.csrf_for(self.request)
        except HandshakeRefused as refusal:
            respond_refused(self, refusal)
        else:
            self.answer({"csrf": csrf})


class KeysHandler(GuardedHandler):
    """`/.well-known/jwks.json`: the public keys that verify (RFC 7517)."""

    def get(self) -> None:
        """Every key that verifies now; never a private member."""
        self.set_header("Cache-Control", f"public, max-age={KEYS_CACHE_SECONDS}")
        self.answer(self.guard.public_keys())


class LiveHandler(GuardedHandler):
    """`/wssec/live`: the process serves."""

    def get(self) -> None:
        """Always 200."""
        self.answer({"live": True})


class ReadyHandler(GuardedHandler):
    """`/wssec/ready`: new connections are accepted."""

    def get(self) -> None:
        """200, or 503 while they would be refused. It does not say why: that is in the log."""
        ready = self.guard.is_ready()
        self.answer({"ready": ready}, 200 if ready else 503)
