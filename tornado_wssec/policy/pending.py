"""Who has connected and not yet said what he wants, and who of them goes when there are too many.

Rules of this file:
1. The one that has been silent the longest goes, not the one that comes: a client that knows what it wants is done
   within milliseconds, and finds room however many hold still.
2. A key, an address, only ever displaces its own.
"""

from collections import OrderedDict
from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

C = TypeVar("C", bound=Hashable)


class Pending(Generic[C]):
    """Connections without a whole request, oldest first.

    Args:
        most: in all.
        most_per_key: of one key.
    """

    __slots__ = ("_by_key", "_keys", "_most", "_most_per_key")

    def __init__(self, most: int, most_per_key: int) -> None:
        self._most = most
        self._most_per_key = most_per_key
        self._keys: OrderedDict[C, str | None] = OrderedDict()
        self._by_key: dict[str, OrderedDict[C, None]] = {}

    def enter(self, one: C, key: str | None) -> C | None:
        """Count one in as the youngest; return who has to go for it.

        Args:
            key: whom it counts against; None: nobody, as for a proxy behind which everybody is.
        """
        self.leave(one)
        self._keys[one] = key
        if key is not None:
            siblings = self._by_key.setdefault(key, OrderedDict())
            siblings[one] = None
            if len(siblings) > self._most_per_key:
                return self._without(next(iter(siblings)))
        return self.shed() if len(self._keys) > self._most else None

    def leave(self, one: C) -> None:
        """It has sent its request, or is gone. Whoever is not in may leave, too."""
        key = self._keys.pop(one, None)
        if key is not None:
            siblings = self._by_key[key]
            del siblings[one]
            if not siblings:
                del self._by_key[key]

    def shed(self) -> C | None:
        """Count the oldest out and return it; None where there is none."""
        return self._without(next(iter(self._keys))) if self._keys else None

    def __iter__(self) -> Iterator[C]:
        """The oldest first; whoever leaves meanwhile ends it with a RuntimeError."""
        return iter(self._keys)

    def _without(self, one: C) -> C:
        self.leave(one)
        return one

    def __contains__(self, one: C) -> bool:
        return one in self._keys

    def __len__(self) -> int:
        return len(self._keys)
