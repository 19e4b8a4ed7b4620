"""Ten thousand people, each with a token of his own, on one process; the clients are another one."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from bench.arena import Arena
from bench.messages import SMALL
from bench.process import most_connections
from bench.roster import OURS
from tests.left_out import leave_out
from tornado_wssec.settings import MiB

CLIENTS: Final = 10_000
PACE_SECONDS: Final = 5.0
"""Between two messages of one client: 2,000 messages a second in all."""
MARGIN_BYTES: Final = 8 * MiB
"""What an allocator keeps of freed memory; a kilobyte that stayed of each client would be 10 MB."""


@dataclass(frozen=True)
class Spell:
    """What a while of talking came to. Nobody was cut off and nothing unanswered, else there were none.

    Args:
        p50, p99: seconds from message to answer.
        skipped: messages that were not sent since the one before had not been answered.
        resident_bytes: memory of the server at its end.
    """

    messages: int
    p50: float
    p99: float
    skipped: int
    resident_bytes: int


def crowd(clients: int, spells: int, seconds: float) -> Iterator[Spell]:
    """Connect, let everyone speak once or twice, and then yield one spell after another.

    The first one tells the memory that the others are compared with.

    Raises:
        LoadFailed: one client was refused or cut off, or one message was not answered as it should be.
    """
    with Arena() as arena:
        server = arena.serve(OURS)
        load = arena.connect(
            server.port, arena.plan(OURS, server.port, SMALL, visitors=clients, pace=PACE_SECONDS), clients
        )
        for number in range(spells + 1):
            run = load.run(seconds if number else 2 * PACE_SECONDS)
            time.sleep(0.1)
            yield Spell(run.messages, run.p50, run.p99, run.skipped, server.resident_bytes())


def require_descriptors() -> None:
    """Leave the test out where a process may not have so many connections."""
    if most_connections(CLIENTS) < CLIENTS:
        leave_out(f"{CLIENTS:,} descriptors", f"raise the hard limit: `ulimit -Hn {2 * CLIENTS}`")
