"""Whether anybody may come in: the store is known, fresh enough, and there is room."""

from collections.abc import Callable

from .doorstep import Doorstep
from .errors import NotReady, StoreError
from .hub import Hub
from .settings import Timeouts
from .watcher import LOOK_SECONDS, Watcher


class Readiness:
    """The gate of one guard.

    Args:
        hub: who is in.
        doorstep: who is connected and unknown; they make room for somebody who is known.
        timeouts: how stale the mirror of the store may be.
        most: connections in all.
        monotonic: the clock of all deadlines.
    """

    def __init__(
        self, hub: Hub, doorstep: Doorstep, timeouts: Timeouts, most: int, monotonic: Callable[[], float]
    ) -> None:
        self._hub = hub
        self._doorstep = doorstep
        self._timeouts = timeouts
        self._most = most
        self._monotonic = monotonic
        self.is_strict = not timeouts.mirror_for_new
        """Whether revocations may have no age at all, so that each newcomer has the store asked; see `freshen`."""
        self._stall: tuple[float | None, float] = (None, 0.0)
        """For how long the loop has stood still since the mirror was known to equal the store at that moment."""
        self.watcher: Watcher | None = None
        self.is_leaving = False
        """Whether others are told to send nobody here any more; who comes all the same is let in."""
        self.is_draining = False
        self.is_noticed: Callable[[], bool] = lambda: True
        """Whether all other nodes know of this one; whoever knows sets it."""

        self.faults: list[Callable[[], str]] = []
        """What else may keep everybody out; each says what, or nothing."""
        self.clock_fault: Callable[[], str] = lambda: ""
        """Why no credential can be judged by the clock; whoever watches it sets it."""

    def mirror(self) -> Watcher:
        """The mirror of the store.

        Raises:
            NotReady: the guard has not been started.
        """
        if self.watcher is None:
            raise NotReady("the guard is not started", remedy="use `async with guard:` or await guard.start()")
        return self.watcher

    def require(self) -> None:
        """Refuse everybody while something is not as it must be, or known connections fill the server.

        Raises:
            NotReady: saying what, to the log.
        """
        self.require_service()
        if len(self._hub) >= self._most:
            raise self._full()

    def require_service(self) -> None:
        """Refuse everybody while something is not as it must be; there is room, or a place is held already.

        Raises:
            NotReady: saying what, to the log.
        """
        if self.is_draining:
            raise NotReady("draining")
        self.require_judgement()
        for fault in self.faults:
            if told := fault():
                raise NotReady(told)
        if not self.is_noticed():
            raise NotReady("another node has not heard of this one yet", retry_after=1.0)

    def require_judgement(self) -> None:
        """Refuse every credential while it cannot be told whether it is still good.

        Raises:
            NotReady: saying why, to the log.
        """
        mirror = self.mirror()
        if mirror.generation is None:
            remedy = "make one with `wssec store migrate` if this is the right store"
            raise NotReady("the store holds no generation", remedy=remedy)
        if mirror.age > self._most_for(self._timeouts.mirror_for_new):
            raise NotReady(f"revocations are {mirror.age:.0f} s old")
        if told := self.clock_fault():
            raise NotReady(told)

    def require_room(self) -> None:
        """Refuse one more who is unknown, where nothing is free.

        Raises:
            NotReady: there are as many connections as there may be.
        """
        if len(self._hub) + len(self._doorstep) >= self._most:
            raise self._full()

    def make_room(self) -> None:
        """Take a place for somebody who is known, from somebody unknown where nothing else is free.

        Raises:
            NotReady: there are as many known connections as there may be.
        """
        if len(self._hub) >= self._most:
            raise self._full()
        if len(self._hub) + len(self._doorstep) >= self._most:
            self._doorstep.shed(1)

    def _full(self) -> NotReady:
        return NotReady(f"there are {self._most} connections")

    def is_ready(self) -> bool:
        """Whether new connections should come here, and would be let in."""
        if self.is_leaving:
            return False
        try:
            self.require()
        except NotReady:
            return False
        return True

    def is_too_stale(self) -> bool:
        """Whether live connections must go, too: revocations may have been missed for longer than the grace."""
        if self.watcher is None:
            return False
        synced_at, lag = self._stall
        spared = lag if synced_at == self.watcher.synced_at else 0.0
        return self.watcher.age - spared > self._most_for(self._timeouts.mirror_for_live)

    def extend(self, lag: float) -> None:
        """Forgive those who are in the time in which this process could not look; newcomers are forgiven nothing."""
        if self.watcher is not None:
            synced_at, before = self._stall
            now_at = self.watcher.synced_at
            self._stall = (now_at, lag + (before if synced_at == now_at else 0.0))

    async def freshen(self) -> None:
        """Have the store asked what is revoked, after this was called.

        Raises:
            NotReady: it does not answer.
        """
        try:
            await self.mirror().catch_up_since(self._monotonic())
        except StoreError as error:
            raise NotReady(f"the store does not say what is revoked: {error}") from error

    def _most_for(self, grace: float) -> float:
        """How old the mirror may be: never less than it grows between two looks, where all is well."""
        return max(grace, LOOK_SECONDS + 2 * self._timeouts.store_call)
