"""How much of what happens again and again reaches a log: the first of its kind one by one, the rest by number.

Rules of this file:
1. Nothing is lost without its number: what is not told is counted exactly.
2. However many kinds strangers bring about, the table of them is bounded.
"""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from .audit import Audit

logger = logging.getLogger(__name__)

KINDS_MOST: Final = 128
OTHERS: Final = "lines of other kinds"


class Sampler:
    """Lets the first `most` of each kind pass in a window, and counts the rest.

    A window begins with the first of its kind. Safe from any thread, since loggers are.

    Args:
        most: of a kind in a window.
        seconds: how long a window is.
        monotonic: the clock.
    """

    def __init__(self, most: int, seconds: float, monotonic: Callable[[], float]) -> None:
        self._most = most
        self._seconds = seconds
        self._monotonic = monotonic
        self._windows: dict[str, tuple[float, int]] = {}  # kind → when it began, how many there were
        self._untold: Counter[str] = Counter()
        self._lock = threading.Lock()

    def takes(self, kind: str) -> bool:
        """Whether one more of this kind is to be told; it is counted where not."""
        with self._lock:
            if kind not in self._windows and len(self._windows) >= KINDS_MOST:
                kind = OTHERS
            now = self._monotonic()
            began, count = self._windows.get(kind, (now, 0))
            if now - began >= self._seconds:
                began, count = now, 0
            self._windows[kind] = (began, count + 1)
            if count >= self._most:
                self._untold[kind] += 1
            return count < self._most

    def ended(self, *, all_of_them: bool = False) -> list[tuple[str, int]]:
        """Forget the windows that have ended; return how many of each kind were not told in them.

        Args:
            all_of_them: those that have not ended, too: at the end of a process.
        """
        with self._lock:
            until = self._monotonic() - (0 if all_of_them else self._seconds)
            over = [kind for kind, (began, _) in self._windows.items() if began <= until]
            for kind in over:
                del self._windows[kind]
            return [(kind, count) for kind in over if (count := self._untold.pop(kind, 0))]


class Refusals:
    """Counts every refusal since the start, and says which are told.

    Args:
        sampler: shared with whoever else writes of them.
    """

    def __init__(self, sampler: Sampler) -> None:
        self.sampler = sampler
        self._counts: Counter[tuple[str, int]] = Counter()

    def count(self, stage: str, status: int) -> bool:
        """Count one; return whether it is to be told.

        Args:
            stage: at which step.
            status: what was answered; 0 where the connection was closed without an answer.
        """
        self._counts[stage, status] += 1
        return self.sampler.takes(f"refusals with {status} at {stage}")

    @property
    def counts(self) -> Mapping[tuple[str, int], int]:
        """(stage, status) → how many, exactly."""
        return MappingProxyType(self._counts)


def tell_untold(sampler: Sampler, audit: Audit, now: float, *, at_the_end: bool = False) -> None:
    """Write one line for each kind that was not told in full.

    Args:
        now: wall seconds.
        at_the_end: also of windows that are still open.
    """
    for kind, count in sampler.ended(all_of_them=at_the_end):
        logger.warning("%d more %s, not told one by one", count, kind)
        audit.record("log.sampled", now, what=kind, count=count)
