"""What was measured, held against the bars, printed and kept."""

import json
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import tornado

from .bars import Bar

RESULTS: Final = Path(__file__).parent / "results.json"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured bar.

    Args:
        figure: the ratio; None where it could not be measured.
        note: what it was measured with, or why it was not.
    """

    bar: Bar
    figure: float | None
    note: str

    @property
    def holds(self) -> bool:
        """Whether the bar is reached; what was not measured does not hold."""
        return self.figure is not None and self.bar.holds(self.figure)

    @property
    def verdict(self) -> str:
        """One word for people."""
        if self.figure is None:
            return "not measured"
        if not self.holds:
            return "SHORT"
        return "holds, and the stretch" if self.bar.stretches(self.figure) else "holds"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one suite came to.

    Args:
        tables: what was measured, for the pages: anything that JSON can hold, by name.
    """

    figures: Sequence[Figure]
    tables: Mapping[str, Any] = field(default_factory=dict)


def print_figures(figures: Iterable[Figure]) -> None:
    """A line for each bar."""
    for each in figures:
        figure = "–" if each.figure is None else f"{each.figure:.2f}×"
        side = "≤" if each.bar.is_ceiling else "≥"
        print(f"{each.bar.id:18} {figure:>7}  bar {side} {each.bar.bound:.2f}×  {each.verdict:22} {each.bar.what}")
        print(f"{'':27} {each.note}")


def keep(figures: Iterable[Figure], tables: Mapping[str, Any], path: Path = RESULTS) -> None:
    """Write the results file; what was not measured this time stays as it was."""
    known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    measured = {each.bar.id: _entry(each) for each in figures}
    document = {
        "machine": machine(),
        "bars": dict(sorted({**known.get("bars", {}), **measured}.items())),
        "tables": dict(sorted({**known.get("tables", {}), **tables}.items())),
    }
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def machine() -> Mapping[str, str]:
    """What the figures were measured on; of a machine only what matters to them."""
    return {
        "python": platform.python_version(),
        "tornado": tornado.version,
        "system": platform.system(),
        "processor": _processor(),
        "cores": str(os.cpu_count()),
    }


def _processor() -> str:
    """Its name, as Linux tells it."""
    known = Path("/proc/cpuinfo")
    lines = known.read_text(encoding="utf-8").splitlines() if known.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{names[0]}, {platform.machine()}" if names else platform.machine()


def _entry(each: Figure) -> Mapping[str, Any]:
    figure = None if each.figure is None else round(each.figure, 3)
    return {**asdict(each.bar), "figure": figure, "holds": each.holds, "note": each.note}
