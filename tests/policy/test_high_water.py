"""A clock that goes back is noticed; one that jumps ahead for a while does no lasting harm."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_wssec.policy.high_water import SETTLING_SECONDS, HighWater

NOON = 1_767_225_600.0
STEP = 30.0
YEAR = 365 * 86_400.0


class Hand:
    """Both clocks, and the mark that is made of them."""

    def __init__(self, kept: float = 0.0) -> None:
        self.wall, self.monotonic = NOON, 1_000.0
        self.mark = HighWater(STEP)
        self.mark.recall(kept)
        self.look()

    def look(self) -> None:
        self.mark.look(self.wall, self.monotonic)

    def passes(self, seconds: float, *, every: float = 10.0) -> None:
        """Let time pass, with looks."""
        for _ in range(int(seconds / every)):
            self.wall += every
            self.monotonic += every
            self.look()

    def steps(self, seconds: float) -> None:
        """Set the wall clock."""
        self.wall += seconds
        self.look()

    @property
    def behind(self) -> float:
        return self.mark.behind(self.wall)


def test_high_water_is_quiet_while_time_passes() -> None:
    """The mark is the clock, from the first look on."""
    hand = Hand()
    hand.passes(1_000)

    assert (hand.wall, 0.0) == (hand.mark.mark, hand.behind)


@pytest.mark.parametrize(("back", "behind"), [(29.0, 0.0), (30.0, 0.0), (31.0, 31.0), (3_600.0, 3_600.0)])
def test_high_water_step_back(back: float, behind: float) -> None:
    """By more than a step the clock is behind."""
    hand = Hand()
    hand.steps(-back)

    assert behind == hand.behind


def test_high_water_small_steps_back_add_up() -> None:
    """The mark stays where it was, however slowly the clock creeps back."""
    hand = Hand()
    for _ in range(4):
        hand.steps(-10)

    assert 40.0 == hand.behind


def test_high_water_step_back_is_over_once_the_clock_is_there_again() -> None:
    """By itself, after as long as it went back."""
    hand = Hand()
    hand.steps(-100)
    hand.passes(60)
    assert 40.0 == hand.behind
    hand.passes(10)

    assert 0.0 == hand.behind


def test_high_water_what_was_kept_counts() -> None:
    """A process that starts with a clock behind what an earlier one kept is behind."""
    assert 60.0 == Hand(kept=NOON + 60).behind
    assert 0.0 == Hand(kept=NOON - 60).behind


def test_high_water_settles() -> None:
    """What the clock reads at the start is kept only once it has gone on from there for a while."""
    hand = Hand()
    hand.passes(SETTLING_SECONDS - 10)
    assert 0.0 == hand.mark.settled
    hand.passes(10)

    assert hand.wall == hand.mark.settled


def test_high_water_glitch_ahead_raises_nothing() -> None:
    """A year ahead and back again: nobody is locked out, and nothing counts as ended."""
    hand = Hand()
    hand.passes(SETTLING_SECONDS)
    settled = hand.mark.settled
    hand.steps(YEAR)
    hand.passes(SETTLING_SECONDS - 10)
    assert (settled, settled) == (hand.mark.mark, hand.mark.settled)
    hand.steps(-YEAR)

    assert (0.0, hand.wall) == (hand.behind, hand.mark.mark)


def test_high_water_jump_ahead_that_stays_is_right() -> None:
    """A clock that was wrong and has been set: after a while it counts."""
    hand = Hand()
    hand.steps(3_600)
    hand.passes(SETTLING_SECONDS)

    assert (hand.wall, hand.wall) == (hand.mark.mark, hand.mark.settled)
    hand.steps(-3_600)
    assert 3_600.0 == hand.behind


def test_high_water_jump_ahead_that_jumps_on_begins_anew() -> None:
    """Each has to stay by itself."""
    hand = Hand()
    hand.steps(3_600)
    hand.passes(SETTLING_SECONDS - 10)
    hand.steps(3_600)
    hand.passes(10)

    assert NOON == hand.mark.mark


def test_high_water_steps_of_just_a_step_need_no_word() -> None:
    """Such corrections count at once, either way, and what is kept goes on."""
    hand = Hand()
    hand.passes(SETTLING_SECONDS)
    for step in (STEP, -STEP, STEP):
        hand.steps(step)
        assert hand.mark.mark == hand.mark.settled == max(hand.wall, NOON + SETTLING_SECONDS + STEP)
        hand.steps(-step)
    hand.steps(STEP)
    hand.passes(10)

    assert hand.wall == hand.mark.mark == hand.mark.settled


def test_high_water_jump_ahead_may_be_corrected_by_a_step() -> None:
    """It has stayed where it was, then."""
    hand = Hand()
    hand.steps(3_600)
    hand.passes(SETTLING_SECONDS - 10)
    hand.steps(STEP)
    hand.passes(10)

    assert hand.wall == hand.mark.mark


def test_high_water_step_back_settles_anew() -> None:
    """What is kept after a step back is what has stayed since."""
    hand = Hand()
    hand.passes(SETTLING_SECONDS)
    settled = hand.mark.settled
    hand.steps(-60)
    hand.passes(100)
    assert settled == hand.mark.settled
    hand.passes(SETTLING_SECONDS)

    assert hand.wall == hand.mark.settled


def test_high_water_accepted() -> None:
    """Somebody who knows says that it is right: from here on it counts."""
    hand = Hand(kept=NOON + YEAR)
    hand.mark.accept(hand.wall)
    hand.look()

    assert (0.0, hand.wall, hand.wall) == (hand.behind, hand.mark.mark, hand.mark.settled)


@given(st.lists(st.tuples(st.floats(0.0, 1_000.0), st.floats(-YEAR, YEAR)), max_size=30))
def test_high_water_never_falls(moves: list[tuple[float, float]]) -> None:
    """Whatever the clock does, both marks only rise, and what is kept is never more than what was gone by."""
    hand = Hand()
    before = (0.0, 0.0)
    for passes, step in moves:
        hand.wall += passes + step
        hand.monotonic += passes
        hand.look()
        after = (hand.mark.mark, hand.mark.settled)
        assert before[0] <= after[0]
        assert before[1] <= after[1] <= after[0]
        before = after
