"""What is usual is learned in a fixed size, and nobody teaches it in one go."""

import pytest

from tornado_wssec.telemetry.anomaly_habits import LESSONS_LEAST, Book, Crowd, Habit, Scale, band_of

SCALE = Scale(seconds=10.0, every=60.0, step=0.2, own=8.0, crowd=4.0, floor=1_000.0, unlearned=16_000.0)
PLENTY = 1e15


def taught(level: float, lessons: int) -> Habit:
    """One who does so much at each lesson."""
    habit = Habit(0.0, SCALE)
    for number in range(1, lessons + 1):
        habit.add(level - habit.add(0.0, number * 60.0, SCALE), number * 60.0, SCALE)
        habit.learn(number * 60.0, SCALE, PLENTY)
    return habit


def crowd_of(*amounts: float) -> Crowd:
    """A crowd that has done these."""
    crowd = Crowd()
    for amount in amounts:
        crowd.learn(amount)
    return crowd


def test_habit_shows_what_came_lately() -> None:
    """At a steady rate what comes in ten seconds; after ten more without anything, a little more than a third."""
    habit, level = Habit(0.0, SCALE), 0.0
    for second in range(100):
        level = habit.add(50.0, float(second), SCALE)

    assert 500.0 == pytest.approx(level, rel=0.06)
    assert level * 0.368 == pytest.approx(habit.add(0.0, 109.0, SCALE), rel=0.01)


def test_habit_stands_where_the_clock_goes_back() -> None:
    """Nothing is forgotten, and nothing grows."""
    habit = Habit(100.0, SCALE)
    habit.add(50.0, 100.0, SCALE)

    assert 50.0 == habit.add(0.0, 40.0, SCALE)


@pytest.mark.requirement("R087")
@pytest.mark.parametrize("amount", [1e4, 1e9, 1e300])
def test_habit_is_moved_by_one_lesson_no_further_than_by_another(amount: float) -> None:
    """However much it was: a fifth of an octave."""
    habit = taught(100.0, 20)
    before = habit.usual
    habit.add(amount, 1_300.0, SCALE)
    habit.learn(1_300.0, SCALE, PLENTY)

    assert 2.0**0.19 == pytest.approx(habit.usual / before)


def test_habit_begins_no_higher_than_what_others_do() -> None:
    """A stranger's first lesson counts as what the crowd does, at most."""
    habit = Habit(0.0, SCALE)
    habit.add(1e9, 60.0, SCALE)
    habit.learn(60.0, SCALE, 2_000.0)

    assert 2_000.0 == pytest.approx(habit.usual)


def test_habit_is_what_nearly_all_lessons_stay_below() -> None:
    """Of one who does a little, and a lot one time in a hundred, the little is usual."""
    habit = Habit(0.0, SCALE)
    for number in range(1, 2_001):
        now = number * 60.0
        wanted = 100_000.0 if number % 100 == 0 else 100.0
        habit.add(wanted - habit.add(0.0, now, SCALE), now, SCALE)
        habit.learn(now, SCALE, PLENTY)

    assert 90.0 < habit.usual < 200.0


def test_crowd_says_nothing_before_it_knows() -> None:
    """Less than a hundred lessons are none."""
    assert 0.0 == crowd_of(*[500.0] * (LESSONS_LEAST - 1)).usual
    assert 500.0 == pytest.approx(crowd_of(*[500.0] * LESSONS_LEAST).usual, rel=0.2)


def test_crowd_is_what_ninety_nine_of_a_hundred_do() -> None:
    """One who does a thousand times as much does not count; two do."""
    assert 500.0 == pytest.approx(crowd_of(*[500.0] * 199, 5e5).usual, rel=0.2)
    assert 5e5 == pytest.approx(crowd_of(*[500.0] * 97, *[5e5] * 3).usual, rel=0.2)


@pytest.mark.parametrize(("amount", "usual"), [(0.0, 2.0**0.25), (1e300, 2.0**48)])
def test_crowd_takes_whatever_comes(amount: float, usual: float) -> None:
    """Nothing at all, and more than there are bytes."""
    assert usual == pytest.approx(crowd_of(*[amount] * LESSONS_LEAST).usual)


def test_crowd_forgets() -> None:
    """What was usual for long fades when something else has been for as long."""
    crowd = crowd_of(*[5e5] * 15_000, *[500.0] * 40_000)
    for _ in range(8):
        for _ in range(20_000):
            crowd.learn(500.0)

    assert 500.0 == pytest.approx(crowd.usual, rel=0.2)


def test_band_is_the_widest_that_has_a_reason() -> None:
    """The floor, a multiple of one's own, or of what the crowd does; before that is known, a wide one."""
    nobody, crowd = Habit(0.0, SCALE), crowd_of(*[500.0] * LESSONS_LEAST)

    assert 16_000.0 == band_of(nobody, Crowd(), SCALE)
    assert 4 * 500.0 == pytest.approx(band_of(nobody, crowd, SCALE), rel=0.2)
    assert 8 * 10_000.0 == pytest.approx(band_of(taught(10_000.0, 30), crowd, SCALE), rel=0.01)
    assert 1_000.0 == band_of(nobody, crowd_of(*[1.0] * LESSONS_LEAST), SCALE)


def test_band_of_one_alone() -> None:
    """Where there is no crowd: the floor, or a multiple of what is usual; before that is known, the wide one."""
    assert 16_000.0 == band_of(Habit(0.0, SCALE), None, SCALE)
    assert 1_000.0 == band_of(taught(10.0, 3), None, SCALE)
    assert 8 * 10_000.0 == pytest.approx(band_of(taught(10_000.0, 30), None, SCALE), rel=0.01)


def test_book_forgets_who_was_not_seen_for_longest() -> None:
    """Looking somebody up is no sight of him; being seen is."""
    book = Book[str, list[float]](lambda now: [now], 2)
    first = book.of("ann", 1.0)
    book.of("bob", 2.0)
    assert first is book.of("ann", 3.0)
    book.get("bob")
    book.of("eve", 4.0)

    assert [[1.0], None, [4.0]] == [book.get(name) for name in ("ann", "bob", "eve")]
    assert 2 == len(book)


def test_habit_counts_a_meter_that_has_not_filled_for_what_it_will_show() -> None:
    """Ten minutes of a meter of an hour: at this rate it will be six times as much, and that is the lesson."""
    scale = Scale(seconds=3_600.0, every=600.0, step=0.05, own=4.0, crowd=2.0, floor=1.0, unlearned=1.0)
    habit = Habit(0.0, scale)
    for second in range(600):
        habit.add(100.0, float(second), scale)

    assert 360_000.0 == pytest.approx(habit.learn(600.0, scale, PLENTY), rel=0.01)
