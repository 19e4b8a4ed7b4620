"""Mistakes that the machines must find: each is planted alone, in a process that does nothing else.

A test that cannot fail is worse than none, and a random one fails by luck. `python -m tests.soak.breaks` plants each of
these for as many lives as CI has, and says which machine has found it.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

from tornado_wssec import reception
from tornado_wssec.enforcement import Enforcer
from tornado_wssec.keeper import KeyKeeper
from tornado_wssec.policy import session
from tornado_wssec.policy.high_water import HighWater
from tornado_wssec.policy.key import Key, KeyState
from tornado_wssec.policy.lifetime import Lifetime
from tornado_wssec.policy.revocation_entries import Revocation
from tornado_wssec.policy.revocation_index import RevocationIndex
from tornado_wssec.policy.session import Session
from tornado_wssec.policy.tokens import TokenVerifier
from tornado_wssec.readiness import Readiness
from tornado_wssec.stores.memory import MemoryStore
from tornado_wssec.watcher import Watcher

from .ledger import FRESH
from .machine import Lives
from .machines import (
    ClocksStepping,
    KeysTurning,
    MarginsAndClocks,
    NodesCutOff,
    Refreshing,
    RevocationsAndUndos,
    TicketsAndTokens,
)

Anything = Callable[..., Any]


@dataclass(frozen=True)
class Break:
    """One mistake.

    Args:
        what: what would go wrong.
        machine: which one must find it.
        place, name: the function that is wrong.
        make: given the right one, returns the wrong one.
    """

    what: str
    machine: type[Lives]
    place: Any
    name: str
    make: Callable[[Anything], Anything]

    @contextmanager
    def planted(self) -> Iterator[None]:
        """Have it in place meanwhile."""
        right = getattr(self.place, self.name)
        setattr(self.place, self.name, self.make(right))
        try:
            yield
        finally:
            setattr(self.place, self.name, right)


def _says(value: Any) -> Callable[[Anything], Anything]:
    """A function that always says the same."""
    return lambda right: lambda *given, **named: value


def _taken_over(right: Anything) -> Anything:
    def take_over(self: Session, fresh: Any) -> None:
        self.identity = fresh

    return take_over


def _known_by_the_old(right: Anything) -> Anything:
    return lambda self, fresh: right(self, replace(fresh, token_id=self.identity.token_id))


def _blind_to_tenants(right: Anything) -> Anything:
    return lambda fresh, held, id: right(replace(fresh, tenant=held.tenant), held, id)


def _nameless(right: Anything) -> Anything:
    return lambda identity, live: identity


def _earlier(right: Anything) -> Anything:
    def apply(self: RevocationIndex, entry: Any) -> Any:
        body = entry.body
        if isinstance(body, Revocation) and body.before is not None:
            entry = replace(entry, body=replace(body, before=body.before - 1))
        return right(self, entry)

    return apply


def _of_all_alike(right: Anything) -> Anything:
    def undo(self: RevocationIndex, entry: Any) -> None:
        named = {one.value for one in self.entries() if one.id == entry.id}
        for id in [one.id for one in self.entries() if one.value in named]:
            right(self, replace(entry, id=id))
        right(self, entry)

    return undo


def _given_back(right: Anything) -> Anything:
    async def take_ticket(self: Any, digest: str, now: float) -> Any:
        kept = dict(self._here().tickets)
        taken = await right(self, digest, now)
        self._here().tickets.update(kept)
        return taken

    return take_ticket


def _of_the_first(right: Anything) -> Anything:
    def enforce(self: Any) -> int:
        return next((1 for live in self._hub if self.close_if_revoked(live)), 0)

    return enforce


def _without_margins(right: Anything) -> Anything:
    def tick(self: Any) -> None:
        self._margins.clear()

    return tick


def _noted_alone(right: Anything) -> Anything:
    def distrust(self: Any, kids: frozenset[str]) -> None:
        self._distrusted = kids

    return distrust


def _whatever_it_is(right: Anything) -> Anything:
    return lambda self, now: self.material is not None


def _at_once(right: Anything) -> Anything:
    return lambda self, now: self.state is not KeyState.RETIRED and right(self, now)


def _the_first_alone(right: Anything) -> Anything:
    async def publish(self: Any, document: str) -> None:
        if not hasattr(self, "_has_heard"):
            self._has_heard = True
            await right(self, document)

    return publish


def _late(seconds: float) -> Callable[[Anything], Anything]:
    def make(right: Anything) -> Anything:
        return lambda self, token, ring, now, **named: right(self, token, ring, now - seconds, **named)

    return make


def _without_grace(right: Anything) -> Anything:
    def renew(self: Any, now: float, expires_in: float | None) -> None:
        right(self, now, expires_in)
        if self._expiry is not None:
            self._expiry = replace(self._expiry, closes_at=self._expiry.at)

    return renew


def _for_newcomers(right: Anything) -> Anything:
    return lambda self, grace: math.inf if grace == FRESH else right(self, grace)


def _from_here_on(is_skipped: Callable[[Any], bool]) -> Callable[[Anything], Anything]:
    """Reads what is in the log, and applies nothing of it where it is skipped."""

    def make(right: Anything) -> Anything:
        async def read_log(self: Any) -> None:
            if is_skipped(self):
                while entries := await self.store.read_after(self._cursor, 100):
                    self._cursor = entries[-1].cursor
            self._failed_at = None
            await right(self)

        return read_log

    return make


BREAKS: Final[Sequence[Break]] = (
    Break("a token that another has replaced takes over again", Refreshing, Session, "take_over", _taken_over),
    Break("after a refresh one is known by the old token", Refreshing, Session, "take_over", _known_by_the_old),
    Break("a token of another tenant takes over", Refreshing, session, "_fault_of", _blind_to_tenants),
    Break("a refresh takes the name of the session away", Refreshing, reception, "_of_session", _nameless),
    Break("what was issued in the same second is spared", RevocationsAndUndos, RevocationIndex, "apply", _earlier),
    Break("an undo takes back all of that name", RevocationsAndUndos, RevocationIndex, "_undo", _of_all_alike),
    Break("a ticket can be spent twice", TicketsAndTokens, MemoryStore, "take_ticket", _given_back),
    Break("a revocation closes the first that matches", RevocationsAndUndos, Enforcer, "enforce", _of_the_first),
    Break("a margin that ends closes nobody", RevocationsAndUndos, Enforcer, "tick", _without_margins),
    Break("a compromised key closes nobody", KeysTurning, Enforcer, "distrust", _noted_alone),
    Break("a compromised key verifies", KeysTurning, Key, "verifies", _whatever_it_is),
    Break("a retired key verifies nothing", KeysTurning, Key, "verifies", _at_once),
    Break("a node hears of the first keys alone", KeysTurning, KeyKeeper, "publish", _the_first_alone),
    Break("a clock that is set back goes unnoticed", ClocksStepping, HighWater, "behind", _says(0.0)),
    Break(
        "a margin begins anew when a clock is set back", MarginsAndClocks, RevocationIndex, "end_margin", _says(None)
    ),
    Break("a token is good for five seconds more", ClocksStepping, TokenVerifier, "verify", _late(5)),
    Break("nobody is given a grace for the refresh", ClocksStepping, Lifetime, "renew", _without_grace),
    Break("a node that knows too little lets people in", NodesCutOff, Readiness, "_most_for", _for_newcomers),
    Break("a node that knows too little keeps people", NodesCutOff, Readiness, "is_too_stale", _says(False)),
    Break(
        "what was said in an outage is never read",
        NodesCutOff,
        Watcher,
        "_read_log",
        _from_here_on(lambda watcher: watcher._failed_at is not None),
    ),
    Break(
        "a node that starts reads nothing of before",
        NodesCutOff,
        Watcher,
        "_read_log",
        _from_here_on(lambda watcher: watcher._cursor is None),
    ),
)
