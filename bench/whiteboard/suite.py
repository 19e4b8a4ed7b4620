"""S2: 10,000 people at 1,000 boards of one process. On each board one draws a stroke a second, on every other one two.

Everybody at a board gets each stroke, its author too: 1,500 strokes a second are 15,000 deliveries. A stroke has twenty
points, 0.8 KB. Nobody shows where he points: cursors would be several times as many messages as strokes.
"""

import asyncio
import statistics
import time
from typing import Any, Final

from ..arena import Arena
from ..bars import WHITEBOARD
from ..load.driver import LoadFailed, request
from ..process import ServerProcess, most_connections
from ..results import Figure, Outcome
from ..visitors import ORIGIN
from .people import Tally, come, draw

PEOPLE: Final = 10
BOARDS: Final = 1_000
EACH_SECOND: Final = 1.0
SECONDS: Final = 20.0
WARM_SECONDS: Final = 3.0


def measure(rounds: int) -> Outcome:
    """One round tells as much as many: what counts is whether it holds."""
    boards = most_connections(BOARDS * PEOPLE) // PEOPLE
    with Arena() as arena:
        tokens = arena.visitors.tokens(boards * PEOPLE)
        arguments = (str(arena.visitors.keys), str(arena.folder), str(boards), str(PEOPLE))
        with ServerProcess("bench.whiteboard.server", *arguments) as server:
            told = asyncio.run(_drawn(server, boards, tokens))
    (bar,) = WHITEBOARD
    note = (
        f"{told['people']:,} people, {told['strokes_per_second']:,.0f} strokes a second, "
        f"p50 {told['p50'] * 1e3:.1f} ms, p99 {told['p99'] * 1e3:.1f} ms, at worst {told['worst'] * 1e3:.0f} ms; "
        f"{told['cpu']:.0%} of a core, {told['bytes'] / 2**20:.0f} MiB, the client's core {told['client']:.0%} busy"
    )
    return Outcome([Figure(bar, told["came"], note)], {"whiteboard": told})


async def _drawn(server: ServerProcess, boards: int, tokens: list[str]) -> dict[str, Any]:
    tally = Tally()
    names = [f"b{number // PEOPLE}" for number in range(boards * PEOPLE)]
    requests = [
        request(server.port, f"/ws/boards/{board}", token=token, origin=ORIGIN).replace(
            "\r\n\r\n", "\r\nSec-WebSocket-Protocol: wssec.v1\r\n\r\n"
        )
        for board, token in zip(names, tokens, strict=True)
    ]
    people = await come(server.port, requests, names, tally)
    print(f"  {len(people):,} people are at {boards:,} boards", flush=True)
    drawers = [people[number * PEOPLE] for number in range(boards)]
    drawers += [people[number * PEOPLE + 1] for number in range(0, boards, 2)]
    await draw(drawers, EACH_SECOND, WARM_SECONDS, tally, PEOPLE)
    tally.latencies.clear()
    warm, cpu, own, began = len(tally.came), server.cpu_seconds(), time.process_time(), time.monotonic()
    await draw(drawers, EACH_SECOND, SECONDS, tally, PEOPLE)
    spent, took = (server.cpu_seconds() - cpu, time.process_time() - own), time.monotonic() - began
    if tally.lost or tally.refused:
        raise LoadFailed(f"{tally.lost} of {len(people)} were disconnected; refused: {tally.refused[:3]}")
    strokes = len(tally.came) - warm
    p = statistics.quantiles(tally.latencies, n=100, method="inclusive")
    return {
        "people": len(people),
        "boards": boards,
        "strokes_per_second": strokes / took,
        "deliveries_per_second": sum(tally.came[warm:]) / took,
        "came": sum(tally.came[warm:]) / (strokes * PEOPLE),
        "p50": p[49],
        "p99": p[98],
        "worst": max(tally.latencies),
        "cpu": spent[0] / took,
        "client": spent[1] / took,
        "bytes": server.resident_bytes(),
    }
