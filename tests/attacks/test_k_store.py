"""Lines K09, K10, K19 and K20 of the attack corpus: what strangers and accidents do to a store."""

import contextlib
import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stores.kit import NOW, PATIENT, in_loop, opened, put, revocation, take, undo, whole_log
from tests.stores.redis_kit import redis_store
from tornado_wssec.policy.identity import Identity
from tornado_wssec.policy.revocations import Kind, LogEntry, Revocation, RevocationIndex, make_revocation
from tornado_wssec.settings import LEEWAY_MOST, TokenRules
from tornado_wssec.stores.base import Store
from tornado_wssec.stores.memory import MemoryStore
from tornado_wssec.stores.sqlite import SqliteStore

HOSTILE = [
    "'; DROP TABLE revocation_log; --",
    '"',
    "%",
    "_",
    "*",
    "?",
    "\r\nFLUSHALL\r\n",
    "a\0b",
    "\0",
    "-1",
    "é" * 512,
]


@pytest.fixture(params=["memory", "sqlite", "redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """One of each kind, not open."""
    if request.param == "redis":
        return redis_store(request.getfixturevalue("redis_url"), tmp_path)
    return MemoryStore() if request.param == "memory" else SqliteStore(tmp_path / "store.db", timeouts=PATIENT)


# --- K09: values that would be commands, patterns or files ---


@in_loop
async def test_k09_hostile_values_are_values(store: Store) -> None:
    """Each is kept as it is, finds itself alone, and does nothing to its neighbours."""
    async with opened(store):
        for number, value in enumerate(HOSTILE):
            await store.append(revocation(f"r{number}", kind=Kind.SUBJECT, value=value, reason=value, issuer=value))
        found = await whole_log(store)

        assert [(value, value, value) for value in HOSTILE] == [
            (body.value, body.reason, body.issuer) for body in found if isinstance(body, Revocation)
        ]


@in_loop
async def test_k09_hostile_ticket_owners_are_owners(store: Store) -> None:
    """An owner that looks like a pattern counts its own tickets, not everybody's."""
    async with opened(store):
        kept = [await put(store, f"t{number}", owner=value, most=1) for number, value in enumerate(HOSTILE)]
        again = [await put(store, f"u{number}", owner=value, most=1) for number, value in enumerate(HOSTILE)]

        assert [True] * len(HOSTILE) == kept
        assert [False] * len(HOSTILE) == again


@pytest.mark.parametrize("value", HOSTILE)
@in_loop
async def test_k09_hostile_digests_find_nothing(store: Store, value: str) -> None:
    """What is looked up is compared whole."""
    async with opened(store):
        await put(store, "t")

        assert None is await store.take_ticket(value, NOW)
        assert "payload of t" == await take(store, "t")


@pytest.mark.parametrize("field", ["value", "reason", "issuer"])
@in_loop
async def test_k09_a_megabyte_is_refused(store: Store, field: str) -> None:
    """Before anything is written, and without echoing it."""
    async with opened(store):
        with pytest.raises(ValueError, match="1048576 bytes long; shorten it") as caught:
            await store.append(revocation("a", **{field: "x" * 2**20}))
        with pytest.raises(ValueError, match="1048576 bytes long"):
            await store.take_ticket("x" * 2**20, NOW)

        assert len(str(caught.value)) < 200
        assert [] == await whole_log(store)


def test_k09_a_pattern_revokes_only_its_name() -> None:
    """`*` is a name like any other: it revokes whoever is called `*`."""
    index = RevocationIndex()
    for number, value in enumerate(["*", "%", "u_", "u?"]):
        index.apply(LogEntry("", make_revocation(Kind.SUBJECT, value, NOW + number, rules=TokenRules())))

    assert None is index.revoked(Identity(subject="u1"), NOW + 9)
    assert None is not index.revoked(Identity(subject="*"), NOW + 9)


# --- K10: revoking what is unknown, twice, or in the wrong tense ---


@in_loop
async def test_k10_revoking_the_unknown_is_fine(store: Store) -> None:
    """Nobody need have seen the token; a repeated command adds nothing; so does an undo of nothing."""
    async with opened(store):
        entry = make_revocation(Kind.TOKEN, "never-issued", NOW, rules=TokenRules())
        first, second = await store.append(entry), await store.append(entry)
        await store.append(undo("never-revoked"))

        assert first == second
        assert [entry, undo("never-revoked")] == await whole_log(store)


def test_k10_the_future_must_be_confirmed() -> None:
    """A date ahead would refuse what is not yet issued: it takes a caller who has asked."""
    with pytest.raises(ValueError, match="allow the future explicitly"):
        make_revocation(Kind.SUBJECT, "u1", NOW, rules=TokenRules(), before=NOW + 1)
    meant = make_revocation(Kind.SUBJECT, "u1", NOW, rules=TokenRules(), before=NOW + 1, allow_future=True)

    assert NOW + 1 == meant.before


# --- K19: an entry that ends before a token it matches ---

CLOCKS = st.floats(-LEEWAY_MOST, LEEWAY_MOST)


@pytest.mark.requirement("R077")
@given(
    kind=st.sampled_from([Kind.TOKEN, Kind.SESSION, Kind.SUBJECT, Kind.TENANT]),
    lifetime=st.floats(60.0, 10 * 86_400.0),
    leeway=st.floats(0.0, LEEWAY_MOST),
    margin=st.floats(0.0, 60.0),
    ahead=st.floats(-3600.0, 3600.0),
    revoker=CLOCKS,
    issuer=CLOCKS,
    verifier=CLOCKS,
    pruner=CLOCKS,
    issued_after=st.floats(-3600.0, 7200.0),
)
def test_k19_no_entry_ends_before_a_token_it_matches(
    kind: Kind,
    lifetime: float,
    leeway: float,
    margin: float,
    ahead: float,
    revoker: float,
    issuer: float,
    verifier: float,
    pruner: float,
    issued_after: float,
) -> None:
    """Whatever the four clocks say: when an entry is forgotten, the last token it matched is dead on every node."""
    rules = TokenRules(max_lifetime=lifetime, ttl=60.0, leeway=leeway)
    now = NOW + revoker
    before = now + ahead if kind in (Kind.SUBJECT, Kind.TENANT) else None
    entry = make_revocation(kind, "x", now, rules=rules, before=before, allow_future=True, margin=margin)
    # An undated one names a token that was there when it took effect.
    latest = margin if before is None else 7200.0
    issued_at = NOW + min(issued_after, latest) + issuer
    token = Identity(subject="x", tenant="x", token_id="x", session_id="x", issued_at=issued_at)
    assert entry.expires_at is not None
    forgotten_at = entry.expires_at - pruner

    assert not entry.matches(token) or forgotten_at + verifier >= issued_at + lifetime


def test_k19_a_compromised_key_is_never_forgotten() -> None:
    """Its holder can sign a token of any date."""

    assert None is make_revocation(Kind.KEY, "k", NOW, rules=TokenRules()).expires_at


# --- K20: a million revocations ---


class Counted(str):
    """A name that counts how often it is looked up, and compared."""

    looks = 0

    def __hash__(self) -> int:
        type(self).looks += 1
        return super().__hash__()

    def __eq__(self, other: object) -> bool:
        type(self).looks += 1
        return super().__eq__(other)


def looks_of(index: RevocationIndex, **names: str) -> int:
    """How often one check looks anything up."""
    Counted.looks = 0
    given: dict[str, Any] = {name: Counted(value) for name, value in names.items()}
    index.revoked(Identity(issuer="us", issued_at=NOW, **given), NOW)
    return Counted.looks


@contextlib.contextmanager
def collecting_no_garbage() -> Iterator[None]:
    """There is none, and the collector would look through a million entries again and again."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@pytest.mark.requirement("R078")
def test_k20_a_million_cost_no_more_than_one() -> None:
    """A check looks up each of its five names once or twice, however many there are; a tick forgets what it may."""
    index = RevocationIndex()
    strangers = {"subject": "u", "token_id": "t", "session_id": "s", "tenant": "n", "key_id": "k"}
    kinds = [Kind.TOKEN, Kind.SESSION, Kind.SUBJECT, Kind.TENANT]
    one = Revocation(id="one", kind=Kind.TOKEN, value="one", at=NOW, effective_at=NOW, issuer="us", expires_at=None)
    index.apply(LogEntry("", one))
    with_one = looks_of(index, **strangers)
    with collecting_no_garbage():
        for number in range(1_000_000):
            kind, end = kinds[number % 4], NOW + number
            entry = revocation(f"r{number}", kind=kind, value=f"v{number}", issuer="us", before=NOW, expires_at=end)
            index.apply(LogEntry("", entry))
    hit = looks_of(index, **{**strangers, "subject": "v500002"})

    assert 1_000_001 == len(index)
    assert with_one == looks_of(index, **strangers) <= 10
    assert hit <= 12
    assert [1000, 1000, 0] == [index.forget_expired(now, 1000) for now in (NOW + 10**9, NOW + 10**9, NOW)]
    assert 998_001 == len(index)


@in_loop
async def test_k20_pruning_is_bounded(store: Store) -> None:
    """The store deletes no more at once than it is told, the truth as the mirror."""
    async with opened(store):
        for number in range(10):
            await store.append(revocation(f"r{number}", expires_at=NOW))

        assert [4, 4, 2, 0] == [await store.prune(NOW + 1, 4) for _ in range(4)]
