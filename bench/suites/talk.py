"""P1–P4: what a message costs the server, everything on, against bare Tornado and against peers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ..arena import Arena
from ..bars import MESSAGES, Bar
from ..contest import WARM_SECONDS, Contender, Standing, cost_per_message, take_turns
from ..load.driver import Load, LoadFailed
from ..messages import MEDIUM, SMALL, Kind
from ..process import ServerProcess
from ..results import Figure, Outcome
from ..roster import ALL, OURS, OURS_NODES, SOCKETIO_NODES, Peer


@dataclass(frozen=True, slots=True)
class Discipline:
    """One way to talk.

    Args:
        outstanding: messages of one connection that wait for their answers at once.
    """

    name: str
    kind: Kind
    connections: int
    outstanding: int


W1: Final = Discipline("small, one at a time", SMALL, 64, 1)
W16: Final = Discipline("small, 16 at a time", SMALL, 8, 16)
MEDIUM_W1: Final = Discipline("medium, one at a time", MEDIUM, 64, 1)
DISCIPLINES: Final = (W1, W16, MEDIUM_W1)

ALONE: Final = [peer for peer in ALL if peer not in (OURS_NODES, SOCKETIO_NODES)]
"""Who serves from one process."""

COMPARED: Final = {
    "P1.bare": (W1, "tornado_bare"),
    "P1.node": (W1, "node_ws"),
    "P1.aiohttp": (W1, "aiohttp_msgspec"),
    "P2.bare": (W16, "tornado_bare"),
    "P2.picows": (W16, "picows_msgspec"),
    "P3.bare": (MEDIUM_W1, "tornado_bare"),
    "P3.node": (MEDIUM_W1, "node_ws"),
    "P4.small": (W1, "tornado_naive"),
    "P4.medium": (MEDIUM_W1, "tornado_naive"),
}
"""What each bar compares: the discipline, and with whom."""


def measure(rounds: int) -> Outcome:
    """Let everybody take turns."""
    with Arena() as arena:
        contenders = [
            contender(arena, peer, server, discipline)
            for peer, server in arena.serve_all(ALONE).items()
            for discipline in DISCIPLINES
        ]
        take_turns(contenders, rounds)
    standing = Standing.of(contenders, arena.missing)
    figures = [figure(bar, standing) for bar in MESSAGES]
    return Outcome(figures, {"messages": standing.costs, "missing": arena.missing})


def contender(
    arena: Arena, peer: Peer, server: ServerProcess, discipline: Discipline, *, is_tls: bool = False
) -> Contender:
    """A server in one discipline, its clients connected."""
    plan = arena.plan(peer, server.port, discipline.kind, outstanding=discipline.outstanding, is_tls=is_tls)
    found = Contender(discipline.name, peer.name, lambda: 0.0)
    try:
        load = arena.connect(server.port, plan, discipline.connections)
    except LoadFailed as error:
        found.fault = str(error)
    else:
        found.measure = _turn(server, load)
    return found


def figure(bar: Bar, standing: Standing) -> Figure:
    """What one bar came to."""
    discipline, other = COMPARED[bar.id]
    return standing.figure(bar, discipline.name, OURS.name, other)


def _turn(server: ServerProcess, load: Load) -> Callable[[], float]:
    def turn() -> float:
        load.run(WARM_SECONDS)
        return cost_per_message(server, load)

    return turn
