"""What a node hears of one channel: each publication once, in order, and nothing missing unsaid.

Rules of this file:
1. A number that has been heard is not heard again.
2. A number whose predecessor has not been heard waits until the history has said what is missing, or that it cannot.
3. A number that follows nothing is believed when the server has given it: who may publish there, and is none of us,
   could else end the channel here with a high one.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from ..errors import StoreError
from ..policy.broker import Broadcast, Kept, Listener, Resumed
from ..policy.history import FRESH

WAITING_MOST: Final = 1_000
"""Publications of a channel that wait while it is mended; more are a gap."""

ATTEMPTS: Final = 20
ATTEMPT_SECONDS: Final = 0.25
"""Between two attempts to read the history; then it is a gap."""

Read = Callable[[int | None], Awaitable[Resumed]]


class Course:
    """One channel that has listeners here.

    Args:
        channel: its name.
        kept: what is kept of it; None: nothing, and then a broken link is a gap.
        listener: who hears.
        read: reads its history behind a number.
        ignored: is told of each publication that the server has not numbered.
    """

    __slots__ = (
        "_given",
        "_heard",
        "_ignored",
        "_is_stale",
        "_listener",
        "_mending",
        "_read",
        "_waiting",
        "channel",
        "kept",
        "listeners",
    )

    def __init__(
        self, channel: str, kept: Kept | None, listener: Listener, read: Read, ignored: Callable[[], None]
    ) -> None:
        self.channel = channel
        self.kept = kept
        self.listeners = 0
        self._listener = listener
        self._read = read
        self._ignored = ignored
        self._heard: int | None = None
        self._given = 0  # the server has given no higher number, when it was asked last
        self._waiting: list[tuple[Broadcast, int] | None] = []
        self._mending: asyncio.Task[None] | None = None
        self._is_stale = False

    async def begin(self) -> None:
        """Find where the channel is, so that a link that breaks before anything is heard loses nothing either.

        Raises:
            StoreUnavailable: it cannot be found now.
        """
        if self.kept is not None and self._heard is None:
            seq = (await self._read(None)).seq
            # Whoever came at the same time may have found it before, and what he was promised is on its way still.
            if self._heard is None:
                self._heard = seq
            self._given = max(self._given, seq)

    @property
    def has_begun(self) -> bool:
        """Whether it knows where the channel is, as far as that matters."""
        return self.kept is None or self._heard is not None

    def hear(self, broadcast: Broadcast, after: int) -> None:
        """A publication has arrived.

        Args:
            after: the number of the one before it.
        """
        if self._mending is not None:
            self._waiting.append((broadcast, after))
            if len(self._waiting) > WAITING_MOST:
                self._waiting = [None] if None in self._waiting else []
                self._is_stale = True
        elif not self._follows(broadcast, after):
            self._waiting.append((broadcast, after))
            self._look(is_stale=after != FRESH and self._heard is not None)
        else:
            self._hand_over(broadcast)

    def mend(self) -> None:
        """Something may be missing: fetch it, or say so."""
        if self.kept is None:
            self._listener.gap(self.channel)
        elif self._mending is not None:
            self._is_stale = True
        else:
            self._look(is_stale=True)

    def warn(self) -> None:
        """Something is missing that nobody has, behind what waits."""
        if self._mending is not None:
            self._waiting.append(None)
        else:
            self._listener.gap(self.channel)

    def end(self) -> None:
        """Nobody listens any more."""
        if self._mending is not None:
            self._mending.cancel()

    def _follows(self, broadcast: Broadcast, after: int) -> bool:
        # Another node may keep what we were not told to keep: what is missing cannot be fetched, and holds up nothing.
        if self.kept is None or broadcast.seq is None:
            return True
        if self._heard is not None and (after == self._heard or broadcast.seq <= self._heard):
            return True  # what has been heard already is left out
        return (self._heard is None or after == FRESH) and broadcast.seq <= self._given

    def _hand_over(self, broadcast: Broadcast) -> None:
        if self.kept is not None and broadcast.seq is not None:
            if self._heard is not None and broadcast.seq <= self._heard:
                return
            self._heard = broadcast.seq
        self._listener.deliver(broadcast)

    def _look(self, *, is_stale: bool) -> None:
        self._is_stale = is_stale
        self._mending = asyncio.get_running_loop().create_task(self._mend())

    async def _mend(self) -> None:
        try:
            doubted = len(self._waiting)
            is_known = await (self._catch_up() if self._is_stale else self._ask())
            while self._is_stale:
                doubted = len(self._waiting)
                is_known = await self._catch_up()
        finally:
            self._mending = None
        waiting, self._waiting = self._waiting, []
        for place, one in enumerate(waiting):
            if one is None:
                self.warn()
            elif place >= doubted or one[0].seq is None or one[0].seq <= self._given:
                self.hear(*one)
            elif is_known:
                self._ignored()  # it was here before the server was asked, which knows nothing of it

    async def _ask(self) -> bool:
        """Find how far the server has numbered; whether it could be found."""
        resumed = await self._patiently_read(None)
        if resumed is None:
            self._listener.gap(self.channel)
            self._heard = None
            return False
        self._given = max(self._given, resumed.seq)
        return True

    async def _catch_up(self) -> bool:
        """Fetch what is missing; whether it could be found."""
        self._is_stale = False
        resumed = await self._patiently_read(self._heard)
        if self._heard is None or resumed is None:
            self._listener.gap(self.channel)
        for one in resumed.in_order(None) if resumed else ():
            if one is None:
                self._listener.gap(self.channel)
            else:
                self._hand_over(one)
        if resumed is None:
            self._heard = None
            return False
        self._heard = self._given = max(resumed.seq, self._heard or 0)
        return True

    async def _patiently_read(self, since: int | None) -> Resumed | None:
        for attempt in range(ATTEMPTS):
            try:
                return await self._read(since)
            except StoreError:
                if attempt < ATTEMPTS - 1:
                    await asyncio.sleep(ATTEMPT_SECONDS)
        return None
