"""The page on faults: each row names tests that there are, and its numbers and words are those of the code."""

import ast
import re
from pathlib import Path

from tests.docs.pages import DOCS, ROOT

PAGE = (DOCS / "faults.md").read_text()


def rows(heading: str) -> list[list[str]]:
    """The rows of the table below a heading, as cells."""
    _, _, rest = PAGE.partition(f"\n## {heading}\n")
    lines = [line for line in rest.partition("\n## ")[0].splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[1:]]


def names_in(path: Path) -> set[str]:
    """The tests in a file."""
    found = ast.walk(ast.parse(path.read_text()))
    return {node.name for node in found if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}


def test_faults_page_names_a_test_for_each_row() -> None:
    """Each fault of the table, in its order, has tests that are there."""
    faults = [row[0] for row in rows("The table")]
    shown = {row[0]: re.findall(r"`([^`]+)`", row[1]) for row in rows("What shows it")}

    assert 16 == len(faults)
    assert [*faults, "what is in force is told"] == list(shown)
    for names in shown.values():
        file = ""
        for name in names:
            path, separator, test = name.rpartition("::")
            file = path if separator else file
            assert test in names_in(ROOT / file), name


def test_faults_page_leaves_no_test_out() -> None:
    """Each file of tests/faults is named."""
    files = {f"tests/faults/{path.name}" for path in (ROOT / "tests" / "faults").glob("test_*.py")}

    assert set() == {file for file in files if file not in PAGE}


def test_faults_page_quotes_what_the_log_says() -> None:
    """The words to look for are those that some module writes."""
    written = "\n".join(path.read_text() for path in (ROOT / "tornado_wssec").rglob("*.py"))

    for words in ("in force: ", "its generation", "entries of its log", "not acknowledged"):
        assert words in PAGE
        assert words in written
