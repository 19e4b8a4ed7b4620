"""Who is refused and who comes in: by address, and over all.

Rules of this file:
1. A credential that fails from where nobody has ever come in is a guess; one that fails where it was good an hour
   ago is a fault of ours, or of whoever issued it.
2. A few addresses that fail are these addresses; many at once are an attack.
3. What is turned away with 503 says nothing about whoever was: that is for `anomaly_closes`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import nlargest
from typing import Final, NamedTuple, Self

from ..settings import Limits
from .anomaly_alerts import EVERYBODY, AlertKind, Finding, Whom
from .anomaly_habits import Book, Crowd, Habit, Scale, band_of, first_lesson

CREDENTIAL: Final = "credential"
"""The stage at which a credential is judged."""
ADDRESSES_LEAST: Final = 5
"""That fail, before it is an attack of many."""
KNOWN_SHARE: Final = 0.5
"""Of the addresses that fail: where so many were good before, it is no attack."""
GOOD_SECONDS: Final = 86_400.0
"""For how long it counts that somebody came in from an address."""
RECENT_SECONDS: Final = 60.0
FADED: Final = 0.1
"""Of one failure: then it was more than two spans of the meter ago."""
RECENT_MOST: Final = 1_024
"""Addresses that are told apart; more are many in any case."""


@dataclass(slots=True)
class _Address:
    refused: Habit
    opened: Habit
    good_at: float = float("-inf")


class Recent:
    """Who was seen in the last seconds, as far as they are told apart.

    Args:
        seconds: how long somebody counts.
    """

    __slots__ = ("_seconds", "_seen")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._seen: dict[object, float] = {}

    def add(self, key: object, now: float) -> None:
        """Somebody is seen."""
        if key in self._seen or len(self._seen) < RECENT_MOST:
            self._seen[key] = now

    def keys(self, now: float) -> list[object]:
        """Who still counts."""
        until = now - self._seconds
        if any(at <= until for at in self._seen.values()):
            self._seen = {key: at for key, at in self._seen.items() if at > until}
        return list(self._seen)


class Failing:
    """The addresses whose credentials fail.

    Args:
        scale: over how long.
    """

    __slots__ = ("_habits", "_scale")

    def __init__(self, scale: Scale) -> None:
        self._scale = scale
        self._habits: dict[str, Habit] = {}

    def add(self, address: str, count: float, now: float) -> None:
        """One has failed."""
        habit = self._habits.get(address)
        if habit is None:
            if len(self._habits) >= RECENT_MOST:
                return  # they are many in any case
            habit = self._habits[address] = Habit(now, self._scale)
        habit.add(count, now, self._scale)

    def levels(self, now: float) -> dict[str, float]:
        """How often each has failed; who has not for long is forgotten."""
        found = {address: habit.add(0.0, now, self._scale) for address, habit in self._habits.items()}
        for address in [address for address, level in found.items() if level < FADED]:
            del self._habits[address], found[address]
        return found


class _Failures(NamedTuple):
    """What fails over some time, in all and by each address."""

    scale: Scale
    all: Habit
    each: Failing

    @classmethod
    def over(cls, seconds: float, every: float, floor: float, now: float) -> Self:
        scale = Scale(seconds=seconds, every=every, step=0.05, own=4.0, crowd=0.0, floor=floor, unlearned=floor)
        return cls(scale, Habit(now, scale), Failing(scale))


class Door:
    """The habits of addresses, and of all credentials that fail.

    Args:
        limits: where the bands begin, and how many addresses are known at once.
    """

    def __init__(self, limits: Limits, now: float) -> None:
        self._refused, self._opened = _minute(limits.alert_refusals), _minute(limits.alert_connects)
        self._refused_crowd, self._opened_crowd = Crowd(), Crowd()
        floor = float(limits.alert_failures)
        # Lessons of all together come every minute: they follow a day that begins, in twenty minutes for each octave.
        self._minute, self._hour = (
            _Failures.over(60.0, 60.0, floor, now),
            _Failures.over(3_600.0, 600.0, 10 * floor, now),
        )
        self._is_burst = False
        self._known = Book[str, _Address](self._stranger, limits.alert_tracked)
        self._suspects = Recent(RECENT_SECONDS)

    def __len__(self) -> int:
        return len(self._known)

    def saw_open(self, address: str, now: float) -> None:
        """Somebody came in."""
        known = self._known.of(address, now)
        known.good_at = now
        known.opened.add(1.0, now, self._opened)
        self._suspects.add(address, now)

    def saw_refusal(self, address: str | None, stage: str, now: float, count: float = 1.0) -> None:
        """Somebody was refused.

        Args:
            address: None: it is not known any more.
            count: how many times.
        """
        if stage == CREDENTIAL:
            self._count_failure(address, now, count)
        if address is not None:
            self._known.of(address, now).refused.add(count, now, self._refused)
            self._suspects.add(address, now)

    def _count_failure(self, address: str | None, now: float, count: float) -> None:
        # What is out of the band of a minute is told already; in the hour's it would be told for hours after its end.
        for failures in (self._minute,) if self._is_burst else (self._minute, self._hour):
            failures.all.add(count, now, failures.scale)
            if address is not None:
                failures.each.add(address, count, now)

    def findings(self, now: float) -> Iterator[Finding]:
        """What is out of its band; and learn, where that is due."""
        yield from self._of_all(now)
        for address in self._suspects.keys(now):
            if (known := self._known.get(str(address))) is not None:
                yield from self._of_address(str(address), known, now)

    def _of_all(self, now: float) -> Iterator[Finding]:
        for failures in (self._minute, self._hour):
            scale, habit = failures.scale, failures.all
            level, band, addresses = habit.add(0.0, now, scale), band_of(habit, None, scale), failures.each.levels(now)
            # What the worst few do is a matter of theirs; else two broken clients would hide an attack, or be one.
            others = level - sum(nlargest(ADDRESSES_LEAST - 1, addresses.values()))
            is_attack = others > band and len(addresses) >= ADDRESSES_LEAST
            if failures is self._minute:
                self._is_burst = is_attack
            if is_attack:
                known = sum(self._was_good(address, now) for address in addresses) / len(addresses)
                kind = AlertKind.CREDENTIALS_OUTAGE if known > KNOWN_SHARE else AlertKind.CREDENTIALS_ATTACK
                evidence = {"addresses": float(len(addresses)), "known": known, "seconds": scale.seconds}
                yield Finding(kind, EVERYBODY, others, habit.usual, band, evidence)
            if habit.is_due(now):
                habit.be_taught(others, now, scale, scale.floor)

    def _of_address(self, address: str, known: _Address, now: float) -> Iterator[Finding]:
        for kind, scale, crowd, habit in (
            (AlertKind.REFUSALS_ADDRESS, self._refused, self._refused_crowd, known.refused),
            (AlertKind.CONNECTS_ADDRESS, self._opened, self._opened_crowd, known.opened),
        ):
            level = habit.add(0.0, now, scale)
            if level > scale.floor and level > (band := band_of(habit, crowd, scale)):
                yield Finding(kind, Whom(address=address), level, habit.usual, band, {"crowd": crowd.usual})
            if habit.is_due(now):
                crowd.learn(habit.learn(now, scale, first_lesson(crowd, scale)))

    def _was_good(self, address: str, now: float) -> bool:
        known = self._known.get(address)
        return known is not None and now - known.good_at < GOOD_SECONDS

    def _stranger(self, now: float) -> _Address:
        return _Address(Habit(now, self._refused), Habit(now, self._opened))


def _minute(floor: int) -> Scale:
    return Scale(seconds=60.0, every=60.0, step=0.2, own=4.0, crowd=4.0, floor=float(floor), unlearned=float(floor))
