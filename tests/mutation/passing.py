"""Which tests pass which line, as coverage tells."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from coverage import CoverageData

FILES_MOST: Final = 4
"""Of tests that are run where a module is imported with a fault; its own comes first."""


class Passing:
    """What a run under coverage with contexts has shown.

    Args:
        data: its file.
    """

    def __init__(self, data: Path) -> None:
        read = CoverageData(str(data))
        read.read()
        self._tests: dict[str, dict[int, list[str]]] = defaultdict(dict)
        self._imported: dict[str, set[int]] = defaultdict(set)
        for file in read.measured_files():
            for line, contexts in read.contexts_by_lineno(file).items():
                self._tests[file][line] = list(dict.fromkeys(one.rpartition("|")[0] for one in contexts if one))
                if "" in contexts:
                    self._imported[file].add(line)

    def tests(self, path: str, line: int) -> Sequence[str]:
        """The tests that pass a line."""
        return self._tests[path].get(line, ())

    def all_tests(self, path: str) -> set[str]:
        """The tests that pass any line."""
        return {test for tests in self._tests[path].values() for test in tests}

    def is_imported(self, path: str, line: int) -> bool:
        """Whether a line is passed outside of tests: while modules are imported, and what tests share is made."""
        return line in self._imported[path]

    def files(self, path: str) -> Sequence[str]:
        """The files of tests that tell most of a module: its own, then those that pass most of its lines."""
        own = f"tests/policy/test_{Path(path).stem}.py"
        lines: Counter[str] = Counter()
        for tests in self._tests[path].values():
            lines.update({test.partition("::")[0] for test in tests})
        others = [file for file, _ in lines.most_common() if file != own and "differential" not in file]
        return [*([own] if Path(own).exists() else ()), *others][:FILES_MOST]
