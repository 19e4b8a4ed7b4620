"""Run the benchmarks and hold them against the bars; exit 1 when one is short."""

import argparse
import sys

from .handshakes import suite as handshakes
from .process import CLIENT_CORE, pin
from .results import keep, print_figures

SUITES = {"handshakes": handshakes.measure}


def main() -> int:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("suites", nargs="*", choices=[*SUITES, []], help="which; all when none is named")
    parser.add_argument("--rounds", type=int, default=7, help="how often the peers take turns (default: 7)")
    parser.add_argument("--dry", action="store_true", help="do not write bench/results.json")
    asked = parser.parse_args()
    pin(0, CLIENT_CORE)
    figures = [figure for name in asked.suites or SUITES for figure in SUITES[name](asked.rounds)]
    print_figures(figures)
    if not asked.dry:
        keep(figures)
    return 0 if all(figure.holds for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
