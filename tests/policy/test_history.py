"""Numbers that never start again, and who is told that he has missed something."""

from collections.abc import Sequence
from sys import getsizeof

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_wssec.policy.broker import Broadcast, Kept, Resumed
from tornado_wssec.policy.history import (
    ENTRY_BYTES,
    FRESH,
    REMEMBERED_SECONDS,
    SKEW_SECONDS,
    Histories,
    Position,
    Told,
    life_at,
    number_at,
    remembered,
    resume,
)

NOW = 1_700_000_000.0
KEPT = Kept(3, 60.0)


def said(text: str, channel: str = "room") -> Broadcast:
    """A publication."""
    return Broadcast(channel=channel, type="t", data=text, needs="", id=text, origin="n")


def numbers(histories: Histories, texts: str, now: float = NOW, kept: Kept = KEPT) -> list[int]:
    """What a publication of each letter is numbered."""
    return [histories.add(said(text), kept, now).seq or 0 for text in texts]


def missed(resumed: Resumed) -> str | None:
    """What is sent again; None: it is said that it is not all."""
    return "".join(one.data for one in resumed.missed) if resumed.is_whole else None


def test_history_numbers_follow_one_another() -> None:
    """From one that none before can have had."""
    one, two, three = numbers(Histories(NOW), "abc")

    assert (one + 1, one + 2) == (two, three)
    assert one > life_at(NOW) > number_at(NOW)


def test_history_numbers_rise_over_a_restart() -> None:
    """Also where the clock of the new process is behind by as much as clocks may be apart."""
    before = numbers(Histories(NOW), "abc")
    after = numbers(Histories(NOW), "a", NOW + 1)
    later = numbers(Histories(NOW + 2), "a", NOW + 2)

    assert before[0] == after[0]
    assert later[0] > before[-1]


def test_history_numbers_rise_over_forgetting() -> None:
    """A channel that was quiet for long starts at a number of then."""
    histories = Histories(NOW)
    before = numbers(histories, "abc")
    later = NOW + remembered(KEPT) + 1
    histories.forget(later)
    after = numbers(histories, "a", later)

    assert after[0] > before[-1]
    assert (0, 1) == (len(Histories(NOW)), len(histories))


@pytest.mark.parametrize(("behind", "expected"), [(0, None), (1, "cde"), (2, "de"), (3, "e"), (4, "")])
def test_history_resumes_within_its_bounds(behind: int, expected: str | None) -> None:
    """Of five publications three are kept: who has the second or a later one misses nothing."""
    histories = Histories(NOW)
    given_out = numbers(histories, "abcde")

    resumed = histories.resume("room", KEPT, given_out[behind], NOW)

    assert expected == missed(resumed)
    assert given_out[-1] == resumed.seq


def test_history_ends_by_its_age() -> None:
    """What is older than its time is not sent again; who had everything needs nothing."""
    histories = Histories(NOW)
    one, two = numbers(histories, "ab")

    assert None is missed(histories.resume("room", KEPT, one, NOW + 60))
    assert "b" == missed(histories.resume("room", KEPT, one, NOW + 59))
    assert "" == missed(histories.resume("room", KEPT, two, NOW + 60))
    histories.forget(NOW + 61)
    assert "" == missed(histories.resume("room", KEPT, two, NOW + 61))
    assert None is missed(histories.resume("room", KEPT, one, NOW + 61))


@pytest.mark.parametrize("since", [0, 1, number_at(NOW) - 1, 2**53 - 1], ids=["0", "1", "before", "far"])
def test_history_of_another_life_resumes_nothing(since: int) -> None:
    """A number that this process cannot have given, with something said in the channel and without."""
    histories = Histories(NOW)
    silent = missed(histories.resume("room", KEPT, since, NOW))
    numbers(histories, "a")

    assert (None, None) == (silent, missed(histories.resume("room", KEPT, since, NOW)))


def test_history_where_nothing_has_been_said() -> None:
    """One may come back with the position that one was told, before and after the first publication."""
    histories = Histories(NOW)
    since = histories.resume("room", KEPT, None, NOW).seq
    silent = missed(histories.resume("room", KEPT, since, NOW + 5))
    numbers(histories, "ab", NOW + 100)

    assert ("", "ab") == (silent, missed(histories.resume("room", KEPT, since, NOW + 101)))


def test_history_where_something_may_have_been_forgotten() -> None:
    """Who comes back so late that a publication may have come and gone is told so."""
    histories = Histories(NOW)
    since = histories.resume("room", KEPT, None, NOW + 100).seq
    late = NOW + 100 + KEPT.seconds + REMEMBERED_SECONDS + 1
    silent = missed(histories.resume("room", KEPT, since, late))
    numbers(histories, "a", late)

    assert (None, None) == (silent, missed(histories.resume("room", KEPT, since, late)))


def told(*numbers_and_before: tuple[int, int], at: float = NOW) -> Sequence[Told]:
    """Entries of a history."""
    return [Told(seq, after, at, said(str(seq))) for seq, after in numbers_and_before]


def test_history_that_is_torn_resumes_nothing() -> None:
    """One is missing in the middle, at the start or at the end."""
    at = Position(10, 14, NOW)
    whole = ((11, FRESH), (12, 11), (13, 12), (14, 13))

    assert "11121314" == missed(resume(10, told(*whole), KEPT, at))
    assert None is missed(resume(11, told(*whole[2:]), KEPT, at))
    assert None is missed(resume(11, told(whole[1], whole[3]), KEPT, at))
    assert None is missed(resume(11, told(*whole[1:3]), KEPT, at))


def test_history_of_one_who_asks_only_where_it_is() -> None:
    """Nothing is sent again."""
    assert Resumed(14) == resume(None, told((14, 13)), KEPT, Position(10, 14, NOW))


def test_history_is_remembered_longer_than_it_is_kept() -> None:
    """By what clocks may be apart, too."""
    assert KEPT.seconds + REMEMBERED_SECONDS + SKEW_SECONDS == remembered(KEPT)


def test_histories_forget_what_has_ended() -> None:
    """At the end of what is kept what was said, later that there was anything; nothing of it stays."""
    histories = Histories(NOW)
    numbers(histories, "ab")
    kept, there = [], []
    for now in (NOW + 59.9, NOW + 60, NOW + remembered(KEPT) - 0.1, NOW + remembered(KEPT)):
        histories.forget(now)
        kept.append(len(histories._told))
        there.append(len(histories))

    assert ([1, 0, 0, 0], [1, 1, 1, 0]) == (kept, there)


def test_histories_keep_no_more_bytes_than_they_may() -> None:
    """Of all channels together: the oldest go first, of whatever channel, and who resumes from before is told."""
    one = ENTRY_BYTES + getsizeof("a")
    histories, kept = Histories(NOW, 3 * one), Kept(9, 60.0)
    a, b = [histories.add(said(text, "r"), kept, NOW).seq or 0 for text in "ab"]
    c = histories.add(said("c", "q"), kept, NOW).seq
    before = [missed(histories.resume("r", kept, since, NOW)) for since in (a - 1, a)]
    full = histories.bytes
    for text in "de":
        histories.add(said(text, "q"), kept, NOW)

    assert (["ab", "b"], 3 * one, 3 * one) == (before, full, histories.bytes)
    assert [None, ""] == [missed(histories.resume("r", kept, since, NOW)) for since in (a, b)]
    assert "de" == missed(histories.resume("q", kept, c, NOW))


def test_histories_that_have_ended_take_nothing() -> None:
    """Neither what ended, nor what a channel keeps no more of."""
    histories = Histories(NOW, 10_000)
    numbers(histories, "abcdef")
    full = histories.bytes
    histories.forget(NOW + 60)

    assert (3 * (ENTRY_BYTES + getsizeof("a")), 0, 0) == (full, histories.bytes, len(histories._by_age))


@pytest.mark.parametrize(("since", "expected"), [(5, "cde"), (number_at(NOW) - 1, "cde"), (2**53 - 1, "")])
def test_history_gives_what_it_has(since: int, expected: str) -> None:
    """Where it is not all, too: none of it has been heard, and all of it comes behind what is lost."""
    histories = Histories(NOW)
    numbers(histories, "abcde")

    resumed = histories.resume("room", KEPT, since, NOW)

    assert (expected, False) == ("".join(one.data for one in resumed.missed), resumed.is_whole)


Steps = st.lists(st.tuples(st.sampled_from(["say", "come", "leave", "forget"]), st.floats(0.0, 400.0)), max_size=40)


@given(Steps)
def test_history_loses_nothing_unsaid(steps: list[tuple[str, float]]) -> None:
    """Whatever is said and forgotten while somebody is away: he gets all of it in order, or hears that he does not."""
    histories, now = Histories(NOW), NOW
    spoken: list[str] = []
    since, had = histories.resume("room", KEPT, None, now).seq, 0
    for step, seconds in steps:
        now += seconds
        if step == "say":
            spoken.append(str(len(spoken)))
            histories.add(said(spoken[-1]), KEPT, now)
        elif step == "forget":
            histories.forget(now)
        elif step == "come":
            resumed = histories.resume("room", KEPT, since, now)
            assert not resumed.is_whole or spoken[had:] == [one.data for one in resumed.missed]
            assert resumed.seq >= since
        else:
            since, had = histories.resume("room", KEPT, None, now).seq, len(spoken)


def test_history_of_a_life_ahead_of_the_clock() -> None:
    """Of a clock that was set back nobody can tell how long ago a number was told: it may be all, or long forgotten."""
    span = (REMEMBERED_SECONDS + KEPT.seconds) / 2
    for ahead, expected in ((SKEW_SECONDS, ""), (SKEW_SECONDS + span, None)):
        at = Position(number_at(NOW + ahead), None, NOW)

        assert expected == missed(resume(at.seq, (), KEPT, at))


def test_history_of_a_life_that_has_ended_is_torn_behind_it_too() -> None:
    """Between two lives that somebody missed, and behind what the later has left, something may be lost."""
    first, second, third = (life_at(NOW + later) + 1 for later in (0, 2, 4))
    a, b, c = (
        Told(seq, FRESH, NOW, said(text).numbered(seq)) for seq, text in ((first, "a"), (second, "b"), (third, "c"))
    )
    kept = Kept(9, 60.0)
    at_third = Position(third - 1, None, NOW + 4)

    def heard(since: int, told: Sequence[Told], at: Position) -> list[str]:
        return ["gap" if one is None else one.data for one in resume(since, told, kept, at).in_order(None)]

    assert ["gap", "b", "gap"] == heard(first, [a, b], at_third)
    assert ["gap", "b", "gap", "c"] == heard(first, [a, b, c], at_third._replace(last=third))
    assert ["c"] == heard(third - 1, [a, b, c], at_third._replace(last=third))
    assert ["gap"] == heard(second, [a, b], at_third)


def test_history_numbers_are_microseconds() -> None:
    """By the clock, later by what clocks may be apart where a life begins, and one by one behind the first."""
    assert (1_500_000, 61_500_000) == (number_at(1.5), life_at(1.5))
    assert [61_500_001, 61_500_002] == numbers(Histories(1.5), "ab", 2.0)
    assert [100_000_001] == numbers(Histories(1.5), "a", 100.0)
    assert 5.0 + 600.0 + 60.0 == remembered(Kept(1, 5.0))


SPAN = int((KEPT.seconds + REMEMBERED_SECONDS) * 1_000_000)


@pytest.mark.parametrize(("behind", "holes"), [(SPAN - 1, set()), (SPAN, {0})])
def test_history_first_number_after_a_span_is_torn(behind: int, holes: set[int]) -> None:
    """As soon as a publication can have been forgotten, and not before."""
    at = Position(10, 10 + behind, NOW)

    assert holes == resume(10, told((10 + behind, FRESH)), KEPT, at).holes


@pytest.mark.parametrize(("behind", "holes"), [(SPAN - 1, set()), (SPAN, {0})])
def test_history_silence_after_a_span_is_torn(behind: int, holes: set[int]) -> None:
    """The same where nothing has been said since."""
    since = number_at(NOW)
    at = Position(10, None, (since + behind) / 1_000_000)
    assert since + behind == at.seq

    assert holes == resume(since, [], KEPT, at).holes


def test_history_of_an_earlier_life_is_torn_before_all_else() -> None:
    """What is missing came before what is known of this life."""
    assert {0} == resume(9, told((11, FRESH)), KEPT, Position(10, 11, NOW)).holes
