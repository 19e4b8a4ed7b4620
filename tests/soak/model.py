"""Random lives of two nodes beside the model of who must be connected: `python -m tests.soak.model`.

What fails is shortened to the fewest steps that still fail, and printed as a program.
"""

import argparse
import itertools
import logging
import sys
import time
from collections.abc import Sequence
from typing import Final

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.budgets import BUDGETS
from tests.model.machines import OnRedis

SECONDS: Final = 900.0
BATCH: Final = 50
STEPS: Final = 80
MACHINES: Final = {machine.__name__: machine for machine in BUDGETS if not issubclass(machine, OnRedis)}


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare until the time is over.

    Raises:
        AssertionError: the two disagree; its notes are the steps.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.soak.model", description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="how long (default: 15 minutes)")
    parser.add_argument("--machine", choices=MACHINES, help="one alone; else they take turns")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"of one life, at most (default: {STEPS})")
    asked = parser.parse_args(arguments)
    logging.disable(logging.CRITICAL)  # each refusal is told, and there are thousands
    budget = settings(
        max_examples=BATCH,
        stateful_step_count=asked.steps,
        deadline=None,
        derandomize=False,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    try:
        until, lives = time.monotonic() + asked.seconds, 0
        for name in itertools.cycle([asked.machine] if asked.machine else MACHINES):
            if time.monotonic() >= until:
                break
            run_state_machine_as_test(MACHINES[name], settings=budget)
            lives += BATCH
            sys.stdout.write(f"{lives:>8,} lives agreed, the last {BATCH} of {name}\n")
            sys.stdout.flush()
    finally:
        logging.disable(logging.NOTSET)


if __name__ == "__main__":
    main()
