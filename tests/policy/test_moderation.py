"""Who is muted, banned or slowed down: the entries, and what they say together."""

from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from tornado_wssec.policy.identity import Identity
from tornado_wssec.policy.moderation import ModerationIndex
from tornado_wssec.policy.moderation_entries import (
    TICK,
    Measure,
    Moderation,
    make_lift,
    make_moderation,
)
from tornado_wssec.policy.revocation_entries import class_of, dump_body, ensure_storable, load_body

NOW = 1_700_000_000.0
ANN = Identity(subject="ann", issuer="https://id.example")
HERE = "192.0.2.1"


def made(measure: Measure = Measure.MUTE, channel: str = "room:lobby", **given: Any) -> Moderation:
    """An entry about ann, unless it says otherwise."""
    named = {} if measure is Measure.SLOW or "address" in given else {"subject": "ann"}
    return make_moderation(measure, channel, given.pop("now", NOW), **{**named, **given})


def index_of(*bodies: Moderation, now: float = NOW) -> ModerationIndex:
    """An index that has read these."""
    index = ModerationIndex()
    for body in bodies:
        index.apply(body, now)
    return index


def is_silenced(index: ModerationIndex, channel: str = "room:lobby", who: Identity = ANN, now: float = NOW) -> bool:
    """Whether ann may not speak there."""
    return index.is_silenced(channel, who, HERE, now)


def test_mute_and_ban_silence() -> None:
    """Either keeps from speaking; only a ban keeps out."""
    muted, banned = index_of(made()), index_of(made(Measure.BAN))

    assert (True, False) == (is_silenced(muted), muted.is_banned("room:lobby", ANN, HERE, NOW))
    assert (True, True) == (is_silenced(banned), banned.is_banned("room:lobby", ANN, HERE, NOW))
    assert (False, False) == (is_silenced(index_of()), index_of().is_banned("room:lobby", ANN, HERE, NOW))


def test_measures_of_others() -> None:
    """Another subject, another issuer's, another address and another channel are not meant."""
    others = [
        made(subject="bob"),
        made(issuer="https://other.example"),
        made(channel="room:attic"),
        made(address="192.0.2.2"),
        made(channel="hall:*"),
    ]

    assert not is_silenced(index_of(*others))
    assert is_silenced(index_of(*others, made(issuer="https://id.example")))


def test_measures_by_address_are_of_its_network() -> None:
    """An IPv6 address stands for its /64, which is one customer."""
    index = index_of(made(address="2001:db8::7"))

    assert index.is_silenced("room:lobby", ANN, "2001:db8::8", NOW)
    assert not index.is_silenced("room:lobby", ANN, "2001:db8:0:1::7", NOW)


def test_entries_count_in_whatever_order() -> None:
    """The one made last counts, also where it is read first, or twice."""
    mute = made()
    lift = make_lift(mute, NOW)
    again = made(known=lift)

    for order in permutations([mute, lift, again]):
        assert is_silenced(index_of(*order, *order))
    for pair in permutations([mute, lift]):
        assert not is_silenced(index_of(*pair))


def test_entries_of_a_clock_that_is_behind() -> None:
    """Whoever decides later is right, though his clock says earlier."""
    mute = made(now=NOW + 100)

    assert mute.at + TICK == make_lift(mute, NOW).at
    assert not is_silenced(index_of(mute, make_lift(mute, NOW)))


def test_entries_end() -> None:
    """What has ended holds no more, is forgotten when asked, and is not even taken in."""
    index = index_of(made(duration=60), made(channel="room:*", duration=90), made(Measure.BAN))
    assert (True, True) == (is_silenced(index, now=NOW + 59.9), is_silenced(index, "room:b", now=NOW + 89.9))
    index.forget_ended(NOW + 60)
    assert (2, True) == (len(index), is_silenced(index, "room:b", now=NOW + 89.9))
    index.forget_ended(NOW + 90)

    assert [Measure.BAN] == [one.measure for one in index]
    assert not index.apply(made(duration=60), NOW + 60)
    assert not index_of(made(duration=60)).covering("room:lobby", NOW + 60)


def test_entry_that_has_ended_replaces_what_has_not() -> None:
    """A mute for a minute takes the place of one for ever, and that does not come back, whoever reads what when."""
    for_ever = made()
    minute = made(known=for_ever, duration=60)
    assert (NOW + 60, None) == (minute.until, minute.expires_at)
    assert [NOW + 90, NOW + 60] == [
        made(known=made(duration=last), duration=first).expires_at for last, first in ((90, 60), (30, 60))
    ]

    for order in permutations([for_ever, minute]):
        later = index_of(*order, now=NOW + 61)
        later.forget_ended(NOW + 1e9)
        assert (False, []) == (is_silenced(later, now=NOW + 61), later.in_force(NOW + 61))
    assert is_silenced(index_of(for_ever, minute), now=NOW + 59)


def test_slow_mode_of_several() -> None:
    """The slowest counts; 0 seconds take it back."""
    slow = made(Measure.SLOW, seconds=5)
    index = index_of(slow, made(Measure.SLOW, "room:*", seconds=30), made())

    assert (30, 30, 0) == (index.slowed("room:lobby", NOW), index.slowed("room:b", NOW), index.slowed("hall", NOW))
    index.apply(make_lift(next(one for one in index if one.channel == "room:*"), NOW), NOW)
    assert (5, 0) == (index.slowed("room:lobby", NOW), index.slowed("room:b", NOW))
    assert 0 == index_of().slowed("room:lobby", NOW)


def test_index_tells_what_is_new() -> None:
    """An entry that is read twice says nothing the second time; the place shows the last one."""
    index, mute = index_of(), made()
    lift = make_lift(mute, NOW)

    assert [True, False, True, False] == [index.apply(body, NOW) for body in (mute, mute, lift, mute)]
    assert lift == index.last(mute.place)


def test_index_tells_what_holds_in_one_order() -> None:
    """By channel, measure, subject and address, in whatever order it was read."""
    bodies = [
        made(Measure.BAN),
        made(address="192.0.2.2"),
        made(address="192.0.2.4"),
        made(subject="ann"),
        made(subject="bob"),
        made(Measure.SLOW, seconds=1),
    ]

    for order in (bodies, bodies[::-1], bodies[3:] + bodies[:3]):
        assert bodies == index_of(*order).in_force(NOW)


def test_index_keeps_nothing_of_what_it_forgets() -> None:
    """Neither the entry nor its channel nor its pattern; what still holds in a channel stays."""
    index = index_of(made(duration=60), made(channel="room:*", duration=60), made(subject="bob", duration=90))
    index.forget_ended(NOW + 60)
    assert (["room:lobby"], {}) == (list(index._by_channel), index._patterns)
    assert ["bob"] == [one.subject for one in index._by_channel["room:lobby"].values()]
    index.forget_ended(NOW + 90)

    assert ({}, {}) == (index._by_channel, index._last)


def test_index_tells_what_holds() -> None:
    """Sorted by channel, without what was taken back."""
    mute = made()
    index = index_of(mute, make_lift(mute, NOW), made(channel="a"), made(Measure.BAN, "**"))

    assert [("**", "ban"), ("a", "mute")] == [(one.channel, one.measure) for one in index.in_force(NOW)]
    assert ["**"] == [one.channel for one in index.covering("room:lobby", NOW)]
    assert (None, 3) == (index.last(made(channel="b").place), len(index))
    ended = index_of(made(duration=60))
    held = [
        one if one is None else one.measure
        for one in (
            index.held(mute.place, NOW),
            index.held(made(channel="a").place, NOW),
            ended.held(mute.place, NOW + 59),
            ended.held(mute.place, NOW + 60),
            ended.held(made(channel="b").place, NOW),
        )
    ]
    assert [None, "mute", "mute", None, None] == held


def test_entries_are_written_down_and_read() -> None:
    """Every field survives, in a class of its own."""
    full = made(Measure.BAN, "tenant:acme:**", issuer="https://id.example", duration=9.5, reason="誰")

    for body in (full, made(Measure.SLOW, seconds=2.5), make_lift(full, NOW), made(address="2001:db8::7")):
        assert body == load_body(dump_body(body))
        assert "moderation" == class_of(body)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"channel": "Room"}, "can be no channel"),
    ({"channel": "*x"}, "can be no channel"),
    ({"channel": "*:" + "a" * 128}, "can be no channel"),
    ({"channel": 7}, "the channel is no text"),
    ({"subject": None}, "give a subject or an address"),
    ({"subject": ""}, "subject is empty"),
    ({"issuer": ""}, "issuer is empty"),
    ({"address": "192.0.2.1"}, "give a subject or an address"),
    ({"address": "2001:db8::7", "subject": None}, "address is none"),
    ({"address": "x", "subject": None}, "address is none"),
    ({"address": 7, "subject": None}, "address is none"),
    ({"measure": Measure.SLOW}, "name nobody"),
    ({"measure": Measure.SLOW, "subject": None, "issuer": "x"}, "name nobody"),
    ({"measure": Measure.SLOW, "subject": None, "seconds": 86_401.0}, "slow mode takes"),
    ({"at": float("nan")}, "at is not finite"),
    ({"until": float("inf")}, "until is not finite"),
]


@pytest.mark.parametrize(("change", "fault"), WRONG, ids=lambda value: ascii(value)[:50])
def test_entry_that_cannot_be(change: dict[str, Any], fault: str) -> None:
    """It is neither stored nor read: one such entry would stop every node that follows the log."""
    body = replace(made(), **change)
    with pytest.raises(ValueError, match=fault):
        ensure_storable(body)


def test_entry_that_cannot_be_is_not_made() -> None:
    """Nor is one taken back that never could have been."""
    with pytest.raises(ValueError, match="give a subject or an address"):
        make_moderation(Measure.MUTE, "room:lobby", NOW)
    with pytest.raises(ValueError, match="can be no channel"):
        make_lift(replace(made(), channel="Room"), NOW)


def test_entry_of_the_longest_channel() -> None:
    """A pattern may be as long as a name, of 128 characters, and no longer."""
    longest = "*:" + "a" * 126

    assert longest == made(channel=longest).channel
    with pytest.raises(ValueError, match="can be no channel"):
        made(channel=longest + "a")


def test_entries_have_names_that_nobody_guesses() -> None:
    """Of 128 bits, each its own."""
    mute = made()
    names = {mute.id, made().id, make_lift(mute, NOW).id}

    assert [32, 32, 32] == [len(name) for name in names]


def test_entry_without_seconds_slows_nobody() -> None:
    """Slow mode without a number takes back."""
    bare = Moderation(id="0", measure=Measure.SLOW, channel="hall", at=NOW)

    assert (True, True) == (made(Measure.SLOW).is_lifted, bare.is_lifted)


def test_entry_is_hardly_later_than_the_one_it_replaces() -> None:
    """By a millisecond, where the clock does not say so: a thousand of them are a second, and no more."""
    latest = made()
    for _ in range(1_000):
        latest = make_lift(latest, NOW)

    assert 1.0 == pytest.approx(latest.at - NOW, abs=0.01)


def test_entry_of_a_moment() -> None:
    """Whatever is above 0 is a duration."""

    assert [NOW + 0.5, NOW + 1] == [made(duration=last).until for last in (0.5, 1)]


def test_entry_of_a_measure_that_is_none() -> None:
    """A newer version may know it; this one says which it knows."""
    text = dump_body(made()).replace('"mute"', '"hush"')
    with pytest.raises(ValueError, match="mute, unmute, ban, unban, slow"):
        load_body(text)


@pytest.mark.parametrize("duration", [0, -1, float("inf")])
def test_duration_that_is_none(duration: float) -> None:
    """It is above 0, or there is none."""
    with pytest.raises(ValueError, match=r"the duration is not (above 0|finite)"):
        made(duration=duration)


def test_entry_is_about_its_place() -> None:
    """A measure and what takes it back have one place."""
    mute = made()
    lift = make_lift(mute, NOW)

    assert (mute.place, False, True) == (lift.place, mute.is_lifted, lift.is_lifted)
    assert make_lift(made(Measure.SLOW, seconds=3), NOW).is_lifted
