"""What a benchmark says of its figures: verdicts, and the file that keeps them."""

import json
from pathlib import Path

import pytest

from bench.bars import ALL, Bar
from bench.results import Figure, keep

BAR = Bar("P0.x", "a figure", 0.5, 0.8)


@pytest.mark.parametrize(
    ("figure", "holds", "verdict"),
    [
        (None, False, "not measured"),
        (0.49, False, "SHORT"),
        (0.5, True, "holds"),
        (0.79, True, "holds"),
        (0.8, True, "holds, and the stretch"),
    ],
)
def test_verdict(figure: float | None, holds: bool, verdict: str) -> None:
    """A bar is reached from its least on; what was not measured does not hold."""
    found = Figure(BAR, figure, "")

    assert (holds, verdict) == (found.holds, found.verdict)


@pytest.mark.parametrize(
    ("figure", "holds", "verdict"),
    [(0.61, False, "SHORT"), (0.6, True, "holds"), (0.35, True, "holds, and the stretch")],
)
def test_verdict_of_a_ceiling(figure: float, holds: bool, verdict: str) -> None:
    """Of what should be small, less is better."""
    found = Figure(Bar("P0.z", "a share", 0.6, 0.35, is_ceiling=True), figure, "")

    assert (holds, verdict) == (found.holds, found.verdict)


def test_results_are_kept_beside_earlier_ones(tmp_path: Path) -> None:
    """A run of one suite replaces its own bars and tables, and leaves the others."""
    path = tmp_path / "results.json"
    keep([Figure(BAR, 0.7, "first"), Figure(Bar("P0.y", "another", 1.0), None, "no peer")], {"a": 1, "b": 1}, path)
    keep([Figure(BAR, 0.4, "second")], {"b": 2}, path)
    kept = json.loads(path.read_text())

    assert {"P0.x": (0.4, False, "second"), "P0.y": (None, False, "no peer")} == {
        name: (each["figure"], each["holds"], each["note"]) for name, each in kept["bars"].items()
    }
    assert {"a": 1, "b": 2} == kept["tables"]


def test_bars_have_names_of_their_own() -> None:
    """Two bars of one name would hide each other in the file."""
    names = [bar.id for bar in ALL]

    assert sorted(set(names)) == sorted(names)
