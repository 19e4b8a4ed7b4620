"""Whether this process is too hard pressed to take anybody new in: a loop that stood still, memory that runs out.

Rules of this file:
1. Who is in stays; who comes is told 503 and to come back; who says nothing makes room.
2. A stall is nobody's silence: whoever is connected gets as much more time.
"""

import logging
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from .doorstep import Doorstep
from .settings import MiB
from .telemetry.incidents import Incident

logger = logging.getLogger(__name__)

STALL_SECONDS: Final = 1.0
"""A sweep this late means that the event loop stood still, not that the peers were silent."""
SHED_LAG_SECONDS: Final = 2.0
"""From this lag on newcomers are turned away, too: a pause of the machine is over by then."""
SHED_SECONDS: Final = 1.0
CALM_SECONDS: Final = 10.0
"""Without a stall, and the incident is over."""
MEMORY_SHARE: Final = 0.9
LOOK_SECONDS: Final = 1.0
_STATM: Final = Path("/proc/self/statm")


class Pressure:
    """What presses on one process.

    Args:
        memory_bytes: how much it may use; None: it is not looked at.
        doorstep: who goes first where memory runs out.
        monotonic: the clock of all deadlines.
    """

    def __init__(self, memory_bytes: int | None, doorstep: Doorstep, monotonic: Callable[[], float]) -> None:
        self._memory_bytes = memory_bytes
        self._doorstep = doorstep
        self._monotonic = monotonic
        self._stall = Incident(logger, monotonic, "event_loop")
        self._shortage = Incident(logger, monotonic, "memory")
        self.incidents = (self._stall, self._shortage)
        self._shed_until = self._calm_at = self._look_at = float("-inf")
        self._resident: int | None = None

    def stood_still(self, lag: float) -> None:
        """Take note that the loop was late by so many seconds."""
        now = self._monotonic()
        self._calm_at = now + CALM_SECONDS
        if lag > SHED_LAG_SECONDS:
            self._shed_until = now + SHED_SECONDS
        told = "the event loop stood still for %.1f s; deadlines have been moved by that; %s"
        self._stall.begin(told, lag, "find what blocks it: a slow call without await, or a machine without time for us")

    def look(self, now: float) -> None:
        """See how much memory is in use, and whether a stall is over."""
        if now >= self._calm_at:
            self._stall.end("the event loop runs smoothly again")
        if self._memory_bytes is None or now < self._look_at:
            return
        self._look_at = now + LOOK_SECONDS
        self._resident = resident_bytes()
        if not self._is_short():
            self._shortage.end("there is memory again")
            return
        told = "%d of %d MiB of memory are in use: nobody new comes in; %s"
        remedy = "raise Limits.memory_bytes where there is more, or lower Limits.connections"
        self._shortage.begin(told, (self._resident or 0) // MiB, self._memory_bytes // MiB, remedy)
        self._doorstep.shed(len(self._doorstep))

    def fault(self) -> str:
        """Why nobody new may come in; empty where that is not so."""
        if self._monotonic() < self._shed_until:
            return "the event loop has just stood still"
        return "memory is short" if self._is_short() else ""

    def _is_short(self) -> bool:
        most = self._memory_bytes
        return most is not None and self._resident is not None and self._resident >= most * MEMORY_SHARE


def resident_bytes() -> int | None:
    """How much memory this process has now; None where the system does not tell."""
    with suppress(OSError, ValueError, IndexError):
        return int(_STATM.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return None
