"""P9 over processes: one message to 10,000 listeners of four processes that Redis joins, beside python-socketio."""

import statistics
from dataclasses import dataclass, field
from typing import Final

from ..arena import SOCKETIO_PATH, Arena
from ..bars import NODES
from ..contest import Contender, Standing, take_turns
from ..load.driver import Load, Plan, Run, request
from ..messages import CHAT, POST, SUBSCRIBE, compact
from ..process import ServerProcess, most_connections
from ..redis import redis_server
from ..results import Outcome
from ..roster import OURS_NODES, SOCKETIO_NODES, Peer

PROCESSES: Final = 4
LISTENERS: Final = 10_000
RUN_SECONDS: Final = 8.0
"""Long enough for python-socketio to hand on a few messages, also on a busy machine."""

SOCKETIO_POST: Final = "42" + compact(["chat.post", CHAT])


@dataclass
class Group:
    """A server of several processes, and what its runs came to."""

    peer: Peer
    server: ServerProcess
    load: Load
    runs: list[Run] = field(default_factory=list)

    def cost(self) -> float:
        """CPU seconds of all processes for each listener of one message."""
        before = self.server.cpu_seconds()
        self.runs.append(self.load.run(RUN_SECONDS))
        return (self.server.cpu_seconds() - before) / self.runs[-1].messages

    @property
    def words(self) -> str:
        """How fast it was, and how long listeners waited."""
        rate = statistics.median(run.messages / run.seconds for run in self.runs)
        p99 = statistics.median(run.p99 for run in self.runs)
        return f"{self.peer.name} {rate:,.0f} deliveries/s, p99 {p99 * 1e3:,.0f} ms"


def measure(rounds: int) -> Outcome:
    """Let them take turns."""
    listeners = most_connections(LISTENERS)
    discipline = f"{listeners:,} listeners of {PROCESSES} processes"
    with Arena() as arena, redis_server(arena.folder) as redis:
        servers = arena.serve_all((OURS_NODES, SOCKETIO_NODES), redis, str(PROCESSES))
        groups = [Group(peer, server, listening(arena, peer, server, listeners)) for peer, server in servers.items()]
        contenders = [Contender(discipline, group.peer.name, group.cost) for group in groups]
        take_turns(contenders, rounds)
    standing = Standing.of(contenders, arena.missing)
    (bar,) = NODES
    note = "for each listener; " + ", ".join(group.words for group in groups if group.runs)
    figure = standing.figure(bar, discipline, OURS_NODES.name, SOCKETIO_NODES.name, note)
    return Outcome([figure], {"nodes": standing.costs})


def listening(arena: Arena, peer: Peer, server: ServerProcess, listeners: int) -> Load:
    """All of them, spread over the processes, of whom the first speaks."""
    if peer is SOCKETIO_NODES:
        requests = [request(server.port, SOCKETIO_PATH)]
        plan = Plan(requests, SOCKETIO_POST, fan=listeners, hello="40", greeted=2)
    else:
        requests = arena.requests(peer, server.port, "/room", listeners)
        plan = Plan(requests, POST, fan=listeners, hello=SUBSCRIBE, greeted=1)
    return arena.connect(server.port, plan, listeners)
