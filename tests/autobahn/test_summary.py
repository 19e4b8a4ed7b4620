"""The committed summary of the Autobahn testsuite: nothing failed, and the counting counts right."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.autobahn.summarise import COUNTS, summarise

FOLDER = Path(__file__).parent
NEEDS_COMPRESSION = {"12", "13"}


def committed() -> dict[str, Any]:
    """What the last run of the suite came to."""
    summary: dict[str, Any] = json.loads((FOLDER / "summary.json").read_text(encoding="utf-8"))
    return summary


def report_of(folder: Path, *verdicts: tuple[str, str, str]) -> Path:
    """A report as the suite writes it: of each case its number, its verdict and that on its close."""
    cases = {
        number: {"behavior": behavior, "behaviorClose": close, "duration": 2, "reportfile": "case.json"}
        for number, behavior, close in verdicts
    }
    request = "GET / HTTP/1.1\r\nUser-Agent: AutobahnTestSuite/1.2-3.4\r\nHost: localhost\r\n\r\n"
    (folder / "index.json").write_text(json.dumps({"tornado_wssec": cases}))
    (folder / "case.json").write_text(json.dumps({"httpRequest": request}))
    return folder


def test_summary_all_groups_ran() -> None:
    """The suite has these groups and this many cases; none was left out."""
    summary = committed()

    assert ["1", "2", "3", "4", "5", "6", "7", "9", "10", "12", "13"] == list(summary["groups"])
    assert [16, 11, 7, 10, 20, 145, 37, 54, 1, 90, 126] == [
        sum(counts[name] for name in COUNTS.values()) for counts in summary["groups"].values()
    ]


def test_summary_nothing_failed() -> None:
    """No case failed, none passed only by a lenient reading, each close was clean and had the right code."""
    total = committed()["total"]

    assert [0, 0, 0] == [total[name] for name in ("failed", "non_strict", "wrong_closes")]


def test_summary_leaves_out_compression_alone() -> None:
    """What is not implemented is permessage-deflate, and all of what is implemented was judged."""
    groups = committed()["groups"]

    assert NEEDS_COMPRESSION == {group for group, counts in groups.items() if counts["unimplemented"]}
    assert {0} == {groups[group]["passed"] for group in NEEDS_COMPRESSION}


def test_summary_adds_up() -> None:
    """The total is that of the groups."""
    summary = committed()

    assert summary["total"] == {
        name: sum(counts[name] for counts in summary["groups"].values()) for name in summary["total"]
    }


def test_summarise_counts_each_verdict(tmp_path: Path) -> None:
    """Groups stand in the order of their numbers; a close may be wrong where the rest was right."""
    report = report_of(
        tmp_path,
        ("10.1.1", "OK", "UNCLEAN"),
        ("7.1.1", "OK", "OK"),
        ("7.9.1", "FAILED", "WRONG CODE"),
        ("7.13.1", "INFORMATIONAL", "INFORMATIONAL"),
        ("6.4.1", "NON-STRICT", "FAILED BY CLIENT"),
        ("12.1.1", "UNIMPLEMENTED", "UNIMPLEMENTED"),
    )
    summary = summarise(report)

    assert "AutobahnTestSuite/1.2-3.4" == summary["suite"]
    assert {
        "6": [0, 0, 1, 0, 0, 1],
        "7": [1, 1, 0, 1, 0, 1],
        "10": [1, 0, 0, 0, 0, 1],
        "12": [0, 0, 0, 0, 1, 0],
    } == {group: list(counts.values()) for group, counts in summary["groups"].items()}
    assert ["6", "7", "10", "12"] == list(summary["groups"])
    assert [2, 1, 1, 1, 1, 3] == list(summary["total"].values())


def test_summarise_refuses_an_unknown_verdict(tmp_path: Path) -> None:
    """A verdict that it does not know is none that passed."""
    report = report_of(tmp_path, ("1.1.1", "SPLENDID", "OK"))

    with pytest.raises(KeyError, match="SPLENDID"):
        summarise(report)
