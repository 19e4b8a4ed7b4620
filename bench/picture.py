"""Draws what was measured: `python -m bench.picture` makes `docs/images/performance.svg` of `bench/results.json`.

A panel for each way to talk, a line for each server: thousand messages a second that one core answers.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, Final

from .results import RESULTS
from .roster import OURS, titles

PICTURE: Final = Path(__file__).resolve().parents[1] / "docs" / "images" / "performance.svg"
WIDTH: Final = 760
LEFT: Final = 190
RIGHT: Final = 60
ROW: Final = 22
HEAD: Final = 40
STYLE: Final = """
text { font: 13px system-ui, sans-serif; fill: #24292f }
.head { font-weight: 600 }
.name { text-anchor: end }
.bar { fill: #8c959f }
.ours { fill: #0969da }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .bar { fill: #6e7681 } .ours { fill: #2f81f7 } }
"""

Costs = Mapping[str, Mapping[str, Sequence[float]]]
"""Discipline → server → [median, least, most] microseconds a message."""


def thousands_a_second(microseconds: float) -> float:
    """What one core does at this cost."""
    return 1e3 / microseconds


def drawn(costs: Costs) -> str:
    """The whole picture."""
    rows = sum(len(row) for row in costs.values())
    height = rows * ROW + len(costs) * HEAD + 10
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        "<title>Thousand messages a second that one core answers</title>",
        f"<style>{STYLE}</style>",
    ]
    top = 0
    for discipline, row in costs.items():
        lines += panel(discipline, row, top)
        top += HEAD + len(row) * ROW
    return "\n".join([*lines, "</svg>", ""])


def panel(discipline: str, row: Mapping[str, Sequence[float]], top: int) -> Iterator[str]:
    """One way to talk, the fastest server first."""
    yield f'<text class="head" x="10" y="{top + 26}">{escape(discipline)}: thousand messages a second a core</text>'
    fastest = thousands_a_second(min(cost[0] for cost in row.values()))
    for number, (name, cost) in enumerate(sorted(row.items(), key=lambda item: item[1][0])):
        middle = top + HEAD + number * ROW + ROW // 2
        figure = thousands_a_second(cost[0])
        width = (WIDTH - LEFT - RIGHT) * figure / fastest
        kind = "ours" if name == OURS.name else "bar"
        yield f'<text class="name" x="{LEFT - 8}" y="{middle + 4}">{escape(titles().get(name, name))}</text>'
        yield f'<rect class="{kind}" x="{LEFT}" y="{middle - 7}" width="{width:.1f}" height="14" rx="2"/>'
        yield f'<text x="{LEFT + width + 6:.1f}" y="{middle + 4}">{figure:.1f}</text>'


def draw() -> None:
    """Draw what is in the results, if messages have been measured at all."""
    results: Mapping[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8"))
    if "messages" in results["tables"]:
        PICTURE.write_text(drawn(results["tables"]["messages"]), encoding="utf-8")


if __name__ == "__main__":
    draw()
