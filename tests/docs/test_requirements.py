"""The page on requirements: none is left out, and the tests that it names are there."""

import re

from tests.docs.pages import DOCS, ROOT

PAGE = (DOCS / "requirements.md").read_text()
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line.startswith("| R0")]
NUMBERS = [*range(1, 29), 50, 67, 68, 69, *range(29, 50), *range(51, 67), *range(70, 89), 91]
FOR_READERS = ["R027", "R066"]


def test_requirements_leave_none_out() -> None:
    """Everything that is claimed so far has one row, in order, and a proof or a reason to have none."""
    numbers = [row[0] for row in ROWS]

    assert [f"R{number:03}" for number in NUMBERS] == numbers
    assert FOR_READERS == [row[0] for row in ROWS if "`test_" not in row[2]]


def test_requirements_name_tests_that_exist() -> None:
    """Each test of a row is defined, under that name."""
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    files = (ROOT / "tests").rglob("test_*.py")
    defined = {name for path in files for name in re.findall(r"^(?:async )?def (test_\w+)", path.read_text(), re.M)}

    assert set() == named - defined


def test_requirements_are_on_pages_that_exist() -> None:
    """Each row ends with the page that explains it."""
    pages = [re.fullmatch(r"\[\]\(([\w-]+\.md)\)", row[3]) for row in ROWS]

    assert [] == [row[0] for row, page in zip(ROWS, pages, strict=True) if page is None]
    assert [] == [page[1] for page in pages if page is not None and not (DOCS / page[1]).exists()]
