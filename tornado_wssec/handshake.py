"""Everything that is decided before 101, cheapest first. Read `Handshake.admit` for the order.

Rules of this file:
1. Every step can say no with its status; nothing falls through to yes.
2. What costs crypto or the store comes after what costs a comparison.
3. A refusal before the credential spends nothing but an attempt. A ticket is spent by showing it.

Source: RFC 6455 §4.2.1; OWASP WebSocket cheat sheet.
"""

import asyncio
import logging
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from tornado.httputil import HTTPServerRequest

from .assembly import Policies
from .auth.base import Authenticator, Desk, RequestView
from .auth.first_message import FirstMessage
from .directory import Directory
from .endpoint import Endpoint
from .errors import (
    CredentialRefused,
    HandshakeMalformed,
    HandshakeRefused,
    HostRefused,
    NotReady,
    OriginRefused,
    PlaintextRefused,
    RouteDenied,
)
from .patience import OutOfPatience, patiently
from .policy.codec import Incoming
from .policy.hosts import LOOPBACK_HOSTS, HostPolicy
from .policy.identity import Identity
from .policy.proxies import Client
from .policy.session_directory import Place
from .quotas import Quotas
from .readiness import Readiness
from .request_view import is_encrypted, is_forwarded, is_loopback, local_address, peer_address, view_of
from .rights import Rights
from .settings import Limits, Timeouts
from .shown import first_message, shows_credential, the_only_credential
from .telemetry.redact import printable, where_raised
from .upgrade import check_method, check_upgrade, choose_subprotocol

logger = logging.getLogger(__name__)

LOOPBACK: Final = HostPolicy(LOOPBACK_HOSTS)
ANONYMOUS: Final = Identity(subject="anonymous", anonymous=True)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Admitted:
    """A handshake that may become a socket.

    Args:
        place: in the directory; to be occupied, or given back.
        first: the message that authenticated it, where that did not happen in the handshake.
        proven: the identity as the credential says it, before the application was asked.
        announced: see `Rights.announced`; before that.
        requires: the permission that the URL asks for, filled in; None: none.
    """

    identity: Identity
    view: RequestView
    subprotocol: str | None
    place: Place
    first: Incoming | None = None
    proven: Identity = ANONYMOUS
    announced: int = 0
    requires: str | None = None


@dataclass(frozen=True, slots=True)
class Unidentified:
    """A handshake that may become a socket of nobody, until its first message has been heard."""

    view: RequestView
    subprotocol: str | None
    groups: Mapping[str, str]
    way: FirstMessage


class Handshake:
    """The door of one guard.

    Args:
        policies: origins, hosts and proxies.
        insecure: development: ws:// beyond loopback passes.
        desk: verifies credentials.
        quotas: what addresses and identities may attempt and hold.
        readiness: whether anybody may come in.
        rights: what the application says of whoever a credential proves.
        directory: takes a place for whoever comes in, on all nodes.
        limits: on what a handshake may consist of.
        timeouts: the deadline over the verification of a credential.
    """

    def __init__(
        self,
        *,
        policies: Policies,
        insecure: bool,
        desk: Desk,
        quotas: Quotas,
        readiness: Readiness,
        rights: Rights,
        directory: Directory,
        limits: Limits,
        timeouts: Timeouts,
    ) -> None:
        self._policies = policies
        self._insecure = insecure
        self._desk = desk
        self._limits = limits
        self._timeouts = timeouts
        self._readiness = readiness
        self._rights = rights
        self._directory = directory
        self.quotas = quotas

    async def admit(
        self, request: HTTPServerRequest, endpoint: Endpoint, groups: Mapping[str, str]
    ) -> Admitted | Unidentified:
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
        self._readiness.require()
        self.quotas.check_address(client.address)
        view = self._view(request, client, is_handshake=True)
        subprotocol = choose_subprotocol(view.offered, endpoint.subprotocols)
        identity = await self._identify(view, endpoint)
        if isinstance(identity, FirstMessage):
            self.quotas.check_doorstep()
            self._readiness.require_room()
            return Unidentified(view, subprotocol, groups, identity)
        proven, announced = identity, self._rights.announced
        identity = await self._enter(proven, client.address, endpoint, groups)
        place = await self._directory.reserve(identity, client.address, endpoint)
        try:
            # Once more, since others may have come in while this one was being identified.
            self.quotas.check_room(client.address)
            self._readiness.make_room()
        except HandshakeRefused:
            self._directory.release(place)
            raise
        requires = requirement_of(endpoint, groups)
        return Admitted(identity, view, subprotocol, place, proven=proven, announced=announced, requires=requires)

    async def hear(self, waiting: Unidentified, frame: str | bytes, endpoint: Endpoint) -> Admitted:
        """Decide over the first message of a socket that has no owner yet; it holds its place already.

        Raises:
            HandshakeRefused: with the status that the handshake would have been answered with.
        """
        first = first_message(frame, endpoint)
        credential = waiting.way.credential_in(first.data)
        self.quotas.check_failures(waiting.view.address)
        if self._readiness.is_strict:
            await self._readiness.freshen()
        proven = await self._safely(waiting.way.verify(credential, waiting.view, self._desk))
        announced = self._rights.announced
        identity = await self._enter(proven, waiting.view.address, endpoint, waiting.groups)
        place = await self._directory.reserve(identity, waiting.view.address, endpoint)
        requires = requirement_of(endpoint, waiting.groups)
        return Admitted(identity, waiting.view, waiting.subprotocol, place, first, proven, announced, requires)

    async def authenticate(self, request: HTTPServerRequest, authenticators: Sequence[Authenticator]) -> Identity:
        """Who sends a plain HTTP request; refused with 401 when nobody is shown.

        Raises:
            HandshakeRefused: with the status to answer.
        """
        self._readiness.require_service()  # no place is asked for: who cannot connect can still sign out
        client = self.client_of(request)
        self._check_tls(request, client)
        self.quotas.check_attempt(client.address)
        identity = await self._verified(self._view(request, client, is_handshake=False), authenticators)
        if identity is None:
            # No failed credential: a page elsewhere makes a browser ask as often as it likes, without its cookie.
            raise CredentialRefused("no credential")
        return identity

    async def require_judgement(self) -> None:
        """Refuse to judge a credential that is shown on an open connection, where none could be judged here.

        Raises:
            NotReady: revocations are not known well enough, or the clock was set back.
        """
        if self._readiness.is_strict:
            await self._readiness.freshen()
        self._readiness.require_judgement()

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

    def is_from_proxy(self, request: HTTPServerRequest) -> bool:
        """Whether the socket's other end is a trusted proxy."""
        return self._policies.proxies.trusts(peer_address(request))

    def client_of(self, request: HTTPServerRequest) -> Client:
        """Who asks, behind the proxies that are trusted."""
        return self._policies.proxies.client(
            peer_address(request),
            request.headers.get_list("X-Forwarded-For"),
            request.headers.get_list("X-Forwarded-Proto"),
            is_encrypted(request),
        )

    def _view(self, request: HTTPServerRequest, client: Client, *, is_handshake: bool) -> RequestView:
        is_from_proxy = self.is_from_proxy(request)
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

    async def _identify(self, view: RequestView, endpoint: Endpoint) -> Identity | FirstMessage:
        """Who it is, or the way in which the first message will tell."""
        identity = await self._verified(view, endpoint.authenticators)
        if identity is not None:
            return identity
        if not shows_credential(view):
            if endpoint.first_message is not None:
                return endpoint.first_message
            if endpoint.anonymous:
                return ANONYMOUS
        self.quotas.charge_failure(view.address)
        raise CredentialRefused("no credential")

    async def _verified(self, view: RequestView, authenticators: Sequence[Authenticator]) -> Identity | None:
        """Who the only credential proves; None where none is shown."""
        self.quotas.begin_verifying()
        try:
            return await self._safely(self._shown(view, authenticators))
        except CredentialRefused:
            self.quotas.charge_failure(view.address)
            raise
        finally:
            self.quotas.end_verifying()

    async def _shown(self, view: RequestView, authenticators: Sequence[Authenticator]) -> Identity | None:
        shown = the_only_credential(view, authenticators)
        if shown is None:
            return None
        authenticator, credential = shown
        if self._readiness.is_strict:
            await self._readiness.freshen()
        identity: object = await authenticator.verify(credential, view, self._desk)
        if not isinstance(identity, Identity):  # None would be taken for nothing shown, which may be anonymous
            remedy = "raise CredentialRefused for a credential that proves nobody"
            raise CredentialRefused(f"{authenticator.name} made no Identity of what was shown", remedy=remedy)
        return identity

    async def _safely(self, verification: Coroutine[Any, Any, T]) -> T:
        """Within the deadline, and refused where it fails in whatever way."""
        is_overdue = False
        try:
            return await patiently(verification, self._timeouts.handshake)
        except HandshakeRefused:
            raise
        except OutOfPatience:
            is_overdue = True
        except (Exception, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and is_cancelled():
                raise
            # What a back end lets out when something else was cancelled is a fault like any other.
            logger.error("authentication failed unexpectedly: %s", where_raised(error))
        # Raised here, so that no traceback keeps what the failure quotes through __context__.
        if is_overdue:
            raise NotReady("authentication did not answer in time")
        raise CredentialRefused("authentication failed unexpectedly", remedy="see the error logged before")

    async def _enter(self, proven: Identity, address: str, endpoint: Endpoint, groups: Mapping[str, str]) -> Identity:
        """Who comes in, with the rights that the application gives."""
        self.quotas.check_identity(proven, address, endpoint)
        identity = await self._granted(proven) if self._rights.has_hooks else proven
        check_route(identity, endpoint, groups)
        # The server may have gone while the credential was being verified.
        self._readiness.require_service()
        return identity

    async def _granted(self, proven: Identity) -> Identity:
        self.quotas.begin_verifying()
        try:
            return await self._safely(self._rights.of(proven))
        finally:
            self.quotas.end_verifying()


def is_cancelled() -> bool:
    """Whether it is the running task that somebody wants to end."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def check_route(identity: Identity, endpoint: Endpoint, groups: Mapping[str, str]) -> None:
    """The permission that the URL's resource asks for (R050)."""
    if endpoint.requires is not None and not endpoint.requires.allowed(identity.permissions, groups):
        raise RouteDenied(
            f"{identity.subject} lacks {endpoint.requires.text}", about=(identity.subject, identity.issuer)
        )


def requirement_of(endpoint: Endpoint, groups: Mapping[str, str]) -> str | None:
    """The permission that `check_route` has found, which may be lost again; None: there is none."""
    template = endpoint.requires
    return None if template is None or template.is_public else template.fill(groups)
