"""The broker of a process that is alone: whoever listens, listens here.

With a store that is no message broker (SQLite, memory) each process of an application has its own, and a publication
reaches the clients of the process that publishes.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence

from ..policy.attendance import Attendance
from ..policy.broker import Broadcast, Kept, Listener, Present, Resumed
from ..policy.history import Histories


class LocalBroker:
    """Hands over what is published, before `publish` returns.

    Args:
        node: the name of this process.
        listener: who hears.
        wall: seconds of the wall clock.
        history_bytes: what all histories together may take; see `Histories`.
    """

    reach = "the clients of this process alone"

    def __init__(
        self, node: str, listener: Listener, wall: Callable[[], float], history_bytes: float = math.inf
    ) -> None:
        self.node = node
        self._listener = listener
        self._wall = wall
        self._histories = Histories(wall(), history_bytes)
        self._attendance = Attendance()
        self._wanted: Counter[str] = Counter()

    async def start(self) -> None:
        """Nothing has to be begun."""

    async def stop(self) -> None:
        """Nothing has to be ended."""

    def tick(self) -> None:
        """Forget what has ended."""
        self._histories.forget(self._wall())

    def want(self, channel: str, kept: Kept | None) -> None:
        """It is brought from now on."""
        self._wanted[channel] += 1

    def unwant(self, channel: str) -> None:
        """One less who listens."""
        self._wanted[channel] -= 1
        if self._wanted[channel] <= 0:
            del self._wanted[channel]

    async def publish(self, broadcast: Broadcast, kept: Kept | None) -> int | None:
        """Hand it over."""
        if kept is not None:
            broadcast = self._histories.add(broadcast, kept, self._wall())
        if broadcast.channel in self._wanted:
            self._listener.deliver(broadcast)
        return broadcast.seq

    def elsewhere(self, channel: str) -> int:
        """Nobody."""
        return 0

    async def resume(self, channel: str, kept: Kept, since: int | None) -> Resumed:
        """What came behind `since`, from memory."""
        return self._histories.resume(channel, kept, since, self._wall())

    def enter(self, channel: str, who: Present) -> None:
        """One more connection."""
        if self._attendance.enter(channel, who):
            self._listener.moved(channel, who, True)

    def leave(self, channel: str, who: Present) -> None:
        """One connection less."""
        if self._attendance.leave(channel, who):
            self._listener.moved(channel, who, False)

    async def present(self, channel: str) -> Sequence[Present]:
        """Who is here."""
        return self._attendance.present(channel)
