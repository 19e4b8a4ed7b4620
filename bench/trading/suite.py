"""S4: whether a thousand who read notice fifty who do not keep up, and what those get.

The server is that of `examples/trading`: four of its symbols, twenty quotes of each in a second, five prices on either
side. With and without slow readers take turns in one run. How old a quote is, the load client reads off its `at`: the
clock is the same.
"""

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

from examples.trading.market import LISTED

from ..bars import TRADING
from ..load.client import TEXT, frame
from ..load.driver import Load, Plan, Run, request
from ..messages import compact
from ..process import CLIENT_CORE, ServerProcess
from ..results import Figure, Outcome
from ..visitors import ORIGIN, Visitors
from .server import QUOTES_PER_SECOND, SYMBOLS

FAST: Final = 1_000
SLOW: Final = 50
TURN_SECONDS: Final = 3.0
WARM_SECONDS: Final = 1.0
FILL_SECONDS: Final = 4.0
"""Until all that the system keeps for a slow reader is full, and the newest takes the place of the one before."""
KEPT: Final = 0.98
"""Of the feed; below it the server got too little of the machine, and ages tell of that alone."""
FEED: Final = SYMBOLS * QUOTES_PER_SECOND


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn.

    Args:
        run: what the fast readers saw.
        cpu: seconds of the server's meanwhile.
        resident: its memory.
        slow: what the slow ones got; None: there were none.
    """

    run: Run
    cpu: float
    resident: int
    slow: dict[str, Any] | None = None


def measure(rounds: int) -> Outcome:
    """Let the fast ones read, alone and beside the slow ones, in turn."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        visitors = Visitors(folder, ("market:read:*",))
        server = stack.enter_context(ServerProcess("bench.trading.server", str(visitors.keys)))
        requests = [
            request(server.port, "/ws/desk", token=token, origin=ORIGIN) for token in visitors.tokens(FAST + SLOW)
        ]
        plan = Plan(requests[:FAST], "", hello="\n".join(SUBSCRIBE), greeted=SYMBOLS, is_stamped=True)
        fast = stack.enter_context(Load(server.port, plan))
        fast.connect(FAST)
        files = written(folder, requests[FAST:])
        turns = [each for number in range(rounds + 1) for each in both(server, fast, files, number)]
    without = [turn for turn in turns[2:] if turn.slow is None]
    beside = [turn for turn in turns[2:] if turn.slow is not None]
    return told(without, beside)


def both(server: ServerProcess, fast: Load, files: tuple[Path, Path], number: int) -> tuple[Turn, Turn]:
    """One turn without and one with slow readers; the first of all does not count."""
    server.ask("feed", "on")
    fast.run(WARM_SECONDS)
    alone = turn(server, fast)
    with ServerProcess("bench.trading.slow", str(server.port), str(SLOW), *map(str, files), core=CLIENT_CORE) as slow:
        slow.ask("run", str(FILL_SECONDS))
        beside = turn(server, fast, slow)
        server.ask("feed", "off")
        ensure_newest(slow.ask("drain"), server.ask("last"))
    print(
        f"  round {number}: p99 {alone.run.p99 * 1e3:.1f} ms, beside slow ones {beside.run.p99 * 1e3:.1f} ms",
        flush=True,
    )
    return alone, beside


def turn(server: ServerProcess, fast: Load, slow: ServerProcess | None = None) -> Turn:
    """Read for a while."""
    before = server.cpu_seconds()
    fast.begin(TURN_SECONDS)
    sipped = None if slow is None else slow.ask("run", str(TURN_SECONDS))
    run = fast.finish()
    return Turn(run, server.cpu_seconds() - before, server.resident_bytes(), sipped)


def ensure_newest(drained: dict[str, Any], last: dict[str, Any]) -> None:
    """Refuse a run after which a slow reader does not know the last quote of each symbol, or has heard it out of order.

    Raises:
        RuntimeError: saying what was wrong.
    """
    wrong = [each for each in drained["last"] if each != last]
    if wrong or drained["gone"] or drained["disordered"]:
        told = {"without the newest": len(wrong), "closed": drained["gone"], "out of order": drained["disordered"]}
        raise RuntimeError(f"slow readers did not get what they must: {told}")


def told(without: list[Turn], beside: list[Turn]) -> Outcome:
    """Medians over all rounds, in words and as a table."""
    cost, slow = TRADING
    spent = [median(turn.cpu / turn.run.messages for turn in turns) * 1e6 for turns in (without, beside)]
    pace = min(turn.run.messages / turn.run.seconds for turn in (*without, *beside))
    kept = pace >= KEPT * FAST * FEED
    rows = {"alone": row(without, kept=kept), f"beside {SLOW} slow ones": row(beside, kept=kept)}
    paid = Figure(cost, spent[1] / spent[0], f"{spent[1]:.1f} µs, without {spent[0]:.1f} µs; {got_by_slow(beside)}")
    if not kept:
        why = f"the machine had no time for it: {pace:,.0f} quotes a second left at worst, of {FAST * FEED:,.0f}"
        return Outcome([paid, Figure(slow, None, why)], {"trading": rows})
    p99 = [median(turn.run.p99 for turn in turns) * 1e3 for turns in (without, beside)]
    aged = Figure(slow, p99[1] / p99[0], f"{p99[1]:.1f} ms, without {p99[0]:.1f} ms")
    return Outcome([paid, aged], {"trading": rows})


def got_by_slow(beside: list[Turn]) -> str:
    """What the slow readers got, in words."""
    slow = [turn.slow for turn in beside if turn.slow is not None]
    share = median(each["quotes"] for each in slow) / (SLOW * FEED * TURN_SECONDS)
    age = median(each["age_p50"] for each in slow)
    return f"the slow ones got {share:.0%} of all quotes, {age:.1f} s old, in order, the newest last, and stayed"


def row(turns: list[Turn], *, kept: bool) -> dict[str, float | None]:
    """One row of the table; where the feed did not keep its pace, how old quotes are says nothing."""
    return {
        "p50_ms": round(median(turn.run.p50 for turn in turns) * 1e3, 2) if kept else None,
        "p99_ms": round(median(turn.run.p99 for turn in turns) * 1e3, 2) if kept else None,
        "quotes_per_second": round(median(turn.run.messages / turn.run.seconds for turn in turns)),
        "cost_us": round(median(turn.cpu / turn.run.messages for turn in turns) * 1e6, 2),
        "resident_mib": round(median(turn.resident for turn in turns) / 2**20, 1),
    }


def written(folder: Path, requests: list[str]) -> tuple[Path, Path]:
    """The files that the slow readers read: their handshakes, and what they say then."""
    files = folder / "requests", folder / "hello"
    for file in files:
        file.touch(mode=0o600)  # requests hold tokens
    files[0].write_text("".join(requests))
    files[1].write_bytes(b"".join(frame(TEXT, text.encode()) for text in SUBSCRIBE))
    return files


SUBSCRIBE: Final = [
    compact({"type": "wssec.subscribe", "id": "1", "data": {"channel": f"market:{listed.symbol}"}})
    for listed in LISTED[:SYMBOLS]
]
