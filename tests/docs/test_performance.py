"""The page on performance says what was measured, and shows it."""

import json
import re
from runpy import run_path
from typing import Any

import pytest

from bench.bars import ALL
from bench.picture import PICTURE, drawn
from bench.results import RESULTS
from tests.docs.pages import DOCS

MEASURED = run_path(str(DOCS / "_ext" / "measured.py"))
PAGE = (DOCS / "performance.md").read_text(encoding="utf-8")
ASKED = re.findall(r"```\{measured\} (.+)\n", PAGE)
KEPT: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8"))
SAMPLE = {
    "bars": {
        "P1.bare": {
            "id": "P1.bare",
            "what": "messages",
            "bound": 4.0,
            "stretch": None,
            "is_ceiling": False,
            "figure": 3.5,
            "holds": False,
            "note": "so much",
        },
        "P11": {
            "id": "P11",
            "what": "waits",
            "bound": 0.2,
            "stretch": 0.1,
            "is_ceiling": True,
            "figure": None,
            "holds": False,
            "note": "no peer",
        },
    },
    "tables": {
        "messages": {"small": {"ours": [10.0, 9, 11], "node_ws": [5.0, 4, 6]}, "medium": {"ours": [20.0, 9, 21]}}
    },
}


def test_picture_shows_the_results() -> None:
    """`python3 bootstrap.py bench.picture` draws it anew."""

    assert drawn(KEPT["tables"]["messages"]) == PICTURE.read_text(encoding="utf-8")


@pytest.mark.parametrize("asked", ASKED)
def test_tables_of_the_page_have_rows(asked: str) -> None:
    """Each as wide as its titles."""
    name, *arguments = asked.split()
    titles, *rows = MEASURED["TABLES"][name](KEPT, *arguments)

    assert rows
    assert {len(titles)} == {len(row) for row in rows}


def test_bars_are_all_on_the_page() -> None:
    """Also those that are not reached."""
    shown = {prefix for asked in ASKED if asked.startswith("bars ") for prefix in asked.split()[1:]}

    assert {bar.id.partition(".")[0] for bar in ALL} == shown


def test_bars_are_told_as_they_are() -> None:
    """By the whole of their prefix; one that was not measured is there, too."""

    assert [
        ("P1.bare", "messages", "3.50×", "≥ 4.00×", "SHORT", "so much"),
        ("P11", "waits", "–", "≤ 0.20×", "not measured", "no peer"),
    ] == [row for prefix in ("P1", "P11") for row in MEASURED["bars"](SAMPLE, prefix)[1:]]


def test_costs_are_told_the_fastest_first() -> None:
    """What was not measured is a dash."""

    assert [
        ("", "small", "medium"),
        ("Node ws + ajv", "200.0 (5.0 µs)", "–"),
        ("tornado_wssec", "100.0 (10.0 µs)", "50.0 (20.0 µs)"),
    ] == MEASURED["costs"](SAMPLE, "messages")
