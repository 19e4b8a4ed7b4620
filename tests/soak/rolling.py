"""Rolling restarts of four processes with hundreds of clients: `python -m tests.soak.rolling`."""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.processes.rolling import roll
from tests.processes.sharing import environment_of
from tests.redis_server import RedisServer, binaries

ROUNDS: Final = 3
PEOPLE: Final = 300
PER_SECOND: Final = 20.0


def main(arguments: Sequence[str] | None = None) -> None:
    """Restart all servers, again and again, and tell of each round what became of it.

    Raises:
        AssertionError: something was lost, somebody did not come back, or too many came at once.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.soak.rolling", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how many (default: %(default)s)")
    parser.add_argument("--people", type=int, default=PEOPLE, help="who listen (default: %(default)s)")
    parser.add_argument("--rate", type=float, default=PER_SECOND, help="goodbyes a second (default: %(default)s)")
    asked = parser.parse_args(arguments)
    for number in range(asked.rounds):
        binary = binaries()[number % len(binaries())]
        with tempfile.TemporaryDirectory() as folder, RedisServer(binary, Path(folder)) as server:
            shared = environment_of(server.url, Path(folder))
            figures = asyncio.run(roll(shared, Path(folder), people=asked.people, per_second=asked.rate))
            sys.stdout.write(f"  {binary}: {figures}\n")
            sys.stdout.flush()
            assert figures.told <= 1.5 * asked.rate, figures
            assert figures.came <= 2 * asked.rate, figures


if __name__ == "__main__":
    main()
