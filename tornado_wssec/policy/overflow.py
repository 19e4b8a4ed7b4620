"""What becomes of a message whose reader is too slow for it (R073)."""

from enum import StrEnum


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
