"""What becomes of a message whose reader is too slow for it (R073)."""

from enum import StrEnum
from typing import Any, Self


class Overflow(StrEnum):
    """What a full outbound queue does with one more message of a type.

    A slow reader costs only itself: whichever is chosen, the queue stays under its caps.
    """

    DISCONNECT = "disconnect"
    """End the connection with 4413: who misses one of these must start anew. Replies are always of this kind."""
    DROP_OLDEST = "drop_oldest"
    """Make room: what matters is the newest."""
    DROP_NEWEST = "drop_newest"
    """Leave it out: what is there already matters more."""
    COALESCE = "coalesce"
    """Take the place of the one of the same key that still waits; only the newest of each key matters."""

    @classmethod
    def parse(cls, value: Any) -> Self:
        """Read an option.

        Raises:
            ValueError: it is none of these.
        """
        if value not in tuple(cls):
            raise ValueError(f"is {value!r}; write one of {', '.join(cls)}")
        return cls(value)
