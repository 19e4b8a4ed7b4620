"""Try mutants of `policy/`: `python -m tests.mutation permissions session …`, or of every module where none is named.

Which tests pass which line is found out first, by running them under coverage. Prints what survived; exit 1 when fewer
than 95 in a hundred were killed.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
from click import echo
from coverage import CoverageData

from .trial import Trials, Verdict

ROOT: Final = Path(__file__).resolve().parents[2]
POLICY: Final = ROOT / "tornado_wssec" / "policy"
BESIDE: Final = ("tests/attacks/test_n_json.py",)
"""Tests of policy/ that stand elsewhere and need no socket."""
BAR: Final = 0.95


def main() -> int:
    """Try what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("modules", nargs="*", help="names in policy/; all when none is named")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default: 2)")
    parser.add_argument("--coverage", type=Path, help="a coverage file with contexts from an earlier run")
    parser.add_argument(
        "--quick", action="store_true", help="try nothing in a process of its own, which takes seconds each"
    )
    asked = parser.parse_args()
    modules = [POLICY / f"{name}.py" for name in asked.modules] or sorted(POLICY.glob("[a-z]*.py"))
    os.environ["CI"] = "1"  # the same examples each time
    os.nice(5)
    with tempfile.TemporaryDirectory() as folder:
        data = asked.coverage or _covered(modules, Path(folder) / "coverage")
        verdicts = _tried(modules, passing_in(data), Path(folder), asked.jobs, is_quick=asked.quick)
    return _told(verdicts)


def passing_in(data: Path) -> Mapping[str, Mapping[int, Sequence[str]]]:
    """File → line → tests that pass it."""
    read = CoverageData(str(data))
    read.read()
    found: dict[str, dict[int, list[str]]] = defaultdict(dict)
    for file in read.measured_files():
        for line, contexts in read.contexts_by_lineno(file).items():
            found[file][line] = list(dict.fromkeys(one.rpartition("|")[0] for one in contexts if one.endswith("|run")))
    return found


def _tests_of(modules: Sequence[Path]) -> list[str]:
    """Those of the modules themselves, or all of policy/ where all of it is asked for."""
    own = [f"tests/policy/test_{module.stem}.py" for module in modules]
    return [*(test for test in own if (ROOT / test).exists()), *BESIDE]


def _covered(modules: Sequence[Path], data: Path) -> Path:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--cov=tornado_wssec/policy"]
    subprocess.run(
        [*command, "--cov-context=test", "--cov-report=", *_tests_of(modules)],
        check=True,
        cwd=ROOT,
        env={**os.environ, "COVERAGE_FILE": str(data)},
    )
    return data


def _tried(
    modules: Sequence[Path],
    passing: Mapping[str, Mapping[int, Sequence[str]]],
    folder: Path,
    jobs: int,
    *,
    is_quick: bool,
) -> list[Verdict]:
    children = []
    for number in range(jobs):
        child = os.fork()
        if not child:
            trials = Trials(modules, passing, folder / f"verdicts-{number}", (number, jobs), is_quick=is_quick)
            os.chdir(ROOT)
            os._exit(pytest.main(["-q", "-p", "no:cacheprovider", *_tests_of(modules)], plugins=[trials]))
        children.append(child)
    for child in children:
        os.waitpid(child, 0)
    lines = [line for file in sorted(folder.glob("verdicts-*")) for line in file.read_text().splitlines()]
    return [Verdict(**json.loads(line)) for line in lines]


def _told(verdicts: Sequence[Verdict]) -> int:
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    for one in verdicts:
        if one.outcome != "left":
            counted[one.module][one.outcome] += 1
    if left := sum(one.outcome == "left" for one in verdicts):
        echo(f"{left} of {len(verdicts)} mutants were left, since they take a process of their own")
    for one in sorted(verdicts, key=lambda one: (one.module, one.line)):
        if one.outcome not in ("killed", "left"):
            echo(f"{one.module}:{one.line}: {one.outcome}: {one.what}")
    for module, outcomes in sorted(counted.items()):
        echo(f"{module:28} {outcomes['killed']:5} of {outcomes.total():5} killed, {_share(outcomes):.1%}")
    whole = sum(counted.values(), Counter[str]())
    echo(f"{'all':28} {whole['killed']:5} of {whole.total():5} killed, {_share(whole):.1%}")
    return 0 if _share(whole) >= BAR else 1


def _share(outcomes: Mapping[str, Any]) -> float:
    return int(outcomes["killed"]) / max(sum(outcomes.values()), 1)


if __name__ == "__main__":
    sys.exit(main())
