"""The mirror: revocations and keys as the store has them, in memory, and how old that picture is."""

import asyncio
import logging
from collections.abc import Sequence
from types import MappingProxyType
from typing import Final

from .clock import Clock
from .enforcement import Enforcer
from .errors import StoreError, StoreUnavailable
from .keeper import KeyKeeper
from .policy.moderation_entries import Moderation
from .policy.revocations import SKEW_SECONDS, Body, LogEntry, Notice, Revocation, RevocationIndex, Undo, outlasting
from .reassertion import Reassertion
from .settings import Timeouts, TokenRules
from .stores.base import Generation, Store
from .telemetry.incidents import Incident
from .telemetry.redact import where_raised
from .timekeeping import Timekeeping

logger = logging.getLogger(__name__)

BATCH: Final = 1_000
LOOK_SECONDS: Final = 1.0
"""The longest wait between two looks: a quiet store must still prove that it is there."""
RETRY_SECONDS: Final = 0.25
PRUNE_SECONDS: Final = 600.0
RESTORE: Final = "see that it is the right database, restore it, or run `wssec store migrate` and import an export"


class Watcher:
    """Follows the store's log by cursor, so that nothing is lost between looks.

    Args:
        store: the truth.
        index: what is answered from.
        clock: for the age of the mirror.
        enforcer: closes what new entries match.
        keeper: takes over the published keys.
        rules: of every issuer whose tokens are accepted: how long tokens live here, and so revocations.
        timeouts: how long sessions live.
        timekeeping: how far the clock has come; nothing is deleted by a clock that may be wrong.
    """

    def __init__(
        self,
        store: Store,
        index: RevocationIndex,
        clock: Clock,
        enforcer: Enforcer,
        keeper: KeyKeeper,
        rules: Sequence[TokenRules],
        timeouts: Timeouts,
        timekeeping: Timekeeping,
    ) -> None:
        self.store = store
        self._rules = rules
        self._timeouts = timeouts
        self._timekeeping = timekeeping
        self._prune_at = clock.monotonic()
        self.reassertion = Reassertion(index)
        self._silence = Incident(logger, clock.monotonic, "store_silent")
        self._loss = Incident(logger, clock.monotonic, "store_lost")
        self.incidents = (self._silence, self._loss)
        self._life: str | None = None
        self._whole: tuple[set[str], set[str], set[str]] | None = None
        """While the log is read from the start: the ids of the revocations, undos and moderations in it."""
        self._failed_at: float | None = None
        self._index = index
        self._clock = clock
        self._enforcer = enforcer
        self._keeper = keeper
        self._is_open = False
        self._reading = asyncio.Lock()
        self._cursor: str | None = None
        self._keys: str | None = None
        self.synced_at: float | None = None
        """Monotonic seconds of the last moment at which the mirror was known to equal the store."""
        self.generation: Generation | None = None
        self._last_generation: Generation | None = None

    @property
    def age(self) -> float:
        """Seconds since the mirror was known to equal the store; infinite before the first time."""
        return float("inf") if self.synced_at is None else self._clock.monotonic() - self.synced_at

    async def catch_up(self) -> None:
        """Bring the mirror up to date.

        Raises:
            StoreError: the store does not answer, or is none of ours; the mirror stays as it was.
        """
        # One at a time: of two that read on from one place, the slower would apply again what has been undone since.
        async with self._reading:
            await self._catch_up()

    async def catch_up_since(self, moment: float) -> None:
        """Bring the mirror to what the store had at a moment, or later. Many who ask at once share one look.

        Args:
            moment: monotonic seconds.

        Raises:
            StoreError: as `catch_up`.
        """
        async with self._reading:
            if self.synced_at is not None and self.synced_at >= moment:
                return
            if self._failed_at is not None and self._failed_at >= moment:
                raise StoreUnavailable(f"{self.store.url} did not answer just now")
            await self._catch_up()

    async def _catch_up(self) -> None:
        started = self._clock.monotonic()
        try:
            await self._look(started)
        except StoreError as error:
            self._failed_at = started
            told = "the store does not answer: %s; revocations are %.1f s old; see that it runs and can be reached"
            self._silence.begin(told, error, self.age)
            raise
        self._silence.end("the store answers again, and everything that it has been told meanwhile is known")

    async def _look(self, started: float) -> None:
        if not self._is_open:
            await self.store.open()
            self._is_open = True
        generation = await self.store.generation()
        if not self._is_in_force(generation):
            if generation is not None and not generation.is_whole and self._life is not None:
                self._life = ""  # read it all, and find what is missing
                await self._notice_life()
                await self._read_log()
            return
        await self._timekeeping.recall(self.store)
        await self._notice_life()
        await self._read_log()
        await self._read_keys()
        self.synced_at = started

    async def _notice_life(self) -> None:
        """Read the log from the start where it may be another one, and compare it with what is known."""
        life = await self.store.log_life()
        if life != self._life:
            if self._life is not None:
                self._cursor, self._whole = None, (set(), set(), set())
            self._life = life

    def _is_in_force(self, found: Generation | None) -> bool:
        """Take note of the store's generation; a missing or older one is no picture of what is revoked.

        The mirror stays as it is then, and nobody new comes in: an empty store never means "nothing is revoked".
        """
        known = self._last_generation
        if lost := _what_is_lost(found, known):
            self._loss.begin("the store at %s has lost %s; nobody new comes in; %s", self.store.url, lost, RESTORE)
            self.generation = None
        if found is None or lost:
            return False
        self._loss.end("the store has a generation, and all that was written in it")
        if known is not None and found.id != known.id:
            logger.warning("the store has another generation than before; reading its log from the start")
            self._life = ""
        self.generation = self._last_generation = found
        return True

    async def run(self) -> None:
        """Follow the store until cancelled."""
        mark = ""
        while True:
            try:
                await self.catch_up()
                await self._prune()
                mark = await self.store.wait_for_change(mark, LOOK_SECONDS)
            except StoreError:  # told by whoever looked
                await asyncio.sleep(RETRY_SECONDS)
            except Exception as error:
                # A mistake of ours must not end the watch: revocations would go unseen without a word.
                logger.error("following the store failed: %s", where_raised(error))
                await asyncio.sleep(RETRY_SECONDS)

    async def _prune(self) -> None:
        """Now and then delete what ended so long ago that no server's tokens can still be matched by it."""
        now = self._clock.monotonic()
        if now >= self._prune_at and self.generation is not None:
            self._prune_at = now + PRUNE_SECONDS
            settled = self._timekeeping.settled
            ended = settled - max(rules.max_lifetime for rules in self._rules) - 2 * self._timeouts.age
            await self.store.prune(ended, BATCH)
            await self.store.prune(settled - SKEW_SECONDS, BATCH, notices=True)

    async def _read_log(self) -> None:
        before = self._index.generation
        try:
            while entries := await self.store.read_after(self._cursor, BATCH):
                for entry in entries:
                    self._apply(entry)
            if self._whole is not None:
                whole, self._whole = self._whole, None
                self.reassertion.compare(*whole, ended=self._timekeeping.settled, now=self._clock.wall())
        finally:
            # Also when the store fails in between: what is known is enforced.
            if self._index.generation != before:
                self._enforcer.enforce()

    def _apply(self, entry: LogEntry) -> None:
        if self._whole is not None and not isinstance(entry.body, Notice):
            self._whole[_PARTS[type(entry.body)]].add(entry.body.id)
        if isinstance(entry.body, (Notice, Moderation)):
            if isinstance(entry.body, Notice):
                self._enforcer.heed(entry.body)
            else:
                self._enforcer.moderate(entry.body, is_news=self.synced_at is not None)
            self._cursor = entry.cursor
            return
        body = outlasting(entry.body, self._rules, self._timeouts)
        revocation = self._index.apply(LogEntry(entry.cursor, body))
        self._cursor = entry.cursor
        if revocation is not None:
            self._enforcer.added(revocation)

    async def _read_keys(self) -> None:
        document = await self.store.published_keys()
        if document is not None and document != self._keys:
            await self._keeper.publish(document)
            self._keys = document


_PARTS: Final = MappingProxyType[type[Body], int]({Revocation: 0, Undo: 1, Moderation: 2})
"""Where `Watcher._whole` keeps the ids of each."""


def _what_is_lost(found: Generation | None, known: Generation | None) -> str:
    if found is None:
        return "its generation"
    if not found.is_whole:
        return "entries of its log"
    return "its last generation, and has an older one" if known is not None and found.made_at < known.made_at else ""
