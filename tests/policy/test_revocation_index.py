"""The index in memory answers as a list of all entries would."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tornado_wssec.policy.identity import Identity
from tornado_wssec.policy.revocations import Body, Kind, LogEntry, Revocation, RevocationIndex, Undo

NOW = 1_000.0
IDENTITY = Identity(
    subject="u1", issuer="us", tenant="acme", token_id="t1", session_id="s1", key_id="k1", issued_at=NOW - 10
)
NAMES = {Kind.TOKEN: "t1", Kind.SESSION: "s1", Kind.SUBJECT: "u1", Kind.TENANT: "acme", Kind.KEY: "k1"}


def revocation(id: str, kind: Kind = Kind.SUBJECT, **fields: Any) -> Revocation:
    """An entry that names IDENTITY, in effect since NOW and ended at NOW + 100."""
    given = {"value": NAMES[kind], "at": NOW, "effective_at": NOW, "before": NOW, "expires_at": NOW + 100, **fields}
    return Revocation(id=id, kind=kind, **given)


def undo(id: str, expires_at: float | None = NOW + 100) -> Undo:
    """Takes it back."""
    return Undo(id=id, at=NOW, expires_at=expires_at)


def apply(index: RevocationIndex, *entries: Body) -> list[Revocation | None]:
    """Feed entries, as a store's log would."""
    return [index.apply(LogEntry(str(place), body)) for place, body in enumerate(entries)]


def index_of(*entries: Body) -> RevocationIndex:
    """An index fed with these."""
    index = RevocationIndex()
    apply(index, *entries)
    return index


def test_index_that_is_empty_revokes_nobody() -> None:
    """And holds nothing."""
    index = RevocationIndex()

    assert None is index.revoked(IDENTITY, NOW)
    assert (0, (), 0) == (len(index), index.entries(), index.generation)


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("issuer", [None, "us"])
def test_index_finds_each_kind(kind: Kind, issuer: str | None) -> None:
    """The entry that bites is returned, for the audit to name."""
    entry = revocation("a", kind, issuer=issuer)
    index = index_of(revocation("b", kind, value="other"), entry)

    assert entry is index.revoked(IDENTITY, NOW)


@pytest.mark.parametrize("kind", list(Kind))
def test_index_keeps_issuers_apart(kind: Kind) -> None:
    """Another issuer's `u1` is another person."""
    index = index_of(revocation("a", kind, issuer="them"))

    assert None is index.revoked(IDENTITY, NOW)
    assert None is index.revoked(replace(IDENTITY, issuer=None), NOW)
    assert None is not index.revoked(replace(IDENTITY, issuer="them"), NOW)


def test_index_does_not_match_what_an_identity_lacks() -> None:
    """An identity without token id, session, tenant or key is matched by its subject alone."""
    bare = Identity(subject="nobody")
    index = index_of(*(revocation(kind, kind, value="None") for kind in Kind if kind is not Kind.SUBJECT))

    assert None is index.revoked(bare, NOW)


def test_index_waits_for_the_margin() -> None:
    """An entry with a margin bites from `effective_at` on, and is in `entries()` before."""
    entry = revocation("a", effective_at=NOW + 30)
    index = index_of(entry)

    assert [None, None, entry, entry] == [index.revoked(IDENTITY, NOW + later) for later in (0, 29.9, 30, 90)]
    assert (entry,) == index.entries()


def test_index_ends_a_margin_once() -> None:
    """An entry whose margin has ended bites whatever the time, among others of its name, until it is undone."""
    index = index_of(revocation("a", effective_at=NOW + 50), revocation("b", effective_at=NOW + 60, before=NOW + 5))
    index.end_margin("a")
    index.end_margin("gone")
    assert "a" == getattr(index.revoked(IDENTITY, NOW), "id", None)
    assert ["a", "b"] == [entry.id for entry in index.entries()]
    apply(index, undo("a"))

    # Nor with the margin that it had at first, which ends before b's.
    assert [None, None] == [index.revoked(IDENTITY, now) for now in (NOW, NOW + 55)]


def test_r14_revocation_without_a_margin_bites_whatever_the_clock_says() -> None:
    """A node whose clock is behind the revoker's, or is set back later, puts nothing off."""
    index = index_of(revocation("a", at=NOW, effective_at=NOW))

    assert all(index.revoked(IDENTITY, now) for now in (NOW - 3_600, NOW - 1, NOW, NOW + 3_600))


@pytest.mark.parametrize("stronger", [{"before": NOW + 5}, {"issuer": None}, {"kind": Kind.TOKEN}])
def test_index_lets_no_margin_hide_an_entry_in_effect(stronger: dict[str, Any]) -> None:
    """A stronger entry that is not yet in effect does not put off a weaker one that is."""
    early = revocation("early", issuer="us")
    index = index_of(early, revocation("late", **{"issuer": "us", "effective_at": NOW + 30, **stronger}))

    assert early is index.revoked(IDENTITY, NOW)


def test_index_takes_the_later_of_two_dates() -> None:
    """Whoever was revoked twice is held to the later date; the order does not matter."""
    entries = [revocation("old", before=NOW - 50), revocation("new", before=NOW - 5)]

    for order in (entries, entries[::-1]):
        assert entries[1] is index_of(*order).revoked(IDENTITY, NOW)


def test_index_lets_newer_tokens_in() -> None:
    """A token issued after the date is not meant."""
    index = index_of(revocation("a"), revocation("b", Kind.TENANT))

    assert None is index.revoked(replace(IDENTITY, issued_at=NOW + 1), NOW)
    assert None is not index.revoked(replace(IDENTITY, issued_at=NOW + 0.9), NOW)


@pytest.mark.parametrize("moment", ["issued_at", "now"])
def test_index_refuses_what_cannot_be_compared(moment: str) -> None:
    """NaN is neither before nor after: then the answer is no."""
    index = index_of(revocation("a"))
    nan = float("nan")
    identity = replace(IDENTITY, issued_at=nan) if moment == "issued_at" else IDENTITY

    assert None is not index.revoked(identity, nan if moment == "now" else NOW)


# --- undo ---


def test_index_undoes_by_id() -> None:
    """What is undone is gone, and whoever only overlapped with it stays revoked."""
    first, second = revocation("first"), revocation("second")
    index = index_of(first, second)
    apply(index, undo("second"))

    assert first is index.revoked(IDENTITY, NOW)
    apply(index, undo("first"))
    assert None is index.revoked(IDENTITY, NOW)
    assert () == index.entries()


@pytest.mark.parametrize("kind", list(Kind))
def test_index_lifts_no_other_kind(kind: Kind) -> None:
    """The undo of one revocation leaves those of other kinds."""
    others = [revocation(other, other) for other in Kind if other is not kind]
    index = index_of(revocation("a", kind), *others, undo("a"))

    assert tuple(others) == index.entries()
    for other in others:
        only: dict[str, Any] = {"subject": "x", "issued_at": NOW, FIELDS[other.kind]: other.value}
        assert other is index.revoked(Identity(**only), NOW)


FIELDS = {
    Kind.TOKEN: "token_id",
    Kind.SESSION: "session_id",
    Kind.SUBJECT: "subject",
    Kind.TENANT: "tenant",
    Kind.KEY: "key_id",
}


def test_index_stays_undone_when_an_import_repeats() -> None:
    """A log put together from exports may hold the revocation after its undo."""
    index = index_of(undo("a"), revocation("a"), undo("a"), revocation("a"))

    assert None is index.revoked(IDENTITY, NOW)
    assert 0 == len(index)


def test_index_takes_a_repeated_entry_for_the_first() -> None:
    """As a store does: the second of the same id says nothing new."""
    first = revocation("a")

    index = RevocationIndex()
    assert [first, None] == apply(index, first, revocation("a", Kind.TOKEN))
    apply(index, undo("a"))
    assert None is index.revoked(IDENTITY, NOW)


def test_index_tells_which_revocation_is_new() -> None:
    """The caller looks for live connections of exactly those."""
    entry = revocation("a")

    assert [entry, None, None, None] == apply(RevocationIndex(), entry, entry, undo("a"), entry)


def test_index_generation_rises_with_what_changes_an_answer() -> None:
    """Repetitions and undos of the unknown change none."""
    index, seen = RevocationIndex(), []
    for body in (revocation("a"), revocation("a"), undo("b"), revocation("b"), undo("a"), undo("a"), revocation("a")):
        apply(index, body)
        seen.append(index.generation)

    assert [1, 1, 1, 1, 2, 2, 2] == seen


# --- forgetting ---


def test_index_forgets_what_has_ended() -> None:
    """What ends now stays until it has ended; what never ends stays for ever."""
    key = revocation("key", Kind.KEY, expires_at=None)
    index = index_of(revocation("a"), key, revocation("b", expires_at=NOW + 200))

    assert 0 == index.forget_expired(NOW + 100, 10)
    assert 1 == index.forget_expired(NOW + 100.1, 10)
    assert ["key", "b"] == [entry.id for entry in index.entries()]
    assert 1 == index.forget_expired(NOW + 10**9, 10)
    assert key is index.revoked(IDENTITY, NOW + 10**9)


def test_index_keeps_nothing_of_what_it_forgets() -> None:
    """No name without an entry: whoever revokes many names, one after the other, fills no memory."""
    index = index_of(*[revocation(str(kind), kind) for kind in Kind], revocation("later", expires_at=NOW + 200))
    index.forget_expired(NOW + 101, 10)
    assert [1] == [len(named) for named in index._anybody._kinds.values() if named]
    index.forget_expired(NOW + 201, 10)

    assert [] == [named for named in index._anybody._kinds.values() if named]


def test_index_bites_until_it_forgets() -> None:
    """The end of an entry is when it may be forgotten, not when it stops refusing."""
    index = index_of(revocation("a"))

    assert None is not index.revoked(IDENTITY, NOW + 500)


def test_index_forgets_no_more_than_it_is_told() -> None:
    """A tick pays for a bounded number, the earliest first."""
    index = index_of(*(revocation(str(number), expires_at=NOW + number) for number in (3, 1, 4, 2, 5)))
    forgotten = [index.forget_expired(NOW + 100, 2)]
    left = {entry.id for entry in index.entries()}
    forgotten += [index.forget_expired(NOW + 100, 2) for _ in range(3)]

    assert ({"3", "4", "5"}, [2, 2, 1, 0]) == (left, forgotten)
    assert 0 == index.forget_expired(NOW + 100, 0)


def test_index_forgets_undos_too() -> None:
    """Their memory ends with what they undid."""
    index = index_of(revocation("a"), undo("a"), undo("key", expires_at=None))

    assert 2 == index.forget_expired(NOW + 101, 10)
    apply(index, revocation("a"), revocation("key"))
    assert ["a"] == [entry.id for entry in index.entries()]


def test_index_gives_an_id_that_came_again_its_own_end() -> None:
    """An id that was undone, forgotten and imported again is not dropped at its old end, nor is its undo."""
    index = index_of(revocation("a", expires_at=NOW + 200), undo("a", expires_at=NOW + 50))
    index.forget_expired(NOW + 60, 10)
    again = revocation("a", expires_at=NOW + 300)
    apply(index, again)
    index.forget_expired(NOW + 250, 10)

    assert again is index.revoked(IDENTITY, NOW)
    late = index_of(revocation("b", expires_at=NOW + 50), undo("b", expires_at=NOW + 300))
    late.forget_expired(NOW + 60, 10)
    assert [None] == apply(late, revocation("b"))


# --- against a list ---


@dataclass
class NaiveIndex:
    """The same by brute force, over at most a handful of entries."""

    known: dict[str, Revocation] = field(default_factory=dict)
    undone: dict[str, float | None] = field(default_factory=dict)

    def apply(self, body: Body) -> None:
        if isinstance(body, Undo):
            if body.id not in self.undone:
                self.undone[body.id] = body.expires_at
                self.known.pop(body.id, None)
        elif isinstance(body, Revocation) and body.id not in self.known and body.id not in self.undone:
            self.known[body.id] = body

    def forget(self, now: float) -> None:
        self.known = {id: entry for id, entry in self.known.items() if not _has_ended(entry.expires_at, now)}
        self.undone = {id: end for id, end in self.undone.items() if not _has_ended(end, now)}

    def biting(self, identity: Identity, now: float) -> Iterator[Revocation]:
        bite = (entry for entry in self.known.values() if entry.effective_at <= max(now, entry.at))
        return (entry for entry in bite if entry.matches(identity))


def _has_ended(expires_at: float | None, now: float) -> bool:
    return expires_at is not None and expires_at < now


MOMENTS = st.integers(0, 6).map(float)
ENDS = st.none() | MOMENTS
IDS = st.sampled_from("abcde")
VALUES = st.sampled_from("xy")
ISSUERS = st.sampled_from([None, "i", "j"])
BODIES = st.builds(
    Revocation,
    id=IDS,
    kind=st.sampled_from(list(Kind)),
    value=VALUES,
    at=MOMENTS,
    effective_at=MOMENTS,
    issuer=ISSUERS,
    before=st.none() | MOMENTS,
    expires_at=ENDS,
) | st.builds(Undo, id=IDS, at=st.just(0.0), expires_at=ENDS)
IDENTITIES = st.builds(
    Identity,
    subject=VALUES,
    issuer=ISSUERS,
    tenant=st.none() | VALUES,
    token_id=st.none() | VALUES,
    session_id=st.none() | VALUES,
    key_id=st.none() | VALUES,
    issued_at=MOMENTS | st.floats(0, 7),
)


@settings(max_examples=500)
@given(st.lists(BODIES | MOMENTS, max_size=20), st.lists(st.tuples(IDENTITIES, MOMENTS), min_size=1, max_size=8))
def test_index_answers_as_a_list_does(steps: list[Body | float], asked: list[tuple[Identity, float]]) -> None:
    """After any entries in any order, with forgetting in between, both give the same answers."""
    index, naive = RevocationIndex(), NaiveIndex()
    for step in steps:
        if isinstance(step, float):
            index.forget_expired(step, 1_000)
            naive.forget(step)
        else:
            apply(index, step)
            naive.apply(step)
        for identity, now in asked:
            allowed: list[Revocation | None] = [*naive.biting(identity, now)]
            assert index.revoked(identity, now) in (allowed or [None])

    assert tuple(naive.known.values()) == index.entries()


def test_index_tells_what_was_taken_back() -> None:
    """Each undo that it remembers, until when it does, as of now."""
    index = index_of(revocation("r1"), undo("r1"))

    assert (Undo(id="r1", at=NOW + 5, expires_at=NOW + 100),) == index.undos(NOW + 5)
