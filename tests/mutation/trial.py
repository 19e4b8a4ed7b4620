"""Mutants on trial: each in a forked child, in which the functions of the module run its code instead.

Collecting tests takes seconds and running those that pass a line takes milliseconds, so tests are collected once and
the quickest are tried first. What functions alone cannot show (a default, a constant, whatever was made of the module
while it was imported) is tried afresh: see `afresh.py`.
"""

import ast
import gc
import json
import mmap
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType
from typing import Final

import pytest
from _pytest.runner import runtestprotocol
from hypothesis import Phase, settings

from .afresh import Forge
from .endings import FAILED, PASSED, ended, give_seconds
from .mutants import Mutant, mutants_of
from .passing import Passing
from .verdicts import KILLED, SETTLED, Verdict, Verdicts

SECONDS_MOST: Final = 5.0
"""Of tests for one mutant, as they last without a fault; those of the module's own file are not counted."""


@dataclass(frozen=True)
class Plan:
    """What is tried.

    Args:
        modules: files of source.
        passing: which tests pass which line.
        lasting: a file that says how long each test lasts; made where there is none.
        seconds: of tests for one mutant, beside those of its module's own file.
        sample: how many mutants of each module, drawn by lot; None: all.
        seed: of the lot.
        is_quick: whether nothing is tried afresh, which takes a second and more each; what needs it is `left`.
        is_rest: whether only what was left, or never tried, is tried now.
    """

    modules: Sequence[Path]
    passing: Passing
    lasting: Path
    seconds: float = SECONDS_MOST
    sample: int | None = None
    seed: int = 0
    is_quick: bool = False
    is_rest: bool = False


class Trials:
    """A plugin that tries mutants where pytest would run tests.

    Args:
        plan: what is tried.
        forge: tries afresh.
        verdicts: told earlier, and added to.
    """

    def __init__(self, plan: Plan, forge: Forge, verdicts: Verdicts) -> None:
        self._plan = plan
        self._forge = forge
        self._verdicts = verdicts
        self._lasting: dict[str, float] = {}
        self._controlled: set[str] = set()
        self._killers: Counter[str] = Counter()

    def pytest_sessionstart(self) -> None:
        """Look for no smaller example: that there is one is enough."""
        settings.register_profile("mutants", settings(), phases=(Phase.explicit, Phase.generate))
        settings.load_profile("mutants")

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Try all of them, once it is known which tests pass without a fault."""
        items = {item.nodeid: item for item in session.items}
        gc.collect()
        functions = {module: _functions_in(str(module)) for module in self._plan.modules}
        gc.freeze()  # what is frozen is copied by no child's collector, and found by none
        needed = {test for module in self._plan.modules for test in self._plan.passing.all_tests(str(module))}
        self._lasting = self._measured({name: item for name, item in items.items() if name in needed})
        for module in self._plan.modules:
            self._try_all(module, functions[module], {name: items[name] for name in self._lasting})
        return True

    def _try_all(self, module: Path, functions: list[FunctionType], items: Mapping[str, pytest.Item]) -> None:
        path, source = str(module), module.read_text()
        if list(changed(functions, compile(ast.parse(source), path, "exec"))):
            pytest.exit(f"{path} has changed since it was imported")
        for number, mutant in self._drawn(list(mutants_of(source, path))):
            if self._verdicts.outcome(module.name, mutant) in (SETTLED if self._plan.is_rest else KILLED):
                continue
            tests = self._chosen(module, mutant.line)
            outcome = self._judge(path, mutant, functions, [items[test] for test in tests])
            self._verdicts.add(Verdict.of(module.name, number, mutant, outcome))

    def _drawn(self, mutants: list[Mutant]) -> Sequence[tuple[int, Mutant]]:
        numbered = list(enumerate(mutants))
        if self._plan.sample is None or len(numbered) <= self._plan.sample:
            return numbered
        return sorted(random.Random(self._plan.seed).sample(numbered, self._plan.sample), key=lambda one: one[0])

    def _chosen(self, module: Path, line: int) -> list[str]:
        """The tests that pass a line; those of the module's own file all of them.

        First those that have killed before, then of each function the quickest case, then the second.
        """
        own, nth = f"test_{module.stem}.py", Counter[str]()
        passing = [test for test in self._plan.passing.tests(str(module), line) if test in self._lasting]
        passing.sort(key=lambda test: self._lasting[test] * (0.25 if own in test else 1.0))
        ranked = []
        for test in passing:
            function = test.partition("[")[0]
            ranked.append((-self._killers[test], nth[function], test))
            nth[function] += 1
        ranked.sort(key=lambda one: one[:2])  # stable: the quickest stay first
        chosen, seconds = [], 0.0
        for _, _, test in ranked:
            if own not in test:
                seconds += self._lasting[test]
                if seconds > self._plan.seconds:
                    continue
            chosen.append(test)
        return chosen

    def _measured(self, items: Mapping[str, pytest.Item]) -> dict[str, float]:
        """How long each test lasts; kept beside what coverage has told."""
        file = self._plan.lasting
        known = json.loads(file.read_text()) if file.exists() else {}
        known |= _lasting({name: item for name, item in items.items() if name not in known})
        file.write_text(json.dumps(known))
        return {name: seconds for name, seconds in known.items() if name in items}

    def _judge(self, path: str, mutant: Mutant, functions: list[FunctionType], items: Sequence[pytest.Item]) -> str:
        faulty = list(changed(functions, mutant.code))
        if faulty and items:
            outcome, place = _outcome_here(faulty, [(item, self._lasting[item.nodeid]) for item in items])
            if outcome in KILLED:
                self._killers[items[place].nodeid] += 1
            is_imported = self._plan.passing.is_imported(path, mutant.line)
            if outcome != "broken" and not (outcome == "survived" and is_imported):
                return outcome
        return "left" if self._plan.is_quick else self._afresh(path, mutant.code)

    def _afresh(self, path: str, code: CodeType) -> str:
        files = self._plan.passing.files(path)
        if path not in self._controlled:
            without = compile(Path(path).read_text(), path, "exec")
            if files and self._forge.outcome(path, without, files) != "survived":
                pytest.exit(f"{', '.join(files)} fail without a fault")
            self._controlled.add(path)
        return self._forge.outcome(path, code, files) if files else "untested"


def _lasting(items: Mapping[str, pytest.Item]) -> dict[str, float]:
    """Test → seconds, of those that pass in a child without a fault."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        _be_quiet()
        with os.fdopen(writing, "w") as told:
            for name, item in items.items():
                began = time.process_time()
                if all(one.passed for one in runtestprotocol(item, log=False, nextitem=None)):
                    told.write(f"{time.process_time() - began} {name}\n")
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as told:
        found = [line.rstrip("\n").split(" ", 1) for line in told]
    os.waitpid(child, 0)
    return {name: float(seconds) for seconds, name in found}


def _functions_in(path: str) -> list[FunctionType]:
    return [one for one in gc.get_objects() if isinstance(one, FunctionType) and one.__code__.co_filename == path]


def changed(functions: Iterable[FunctionType], code: CodeType) -> Iterator[tuple[FunctionType, CodeType]]:
    """Yield the functions that run other code, with it; none of those that share a name and a line."""
    found = [((one.co_qualname, one.co_firstlineno), one) for one in _codes(code)]
    shared = Counter(key for key, _ in found)
    codes = {key: one for key, one in found if shared[key] == 1}
    for function in functions:
        new = codes.get((function.__code__.co_qualname, function.__code__.co_firstlineno))
        if new is not None and new != function.__code__:
            yield function, new


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for one in code.co_consts:
        if isinstance(one, CodeType):
            yield from _codes(one)


def _outcome_here(
    faulty: Iterable[tuple[FunctionType, CodeType]], tests: Sequence[tuple[pytest.Item, float]]
) -> tuple[str, int]:
    """What the tests say in a child that runs this code, and which of them came last."""
    place = mmap.mmap(-1, 4)
    child = os.fork()
    if child:
        outcome = ended(os.waitpid(child, 0)[1])
        return outcome, int.from_bytes(place[:4], "big")
    try:
        _be_quiet()
        for function, code in faulty:
            function.__code__ = code
        items = [item for item, _ in tests]
        for number, (item, seconds) in enumerate(tests):
            place[:4] = number.to_bytes(4, "big")
            give_seconds(seconds)
            following = items[number + 1] if number + 1 < len(items) else None
            if any(report.failed for report in runtestprotocol(item, log=False, nextitem=following)):
                os._exit(FAILED)
        os._exit(PASSED)
    except BaseException:
        os._exit(2)


def _be_quiet() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
