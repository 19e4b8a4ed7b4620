"""Line K17 of the attack corpus: a file that is locked, read-only, damaged, full, or shared."""

import asyncio
import contextlib
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.stores.kit import NOW, PATIENT, in_loop, opened, put, revocation, whole_log
from tornado_wssec.errors import StoreCorrupt, StoreUnavailable
from tornado_wssec.policy.revocations import Revocation
from tornado_wssec.settings import Timeouts
from tornado_wssec.stores.base import Store
from tornado_wssec.stores.sqlite import SqliteStore

BRISK = Timeouts(store_call=0.4, store_sync=30.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file of a store with a generation."""
    asyncio.run(SqliteStore(tmp_path / "store.db", timeouts=PATIENT).migrate(NOW))
    return tmp_path / "store.db"


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


@in_loop
async def test_k17_locked_is_a_bounded_wait(path: Path) -> None:
    """While another process holds the lock, every kind of call ends; afterwards all is well."""
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
            with pytest.raises(StoreUnavailable):
                await asyncio.wait_for(call(), 30)
    await store.close()
    patient = SqliteStore(path, timeouts=PATIENT)
    await patient.open()

    assert [] == await whole_log(patient)
    await patient.close()


@in_loop
async def test_k17_locked_is_told_as_locked(path: Path) -> None:
    """The error says what to look for, unless the budget is too short for that."""
    store = SqliteStore(path, timeouts=Timeouts(store_call=2.0))
    await store.open()
    with locked(path), pytest.raises(StoreUnavailable, match=r"store\.db is locked by another process; see who has it"):
        await store.generation()
    await store.close()


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
from tests.stores.kit import revocation
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
