"""What an application exposes: its secure routes, and everything that keeps it from starting."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakSet

from tornado.routing import PathMatches, Rule
from tornado.web import Application

from . import endpoint as endpoints
from .auth.base import Authenticator
from .errors import ConfigurationError, NotReady, Problem
from .handler import SecureWebSocketHandler
from .policy.registry import Registry
from .sealing import refuse_overrides
from .settings import Limits

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Route:
    """One rule of an application that leads to a handler class."""

    pattern: str
    groups: frozenset[str]
    handler: type[Any]


def routes_of(app: Application) -> Iterator[Route]:
    """Every rule of an application, whatever its host, that leads to a class; each once, in the order of asking."""
    for rule in _leaves(app):
        if isinstance(rule.target, type):
            regex = rule.matcher.regex if isinstance(rule.matcher, PathMatches) else None
            groups = frozenset(regex.groupindex) if regex is not None else frozenset()
            yield Route(_pattern_of(rule), groups, rule.target)


def dead_ends(app: Application) -> Iterator[tuple[str, object]]:
    """Pattern and target of every rule that leads to something else than a class, which nobody can look into."""
    for rule in _leaves(app):
        if not isinstance(rule.target, type):
            yield _pattern_of(rule), rule.target


def _pattern_of(rule: Rule) -> str:
    return rule.matcher.regex.pattern if isinstance(rule.matcher, PathMatches) else "*"


def _leaves(app: Application) -> Iterator[Rule]:
    """The rules that lead to no further rules; the wildcard router is usually found within the other."""
    rules = [*_walk(app.default_router.rules), *_walk(app.wildcard_router.rules)]
    yield from {id(rule): rule for rule in rules}.values()


def _walk(rules: list[Rule]) -> Iterator[Rule]:
    for rule in rules:
        nested = getattr(rule.target, "rules", None)
        if nested is not None:
            yield from _walk(nested)
        else:
            yield rule


WaysProblems = Callable[[Sequence[Authenticator]], Iterable[Problem]]
"""What is wrong with the authenticators that a handler names."""


def application_problems(
    app: Application,
    registry: Registry,
    authenticators: Sequence[Authenticator],
    of_ways: WaysProblems,
    limits: Limits,
    now: float | None = None,
) -> Iterator[Problem]:
    """Everything that an application and its registry must mend before they start.

    Args:
        app: the application.
        registry: what is declared.
        authenticators: the guard's.
        of_ways: what the guard finds wrong with those of a handler's own.
        limits: the guard's.
        now: wall seconds; None: when nothing is warn-only any more.
    """
    yield from registry.problems(now)
    served = [route for route in routes_of(app) if issubclass(route.handler, SecureWebSocketHandler)]
    handlers = list(dict.fromkeys(route.handler for route in served))
    for handler in handlers:
        try:
            refuse_overrides(handler, SecureWebSocketHandler)  # a mixin's __init_subclass__ may have kept it from it
        except TypeError as error:
            yield Problem(handler.__name__, str(error), "use the hook that is named")
        groups = frozenset.intersection(*(route.groups for route in served if route.handler is handler))
        yield from endpoints.problems(handler, registry, authenticators, groups)
        yield from endpoints.cap_problems(handler, registry, limits)
        for problem in of_ways(endpoints.own_ways(handler)):
            yield Problem(f"{handler.__name__}: {problem.where}", problem.fault, problem.remedy)
    yield from endpoints.unhandled(registry, handlers)


class CheckedApplications:
    """Which applications have been checked against a registry.

    Args:
        registry: what is declared.
        authenticators: the guard's.
        of_ways: what the guard finds wrong with those of a handler's own.
        limits: the guard's.
        wall: the clock by which warn-only ends.
    """

    def __init__(
        self,
        registry: Registry,
        authenticators: Sequence[Authenticator],
        of_ways: WaysProblems,
        limits: Limits,
        wall: Callable[[], float],
    ) -> None:
        self._registry = registry
        self._authenticators = authenticators
        self._of_ways = of_ways
        self._limits = limits
        self._wall = wall
        self._sound: WeakSet[Application] = WeakSet()
        self._unsound: WeakSet[Application] = WeakSet()

    def check(self, app: Application) -> None:
        """Refuse an application that must not start.

        Raises:
            ConfigurationError: listing everything that is wrong, each with its remedy.
        """
        registry, ways, now = self._registry, self._authenticators, self._wall()
        problems = list(application_problems(app, registry, ways, self._of_ways, self._limits, now))
        if problems:
            raise ConfigurationError(problems)
        self._sound.add(app)

    def require(self, app: Application) -> None:
        """Check an application at its first handshake.

        Raises:
            NotReady: there are problems; they are logged once.
        """
        if app in self._sound:
            return
        if app not in self._unsound:
            try:
                self.check(app)
                return
            except ConfigurationError as error:
                self._unsound.add(app)
                logger.error("nobody can connect until this is mended: %s", error)
        raise NotReady("the application must not start as it is", remedy="see `wssec check`")
