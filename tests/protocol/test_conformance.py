"""One list of cases, three clients: the Python one, the browser's module, and one written from the page alone."""

import asyncio
import re
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.client.node import node_program
from tests.protocol.driver import CASES, faults

FOLDER: Final = Path(__file__).parent
SECOND: Final = FOLDER / "second_client.mjs"


def command_of(name: str) -> list[str]:
    """What starts a client."""
    if name.endswith(".py"):
        return [sys.executable, "-m", f"tests.protocol.{name.removesuffix('.py')}"]
    return node_program(FOLDER / name)


@pytest.mark.parametrize("name", ["python_client.py", "module_client.mjs", "second_client.mjs"])
def test_conformance_of_a_client(name: str) -> None:
    """Every case that it can, against a real server."""

    assert {} == asyncio.run(faults(command_of(name)))


def test_conformance_cases_are_each_taken_by_the_second_client() -> None:
    """What no other client has a place for, it has; the names tell the cases apart."""
    (can,) = re.findall(r"say\(\{ can: \[(.*)\] \}\)", SECOND.read_text())

    assert set() == {case["needs"] for case in CASES if "needs" in case} - set(re.findall(r'"([\w-]+)"', can))
    assert len(CASES) == len({case["name"] for case in CASES})


def test_conformance_second_client_knows_the_page_alone() -> None:
    """It imports nothing but what Node has."""
    imported = re.findall(r'\bfrom "([^"]+)"|\bimport\("([^"]+)"|\brequire\("([^"]+)"', SECOND.read_text())

    assert {"node"} == {next(filter(None, names)).partition(":")[0] for names in imported}
