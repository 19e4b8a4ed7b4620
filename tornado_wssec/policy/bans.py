"""Who may not come back for a while.

Rules of this file:
1. Time is a monotonic clock in float seconds, handed in.
2. A table is bounded, and making room in it never lets anybody back early (R07).
"""

import math
from collections import OrderedDict
from collections.abc import Hashable
from itertools import islice
from typing import Final, Generic, TypeVar

K = TypeVar("K", bound=Hashable)

SHARDS: Final = 1_024
"""Bans that are shared by the keys for which a full table has no room."""


class BanTable(Generic[K]):
    """Bans by key, for at most `most` keys at a time.

    Only a ban that is over is forgotten. While there is none, further keys share a fixed number of bans: somebody
    innocent may have to wait with them, but nobody is let back for want of room.

    Args:
        seconds: how long each is banned.
        most: how many keys have bans of their own.
    """

    __slots__ = ("_ends", "_most", "_own", "_seconds", "_shared")

    def __init__(self, seconds: float, *, most: int) -> None:
        self._seconds = seconds
        self._ends = -math.inf
        self._most = most
        self._own: OrderedDict[K, float] = OrderedDict()  # until when; the one that is over first stands in front
        self._shared = [0.0] * SHARDS

    def ban(self, key: K, now: float) -> None:
        """Ban from now on; a ban that is running already starts anew."""
        self._forget(now)
        self._ends = max(self._ends, now + self._seconds)
        if key in self._own or len(self._own) < self._most:
            self._own[key] = now + self._seconds
            self._own.move_to_end(key)
        else:
            self._shared[hash(key) % SHARDS] = now + self._seconds

    def wait(self, key: K, now: float) -> float:
        """Return the seconds that are left; 0.0 for whoever is not banned."""
        return max(self._own.get(key, now), self._shared[hash(key) % SHARDS], now) - now

    def is_idle(self, now: float) -> bool:
        """Whether nobody is banned any more."""
        return self._ends <= now

    def _forget(self, now: float) -> None:
        """Forget two bans that are over for each that comes, so an old crowd melts away."""
        for key in [key for key, until in islice(self._own.items(), 2) if until <= now]:
            del self._own[key]

    def __len__(self) -> int:
        return len(self._own)
