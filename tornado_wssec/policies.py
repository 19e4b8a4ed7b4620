"""The policies of the door, made of the settings; every bad entry is reported together."""

import resource
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Self, TypeVar

from .errors import ConfigurationError, Problem
from .policy.hosts import HostPolicy
from .policy.origins import OriginPolicy
from .policy.proxies import ProxyPolicy
from .settings import Settings

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
    """

    origins: OriginPolicy
    hosts: HostPolicy
    proxies: ProxyPolicy

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Build them all.

        Raises:
            ConfigurationError: listing every bad origin, host and network.
        """
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
        if problems:
            raise ConfigurationError(problems)
        return cls(origins, hosts, proxies)


def connections_in_all(configured: int | None) -> int:
    """How many connections one process takes: what is configured, or what its descriptors allow."""
    if configured is not None:
        return configured
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return min(CONNECTIONS_MOST, int(descriptors * DESCRIPTORS_SHARE))
