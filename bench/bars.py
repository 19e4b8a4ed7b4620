"""The bars: what must hold, written once."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Bar:
    """One figure that must be reached.

    Args:
        id: as in the documentation.
        what: the figure, in words.
        least: the ratio that must hold.
        stretch: the ratio that we are after; None: none is named.
    """

    id: str
    what: str
    least: float
    stretch: float | None = None


HANDSHAKES: Final = (
    Bar("P7.hs256", "handshakes with a fresh HS256 token, against bare Tornado", 0.60, 0.72),
    Bar("P7.eddsa", "handshakes with a fresh EdDSA token, against bare Tornado", 0.50, 0.60),
    Bar("P7.known", "reconnects with a token that is known, against bare Tornado", 0.80, 0.95),
    Bar("P7.sqlite_ticket", "handshakes with a ticket in SQLite, against bare Tornado", 0.65),
    Bar("P7.redis_ticket", "handshakes with a ticket in Redis, against bare Tornado", 0.60),
)
