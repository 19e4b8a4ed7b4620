"""Counting names that strangers choose."""

from tornado_wssec.ops.most import MostOften


def test_most_often_counts_exactly_while_there_is_room() -> None:
    """The most frequent first, those that came as often by name."""
    counted = MostOften(3)
    for name in "abcbcc":
        counted.add(name)

    assert [("c", 3), ("b", 2)] == counted.top(2)
    assert (1, 0) == (counted.count("a"), counted.count("z"))


def test_most_often_keeps_no_more_than_it_may() -> None:
    """However many strangers come: whoever comes often stays, and is counted too high by the rarest at most."""
    counted = MostOften(4)
    for each in range(1_000):
        counted.add("often")
        counted.add(f"once-{each}")
    found = dict(counted.top(10))

    assert 4 == len(found)
    assert 1_000 <= found["often"] <= 1_000 + min(found.values())


def test_most_often_cuts_and_escapes_names() -> None:
    """No name takes more room than a line of a log, nor breaks one."""
    counted = MostOften()
    counted.add("x" * 10_000 + "\n")
    counted.add("a\nb")

    assert ["a\\x0ab", "x" * 256 + "…"] == sorted(name for name, _ in counted.top(2))
