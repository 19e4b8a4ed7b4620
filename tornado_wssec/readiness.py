"""Whether anybody may come in: the store is known, fresh enough, and there is room."""

from .errors import NotReady
from .hub import Hub
from .settings import Timeouts
from .watcher import Watcher


class Readiness:
    """The gate of one guard.

    Args:
        hub: who is in.
        timeouts: how stale the mirror of the store may be.
        most: connections in all.
    """

    def __init__(self, hub: Hub, timeouts: Timeouts, most: int) -> None:
        self._hub = hub
        self._timeouts = timeouts
        self._most = most
        self.watcher: Watcher | None = None
        self.is_draining = False

    def mirror(self) -> Watcher:
        """The mirror of the store.

        Raises:
            NotReady: the guard has not been started.
        """
        if self.watcher is None:
            raise NotReady("the guard is not started", remedy="use `async with guard:` or await guard.start()")
        return self.watcher

    def require(self) -> None:
        """Refuse everybody while something is not as it must be.

        Raises:
            NotReady: saying what, to the log.
        """
        if self.is_draining:
            raise NotReady("draining")
        mirror = self.mirror()
        if mirror.generation is None:
            remedy = "make one with `wssec store migrate` if this is the right store"
            raise NotReady("the store holds no generation", remedy=remedy)
        if mirror.age > self._timeouts.mirror_for_new:
            raise NotReady(f"revocations are {mirror.age:.0f} s old")
        if len(self._hub) >= self._most:
            raise NotReady(f"there are {self._most} connections")

    def is_ready(self) -> bool:
        """Whether a new connection would be let in."""
        try:
            self.require()
        except NotReady:
            return False
        return True

    def is_too_stale(self) -> bool:
        """Whether live connections must go, too: revocations may have been missed for longer than the grace."""
        return self.watcher is not None and self.watcher.age > self._timeouts.mirror_for_live
