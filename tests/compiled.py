"""Runs the tests of what every message passes while that is compiled: `python -m tests.compiled`.

A copy of the tree is built as `TORNADO_WSSEC_COMPILE=1` builds a wheel, and tested with the tools of this environment.
All other tests run without: what is compiled is nothing but the modules that they test.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree
from typing import Final

from bootstrap import NOT_COPIED

ROOT: Final = Path(__file__).resolve().parents[1]
TESTED: Final = (
    "tests/wire",
    *(f"tests/policy/test_{name}.py" for name in ("binary", "codec", "lifetime", "pipeline", "rates", "session")),
    "tests/policy/test_swift.py",
    "tests/policy/test_differential.py",
    "tests/attacks",
    "tests/protocol",
    "tests/telemetry/test_otel.py",
    *(f"tests/test_{name}.py" for name in ("concurrency", "conversation", "endpoint", "fanout", "handler", "hub")),
    *(f"tests/test_{name}.py" for name in ("publishing", "rights", "slow_reader", "warned")),
)
OF_PYTHON_ALONE: Final = {
    "tests/attacks/test_h_first_message.py::test_h27_opening_that_fails": "puts a method of its own on a hub",
    "tests/policy/test_swift.py::test_swift_is_none_where_an_envelope_reads_in_its_own_way": "inherits from one",
    "tests/test_conversation.py::test_conversation_validator_that_panics": "puts a method of its own on a pipeline",
    "tests/test_handler.py::test_handler_that_was_left_is_no_work_for_the_collector": "refers to one weakly",
    "tests/test_hub.py::test_hub_looks_at_few_accounts_for_each_newcomer": "has strangers as identities",
    "tests/wire/test_pipes.py::test_pipe_is_read_where_the_system_watches_no_more": "puts a method on a gathering",
}
"""Tests that do to a class what a compiled one does not let be done to it."""


def arguments() -> Iterator[str]:
    """What pytest is told."""
    yield from ("-q", "-p", "no:cacheprovider", "-n", "logical", "--dist", "loadfile", "--no-loadscope-reorder")
    yield from (f"--deselect={name}" for name in OF_PYTHON_ALONE)
    yield from TESTED


def main() -> int:
    """Build, and run them there; returns their exit code."""
    with tempfile.TemporaryDirectory(prefix="wssec-compiled-") as folder:
        tree = copytree(ROOT, Path(folder) / "tree", ignore=NOT_COPIED)
        build = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
        subprocess.run(build, cwd=tree, check=True, env={**os.environ, "TORNADO_WSSEC_COMPILE": "1"})
        seen = "import tornado_wssec.wire.engine as one; print(one.__file__)"
        made = subprocess.run([sys.executable, "-c", seen], cwd=tree, check=True, capture_output=True, text=True).stdout
        if Path(made.strip()).suffix == ".py" or not made.startswith(str(tree)):
            raise RuntimeError(f"what would be tested is not what was compiled: {made}")
        return subprocess.run([sys.executable, "-m", "pytest", *arguments()], cwd=tree, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
