"""From settings to the parts that a guard is made of; what is missing or wrong is reported together."""

import resource
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final, Self, TypeVar

from .auth.base import Authenticator, is_authenticator
from .auth.cookie import CookieAuthenticator
from .auth.first_message import FirstMessage
from .auth.proxy_header import ProxyHeader
from .errors import ConfigurationError, Problem
from .keeper import KeySource
from .policy.hosts import HostPolicy
from .policy.issuers import issuer_problems
from .policy.origins import OriginPolicy
from .policy.proxies import ProxyPolicy
from .policy.registry import Registry
from .settings import Secret, Settings, Timeouts, TokenRules
from .stores.base import Store
from .stores.keyfile import KeyFile
from .stores.url import open_store

CONNECTIONS_MOST: Final = 10_000
DESCRIPTORS_SHARE: Final = 0.8
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Policies:
    """Whom the door answers, and whose word it takes.

    Args:
        origins: pages that may connect.
        hosts: names this server answers for.
        proxies: whose forwarding headers count.
        answers_loopback: whether a listener on loopback also answers for its own names.
    """

    origins: OriginPolicy
    hosts: HostPolicy
    proxies: ProxyPolicy
    answers_loopback: bool

    @classmethod
    def read(cls, settings: Settings) -> tuple[Self, list[Problem]]:
        """Build them as far as they can be, and list every bad origin, host and network."""
        problems: list[Problem] = []

        def build(make: Callable[[Iterable[str]], T], entries: Iterable[str]) -> T:
            try:
                return make(entries)
            except ConfigurationError as error:
                problems.extend(error.problems)
                return make(())

        origins = build(OriginPolicy, settings.origins)
        hosts = build(HostPolicy, settings.hosts or origins.hosts)
        proxies = build(ProxyPolicy, settings.trusted_proxies)
        return cls(origins, hosts, proxies, answers_loopback=not settings.hosts), problems


def split_arguments(arguments: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Tell settings from ready-made parts of the same name: `store` may be a URL or a store, `keys` a path or keys."""
    names = {item.name for item in fields(Settings)}
    settings = {name: value for name, value in arguments.items() if name in names and _is_plain(value)}
    parts = {name: value for name, value in arguments.items() if name not in settings}
    return {name: tuple(value) if isinstance(value, list) else value for name, value in settings.items()}, parts


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, (str, bool, list, tuple, Secret))


def settings_problems(
    settings: Settings, rules: TokenRules, store: Store | None, keys: KeySource | None
) -> list[Problem]:
    """What a server cannot do without and no ready-made part replaces, and every bad entry of the lists."""
    given = {"store": store, "keys": keys, "issuer": rules.issuer, "audience": rules.audience}
    missing = settings.missing(*(name for name, value in given.items() if value is None))
    return [*missing, *Policies.read(settings)[1]]


def read_settings(environ: Mapping[str, str], given: Mapping[str, Any], parts: Mapping[str, Any]) -> Settings:
    """The settings of a server, from its environment and its arguments.

    Raises:
        ConfigurationError: listing everything that is wrong with them, the missing ones too.
    """
    settings, problems = Settings.read(environ, **given)
    rules = rules_of(settings, parts.get("token_rules"))
    told = {problem.where for problem in problems}
    more = settings_problems(settings, rules, parts.get("store"), parts.get("keys"))
    more += issuer_problems(rules, parts.get("issuers", ()))
    problems += [problem for problem in more if problem.where not in told]
    if problems:
        raise ConfigurationError(problems)
    return settings


def checked_authenticators(authenticators: Sequence[Authenticator]) -> tuple[Authenticator, ...]:
    """The authenticators, each an object that can be asked.

    Raises:
        TypeError: one is a class, or something else.
    """
    for one in authenticators:
        if not is_authenticator(one):
            raise TypeError(f"{one!r} is no authenticator; write authenticators=[BearerToken(), Ticket()]")
    return tuple(authenticators)


def ways_problems(authenticators: Sequence[Authenticator], settings: Settings, rules: TokenRules) -> Iterator[Problem]:
    """What keeps a server from starting with these ways to show who one is."""
    yield from twin_problems(authenticators)
    yield from cookie_problems(authenticators, settings, rules)
    yield from proxy_problems(authenticators, settings)


def twin_problems(authenticators: Sequence[Authenticator]) -> Iterator[Problem]:
    """Two of one kind would each find the same credential, and two credentials are refused."""
    kinds = [type(one) for one in authenticators]
    for kind in dict.fromkeys(kinds):
        if kinds.count(kind) > 1 and not issubclass(kind, (CookieAuthenticator, FirstMessage)):
            fault = f"holds {kind.__name__} {kinds.count(kind)} times, and each finds what the other finds"
            yield Problem("authenticators", fault, "keep one, with the options of both")


def cookie_problems(
    authenticators: Sequence[Authenticator], settings: Settings, rules: TokenRules
) -> Iterator[Problem]:
    """What keeps a server from starting with the cookies among these authenticators."""
    cookies = [one for one in authenticators if isinstance(one, CookieAuthenticator)]
    if len(cookies) > 1:
        named = " and ".join(f"{type(one).__name__}({one.cookie_name!r})" for one in cookies)
        yield Problem("authenticators", f"{named} are both cookies, and a browser sends both", "keep one of them")
    for one in cookies:
        yield from one.problems(settings.cookie_secret, rules.max_lifetime)


def proxy_problems(authenticators: Sequence[Authenticator], settings: Settings) -> Iterator[Problem]:
    """What keeps a server from starting that believes a proxy's headers, and has no proxy."""
    if any(isinstance(one, ProxyHeader) for one in authenticators) and not settings.trusted_proxies:
        fault = "no proxy is trusted, so that the header of ProxyHeader() counts from nobody"
        yield Problem(
            "WSSEC_TRUSTED_PROXIES", fault, "name the network of the proxy that sets it, or drop ProxyHeader()"
        )


def rules_of(settings: Settings, rules: TokenRules | None) -> TokenRules:
    """The token rules, with issuer and audience of the settings where they leave these open."""
    rules = rules or TokenRules()
    return replace(rules, issuer=rules.issuer or settings.issuer, audience=rules.audience or settings.audience)


def registry_of(settings: Settings) -> Registry:
    """What the modules of WSSEC_SCHEMAS declare.

    Raises:
        ConfigurationError: none are named, or a declaration is wrong.
    """
    settings.require("schemas")
    return Registry.scan(*settings.schemas)


def store_of(settings: Settings, timeouts: Timeouts) -> Store:
    """The store that the settings name, not yet open."""
    return open_store((settings.store or Secret("")).reveal(), timeouts=timeouts)


def key_file_of(settings: Settings) -> KeyFile | None:
    """The key file that the settings name; None on a node that only verifies."""
    return KeyFile(settings.keys, settings.keys_passphrase) if settings.keys else None


def connections_in_all(configured: int | None) -> int:
    """How many connections one process takes: what is configured, or what its descriptors allow."""
    if configured is not None:
        return configured
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return min(CONNECTIONS_MOST, int(descriptors * DESCRIPTORS_SHARE))
