"""Mutants on trial: each in a forked child, in which the functions of the module run its code instead.

Collecting tests takes seconds and running those that pass a line takes milliseconds, so tests are collected once.
What a fork cannot change (a constant that was used while a module was imported) is tried in a process of its own.
"""

import gc
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, Final

import pytest
from _pytest.runner import runtestprotocol

from .mutants import Mutant, mutants_of

PATIENCE_SECONDS: Final = 20
TESTS_MOST: Final = 120
"""Of one mutant; those of the module's own file come first."""
FILE: Final = "WSSEC_MUTANT_FILE"
SOURCE: Final = "WSSEC_MUTANT_SOURCE"


@dataclass(frozen=True)
class Verdict:
    """What became of one mutant: `killed`, `survived`, `untested` where no test passes its line, or `left`."""

    module: str
    line: int
    what: str
    outcome: str


class Trials:
    """A plugin that tries mutants where pytest would run tests.

    Args:
        modules: files of source.
        passing: file → line → tests that pass it.
        verdicts: the file that is added to.
        share: this process's number, and how many there are.
        is_quick: whether nothing is tried in a process of its own; what needs one is `left`.
    """

    def __init__(
        self,
        modules: Sequence[Path],
        passing: Mapping[str, Mapping[int, Sequence[str]]],
        verdicts: Path,
        share: tuple[int, int],
        *,
        is_quick: bool,
    ) -> None:
        self._modules = modules
        self._passing = passing
        self._verdicts = verdicts
        self._share = share
        self._is_quick = is_quick

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Try all of them."""
        items = {item.nodeid: item for item in session.items}
        with self._verdicts.open("a") as file:
            for module in self._modules:
                for verdict in self._tried(module, items):
                    file.write(json.dumps(asdict(verdict)) + "\n")
                    file.flush()
        return True

    def _tried(self, module: Path, items: Mapping[str, pytest.Item]) -> Iterator[Verdict]:
        path, functions = str(module), _functions_in(str(module))
        passing, first = self._passing.get(path, {}), f"test_{module.stem}.py"
        number, share = self._share
        for place, mutant in enumerate(mutants_of(module.read_text(), path)):
            if place % share != number:
                continue
            tests = [test for test in passing.get(mutant.line, ()) if test in items]
            tests.sort(key=lambda test: (first not in test, test))
            yield Verdict(module.name, mutant.line, mutant.what, self._judge(path, mutant, functions, items, tests))

    def _judge(
        self,
        path: str,
        mutant: Mutant,
        functions: list[FunctionType],
        items: Mapping[str, pytest.Item],
        tests: list[str],
    ) -> str:
        changed = list(_changed(functions, mutant.code))
        if changed and tests and not _passes_here(changed, [items[test] for test in tests[:TESTS_MOST]]):
            return "killed"
        own = [test for test in items if f"test_{Path(path).stem}.py" in test]
        if not tests and not own:
            return "untested"
        if self._is_quick:
            return "survived" if changed else "left"
        return "survived" if _passes_afresh(path, mutant.source, own or tests[:TESTS_MOST]) else "killed"


def _functions_in(path: str) -> list[FunctionType]:
    return [one for one in gc.get_objects() if isinstance(one, FunctionType) and one.__code__.co_filename == path]


def _changed(functions: Iterable[FunctionType], code: CodeType) -> Iterator[tuple[FunctionType, CodeType]]:
    """Yield the functions that run other code, with it."""
    codes = {(one.co_qualname, one.co_firstlineno): one for one in _codes(code)}
    for function in functions:
        new = codes.get((function.__code__.co_qualname, function.__code__.co_firstlineno))
        if new is not None and new != function.__code__:
            yield function, new


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for one in code.co_consts:
        if isinstance(one, CodeType):
            yield from _codes(one)


def _passes_here(changed: Iterable[tuple[FunctionType, CodeType]], items: Sequence[pytest.Item]) -> bool:
    """Whether all tests pass in a child that runs this code."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1] == 0
    try:
        _be_quiet()
        signal.alarm(PATIENCE_SECONDS)
        for function, code in changed:
            function.__code__ = code
        for item, following in zip(items, [*items[1:], None], strict=True):
            if any(report.failed for report in runtestprotocol(item, log=False, nextitem=following)):
                os._exit(1)
        os._exit(0)
    except BaseException:
        os._exit(1)


def _be_quiet() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


def _passes_afresh(path: str, source: str, tests: Sequence[str]) -> bool:
    """Whether all tests pass in a process that imports this source."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-x",
        "-q",
        "-p",
        "tests.mutation.instead",
        "-p",
        "no:cacheprovider",
        *tests,
    ]
    environment = {**os.environ, FILE: path, SOURCE: source}
    try:
        ended: Any = subprocess.run(
            command, check=False, capture_output=True, timeout=3 * PATIENCE_SECONDS, env=environment
        )
    except subprocess.TimeoutExpired:
        return False
    return bool(ended.returncode == 0)
