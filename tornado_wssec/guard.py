"""One guard holds what every connection of an application shares: policies, keys, store, hub and clock."""

import logging
import os
import ssl as tls
from collections.abc import Coroutine, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self

from tornado.httputil import HTTPServerRequest
from tornado.web import Application, HTTPError

from .assembly import (
    Policies,
    checked_authenticators,
    connections_in_all,
    key_file_of,
    read_settings,
    registry_of,
    rules_of,
    settings_problems,
    split_arguments,
    store_of,
)
from .auth.base import Authenticator
from .auth.bearer import BearerToken
from .auth.ticket import Ticket
from .channels import Channels
from .clock import Clock
from .closing import Close, CloseCode
from .desk import CredentialDesk, IssuedToken
from .enforcement import Enforcer
from .errors import ConfigurationError, HandshakeRefused
from .exposure import CheckedApplications
from .handshake import Handshake
from .hub import Hub
from .keeper import KeyKeeper, KeySource
from .lifecycle import Lifecycle
from .policy.identity import Identity
from .policy.messages import Message
from .policy.registry import Registry
from .policy.revocations import Kind, Revocation, RevocationIndex, make_revocation
from .readiness import Readiness
from .reception import Reception
from .routes import KeysHandler, LiveHandler, ReadyHandler, TicketHandler
from .server import LOOPBACK, Listener, hardened, stop_signal, tls_context
from .settings import Limits, Settings, Timeouts, TokenRules
from .stores.base import Store
from .telemetry.audit import LOGGER as AUDIT_LOGGER
from .telemetry.audit import Audit
from .watcher import Watcher

logger = logging.getLogger(__name__)

STALL_SECONDS: Final = 1.0
"""A sweep this late means that the event loop stood still, not that the peers were silent."""
PRUNED_A_TICK: Final = 1_000


class Guard:
    """Everything that the secured endpoints of one application share.

    Use `Guard.from_env`; this constructor takes ready-made parts.

    Args:
        settings: where things are, and whom to trust.
        registry: the declared messages and channels; None: what stands in the modules of `settings.schemas`.
        authenticators: how one may show who one is; for endpoints that do not say it themselves.
        limits, timeouts, token_rules: see `settings`; each default stands there with its reason.
        roles: role → permissions, for tokens that carry `roles`.
        store: instead of the one that `settings.store` names.
        keys: instead of the key file that `settings.keys` names.
        clock: both clocks; a test turns them by hand.

    Raises:
        ConfigurationError: listing everything that is wrong with the settings.
    """

    def __init__(
        self,
        *,
        settings: Settings,
        registry: Registry | None = None,
        authenticators: Sequence[Authenticator] | None = None,
        limits: Limits | None = None,
        timeouts: Timeouts | None = None,
        token_rules: TokenRules | None = None,
        roles: Mapping[str, Sequence[str]] | None = None,
        store: Store | None = None,
        keys: KeySource | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.settings = settings
        self.registry = registry = registry or registry_of(settings)
        self.limits = limits or Limits()
        self.timeouts = timeouts or Timeouts()
        self.clock = clock or Clock()
        self.audit = Audit()
        self.rules = rules_of(settings, token_rules)
        ways = (BearerToken(), Ticket()) if authenticators is None else authenticators
        self._authenticators = checked_authenticators(ways)
        if problems := settings_problems(settings, self.rules, store, keys):
            raise ConfigurationError(problems)
        policies, _ = Policies.read(settings)
        self.hub = Hub(self.limits, self.timeouts, self.clock.monotonic)
        self._readiness = Readiness(self.hub, self.timeouts, connections_in_all(self.limits.connections))
        self.channels = Channels(registry)
        self._index = RevocationIndex()
        self._enforcer = Enforcer(self.hub, self._index, self.clock, self.audit)
        self.keeper = KeyKeeper(keys or key_file_of(settings), self._enforcer.distrust)
        self._desk = CredentialDesk(
            rules=self.rules,
            roles=roles or {},
            limits=self.limits,
            timeouts=self.timeouts,
            keeper=self.keeper,
            index=self._index,
            mirror=self._readiness.mirror,
            clock=self.clock,
        )
        handshake = Handshake(
            policies=policies,
            insecure=settings.insecure,
            desk=self._desk,
            hub=self.hub,
            limits=self.limits,
            timeouts=self.timeouts,
            ready=self._readiness.require,
            monotonic=self.clock.monotonic,
        )
        self.reception = Reception(
            registry=registry,
            authenticators=self._authenticators,
            limits=self.limits,
            timeouts=self.timeouts,
            clock=self.clock,
            audit=self.audit,
            hub=self.hub,
            channels=self.channels,
            handshake=handshake,
            desk=self._desk,
            enforcer=self._enforcer,
        )
        self._applications = CheckedApplications(registry)
        self._lifecycle = Lifecycle(
            make_store=lambda: store or store_of(settings, self.timeouts),
            readiness=self._readiness,
            hub=self.hub,
            index=self._index,
            keeper=self.keeper,
            enforcer=self._enforcer,
            rules=self.rules,
            clock=self.clock,
            timeouts=self.timeouts,
        )

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, **arguments: Any) -> Self:
        """Make a guard from the `WSSEC_*` variables; an argument wins over a variable.

        Args:
            environ: instead of the process's environment.
            arguments: those of `Guard` and of `Settings`; `store` may be a URL, `keys` a path.

        Raises:
            ConfigurationError: listing every setting that cannot be used.
        """
        given, parts = split_arguments(arguments)
        return cls(settings=read_settings(os.environ if environ is None else environ, given, parts), **parts)

    # --- its life ---

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self, *, following: bool = True) -> None:
        """Read the keys, open the store, and follow both.

        Args:
            following: False leaves `tick`, `keeper.look` and `watcher.catch_up` to the caller: for tests
                that turn the clock.

        Raises:
            KeyFileError, StoreMissing, StoreCorrupt: what must be mended before anybody may come in. A
                store that does not answer is waited for instead; until then handshakes get 503.
            RuntimeError: it has been started already.
        """
        if self.settings.audit:
            logger.warning("WSSEC_AUDIT is set, but this version writes the audit to the logger %s alone", AUDIT_LOGGER)
        await self._lifecycle.start(following=following)

    async def stop(self) -> None:
        """Drain: accept nobody, let handlers finish, say goodbye, and let go of the store.

        Takes at most `timeouts.drain` seconds for the handlers and `timeouts.close` for the goodbyes.
        """
        await self._lifecycle.stop()

    def install(self, app: Application) -> None:
        """Make this the guard of an application that was made without one, and add its routes."""
        app.settings["wssec"] = self
        app.add_handlers(r".*", self.routes())

    def listen(
        self, app: Application, port: int, *, address: str | None = None, ssl: tls.SSLContext | None = None
    ) -> int:
        """Serve an application through a hardened HTTPServer.

        Args:
            port: 0 takes a free one.
            address: where to bind; None: everywhere with TLS, 127.0.0.1 without.
            ssl: None: made of WSSEC_TLS_CERT and WSSEC_TLS_KEY where they are set.

        Returns:
            The port that is bound.

        Raises:
            ConfigurationError: listing everything that must not start.
        """
        self.check(app)
        if ssl is None and self.settings.tls_cert and self.settings.tls_key:
            ssl = tls_context(self.settings.tls_cert, self.settings.tls_key)
        where = address if address is not None else ("" if ssl else LOOPBACK)
        listener = Listener(hardened(app, self.limits, self.timeouts, ssl), port, where)
        self._lifecycle.serve(listener)
        return listener.port

    async def until_stopped(self) -> None:
        """Wait for SIGTERM or SIGINT, then drain."""
        name = await stop_signal()
        logger.info("%s: draining %d connections", name, len(self.hub))
        await self.stop()

    def routes(self) -> list[Any]:
        """The guard's plain routes, for an Application."""
        own = {"guard": self}
        return [
            (r"/wssec/ticket", TicketHandler, own),
            (r"/wssec/live", LiveHandler, own),
            (r"/wssec/ready", ReadyHandler, own),
            (r"/\.well-known/jwks\.json", KeysHandler, own),
        ]

    def check(self, app: Application) -> None:
        """Refuse an application that must not start.

        Raises:
            ConfigurationError: listing everything that is wrong, each with its remedy.
        """
        self._applications.check(app)

    def require_checked(self, app: Application) -> None:
        """Check an application that `listen` has not seen; until it is mended nobody comes in (503).

        Raises:
            NotReady: there are problems; they are logged once.
        """
        self._lifecycle.tell_of_bare_server()
        self._applications.require(app)

    # --- time ---

    def tick(self, now: float) -> None:
        """Look at every deadline. Runs by itself after `start`; a test calls it.

        Args:
            now: monotonic seconds.
        """
        self._lifecycle.tick(now)

    def spawn(self, hook: Coroutine[Any, Any, None]) -> None:
        """Run a hook of the application beside everything else; `stop` waits for it."""
        self._lifecycle.spawn(hook)

    # --- from any coroutine ---

    @property
    def watcher(self) -> Watcher:
        """The mirror of the store; NotReady before `start`."""
        return self._readiness.mirror()

    def is_ready(self) -> bool:
        """Whether a new connection would be let in."""
        return self._readiness.is_ready()

    def verify_token(self, token: str) -> Identity:
        """Who an access token proves, revocation included.

        Raises:
            TokenRefused: for every cause.
        """
        return self._desk.verify_token(token)

    async def publish(self, channel: str, message: type[Message], data: Mapping[str, Any]) -> None:
        """Send a declared message to everyone who listens to a channel and may receive it.

        Raises:
            ConfigurationError: the message or the channel is not declared.
            OutboundInvalid: the data does not fit the schema.
        """
        self.channels.publish(channel, message, data, self.clock.monotonic())

    async def disconnect(
        self, *, subject: str | None = None, session: str | None = None, tenant: str | None = None, reason: str = ""
    ) -> int:
        """Close the live connections of this process that match everything given (4403); return how many.

        Their credentials stay valid; `revoke` ends those.
        """
        wanted = {"subject": subject, "session_id": session, "tenant": tenant}
        named = {name: value for name, value in wanted.items() if value is not None}
        if not named:
            raise TypeError("disconnect() takes subject=, session= or tenant=")
        close = Close(CloseCode.REVOKED, reason)
        return self.hub.end_where(
            lambda live: all(getattr(live.session.identity, name) == value for name, value in named.items()),
            close,
            "disconnected by the application",
        )

    async def revoke(
        self,
        *,
        token: str | None = None,
        session: str | None = None,
        subject: str | None = None,
        tenant: str | None = None,
        key: str | None = None,
        issuer: str | None = None,
        before: float | None = None,
        reason: str = "",
        margin: float = 0.0,
    ) -> Revocation:
        """Refuse a token (by its jti, or whole), session, subject, tenant or key from now on, on every node.

        Live connections close within a second of the store's acknowledgement, those of this process
        before this returns.

        Args:
            issuer: whose token, session, subject or tenant; None: of whatever issuer, as `wssec revoke` does.
            before: for a subject or tenant: what was issued until then, in wall seconds; None: until now.
            margin: seconds during which clients are asked to re-authenticate first.

        Raises:
            StoreUnavailable, NotAcknowledged: it may not hold; try again.
        """
        named = {Kind.TOKEN: token, Kind.SESSION: session, Kind.SUBJECT: subject, Kind.TENANT: tenant, Kind.KEY: key}
        given = [(kind, value) for kind, value in named.items() if value is not None]
        if len(given) != 1:
            raise TypeError("revoke() takes one of token=, session=, subject=, tenant=, key=")
        (kind, value) = given[0]
        if kind is Kind.TOKEN:
            value = self._desk.token_id_of(value)
        revocation = make_revocation(
            kind,
            value,
            self.clock.wall(),
            rules=self.rules,
            timeouts=self.timeouts,
            issuer=issuer,
            before=before,
            margin=margin,
            reason=reason,
        )
        await self.watcher.store.append(revocation)
        await self.watcher.catch_up()
        return revocation

    def issue_token(
        self, subject: str, permissions: Sequence[str] = (), *, session: str | None = None, **options: Any
    ) -> IssuedToken:
        """Sign an access token with the current key. The result is a string, and may be awaited, too.

        Args:
            session: the session that it belongs to (`sid`); None: each connection makes one.
            options: `ttl` (seconds), `tenant`, `roles`, `claims`, `cnf`, `token_id`; see `policy.issuance`.

        Raises:
            ValueError: something cannot be in a token; says what and the remedy.
        """
        return self._desk.issue_token(subject, permissions, {"session_id": session, **options})

    async def issue_ticket(
        self,
        subject: Identity | str,
        permissions: Sequence[str] = (),
        *,
        path: str | None = None,
        origin: str | None = None,
        address: str | None = None,
        **options: Any,
    ) -> str:
        """A single-use ticket for one handshake within `timeouts.ticket` seconds.

        Args:
            subject: an identity, as `authenticate` returns it; or a subject, to be let in as by a fresh token.
            permissions, options: with a subject, those of `issue_token`.
            path, origin, address: what the handshake must come from and go to; None: any.

        Raises:
            TooManyAttempts: as many are outstanding as one identity may have.
            NotReady: the store does not answer.
            ValueError: as for `issue_token`.
        """
        if not isinstance(subject, Identity):
            subject = self.verify_token(self.issue_token(subject, permissions, **options))
        return await self._desk.issue_ticket(subject, path, origin, address)

    async def authenticate(self, request: HTTPServerRequest) -> Identity:
        """Who sends a plain HTTP request, by any authenticator but `Ticket`.

        Raises:
            tornado.web.HTTPError: nobody we know, or not now; Tornado answers with its status.
        """
        try:
            return await self.reception.identify(request)
        except HandshakeRefused as refusal:
            raise HTTPError(refusal.status) from refusal

    def refuse_cross_site(self, request: HTTPServerRequest) -> None:
        """Refuse a plain request, such as a login, that a page of another site sent; `authenticate` asks it, too.

        Raises:
            tornado.web.HTTPError: 421 for a Host, 403 for an Origin that is not ours. No Origin means no page.
        """
        try:
            self.reception.refuse_cross_site(request)
        except HandshakeRefused as refusal:
            raise HTTPError(refusal.status) from refusal

    def public_keys(self) -> Mapping[str, Any]:
        """The JWK Set of every key that verifies now (RFC 7517)."""
        return self.keeper.ring.jwks(self.clock.wall())
