"""Keeps how far the wall clock has come, so that not even a restart lets it go back unnoticed.

Rules of this file:
1. Each machine has a mark of its own: a node whose clock is wrong locks nobody out but itself.
2. One write a minute at most, and only of what has settled; nothing is asked of the store for a connection.
3. Only a person declares a clock to be right that reads earlier than before: `wssec store clock --accept`.
"""

import asyncio
import hashlib
import logging
import socket
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from .clock import Clock
from .errors import NotAcknowledged, StoreError
from .policy.credential_records import RecordKind, RecordStore
from .policy.high_water import HighWater
from .settings import Timeouts
from .telemetry.incidents import Incident
from .telemetry.redact import where_raised

logger = logging.getLogger(__name__)

LOOK_SECONDS: Final = 1.0
KEEP_SECONDS: Final = 60.0
"""Between two marks in the store: over a restart a clock may go back by so much more unnoticed."""
FORGET_SECONDS: Final = 7_776_000.0
"""90 days after a machine was last heard of."""
ACCEPTED: Final = "accepted"
REMEDY: Final = "set the clock, or run `wssec store clock --accept` if it is right now"
_PAGE: Final = 1_000
_DIGITS: Final = 12
"""Of whole seconds, so that marks sort by name."""


class Timekeeping:
    """The mark of this machine.

    Args:
        clock: whose wall clock is watched.
        timeouts: how large a step back passes.
    """

    def __init__(self, clock: Clock, timeouts: Timeouts) -> None:
        self._clock = clock
        self._mark = HighWater(timeouts.clock_step)
        self._machine = machine_name()
        self._is_recalled = False
        self._kept = 0.0
        self._keep_at = 0.0
        self._behind_since: float | None = None
        self.incident = Incident(logger, what="clock")

    @property
    def settled(self) -> float:
        """Wall seconds that are no glitch: what ended before may be forgotten."""
        return min(self._mark.settled, self._clock.wall())

    def look(self) -> None:
        """Look at both clocks."""
        wall = self._clock.wall()
        self._mark.look(wall, self._clock.monotonic())
        behind = self._mark.behind(wall)
        if behind:
            self._behind_since = wall if self._behind_since is None else min(self._behind_since, wall)
            told = "the clock reads %.0f s earlier than before: nobody new comes in; %s"
            self.incident.begin(told, behind, REMEDY)
        else:
            self._behind_since = None
            self.incident.end("the clock is where it was again, or further")

    def fault(self) -> str:
        """Why no credential can be judged by this clock; empty where it can."""
        behind = self._mark.behind(self._clock.wall())
        if behind:
            self.look()  # so that it is told, however short it lasts
        return f"the clock reads {behind:.0f} s earlier than before" if behind else ""

    async def recall(self, store: RecordStore) -> None:
        """Take over what an earlier process has kept. Costs one call, once.

        Raises:
            StoreError: it is not known.
        """
        if self._is_recalled:
            return
        marks = await marks_of(store, self._machine, 0.0)
        self._kept = max(marks, default=0.0)
        self._mark.recall(self._kept)
        self._is_recalled = True
        self.look()

    async def run(self, store: RecordStore) -> None:
        """Keep the mark, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self.keep(store)
            except StoreError as error:
                logger.debug("the mark of the clock was not kept: %s", error)  # whoever follows the store says why
            except Exception as error:
                logger.error("keeping the mark of the clock failed: %s", where_raised(error))

    async def keep(self, store: RecordStore) -> None:
        """Write the mark where that is due, and see whether somebody has accepted a clock that is behind.

        Raises:
            StoreError: it is not written.
        """
        if not self._is_recalled:
            return
        if self._behind_since is not None:
            await self._look_for_acceptance(store, self._behind_since)
            return
        now, settled = self._clock.monotonic(), float(int(self._mark.settled))
        if settled > self._kept and now >= self._keep_at:
            self._keep_at = now + KEEP_SECONDS
            await keep_mark(store, self._machine, settled)
            self._kept = settled

    async def _look_for_acceptance(self, store: RecordStore, since: float) -> None:
        wall = self._clock.wall()
        if any(since - 1 <= accepted <= wall + 1 for accepted in await marks_of(store, ACCEPTED, wall)):
            logger.warning("the clock was accepted as it is")
            self._mark.accept(wall)
            self._kept = 0.0
            self.look()


def machine_name() -> str:
    """What this machine's marks go by: its host name, hashed, so that any is a name."""
    return hashlib.sha256(socket.gethostname().encode("utf-8", "replace")).hexdigest()[:16]


async def marks_of(store: RecordStore, owner: str, now: float) -> Sequence[float]:
    """The marks that are kept under a name, the earliest first.

    Raises:
        StoreError: they are not known.
    """
    records = await store.list_records(RecordKind.CLOCK, now, after=f"{owner}.", most=_PAGE)
    found = [record.name.partition(".") for record in records]
    return [
        float(digits) for name, _, digits in found if name == owner and len(digits) == _DIGITS and _is_number(digits)
    ]


async def keep_mark(store: RecordStore, owner: str, mark: float, *, lasts: float = FORGET_SECONDS) -> None:
    """Write a mark, and drop the earlier ones of the same name.

    Raises:
        StoreError: it is not written.
    """
    mark = float(int(mark))
    with suppress(NotAcknowledged):  # the next one comes in a minute
        await store.put_record(RecordKind.CLOCK, _record(owner, mark), "", expires_at=mark + lasts, now=mark)
    for earlier in await marks_of(store, owner, mark):
        if earlier < mark:
            with suppress(NotAcknowledged):
                await store.drop_record(RecordKind.CLOCK, _record(owner, earlier))


async def accept_clock(store: RecordStore, now: float) -> int:
    """Say that the clock is right now: drop this machine's later marks, and tell running servers; return how many.

    Raises:
        StoreError: not all of it is done; do it again.
    """
    machine = machine_name()
    later = [mark for mark in await marks_of(store, machine, 0.0) if mark > now]
    for mark in later:
        await store.drop_record(RecordKind.CLOCK, _record(machine, mark))
    await keep_mark(store, ACCEPTED, float(int(now)), lasts=3_600.0)
    return len(later)


def _record(owner: str, mark: float) -> str:
    return f"{owner}.{int(mark):0{_DIGITS}d}"


def _is_number(digits: str) -> bool:
    return digits.isascii() and digits.isdecimal()
