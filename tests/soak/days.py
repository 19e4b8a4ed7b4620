"""Whole days of many people, each with several seeds: nothing is missed, and quiet days are quiet.

`python -m tests.soak.days --write` puts the table of the page on alerts right, after a change of what is judged.
"""

import argparse
import sys
from collections.abc import Sequence
from typing import Final

from tests.docs.pages import DOCS
from tests.telemetry.days import SCENARIOS, Outcome, play, table
from tests.telemetry.test_anomaly import crowded
from tests.telemetry.test_anomaly_days import SEED
from tornado_wssec.settings import Limits

PEOPLE: Final = (60, 300)
SEEDS: Final = range(2, 5)
PAGE: Final = DOCS / "alerts.md"


def main(arguments: Sequence[str] | None = None) -> None:
    """Live them; raise where something is told that should not be, or is not told that should be."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak.days")
    parser.add_argument("--write", action="store_true", help="put the page's table right, and no more")
    if parser.parse_args(arguments).write:
        write()
        return
    faults = [fault for people in PEOPLE for seed in SEEDS for fault in faults_of(people, seed)]
    sys.stdout.write("".join(f"{fault}\n" for fault in faults))
    sizes = crowded(Limits(), batches=16, each=65_536)
    sys.stdout.write(
        f"a million strangers: {sizes[0]} blocks of memory after the first batch, {sizes[-1]} at the end\n"
    )
    if faults or max(sizes[1:]) > 1.02 * sizes[0]:
        raise AssertionError(f"{len(faults)} days were judged wrongly, or memory has grown")


def faults_of(people: int, seed: int) -> list[str]:
    """What was wrong with the days of so many people."""
    outcomes = [play(scenario, seed, people=people) for scenario in SCENARIOS]
    sys.stdout.write("\n".join([f"{people} people, seed {seed}", *table(outcomes), ""]))
    return [f"{people} people, seed {seed}: {one.scenario.name}: {told}" for one in outcomes if (told := _fault(one))]


def _fault(outcome: Outcome) -> str:
    if outcome.is_missed:
        return "missed"
    return ", ".join(sorted({f"falsely {alert.kind}" for alert in outcome.false_alarms}))


def write() -> None:
    """Make the page's table anew."""
    made = "\n".join(table([play(scenario, SEED) for scenario in SCENARIOS]))
    text = PAGE.read_text()
    begin = text.index(made.partition("\n")[0])
    PAGE.write_text(text[:begin] + made + text[text.index("\n\n", begin) :])


if __name__ == "__main__":
    main()
