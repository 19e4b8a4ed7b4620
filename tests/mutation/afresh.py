"""Mutants that have to be imported: each in a child of a process that has imported everything but ourselves."""

import importlib
import importlib.abc
import importlib.machinery
import marshal
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import CodeType, ModuleType
from typing import Final

import pytest
from hypothesis import Phase, settings

from .endings import ended, give_seconds

ROOT: Final = Path(__file__).resolve().parents[2]
OURS: Final = ("tornado_wssec", "tests", "schemas", "conftest")
SECONDS: Final = 3.0
"""What the tests of one mutant may take before a twentyfold of it is a hang."""


class Forge:
    """A process that forks children, each of which imports one module with a fault in it and runs tests.

    Start it before anything of `tornado_wssec` is imported.
    """

    def __init__(self) -> None:
        asked, telling = os.pipe()
        answer, answering = os.pipe()
        self._child = os.fork()
        if not self._child:
            os.close(telling)
            os.close(answer)
            _serve(asked, answering)
        os.close(asked)
        os.close(answering)
        self._asking = os.fdopen(telling, "wb")
        self._answers = os.fdopen(answer, "r")

    def outcome(self, path: str, code: CodeType, tests: Sequence[str]) -> str:
        """What the tests say of a module with this code: see `endings.ended`."""
        marshal.dump((path, code, list(tests)), self._asking)
        self._asking.flush()
        return self._answers.readline().strip()

    def close(self) -> None:
        """Let the process end."""
        self._asking.close()
        os.waitpid(self._child, 0)


class Finder(importlib.abc.MetaPathFinder):
    """Finds one module, before everybody else.

    Args:
        path: its file.
        code: what it runs instead.
    """

    def __init__(self, path: str, code: CodeType) -> None:
        self._path = path
        self._code = code

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The module where it is that one."""
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec is None or spec.origin != self._path:
            return None
        spec.loader = _Loader(name, self._path, self._code)
        return spec


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, name: str, path: str, code: CodeType) -> None:
        super().__init__(name, path)
        self._code = code

    def get_code(self, fullname: str) -> CodeType:
        return self._code


class _Unshrunk:
    """Looks for no smaller example."""

    def pytest_sessionstart(self) -> None:
        settings.register_profile("mutants", settings(), phases=(Phase.explicit, Phase.generate))
        settings.load_profile("mutants")


def _serve(asked: int, answering: int) -> None:
    os.chdir(ROOT)
    for name in _strangers():
        try:
            importlib.import_module(name)
        except Exception:  # noqa: S112  # it is imported by whoever needs it, then
            continue
    with os.fdopen(asked, "rb") as asking, os.fdopen(answering, "w") as answers:
        while True:
            try:
                path, code, tests = marshal.load(asking)  # noqa: S302  # our own parent's
            except EOFError:
                os._exit(0)
            answers.write(f"{_tried(path, code, tests)}\n")
            answers.flush()


def _strangers() -> list[str]:
    """What is imported by us and is not ours, as a child has found out."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        for file in sorted((ROOT / "tornado_wssec" / "policy").glob("[a-z]*.py")):
            importlib.import_module(f"tornado_wssec.policy.{file.stem}")
        importlib.import_module("tornado_wssec.testing")
        os.write(writing, "\n".join(name for name in sys.modules if not name.startswith(OURS)).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as told:
        names = told.read().split("\n")
    os.waitpid(child, 0)
    return [name for name in names if name and name != "__main__"]


def _tried(path: str, code: CodeType, tests: Sequence[str]) -> str:
    child = os.fork()
    if child:
        return ended(os.waitpid(child, 0)[1])
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nowhere, number)
    give_seconds(SECONDS)
    for name in [name for name in sys.modules if name.startswith(OURS) and not name.startswith("tests.mutation")]:
        if name != "tests":
            del sys.modules[name]
    sys.meta_path.insert(0, Finder(path, code))
    options = ["-x", "-q", "--assert=plain", "--tb=native", "-p", "no:cacheprovider"]
    code_of_exit = int(pytest.main([*options, *tests], plugins=[_Unshrunk()]))
    os._exit(1 if code_of_exit in (1, 2, 3, 4) else code_of_exit)
