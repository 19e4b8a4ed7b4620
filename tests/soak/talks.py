"""A million random talks through engine, conversation and hub: `python -m tests.soak.talks`.

A failure names its seed; `--first SEED --count 1` brings it back.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from typing import Final

from tests.attacks.talks import Talks

COUNT: Final = 1_000_000
STEP: Final = 50_000


def main(arguments: Sequence[str] | None = None) -> None:
    """Talk, and tell how often the talks ended with which code.

    Raises:
        AssertionError: an exception got out, more was held than may be, or something was left; names the seed.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.soak.talks", description=__doc__)
    parser.add_argument("--count", type=int, default=COUNT, help="how many talks (default: a million)")
    parser.add_argument("--first", type=int, default=1_000_000, help="the first seed (default: behind those of CI)")
    asked = parser.parse_args(arguments)
    talks = Talks()
    for first in range(asked.first, asked.first + asked.count, STEP):
        asyncio.run(talks.run(first, min(STEP, asked.first + asked.count - first)))
        sys.stdout.write(f"{talks.ended.total():>12,} talks\n")
        sys.stdout.flush()
    for code, often in talks.ended.most_common():
        sys.stdout.write(f"{often:>12,} ended with {code}\n")


if __name__ == "__main__":
    main()
