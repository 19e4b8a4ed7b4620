"""Run the benchmarks and hold them against the bars; exit 1 when one is short."""

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from . import bars, picture
from .bars import Bar
from .environments import Missing
from .handshakes import suite as handshakes
from .load.driver import LoadFailed
from .process import CLIENT_CORE, pin
from .results import Figure, Outcome, keep, print_figures
from .revocation import suite as revocation
from .roster import UNCOMPILED
from .suites import (
    crowd,
    encrypted,
    fanout,
    flood,
    memory,
    nodes,
    security,
    signing,
    startup,
    talk,
    telemetry,
    validation,
)
from .trading import suite as trading
from .whiteboard import suite as whiteboard

SUITES: Final[Mapping[str, tuple[Callable[[int], Outcome], Sequence[Bar]]]] = {
    "talk": (talk.measure, bars.MESSAGES),
    "security": (security.measure, bars.SECURITY),
    "encrypted": (encrypted.measure, bars.ENCRYPTED),
    "handshakes": (lambda rounds: Outcome(handshakes.measure(rounds)), bars.HANDSHAKES),
    "memory": (memory.measure, bars.MEMORY),
    "fanout": (fanout.measure, bars.FANOUT),
    "trading": (trading.measure, bars.TRADING),
    "nodes": (nodes.measure, bars.NODES),
    "flood": (flood.measure, bars.FLOOD),
    "revocation": (revocation.measure, bars.REVOCATION),
    "crowd": (crowd.measure, bars.CROWD),
    "signing": (signing.measure, ()),
    "validation": (validation.measure, bars.VALIDATION),
    "startup": (startup.measure, ()),
    "whiteboard": (whiteboard.measure, bars.WHITEBOARD),
    "telemetry": (telemetry.measure, bars.TELEMETRY),
}
"""Each suite, and the bars that it measures."""


def main() -> int:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("suites", nargs="*", choices=[*SUITES, []], help="which; all when none is named")
    parser.add_argument("--rounds", type=int, default=7, help="how often the peers take turns (default: 7)")
    parser.add_argument("--dry", action="store_true", help="do not write bench/results.json")
    parser.add_argument("--uncompiled", action="store_true", help="ours as it stands in this tree; implies --dry")
    asked = parser.parse_args()
    if asked.uncompiled:
        os.environ[UNCOMPILED] = "1"
    pin(0, CLIENT_CORE)
    figures, tables = measured(asked.suites or list(SUITES), asked.rounds)
    print_figures(figures)
    if not (asked.dry or asked.uncompiled):
        keep(figures, tables)
        picture.draw()
    return 0 if all(figure.holds for figure in figures) else 1


def measured(names: list[str], rounds: int) -> tuple[list[Figure], dict[str, Any]]:
    """One suite after another."""
    figures: list[Figure] = []
    tables: dict[str, Any] = {}
    for name in names:
        print(f"== {name}", flush=True)
        outcome = outcome_of(name, rounds)
        figures += outcome.figures
        tables |= outcome.tables
    return figures, tables


def outcome_of(name: str, rounds: int) -> Outcome:
    """Run one suite; where it fails, none of its bars is measured, and the others still are."""
    measure, its_bars = SUITES[name]
    try:
        return measure(rounds)
    except (LoadFailed, Missing, RuntimeError) as error:
        print(f"  {name} failed: {error}", flush=True)
        return Outcome([Figure(bar, None, str(error)) for bar in its_bars])


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("Interrupted; nothing was written, and nothing is left running.")
