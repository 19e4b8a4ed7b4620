"""Tells the application who has come to a channel and who has left it, one after the other.

Rules of this file:
1. Each coming and going is told by one process alone, in the order in which it happened there.
2. A hook that fails or hangs holds up nobody but those who wait behind it, and them not for long.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from .patience import OutOfPatience, patiently
from .policy.broker import Present
from .telemetry.redact import where_raised

logger = logging.getLogger(__name__)

PresenceHook = Callable[[str, Present, bool], Awaitable[None]]
"""Given the channel, who, and whether he has come (True) or gone (False)."""

WAITING_MOST: Final = 10_000
"""Comings and goings that wait to be told; further ones are not, and the log says so once."""


class PresenceTeller:
    """Runs the hook.

    Args:
        hook: of the application.
        seconds: that one call may take.
    """

    def __init__(self, hook: PresenceHook, seconds: float) -> None:
        self._hook = hook
        self._seconds = seconds
        self._waiting: deque[tuple[str, Present, bool]] = deque()
        self._telling: asyncio.Task[None] | None = None
        self._is_full = False

    def tell(self, channel: str, who: Present, is_here: bool) -> None:
        """Tell it soon. Raises nothing."""
        if len(self._waiting) >= WAITING_MOST:
            if not self._is_full:
                logger.error("the hook presence= is too slow: %d wait, and further ones are not told", WAITING_MOST)
            self._is_full = True
            return
        self._waiting.append((channel, who, is_here))
        if self._telling is None:
            self._telling = asyncio.get_running_loop().create_task(self._tell_all())

    async def stop(self) -> None:
        """Wait for what is being told, as long as one call may take; what waits behind it then is not told."""
        if self._telling is None:
            return
        await asyncio.wait([self._telling], timeout=self._seconds)
        if self._telling is not None:
            logger.error("the hook presence= is too slow: %d are not told, since the server stops", len(self._waiting))
            self._waiting.clear()
            self._telling.cancel()
            await asyncio.wait([self._telling])
            self._is_full, self._telling = False, None

    async def _tell_all(self) -> None:
        while self._waiting:
            await self._tell(*self._waiting.popleft())
        self._is_full, self._telling = False, None

    async def _tell(self, channel: str, who: Present, is_here: bool) -> None:
        async def call() -> None:
            await self._hook(channel, who, is_here)

        try:
            await patiently(call(), self._seconds)
        except OutOfPatience:
            logger.error("the hook presence= took longer than %g s", self._seconds)
        except Exception as error:
            logger.error("the hook presence= failed: %s", where_raised(error))
