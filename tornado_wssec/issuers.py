"""Issuers that a running guard trusts beside itself: their keys in force, and how old they may be.

Rules of this file:
1. A key verifies for the one issuer whose set it stands in, whatever it is called.
2. One fetch at a time for each issuer and one in a cool-down, however many unknown keys are named; nobody waits
   for the loop, and only a bounded number for a fetch.
3. A fetch that fails changes nothing. Keys count until they are too old; then nobody comes in by them (503).
4. What an issuer withdraws counts no longer, for live connections neither: why it did, it does not say.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from .clock import Clock
from .errors import ConfigurationError, NotReady, Problem, TokenRefused
from .key_sets import KeySets, KeySetUnavailable, tls_of
from .policy.claims import shown
from .policy.identity import Identity
from .policy.issuers import Issuer, named_issuer
from .policy.keys import KeyRing
from .policy.tokens import TokenVerifier
from .policy.verified_tokens import VerifiedToken
from .settings import Limits, Timeouts
from .telemetry.redact import printable, where_raised

logger = logging.getLogger(__name__)

LOOK_SECONDS: Final = 1.0
"""Between two looks whether a fetch is due."""


class TrustedIssuer:
    """One issuer, and the keys of it that are in force.

    Args:
        roles: the guard's, for an issuer without a table of its own.
        withdrawn: called when a key has gone from its set.
    """

    def __init__(
        self,
        issuer: Issuer,
        *,
        key_sets: KeySets,
        roles: Mapping[str, Sequence[str]],
        limits: Limits,
        timeouts: Timeouts,
        clock: Clock,
        withdrawn: Callable[[], object],
    ) -> None:
        self.issuer = issuer
        self.ring: KeyRing | None = None
        self._key_sets = key_sets
        self._tls = tls_of(issuer)
        self._verifier = TokenVerifier(
            issuer.rules, roles if issuer.roles is None else issuer.roles, limits, is_foreign=True
        )
        self._timeouts = timeouts
        self._waiting_most = limits.jwks_waiting
        self._clock = clock
        self._withdrawn = withdrawn
        self._waiting = 0
        self._fetched_at = self._asked_at = self._due_at = float("-inf")
        self._fetch: asyncio.Task[None] | None = None
        self._ignored: tuple[Problem, ...] = ()
        self._replaced: frozenset[str] = frozenset()

    # --- judging ---

    def verify(self, token: str, *, not_before: float) -> Identity:
        """Who a token of this issuer speaks of, by the keys that are here. Revocation is asked elsewhere.

        Raises:
            TokenRefused: for every cause in the token.
            NotReady: there are no keys, or they are too old.
        """
        if self.ring is None or self._age() > self._timeouts.jwks_age:
            age = "never been fetched" if self.ring is None else f"not been fetched for {self._age():.0f} s"
            raise NotReady(
                f"the keys of {self.issuer.name} have {age}",
                remedy=f"see the log for why {self.issuer.jwks_url} fails",
                retry_after=max(1.0, self._due_at - self._clock.monotonic()),
            )
        return self._verifier.verify(token, self.ring, self._clock.wall(), not_before=not_before)

    @property
    def ahead(self) -> int:
        """Tokens of this issuer that were refused since they are from later than now."""
        return self._verifier.ahead

    def recall(self, token: str) -> VerifiedToken | None:
        """What is known of a token that has been accepted before."""
        return self._verifier.recall(token)

    def publishes(self, kid: str | None) -> bool:
        """Whether a key that has verified still stands in the set, as far as is known here."""
        return self.ring is None or kid is None or (self._knows(kid) and kid not in self._replaced)

    async def prepare(self, kid: str | None) -> None:
        """Fetch the keys if this one is not here and a fetch may be made; wait for it if not too many do."""
        if self.ring is not None and (kid is None or self._knows(kid)) and self._age() <= self._timeouts.jwks_age:
            return
        is_cold = self._clock.monotonic() - self._asked_at < self._timeouts.jwks_cooldown
        if (self._fetch is None and is_cold) or self._waiting >= self._waiting_most:
            return
        self._waiting += 1
        try:
            await asyncio.wait([self._fetching()])
        finally:
            self._waiting -= 1

    def _knows(self, kid: str) -> bool:
        return self.ring is not None and self.ring.verifying(kid, self._clock.wall()) is not None

    def _age(self) -> float:
        return self._clock.monotonic() - self._fetched_at

    # --- fetching ---

    async def look(self) -> None:
        """Fetch the keys if that is due."""
        if self._clock.monotonic() >= self._due_at:
            await asyncio.wait([self._fetching()])

    async def stop(self) -> None:
        """Give up a fetch in flight."""
        if self._fetch is not None:
            self._fetch.cancel()
            await asyncio.wait([self._fetch])
            self._fetch = None

    def _fetching(self) -> asyncio.Task[None]:
        """The fetch in flight, or a new one."""
        if self._fetch is None:
            self._fetch = asyncio.get_running_loop().create_task(self._refresh())
        return self._fetch

    async def _refresh(self) -> None:
        self._asked_at = self._clock.monotonic()
        self._due_at = self._asked_at + self._timeouts.jwks_cooldown
        try:
            ring, ignored = await self._key_sets.fetch(self.issuer, self._tls)
            self._fetched_at = self._asked_at
            self._due_at = self._asked_at + self._timeouts.jwks_refresh
            self._tell_ignored(ignored)
            self._take(ring)
        except KeySetUnavailable as error:
            self._tell_failure(printable(error))
        except Exception as error:
            self._tell_failure(where_raised(error))  # a mistake of ours must not end the fetching
        finally:
            self._fetch = None

    def _take(self, ring: KeyRing) -> None:
        old, new = _named(self.ring), _named(ring)
        if old == new and self.ring is not None and self.ring.requires_kid == ring.requires_kid:
            return  # the old ones stay, by which tokens are known again
        self.ring = ring
        logger.info("%s has %d keys", self.issuer.name, len(new))
        gone = frozenset(kid for kid, key in old.items() if new.get(kid) != key)
        if gone:
            names = printable(", ".join(sorted(gone)))
            logger.warning("%s has withdrawn %s; connections by its tokens are closed", self.issuer.name, names)
            # Under the name of one that went there may be another: it has proven nobody who is connected now.
            self._replaced = gone & new.keys()
            try:
                self._withdrawn()
            finally:
                self._replaced = frozenset()

    def _tell_ignored(self, ignored: tuple[Problem, ...]) -> None:
        if ignored != self._ignored:
            self._ignored = ignored
            for problem in ignored[:8]:
                logger.info("%s: %s %s; it is ignored", self.issuer.name, problem.where, printable(problem.fault))

    def _tell_failure(self, fault: str) -> None:
        if self.ring is None:
            effect = "nobody comes in by its tokens until they can be had"
        else:
            left = self._timeouts.jwks_age - self._age()
            effect = f"those known stay in force for {left:.0f} s" if left > 0 else "those known are too old: 503"
        logger.warning("the keys of %s cannot be fetched from %s: %s; %s", *self._place(), fault, effect)

    def _place(self) -> tuple[str, str]:
        return self.issuer.name, self.issuer.jwks_url


class TrustedIssuers:
    """Every issuer that one guard trusts beside itself. Iterating gives each `TrustedIssuer`.

    Raises:
        ConfigurationError: listing what is wrong with them.
    """

    def __init__(
        self,
        issuers: Sequence[Issuer],
        *,
        own: str | None,
        roles: Mapping[str, Sequence[str]],
        limits: Limits,
        timeouts: Timeouts,
        clock: Clock,
        withdrawn: Callable[[], object],
    ) -> None:
        self._own = own
        self._limits = limits
        self._key_sets = KeySets(limits, timeouts)
        self._by_name: dict[str, TrustedIssuer] = {}
        problems: list[Problem] = []
        for issuer in issuers:
            try:
                self._by_name[issuer.name] = TrustedIssuer(
                    issuer,
                    key_sets=self._key_sets,
                    roles=roles,
                    limits=limits,
                    timeouts=timeouts,
                    clock=clock,
                    withdrawn=withdrawn,
                )
            except ConfigurationError as error:
                problems += error.problems
        if problems:
            raise ConfigurationError(problems)

    def __iter__(self) -> Iterator[TrustedIssuer]:
        return iter(self._by_name.values())

    def find(self, token: str) -> tuple[TrustedIssuer, str | None] | None:
        """Whose token this claims to be, and the key it names; None: ours. Nothing of it is verified.

        Raises:
            TokenRefused: nobody's whom we trust.
        """
        if not self._by_name:
            return None
        for issuer in self:
            if (known := issuer.recall(token)) is not None:
                return issuer, known.kid
        name, kid = named_issuer(token, self._limits)
        if name == self._own:
            return None
        if name not in self._by_name:
            raise TokenRefused(f"iss is {shown(name)}")
        return self._by_name[name], kid

    def trusts(self, identity: Identity) -> bool:
        """Whether the issuer of this identity, if it is one of these, still publishes the key that proved it."""
        issuer = self._by_name.get(identity.issuer or "")
        return issuer is None or issuer.publishes(identity.key_id)

    async def look(self) -> None:
        """Fetch what is due; failures are logged."""
        await asyncio.gather(*(issuer.look() for issuer in self))

    async def follow(self) -> None:
        """Look again and again until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await self.look()

    async def stop(self) -> None:
        """Let go of every connection."""
        self._key_sets.close()
        await asyncio.gather(*(issuer.stop() for issuer in self))


def _named(ring: KeyRing | None) -> dict[str, str]:
    """What tells whether two sets are the same: each name, and the key that has it."""
    return {key.kid: f"{key.alg} {key.material.thumbprint}" for key in (ring.keys if ring else ()) if key.material}
