"""Tables of what was measured, made from `bench/results.json`, so that no page can say another number.

A page asks by a `measured` directive: `bars P1 P2` for the bars whose names begin so, `costs messages` for a table of
what things cost, `machine` for what it was measured on.
"""

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from bench.bars import ALL, Bar
from bench.picture import thousands_a_second
from bench.results import RESULTS, Figure
from bench.roster import titles

Rows = list[tuple[str, ...]]
"""The first one is the titles."""

NAMES: Final = {
    "python": "Python",
    "tornado": "Tornado",
    "system": "System",
    "processor": "Processor",
    "cores": "Cores",
}


def bars(results: Mapping[str, Any], *prefixes: str) -> Rows:
    """What was reached, and what should be."""
    rows: Rows = [("", "What", "Measured", "Bar", "Verdict", "In numbers")]
    order = {bar.id: place for place, bar in enumerate(ALL)}
    names = [name for name in results["bars"] if name.partition(".")[0] in prefixes]
    # Some bars are there on one version of Python alone, which need not be the one that makes the pages.
    return rows + [_bar(results["bars"][name]) for name in sorted(names, key=lambda name: order.get(name, len(order)))]


def _bar(entry: Mapping[str, Any]) -> tuple[str, ...]:
    bar = Bar(**{name: entry[name] for name in ("id", "what", "bound", "stretch", "is_ceiling")})
    verdict = Figure(bar, entry["figure"], entry["note"]).verdict
    measured = "–" if entry["figure"] is None else f"{entry['figure']:.2f}×"
    side = "≤" if bar.is_ceiling else "≥"
    return bar.id, bar.what, measured, f"{side} {bar.bound:.2f}×", verdict, entry["note"]


def costs(results: Mapping[str, Any], name: str) -> Rows:
    """Thousand units a second that one core does: a row for each that was measured, the fastest first."""
    table: Mapping[str, Mapping[str, Sequence[float]]] = results["tables"][name]
    found = {server for row in table.values() for server in row}
    first = next(iter(table.values()))
    ordered = sorted(found, key=lambda server: first[server][0] if server in first else float("inf"))
    return [
        ("", *table),
        *((titles().get(each, each), *(_shown(row.get(each)) for row in table.values())) for each in ordered),
    ]


def _shown(cost: Sequence[float] | None) -> str:
    return "–" if cost is None else f"{thousands_a_second(cost[0]):.1f} ({cost[0]:.1f} µs)"


def machine(results: Mapping[str, Any]) -> Rows:
    """What it was measured on."""
    return [("", ""), *((NAMES[name], value) for name, value in results["machine"].items())]


def startup(results: Mapping[str, Any]) -> Rows:
    """What so many types cost at the start."""
    table: Mapping[str, Mapping[str, float]] = results["tables"]["startup"]
    shown = [
        (f"{int(count):,}", f"{one['seconds']:.2f} s", f"{one['bytes'] / 2**20:.0f} MiB")
        for count, one in sorted(table.items(), key=lambda item: int(item[0]))
    ]
    return [("Types", "CPU", "Memory"), *shown]


def sizing(results: Mapping[str, Any]) -> Rows:
    """What half a core carries, and what people weigh who say nothing."""
    fewest, *_, most = results["tables"]["memory"]["ours"]
    weight = (most[1] - fewest[1]) / (most[0] - fewest[0])
    alone = fewest[1] - fewest[0] * weight
    tables = results["tables"]
    units = {
        "a message of 120 bytes, answered": tables["messages"]["small, one at a time"]["ours"][0],
        "the same over TLS that ends here": tables["encrypted"]["small, one at a time"]["ours"][0],
        "a message of 1 KB, answered": tables["messages"]["medium, one at a time"]["ours"][0],
        "one listener of a message to 1,000": next(iter(tables["fanout"].values()))["ours"][0],
        "one of 10,000 on four processes, by Redis": next(iter(tables["nodes"].values()))["ours_nodes"][0],
        "a handshake with a token that is known": _microseconds(results["bars"]["P7.known"]["note"]),
        "a handshake with a fresh token (EdDSA)": _microseconds(results["bars"]["P7.eddsa"]["note"]),
    }
    return [
        ("What", "One costs", "A process carries"),
        ("an idle connection", f"{weight / 1024:.1f} KiB", f"10,000 in {(alone + 10_000 * weight) / 2**20:.0f} MiB"),
        *((what, f"{cost:.1f} µs", f"{_rounded(500_000 / cost)} a second") for what, cost in units.items()),
    ]


def _microseconds(note: str) -> float:
    """The first number of a bar's note, which is ours."""
    return float(re.findall(r"([\d.]+) µs", note)[0])


def _rounded(number: float) -> str:
    """To two digits: what is said of another machine is no better."""
    return f"{round(number, 1 - math.floor(math.log10(number))):,.0f}"


def trading(results: Mapping[str, Any]) -> Rows:
    """What a thousand readers of quotes see, alone and beside slow ones."""
    shown = [
        (
            who,
            *("–" if one[name] is None else f"{one[name]:.1f} ms" for name in ("p50_ms", "p99_ms")),
            f"{one['quotes_per_second']:,}",
            f"{one['cost_us']:.1f} µs",
            f"{one['resident_mib']:.0f} MiB",
        )
        for who, one in results["tables"].get("trading", {}).items()
    ]
    return [("The fast ones", "Age (p50)", "Age (p99)", "Quotes a second", "CPU for each", "Memory"), *shown]


TABLES: Final[Mapping[str, Callable[..., Rows]]] = {
    "bars": bars,
    "costs": costs,
    "machine": machine,
    "sizing": sizing,
    "startup": startup,
    "trading": trading,
}


class Measured(SphinxDirective):
    """The table of that name, of these arguments."""

    required_arguments = 1
    optional_arguments = 20

    def run(self) -> list[nodes.Node]:
        """Make the table, also where only the figures have changed."""
        self.env.note_dependency(str(RESULTS))
        results = json.loads(RESULTS.read_text(encoding="utf-8"))
        name, *arguments = self.arguments
        titles_, *rows = TABLES[name](results, *arguments)
        lines = [titles_, ("---",) * len(titles_), *rows]
        return self.parse_text_to_nodes("\n".join("| " + " | ".join(line) + " |" for line in lines))


def setup(app: Sphinx) -> Mapping[str, bool]:
    """Make the directive known."""
    app.add_directive("measured", Measured)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
