"""A million random streams through our frame reader and that of `websockets`: `python -m tests.soak.frames`.

A failure names its seed; `--first SEED --count 1` brings it back.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from typing import Final

from tests.wire.differential import DIFFERENCES, compare_seeds

COUNT: Final = 1_000_000
STEP: Final = 10_000


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare, and tell how often the two differed and why.

    Raises:
        AssertionError: they differ without a reason, or ours held more than it may; names the seed.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.soak.frames", description=__doc__)
    parser.add_argument("--count", type=int, default=COUNT, help="how many streams (default: a million)")
    parser.add_argument("--first", type=int, default=1_000_000, help="the first seed (default: behind those of CI)")
    asked = parser.parse_args(arguments)
    seen: Counter[str] = Counter()
    for first in range(asked.first, asked.first + asked.count, STEP):
        seen += compare_seeds(first, min(STEP, asked.first + asked.count - first))
        sys.stdout.write(f"{seen.total():>12,} streams read\n")
        sys.stdout.flush()
    for reason, often in seen.most_common():
        sys.stdout.write(f"{often:>12,} {DIFFERENCES.get(reason, 'the same in every respect')}\n")


if __name__ == "__main__":
    main()
