"""Brings alerts to where somebody looks, one after the other, and never in the way of anything.

Rules of this file:
1. What waits is bounded; the oldest goes, and is counted.
2. Who does not take an alert is asked again, each time later, and then no more.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from .patience import patiently
from .settings import Limits, Timeouts
from .telemetry.anomaly_alerts import Alert
from .telemetry.incidents import Incident
from .telemetry.redact import printable, where_raised

logger = logging.getLogger(__name__)

AlertHook = Callable[[Alert], Awaitable[None]]
"""Given an alert that begins, and once more when it is over."""

TRIES: Final = 8
"""Over two minutes with the defaults: a restart of whoever listens."""


def _nothing_to_close() -> None:
    """A function holds nothing."""


class DeliveryFailed(Exception):
    """An alert was not taken; says why, in words for a log."""


class Delivery:
    """One way by which alerts leave.

    Args:
        way: for the log.
        deliver: takes one; whatever it raises, it is asked again.
        limits: how many wait.
        timeouts: how long one try may take, and the pause before the second.
        close: lets go of what the way holds; called at the end.
    """

    def __init__(
        self,
        way: str,
        deliver: AlertHook,
        limits: Limits,
        timeouts: Timeouts,
        close: Callable[[], None] = _nothing_to_close,
    ) -> None:
        self.way = way
        self._close = close
        self._deliver = deliver
        self._most = limits.alert_queue
        self._seconds = timeouts.alert_delivery
        self._pause = timeouts.alert_retry
        self._waiting: deque[Alert] = deque()
        self._working: asyncio.Task[None] | None = None
        self._incident = Incident(logger)
        self.lost = 0
        """Alerts that were given up."""

    def put(self, alert: Alert) -> None:
        """Deliver it soon. Raises nothing, and waits for nothing."""
        if len(self._waiting) >= self._most:
            self._waiting.popleft()
            self.lost += 1
        self._waiting.append(alert)
        if self._working is None:
            self._working = asyncio.get_running_loop().create_task(self._work())

    async def stop(self, patience: float) -> None:
        """Deliver what waits, for at most so many seconds."""
        if self._working is not None:
            await asyncio.wait([self._working], timeout=patience)
        if self._working is not None:
            self._working.cancel()
            await asyncio.gather(self._working, return_exceptions=True)
            self.lost += len(self._waiting)
            self._waiting.clear()
            self._working = None
        self._close()

    async def _work(self) -> None:
        while self._waiting:
            alert = self._waiting.popleft()
            try:
                is_taken = await self._try(alert)
            except asyncio.CancelledError:
                self._waiting.appendleft(alert)
                raise
            self.lost += not is_taken
        self._working = None

    async def _try(self, alert: Alert) -> bool:
        for number in range(TRIES):
            if number:
                await asyncio.sleep(self._pause * 2 ** (number - 1))
            try:
                await patiently(self._call(alert), self._seconds)
            except Exception as error:
                why = printable(error) if isinstance(error, DeliveryFailed) else where_raised(error)
                self._incident.begin("%s does not take alerts: %s; see to it", self.way, why)
            else:
                self._incident.end("%s takes alerts again", self.way)
                return True
        return False

    async def _call(self, alert: Alert) -> None:
        await self._deliver(alert)
