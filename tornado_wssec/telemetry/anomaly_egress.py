"""Who is sent, or asks, more than is usual: by each, by the crowd, and by what others do at this moment.

Rules of this file:
1. Somebody is out of the band who is so by his own habits and by those of the crowd.
2. Whoever is out of it teaches the crowd nothing, and himself little: see `anomaly_habits`.
3. Where many leave it together it is one finding about all of them: the application speaks, or many accounts do.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from ..settings import Limits
from .anomaly_alerts import EVERYBODY, AlertKind, Finding, Whom
from .anomaly_habits import Book, Crowd, Habit, Scale, band_of, first_lesson

CROWD_LEAST: Final = 10
CROWD_SHARE: Final = 0.1
"""Of those who are sent anything now: more than that, and it is not about each of them."""
OUT_MOST: Final = 1_024
"""Who is followed while out of the band; more are many in any case."""
BACK: Final = 0.5
"""Of the band: whoever is below that again is back in it."""
UNLEARNED: Final = 16.0
"""Times the floor, while it is not known what is usual here."""


class Sample(NamedTuple):
    """What one identity was sent and has said since the last sample.

    Args:
        sent: bytes.
        heard: messages.
    """

    whom: Whom
    sent: float
    heard: float


class _Measure(NamedTuple):
    kind: AlertKind
    scale: Scale
    crowd: Crowd


class Egress:
    """The habits of identities.

    Args:
        limits: where the bands begin, and how many identities are known at once.
    """

    def __init__(self, limits: Limits) -> None:
        burst, hour = float(limits.alert_burst_bytes), float(limits.alert_hour_bytes)
        asks = float(limits.alert_messages)
        self._measures = (
            _Measure(AlertKind.EGRESS_BURST, _fast(burst), Crowd()),
            _Measure(AlertKind.EGRESS_HOUR, _slow(hour), Crowd()),
            _Measure(AlertKind.MESSAGES_BURST, _fast(asks), Crowd()),
        )
        self._known = Book[Whom, tuple[Habit, ...]](self._stranger, limits.alert_tracked)
        self._found: list[Finding] = []
        self._active = 0
        self._out: dict[tuple[Whom, int], Habit] = {}

    def __len__(self) -> int:
        return len(self._known)

    def saw(self, samples: Iterable[Sample], now: float) -> None:
        """Take in a sample of everybody who was sent or has said anything."""
        self._active = 0
        for whom, sent, heard in samples:
            self._active += 1
            habits = self._known.of(whom, now)
            for number, amount in enumerate((sent, sent, heard)):
                (_, scale, crowd), habit = self._measures[number], habits[number]
                level = habit.add(amount, now, scale)
                # The band is never below the floor, and hardly anybody is above it.
                if level > scale.floor and len(self._out) < OUT_MOST and level > band_of(habit, crowd, scale):
                    self._out[whom, number] = habit
                if habit.is_due(now):
                    lesson = habit.learn(now, scale, first_lesson(crowd, scale))
                    if (whom, number) not in self._out:
                        crowd.learn(lesson)

    def saw_others(self, count: int, sent: float, heard: float) -> None:
        """Learn from those of whom no more is known than what they were sent, on an average, in ten seconds."""
        for measure, amount in zip(self._measures, (sent, sent * 360.0, heard), strict=True):
            measure.crowd.learn(amount, float(count))

    def findings(self, now: float) -> list[Finding]:
        """Who is out of the band: until they are back in its lower half, so that nobody wavers at its edge."""
        found = []
        for (whom, number), habit in list(self._out.items()):
            kind, scale, crowd = self._measures[number]
            level, band = habit.add(0.0, now, scale), band_of(habit, crowd, scale)
            if level > band * BACK:
                found.append(Finding(kind, whom, level, habit.usual, band, {"crowd": crowd.usual}))
            else:
                del self._out[whom, number]
        return self._as_one(found)

    def _as_one(self, found: list[Finding]) -> list[Finding]:
        many = max(CROWD_LEAST, self._active * CROWD_SHARE)
        identities = len({finding.whom for finding in found})
        if identities <= many:
            return found
        evidence = {"active": float(self._active)}
        return [Finding(AlertKind.EGRESS_CROWD, EVERYBODY, float(identities), 0.0, many, evidence)]

    def _stranger(self, now: float) -> tuple[Habit, ...]:
        return tuple(Habit(now, measure.scale) for measure in self._measures)


def _fast(floor: float) -> Scale:
    # Eight times: a page that is opened loads more than one that is read. A lesson a minute: whoever would have
    # twice as much be usual has to do so for five.
    return Scale(seconds=10.0, every=60.0, step=0.2, own=8.0, crowd=4.0, floor=floor, unlearned=floor * UNLEARNED)


def _slow(floor: float) -> Scale:
    # Four times: an hour's total varies less. Here it takes more than three hours to make twice as much usual.
    return Scale(seconds=3_600.0, every=600.0, step=0.05, own=4.0, crowd=2.0, floor=floor, unlearned=floor * UNLEARNED)
