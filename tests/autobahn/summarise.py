"""Counts the verdicts of a report of the Autobahn testsuite, group by group: `summarise.py build/autobahn`.

Standard library only. Nothing in the outcome depends on when or where the suite ran.
"""

import json
import sys
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
COUNTS: Final = {
    "OK": "passed",
    "INFORMATIONAL": "informational",
    "NON-STRICT": "non_strict",
    "FAILED": "failed",
    "UNIMPLEMENTED": "unimplemented",
}
WRONG_CLOSES: Final = "wrong_closes"
RIGHT_CLOSES: Final = frozenset({"OK", "INFORMATIONAL", "UNIMPLEMENTED"})
USER_AGENT: Final = "User-Agent: "


def summarise(report: Path) -> dict[str, Any]:
    """The versions, and per group and in all how many cases came out how.

    Args:
        report: the folder that the suite wrote, of one server.

    Raises:
        ValueError: it is of several servers.
    """
    (cases,) = json.loads((report / "index.json").read_text(encoding="utf-8")).values()
    groups: dict[str, Counter[str]] = {}
    for number, case in cases.items():
        counts = groups.setdefault(number.partition(".")[0], Counter())
        counts[COUNTS[case["behavior"]]] += 1
        counts[WRONG_CLOSES] += case["behaviorClose"] not in RIGHT_CLOSES
    first = next(iter(cases.values()))
    return {
        "suite": _suite(report / first["reportfile"]),
        "tornado_wssec": tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"],
        "total": _row(sum(groups.values(), Counter())),
        "groups": {group: _row(groups[group]) for group in sorted(groups, key=int)},
    }


def _row(counts: Counter[str]) -> dict[str, int]:
    return {name: counts[name] for name in (*COUNTS.values(), WRONG_CLOSES)}


def _suite(case: Path) -> str:
    """The suite's name and versions, as it gives them in its handshakes."""
    request: str = json.loads(case.read_text(encoding="utf-8"))["httpRequest"]
    (agent,) = (line for line in request.splitlines() if line.startswith(USER_AGENT))
    return agent.removeprefix(USER_AGENT)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(summarise(Path(sys.argv[1])), indent=2) + "\n")
