"""Everything that is decided before 101, cheapest first. Read `Handshake.admit` for the order.

Rules of this file:
1. Every step can say no with its status; nothing falls through to yes.
2. What costs crypto or the store comes after what costs a comparison.
3. A refusal before the credential spends nothing but an attempt. A ticket is spent by showing it.

Source: RFC 6455 §4.2.1; OWASP WebSocket cheat sheet.
"""

import asyncio
import base64
import binascii
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

from tornado.httputil import HTTPServerRequest

from .assembly import Policies
from .auth.base import CREDENTIAL_PREFIXES, SUBPROTOCOL, Authenticator, Credential, Desk, RequestView
from .endpoint import Endpoint
from .errors import (
    CredentialRefused,
    HandshakeMalformed,
    HandshakeRefused,
    HostRefused,
    MethodRefused,
    NotReady,
    OriginRefused,
    PlaintextRefused,
    RouteDenied,
    TooManyAttempts,
    VersionRefused,
)
from .hub import Hub
from .policy.hosts import LOOPBACK_HOSTS, HostPolicy
from .policy.identity import Identity
from .policy.proxies import Client, quota_key
from .policy.rates import BucketTable, Rate
from .request_view import is_encrypted, is_forwarded, is_loopback, local_address, peer_address, view_of
from .settings import Limits, Timeouts
from .telemetry.redact import printable, where_raised

logger = logging.getLogger(__name__)

LOOPBACK: Final = HostPolicy(LOOPBACK_HOSTS)
ANONYMOUS: Final = Identity(subject="anonymous", anonymous=True)


@dataclass(frozen=True, slots=True)
class Admitted:
    """A handshake that may become a socket."""

    identity: Identity
    view: RequestView
    subprotocol: str | None


@dataclass(frozen=True, slots=True)
class Quotas:
    """What an address may attempt.

    Args:
        attempts: handshakes.
        failures: credentials that were refused; it is looked at before, and charged after.
    """

    attempts: BucketTable[str]
    failures: BucketTable[str]

    @classmethod
    def of(cls, limits: Limits, now: float) -> Self:
        """Full budgets for everybody."""
        attempts = Rate(limits.attempts_burst, limits.attempts_burst / limits.attempts_per_second)
        failures = Rate(limits.failed_credentials, limits.failed_credentials_window_seconds)
        return cls(
            BucketTable((attempts,), most=limits.tracked_keys, now=now),
            BucketTable((failures,), most=limits.tracked_keys, now=now),
        )


class Handshake:
    """The door of one guard.

    Args:
        policies: origins, hosts and proxies.
        insecure: development: ws:// beyond loopback passes.
        desk: verifies credentials.
        hub: who is connected already.
        limits: what addresses may attempt, and how many handshakes may be pending.
        timeouts: the deadline over the whole.
        ready: raises NotReady while nobody may come in.
        monotonic: the clock of the quotas.
    """

    def __init__(
        self,
        *,
        policies: Policies,
        insecure: bool,
        desk: Desk,
        hub: Hub,
        limits: Limits,
        timeouts: Timeouts,
        ready: Callable[[], None],
        monotonic: Callable[[], float],
    ) -> None:
        self._policies = policies
        self._insecure = insecure
        self._desk = desk
        self._hub = hub
        self._limits = limits
        self._quotas = Quotas.of(limits, monotonic())
        self._timeouts = timeouts
        self._ready = ready
        self._monotonic = monotonic
        self._pending = 0

    async def admit(self, request: HTTPServerRequest, endpoint: Endpoint, groups: Mapping[str, str]) -> Admitted:
        """Decide over one handshake.

        Args:
            request: as Tornado parsed it.
            endpoint: what is asked for.
            groups: the URL's named groups.

        Raises:
            HandshakeRefused: with the status to answer.
        """
        check_method(request)
        check_upgrade(request)
        self.check_host(request)
        client = self.client_of(request)
        self._check_tls(request, client)
        self._check_origin(request, endpoint)
        self._ready()
        self._check_address(client.address)
        view = self._view(request, client, is_handshake=True)
        subprotocol = choose_subprotocol(view.offered, endpoint.subprotocols)
        identity = await self._identify(view, endpoint)
        self._check_identity(identity, endpoint)
        check_route(identity, endpoint, groups)
        # Once more, since others may have come in, or the server gone, while this one was being identified.
        self._ready()
        self._check_room(client.address)
        return Admitted(identity, view, subprotocol)

    async def authenticate(self, request: HTTPServerRequest, authenticators: Sequence[Authenticator]) -> Identity:
        """Who sends a plain HTTP request; refused with 401 when nobody is shown.

        Raises:
            HandshakeRefused: with the status to answer.
        """
        self._ready()
        client = self.client_of(request)
        self._check_tls(request, client)
        self._check_address(client.address)
        view = self._view(request, client, is_handshake=False)
        return await self._within_deadline(self._verified(view, authenticators, anonymous=False))

    def refuse_cross_site(self, request: HTTPServerRequest) -> None:
        """Refuse a plain request for another host, or from another site's page; no Origin means no page.

        Raises:
            HostRefused, OriginRefused: as at a handshake.
        """
        self.check_host(request)
        origins = request.headers.get_list("Origin")
        if origins and not (len(origins) == 1 and self._policies.origins.allows(origins[0])):
            raise OriginRefused("Origin " + printable(", ".join(origins)))

    # --- the steps, in order ---

    def check_host(self, request: HTTPServerRequest) -> None:
        """Refuse a Host that this server does not answer for (DNS rebinding)."""
        values = request.headers.get_list("Host")
        if len(values) != 1:
            raise HandshakeMalformed(f"{len(values)} Host headers")
        if self._policies.hosts.allows(values[0]):
            return
        if self._policies.answers_loopback and is_loopback(local_address(request)) and LOOPBACK.allows(values[0]):
            return
        raise HostRefused(f"Host {printable(values[0])}", remedy="add it to hosts= or WSSEC_HOSTS if it is yours")

    def client_of(self, request: HTTPServerRequest) -> Client:
        """Who asks, behind the proxies that are trusted."""
        return self._policies.proxies.client(
            peer_address(request),
            request.headers.get_list("X-Forwarded-For"),
            request.headers.get_list("X-Forwarded-Proto"),
            is_encrypted(request),
        )

    def _view(self, request: HTTPServerRequest, client: Client, *, is_handshake: bool) -> RequestView:
        is_from_proxy = self._policies.proxies.trusts(peer_address(request))
        return view_of(request, client.address, self._limits, is_handshake=is_handshake, is_from_proxy=is_from_proxy)

    def _check_tls(self, request: HTTPServerRequest, client: Client) -> None:
        if client.is_https or self._insecure:
            return
        if is_loopback(peer_address(request)) and not is_forwarded(request):
            return
        remedy = "serve TLS (WSSEC_TLS_CERT, WSSEC_TLS_KEY), or name the TLS proxy in WSSEC_TRUSTED_PROXIES"
        raise PlaintextRefused(f"ws:// from {printable(client.address)}", remedy=remedy)

    def _check_origin(self, request: HTTPServerRequest, endpoint: Endpoint) -> None:
        values = request.headers.get_list("Origin")
        if not values and endpoint.allow_missing_origin:
            return
        if len(values) == 1 and self._policies.origins.allows(values[0]):
            return
        if not values:
            remedy = f"set allow_missing_origin = True on {endpoint.name} if native clients use it"
            raise OriginRefused("no Origin", remedy=remedy)
        remedy = "add it to origins= or WSSEC_ORIGINS if it is yours"
        raise OriginRefused("Origin " + printable(", ".join(values)), remedy=remedy)

    def _check_address(self, address: str) -> None:
        key, now = quota_key(address), self._monotonic()
        wait = self._quotas.attempts.take(key, 1.0, now) or self._quotas.failures.wait(key, 1.0, now)
        if wait:
            raise TooManyAttempts(f"attempts from {printable(address)}", retry_after=wait)
        self._check_room(address)

    def _check_room(self, address: str) -> None:
        if self._hub.at_address(address) >= self._limits.connections_per_address:
            raise TooManyAttempts(f"connections from {printable(address)}")

    async def _identify(self, view: RequestView, endpoint: Endpoint) -> Identity:
        if self._pending >= self._limits.pending_handshakes:
            raise NotReady("too many handshakes are pending")
        self._pending += 1
        try:
            return await self._within_deadline(
                self._verified(view, endpoint.authenticators, anonymous=endpoint.anonymous)
            )
        finally:
            self._pending -= 1

    async def _within_deadline(self, verification: Awaitable[Identity]) -> Identity:
        try:
            async with asyncio.timeout(self._timeouts.handshake):
                return await verification
        except TimeoutError:
            raise NotReady("authentication did not answer in time") from None

    async def _verified(
        self, view: RequestView, authenticators: Sequence[Authenticator], *, anonymous: bool
    ) -> Identity:
        try:
            authenticator, credential = the_only_credential(view, authenticators)
            if authenticator is None or credential is None:
                if anonymous:
                    return ANONYMOUS
                raise CredentialRefused("no credential")
            return await authenticator.verify(credential, view, self._desk)
        except CredentialRefused:
            self._quotas.failures.take(quota_key(view.address), 1.0, self._monotonic())
            raise
        except HandshakeRefused:
            raise
        except Exception as error:
            logger.error("authentication failed unexpectedly: %s", where_raised(error))
        # Raised here, so that no traceback keeps what the failure quotes through __context__.
        raise CredentialRefused("authentication failed unexpectedly", remedy="see the error logged before")

    def _check_identity(self, identity: Identity, endpoint: Endpoint) -> None:
        connections = self._hub.of_identity(identity)
        if connections >= endpoint.limits.connections_per_subject:
            raise TooManyAttempts(f"{identity.subject} has {connections} connections")


def check_method(request: HTTPServerRequest) -> None:
    """GET, HTTP/1.1, version 13, and no body."""
    if request.method != "GET":
        raise MethodRefused(f"method {printable(request.method)}", headers={"Allow": "GET"})
    if request.version != "HTTP/1.1":
        raise HandshakeMalformed(f"version {printable(request.version)}")
    versions = request.headers.get_list("Sec-WebSocket-Version")
    if versions != ["13"]:
        headers = {"Sec-WebSocket-Version": "13"}
        raise VersionRefused(f"Sec-WebSocket-Version {printable(versions)}", headers=headers)
    if request.body or "Transfer-Encoding" in request.headers or request.headers.get("Content-Length", "0") != "0":
        raise HandshakeMalformed("a handshake with a body")


def check_upgrade(request: HTTPServerRequest) -> None:
    """The Upgrade and Connection headers, and a key of 16 bytes."""
    if request.headers.get("Upgrade", "").strip().lower() != "websocket":
        raise HandshakeMalformed("Upgrade is not websocket")
    if "upgrade" not in [part.strip().lower() for part in request.headers.get("Connection", "").split(",")]:
        raise HandshakeMalformed("Connection does not say upgrade")
    keys = request.headers.get_list("Sec-WebSocket-Key")
    if len(keys) != 1 or not _is_key(keys[0]):
        raise HandshakeMalformed("Sec-WebSocket-Key is not 16 bytes")


def check_route(identity: Identity, endpoint: Endpoint, groups: Mapping[str, str]) -> None:
    """The permission that the URL's resource asks for (R050)."""
    if endpoint.requires is not None and not endpoint.requires.allowed(identity.permissions, groups):
        raise RouteDenied(f"{identity.subject} lacks {endpoint.requires.text}")


def the_only_credential(
    view: RequestView, authenticators: Sequence[Authenticator]
) -> tuple[Authenticator | None, Credential | None]:
    """What was shown, and to which authenticator. Two of them never fall back to one another (H26)."""
    found = [(one, credential) for one in authenticators if (credential := one.find(view)) is not None]
    if len(found) > 1:
        raise CredentialRefused("several credentials: " + ", ".join(one.name for one, _ in found))
    return found[0] if found else (None, None)


def choose_subprotocol(offered: Sequence[str], own: Sequence[str]) -> str | None:
    """`wssec.v1` or one of the handler's own; a credential is never chosen.

    Raises:
        HandshakeMalformed: a credential was offered with nothing that could be chosen, so the browser would fail.
    """
    for name in (SUBPROTOCOL, *own):
        if name in offered:
            return name
    if any(item.startswith(CREDENTIAL_PREFIXES) for item in offered):
        raise HandshakeMalformed("a credential was offered as subprotocol without wssec.v1")
    return None


def _is_key(text: str) -> bool:
    try:
        return len(text) == 24 and len(base64.b64decode(text, validate=True)) == 16
    except (binascii.Error, ValueError):
        return False
