"""The faults that are put into a module: each is one, and the module stands as it was behind the last."""

import ast
import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from tests.mutation.argued import argued
from tests.mutation.endings import ended
from tests.mutation.mutants import mutants_of
from tests.mutation.trial import changed
from tests.mutation.verdicts import KILLED

SOURCE = '''
def most(values: list[int], limit: int = 3) -> int:
    """The most of them, up to 9."""
    if not values:
        raise ValueError(f"none of {limit}")
    found = 0
    for value in values:
        if value > found and value <= limit:
            found += value
    return found
'''


def test_mutants_are_each_another_module() -> None:
    """None is the module itself, and no two are the same."""
    sources = [mutant.source for mutant in mutants_of(SOURCE, "most.py")]

    assert len(set(sources)) == len(sources) > 9
    assert ast.unparse(ast.parse(SOURCE)) not in sources


def test_mutants_say_what_was_done() -> None:
    """Comparisons, conditions, numbers, returns, and statements that are left out; no annotation, no text."""
    told = {mutant.what for mutant in mutants_of(SOURCE, "most.py")}

    assert {"value > found → value >= found", "value <= limit → value < limit", "3 → 4", "0 → 1"} <= told
    assert {"return found → return None", "found += value → found -= value", "found += value → pass"} <= told
    assert "9" not in "".join(told)


def test_mutants_run() -> None:
    """Each is code that means something else."""
    answers = set()
    for mutant in mutants_of(SOURCE, "most.py"):
        names: dict[str, object] = {}
        exec(mutant.code, names)  # noqa: S102  # it is written above
        most = names["most"]
        assert callable(most)
        try:
            answers.add(repr(most([1, 2])))
        except (TypeError, ValueError) as error:
            answers.add(type(error).__name__)

    assert {"3", "None", "0", "-3", "ValueError"} <= answers


BARE = """
if TYPE_CHECKING:
    LIMIT = 3


class Log(Protocol):
    def prune(self, limit: int = 3, *, all: bool = False) -> None: ...


def is_any(values):
    return True
"""


def test_mutants_leave_what_never_runs() -> None:
    """Of all this there is one that anything could notice."""

    assert ["True → False"] == [mutant.what for mutant in mutants_of(BARE, "bare.py")]


@pytest.mark.parametrize(
    ("end", "outcome"),
    [
        (lambda: os._exit(0), "survived"),
        (lambda: os._exit(1), "killed"),
        (lambda: os._exit(2), "broken"),
        (lambda: os.kill(os.getpid(), signal.SIGPROF), "hung"),
        (lambda: os.kill(os.getpid(), signal.SIGALRM), "late"),
        (lambda: os.kill(os.getpid(), signal.SIGKILL), "crashed"),
    ],
)
def test_child_ends_in_a_word(end: Callable[[], None], outcome: str) -> None:
    """Who was ended by the clock on the wall may have waited for his turn, and is not killed."""
    child = os.fork()
    if not child:
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        end()

    assert outcome == ended(os.waitpid(child, 0)[1])
    assert (outcome in KILLED) == (outcome in ("killed", "hung", "crashed"))


def test_functions_of_one_name_and_line_are_not_changed() -> None:
    """Nobody could tell which of them a fault is in: they are imported with it."""
    source = "both = [lambda x: x + 1, lambda x: x + 2]\ndef alone(x):\n    return x + 3\n"
    names: dict[str, Any] = {}
    exec(compile(source, "both.py", "exec"), names)  # noqa: S102  # it is written above
    functions = [*names["both"], names["alone"]]
    found = [[one.__name__ for one, _ in changed(functions, mutant.code)] for mutant in mutants_of(source, "both.py")]

    assert [[], [], [], [], ["alone"], ["alone"], ["alone"]] == sorted(found)


def test_arguments_are_found_by_their_modules() -> None:
    """What is argued of one module is not argued of another."""
    told = argued()

    assert "debt < 0.0 → debt <= 0.0" in told["rates.py"]
    assert all(what.count(" → ") == 1 for whats in told.values() for what in whats)
