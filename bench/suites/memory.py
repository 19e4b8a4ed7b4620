"""P8: memory of an idle authenticated connection, against bare Tornado's, and whether it grows in a line."""

import time
from collections.abc import Sequence
from typing import Final

from ..arena import Arena
from ..bars import MEMORY
from ..messages import SMALL
from ..process import ServerProcess, most_connections
from ..results import Figure, Outcome
from ..roster import BARE, OURS, Peer

WARM: Final = 500
"""Connections that come first, so that what is made once is there."""
STEP: Final = 4_350
AT_ONCE: Final = 500
"""No more, or some are asked to come later."""
STEPS: Final = 4
"""17,900 connections in all, which 20,000 descriptors allow."""
SETTLING_SECONDS: Final = 0.5

Points = Sequence[tuple[int, int]]
"""Of connections so many, of bytes so many."""


def measure(rounds: int) -> Outcome:
    """Connect more and more; one round tells as much as many."""
    step = (most_connections(WARM + STEP * STEPS) - WARM) // STEPS
    with Arena() as arena:
        running = arena.serve_all((OURS, BARE))
        points = {peer.name: grow(arena, peer, server, step) for peer, server in running.items()}
    ours, bare = (bytes_per_connection(points[peer.name]) for peer in (OURS, BARE))
    note = (
        f"{ours / 1024:.1f} KiB a connection, bare Tornado {bare / 1024:.1f}, up to {WARM + step * STEPS} connections"
    )
    idle, linear = MEMORY
    figures = [Figure(idle, ours / bare, note), Figure(linear, unevenness(points[OURS.name]), "ours alone")]
    return Outcome(figures, {"memory": points})


def grow(arena: Arena, peer: Peer, server: ServerProcess, step: int) -> list[tuple[int, int]]:
    """Memory at each number of connections."""
    load = arena.connect(server.port, arena.plan(peer, server.port, SMALL, visitors=WARM + step * STEPS), WARM)
    points = []
    for number in range(STEPS + 1):
        for come in range(0, step if number else 0, AT_ONCE):
            load.connect(min(AT_ONCE, step - come))
        time.sleep(SETTLING_SECONDS)
        points.append((load.connections, server.resident_bytes()))
        print(f"  {peer.title}: {points[-1][1] / 2**20:.1f} MiB with {load.connections} connections", flush=True)
    return points


def bytes_per_connection(points: Points) -> float:
    """From the first point to the last."""
    (few, least), (many, most) = points[0], points[-1]
    return (most - least) / (many - few)


def unevenness(points: Points) -> float:
    """Bytes a connection in the second half of the way, of those in the first; 1 is a line, less is better than one."""
    middle = len(points) // 2
    return bytes_per_connection(points[middle:]) / bytes_per_connection(points[: middle + 1])
