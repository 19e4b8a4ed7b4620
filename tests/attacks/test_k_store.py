"""Lines K09, K10, K17, K19 and K20 of the attack corpus: what strangers and accidents do to a store."""

import asyncio
import contextlib
import gc
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stores.contract import NOW, in_loop, put, revocation, take, undo, whole_log
from tornado_wssec.errors import StoreCorrupt, StoreUnavailable
from tornado_wssec.policy.identity import Identity
from tornado_wssec.policy.revocations import Kind, LogEntry, Revocation, RevocationIndex, make_revocation
from tornado_wssec.settings import LEEWAY_MOST, Timeouts, TokenRules
from tornado_wssec.stores.base import Store
from tornado_wssec.stores.memory import MemoryStore
from tornado_wssec.stores.sqlite import SqliteStore

PATIENT = Timeouts(store_call=30.0, store_sync=30.0)
BRISK = Timeouts(store_call=0.1, store_sync=30.0)
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


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """One of each kind, not open."""
    return MemoryStore() if request.param == "memory" else SqliteStore(tmp_path / "store.db", timeouts=PATIENT)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file of a store with a generation."""
    asyncio.run(SqliteStore(tmp_path / "store.db", timeouts=PATIENT).migrate(NOW))
    return tmp_path / "store.db"


@asynccontextmanager
async def opened(store: Store) -> AsyncIterator[Store]:
    """The store, made, open and closed again."""
    await store.migrate(NOW)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another process holds the file for itself, for as long as the block takes."""
    program = (
        "import sqlite3, sys; database = sqlite3.connect(sys.argv[1], isolation_level=None);"
        "database.execute('BEGIN EXCLUSIVE'); print('locked', flush=True); sys.stdin.read()"
    )
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", program, str(path)], stdin=pipe, stdout=pipe) as process:
        assert process.stdout is not None
        assert b"locked\n" == process.stdout.readline()
        yield


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


# --- K17: a file that is locked, read-only, damaged, full, on another disk, or shared ---


@in_loop
async def test_k17_locked_is_a_bounded_wait(path: Path) -> None:
    """While another process holds the lock, every kind of call ends in a clear error; afterwards all is well."""
    store = SqliteStore(path, timeouts=BRISK)
    await store.open()
    with locked(path):
        for call in (
            store.generation,
            store.published_keys,
            store.change_mark,
            lambda: store.append(revocation("a")),
            lambda: store.read_after(None, 1),
            lambda: store.publish_keys("{}"),
            lambda: store.prune(NOW, 1),
            lambda: store.wait_for_change("", 3600),
            lambda: store.migrate(NOW),
        ):
            with pytest.raises(StoreUnavailable, match=r"store\.db is locked by another process; see who has it open"):
                await asyncio.wait_for(call(), 30)
    await store.close()
    patient = SqliteStore(path, timeouts=PATIENT)
    await patient.open()

    assert [] == await whole_log(patient)
    await patient.close()


@in_loop
async def test_k17_locked_does_not_add_up(path: Path) -> None:
    """A hundred who wait at once wait as long as one, not one after the other."""
    store = SqliteStore(path, timeouts=Timeouts(store_call=2.0))
    await store.open()
    with locked(path):
        calls = asyncio.gather(*(store.generation() for _ in range(100)), return_exceptions=True)
        errors = await asyncio.wait_for(calls, 60)  # one after the other would be 160 s

    assert {StoreUnavailable} == {type(error) for error in errors}
    await store.close()


@in_loop
async def test_k17_locked_does_not_block_the_loop(path: Path) -> None:
    """Everybody else goes on while one call waits."""
    store = SqliteStore(path, timeouts=PATIENT)
    await store.open()
    with locked(path):
        waiting = asyncio.ensure_future(store.generation())
        for _ in range(1000):
            await asyncio.sleep(0)
        was_waiting = not waiting.done()
    found = await waiting

    assert was_waiting
    assert found is not None
    await store.close()


@contextlib.contextmanager
def read_only(directory: Path) -> Iterator[None]:
    """Nothing in the directory can be written, by whoever we are."""
    files = [directory, *directory.iterdir()]
    modes = [file.stat().st_mode for file in files]
    for file in files:
        file.chmod(0o555 if file.is_dir() else 0o444)
    identity = os.geteuid()
    if identity == 0:  # root writes whatever the mode; somebody else does not
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(identity)
        for file, mode in zip(files, modes, strict=True):
            file.chmod(mode)


def test_k17_read_only_is_read() -> None:
    """What was revoked is known; what cannot be written is refused clearly."""
    with tempfile.TemporaryDirectory() as name:  # pytest's own directories let only us in
        Path(name).chmod(0o755)
        path = Path(name, "store.db")

        async def use() -> list[Any]:
            store = SqliteStore(path, timeouts=PATIENT)
            await store.open()
            log = await whole_log(store)
            for write in (store.append(revocation("b")), store.publish_keys("{}"), store.prune(NOW + 10**6, 1)):
                with pytest.raises(StoreUnavailable, match=r"store\.db is read-only; give its owner write permission"):
                    await write
            with pytest.raises(StoreUnavailable, match="Permission denied; mend that"):
                await put(store, "t")
            await store.close()
            return log

        asyncio.run(_with_entry(path))
        with read_only(path.parent):
            found = asyncio.run(use())

        assert [revocation("a")] == found


async def _with_entry(path: Path) -> None:
    async with opened(SqliteStore(path, timeouts=PATIENT)) as store:
        await store.append(revocation("a"))


@contextlib.contextmanager
def full_disk(room: int) -> Iterator[None]:
    """No file may grow beyond `room` bytes, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@in_loop
async def test_k17_a_full_disk_takes_nothing_back(path: Path) -> None:
    """What does not fit is refused, what was there stays, and it works again once there is room."""
    await _with_entry(path)
    store = SqliteStore(path, timeouts=PATIENT)
    await store.open()
    with full_disk(os.stat(path).st_size), pytest.raises(StoreUnavailable, match=r"store\.db cannot (be used|grow)"):
        await _fill(store)
    kept = await whole_log(store)
    await store.append(revocation("after"))

    assert [revocation("a"), *(big(number) for number in range(len(kept) - 1))] == kept
    assert revocation("after") == (await whole_log(store))[-1]
    await store.close()


async def _fill(store: Store) -> None:
    for number in range(100):
        await store.append(big(number))


def big(number: int) -> Revocation:
    """An entry of more than a page."""
    return revocation(f"big{number}", reason="\x01" * 1000)


def test_k17_full_is_told_as_full(path: Path) -> None:
    """SQLite's own limit is reported as a disk without room."""

    async def use() -> None:
        store = SqliteStore(path, timeouts=PATIENT)
        await store.open()
        await store.append(revocation("a"))
        with pytest.raises(StoreUnavailable, match="cannot grow: the disk is full; make room"):
            await _fill(store)
        await store.close()

    with pytest.MonkeyPatch.context() as patched:
        connect = sqlite3.connect

        def small(*arguments: Any, **options: Any) -> sqlite3.Connection:
            connection: sqlite3.Connection = connect(*arguments, **options)
            connection.execute("PRAGMA max_page_count = 20")
            return connection

        patched.setattr("sqlite3.connect", small)
        asyncio.run(use())


@pytest.mark.parametrize("offset", [0, 16, 18, 24, 100])
@in_loop
async def test_k17_a_corrupt_header_is_never_mended(path: Path, offset: int) -> None:
    """Refused at the start, with the bytes left as they are for whoever can rescue them."""
    damaged = _damage(path, offset)
    with pytest.raises(StoreCorrupt, match=r"store\.db") as caught:
        async with opened(SqliteStore(path, timeouts=PATIENT)) as store:
            await whole_log(store)

    assert damaged == _content(path)
    assert "; " in str(caught.value)


def _damage(path: Path, offset: int) -> bytes:
    content = bytearray(path.read_bytes())
    content[offset : offset + 60] = b"\xa5" * 60
    path.write_bytes(content)
    return bytes(content)


def _content(path: Path) -> bytes:
    return path.read_bytes()


@in_loop
async def test_k17_no_wal_is_ever_made(path: Path) -> None:
    """A WAL needs shared memory, which a network disk does not have, and can lose a database before 3.51.3."""
    store = SqliteStore(path, timeouts=PATIENT)
    await store.open()
    await store.append(revocation("a"))
    await put(store, "t")
    names = sorted(os.listdir(path.parent))
    await store.close()

    assert ["store.db", "store.db-journal", "store.db-shortlived", "store.db-shortlived-journal"] == names


@in_loop
async def test_k17_two_processes_share_it(path: Path) -> None:
    """Both append at once; each entry is there once, those of each in their order."""
    program = """
import asyncio, sys
from tornado_wssec.settings import Timeouts
from tornado_wssec.stores.sqlite import SqliteStore
from tests.stores.contract import revocation
async def main():
    store = SqliteStore(sys.argv[1], timeouts=Timeouts(store_call=30.0, store_sync=30.0))
    await store.open()
    for number in range(50):
        await store.append(revocation(f"{sys.argv[2]}{number}"))
    await store.close()
asyncio.run(main())
"""
    arguments = [[sys.executable, "-c", program, str(path), name] for name in "ab"]
    processes = [await asyncio.create_subprocess_exec(*each) for each in arguments]
    codes = [await process.wait() for process in processes]
    store = SqliteStore(path, timeouts=PATIENT)
    await store.open()
    ids = [body.id for body in await whole_log(store)]
    await store.close()

    assert [0, 0] == codes
    for name in "ab":
        assert [f"{name}{number}" for number in range(50)] == [id for id in ids if id.startswith(name)]


# --- K19: an entry that ends before a token it matches ---

CLOCKS = st.floats(-LEEWAY_MOST, LEEWAY_MOST)


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
