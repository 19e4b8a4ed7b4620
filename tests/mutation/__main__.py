"""Try mutants of `policy/`: `python -m tests.mutation permissions session …`, or of every module where none is named.

Which tests pass which line is found out first, by running them under coverage. Prints what survived and is not argued
in SURVIVORS.md; exit 1 when fewer than 95 in a hundred of the others were killed.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest
from click import echo

from .afresh import ROOT, Forge
from .argued import argued
from .mutants import mutants_of
from .passing import Passing
from .trial import SECONDS_MOST, Plan, Trials
from .verdicts import Verdict, Verdicts, digest_of

POLICY: Final = ROOT / "tornado_wssec" / "policy"
TESTS: Final = (
    "tests/policy",
    "tests/attacks/test_n_json.py",
    "tests/attacks/test_s_text.py",
    "tests/attacks/test_z_patterns.py",
)
"""Those of policy/, and those beside them that ask it and need no socket."""
BAR: Final = 0.95


def main() -> int:
    """Try what was asked for."""
    asked = _parser().parse_args()
    modules = [POLICY / f"{name}.py" for name in asked.modules] or sorted(POLICY.glob("[a-z]*.py"))
    os.environ["CI"] = "1"  # the same examples each time
    os.nice(19)
    os.chdir(ROOT)
    tests = [*TESTS, *asked.beside]
    with tempfile.TemporaryDirectory() as folder:
        verdicts = Verdicts(asked.verdicts or Path(folder) / "verdicts")
        data = asked.coverage or Path(folder) / "coverage"
        if not data.exists():
            _cover(tests, data)
        forge = Forge()
        plan = Plan(
            modules,
            Passing(data),
            data.with_suffix(".seconds"),
            asked.seconds,
            asked.sample,
            asked.seed,
            asked.quick,
            asked.rest,
        )
        # pytester's own plugin is not asked for: asserts are left as they stand, which is as good and quicker.
        options = ["-q", "--assert=plain", "--tb=native", "-p", "no:cacheprovider"]
        pytest.main([*options, *tests], plugins=[Trials(plan, forge, verdicts)])
        forge.close()
    now = {digest_of(file.name, mutant) for file in modules for mutant in mutants_of(file.read_text(), str(file))}
    return _tell([one for one in verdicts if one.digest in now])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("modules", nargs="*", help="names in policy/; all when none is named")
    parser.add_argument("--coverage", type=Path, help="a coverage file with contexts; made where there is none")
    parser.add_argument("--verdicts", type=Path, help="kept here; what was killed in an earlier run is not tried again")
    parser.add_argument("--beside", nargs="*", default=[], help="more tests, beside those of policy/")
    parser.add_argument(
        "--seconds", type=float, default=SECONDS_MOST, help="of tests for one mutant (default: %(default)s)"
    )
    parser.add_argument("--sample", type=int, help="so many mutants of each module, drawn by lot")
    parser.add_argument("--seed", type=int, default=0, help="of the lot (default: 0)")
    parser.add_argument("--quick", action="store_true", help="leave what has to be imported, which takes seconds each")
    parser.add_argument("--rest", action="store_true", help="try only what was left, or never tried")
    return parser


def _cover(tests: Sequence[str], data: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--cov=tornado_wssec/policy"]
    subprocess.run(
        [*command, "--cov-context=test", "--cov-report=", *tests],
        check=True,
        env={**os.environ, "COVERAGE_FILE": str(data.resolve())},
    )


def _tell(verdicts: Sequence[Verdict]) -> int:
    reasons = argued()
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    if left := sum(one.outcome == "left" for one in verdicts):
        echo(f"{left} of {len(verdicts)} mutants were left, since they have to be imported")
    for one in [one for one in verdicts if one.outcome != "left"]:
        is_argued = not one.is_killed and one.what in reasons.get(one.module, ())
        counted[one.module]["killed" if one.is_killed else "argued" if is_argued else "survived"] += 1
        if one.outcome != "killed" and not is_argued:
            echo(f"{one.module}:{one.line}: {one.outcome}: {one.what}")
    for module, outcomes in sorted(counted.items()):
        _tell_share(module, outcomes)
    whole = sum(counted.values(), Counter[str]())
    _tell_share("all", whole)
    return 0 if _share(whole) >= BAR else 1


def _tell_share(name: str, outcomes: Counter[str]) -> None:
    told = f"{outcomes['killed']:5} of {outcomes.total():5} killed, {outcomes['argued']:3} argued"
    echo(f"{name:28} {told}, {_share(outcomes):.1%}")


def _share(outcomes: Counter[str]) -> float:
    """Of those that are not argued."""
    return outcomes["killed"] / max(outcomes.total() - outcomes["argued"], 1)


if __name__ == "__main__":
    sys.exit(main())
