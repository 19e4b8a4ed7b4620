"""An event loop whose time is turned by its own waiting: where nothing is ready, the next timer is due."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Leaping(selectors.SelectSelector):
    """Waits for nobody; adds up for how long it would have."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready now; where that is nothing, the time has passed."""
        ready = super().select(0)
        if not ready:
            assert timeout is not None, "everybody waits, and nobody is due"
            self.now += max(timeout, 0.0)
        return ready


class HandLoop(asyncio.SelectorEventLoop):
    """For coroutines that wait by the loop's clock and speak to nobody outside."""

    def __init__(self) -> None:
        self._leaping = Leaping()
        super().__init__(self._leaping)

    def time(self) -> float:
        """Seconds that have been waited for; a hair is added, lest what is due just misses it."""
        return self._leaping.now + 1e-9


def run_by_hand(work: Coroutine[Any, Any, T]) -> T:
    """Run it as `asyncio.run` would, in no time."""
    with asyncio.Runner(loop_factory=HandLoop) as runner:
        return runner.run(work)
