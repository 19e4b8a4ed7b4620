"""A clock that only moves when a test moves it."""

from ..clock import Clock

NOON = 1_767_225_600.0
"""A whole number of seconds in 2026, so that tokens have readable times."""


class HandClock:
    """Both clocks of a guard, turned by hand.

    Args:
        wall: the wall time to begin with, in seconds.
    """

    def __init__(self, wall: float = NOON) -> None:
        self.wall = wall
        self.monotonic = 1_000.0

    def advance(self, seconds: float) -> None:
        """Let time pass on both clocks."""
        self.wall += seconds
        self.monotonic += seconds

    def step_wall(self, seconds: float) -> None:
        """Set the wall clock forward or back, as an administrator would; no time passes."""
        self.wall += seconds

    def as_clock(self) -> Clock:
        """What a `Guard` takes."""
        return Clock(wall=lambda: self.wall, monotonic=lambda: self.monotonic)
