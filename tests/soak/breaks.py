"""Plants mistakes and sees that the machines of tests/model find each: `python -m tests.soak.breaks`.

Each machine has as many lives as in CI. Nothing is shortened: only whether it is found counts here.
"""

import argparse
import logging
import sys
import time
from collections.abc import Sequence

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.breaks import BREAKS, Break
from tests.model.budgets import BUDGETS


def main(arguments: Sequence[str] | None = None) -> None:
    """Plant each.

    Raises:
        AssertionError: some were not found; their names are in it.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.soak.breaks", description=__doc__)
    parser.add_argument("--seed", action="store_true", help="other lives than CI has")
    parser.add_argument("--only", default="", help="those whose name has this in it")
    asked = parser.parse_args(arguments)
    logging.disable(logging.CRITICAL)
    try:
        missed = [each.what for each in BREAKS if asked.only in each.what and not _is_found(each, not asked.seed)]
    finally:
        logging.disable(logging.NOTSET)
    assert not missed, f"nobody has found that {'; '.join(missed)}"


def _is_found(planted: Break, derandomize: bool) -> bool:
    began, budget = time.monotonic(), BUDGETS[planted.machine]
    found = ""
    with planted.planted():
        try:
            run_state_machine_as_test(
                planted.machine,
                settings=settings(
                    budget,
                    deadline=None,
                    database=None,
                    derandomize=derandomize,
                    phases=(Phase.generate,),
                    suppress_health_check=list(HealthCheck),
                ),
            )
        except AssertionError as error:
            found = str(error).partition("\n")[0]
    took = f"{time.monotonic() - began:5.1f} s"
    verdict = f"found by {planted.machine.__name__}" if found else "MISSED"
    sys.stdout.write(f"{took}  {planted.what}: {verdict}\n")
    sys.stdout.flush()
    return bool(found)


if __name__ == "__main__":
    main()
