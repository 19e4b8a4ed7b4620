"""What this node knows to be revoked, and the store has lost, is written to the store again.

Rules of this file:
1. What was acknowledged holds: a store that comes back without it gets it from whoever still knows it.
2. Everything that is not forgotten is compared, once for each life of the log; several nodes write an entry once.
3. What was taken back stays so: an undo is written again, too.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from itertools import islice
from typing import Final

from .errors import NotAcknowledged, StoreError
from .policy.revocations import Body, RevocationIndex, RevocationLog
from .telemetry.redact import where_raised

logger = logging.getLogger(__name__)

RETRY_SECONDS: Final = 1.0
AT_ONCE: Final = 8
"""Entries that wait for their acknowledgement together: as many as a Redis store has connections for that."""


class Reassertion:
    """Writes again what is missing.

    Args:
        index: what this node knows.
    """

    moderations: Callable[[], Iterable[Body]]
    """What moderators have decided, as far as this node knows; whoever knows sets it."""

    def __init__(self, index: RevocationIndex) -> None:
        self.moderations = tuple
        self._index = index
        self._missing: deque[Body] = deque()
        self._found = asyncio.Event()

    def __len__(self) -> int:
        return len(self._missing)

    def compare(
        self,
        revocations: AbstractSet[str],
        undone: AbstractSet[str],
        moderations: AbstractSet[str] = frozenset(),
        *,
        ended: float,
        now: float,
    ) -> int:
        """Find what the log lacks, read as a whole; return how many entries are to be written.

        Args:
            revocations, undone, moderations: the ids in the log.
            ended: wall seconds; what expired before is none of anybody's business.
            now: wall seconds.
        """
        lost: list[Body] = [body for body in self._index.entries() if body.id not in revocations]
        lost += [body for body in self._index.undos(now) if body.id not in undone]
        lost += [body for body in self.moderations() if body.id not in moderations]
        self._missing = deque(body for body in lost if body.expires_at is None or body.expires_at >= ended)
        if self._missing:
            logger.error(
                "the store has lost %d entries of the log of revocations; they hold here, and are written to it again;"
                " `wssec revocations import` the newest export, too",
                len(self._missing),
            )
            self._found.set()
        return len(self._missing)

    async def write(self, log: RevocationLog) -> None:
        """Write everything that is missing, a few at a time.

        Raises:
            StoreError: not all of it is written; call it again.
        """
        missing, count = self._missing, len(self._missing)
        is_acknowledged = True
        while missing:
            some = list(islice(missing, AT_ONCE))
            for outcome in await asyncio.gather(*(log.append(body) for body in some), return_exceptions=True):
                if isinstance(outcome, NotAcknowledged):
                    is_acknowledged = False  # it is in the log, and lost again only if this node goes, too
                elif isinstance(outcome, BaseException):
                    raise outcome
            for _ in some:
                missing.popleft()
        if missing is not self._missing:
            return  # they were compared once more meanwhile
        self._found.clear()
        if count:
            told = "%d lost entries of the log of revocations have been written again%s"
            logger.warning(told, count, "" if is_acknowledged else ", but not acknowledged: see to the replicas")

    async def run(self, log: RevocationLog) -> None:
        """Write whatever is found to be missing, until cancelled."""
        while True:
            await self._found.wait()
            try:
                await self.write(log)
            except StoreError:
                await asyncio.sleep(RETRY_SECONDS)  # whoever follows the store says why
            except Exception as error:
                logger.error("writing lost revocations again failed: %s", where_raised(error))
                await asyncio.sleep(RETRY_SECONDS)
