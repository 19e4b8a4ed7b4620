"""How connections end: one client that comes and goes, or many that break at once.

Rules of this file:
1. What we end on purpose, a drain, a deadline of a token, a revocation, breaks nothing.
2. It takes many, and a share of all who are connected, to make an outage: a train in a tunnel is none.
"""

from collections.abc import Iterator
from typing import Final

from ..closing import CloseCode
from ..settings import Limits
from .anomaly_alerts import EVERYBODY, AlertKind, Finding, Whom
from .anomaly_door import Recent
from .anomaly_habits import Book, Crowd, Habit, Scale, band_of, first_lesson

BROKEN: Final = frozenset(
    {None, 1006, int(CloseCode.INTERNAL_ERROR), int(CloseCode.TRY_AGAIN_LATER), int(CloseCode.TIMED_OUT)}
)
"""Close codes of what was not meant to end."""
LOST_LEAST: Final = 20.0
"""Connections, below which nothing is an outage."""
LOST_SHARE: Final = 0.1
"""Of all who were connected."""
CALM_SECONDS: Final = 300.0
"""After many have left at once: that they come back again and again is no news."""


class Closes:
    """How connections end, over all, and how often identities come.

    Args:
        limits: where the band begins, and how many identities are known at once.
    """

    def __init__(self, limits: Limits, now: float) -> None:
        floor = float(limits.alert_reconnects)
        self._connects = Scale(seconds=300.0, every=300.0, step=0.2, own=4.0, crowd=4.0, floor=floor, unlearned=floor)
        self._lost = Scale(
            seconds=30.0, every=60.0, step=0.05, own=4.0, crowd=0.0, floor=LOST_LEAST, unlearned=LOST_LEAST
        )
        self._breaks = Habit(now, self._lost)
        self._leaves = Habit(now, self._lost)
        self._broken = Recent(self._lost.seconds)
        self._gone = Recent(self._lost.seconds)
        self._crowd = Crowd()
        self._known = Book[Whom, Habit](lambda at: Habit(at, self._connects), limits.alert_tracked)
        self._suspects = Recent(self._connects.seconds)
        self._open = 0
        self._unrest_at = float("-inf")

    def __len__(self) -> int:
        return len(self._known)

    @property
    def unrest_at(self) -> float:
        """When many have left at once."""
        return self._unrest_at

    def saw_open(self, whom: Whom, now: float) -> None:
        """Somebody came."""
        self._open += 1
        self._known.of(whom, now).add(1.0, now, self._connects)
        self._suspects.add(whom, now)

    def saw_close(self, whom: Whom, code: int | None, now: float) -> None:
        """Somebody has left.

        Args:
            code: of the close frame; None: there was none.
        """
        self._open = max(self._open - 1, 0)
        self._leaves.add(1.0, now, self._lost)
        self._gone.add(whom, now)
        if code in BROKEN:
            self._breaks.add(1.0, now, self._lost)
            self._broken.add(whom, now)

    def saw_unready(self, address: str | None, now: float, count: float = 1.0) -> None:
        """Somebody was turned away with 503."""
        self._breaks.add(count, now, self._lost)
        self._broken.add(address, now)

    def findings(self, now: float) -> Iterator[Finding]:
        """What is out of its band; and learn, where that is due."""
        level, band = self._breaks.add(0.0, now, self._lost), band_of(self._breaks, None, self._lost)
        left = self._leaves.add(0.0, now, self._lost)
        band = max(band, LOST_SHARE * (self._open + left))
        whose = len(self._broken.keys(now))
        if max(level, left) > band and len(self._gone.keys(now)) >= LOST_LEAST / 2:
            self._unrest_at = now
        if level > band and whose >= LOST_LEAST / 2:
            evidence = {"whose": float(whose), "open": float(self._open)}
            yield Finding(AlertKind.SERVICE_OUTAGE, EVERYBODY, level, self._breaks.usual, band, evidence)
        if self._breaks.is_due(now):
            self._breaks.learn(now, self._lost, self._lost.floor)
        yield from self._of_identities(now)

    def _of_identities(self, now: float) -> Iterator[Finding]:
        for whom in self._suspects.keys(now):
            if not isinstance(whom, Whom) or (habit := self._known.get(whom)) is None:
                continue
            level, band = habit.add(0.0, now, self._connects), band_of(habit, self._crowd, self._connects)
            if level > band:
                evidence = {"crowd": self._crowd.usual}
                yield Finding(AlertKind.CLIENT_FLAKY, whom, level, habit.usual, band, evidence)
            if habit.is_due(now):
                self._crowd.learn(habit.learn(now, self._connects, first_lesson(self._crowd, self._connects)))
