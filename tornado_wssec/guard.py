"""One guard holds what every connection of an application shares: policies, keys, store, hub and clock."""

import logging
import os
import re
import ssl as tls
from collections.abc import Coroutine, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from tornado.web import Application

from .alert_delivery import AlertHook
from .alert_responses import Responder, response_problems
from .alert_webhook import ways_of, webhook_problems
from .alerts import Alarm
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
    ways_problems,
)
from .auth.base import Authenticator
from .auth.bearer import BearerToken
from .auth.ticket import Ticket
from .certificates import Certificate, expiry_of
from .channels import Channels
from .client_modules import MODULES_PATH, ClientModuleHandler
from .clock import Clock
from .cookies import Cookies
from .desk import CredentialDesk
from .directory import Directory
from .doorstep import Doorstep
from .enforcement import Enforcer
from .errors import ConfigurationError, Problem
from .evidence import Evidence
from .exposure import CheckedApplications
from .handover import ENGINE, STOCK
from .handshake import Handshake
from .hub import Hub
from .issuers import TrustedIssuers
from .keeper import KeyKeeper, KeySource
from .lifecycle import Lifecycle
from .logins import Logins
from .measuring import Measuring, feed
from .metrics_route import ensure_guarded, metrics_application
from .moderation import Moderator
from .modes import modes_in_force
from .ops.observer import Observer
from .ops.routes import operations_routes
from .policy.issuers import Issuer, issuer_problems
from .policy.registry import Registry
from .policy.revocations import RevocationIndex
from .presence import PresenceHook, PresenceTeller
from .pressure import Pressure
from .publishing import Publishing
from .quotas import Quotas
from .readiness import Readiness
from .reception import Reception
from .rights import PermissionSource, Revalidation, Rights, SigningKeys
from .routes import CsrfHandler, KeysHandler, LiveHandler, ReadyHandler, TicketHandler
from .server import LOOPBACK, Listener, hardened, stop_signal
from .services import Services
from .settings import Limits, Secret, Settings, Timeouts, TokenRules
from .stores.base import Store
from .stores.brokers import brings_publications
from .telemetry.audit import Audit
from .telemetry.incidents import Incidents
from .telemetry.measures import METRICS
from .telemetry.metrics import Metrics
from .telemetry.prometheus import ensure_installed
from .telemetry.sampling import Refusals, Sampler
from .timekeeping import Timekeeping

logger = logging.getLogger(__name__)


class Guard(Services):
    """Everything that the secured endpoints of one application share.

    Use `Guard.from_env`; this constructor takes ready-made parts.

    Args:
        settings: where things are, and whom to trust.
        registry: the declared messages and channels; None: what stands in the modules of `settings.schemas`.
        authenticators: how one may show who one is; for endpoints that do not say it themselves.
        newest_wins: whether an identity's newest connection ends its oldest where it has too many (4409); False
            refuses the newest (429). For endpoints that do not say it themselves.
        limits, timeouts, token_rules: see `settings`; each default stands there with its reason.
        issuers: whose access tokens are accepted beside our own.
        roles: role → permissions, for tokens that carry `roles`.
        permissions: a coroutine function that gives the grants of an identity, in the place of what its credential
            says; asked before 101, at a refresh, every `timeouts.revalidation`, and after `permissions_changed`.
        revalidate: a coroutine function that says whether an identity may be connected, or gives it with other
            permissions; asked when `permissions` is, and before it.
        signing_keys: a coroutine function that gives the public JWK of the key that an identity signs messages with, in
            the place of its token's `cnf.jwk`, or None for none; asked when `permissions` is, and after it.
        presence: a coroutine function that is told of each who comes to a channel with `presence = True`, or has left
            it: of the channel, the `Present`, and whether he is here. By one process alone, whichever noticed.
        store: instead of the one that `settings.store` names.
        keys: instead of the key file that `settings.keys` names.
        clock: both clocks; a test turns them by hand.
        framing: who reads and writes frames: `"engine"`, or `"stock"` for Tornado's own, which is slower, accepts
            what RFC 6455 forbids, and bounds less.
        alerts: a coroutine function that is told of each `Alert` when it begins, and once more when it is over.
        alert_webhook, alert_secret: a URL that they are posted to, and what they are signed with.
        alert_responses: the kind of an alert → `"throttle"`, `"close"` or `"ban"`: what is done about the identity that
            it is about. By default nothing.
        audit_is_required: whether newcomers get 503 while the audit cannot be written; else the lines that are lost
            are counted and told. Needs `settings.audit`.

    Raises:
        ConfigurationError: listing everything that is wrong with the settings.
    """

    def __init__(
        self,
        *,
        settings: Settings,
        registry: Registry | None = None,
        authenticators: Sequence[Authenticator] | None = None,
        newest_wins: bool = False,
        limits: Limits | None = None,
        timeouts: Timeouts | None = None,
        token_rules: TokenRules | None = None,
        issuers: Sequence[Issuer] = (),
        roles: Mapping[str, Sequence[str]] | None = None,
        permissions: PermissionSource | None = None,
        revalidate: Revalidation | None = None,
        signing_keys: SigningKeys | None = None,
        presence: PresenceHook | None = None,
        store: Store | None = None,
        keys: KeySource | None = None,
        clock: Clock | None = None,
        framing: str = ENGINE,
        alerts: AlertHook | None = None,
        alert_webhook: str | None = None,
        alert_secret: Secret | None = None,
        alert_responses: Mapping[str, str] | None = None,
        audit_is_required: bool = False,
    ) -> None:
        self.settings = settings
        self.registry = registry = registry or registry_of(settings)
        self.limits = limits or Limits()
        self.timeouts = timeouts or Timeouts()
        self.clock = clock or Clock()
        self.audit = Audit()
        self._observer: Observer | None = None
        self._incidents = Incidents(self.audit, self.clock.wall)
        self._evidence = Evidence(
            self.audit, settings.audit, is_required=audit_is_required, limits=self.limits, wall=self.clock.wall
        )
        sampler = Sampler(self.limits.refusals_logged, self.timeouts.refusal_window, self.clock.monotonic)
        self._refusals = Refusals(sampler)
        self.rules = rules_of(settings, token_rules)
        ways = (BearerToken(), Ticket()) if authenticators is None else authenticators
        self._authenticators = checked_authenticators(ways)
        problems = [*settings_problems(settings, self.rules, store, keys), *issuer_problems(self.rules, issuers)]
        if audit_is_required and settings.audit is None:
            fault = "is not set, and audit_is_required=True asks for it"
            problems.append(Problem("WSSEC_AUDIT", fault, "name the folder for the audit's files"))
        self.alert_responses = dict(alert_responses or {})
        problems += webhook_problems(alert_webhook, alert_secret)
        problems += response_problems(self.alert_responses, self.timeouts)
        if framing not in (ENGINE, STOCK):
            problems.append(Problem("framing", f"is {framing!r}", f'write "{ENGINE}" or "{STOCK}"'))
        self.framing = framing
        if problems := [*problems, *ways_problems(self._authenticators, settings, self.rules)]:
            raise ConfigurationError(problems)
        policies, _ = Policies.read(settings)
        self._trusts = policies.proxies.trusts
        self.metrics = Metrics(METRICS)
        self.hub = Hub(self.limits, self.timeouts, self.clock.monotonic)
        self.doorstep = Doorstep(self.timeouts, self.clock.monotonic)
        most = connections_in_all(self.limits.connections)
        self._readiness = Readiness(self.hub, self.doorstep, self.timeouts, most, self.clock.monotonic)
        self.channels = Channels(registry, self.clock.monotonic)
        self.directory = Directory(self.hub, self.timeouts, self.clock)
        self.timekeeping = Timekeeping(self.clock, self.timeouts)
        pressure = Pressure(self.limits.memory_bytes, self.doorstep, self.clock.monotonic)
        self._readiness.clock_fault = self.timekeeping.fault
        self._readiness.faults += [pressure.fault, self._evidence.fault]
        self._readiness.is_noticed = lambda: self.directory.membership.is_clear
        self._rights = Rights(
            permissions=permissions,
            revalidate=revalidate,
            signing_keys=signing_keys,
            roles=roles or {},
            limits=self.limits,
            timeouts=self.timeouts,
            clock=self.clock,
            hub=self.hub,
            channels=self.channels,
            audit=self.audit,
        )
        self._index = RevocationIndex()
        self._enforcer = Enforcer(self.hub, self._index, self.clock, self.audit)
        self._enforcer.reload = self._rights.reload
        self._teller = None if presence is None else PresenceTeller(presence, self.timeouts.handler)
        if self._teller is not None:
            self.channels.tell_moved = self._teller.tell
        self.moderation = self._enforcer.moderator = Moderator(self.channels, self.limits, self.clock, self.audit)
        self.moderation.store = lambda: self.watcher.store
        self.publishing = Publishing(registry, self.channels, self.moderation, self.limits, self.clock.monotonic)
        self.keeper = KeyKeeper(keys or key_file_of(settings), self._enforcer.distrust)
        self._incidents.adopt(self.keeper.incident, self.timekeeping.incident, *pressure.incidents)
        self.issuers = TrustedIssuers(
            issuers,
            own=self.rules.issuer,
            roles=roles or {},
            limits=self.limits,
            timeouts=self.timeouts,
            clock=self.clock,
            withdrawn=self._enforcer.enforce,
        )
        self._enforcer.trusts = self.issuers.trusts
        self.accepted_rules = (self.rules, *(issuer.rules for issuer in issuers))
        self._desk = CredentialDesk(
            rules=self.rules,
            issuers=self.issuers,
            roles=roles or {},
            limits=self.limits,
            timeouts=self.timeouts,
            keeper=self.keeper,
            index=self._index,
            mirror=self._readiness.mirror,
            clock=self.clock,
            logins=Logins(
                secret=settings.cookie_secret, rules=self.rules, mirror=self._readiness.mirror, clock=self.clock
            ),
        )
        quotas = Quotas(
            self.limits, self.timeouts, hub=self.hub, doorstep=self.doorstep, clock=self.clock, audit=self.audit
        )
        self.alarm = Alarm(
            limits=self.limits,
            timeouts=self.timeouts,
            clock=self.clock,
            hub=self.hub,
            audit=self.audit,
            metrics=self.metrics,
            responder=Responder(self.alert_responses, hub=self.hub, quotas=quotas, audit=self.audit, clock=self.clock),
            ways=ways_of(
                alerts, alert_webhook, alert_secret, limits=self.limits, timeouts=self.timeouts, wall=self.clock.wall
            ),
        )
        handshake = Handshake(
            policies=policies,
            insecure=settings.insecure,
            desk=self._desk,
            quotas=quotas,
            readiness=self._readiness,
            rights=self._rights,
            directory=self.directory,
            limits=self.limits,
            timeouts=self.timeouts,
        )
        self.reception = Reception(
            registry=registry,
            authenticators=self._authenticators,
            newest_wins=newest_wins,
            limits=self.limits,
            timeouts=self.timeouts,
            clock=self.clock,
            audit=self.audit,
            hub=self.hub,
            doorstep=self.doorstep,
            channels=self.channels,
            handshake=handshake,
            desk=self._desk,
            directory=self.directory,
            enforcer=self._enforcer,
            rights=self._rights,
            refusals=self._refusals,
            measuring=Measuring(self.metrics, policies.origins),
            alarm=self.alarm,
        )
        self.cookies = Cookies(
            authenticators=self._authenticators,
            reception=self.reception,
            desk=self._desk,
            revoke=self._end_session,
        )
        self._applications = CheckedApplications(
            registry, self._authenticators, lambda ways: ways_problems(ways, settings, self.rules), self.limits
        )
        self.modes = tuple(
            modes_in_force(
                self.limits,
                self.timeouts,
                has_issuers=bool(issuers),
                has_hooks=self._rights.has_hooks,
                has_nodes=brings_publications(store, settings.store),
                audit=self._evidence.mode,
            )
        )
        self._lifecycle = Lifecycle(
            make_store=lambda: store or store_of(settings, self.timeouts),
            readiness=self._readiness,
            hub=self.hub,
            doorstep=self.doorstep,
            index=self._index,
            directory=self.directory,
            channels=self.channels,
            keeper=self.keeper,
            issuers=self.issuers,
            enforcer=self._enforcer,
            rules=self.accepted_rules,
            clock=self.clock,
            timeouts=self.timeouts,
            timekeeping=self.timekeeping,
            pressure=pressure,
            modes=self.modes,
            audit=self.audit,
            incidents=self._incidents,
            sampler=sampler,
            alarm=self.alarm,
        )
        feed(
            self.metrics,
            hub=self.hub,
            doorstep=self.doorstep,
            readiness=self._readiness,
            refusals=self._refusals,
            channels=self.channels,
            index=self._index,
            keeper=self.keeper,
            nodes=lambda: self.directory.membership.nodes,
            loop_lag=lambda: self._lifecycle.loop_lag,
            audit_dropped=lambda: self._evidence.dropped,
            faults=lambda: self._incidents.lasting,
            tickets=lambda: self._desk.tickets,
            tokens_ahead=self._desk.tokens_ahead,
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
        self._evidence.start()
        self._incidents.adopt(*self._evidence.incidents)
        try:
            await self._lifecycle.start(following=following)
        except BaseException:
            self._evidence.stop(self.timeouts.close)
            raise

    async def stop(self) -> None:
        """Drain: accept nobody, let handlers finish, say goodbye, and let go of the store.

        Takes at most `timeouts.drain` seconds for the handlers and `timeouts.close` for the goodbyes.
        """
        await self._lifecycle.stop()
        if self._teller is not None:
            await self._teller.stop()
        await self._rights.stop()
        self._evidence.stop(self.timeouts.close)

    def install(self, app: Application, *, prefix: str = "", ops: bool = False) -> None:
        """Make this the guard of an application that was made without one, and add its routes.

        Args:
            prefix, ops: see `routes`.
        """
        app.settings["wssec"] = self
        app.add_handlers(r".*", self.routes(prefix=prefix, ops=ops))

    def listen(
        self,
        app: Application,
        port: int,
        *,
        address: str | None = None,
        ssl: tls.SSLContext | None = None,
        processes: int = 1,
    ) -> int:
        """Serve an application through a hardened HTTPServer.

        Args:
            port: 0 takes a free one.
            address: where to bind; None: everywhere with TLS, 127.0.0.1 without.
            ssl: None: made of WSSEC_TLS_CERT and WSSEC_TLS_KEY where they are set, and made anew when these files
                change.
            processes: in all, of which each runs the whole program and has its own limits; see `process_number`. One
                port a program, on Linux, with a store that processes can share.

        Returns:
            The port that is bound.

        Raises:
            ConfigurationError: listing everything that must not start.
        """
        self.check(app)
        certificate = None
        if ssl is None and self.settings.tls_cert and self.settings.tls_key:
            certificate = Certificate(self.settings.tls_cert, self.settings.tls_key)
            ssl = certificate.context
        where = address if address is not None else ("" if ssl else LOOPBACK)
        server = hardened(app, self.limits, self.timeouts, ssl, refusals=self._refusals, trusts=self._trusts)
        shared = None if processes == 1 else self._lifecycle.share(processes, port, where)
        bound = shared.port if shared else port
        listener = Listener(server, bound, where, certificate, is_shared=shared is not None)
        self._lifecycle.serve(listener, shared)
        return listener.port

    def listen_metrics(self, port: int, *, address: str = LOOPBACK, token: Secret | None = None) -> int:
        """Serve `/metrics` for Prometheus on a port of its own. Needs the extra `metrics`.

        Args:
            port: of the first process; where `listen` made several, each has the next one, after `listen`. 0 takes a
                free one.
            address: where to bind; beyond loopback only with a token.
            token: what Prometheus has to show as its bearer token.

        Returns:
            The port that is bound.

        Raises:
            ConfigurationError: the extra is not installed, or everybody could read.
        """
        ensure_installed()
        ensure_guarded(address, token)
        app = metrics_application(self, token)
        server = hardened(app, self.limits, self.timeouts, None, refusals=self._refusals, trusts=self._trusts)
        listener = Listener(server, port and port + self.process_number, address)
        self._lifecycle.serve(listener)
        return listener.port

    async def until_stopped(self) -> None:
        """Wait for SIGTERM or SIGINT, then drain."""
        name = await stop_signal()
        logger.info("%s: draining %d connections", name, len(self.hub))
        await self.stop()

    @property
    def process_number(self) -> int:
        """Which of the processes this is that `listen` made, from 0 on; before it, and where there is one, 0.

        What only one may do, such as opening another port, is for number 0.
        """
        return self._lifecycle.process_number

    @property
    def refusals(self) -> Mapping[tuple[str, int], int]:
        """(stage, status) → how many requests and connections were refused since the start, exactly.

        The status is 0 where a connection was closed without an answer.
        """
        return self._refusals.counts

    @property
    def certificate_expires_at(self) -> float | None:
        """When the certificate of WSSEC_TLS_CERT ends, in wall seconds; None without one. Reads the file.

        Raises:
            OSError, ValueError: it cannot be read.
        """
        return expiry_of(self.settings.tls_cert) if self.settings.tls_cert else None

    def routes(self, *, prefix: str = "", ops: bool = False, client: bool = False) -> list[Any]:
        """The guard's plain routes, for an Application.

        Args:
            prefix: a path below which they stand, such as the base URL of a host.
            ops: whether there is the operations page, at `/wssec/ops`, for whoever has `wssec:ops:read`.
            client: whether the browser's modules are served; `tornado_wssec.client.module_url` says where.
        """
        prefix = prefix.rstrip("/")
        own, below = {"guard": self}, re.escape(prefix)
        csrf = [(below + r"/wssec/csrf", CsrfHandler, own)] if self.cookies.way else []
        return [
            (below + r"/wssec/ticket", TicketHandler, own),
            *csrf,
            (below + r"/wssec/live", LiveHandler, own),
            (below + r"/wssec/ready", ReadyHandler, own),
            (below + r"/\.well-known/jwks\.json", KeysHandler, own),
            *(operations_routes(self, self._observed(), self._authenticators, prefix, below) if ops else []),
            *([(below + MODULES_PATH, ClientModuleHandler, own)] if client else []),
        ]

    def _observed(self) -> Observer:
        """What is kept for the operations page, from when it is first asked for."""
        if self._observer is None:
            observer = self._observer = Observer(self, index=self._index, readiness=self._readiness)
            self.audit.watcher, self.reception.saw_refusal = observer, observer.saw_refusal
            self._lifecycle.watchers.append(observer.look)
        return self._observer

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
