"""P9: what it costs to hand one message on to 1,000 listeners."""

from typing import Final

from ..arena import Arena
from ..bars import FANOUT
from ..contest import Contender, Standing, cost_per_message, take_turns
from ..load.driver import Plan
from ..messages import POST, SUBSCRIBE
from ..process import ServerProcess
from ..results import Outcome
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
    figures = [
        standing.figure(bar, DISCIPLINE, OURS.name, COMPARED[bar.id].name, "for each listener") for bar in FANOUT
    ]
    return Outcome(figures, {"fanout": standing.costs})


def listened_to(arena: Arena, peer: Peer, server: ServerProcess) -> Contender:
    """A server with its listeners; the first of them speaks."""
    requests = arena.requests(peer, server.port, "/room", LISTENERS)
    plan = Plan(requests, POST, fan=LISTENERS, hello=SUBSCRIBE, greeted=1)
    load = arena.connect(server, plan, LISTENERS)
    return Contender(DISCIPLINE, peer.name, lambda: cost_per_message(server, load))
