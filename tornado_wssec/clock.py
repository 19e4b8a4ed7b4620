"""The two clocks of a guard, in one hand so that a test can turn them."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """Wall seconds for what is compared with tokens, monotonic seconds for every deadline."""

    wall: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
