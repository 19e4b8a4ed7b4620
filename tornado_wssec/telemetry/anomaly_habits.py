"""What is usual: for one, for the crowd, and the band beyond which it is not.

Rules of this file:
1. What was learned has a fixed size, however much is seen and of however many.
2. One observation moves what is usual by a bounded step, whatever its size: nobody teaches in one go that much is
   normal.
3. Time is handed in, in seconds of any one clock; a clock that goes back is a clock that stands.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from math import exp, log2
from typing import Final, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

QUANTILE: Final = 0.95
"""Of one's own lessons that are not above what is usual."""
CROWD_QUANTILE: Final = 0.99
BINS_AN_OCTAVE: Final = 4
BINS: Final = BINS_AN_OCTAVE * 48
"""Up to 2⁴⁸ of anything, to a fifth."""
LESSONS_LEAST: Final = 100
"""Before it is known what a crowd does."""
LESSONS_MOST: Final = 20_000.0
"""Then all count half: what was usual long ago fades."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How something is measured and judged.

    Args:
        seconds: for how long a meter remembers; at a steady rate it shows what comes in so many seconds.
        every: seconds between two lessons.
        step: octaves by which a lesson moves what is usual for one, at most.
        own: how many times what is usual for one is still in the band.
        crowd: how many times what 99 of 100 do is still in the band.
        floor: what is in the band in any case.
        unlearned: the same, before it is known what the crowd does.
    """

    seconds: float
    every: float
    step: float
    own: float
    crowd: float
    floor: float
    unlearned: float


class Habit:
    """How much of something one does now, and usually.

    Source: the estimator is that of Ma, Muthukrishnan and Sandler, "Frugal Streaming for Estimating Quantiles" (2013),
    on a logarithmic scale: one number, and steps up and down whose ratio is the quantile's.
    """

    __slots__ = ("_at", "_began_at", "_learn_at", "_level", "_usual")

    def __init__(self, now: float, scale: Scale) -> None:
        self._at = self._began_at = now
        self._learn_at = now + scale.every
        self._level = 0.0
        self._usual = -1.0  # in octaves; below 0: not known

    def add(self, amount: float, now: float, scale: Scale) -> float:
        """Count something; return how much there is now."""
        gap = now - self._at
        if gap > 0.0:
            self._level *= exp(-gap / scale.seconds)
            self._at = now
        self._level += amount
        return self._level

    def is_due(self, now: float) -> bool:
        """Whether it is time for a lesson."""
        return now >= self._learn_at

    def learn(self, now: float, scale: Scale, most: float) -> float:
        """Take what is done now for a lesson; return it.

        Args:
            most: what the very first lesson counts as at most: a stranger does not say what is usual.
        """
        # A meter that is new has not filled yet: what it will show counts.
        filled = 1.0 - exp(-max(now - self._began_at, scale.every) / scale.seconds)
        lesson = self.add(0.0, now, scale) / filled
        self.be_taught(lesson, now, scale, most)
        return lesson

    def be_taught(self, lesson: float, now: float, scale: Scale, most: float) -> None:
        """Take something else for a lesson than what the meter shows; for the rest as `learn`."""
        self._learn_at = now + scale.every
        octaves = log2(max(lesson, 1.0))
        if self._usual < 0.0:
            self._usual = min(octaves, log2(max(most, 1.0)))
        elif octaves > self._usual:
            self._usual += min(scale.step * QUANTILE, octaves - self._usual)
        else:
            self._usual -= min(scale.step * (1.0 - QUANTILE), self._usual - octaves)

    @property
    def usual(self) -> float:
        """What 95 of 100 lessons are not above; 0.0 before the first."""
        return 0.0 if self._usual < 0.0 else float(2.0**self._usual)


class Crowd:
    """What many do, each at some time."""

    __slots__ = ("_bins", "_lessons", "_total", "_usual")

    def __init__(self) -> None:
        self._bins = [0.0] * BINS
        self._total = 0.0
        self._lessons = 0
        self._usual: float | None = None

    def learn(self, amount: float, count: float = 1.0) -> None:
        """Take what one does for a lesson, or what so many do."""
        place = int(log2(amount) * BINS_AN_OCTAVE) if amount > 1.0 else 0
        self._bins[min(place, BINS - 1)] += count
        self._total += count
        self._lessons += 1
        self._usual = None
        if self._total > LESSONS_MOST:
            self._bins = [held / 2.0 for held in self._bins]
            self._total = sum(self._bins)

    @property
    def usual(self) -> float:
        """What 99 of 100 are not above; 0.0 while too little is known."""
        if self._lessons < LESSONS_LEAST:
            return 0.0
        if self._usual is None:
            self._usual = float(2.0 ** ((self._place() + 1) / BINS_AN_OCTAVE))
        return self._usual

    def _place(self) -> int:
        above = self._total * (1.0 - CROWD_QUANTILE)
        for place in range(BINS - 1, 0, -1):
            above -= self._bins[place]
            if above < 0.0:
                return place
        return 0


def band_of(habit: Habit, crowd: Crowd | None, scale: Scale) -> float:
    """How much of something is not yet unusual.

    Args:
        crowd: others who do the same; None: there is only this one.
    """
    own = habit.usual
    if crowd is None:
        return max(scale.floor, own * scale.own) if own else scale.unlearned
    others = crowd.usual
    if not others:
        return max(scale.unlearned, own * scale.own)
    return max(scale.floor, own * scale.own, others * scale.crowd)


def first_lesson(crowd: Crowd, scale: Scale) -> float:
    """What a stranger's first lesson counts as at most: what is usual here, or may be while nobody knows."""
    return max(scale.floor, crowd.usual) if crowd.usual else scale.unlearned


class Book(Generic[K, V]):
    """What is known of many, for those who were seen last.

    Args:
        make: something about somebody who is not known, from the time.
        most: how many are known at once; who was not seen for longest is forgotten.
    """

    __slots__ = ("_known", "_make", "_most")

    def __init__(self, make: Callable[[float], V], most: int) -> None:
        self._known: OrderedDict[K, V] = OrderedDict()
        self._make = make
        self._most = most

    def __len__(self) -> int:
        return len(self._known)

    def of(self, key: K, now: float) -> V:
        """What is known of somebody who is seen now."""
        found = self._known.get(key)
        if found is not None:
            self._known.move_to_end(key)
            return found
        if len(self._known) >= self._most:
            self._known.popitem(last=False)
        made = self._known[key] = self._make(now)
        return made

    def get(self, key: K) -> V | None:
        """What is known of somebody, if anything."""
        return self._known.get(key)
