"""The faults that are put into a module: each is one, and the module stands as it was behind the last."""

import ast

from tests.mutation.mutants import mutants_of

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
