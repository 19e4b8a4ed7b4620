"""What waits for a slow reader: bounded, replies before events, and dropped only as its type allows."""

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_wssec.policy.overflow import Overflow
from tornado_wssec.settings import Limits
from tornado_wssec.wire.outbox import Outbox

SMALL = Limits(outbound_bytes=10, outbound_messages=3)


def drained(outbox: Outbox) -> list[bytes]:
    """Everything that waits, in the order in which it leaves."""
    return list(iter(lambda: outbox.take(1), b""))


def filled(*events: tuple[bytes, Overflow]) -> Outbox:
    """A small outbox with these events in it, a second apart."""
    outbox = Outbox(SMALL)
    for now, (frame, overflow) in enumerate(events):
        assert outbox.put_event(frame, overflow, None, now)
    return outbox


def test_replies_leave_before_events() -> None:
    """Whoever asked is answered first; otherwise the order is kept."""
    outbox = Outbox(Limits())
    for frame in (b"e1", b"e2"):
        outbox.put_event(frame, Overflow.DISCONNECT, None, 0.0)
    for frame in (b"r1", b"r2"):
        outbox.put_reply(frame, 0.0)

    assert [b"r1", b"r2", b"e1", b"e2"] == drained(outbox)


def test_take_joins_up_to_a_size() -> None:
    """One write takes many frames, at least one, and stops once it has enough."""
    outbox = filled((b"aaa", Overflow.DISCONNECT), (b"bbb", Overflow.DISCONNECT), (b"c", Overflow.DISCONNECT))

    assert [b"aaabbb", b"c", b""] == [outbox.take(4), outbox.take(4), outbox.take(4)]
    assert (0, 0) == (len(outbox), outbox.queued_bytes)


@pytest.mark.parametrize(
    ("overflow", "accepted", "left"),
    [
        (Overflow.DISCONNECT, False, [b"1", b"2", b"3"]),
        (Overflow.DROP_NEWEST, True, [b"1", b"2", b"3"]),
        (Overflow.DROP_OLDEST, True, [b"1", b"2", b"3"]),
    ],
)
def test_full_of_what_must_arrive(overflow: Overflow, accepted: bool, left: list[bytes]) -> None:
    """Nothing pushes out what may not be dropped."""
    outbox = filled(*((frame, Overflow.DISCONNECT) for frame in (b"1", b"2", b"3")))
    accepts = outbox.put_event(b"4", overflow, None, 9.0)

    assert accepted == accepts
    assert left == drained(outbox)
    assert 1 == outbox.dropped


@pytest.mark.parametrize("overflow", [Overflow.DISCONNECT, Overflow.DROP_OLDEST, Overflow.COALESCE])
def test_full_of_what_may_be_dropped(overflow: Overflow) -> None:
    """The oldest of those that may be dropped makes room, for what must arrive and for newer ones."""
    outbox = filled((b"1", Overflow.DISCONNECT), (b"2", Overflow.DROP_OLDEST), (b"3", Overflow.DROP_NEWEST))

    assert outbox.put_event(b"4", overflow, "k", 9.0)
    assert [b"1", b"3", b"4"] == drained(outbox)


def test_reply_makes_room() -> None:
    """An answer pushes out news."""
    outbox = filled(*((frame, Overflow.DROP_OLDEST) for frame in (b"1", b"2", b"3")))

    assert outbox.put_reply(b"r", 9.0)
    assert [b"r", b"2", b"3"] == drained(outbox)


def test_reply_without_room_ends_the_connection() -> None:
    """An id gets its answer, or the connection ends."""
    outbox = filled(*((frame, Overflow.DISCONNECT) for frame in (b"1", b"2", b"3")))

    assert not outbox.put_reply(b"r", 9.0)


def test_coalesce_keeps_the_newest_of_each_key() -> None:
    """The newest takes the place of the one that still waits."""
    outbox = Outbox(SMALL)
    for frame, key in ((b"a1", "a"), (b"b1", "b"), (b"a2", "a")):
        assert outbox.put_event(frame, Overflow.COALESCE, key, 0.0)

    assert [b"a2", b"b1"] == drained(outbox)
    assert 1 == outbox.dropped


def test_coalesce_does_not_replace_what_has_left() -> None:
    """What is on the wire is whole; the next of its key waits anew."""
    outbox = Outbox(SMALL)
    outbox.put_event(b"a1", Overflow.COALESCE, "a", 0.0)
    first = outbox.take(1)
    outbox.put_event(b"a2", Overflow.COALESCE, "a", 0.0)

    assert [b"a1", b"a2"] == [first, *drained(outbox)]


def test_coalesce_over_the_bytes_makes_room() -> None:
    """A longer successor is queued as a new one when it does not fit in the old one's place."""
    outbox = Outbox(SMALL)
    outbox.put_event(b"a" * 4, Overflow.COALESCE, "a", 0.0)
    outbox.put_event(b"b" * 4, Overflow.COALESCE, "b", 0.0)

    assert outbox.put_event(b"A" * 8, Overflow.COALESCE, "a", 0.0)
    assert [b"A" * 8] == drained(outbox)


def test_old_news_are_dropped() -> None:
    """What was queued before a moment leaves the queue, and what may not be dropped is told."""
    outbox = filled((b"1", Overflow.DROP_OLDEST), (b"2", Overflow.DROP_NEWEST), (b"3", Overflow.DISCONNECT))

    assert outbox.drop_older_than(2.0)
    assert [b"3"] == drained(outbox)


@pytest.mark.parametrize("kind", ["reply", "event"])
def test_old_answers_end_the_connection(kind: str) -> None:
    """A reader that is this far behind must start anew."""
    outbox = Outbox(SMALL)
    if kind == "reply":
        outbox.put_reply(b"r", 0.0)
    else:
        outbox.put_event(b"e", Overflow.DISCONNECT, None, 0.0)

    assert [True, False] == [outbox.drop_older_than(0.0), outbox.drop_older_than(0.1)]


def test_clear_leaves_nothing() -> None:
    """Behind a goodbye nothing leaves."""
    outbox = filled((b"1", Overflow.DISCONNECT))
    outbox.put_reply(b"r", 0.0)
    outbox.clear()

    assert (0, 0, b"") == (len(outbox), outbox.queued_bytes, outbox.take(100))


ACTIONS = st.lists(
    st.tuples(st.sampled_from([*Overflow, "reply", "take"]), st.integers(1, 6), st.sampled_from("abc")), max_size=60
)


@given(ACTIONS)
def test_outbox_stays_under_its_caps(actions: list[tuple[str, int, str]]) -> None:
    """Whatever is put in, in whatever order, its caps hold and its count of bytes is exact."""
    outbox, clock = Outbox(SMALL), count()
    for what, size, key in actions:
        if what == "take":
            outbox.take(size)
        elif what == "reply":
            outbox.put_reply(b"x" * size, next(clock))
        else:
            outbox.put_event(b"x" * size, Overflow(what), key, next(clock))

        assert len(outbox) <= SMALL.outbound_messages
        assert outbox.queued_bytes <= SMALL.outbound_bytes
    size = outbox.queued_bytes

    assert size == len(b"".join(drained(outbox)))
