"""P12: whether a message costs the same among 10 connections and among 10,000.

Ten messages are under way at any time, the turn going round over all connections, so that nothing differs but
how many there are.
"""

from typing import Final

from ..arena import Arena
from ..bars import CROWD
from ..contest import Contender, cost_per_message, table, take_turns
from ..messages import SMALL
from ..process import most_connections
from ..results import Figure, Outcome
from ..roster import BARE, OURS, Peer

SIZES: Final = (10, 100, 1_000, 10_000)
ACTIVE: Final = 10


def measure(rounds: int) -> Outcome:
    """Let servers with few connections and with many take turns."""
    with Arena() as arena:
        contenders = [crowded(arena, peer, most_connections(size)) for peer in (OURS, BARE) for size in SIZES]
        take_turns(contenders, rounds)
    costs = table(contenders)
    (bar,) = CROWD
    figure, note = steepness(costs[OURS.title])
    return Outcome(
        [Figure(bar, figure, f"{note}; bare Tornado {steepness(costs[BARE.title])[0]:.2f}×")], {"crowd": costs}
    )


def crowded(arena: Arena, peer: Peer, size: int) -> Contender:
    """A server with so many connections."""
    server = arena.serve(peer)
    load = arena.connect(server.port, arena.plan(peer, server.port, SMALL, visitors=size, active=ACTIVE), size)
    print(f"  {peer.title}: {size} connections", flush=True)
    return Contender(peer.title, str(size), lambda: cost_per_message(server, load))


def steepness(costs: dict[str, list[float]]) -> tuple[float, str]:
    """The largest median of the smallest, and all of them in words."""
    medians = {int(size): row[0] for size, row in costs.items()}
    words = ", ".join(f"{cost:.1f} µs among {size:,}" for size, cost in sorted(medians.items()))
    return max(medians.values()) / min(medians.values()), words
