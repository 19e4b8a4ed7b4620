"""The mirror: revocations and keys as the store has them, in memory, and how old that picture is."""

import asyncio
import logging
from typing import Final

from .clock import Clock
from .enforcement import Enforcer
from .errors import StoreError
from .keeper import KeyKeeper
from .policy.revocations import LogEntry, RevocationIndex
from .stores.base import Generation, Store

logger = logging.getLogger(__name__)

BATCH: Final = 1_000
LOOK_SECONDS: Final = 1.0
"""The longest wait between two looks: a quiet store must still prove that it is there."""
RETRY_SECONDS: Final = 0.5


class Watcher:
    """Follows the store's log by cursor, so that nothing is lost between looks.

    Args:
        store: the truth.
        index: what is answered from.
        clock: for the age of the mirror.
        enforcer: closes what new entries match.
        keeper: takes over the published keys.
    """

    def __init__(
        self,
        store: Store,
        index: RevocationIndex,
        clock: Clock,
        enforcer: Enforcer,
        keeper: KeyKeeper,
    ) -> None:
        self.store = store
        self._index = index
        self._clock = clock
        self._enforcer = enforcer
        self._keeper = keeper
        self._is_open = False
        self._cursor: str | None = None
        self._keys: str | None = None
        self._synced_at: float | None = None
        self.generation: Generation | None = None

    @property
    def age(self) -> float:
        """Seconds since the mirror was known to equal the store; infinite before the first time."""
        return float("inf") if self._synced_at is None else self._clock.monotonic() - self._synced_at

    async def catch_up(self) -> None:
        """Bring the mirror up to date.

        Raises:
            StoreError: the store does not answer, or is none of ours; the mirror stays as it was.
        """
        started = self._clock.monotonic()
        if not self._is_open:
            await self.store.open()
            self._is_open = True
        generation = await self.store.generation()
        if generation is None:
            # An empty store never means "nothing is revoked".
            self.generation = None
            self._synced_at = None
            return
        if self.generation is not None and generation.id != self.generation.id:
            logger.warning("the store has another generation than before; reading its log from the start")
            self._cursor = None
        self.generation = generation
        await self._read_log()
        await self._read_keys()
        self._synced_at = started

    async def run(self) -> None:
        """Follow the store until cancelled."""
        mark = ""
        while True:
            try:
                await self.catch_up()
                mark = await self.store.wait_for_change(mark, LOOK_SECONDS)
            except StoreError as error:
                logger.warning("the store does not answer: %s; the mirror is %.1f s old", error, self.age)
                await asyncio.sleep(RETRY_SECONDS)

    async def _read_log(self) -> None:
        before = self._index.generation
        while entries := await self.store.read_after(self._cursor, BATCH):
            for entry in entries:
                self._apply(entry)
        if self._index.generation != before:
            self._enforcer.enforce()

    def _apply(self, entry: LogEntry) -> None:
        revocation = self._index.apply(entry)
        self._cursor = entry.cursor
        if revocation is not None:
            self._enforcer.added(revocation)

    async def _read_keys(self) -> None:
        document = await self.store.published_keys()
        if document is not None and document != self._keys:
            self._keeper.publish(document)
            self._keys = document
