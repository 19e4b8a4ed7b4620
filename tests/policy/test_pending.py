"""Who has connected and said nothing: the list of them, and who goes."""

from tornado_wssec.policy.pending import Pending


def filled(pending: Pending[str], *pairs: tuple[str, str | None]) -> list[str | None]:
    """Whom each of these displaces."""
    return [pending.enter(one, key) for one, key in pairs]


def test_pending_oldest_goes() -> None:
    """Over the cap the one that has been there the longest goes, whoever it is."""
    pending: Pending[str] = Pending(2, 9)

    assert [None, None, "a", "b"] == filled(pending, ("a", "1"), ("b", "2"), ("c", None), ("d", "3"))
    assert [True, False] == ["d" in pending, "a" in pending]
    assert 2 == len(pending)


def test_pending_key_displaces_its_own() -> None:
    """An address over its cap loses its own oldest, and costs nobody else anything."""
    pending: Pending[str] = Pending(9, 2)

    assert [None, None, None, "b", "c"] == filled(
        pending, ("a", "other"), ("b", "x"), ("c", "x"), ("d", "x"), ("e", "x")
    )
    assert "a" in pending


def test_pending_without_a_key() -> None:
    """What comes through a proxy counts against nobody but all."""
    pending: Pending[str] = Pending(3, 1)

    assert [None, None, None, "a"] == filled(pending, ("a", None), ("b", None), ("c", None), ("d", None))


def test_pending_that_left_makes_room() -> None:
    """Whoever has sent its request is displaced by nobody; to leave twice changes nothing."""
    pending: Pending[str] = Pending(2, 1)
    filled(pending, ("a", "x"))
    pending.leave("a")
    pending.leave("a")

    assert [None, None] == filled(pending, ("b", "x"), ("c", None))
    assert {"b", "c"} == {pending.shed(), pending.shed()}
    assert None is pending.shed()


def test_pending_that_enters_again_is_the_youngest() -> None:
    """A connection that waits for its next request has begun to wait anew, and counts once."""
    pending: Pending[str] = Pending(2, 2)

    assert [None, None, None, "b"] == filled(pending, ("a", "x"), ("b", "y"), ("a", "x"), ("c", "z"))


def test_pending_keeps_nothing_of_who_left() -> None:
    """A million addresses that came and went leave no trace."""
    pending: Pending[int] = Pending(10, 10)
    for number in range(100_000):
        pending.enter(number, str(number))

    assert 10 == len(pending) == len(pending._keys) == len(pending._by_key)


def test_pending_is_told_oldest_first() -> None:
    """In the order in which they came."""
    pending: Pending[str] = Pending(9, 9)
    filled(pending, ("a", "x"), ("b", None), ("c", "x"))

    assert ["a", "b", "c"] == list(pending)
