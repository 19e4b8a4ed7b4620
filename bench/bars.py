"""The bars: what must hold, written once."""

import sys
from dataclasses import dataclass
from typing import Final

IS_FIRST: Final = sys.version_info < (3, 12)
"""On Python 3.11 bare Tornado is slower than on later ones, and so the ratios to it are larger."""


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

MESSAGES: Final = (
    Bar("P1.bare", "small messages, one at a time, against bare Tornado", 4.0 if IS_FIRST else 3.5, 4.6),
    *(
        (
            Bar("P1.node", "small messages, one at a time, against Node with ws and ajv", 1.0),
            Bar("P1.aiohttp", "small messages, one at a time, against aiohttp with msgspec", 1.1),
        )
        if IS_FIRST
        else ()
    ),
    Bar("P2.bare", "small messages, 16 at a time, against bare Tornado", 6.3 if IS_FIRST else 5.8, 9.0),
    Bar("P2.picows", "small messages, 16 at a time, against picows with msgspec", 1.5),
    Bar("P3.bare", "medium messages, one at a time, against bare Tornado", 2.8 if IS_FIRST else 2.4, 3.5),
    Bar("P3.node", "medium messages, one at a time, against Node with ws and ajv", 1.0),
    Bar("P4.small", "small messages, one at a time, against Tornado secured naively", 6.0, 8.0),
    Bar("P4.medium", "medium messages, one at a time, against Tornado secured naively", 18.0, 25.0),
)

VALIDATION: Final = (
    Bar("P6.small", "a small message checked by what was written for its schema, against Schema.load", 15.0),
    Bar("P6.medium", "a medium message read and checked by types, against Schema.load alone", 30.0),
    Bar("P6.refusal", "a medium message refused without words, against every fault told", 20.0),
)

SECURITY: Final = (
    Bar("P5.small", "what all security work adds to a small message, of 3 µs", 1.0, 0.67, is_ceiling=True),
    Bar("P5.medium", "what all security work adds to a medium message, of 8 µs", 1.0, 0.63, is_ceiling=True),
)

MEMORY: Final = (
    Bar("P8.idle", "memory of an idle authenticated connection, of bare Tornado's", 0.6, 0.35, is_ceiling=True),
    Bar("P8.linear", "memory a connection among most connections, of that among fewest (±5 %)", 1.105, is_ceiling=True),
)

FANOUT: Final = (
    Bar("P9.naive", "one message to 1,000 listeners, against Tornado's loop over write_message", 5.0, 7.0),
    Bar("P9.websockets", "one message to 1,000 listeners, against websockets.broadcast", 1.2),
    Bar("P9.node", "one message to 1,000 listeners, against Node with ws", 1.0),
    Bar("P9.slow", "how long they wait (p99) with one among them who reads nothing", 1.1, is_ceiling=True),
)

TRADING: Final = (
    Bar(
        "S4.cost",
        "server CPU for each quote to 1,000 fast readers, beside 50 slow ones, of without them",
        1.2,
        1.1,
        is_ceiling=True,
    ),
    Bar(
        "S4.slow",
        "how old quotes are for 1,000 fast readers (p99) beside 50 slow ones, of without them",
        1.2,
        1.1,
        is_ceiling=True,
    ),
)

NODES: Final = (
    Bar(
        "P9.nodes",
        "one message to 10,000 listeners of four processes joined by Redis, against python-socketio's Redis manager",
        4.0,
    ),
)

FLOOD: Final = (
    Bar("P11", "how long polite clients wait (median) beside a flood, of bare Tornado's", 0.2, 0.1, is_ceiling=True),
)

CROWD: Final = (
    Bar(
        "P12",
        "cost of a message where it is most, of where it is least: 10 to 10,000 connections (±20 %)",
        1.5,
        is_ceiling=True,
    ),
)

ENCRYPTED: Final = (
    Bar("P13.small", "small messages over TLS, one at a time, against bare Tornado over TLS", 2.0, 3.3),
    Bar("P13.pipelined", "small messages over TLS, 16 at a time, against bare Tornado over TLS", 6.0),
    Bar("P13.medium", "medium messages over TLS, one at a time, against bare Tornado over TLS", 1.5),
)

REVOCATION: Final = (
    Bar("P10.redis", "revocation to closed socket (p99) by Redis, of 50 ms", 1.0, is_ceiling=True),
    Bar("P10.worst", "revocation to closed socket at worst, by Redis or SQLite, of 1 s", 1.0, is_ceiling=True),
    Bar("P10.tenant", "8,000 sockets of one tenant closed, of 2 s", 1.0, is_ceiling=True),
)

TELEMETRY: Final = (
    Bar("T1.small", "what telemetry adds to a small message that comes alone", 0.05, is_ceiling=True),
    Bar("T1.pipelined", "what telemetry adds to a small message, 16 at a time", 0.05, is_ceiling=True),
)

WHITEBOARD: Final = (
    Bar("S2.held", "strokes that came to everybody at the board, of all: 10,000 people on one process", 1.0),
)

ALL: Final = (
    *MESSAGES,
    *SECURITY,
    *VALIDATION,
    *HANDSHAKES,
    *MEMORY,
    *FANOUT,
    *TRADING,
    *NODES,
    *FLOOD,
    *REVOCATION,
    *CROWD,
    *ENCRYPTED,
    *TELEMETRY,
    *WHITEBOARD,
)
