"""Token buckets: how often something may happen.

A bucket is kept as the time at which it will be full again. That is one float, it needs no
refilling, and whoever is in debt waits exactly as long as the debt takes to pay.

Rules of this file:
1. Time is a monotonic clock in float seconds, handed in; one that goes back refills nothing.
2. What is refused is not charged. Of several parts all must pass, or none is charged.
3. A table is bounded, and making room in it never unblocks anybody early (R07).
"""

import re
from collections import OrderedDict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Final, Generic, TypeVar

K = TypeVar("K", bound=Hashable)

TOLERANCE: Final = 1e-6
"""Seconds that somebody may come early: rounding, for who waits as long as he was told."""

SHARDS: Final = 1_024
"""Buckets that are shared by the keys for which a full table has no room."""

_PART: Final = re.compile(r"([0-9]{1,9}) */ *(?:([0-9]{1,6}) *)?([a-z]+)").fullmatch
_UNITS: Final[Mapping[str, float]] = {"second": 1.0, "minute": 60.0, "hour": 3_600.0, "day": 86_400.0}


@dataclass(frozen=True, slots=True)
class Rate:
    """`count` at once, and as many again every `seconds`.

    Raises:
        ValueError: for a count below 1, which nothing could ever pass, or no positive time.
    """

    count: float
    seconds: float

    def __post_init__(self) -> None:
        if not (isfinite(self.count) and self.count >= 1):
            raise ValueError(f"a rate of {self.count:g} lets nothing pass; use at least 1, over more seconds")
        if not (isfinite(self.seconds) and self.seconds > 0):
            raise ValueError(f"a rate over {self.seconds:g} seconds is none; use a time above 0")


def parse_rates(text: str) -> tuple[Rate, ...]:
    """Read `5/second, 100/minute` or `20/10 seconds`; units are second, minute, hour and day.

    Raises:
        ValueError: naming the part that is no rate, and the remedy.
    """
    rates = tuple(_parse_rate(part.strip(" ")) for part in text.split(","))
    if len({rate.seconds for rate in rates}) < len(rates):
        raise ValueError(f"{text!r} has two parts over the same time; keep the stricter one")
    return rates


def _parse_rate(part: str) -> Rate:
    match = _PART(part)
    if match is None or (unit := _UNITS.get(match[3].removesuffix("s"))) is None:
        raise ValueError(f"{part!r} is no rate; write it as '5/second', '100/minute' or '20/10 seconds'")
    return Rate(float(match[1]), float(match[2] or 1) * unit)


class TokenBucket:
    """One bucket, full at the start.

    Args:
        rate: tokens that come back each second.
        burst: tokens it holds.
        now: monotonic seconds.

    Attributes:
        price: seconds that one token takes to come back.
        depth: seconds that all of them take.
        full_at: monotonic seconds; when nothing will be owed any more.
    """

    __slots__ = ("depth", "full_at", "price")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self.price = 1.0 / rate
        self.depth = burst / rate
        self.full_at = now

    def take(self, cost: float, now: float) -> float:
        """Charge `cost` tokens and return 0.0, or charge nothing and return the seconds until it would pass.

        A cost above the burst passes when the bucket is full, and leaves it in debt.
        """
        debt = self.full_at - now
        if debt < 0.0:
            debt = 0.0
        seconds = cost * self.price
        room = self.depth - seconds
        wait = debt - room if room > 0.0 else debt
        if wait > TOLERANCE:
            return wait
        self.full_at = now + debt + seconds
        return 0.0

    def wait(self, cost: float, now: float) -> float:
        """Return what `take` would, and charge nothing."""
        room = self.depth - cost * self.price
        wait = self.full_at - now - (room if room > 0.0 else 0.0)
        return wait if wait > TOLERANCE else 0.0

    def is_full(self, now: float) -> bool:
        """Whether nothing is owed, so that a new bucket would do as well."""
        return self.full_at <= now

    def copy(self) -> "TokenBucket":
        """Return another bucket that owes the same."""
        twin = TokenBucket(1.0, 1.0, 0.0)
        twin.price, twin.depth, twin.full_at = self.price, self.depth, self.full_at
        return twin


class Buckets:
    """One bucket for each rate; all of them pass, or none is charged. Without rates everything passes."""

    __slots__ = ("_parts",)

    def __init__(self, rates: Iterable[Rate], now: float) -> None:
        self._parts = tuple([TokenBucket(rate.count / rate.seconds, rate.count, now) for rate in rates])

    def take(self, cost: float, now: float) -> float:
        """Charge `cost` to every part and return 0.0, or charge none and return the seconds until all would pass."""
        parts = self._parts
        if len(parts) == 1:
            return parts[0].take(cost, now)
        wait = self.wait(cost, now)
        if not wait:
            for part in parts:
                part.take(cost, now)
        return wait

    def wait(self, cost: float, now: float) -> float:
        """Return what `take` would, and charge nothing."""
        longest = 0.0
        for part in self._parts:
            wait = part.wait(cost, now)
            if wait > longest:
                longest = wait
        return longest

    def is_full(self, now: float) -> bool:
        """Whether no part owes anything."""
        return all([part.is_full(now) for part in self._parts])

    def copy(self) -> "Buckets":
        """Return others that owe the same."""
        twin = Buckets((), 0.0)
        twin._parts = tuple([part.copy() for part in self._parts])
        return twin


def budget_of(rates: tuple[Rate, ...], now: float) -> TokenBucket | Buckets:
    """What holds these rates; one alone, as most are, needs no more than a bucket."""
    if len(rates) == 1:
        return TokenBucket(rates[0].count / rates[0].seconds, rates[0].count, now)
    return Buckets(rates, now)


class BucketTable(Generic[K]):
    """Buckets by key, for at most `most` keys at a time.

    Only a bucket that has filled up again is forgotten, which changes nothing. While there is none,
    further keys share a fixed number of buckets: they are limited together rather than not at
    all. A key that leaves such a shared bucket for one of its own takes its debt along.

    Args:
        rates: what each key may spend.
        most: how many keys have buckets of their own.
        now: monotonic seconds.
    """

    __slots__ = ("_most", "_own", "_shared")

    def __init__(self, rates: Iterable[Rate], *, most: int, now: float) -> None:
        fresh = Buckets(rates, now)
        self._most = most
        self._own: OrderedDict[K, Buckets] = OrderedDict()
        self._shared = tuple([fresh.copy() for _ in range(SHARDS)])

    def take(self, key: K, cost: float, now: float) -> float:
        """Charge `cost` to the key and return 0.0, or charge nothing and return the seconds until it would pass."""
        own = self._own.get(key)
        if own is not None:
            return own.take(cost, now)
        shared = self._shared[hash(key) % SHARDS]
        if wait := shared.wait(cost, now):
            return wait
        if not self._has_room(now):
            return shared.take(cost, now)
        self._own[key] = own = shared.copy()
        return own.take(cost, now)

    def wait(self, key: K, cost: float, now: float) -> float:
        """Return what `take` would, and charge nothing."""
        return (self._own.get(key) or self._shared[hash(key) % SHARDS]).wait(cost, now)

    def _has_room(self, now: float) -> bool:
        """Whether one more key fits. Two buckets are looked at for each that comes, so an old crowd melts away."""
        for _ in range(min(2, len(self._own))):
            key, buckets = self._own.popitem(last=False)
            # One in debt goes to the back: in front it would keep the full ones behind it alive.
            if not buckets.is_full(now):
                self._own[key] = buckets
        return len(self._own) < self._most

    def __len__(self) -> int:
        return len(self._own)
