"""What a guard is given, and what is wrong with it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..alert_delivery import AlertHook
from ..alert_responses import response_problems
from ..alert_webhook import webhook_problems
from ..assembly import settings_problems, ways_problems
from ..auth.base import Authenticator
from ..clock import Clock
from ..errors import ConfigurationError, Problem
from ..handover import ENGINE, STOCK
from ..keeper import KeySource
from ..policy.issuers import Issuer, issuer_problems
from ..policy.registry import Registry
from ..presence import PresenceHook
from ..rights import PermissionSource, Revalidation, SigningKeys
from ..settings import Limits, Secret, Settings, Timeouts, TokenRules
from ..stores.base import Store
from ..telemetry.providers import MeterProvider, TracerProvider


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)  # a webhook's URL may hold a secret
class Arguments:
    """The arguments of a `Guard`, where they are explained, with each default in its place.

    Args:
        rules: `token_rules`, with issuer and audience of the settings where these are open.

    Raises:
        ConfigurationError: listing everything that is wrong with them.
    """

    settings: Settings
    registry: Registry
    authenticators: Sequence[Authenticator]
    newest_wins: bool
    limits: Limits
    timeouts: Timeouts
    rules: TokenRules
    issuers: Sequence[Issuer]
    roles: Mapping[str, Sequence[str]]
    permissions: PermissionSource | None
    revalidate: Revalidation | None
    signing_keys: SigningKeys | None
    presence: PresenceHook | None
    store: Store | None
    keys: KeySource | None
    clock: Clock
    framing: str
    alerts: AlertHook | None
    alert_webhook: str | None
    alert_secret: Secret | None
    alert_responses: Mapping[str, str]
    audit_is_required: bool
    tracer_provider: TracerProvider | None
    meter_provider: MeterProvider | None
    trust_traceparent: bool

    def __post_init__(self) -> None:
        if problems := [*self._problems()]:
            raise ConfigurationError(problems)

    @property
    def accepted_rules(self) -> tuple[TokenRules, ...]:
        """What tokens may look like, of our own and of each issuer."""
        return (self.rules, *(issuer.rules for issuer in self.issuers))

    def problems_of_ways(self, ways: Sequence[Authenticator]) -> Iterator[Problem]:
        """What keeps a server from starting with these ways to show who one is."""
        return ways_problems(ways, self.settings, self.rules)

    def _problems(self) -> Iterator[Problem]:
        yield from settings_problems(self.settings, self.rules, self.store, self.keys)
        yield from issuer_problems(self.rules, self.issuers)
        if self.audit_is_required and self.settings.audit is None:
            fault = "is not set, and audit_is_required=True asks for it"
            yield Problem("WSSEC_AUDIT", fault, "name the folder for the audit's files")
        yield from webhook_problems(self.alert_webhook, self.alert_secret)
        yield from response_problems(self.alert_responses, self.timeouts)
        if self.framing not in (ENGINE, STOCK):
            yield Problem("framing", f"is {self.framing!r}", f'write "{ENGINE}" or "{STOCK}"')
        yield from self.problems_of_ways(self.authenticators)
        for name, provider, method in self._providers():
            if provider is not None and not callable(getattr(provider, method, None)):
                fault = f"is {type(provider).__name__}, which has no {method}()"
                yield Problem(name, fault, "pass a provider of OpenTelemetry, or leave it out")

    def _providers(self) -> Iterator[tuple[str, object, str]]:
        yield "tracer_provider", self.tracer_provider, "get_tracer"
        yield "meter_provider", self.meter_provider, "get_meter"
