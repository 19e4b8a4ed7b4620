"""What became of each mutant, kept in a file, so that a run can go on where another was ended."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Self

from .mutants import Mutant

KILLED: Final = ("killed", "hung", "crashed")
SETTLED: Final = (*KILLED, "survived", "untested")


@dataclass(frozen=True)
class Verdict:
    """What became of one mutant: see `endings.ended`.

    `untested`: no test passes its line. `left`: none was run.

    Args:
        module: the file's name.
        number: of the mutant in its module.
        line: where it is.
        what: what was done.
        digest: of the module with the fault.
        outcome: a word.
    """

    module: str
    number: int
    line: int
    what: str
    digest: str
    outcome: str

    @classmethod
    def of(cls, module: str, number: int, mutant: Mutant, outcome: str) -> Self:
        """What is kept of a mutant."""
        return cls(module, number, mutant.line, mutant.what, digest_of(module, mutant), outcome)

    @property
    def is_killed(self) -> bool:
        """Whether a test has noticed."""
        return self.outcome in KILLED


class Verdicts:
    """All that were told.

    Args:
        file: is added to.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._told: dict[str, Verdict] = {}
        for line in file.read_text().splitlines() if file.exists() else ():
            self._keep(Verdict(**json.loads(line)))

    def __iter__(self) -> Iterator[Verdict]:
        """The last of each mutant, by module and place; also of those of other versions of a module."""
        return iter(sorted(self._told.values(), key=lambda one: (one.module, one.line, one.number)))

    def outcome(self, module: str, mutant: Mutant) -> str | None:
        """What became of this very mutant; None where nobody has tried it."""
        told = self._told.get(digest_of(module, mutant))
        return None if told is None else told.outcome

    def add(self, verdict: Verdict) -> None:
        """Keep one."""
        self._keep(verdict)
        with self._file.open("a") as file:
            file.write(json.dumps(asdict(verdict), ensure_ascii=False) + "\n")

    def _keep(self, verdict: Verdict) -> None:
        self._told[verdict.digest] = verdict


def digest_of(module: str, mutant: Mutant) -> str:
    """What tells a mutant from all others."""
    return hashlib.sha256(f"{module}\n{mutant.source}".encode()).hexdigest()[:16]
