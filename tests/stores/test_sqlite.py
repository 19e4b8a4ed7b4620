"""The SQLite store keeps the contract, and what happens to it while it is open."""

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tornado_wssec.errors import StoreCorrupt, StoreMissing, StoreUnavailable
from tornado_wssec.settings import Timeouts
from tornado_wssec.stores.base import Store
from tornado_wssec.stores.sqlite import SqliteStore

from .contract import LastingStoreContract
from .kit import NOW, PATIENT, in_loop, revocation, undo, whole_log
from .sqlite_kit import elsewhere, sqlite_remains


class TestSqliteStore(LastingStoreContract):
    """The contract."""

    def new_store(self, place: Path) -> Store:
        return SqliteStore(place / "store.db", timeouts=PATIENT)

    def another(self, store: Store) -> Store:
        assert isinstance(store, SqliteStore)
        return SqliteStore(store.path, timeouts=PATIENT)

    async def remains(self, store: Store, place: Path) -> list[str]:
        return sqlite_remains(place / "store.db-shortlived")


@in_loop
async def test_sqlite_that_is_deleted_is_missing(path: Path) -> None:
    """A server notices at the next look, and does not make another."""
    store = SqliteStore(path, timeouts=PATIENT)
    await store.open()
    os.unlink(path)
    with pytest.raises(StoreMissing, match="does not exist; run `wssec init` or `wssec store migrate`"):
        await store.change_mark()
    with pytest.raises(StoreMissing):
        await store.append(revocation("b"))
    await store.close()

    assert "store.db" not in os.listdir(path.parent)


@in_loop
async def test_sqlite_that_is_replaced_is_read_anew(path: Path, tmp_path: Path) -> None:
    """Another file at the same path is another life: a new mark, and the log from the start."""
    (tmp_path / "new").mkdir()
    other = SqliteStore(tmp_path / "new/store.db", timeouts=PATIENT)
    await other.migrate(NOW + 60)
    await other.open()
    await other.append(revocation("other"))
    await other.close()
    store = SqliteStore(path, timeouts=PATIENT)
    await store.open()
    mark, generation = await store.change_mark(), await store.generation()
    [entry] = await store.read_after(None, 10)
    os.replace(other.path, path)

    assert mark != await store.change_mark()
    assert generation != await store.generation()
    assert [revocation("other")] == [new.body for new in await store.read_after(entry.cursor, 10)]
    await store.close()


@in_loop
async def test_sqlite_of_an_older_copy_is_read_from_the_start(path: Path, tmp_path: Path) -> None:
    """A backup copied into the same file ends before our cursor: what is appended next must not be missed."""
    shutil.copy(path, tmp_path / "backup.db")
    store = SqliteStore(path, timeouts=PATIENT)
    await store.open()
    late = await store.append(revocation("b"))
    with elsewhere(path) as target, elsewhere(tmp_path / "backup.db") as backup:
        backup.backup(target)

    assert [revocation("a")] == [entry.body for entry in await store.read_after(late.cursor, 10)]
    await store.close()


@in_loop
async def test_sqlite_mark_notices_another_process(path: Path) -> None:
    """A program that wrote and went away is noticed too."""
    store = SqliteStore(path, timeouts=PATIENT)
    await store.open()
    waiting = asyncio.create_task(store.wait_for_change(await store.change_mark(), 3600))
    program = f"""
import asyncio
from tornado_wssec.settings import Timeouts
from tornado_wssec.stores.sqlite import SqliteStore
from tests.stores.kit import revocation
async def main():
    store = SqliteStore({str(path)!r}, timeouts=Timeouts(store_call=30.0))
    await store.open()
    await store.append(revocation("from-afar"))
    await store.close()
asyncio.run(main())
"""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program)
    code = await process.wait()
    await asyncio.wait_for(waiting, 30)

    assert 0 == code
    assert [revocation("a"), revocation("from-afar")] == await whole_log(store)
    await store.close()


@in_loop
async def test_sqlite_that_fails_to_answer_counts_as_open(path: Path) -> None:
    """A server that starts beside a locked store waits for it: the next calls find it."""
    store = SqliteStore(path, timeouts=Timeouts(store_call=1.0))
    with elsewhere(path) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreUnavailable):
            await store.open()
    patient = SqliteStore(path, timeouts=PATIENT)
    await patient.open()

    assert await patient.generation() == await store.generation()
    await store.close()
    await patient.close()


@in_loop
async def test_sqlite_that_is_refused_is_not_open(path: Path) -> None:
    """A store that cannot be believed keeps no thread."""
    store = SqliteStore(path, timeouts=PATIENT)
    os.chmod(path, 0o620)
    with pytest.raises(StoreCorrupt):
        await store.open()

    with pytest.raises(RuntimeError, match="is not open"):
        await store.generation()


@in_loop
async def test_sqlite_rolls_a_failed_write_back(path: Path) -> None:
    """What could not be committed has not happened, and the next write does."""
    store = SqliteStore(path, timeouts=Timeouts(store_call=1.0))
    await store.open()
    with elsewhere(path) as other:
        other.execute("BEGIN")
        other.execute("SELECT * FROM revocation_log").fetchone()  # a reader: a commit must wait for it
        with pytest.raises(StoreUnavailable, match="is locked"):
            await store.append(revocation("b"))
    found = await whole_log(store)
    await store.append(undo("a"))

    assert [revocation("a")] == found
    assert [revocation("a"), undo("a")] == await whole_log(store)
    await store.close()


def test_sqlite_cannot_be_carried_over_a_fork(path: Path) -> None:
    """The child is refused, and its end does no harm to what the parent is doing."""
    program = f"""
import asyncio, os, sys
from tornado_wssec.settings import Timeouts
from tornado_wssec.stores.sqlite import SqliteStore
from tests.stores.kit import revocation, whole_log
async def refused(call):
    try:
        await call
    except RuntimeError as error:
        assert "make a store in each process, after the fork" in str(error), error
        return True
async def main():
    store = SqliteStore({str(path)!r}, timeouts=Timeouts(store_call=30.0))
    await store.open()
    if os.fork() == 0:
        fine = [await refused(store.generation()), await refused(store.open()), await refused(store.close())]
        os._exit(0 if all(fine) else 1)
    _, status = os.wait()
    await store.append(revocation("b"))
    print(os.waitstatus_to_exitcode(status), len(await whole_log(store)))
    await store.close()
asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=True)

    assert "0 2\n" == done.stdout
