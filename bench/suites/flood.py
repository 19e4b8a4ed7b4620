"""P11: how long polite clients wait while another talks as fast as it can, against bare Tornado.

Quotas are raised: otherwise the flood would be refused and prove nothing. What is measured is fairness.
"""

import statistics
from typing import Final

from ..arena import Arena
from ..bars import FLOOD
from ..load.driver import Load
from ..messages import SMALL
from ..results import Figure, Outcome
from ..roster import BARE, OURS

POLITE: Final = 10
PACE_SECONDS: Final = 0.02
OUTSTANDING: Final = 1_500
"""So many that the flood never dries up, and fewer than the answers that ours keeps for one who reads late: behind
`Limits.outbound_messages`, and what the kernel holds, he is cut off (4413), and there is no flood any more."""
SECONDS: Final = 1.5


def measure(rounds: int) -> Outcome:
    """Let the two take turns."""
    waits: dict[str, list[float]] = {}
    with Arena() as arena:
        pairs = {}
        for peer, server in arena.serve_all((OURS, BARE)).items():
            polite = arena.connect(server.port, arena.plan(peer, server.port, SMALL, pace=PACE_SECONDS), POLITE)
            rude = arena.connect(server.port, arena.plan(peer, server.port, SMALL, outstanding=OUTSTANDING), 1)
            pairs[peer.name] = (polite, rude)
        for number in range(rounds):
            for name, pair in pairs.items():
                waits.setdefault(name, []).append(wait_beside(*pair))
            print(f"  round {number + 1} of {rounds}", flush=True)
    (bar,) = FLOOD
    ours, bare = (statistics.median(waits[peer.name]) for peer in (OURS, BARE))
    note = f"{ours * 1e3:.2f} ms, bare Tornado {bare * 1e3:.2f} ms"
    return Outcome([Figure(bar, ours / bare, note)], {"flood": {name: sorted(each) for name, each in waits.items()}})


def wait_beside(polite: Load, rude: Load) -> float:
    """The median seconds that a polite client waits for its answer."""
    rude.begin(SECONDS + 0.5)
    found = polite.run(SECONDS).p50
    rude.finish()
    return found
