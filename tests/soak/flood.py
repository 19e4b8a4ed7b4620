"""One flood of refused handshakes after another, against the same server: `python -m tests.soak.flood`."""

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from typing import Final

from tests.processes.hardened import running
from tests.processes.test_flood import MARGIN_BYTES, WARM_UP, Outcome, flood

SECONDS: Final = 900.0
A_ROUND: Final = 20_000


def main(arguments: Sequence[str] | None = None) -> None:
    """Flood until the time is over.

    Raises:
        AssertionError: something was answered or counted wrongly, logged too much, or kept.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.soak.flood", description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="for about so long (default: %(default)g)")
    asyncio.run(_soak(parser.parse_args(arguments).seconds))


async def _soak(seconds: float) -> None:
    grown, rounds, until = 0, 0, time.monotonic() + seconds
    async with running() as server:
        await flood(server, WARM_UP)
        while not rounds or time.monotonic() < until:
            rounds += 1
            outcome = await flood(server, A_ROUND)
            grown += outcome.grown_bytes
            check(outcome)
            sys.stdout.write(f"{rounds * A_ROUND:>12,} refused, {outcome.guests} let in, {grown:+,} bytes\n")
            sys.stdout.flush()
    assert grown < MARGIN_BYTES, f"{grown} bytes more are resident after {rounds} rounds"


def check(outcome: Outcome) -> None:
    """Claim that one flood came to what it should."""
    wrong = {text: count for text, count in outcome.answered.items() if text.split()[1] != text.split()[-1]}
    assert not wrong, f"answered wrongly: {wrong}"
    assert outcome.counted() == outcome.sent, f"sent {outcome.sent}, counted {outcome.counted()}"
    assert outcome.lines() <= outcome.most_lines(), f"{outcome.lines()} lines, of at most {outcome.most_lines():g}"
    assert outcome.guests, "no polite client got in"


if __name__ == "__main__":
    main()
