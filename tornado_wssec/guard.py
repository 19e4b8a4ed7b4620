"""One guard holds what every connection of an application shares: policies, keys, store, hub and clock."""

import logging
import os
import re
from collections.abc import Coroutine, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from tornado.web import Application

from .alert_delivery import AlertHook
from .assembly import checked_authenticators, read_settings, registry_of, rules_of, split_arguments
from .auth.base import Authenticator
from .auth.bearer import BearerToken
from .auth.ticket import Ticket
from .client_modules import MODULES_PATH, ClientModuleHandler
from .clock import Clock
from .composition import Arguments, Parts, compose
from .cookies import Cookies
from .exposure import CheckedApplications
from .handover import ENGINE
from .keeper import KeySource
from .ops.observer import Observer
from .ops.routes import operations_routes
from .plain_requests import PlainRequests
from .policy.issuers import Issuer
from .policy.registry import Registry
from .presence import PresenceHook
from .rights import PermissionSource, Revalidation, SigningKeys
from .routes import CsrfHandler, KeysHandler, LiveHandler, ReadyHandler, TicketHandler
from .services import Services
from .serving import Serving
from .settings import Limits, Secret, Settings, Timeouts, TokenRules
from .startup import report_of
from .stop_signals import stop_signals
from .stores.base import Store
from .telemetry.providers import MeterProvider, TracerProvider
from .warned import tell_warn_only

logger = logging.getLogger(__name__)


class Guard(Serving, Services, PlainRequests):
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
        tracer_provider: OpenTelemetry's, for a span of each handshake and of each message; None: there are none.
        meter_provider: OpenTelemetry's, which all metrics are read by; None: they are not.
        trust_traceparent: whether a client may say which trace its handshake belongs to, and whether that is sampled;
            a trusted proxy may in any case.

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
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        trust_traceparent: bool = False,
    ) -> None:
        ways = (BearerToken(), Ticket()) if authenticators is None else authenticators
        given = Arguments(
            settings=settings,
            registry=registry or registry_of(settings),
            authenticators=checked_authenticators(ways),
            newest_wins=newest_wins,
            limits=limits or Limits(),
            timeouts=timeouts or Timeouts(),
            rules=rules_of(settings, token_rules),
            issuers=issuers,
            roles=roles or {},
            permissions=permissions,
            revalidate=revalidate,
            signing_keys=signing_keys,
            presence=presence,
            store=store,
            keys=keys,
            clock=clock or Clock(),
            framing=framing,
            alerts=alerts,
            alert_webhook=alert_webhook,
            alert_secret=alert_secret,
            alert_responses=dict(alert_responses or {}),
            audit_is_required=audit_is_required,
            tracer_provider=tracer_provider,
            meter_provider=meter_provider,
            trust_traceparent=trust_traceparent,
        )
        self._keep_arguments(given)
        self._keep_parts(compose(given))
        self.cookies = Cookies(
            authenticators=self._authenticators, reception=self.reception, desk=self._desk, revoke=self._end_session
        )
        self._observer: Observer | None = None

    def _keep_arguments(self, given: Arguments) -> None:
        self.settings = given.settings
        self.given_store = given.store
        self.registry = given.registry
        self.limits = given.limits
        self.timeouts = given.timeouts
        self.clock = given.clock
        self.rules = given.rules
        self.accepted_rules = given.accepted_rules
        self.framing = given.framing
        self.alert_responses = given.alert_responses
        self.trusts_traceparent = given.trust_traceparent
        self._authenticators = given.authenticators
        self._applications = CheckedApplications(
            given.registry, given.authenticators, given.problems_of_ways, given.limits, given.clock.wall
        )

    def _keep_parts(self, parts: Parts) -> None:
        """Name the parts that others ask a guard for, and those that it asks itself."""
        inside, door = parts.inside, parts.door
        self.audit = inside.telemetry.audit
        self.metrics = inside.telemetry.metrics
        self._evidence = inside.telemetry.evidence
        self.audit_mode = self._evidence.mode
        self._incidents = inside.telemetry.incidents
        self._instruments = inside.telemetry.instruments
        self._refusals = inside.telemetry.refusals
        self.hub = inside.crowd.hub
        self.doorstep = inside.crowd.doorstep
        self.directory = inside.crowd.directory
        self.timekeeping = inside.crowd.timekeeping
        self._readiness = inside.crowd.readiness
        self.channels = inside.speech.channels
        self.moderation = inside.speech.moderation
        self.publishing = inside.speech.publishing
        self._teller = inside.speech.teller
        self._rights = inside.authority.rights
        self._index = inside.authority.index
        self._enforcer = inside.authority.enforcer
        self.keeper = inside.credentials.keeper
        self.issuers = inside.credentials.issuers
        self._desk = inside.credentials.desk
        self._proxies = door.policies.proxies
        self.alarm = door.alarm
        self.reception = door.reception
        self.modes = parts.modes
        self._lifecycle = parts.lifecycle

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
        tell_warn_only(self.registry, self.clock.wall())
        self._evidence.start()
        self._incidents.adopt(*self._evidence.incidents)
        try:
            await self._lifecycle.start(following=following)
        except BaseException:
            self._evidence.stop(self.timeouts.close)
            raise
        if self._instruments is not None:
            self._instruments.start()
        for mode in (*report_of(self), *self.modes):
            logger.info("in force: %s: %s", *mode)

    async def stop(self) -> None:
        """Drain: accept nobody, let handlers finish, say goodbye, and let go of the store.

        Goodbyes are spread by `limits.departures_per_second`. Takes at most `timeouts.drain` seconds for all of it, and
        `timeouts.close` for clients that do not answer.
        """
        await self._lifecycle.stop()
        if self._instruments is not None:
            self._instruments.stop()
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

    async def until_stopped(self) -> None:
        """Wait for SIGTERM or SIGINT, then drain; a second one hurries that.

        One that comes once it has drained changes nothing for five seconds: time for the program to end, with its own
        status.
        """
        with stop_signals(self._lifecycle.hurry) as stopped:
            name = await stopped
            logger.info("%s: draining %d connections", name, len(self.hub))
            await self.stop()

    @property
    def refusals(self) -> Mapping[tuple[str, int], int]:
        """(stage, status) → how many requests and connections were refused since the start, exactly.

        The status is 0 where a connection was closed without an answer.
        """
        return self._refusals.counts

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

    def tick(self, now: float) -> None:
        """Look at every deadline. Runs by itself after `start`; a test calls it.

        Args:
            now: monotonic seconds.
        """
        self._lifecycle.tick(now)

    def spawn(self, hook: Coroutine[Any, Any, None]) -> None:
        """Run a hook of the application beside everything else; `stop` waits for it."""
        self._lifecycle.spawn(hook)
