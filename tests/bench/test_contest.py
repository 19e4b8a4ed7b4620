"""Turns, medians and ratios."""

from collections.abc import Iterator

import pytest

from bench.bars import Bar
from bench.contest import Contender, Standing, take_turns
from bench.load.driver import LoadFailed
from bench.suites import crowd, memory

BAR = Bar("P0.x", "a figure", 1.0)


def contender(name: str, costs: list[float | None]) -> Contender:
    """One that costs so much, turn by turn; where None stands, its turn fails."""
    turns: Iterator[float | None] = iter(costs)

    def measure() -> float:
        cost = next(turns)
        if cost is None:
            raise LoadFailed("one was lost")
        return cost

    return Contender("talk", name, measure)


def standing(*contenders: Contender, missing: dict[str, str] | None = None) -> Standing:
    """Where they stand after three rounds."""
    take_turns(contenders, 3)
    return Standing.of(contenders, missing or {})


def test_turns_leave_out_the_first() -> None:
    """Of three rounds and one that warms, three count: their median, the least and the most of them."""
    found = standing(contender("ours", [9e-6, 3e-6, 1e-6, 2e-6]))

    assert {"talk": {"ours": [2.0, 1.0, 3.0]}} == found.costs


def test_figure_is_how_often_ours_goes_into_the_other() -> None:
    """Half the cost is twice as good."""
    found = standing(contender("ours", [5e-6] * 4), contender("bare", [10e-6] * 4))

    assert 2.0 == found.figure(BAR, "talk", "ours", "bare").figure


@pytest.mark.parametrize("costs", [[None], [1e-6, 1e-6, None]])
def test_figure_of_one_that_failed_is_none(costs: list[float | None]) -> None:
    """One failed turn makes all its others worthless, and the reason is told."""
    found = standing(contender("ours", [5e-6] * 4), contender("bare", costs)).figure(BAR, "talk", "ours", "bare")

    assert (None, "bare: one was lost") == (found.figure, found.note)


def test_figure_of_one_that_is_missing_tells_why() -> None:
    """A peer that cannot be installed is named, not hidden."""
    found = standing(contender("ours", [5e-6] * 4), missing={"node_ws": "there is no `node` on the path"})

    assert "node_ws: there is no `node` on the path" == found.figure(BAR, "talk", "ours", "node_ws").note


def test_memory_is_told_for_each_connection() -> None:
    """From the first point to the last, so that what the server has anyway is not counted."""

    assert 1_000 == memory.bytes_per_connection([(500, 9_000_000), (1_000, 9_400_000), (1_500, 10_000_000)])


@pytest.mark.parametrize(("last", "unevenness"), [(3_000, 1.0), (4_000, 2.0)])
def test_memory_that_grows_faster_is_uneven(last: int, unevenness: float) -> None:
    """The second half of the way, of the first."""

    assert unevenness == memory.unevenness([(0, 1_000), (1, 2_000), (2, last)])


def test_steepness_is_the_dearest_of_the_cheapest() -> None:
    """Whichever of the sizes they are."""
    found, _ = crowd.steepness({"10": [5.0, 1, 9], "100": [4.0, 1, 9], "1000": [6.0, 1, 9]})

    assert 1.5 == found
