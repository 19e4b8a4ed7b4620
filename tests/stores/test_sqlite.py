"""The SQLite store keeps the contract, and what is particular to it."""

import asyncio
import contextlib
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from tornado_wssec.errors import StoreCorrupt, StoreMissing, StoreUnavailable
from tornado_wssec.policy.tickets import digest_of
from tornado_wssec.settings import Timeouts
from tornado_wssec.stores.base import Store
from tornado_wssec.stores.sqlite import SqliteStore
from tornado_wssec.stores.sqlite_file import Schema, SqliteFile
from tornado_wssec.stores.sqlite_schema import SHORT_LIVED, TRUTH

from .contract import NOW, LastingStoreContract, in_loop, put, revocation, take, undo, whole_log

PATIENT = Timeouts(store_call=30.0)
"""A busy machine is no fault."""

TOO_OPEN = 0o666


class TestSqliteStore(LastingStoreContract):
    """The contract."""

    def new_store(self, place: Path) -> Store:
        return SqliteStore(place / "store.db", timeouts=PATIENT)

    def another(self, store: Store) -> Store:
        assert isinstance(store, SqliteStore)
        return SqliteStore(store.path, timeouts=PATIENT)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file of a store with one entry, `a`."""
    path = tmp_path / "store.db"

    async def make() -> None:
        store = SqliteStore(path, timeouts=PATIENT)
        await store.migrate(NOW)
        await store.open()
        await store.append(revocation("a"))
        await store.close()

    asyncio.run(make())
    return path


@contextlib.contextmanager
def elsewhere(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection of somebody else's to the same file."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


def content(path: Path) -> bytes:
    """What is in the file."""
    return path.read_bytes()


async def open_error(path: Path) -> str:
    """What opening says. It must leave the file as it was."""
    before = content(path)
    with pytest.raises(StoreCorrupt) as caught:
        await SqliteStore(path, timeouts=PATIENT).open()
    assert before == content(path)
    return str(caught.value)


def mode_of(path: Path) -> str:
    """The permission bits."""
    return f"{stat.S_IMODE(path.stat().st_mode):o}"


# --- where it is ---


def test_sqlite_path_is_of_the_directory_at_its_making(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that changes its directory later keeps its store."""
    monkeypatch.chdir(tmp_path)
    store = SqliteStore("sub/store.db")
    monkeypatch.chdir("/")

    assert (tmp_path / "sub/store.db", f"sqlite:///{tmp_path}/sub/store.db") == (store.path, store.url)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_sqlite_files_are_their_owners_alone(tmp_path: Path, umask: int) -> None:
    """Whatever the umask, all four files are 0600."""

    async def use() -> None:
        store = SqliteStore(tmp_path / "store.db", timeouts=PATIENT)
        await store.migrate(NOW)
        await store.open()
        await store.append(revocation("a"))
        await put(store, "t")
        await store.close()

    before = os.umask(umask)
    try:
        asyncio.run(use())
    finally:
        os.umask(before)

    names = ["store.db", "store.db-journal", "store.db-shortlived", "store.db-shortlived-journal"]
    assert dict.fromkeys(names, "600") == {path.name: mode_of(path) for path in sorted(tmp_path.iterdir())}


@in_loop
async def test_sqlite_without_a_directory_says_so(tmp_path: Path) -> None:
    """Migrating where there is no directory names it."""
    with pytest.raises(StoreUnavailable, match=f"{tmp_path}/absent: No such file or directory"):
        await SqliteStore(tmp_path / "absent/store.db").migrate(NOW)


@in_loop
async def test_sqlite_refuses_a_directory_where_anybody_may_replace_it(path: Path) -> None:
    """A world-writable directory is refused unless it is sticky."""
    path.parent.chmod(0o777)
    store = SqliteStore(path, timeouts=PATIENT)
    with pytest.raises(StoreCorrupt, match="everybody may replace files in"):
        await store.open()
    with pytest.raises(StoreCorrupt, match="everybody may replace files in"):
        await SqliteStore(path.with_name("new.db"), timeouts=PATIENT).migrate(NOW)
    path.parent.chmod(0o1777)
    await store.open()
    await store.close()

    assert not path.with_name("new.db").exists()


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o660, 0o666])
@in_loop
async def test_sqlite_refuses_a_file_that_others_may_write(path: Path, mode: int) -> None:
    """Whoever may write it may take revocations out of it."""
    os.chmod(path, mode)

    assert f"may be written by others (mode {mode:o}); chmod 600 it" in await open_error(path)


@in_loop
async def test_sqlite_notices_a_mode_that_changed(path: Path) -> None:
    """Also of a file that is open."""
    store = SqliteStore(path, timeouts=PATIENT)
    await store.open()
    os.chmod(path, TOO_OPEN)
    with pytest.raises(StoreCorrupt, match="may be written by others"):
        await store.published_keys()
    os.chmod(path, 0o600)

    assert None is await store.published_keys()
    await store.close()


@in_loop
async def test_sqlite_refuses_a_link(path: Path) -> None:
    """A link may lead anywhere tomorrow; the file itself is named."""
    link = path.with_name("link.db")
    link.symlink_to(path)

    assert "is a link or no plain file; name the file itself" in await open_error(link)
    with pytest.raises(StoreCorrupt, match="is a link"):
        await SqliteStore(link, timeouts=PATIENT).migrate(NOW)


@in_loop
async def test_sqlite_refuses_a_dangling_link(tmp_path: Path) -> None:
    """Migrating through one would make a file where somebody else wants it."""
    (tmp_path / "store.db").symlink_to(tmp_path / "target")
    with pytest.raises(StoreCorrupt, match="is a link"):
        await SqliteStore(tmp_path / "store.db", timeouts=PATIENT).migrate(NOW)

    assert not (tmp_path / "target").exists()


@in_loop
async def test_sqlite_refuses_another_users_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another user could change it at will. Root's own are believed, and root may look at anybody's."""
    look = os.lstat
    stranger = os.stat_result((*look(path)[:4], 4242, *look(path)[5:]))
    monkeypatch.setattr("os.lstat", lambda asked: stranger if asked == path else look(asked))
    monkeypatch.setattr("os.geteuid", lambda: 4243)
    refused = await open_error(path)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    store = SqliteStore(path, timeouts=PATIENT)
    await store.open()

    assert f"{path} belongs to user 4242; run as that user, or chown it" == refused
    assert [revocation("a")] == await whole_log(store)
    await store.close()


@in_loop
async def test_sqlite_sees_a_new_file_safely_in_its_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file whose name is lost in a power cut is lost with all that was acknowledged."""
    synced: list[tuple[int, int]] = []
    monkeypatch.setattr("os.fsync", lambda descriptor: synced.append(identity_of(descriptor)))
    await SqliteStore(tmp_path / "store.db", timeouts=PATIENT).migrate(NOW)

    assert [identity_of(tmp_path)] == synced


def identity_of(file: int | Path) -> tuple[int, int]:
    """Device and inode."""
    found = os.stat(file)
    return found.st_dev, found.st_ino


@pytest.mark.parametrize(("schema", "journal", "synchronous"), [(TRUTH, "truncate", 3), (SHORT_LIVED, "persist", 0)])
def test_sqlite_waits_for_the_disk_where_it_must(
    tmp_path: Path, schema: Schema, journal: str, synchronous: int
) -> None:
    """The truth is synchronous=EXTRA (3), what is short-lived is OFF (0); both have a rollback journal."""
    file = SqliteFile(tmp_path / "file.db", schema)
    file.deadline = time.monotonic() + 30
    file.migrate()
    with contextlib.closing(file), file.writing() as database:
        pragmas = ["synchronous", "journal_mode", "fullfsync", "trusted_schema", "cell_size_check"]
        found = [database.execute(f"PRAGMA {pragma}").fetchone()[0] for pragma in pragmas]

    assert [synchronous, journal, 1, 0, 1] == found


def test_sqlite_is_made_by_one_of_many(tmp_path: Path) -> None:
    """Eight who migrate at the same moment make one generation."""
    start = threading.Barrier(8)
    made: list[bool] = []

    async def migrate() -> None:
        store = SqliteStore(tmp_path / "store.db", timeouts=PATIENT)
        start.wait()
        made.append(await store.migrate(NOW))

    threads = [threading.Thread(target=lambda: asyncio.run(migrate())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [False] * 7 + [True] == sorted(made)


# --- what is in it ---


@in_loop
async def test_sqlite_never_touches_a_foreign_database(tmp_path: Path) -> None:
    """Neither opening nor migrating writes to a database of something else."""
    path = tmp_path / "foreign.db"
    with elsewhere(path) as foreign:
        foreign.execute("CREATE TABLE users (name TEXT)")
    path.chmod(0o600)

    assert "is a database of something else; it was not touched" in await open_error(path)
    before = content(path)
    with pytest.raises(StoreCorrupt, match="something else"):
        await SqliteStore(path, timeouts=PATIENT).migrate(NOW)
    assert before == content(path)
    assert ["foreign.db"] == os.listdir(tmp_path)


@pytest.mark.parametrize("content", [b"Dear reader, " * 1000, bytes(8192), b"SQLite format 3\0" + b"\xff" * 8000])
@in_loop
async def test_sqlite_refuses_a_corrupt_header(tmp_path: Path, content: bytes) -> None:
    """What is no database stays as it is; the remedy names a backup and `wssec store migrate`."""
    path = tmp_path / "store.db"
    path.write_bytes(content)
    path.chmod(0o600)
    fault = await open_error(path)
    with pytest.raises(StoreCorrupt):
        await SqliteStore(path, timeouts=PATIENT).migrate(NOW)

    assert (
        "never recreated by itself: put a backup in its place, or move it away and run `wssec store migrate`" in fault
    )
    assert content == path.read_bytes()


@in_loop
async def test_sqlite_refuses_a_file_cut_short(path: Path) -> None:
    """Half a store is damage, not an empty store."""
    os.truncate(path, len(content(path)) // 2)

    assert "is damaged" in await open_error(path)


@in_loop
async def test_sqlite_takes_an_empty_file_for_none(path: Path) -> None:
    """Zero bytes are what a crash in the making leaves: an operator migrates, a server does not."""
    os.truncate(path, 0)
    store = SqliteStore(path, timeouts=PATIENT)
    with pytest.raises(StoreMissing, match="holds no store; run `wssec init` or `wssec store migrate`"):
        await store.open()

    assert b"" == content(path)
    assert await store.migrate(NOW)
    await store.open()
    assert [] == await whole_log(store)
    await store.close()


@in_loop
async def test_sqlite_without_a_generation_is_missing(path: Path) -> None:
    """Tables alone are no store; migrating gives it a new generation and keeps the log."""
    with elsewhere(path) as other:
        other.execute("DELETE FROM generation")
    store = SqliteStore(path, timeouts=PATIENT)
    with pytest.raises(StoreMissing, match="holds no generation; run `wssec store migrate`"):
        await store.open()

    assert await store.migrate(NOW + 60)
    await store.open()
    assert [revocation("a")] == await whole_log(store)
    await store.close()


@in_loop
async def test_sqlite_of_a_newer_release_is_refused(path: Path) -> None:
    """An older release would not know what it must not forget."""
    with elsewhere(path) as other:
        other.execute("PRAGMA user_version = 99")

    assert "tables of version 99; this release knows 1; upgrade tornado_wssec" in await open_error(path)
    with pytest.raises(StoreCorrupt, match="version 99"):
        await SqliteStore(path, timeouts=PATIENT).migrate(NOW)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE revocation_log SET body = 'not JSON'",
        "UPDATE revocation_log SET body = x'00ff'",
        "UPDATE revocation_log SET body = CAST(x'ff' AS TEXT) || 'sorcery'",
        "UPDATE sqlite_sequence SET seq = 'sorcery'",
        'UPDATE revocation_log SET body = \'{"class":"revocation"}\'',
        "UPDATE revocation_log SET body = replace(body, 'token', 'sorcery')",
        "DROP TABLE revocation_log",
    ],
)
@in_loop
async def test_sqlite_refuses_an_entry_that_is_none_of_ours(path: Path, statement: str) -> None:
    """A log that cannot be read in full is damage: to skip an entry would lift a revocation."""
    with elsewhere(path) as other:
        other.execute(statement)
    store = SqliteStore(path, timeouts=PATIENT)
    await store.open()
    with pytest.raises(StoreCorrupt, match=r"none of ours|is damaged|holds a str") as caught:
        await store.read_after(None, 10)
    await store.close()

    assert "sorcery" not in "".join(traceback.format_exception(caught.value))


@in_loop
async def test_sqlite_refuses_keys_and_generations_that_are_none(path: Path) -> None:
    """A value of another type is not ours."""
    store = SqliteStore(path, timeouts=PATIENT)
    await store.open()
    with elsewhere(path) as other:
        other.execute("INSERT INTO published_keys VALUES (1, x'00')")
        other.execute("UPDATE generation SET made_at = 'yesterday'")
    with pytest.raises(StoreCorrupt, match="holds a bytes where a str belongs"):
        await store.published_keys()
    with pytest.raises(StoreCorrupt, match="holds a str where a float belongs"):
        await store.generation()
    await store.close()


@in_loop
async def test_sqlite_turns_a_wal_database_back(path: Path) -> None:
    """Somebody's `PRAGMA journal_mode = WAL` would expose it to the bug of versions before 3.51.3."""
    with elsewhere(path) as other:
        other.execute("PRAGMA journal_mode = WAL")
    store = SqliteStore(path, timeouts=PATIENT)
    await store.open()
    await store.append(revocation("b"))
    await store.close()

    with elsewhere(path) as other:
        assert ("delete",) == other.execute("PRAGMA journal_mode").fetchone()  # what a file of no mode of its own says


# --- while it is open ---


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
from tests.stores.contract import revocation
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


# --- the second file ---


@in_loop
async def test_sqlite_makes_the_second_file_with_the_first_ticket(path: Path) -> None:
    """Opening makes nothing, nor does looking for a ticket."""
    store = SqliteStore(path, timeouts=PATIENT)
    second = path.with_name("store.db-shortlived")
    await store.open()
    absent = [await take(store, "t"), second.exists()]
    await put(store, "t")
    await store.close()

    assert [None, False] == absent
    assert "600" == mode_of(second)


@in_loop
async def test_sqlite_outlives_the_loss_of_the_second_file(path: Path) -> None:
    """Deleted while in use, it takes its tickets along; the next one makes it anew."""
    store = SqliteStore(path, timeouts=PATIENT)
    second = path.with_name("store.db-shortlived")
    await store.open()
    await put(store, "lost")
    second.unlink()
    lost = await take(store, "lost")
    await put(store, "new")

    assert (None, "payload of new") == (lost, await take(store, "new"))
    await store.close()


@in_loop
async def test_sqlite_fills_a_second_file_left_empty(path: Path) -> None:
    """A crash between its making and its tables must not lock everybody out."""
    path.with_name("store.db-shortlived").touch(0o600)
    store = SqliteStore(path, timeouts=PATIENT)
    await store.open()

    assert None is await take(store, "t")
    assert await put(store, "t")
    assert "payload of t" == await take(store, "t")
    await store.close()


@in_loop
async def test_sqlite_gives_no_ticket_out_before_the_commit(path: Path) -> None:
    """Of many taken in one transaction that fails, none was given out, and all are there."""
    store = SqliteStore(path, timeouts=PATIENT)
    await store.open()
    for number in range(5):
        await put(store, f"t{number}")
    brisk = SqliteStore(path, timeouts=Timeouts(store_call=0.05))
    await brisk.open()
    with elsewhere(path.with_name("store.db-shortlived")) as other:
        other.execute("BEGIN")
        other.execute("SELECT * FROM ticket").fetchone()  # a reader: a commit must wait for it
        failed = await asyncio.gather(*(take(brisk, f"t{number}") for number in range(5)), return_exceptions=True)
    await brisk.close()
    found = await asyncio.gather(*(take(store, f"t{number}") for number in range(5)))
    await store.close()

    assert [StoreUnavailable] * 5 == [type(error) for error in failed]
    assert [f"payload of t{number}" for number in range(5)] == found


@in_loop
async def test_sqlite_spoils_no_neighbours_ticket(path: Path) -> None:
    """Of tickets taken at once, the one that is none of ours fails alone."""
    store = SqliteStore(path, timeouts=PATIENT)
    await store.open()
    await put(store, "good")
    await put(store, "bad")
    with elsewhere(path.with_name("store.db-shortlived")) as other:
        other.execute("UPDATE ticket SET payload = x'00' WHERE digest = ?", (digest_of("bad"),))
    good, bad, absent = await asyncio.gather(
        *(take(store, name) for name in ("good", "bad", "absent")), return_exceptions=True
    )
    await store.close()

    assert ("payload of good", StoreCorrupt, None) == (good, type(bad), absent)


@pytest.mark.parametrize("damage", ["header", "page"])
@in_loop
async def test_sqlite_refuses_a_damaged_second_file(path: Path, damage: str) -> None:
    """It is looked through when the store is opened; the remedy is to delete it, since nothing in it lasts."""
    store = SqliteStore(path, timeouts=PATIENT)
    second = path.with_name("store.db-shortlived")
    await store.open()
    for number in range(50):
        await put(store, f"t{number}", payload="x" * 1000, most=100)
    await store.close()
    with second.open("r+b") as file:
        file.seek(0 if damage == "header" else 3 * 4096)
        file.write(b"\xa5" * 4096)

    with pytest.raises(StoreCorrupt, match=r"store.db-shortlived is damaged.*stop the servers and delete it"):
        await store.open()


@in_loop
async def test_sqlite_refuses_a_ticket_that_is_none_of_ours(path: Path) -> None:
    """A row of other types is damage, and is spent."""
    store = SqliteStore(path, timeouts=PATIENT)
    await store.open()
    await put(store, "t")
    with elsewhere(path.with_name("store.db-shortlived")) as other:
        other.execute("UPDATE ticket SET payload = x'00'")
    with pytest.raises(StoreCorrupt, match="a ticket that is none of ours"):
        await take(store, "t")

    assert None is await take(store, "t")
    await store.close()


# --- trouble ---


@in_loop
async def test_sqlite_that_fails_to_answer_counts_as_open(path: Path) -> None:
    """A server that starts beside a locked store waits for it: the next calls find it."""
    store = SqliteStore(path, timeouts=Timeouts(store_call=0.05))
    with elsewhere(path) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreUnavailable, match="is locked by another process"):
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
    os.chmod(path, TOO_OPEN)
    with pytest.raises(StoreCorrupt):
        await store.open()

    with pytest.raises(RuntimeError, match="is not open"):
        await store.generation()


@in_loop
async def test_sqlite_rolls_a_failed_write_back(path: Path) -> None:
    """What could not be committed has not happened, and the next write does."""
    store = SqliteStore(path, timeouts=Timeouts(store_call=0.05))
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
from tests.stores.contract import revocation, whole_log
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
