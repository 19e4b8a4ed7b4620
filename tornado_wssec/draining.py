"""The goodbye to everybody: spread out, each once its handlers are done.

Rules of this file:
1. What was accepted is handled, and its answer leaves, before its connection is told to go.
2. All come back somewhere: not at once, and no faster than is said in `Limits.departures_per_second`.
3. Its time is bounded. Whoever is left at its end is told to go as he is, and to come back later than the others.
"""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Final

from .closing import going_away
from .hub import Hub, Live

SPREAD_SHARE: Final = 2 / 3
"""Of the drain, for the goodbyes; the rest is for handlers of those who are told last."""
SLICE_SECONDS: Final = 0.02
"""Who is due within it is told at once: a wait for each would be ten thousand."""
AGAIN_SECONDS: Final = 1.0
"""Over which a client that was told in its turn spreads itself: nearly at once, since all together are spread."""


class Drain:
    """One goodbye to everybody who is connected.

    Args:
        hub: who is connected.
        per_second: goodbyes; more where they would not fit into two thirds of `patience`.
        patience: seconds for all of it, from now on.
    """

    def __init__(self, hub: Hub, *, per_second: float, patience: float) -> None:
        self._hub = hub
        self._per_second = per_second
        self._began = asyncio.get_running_loop().time()
        self._until = self._began + patience
        self._hurried = asyncio.Event()
        self.seconds = 0.0
        """Over which the goodbyes are spread; known as they begin."""

    def hurry(self) -> None:
        """Wait for nobody any more."""
        self._hurried.set()

    async def pause(self, seconds: float) -> None:
        """Wait so long, or until it is hurried."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._hurried.wait()

    def plan(self) -> float:
        """Begin; return the seconds over which the goodbyes are spread."""
        self._began = asyncio.get_running_loop().time()
        self.seconds = min(len(self._hub) / self._per_second, SPREAD_SHARE * max(self._until - self._began, 0.0))
        return self.seconds

    async def run(self) -> int:
        """Tell everybody to go.

        Returns:
            How many were told before their turn, or before what they had asked for was done.
        """
        await self._unless_hurried(self._spread())
        left = self._began + self.seconds - asyncio.get_running_loop().time()
        close = going_away(max(AGAIN_SECONDS, left))
        return self._hub.end_where(lambda live: True, close, "draining, and in a hurry")

    async def _unless_hurried(self, work: Coroutine[Any, Any, None]) -> None:
        """Give it the time there is."""
        task, hurried = asyncio.ensure_future(work), asyncio.ensure_future(self._hurried.wait())
        try:
            left = self._until - asyncio.get_running_loop().time()
            await asyncio.wait((task, hurried), timeout=max(left, 0.0), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in (task, hurried):
                one.cancel()
            await asyncio.gather(task, hurried, return_exceptions=True)

    async def _spread(self) -> None:
        """One after another, in no order that anybody has chosen; then who has come in meanwhile."""
        lives = self._open()
        async with asyncio.TaskGroup() as group:
            for place, live in enumerate(lives):
                wait = self._began + self.seconds * place / len(lives) - asyncio.get_running_loop().time()
                if wait > SLICE_SECONDS:
                    await asyncio.sleep(wait)
                group.create_task(self._let_go(live))
        while lives := self._open():
            async with asyncio.TaskGroup() as group:
                for live in lives:
                    group.create_task(self._let_go(live))

    async def _let_go(self, live: Live) -> None:
        with live.isolated():
            await live.settled(is_last=True)
        self._hub.end(live, going_away(AGAIN_SECONDS), "draining")

    def _open(self) -> list[Live]:
        return [live for live in self._hub if not live.session.is_closing]
