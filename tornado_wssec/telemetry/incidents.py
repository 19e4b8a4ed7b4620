"""An incident is told twice: when it begins, with the remedy, and when it is over. Not in between."""

import logging
import time
from collections.abc import Callable
from typing import Final

MANY_SECONDS: Final = 600.0
"""Of an incident that lasts it is told again after so long: a log that was rotated must not be silent about it."""


class Incident:
    """One thing that can go wrong, for the log.

    Args:
        logger: of whoever looks after it.
        monotonic: for how long it lasts.
    """

    __slots__ = ("_again_at", "_logger", "_monotonic", "began_at")

    def __init__(self, logger: logging.Logger, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._logger = logger
        self._monotonic = monotonic
        self._again_at = 0.0
        self.began_at: float | None = None
        """Monotonic seconds; None while all is well."""

    def begin(self, told: str, *facts: object) -> None:
        """Tell what is wrong and the remedy; nothing while it lasts, but once in ten minutes."""
        now = self._monotonic()
        if self.began_at is None:
            self.began_at = now
        elif now < self._again_at:
            return
        self._again_at = now + MANY_SECONDS
        self._logger.error(told, *facts)

    def end(self, told: str, *facts: object) -> None:
        """Tell that it is over, and how long it took; nothing where there was nothing."""
        if self.began_at is None:
            return
        lasted, self.began_at = self._monotonic() - self.began_at, None
        self._logger.warning("%s, after %.1f s", told % facts, lasted)
