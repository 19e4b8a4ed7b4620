"""The bars: what must hold, written once."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Bar:
    """One figure that must be reached.

    Args:
        id: as in the documentation.
        what: the figure, in words.
        bound: the ratio that must hold.
        stretch: the ratio that we are after; None: none is named.
        is_ceiling: whether the figure must not be above the bound; else it must not be below.
    """

    id: str
    what: str
    bound: float
    stretch: float | None = None
    is_ceiling: bool = False

    def holds(self, figure: float) -> bool:
        """Whether this figure reaches the bar."""
        return figure <= self.bound if self.is_ceiling else figure >= self.bound

    def stretches(self, figure: float) -> bool:
        """Whether it reaches what we are after, too."""
        if self.stretch is None:
            return False
        return figure <= self.stretch if self.is_ceiling else figure >= self.stretch


HANDSHAKES: Final = (
    Bar("P7.hs256", "handshakes with a fresh HS256 token, against bare Tornado", 0.60, 0.72),
    Bar("P7.eddsa", "handshakes with a fresh EdDSA token, against bare Tornado", 0.50, 0.60),
    Bar("P7.known", "reconnects with a token that is known, against bare Tornado", 0.80, 0.95),
    Bar("P7.sqlite_ticket", "handshakes with a ticket in SQLite, against bare Tornado", 0.65),
    Bar("P7.redis_ticket", "handshakes with a ticket in Redis, against bare Tornado", 0.60),
)
