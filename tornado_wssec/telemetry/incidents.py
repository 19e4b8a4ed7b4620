"""An incident is told twice: when it begins, with the remedy, and when it is over. Not in between."""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Final

from .audit import Audit

MANY_SECONDS: Final = 600.0
"""Of an incident that lasts it is told again after so long: a log that was rotated must not be silent about it."""


class Incident:
    """One thing that can go wrong, for the log.

    Args:
        logger: of whoever looks after it.
        monotonic: for how long it lasts.
        what: its name in the audit and the metrics, one of a few; empty where it has none.
    """

    __slots__ = ("_again_at", "_logger", "_monotonic", "began_at", "what", "witness")

    def __init__(self, logger: logging.Logger, monotonic: Callable[[], float] = time.monotonic, what: str = "") -> None:
        self._logger = logger
        self._monotonic = monotonic
        self._again_at = 0.0
        self.what = what
        self.witness: Incidents | None = None
        self.began_at: float | None = None
        """Monotonic seconds; None while all is well."""

    def begin(self, told: str, *facts: object) -> None:
        """Tell what is wrong and the remedy; nothing while it lasts, but once in ten minutes."""
        now = self._monotonic()
        if self.began_at is None:
            self.began_at = now
            if self.witness is not None:
                self.witness.saw_begin(self.what)
        elif now < self._again_at:
            return
        self._again_at = now + MANY_SECONDS
        self._logger.error(told, *facts)

    def end(self, told: str, *facts: object) -> None:
        """Tell that it is over, and how long it took; nothing where there was nothing."""
        if self.began_at is None:
            return
        lasted, self.began_at = self._monotonic() - self.began_at, None
        if self.witness is not None:
            self.witness.saw_end(self.what, lasted)
        self._logger.warning("%s, after %.1f s", told % facts, lasted)


class Incidents:
    """What can go wrong with one guard, for the audit and the metrics.

    Args:
        wall: wall seconds.
    """

    def __init__(self, audit: Audit, wall: Callable[[], float]) -> None:
        self._audit = audit
        self._wall = wall
        self._known: dict[str, Incident] = {}

    def adopt(self, *incidents: Incident) -> None:
        """Watch these from now on, in the place of those of the same name."""
        for incident in incidents:
            self._known[incident.what] = incident
            incident.witness = self

    @property
    def lasting(self) -> Mapping[tuple[str, ...], float]:
        """1 for each that lasts, 0 for each other, by its name."""
        return {(what,): float(incident.began_at is not None) for what, incident in self._known.items()}

    def saw_begin(self, what: str) -> None:
        """Record that one begins."""
        self._audit.record("fault.began", self._wall(), what=what)

    def saw_end(self, what: str, seconds: float) -> None:
        """Record that one is over."""
        self._audit.record("fault.ended", self._wall(), what=what, seconds=round(seconds, 3))
