"""The two clocks of a guard, in one hand so that a test can turn them."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """Wall seconds for what is compared with tokens, monotonic seconds for every deadline."""

    wall: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic

    def unstepped(self) -> Callable[[], float]:
        """A clock that reads what the wall clock reads now, and goes on from there whatever that one is set to."""
        ahead = self.wall() - self.monotonic()
        return lambda: self.monotonic() + ahead
