"""Where a database file may stand, how it is made, and who may touch it."""

import asyncio
import contextlib
import os
import threading
import time
from pathlib import Path

import pytest

from tornado_wssec.errors import StoreCorrupt, StoreUnavailable
from tornado_wssec.stores.sqlite import SqliteStore
from tornado_wssec.stores.sqlite_file import Schema, SqliteFile
from tornado_wssec.stores.sqlite_schema import SHORT_LIVED, TRUTH

from .kit import NOW, PATIENT, in_loop, put, revocation, whole_log
from .sqlite_kit import mode_of, open_error

TOO_OPEN = 0o666


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
