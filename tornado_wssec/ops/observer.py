"""What the page shows and nobody else keeps: an hour of history, the newest lines of the audit, who is refused most.

Rules of this file:
1. Memory is bounded whatever strangers do.
2. What is counted anyway is read, not counted again; connections are looked through only while somebody looks on.
"""

from collections import Counter, deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from ..hub import Live
from ..policy.revocations import RevocationIndex
from ..readiness import Readiness
from ..telemetry import measures
from .most import MostOften
from .spread import Spread

if TYPE_CHECKING:
    from ..guard import Guard

SAMPLE_SECONDS: Final = 5.0
SAMPLES: Final = 720
"""An hour."""
LINES: Final = 500
SCAN_SECONDS: Final = 1.0
"""For how long what was found by looking through all connections is good enough: 10,000 cost some milliseconds."""
SLOWEST: Final = 20


class Sample(NamedTuple):
    """One moment of the history. `refused` and `errors` are since the moment before."""

    at: float
    connections: int
    refused: Mapping[str, int]
    errors: int


class Scan(NamedTuple):
    """What looking through all connections has found."""

    at: float
    endpoints: Counter[str]
    slow: list[tuple[int, Live]]
    slow_count: int
    queued_bytes: int


class Observer:
    """Watches one guard for its operations page.

    Args:
        guard: what is watched.
        index: its revocations.
        readiness: its gate.
    """

    def __init__(self, guard: "Guard", *, index: RevocationIndex, readiness: Readiness) -> None:
        self.guard = guard
        self.index = index
        self.readiness = readiness
        self.samples: deque[Sample] = deque(maxlen=SAMPLES)
        self.refused_origins = MostOften()
        self.refused_addresses = MostOften()
        self.spread = Spread(guard)
        self._lines: deque[tuple[int, str]] = deque(maxlen=LINES)
        self._seq = 0
        self._refused: Mapping[str, int] = {}
        self._errors = 0.0
        self._look_at = guard.clock.monotonic()
        self._scan: Scan | None = None

    # --- what happens ---

    def put(self, record: str) -> None:
        """Keep a line of the audit, which comes without its closing brace."""
        self._seq += 1
        self._lines.append((self._seq, record + "}"))

    def saw_refusal(self, address: str, origin: str | None) -> None:
        """Somebody was turned away."""
        self.refused_addresses.add(address)
        self.refused_origins.add("none" if origin is None else origin)

    def look(self, now: float) -> None:
        """Take a sample, where that is due.

        Args:
            now: monotonic seconds.
        """
        if now < self._look_at:
            return
        self._look_at = now + SAMPLE_SECONDS
        refused, errors = self.refused_by_stage(), self.errors()
        since = {stage: count - self._refused.get(stage, 0) for stage, count in refused.items()}
        told = {stage: count for stage, count in since.items() if count}
        wall = self.guard.clock.wall()
        self.samples.append(Sample(wall, len(self.guard.hub), told, int(errors - self._errors)))
        self._refused, self._errors = refused, errors

    # --- what is asked for ---

    def refused_by_stage(self) -> Mapping[str, int]:
        """How many attempts each stage has turned away since the start."""
        found: Counter[str] = Counter()
        for (stage, _), count in self.guard.refusals.items():
            found[stage] += count
        return found

    def errors(self) -> float:
        """Messages that got an error since the start."""
        return sum(self.guard.metrics.values(measures.MESSAGES_REFUSED).values())

    def lines_after(self, seq: int) -> tuple[int, list[str]]:
        """The number of the newest line of the audit, and those behind one that has been seen."""
        return self._seq, [line for number, line in self._lines if number > seq]

    def scan(self) -> Scan:
        """What all connections are like, now or a moment ago."""
        now = self.guard.clock.monotonic()
        if self._scan is None or now - self._scan.at >= SCAN_SECONDS:
            self._scan = self._looked_through(now)
        return self._scan

    def _looked_through(self, now: float) -> Scan:
        endpoints: Counter[str] = Counter()
        slow: list[tuple[int, Live]] = []
        for live in self.guard.hub:
            endpoints[live.place.entry.endpoint] += 1
            waiting = live.connection.buffered_bytes
            if waiting:
                slow.append((waiting, live))
        slow.sort(key=lambda pair: -pair[0])
        return Scan(now, endpoints, slow[:SLOWEST], len(slow), sum(waiting for waiting, _ in slow))
