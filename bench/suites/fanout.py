"""P9: what it costs to hand one message on to 1,000 listeners, and whether one who does not read hinders the rest."""

import statistics
from typing import Final

from ..arena import Arena
from ..bars import FANOUT, Bar
from ..contest import RUN_SECONDS, Contender, Standing, cost_per_message, take_turns
from ..load.driver import Load, Plan
from ..messages import LONG_POST, POST, SUBSCRIBE
from ..process import ServerProcess
from ..results import Figure, Outcome
from ..roster import BARE, NODE, OURS, WEBSOCKETS, Peer

LISTENERS: Final = 1_000
DISCIPLINE: Final = f"{LISTENERS:,} listeners"
COMPARED: Final = {"P9.naive": BARE, "P9.websockets": WEBSOCKETS, "P9.node": NODE}


def measure(rounds: int) -> Outcome:
    """Let them take turns."""
    with Arena() as arena:
        running = arena.serve_all((OURS, BARE, WEBSOCKETS, NODE))
        contenders = [listened_to(arena, peer, server) for peer, server in running.items()]
        take_turns(contenders, rounds)
    standing = Standing.of(contenders, arena.missing)
    *compared, slow = FANOUT
    figures = [
        standing.figure(bar, DISCIPLINE, OURS.name, COMPARED[bar.id].name, "for each listener") for bar in compared
    ]
    return Outcome([*figures, hindered(slow, rounds)], {"fanout": standing.costs})


def listened_to(arena: Arena, peer: Peer, server: ServerProcess) -> Contender:
    """A server with its listeners."""
    load = listeners(arena, peer, server, POST)
    return Contender(DISCIPLINE, peer.name, lambda: cost_per_message(server, load))


def listeners(arena: Arena, peer: Peer, server: ServerProcess, message: str) -> Load:
    """All of them, of whom the first speaks."""
    requests = arena.requests(peer, server.port, "/room", LISTENERS)
    return arena.connect(server.port, Plan(requests, message, fan=LISTENERS, hello=SUBSCRIBE, greeted=1), LISTENERS)


def hindered(bar: Bar, rounds: int) -> Figure:
    """How long listeners wait with one among them who reads nothing, of how long they wait without."""
    waits: tuple[list[float], list[float]] = ([], [])
    with Arena() as arena:
        loads = [listeners(arena, OURS, arena.serve(OURS), LONG_POST) for _ in waits]
        server = loads[1].port
        deaf = Plan(arena.requests(OURS, server, "/room", 1), POST, hello=SUBSCRIBE, greeted=1, is_deaf=True)
        arena.connect(server, deaf, 1)
        for _ in range(rounds):
            for load, found in zip(loads, waits, strict=True):
                found.append(load.run(RUN_SECONDS).p99)
    without, beside = map(statistics.median, waits)
    return Figure(bar, beside / without, f"{beside * 1e3:.1f} ms, without {without * 1e3:.1f} ms, messages of 2 KB")
