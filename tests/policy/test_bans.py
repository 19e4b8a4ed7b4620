"""Who may not come back for a while: bounded, and never let back early."""

from hypothesis import given
from hypothesis import strategies as st

from tornado_wssec.policy.bans import SHARDS, BanTable


def test_bans_last_as_long_as_they_should() -> None:
    """From the ban on, for its seconds; nobody else is kept out."""
    bans = BanTable[str](60.0, most=10)
    bans.ban("ann", 100.0)

    assert [60.0, 1.0, 0.0, 0.0] == [bans.wait("ann", now) for now in (100.0, 159.0, 160.0, 10_000.0)]
    assert 0.0 == bans.wait("bob", 100.0)


def test_bans_start_anew() -> None:
    """Who misbehaves again is kept out from then on."""
    bans = BanTable[str](60.0, most=10)
    bans.ban("ann", 100.0)
    bans.ban("ann", 130.0)

    assert (1, 60.0) == (len(bans), bans.wait("ann", 130.0))


def test_bans_of_a_clock_that_has_just_begun() -> None:
    """A machine that was started this second keeps nobody out."""

    assert 0.0 == BanTable[str](60.0, most=10).wait("ann", 0.0)


def test_bans_that_start_anew_stand_behind_the_others() -> None:
    """In front they would keep those alive that are over."""
    bans = BanTable[str](60.0, most=4)
    for key in "abcd":
        bans.ban(key, 0.0)
    bans.ban("a", 30.0)
    bans.ban("e", 60.0)

    assert (3, 30.0) == (len(bans), bans.wait("a", 60.0))


def test_r07_bans_of_a_full_table() -> None:
    """A hundred thousand of them take no more room than there is, and nobody among them is let back early."""
    bans = BanTable[int](60.0, most=100)
    for key in range(100_000):
        bans.ban(key, 1.0)

    assert (100, SHARDS) == (len(bans), len(bans._shared))
    assert all(60.0 == bans.wait(key, 1.0) for key in range(0, 100_000, 97))
    assert 0.0 == bans.wait(7, 61.0)


def test_r07_bans_that_are_over_make_room() -> None:
    """Two for each that comes, so that a crowd that has served its time melts away."""
    bans = BanTable[str](60.0, most=4)
    for key in "abcd":
        bans.ban(key, 0.0)
    sizes = []
    for key in "efg":
        bans.ban(key, 60.0)
        sizes.append(len(bans))

    assert [3, 2, 3] == sizes
    assert [60.0] * 3 == [bans.wait(key, 60.0) for key in "efg"]


@given(st.lists(st.tuples(st.integers(0, 12), st.floats(0, 30)), max_size=60), st.integers(1, 6))
def test_bans_are_never_shorter(events: list[tuple[int, float]], most: int) -> None:
    """Whatever the table has room for, everybody waits out his own last ban."""
    bans, until, now = BanTable[int](20.0, most=most), dict[int, float](), 0.0
    for key, pause in events:
        now += pause
        bans.ban(key, now)
        until[key] = now + 20.0
        assert len(bans) <= most
        assert all(bans.wait(one, now) >= end - now for one, end in until.items())


def test_ban_table_is_idle_when_its_last_ban_is_over() -> None:
    """Also where it had no room for that one."""
    bans = BanTable[str](10.0, most=1)
    before = bans.is_idle(0.0)
    bans.ban("a", 0.0)
    bans.ban("b", 5.0)

    assert [True, False, False, True] == [before, *(bans.is_idle(now) for now in (9.0, 14.0, 15.0))]
