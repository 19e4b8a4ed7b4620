"""What a channel has said of late: numbers that never start again, and whether somebody has missed anything.

A number is a time. The first publication of a channel, and the first after its counter was forgotten, is numbered by
the microseconds of the clock; the ones behind it count on by one. So a channel's numbers rise over whatever happens
to the store, up to a million publications a second, and every number tells when it can have been given at the latest.

Rules of this file:
1. Nobody is told that he has missed nothing unless every publication since is in hand, or cannot have been.
2. A number from before this life of the store resumes nothing: what came last in that life may be lost.
"""

import math
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import dropwhile
from sys import getsizeof
from typing import Final, NamedTuple, TypeVar

from .broker import Broadcast, Kept, Resumed

_T = TypeVar("_T")
MICROSECONDS: Final = 1_000_000
SKEW_SECONDS: Final = 60.0
"""How far the clocks of two servers may be apart of which one takes over: a life begins so much later than it does."""

REMEMBERED_SECONDS: Final = 600.0
"""How long the number of a channel's last publication is known after its history has ended."""

ENTRY_BYTES: Final = 640
"""What a publication takes in memory beside its data, measured."""

FRESH: Final = 0
"""What a publication says to follow that is numbered by the clock."""


class Told(NamedTuple):
    """One publication that is kept.

    Args:
        seq: its number.
        after: that of the one before it; FRESH where none was known.
        at: when, in wall seconds.
    """

    seq: int
    after: int
    at: float
    broadcast: Broadcast


class Position(NamedTuple):
    """Where a channel is.

    Args:
        life: numbers below it are of an earlier life of the store.
        last: of its last publication; None: it has none that is remembered.
        now: wall seconds.
    """

    life: int
    last: int | None
    now: float

    @property
    def seq(self) -> int:
        """What to come back with: the last number, or one that none had before now."""
        return self.last if self.last is not None else max(self.life, number_at(self.now))


def number_at(now: float) -> int:
    """The number that a first publication has at this time."""
    return int(now * MICROSECONDS)


def life_at(now: float) -> int:
    """The number that a life begins with."""
    return number_at(now + SKEW_SECONDS)


def remembered(kept: Kept) -> float:
    """Seconds for which the last number of a channel is known."""
    return kept.seconds + REMEMBERED_SECONDS + SKEW_SECONDS


def resume(since: int | None, told: Iterable[Told], kept: Kept, at: Position) -> Resumed:
    """What somebody has missed who comes back with a number.

    Args:
        since: None: he has none, and asks only where the channel is.
        told: what is kept of the channel, in order.

    Returns:
        What is there of it, also where it is not all.
    """
    if since is None:
        return Resumed(at.seq)
    missed = [one for one in dropwhile(lambda one: one.seq <= since, told) if one.at > at.now - kept.seconds]
    # Nothing can have been published and forgotten within this span: its number would still be known.
    span = int((remembered(kept) - SKEW_SECONDS) * MICROSECONDS)
    holes = set(_holes(since, missed, span, at))
    if not at.life <= since <= at.seq:
        holes.add(0)
    return Resumed(at.seq, [one.broadcast for one in missed], not holes, frozenset(holes))


def _holes(since: int, missed: Sequence[Told], span: int, at: Position) -> Iterator[int]:
    """Yield before which of them something may be missing; behind the last one is a place, too."""
    before = since
    for place, one in enumerate(missed):
        # Behind a publication only another life begins anew so soon; `since` may be a mere time.
        if one.after != before and not (one.after == FRESH and place == 0 and one.seq - before < span):
            yield place
        before = one.seq
    if before < at.life:
        yield len(missed)  # of an earlier life, and what came last in that may be lost
        return
    # A life that is ahead of the clock by more, since that was set back, says nothing of the time that has passed.
    is_timed = at.life <= life_at(at.now)
    if not (at.seq == before if at.last is not None else is_timed and at.seq - before < span):
        yield len(missed)


class Histories:
    """The histories of all channels of one process, in memory.

    Args:
        now: wall seconds; this life begins then.
        most_bytes: of all publications together; beyond that the oldest go first, of whatever channel.
    """

    __slots__ = ("_by_age", "_lasts", "_life", "_most_bytes", "_told", "bytes")

    def __init__(self, now: float, most_bytes: float = math.inf) -> None:
        self._life = life_at(now)
        self._most_bytes = most_bytes
        # By channel and number; a dict of its own would look for its first one past all that have gone.
        self._by_age: OrderedDict[tuple[str, int], int] = OrderedDict()
        self.bytes = 0
        """What is kept, about."""
        self._told: dict[str, tuple[deque[Told], float]] = {}
        self._lasts: dict[str, tuple[int, float]] = {}

    def __len__(self) -> int:
        return len(self._lasts)

    def add(self, broadcast: Broadcast, kept: Kept, now: float) -> Broadcast:
        """Number a publication and keep it; return it with its number."""
        channel = broadcast.channel
        # Taken out and put back behind all others: so both stand in the order in which they end, or nearly.
        told, _ = self._told.pop(channel, (deque[Told](), 0.0))
        last, _ = self._lasts.pop(channel, (FRESH, 0.0))
        numbered = broadcast.numbered(last + 1 if last else max(self._life, number_at(now)) + 1)
        told.append(Told(numbered.seq or FRESH, last, now, numbered))
        self._told[channel] = told, now + kept.seconds
        self._lasts[channel] = numbered.seq or FRESH, now + remembered(kept)
        self._weigh(channel, told[-1])
        while len(told) > kept.most:
            self._drop_first(channel, told)
        while self.bytes > self._most_bytes:
            oldest, _ = next(iter(self._by_age))
            self._drop_first(oldest, self._told[oldest][0])
        return numbered

    def _weigh(self, channel: str, one: Told) -> None:
        size = self._by_age[channel, one.seq] = getsizeof(one.broadcast.data) + ENTRY_BYTES
        self.bytes += size

    def _drop_first(self, channel: str, told: deque[Told]) -> None:
        self.bytes -= self._by_age.pop((channel, told.popleft().seq))

    def resume(self, channel: str, kept: Kept, since: int | None, now: float) -> Resumed:
        """What came behind a number."""
        last, _ = self._lasts.get(channel, (None, 0.0))
        told, _ = self._told.get(channel, ((), 0.0))
        return resume(since, told, kept, Position(self._life, last, now))

    def forget(self, now: float) -> None:
        """Let go of what has ended."""
        for channel, told in _forget(self._told, now):
            while told:
                self._drop_first(channel, told)
        for _ in _forget(self._lasts, now):
            pass


def _forget(ending: dict[str, tuple[_T, float]], now: float) -> Iterator[tuple[str, _T]]:
    """Take out, one by one, what has ended."""
    while ending:
        channel = next(iter(ending))
        if ending[channel][1] > now:
            return
        yield channel, ending.pop(channel)[0]
