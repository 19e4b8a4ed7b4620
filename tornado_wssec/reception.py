"""Where a handler class meets its guard: a handshake is admitted, a connection joins, is renewed, and leaves."""

import logging
import random
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from tornado.httputil import HTTPServerRequest
from tornado.web import RequestHandler

from .alerts import Alarm
from .auth.base import SUBPROTOCOL, Authenticator
from .auth.first_message import FirstMessage
from .auth.ticket import Ticket
from .channels import Channels
from .clock import Clock
from .closing import Close, CloseCode
from .conversation import Conversation
from .desk import CredentialDesk
from .directory import Directory
from .doorstep import Doorstep, Visitor, Welcome
from .eager import Starter
from .endpoint import Endpoint
from .enforcement import Enforcer
from .errors import CredentialRefused, Disconnect, FrameError, HandshakeRefused, NotReady, TokenRefused, Unavailable
from .handshake import Admitted, Handshake, Unidentified
from .hub import Hub, Live
from .measuring import Measuring
from .policy.identity import Identity
from .policy.lifetime import Lifetime
from .policy.registry import Registry
from .policy.session import Session
from .request_view import Headers
from .rights import Rights
from .settings import Limits, Timeouts
from .telemetry import measures
from .telemetry.audit import Audit
from .telemetry.redact import printable, where_raised
from .telemetry.sampling import Refusals
from .warned import Warned
from .wire.connection import Connection
from .wire.gathering import Gatherings

if TYPE_CHECKING:
    from .telemetry.otel import Tracing

logger = logging.getLogger(__name__)

READY: Final = "wssec.ready"
NONCE_BYTES = 16
ONLY_FOR_SOCKETS: Final = (Ticket, FirstMessage)


class Reception:
    """Turns admitted handshakes into live conversations, for one guard."""

    saw_refusal: Callable[[str, str | None], None]
    """Told of each refusal, by address and Origin; whoever shows them to operators sets it."""

    def __init__(
        self,
        *,
        registry: Registry,
        authenticators: Sequence[Authenticator],
        newest_wins: bool,
        limits: Limits,
        timeouts: Timeouts,
        clock: Clock,
        audit: Audit,
        hub: Hub,
        doorstep: Doorstep,
        channels: Channels,
        handshake: Handshake,
        desk: CredentialDesk,
        directory: Directory,
        enforcer: Enforcer,
        rights: Rights,
        refusals: Refusals,
        measuring: Measuring,
        alarm: Alarm,
        tracing: "Tracing | None",
        trust_traceparent: bool,
    ) -> None:
        self._registry = registry
        self._authenticators = tuple(authenticators)
        self._newest_wins = newest_wins
        self._limits = limits
        self._timeouts = timeouts
        self._clock = clock
        self._audit = audit
        self._starter = Starter()
        self.gatherings = Gatherings()
        self._hub = hub
        self._doorstep = doorstep
        self._channels = channels
        self._handshake = handshake
        self._desk = desk
        self._directory = directory
        self._enforcer = enforcer
        self._rights = rights
        self._refusals = refusals
        self._measuring = measuring
        self.warned = Warned(audit, measuring.metrics, refusals.sampler, clock)
        self._alarm = alarm
        self._tracing = tracing
        self._trust_traceparent = trust_traceparent
        self._endpoints: dict[type, Endpoint] = {}
        self.saw_refusal = lambda address, origin: None

    def endpoint_of(self, handler: type) -> Endpoint:
        """A handler class, compiled once.

        Raises:
            NotReady: it was added after the check, and would not have passed it.
        """
        endpoint = self._endpoints.get(handler)
        if endpoint is None:
            try:
                endpoint = Endpoint.of(
                    handler,
                    self._registry,
                    self._authenticators,
                    self._limits,
                    newest_wins=self._newest_wins,
                    leniency=self.warned.leniency_of(self._registry),
                )
            except (FrameError, ValueError) as error:
                logger.error("%s cannot be served: %s; see `wssec check`", handler.__name__, error)
                raise NotReady(f"{handler.__name__} was added after the application had been checked") from error
            self._endpoints[handler] = endpoint
        return endpoint

    async def admit(
        self, request: HTTPServerRequest, endpoint: Endpoint, groups: Mapping[str, str]
    ) -> Admitted | Unidentified:
        """Decide over a handshake, and record the attempt.

        Raises:
            HandshakeRefused: with the status to answer.
        """
        if self._tracing is None:
            return await self._admit(request, endpoint, groups)
        is_heard = self._trust_traceparent or self._handshake.is_from_proxy(request)
        origin = self._measuring.origin_label(request.headers.get("Origin"))
        with self._tracing.handshake(request, endpoint.name, origin, Headers(request.headers) if is_heard else None):
            return await self._admit(request, endpoint, groups)

    async def _admit(
        self, request: HTTPServerRequest, endpoint: Endpoint, groups: Mapping[str, str]
    ) -> Admitted | Unidentified:
        try:
            return await self._handshake.admit(request, endpoint, groups)
        except HandshakeRefused as refusal:
            self.record_refusal(refusal, request, endpoint.name)
            raise

    async def identify(self, request: HTTPServerRequest, ways: Sequence[Authenticator] | None = None) -> Identity:
        """Who sends a plain HTTP request that is not cross-site.

        Args:
            ways: how it may be shown; None: by any authenticator of the guard that is not for sockets alone.

        Raises:
            HandshakeRefused: with the status to answer.
        """
        if ways is None:
            ways = [one for one in self._authenticators if not isinstance(one, ONLY_FOR_SOCKETS)]
        self.refuse_cross_site(request)
        try:
            return await self._handshake.authenticate(request, ways)
        except HandshakeRefused as refusal:
            self.record_refusal(refusal, request, printable(request.path))
            raise

    def refuse_cross_site(self, request: HTTPServerRequest) -> None:
        """Refuse a plain request for another host, or from another site's page.

        Raises:
            HandshakeRefused: with the status to answer.
        """
        try:
            self._handshake.refuse_cross_site(request)
        except HandshakeRefused as refusal:
            self.record_refusal(refusal, request, printable(request.path))
            raise

    def insist_on_https(self, handler: RequestHandler) -> None:
        """Tell a browser that came by https to come by nothing else from now on (RFC 6797 §7.2: not over http)."""
        seconds = int(self._timeouts.hsts)
        if seconds and self._handshake.client_of(handler.request).is_https:
            handler.set_header("Strict-Transport-Security", f"max-age={seconds}")

    def record_refusal(
        self, refusal: HandshakeRefused, request: HTTPServerRequest, where: str, told: int | None = None
    ) -> None:
        """Count a refusal once, and say in the log and the audit why it was, unless there are too many of its kind.

        The peer is told only its status.

        Args:
            told: what it was told instead, after 101: a close code, or 0 when it had left by itself.
        """
        if refusal.is_recorded:
            return
        refusal.is_recorded = True
        answer = refusal.status if told is None else told
        self._measuring.saw_refusal(request.headers.get("Origin"))
        address = self._handshake.client_of(request).address
        self._alarm.refused(refusal, address)
        self.saw_refusal(address, request.headers.get("Origin"))
        if not self._refusals.count(refusal.stage, answer):
            return
        told_evidence = self._audit.told(refusal.evidence, refusal.about)
        evidence = printable(told_evidence)  # an authenticator of the application's may quote what it was shown
        remedy = f"; {refusal.remedy}" if refusal.remedy else ""
        logger.warning("%s refused with %d at %s: %s%s", where, answer, refusal.stage, evidence, remedy)
        self._audit.record(
            "handshake.refused",
            self._clock.wall(),
            endpoint=where,
            status=refusal.status if told is None else None,
            close=told,
            stage=refusal.stage,
            evidence=told_evidence,
            address=address,
            origin=request.headers.get("Origin"),
        )

    def expect(
        self,
        waiting: Unidentified,
        connection: Connection,
        request: HTTPServerRequest,
        endpoint: Endpoint,
        begin: Callable[[Admitted, Connection], Awaitable[None]],
    ) -> Visitor:
        """Wait on an open socket for the message that says whose it is.

        Args:
            waiting: what its handshake has shown.
            request: the handshake, for the log and the audit.
            begin: makes a connection of it.
        """

        async def hear(frame: str | bytes) -> Welcome:
            admitted = await self._handshake.hear(waiting, frame, endpoint)
            connection.set_message_cap(endpoint.limits.message_bytes)
            return lambda: begin(admitted, connection)

        def refused(refusal: HandshakeRefused, close: Close | None) -> None:
            if isinstance(refusal, CredentialRefused) and close is not None:
                self._handshake.quotas.charge_failure(waiting.view.address)
            self.record_refusal(refusal, request, endpoint.name, int(close.code) if close else 0)

        return Visitor(
            connection,
            address=waiting.view.address,
            limits=endpoint.limits,
            hear=hear,
            refused=refused,
            doorstep=self._doorstep,
        )

    def join(self, admitted: Admitted, connection: Connection, handler: object, endpoint: Endpoint) -> Conversation:
        """Count a connection in, look at the revocations once more, and greet its client."""
        live = self._new_live(admitted, connection, endpoint)
        talk = self._converse(handler)(
            live,
            endpoint=endpoint,
            handler=handler,
            speaks_v1=admitted.subprotocol == SUBPROTOCOL,
            hub=self._hub,
            clock=self._clock,
            timeouts=self._timeouts,
            audit=self._audit,
            starter=self._starter,
            measuring=self._measuring,
        )
        connection.watch(talk.saw_frame, talk.receive_control, talk.saw_violation, talk.receive, talk.receive_all)
        self._hub.add(live)
        self._directory.occupy(live.place)
        self._measuring.saw_handshake(endpoint.name, admitted.view.origin)
        self._alarm.opened(live)
        self._record("session.opened", live, address=live.address, origin=admitted.view.origin, endpoint=endpoint.name)
        if not self._enforcer.close_if_revoked(live):
            if self._rights.has_hooks:
                self._rights.begin(live, _of_session(admitted.proven, live), admitted.announced)
            if endpoint.newest_wins:
                self._hub.end_oldest(live.session.identity, endpoint.limits.connections_per_subject)
            self._greet(talk, admitted)
        return talk

    def _converse(self, handler: object) -> Callable[..., Conversation]:
        """What makes a conversation, with spans where they are asked for."""
        tracing = self._tracing
        if tracing is None:
            return Conversation
        from .traced import TracedConversation

        def traced(live: Live, **named: Any) -> Conversation:
            talk = TracedConversation(live, **named)
            talk.trace(tracing, getattr(handler, "request", None))
            return talk

        return traced

    def _greet(self, talk: Conversation, admitted: Admitted) -> None:
        """`wssec.ready` to whoever speaks `wssec.v1` or has authenticated by a message, then the reply to that.

        Raises nothing: whoever has been counted in must get to be counted out.
        """
        try:
            facts = self._ready_facts(talk.live)
            if admitted.first is None:
                talk.tell(READY, facts)
                return
            talk.say_own(READY, facts)
            if admitted.first.id is not None:
                talk.say_reply(admitted.first.id, {})
        except Exception as error:  # an authenticator's identity holds what JSON does not
            logger.error("a connection cannot be greeted: %s", where_raised(error))
            self._hub.end(talk.live, Close(CloseCode.INTERNAL_ERROR), "it cannot be greeted")

    def leave(self, talk: Conversation, code: int | None, reason: str | None) -> Close | None:
        """Count a connection out; return what ended it, None when the peer left without a word."""
        live = talk.live
        talk.stop()
        self._rights.leave(live)
        self._channels.leave_all(live)
        self._hub.remove(live)
        self._directory.release(live.place)
        close = live.session.close or _peers_close(code, reason)
        live.session.close = close or Close(CloseCode.NORMAL)
        self._measuring.saw_traffic(live.connection)
        seconds = self._clock.monotonic() - live.lifetime.began_at
        told = None if close is None else int(close.code)
        self._measuring.saw_close(told, seconds)
        self._alarm.closed(live, told)
        self._record("session.closed", live, code=close and int(close.code), evidence=live.evidence)
        return close

    async def refresh(self, live: Live, token: str) -> float | None:
        """Let a fresh token of the same issuer and subject take over; rights shrink at once. Returns its seconds.

        Raises:
            Disconnect: 4401, the token is refused, somebody else's, or has been replaced; 4403, the application
                says no. Without what the route requires the connection is ended with 4403, too.
            Unavailable: what is revoked, its issuer's keys or its rights cannot be known, or the clock was set back;
                the connection stays until its own token ends.
        """
        session, announced = live.session, self._rights.announced
        try:
            await self._handshake.require_judgement()
            fresh = await self._desk.identify_token(token)
        except TokenRefused as refusal:
            raise Disconnect(Close(CloseCode.UNAUTHENTICATED), refusal.evidence) from refusal
        except NotReady as refusal:
            raise Unavailable(refusal.evidence) from refusal
        session.ensure_open()
        session.ensure_takes(fresh, self._clock.wall())
        try:
            granted = await self._rights.of(fresh)
        except CredentialRefused as refusal:
            raise Disconnect(Close(CloseCode.REVOKED), refusal.evidence) from refusal
        except NotReady as refusal:
            raise Unavailable(refusal.evidence) from refusal
        session.ensure_open()
        session.take_over(_of_session(granted, live))
        self._enforcer.close_if_revoked(live)  # while the application was asked
        self._rights.begin(live, _of_session(fresh, live), announced)
        session.authenticated_at = self._authenticated_at(fresh)
        live.lifetime.renew(self._clock.monotonic(), self._seconds_left(fresh))
        self._hub.end_unless_permitted(live)
        self._channels.recheck(live)
        self._directory.update(live.place, fresh.expires_at)
        self._measuring.metrics.count(measures.REFRESHES)
        self._record("session.refreshed", live, token=fresh.token_id)
        return live.lifetime.expires_in(self._clock.monotonic())

    def _new_live(self, admitted: Admitted, connection: Connection, endpoint: Endpoint) -> Live:
        now = self._clock.monotonic()
        session_id = admitted.identity.session_id or admitted.place.entry.session
        # Nobody in particular begins now: who once revoked a subject of that name has not meant everybody to come.
        began_at = self._clock.wall() if admitted.identity.anonymous else admitted.identity.issued_at
        identity = replace(admitted.identity, session_id=session_id, issued_at=began_at)
        jitter = random.uniform(-1, 1)  # noqa: S311 - spreads reconnects; nobody gains by guessing it
        session = Session(session_id, identity, endpoint.limits, self._hub.account(identity), now)
        session.authenticated_at = self._authenticated_at(identity)
        return Live(
            session=session,
            connection=connection,
            lifetime=Lifetime(self._timeouts, now, expires_in=self._seconds_left(identity), jitter=jitter),
            address=admitted.view.address,
            nonce=secrets.token_urlsafe(NONCE_BYTES),
            limits=endpoint.limits,
            place=admitted.place,
            requires=admitted.requires,
        )

    def give_up(self, admitted: Admitted | Unidentified | None) -> None:
        """Nobody is there any more for whom a place was taken."""
        if isinstance(admitted, Admitted):
            self._directory.release(admitted.place)

    def _ready_facts(self, live: Live) -> Mapping[str, Any]:
        expires_in = live.lifetime.expires_in(self._clock.monotonic())
        return {
            "session": live.session.id,
            "expires_in": None if expires_in is None else round(expires_in, 3),
            "nonce": live.nonce,
            "heartbeat": self._timeouts.ping_interval,
        }

    def _seconds_left(self, identity: Identity) -> float | None:
        return None if identity.expires_at is None else identity.expires_at - self._clock.wall()

    def _authenticated_at(self, identity: Identity) -> float:
        """When this person last proved who it is, in monotonic seconds: a clock that is set makes nobody recent."""
        return self._clock.monotonic() - (self._clock.wall() - identity.authenticated_at)

    def _record(self, event: str, live: Live, **facts: object) -> None:
        identity = live.session.identity
        self._audit.record(
            event,
            self._clock.wall(),
            session=live.session.id,
            subject=identity.subject,
            issuer=identity.issuer,
            tenant=identity.tenant,
            **facts,
        )


def _of_session(identity: Identity, live: Live) -> Identity:
    """Under the name of the session, which no credential changes."""
    return replace(identity, session_id=live.session.id)


def _peers_close(code: int | None, reason: str | None) -> Close | None:
    try:
        return None if code is None else Close(code, reason or "")
    except ValueError:
        return None
