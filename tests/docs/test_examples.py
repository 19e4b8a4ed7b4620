"""The page of the systems names them all, and commands that run."""

import re
import runpy
from pathlib import Path

from tests.docs.pages import DOCS, ROOT, blocks

PAGE = DOCS / "examples.md"
SYSTEMS: dict[str, str] = runpy.run_path(str(ROOT / "examples" / "__main__.py"))["systems"]()


def test_examples_are_all_on_the_page() -> None:
    """Each has a row of the table, and a README of its own."""
    rows = set(re.findall(r"^\| `([a-z]+)` \|", PAGE.read_text(), re.MULTILINE))

    assert SYSTEMS.keys() - {"chat"} == rows
    assert [] == [name for name in rows if not (ROOT / "examples" / name / "README.md").exists()]


def test_examples_of_the_page_are_commands_that_run() -> None:
    """As `tests/examples` runs each of them, here they are but read."""
    command = runpy.run_path(str(ROOT / "examples" / "__main__.py"))["command"]
    lines = [
        line for block in blocks(PAGE) for line in block.text.splitlines() if line.startswith("$ python3 examples")
    ]
    asked = [line.removeprefix("$ python3 examples").split() for line in lines]

    assert ["--help"] in asked
    assert all(command(words)[0] == "-m" for words in asked if words != ["--help"])


def test_examples_have_servers_that_read_well() -> None:
    """The server of each is below 150 lines."""
    servers = {path.parent.name: path for path in Path(ROOT / "examples").glob("*/app.py")}

    assert {} == {name: len(path.read_text().splitlines()) for name, path in servers.items() if _is_long(path)}


def _is_long(path: Path) -> bool:
    return len(path.read_text().splitlines()) >= 150
