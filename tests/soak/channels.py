"""Channels over processes while Redis is killed, frozen, cut off and taken over; a minute of joining and leaving them.

`python -m tests.soak.channels`
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.processes.churn import A_SECOND, churn
from tests.processes.faulty import faulty_life, life_with_failovers
from tests.redis_server import RedisServer, binaries

LIVES: Final = 12
A_LIFE: Final = 30.0
A_MINUTE: Final = 60.0
LASTING: Final = ("appendonly yes", "appendfsync always")


def main(arguments: Sequence[str] | None = None) -> None:
    """Live, and tell of each life what became of it.

    Raises:
        AssertionError: a promise was not held; the seed of the life is the last one told.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.soak.channels", description=__doc__)
    parser.add_argument("--lives", type=int, default=LIVES, help="how many (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=A_LIFE, help="of a life (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the first life (default: %(default)s)")
    parser.add_argument("--churn", type=float, default=A_MINUTE, help="seconds of joining and leaving")
    parser.add_argument("--failovers", type=int, default=LIVES, help="lives over a pair that takes turns")
    asked = parser.parse_args(arguments)
    for seed in range(asked.seed, asked.seed + asked.failovers):
        binary = binaries()[seed % len(binaries())]
        with tempfile.TemporaryDirectory() as folder:
            sys.stdout.write(f"  seed {seed}, {binary} taking turns: ")
            sys.stdout.flush()
            facts = asyncio.run(life_with_failovers(binary, Path(folder), seed=seed, seconds=asked.seconds))
            sys.stdout.write(f"{facts}\n")
    for seed in range(asked.seed, asked.seed + asked.lives):
        binary = binaries()[seed % len(binaries())]
        with tempfile.TemporaryDirectory() as folder, RedisServer(binary, Path(folder), *LASTING) as server:
            sys.stdout.write(f"  seed {seed}, {binary}: ")
            sys.stdout.flush()
            sys.stdout.write(f"{asyncio.run(faulty_life(server, Path(folder), seed=seed, seconds=asked.seconds))}\n")
    for binary in binaries() if asked.churn else ():
        with tempfile.TemporaryDirectory() as folder, RedisServer(binary, Path(folder)) as server:
            left = asyncio.run(churn(server, Path(folder), channels=int(asked.churn) * A_SECOND))
            sys.stdout.write(f"  {binary}: {left}\n")
            assert (0, [], 0) == (left.kept_here, left.keys, left.subscriptions), left


if __name__ == "__main__":
    main()
