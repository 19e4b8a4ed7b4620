"""Mutants of messages by the hundred thousand, on every way through their schemas: `python -m tests.soak.schemas`.

A failure names its type, its seed and its text; the schemas made up are the same in each run of one version of
Hypothesis.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from hypothesis import HealthCheck, Phase, given, settings

from tests.policy.differential import Pair
from tests.policy.made_schemas import declarations
from tests.schemas.samples import SAMPLES
from tornado_wssec.policy.registry import Registry

COUNT: Final = 100_000
SCHEMAS: Final = 20
FIRST: Final = 1_000_000
"""Behind the seeds of CI."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare, and tell how often each way accepted.

    Raises:
        AssertionError: the ways differ.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.soak.schemas", description=__doc__)
    parser.add_argument("--count", type=int, default=COUNT, help="mutants of each message (default: 100000)")
    parser.add_argument("--schemas", type=int, default=SCHEMAS, help="how many schemas to make up (default: 20)")
    asked = parser.parse_args(arguments)
    specs = Registry.scan("schemas").messages
    for name, sample in SAMPLES.items():
        tell(name, Pair(specs[name].message, sample).compare(FIRST, asked.count))
    compare_made_up(asked.schemas, asked.count)


def compare_made_up(schemas: int, count: int) -> None:
    """Compare on schemas that Hypothesis makes up."""

    @settings(
        max_examples=schemas,
        phases=[Phase.generate],
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(declarations())
    def compare(declared: tuple[Any, Mapping[str, Any]]) -> None:
        pair = Pair(*declared)
        tell(f"made up ({pair.fast.path})", pair.compare(FIRST, count))

    compare()


def tell(name: str, seen: Counter[str]) -> None:
    """A line for one schema."""
    ways = ", ".join([f"{way} {seen[way]:,}" for way in ("accepted", "compiled", "typed", "dumped")])
    sys.stdout.write(f"{seen['texts']:>9,} of {name}: {ways}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
