"""Requirements and standards: none is left out, and each has its code, its tests and its page."""

import json

import pytest

from bench.results import RESULTS
from tests.docs.pages import DOCS
from tests.docs.proofs import REQUIREMENT, STANDARD, cited, marked, requirements, standards
from tornado_wssec.cli.standards import ITEMS

LAST = 94
SYSTEMS = ("S1", "S2", "S3", "S4", "S5")


def test_requirements_leave_none_out() -> None:
    """R001 to R094 and the five systems, each once."""

    assert [*(f"R{number:03}" for number in range(1, LAST + 1)), *SYSTEMS] == sorted(
        one.number for one in requirements()
    )


def test_requirements_have_no_gap() -> None:
    """Code, a test and a page for each, and all of them are there."""
    rows = requirements()

    assert [] == [one.number for one in rows if not one.tests]
    assert [] == [(one.number, place.name) for one in rows for place in one.code if not place.exists()]
    assert [] == [one.number for one in rows if not one.code or not one.what]
    assert [] == [(one.number, one.page) for one in rows if not (DOCS / f"{one.page}.md").exists()]


def test_requirements_are_proven_under_numbers_that_exist() -> None:
    """No test is bound to a number that is none."""

    assert set() == marked(REQUIREMENT).keys() - {one.number for one in requirements()}


def test_standards_are_answered_item_by_item() -> None:
    """Those of the command's report, no more and no fewer, by requirements that exist."""
    numbers = {one.number for one in requirements()}
    asked = {(item.standard, item.number) for item in ITEMS}
    answered = {
        (name, item): found for name, items in standards().items() if name != "RFC" for item, found in items.items()
    }

    assert asked == answered.keys()
    assert [] == [item for item, found in answered.items() if not found or not numbers.issuperset(found)]


def test_standards_are_each_proven_by_a_test() -> None:
    """Every item of OWASP, and what we say to follow of the RFCs; no test is bound to what nobody asks."""
    asked = {f"{item.standard} {item.number}" for item in ITEMS}
    followed = {f"RFC {number}" for number in ("6454", "6455", "6750", "7515", "7519", "7800", "8725", "9068")}
    cited_ones = {f"RFC {number}" for number in cited()}

    assert set() == (asked | followed) - marked(STANDARD).keys()
    assert set() == marked(STANDARD).keys() - asked - cited_ones


def test_standards_name_each_rfc_that_the_code_cites() -> None:
    """No more and no fewer, by requirements that exist."""
    numbers, rows = {one.number for one in requirements()}, standards()["RFC"]

    assert cited().keys() == rows.keys()
    assert [] == [
        name for name, row in rows.items() if not row["requirements"] or not numbers.issuperset(row["requirements"])
    ]


READERS = [
    ("credentials", "## What native clients keep, and where"),
    ("signing", "## When TLS is enough"),
]


@pytest.mark.requirement("R027", "R066")
@pytest.mark.parametrize(("page", "heading"), READERS)
def test_requirements_for_readers_are_on_their_pages(page: str, heading: str) -> None:
    """What a library can only explain has a section of its own."""
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")

    assert len(text.partition(heading)[2].partition("\n## ")[0].split()) > 50


@pytest.mark.requirement("R092")
def test_requirements_of_scale_are_measured() -> None:
    """Ten thousand connections on one process, and several joined: the page shows figures, and they are there."""
    text = (DOCS / "performance.md").read_text(encoding="utf-8")
    bars = json.loads(RESULTS.read_text(encoding="utf-8"))["bars"]

    assert all(f"{{measured}} bars {name}" in text for name in ("P8", "P9", "P12"))
    assert None not in [bars[name]["figure"] for name in ("P8.linear", "P9.nodes", "P12")]
    assert "10,000 connections" in bars["P12"]["what"]
