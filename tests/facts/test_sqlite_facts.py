"""What SQLite does that the embedded store leans on.

An upgrade that changes one says so here.
"""

import os
import sqlite3
import stat
import threading
from contextlib import closing
from pathlib import Path

import pytest


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database with one table of ten rows."""
    path = tmp_path / "facts.db"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE ticket (digest TEXT PRIMARY KEY) WITHOUT ROWID")
        database.executemany("INSERT INTO ticket VALUES (?)", [(f"t{number}",) for number in range(10)])
    return path


def data_version(database: sqlite3.Connection) -> int:
    """The number that SQLite changes when another connection has committed."""
    (version,) = database.execute("PRAGMA data_version").fetchone()
    return int(version)


def test_sqlite_data_version_tells_of_other_connections(path: Path) -> None:
    """`PRAGMA data_version` changes with another connection's commit, and not with one's own."""
    with closing(sqlite3.connect(path)) as ours, closing(sqlite3.connect(path)) as other:
        before = data_version(ours)
        with ours:
            ours.execute("INSERT INTO ticket VALUES ('ours')")
        after_our_own = data_version(ours)
        with other:
            other.execute("INSERT INTO ticket VALUES ('theirs')")

        assert before == after_our_own
        assert before != data_version(ours)


def test_sqlite_data_version_does_not_tell_of_a_replaced_file(path: Path, tmp_path: Path) -> None:
    """A file put in the place of ours goes unnoticed, so the inode is compared as well."""
    with closing(sqlite3.connect(path)) as ours:
        before, inode = data_version(ours), path.stat().st_ino
        with closing(sqlite3.connect(tmp_path / "new.db")) as replacement, replacement:
            replacement.execute("CREATE TABLE other (x)")
        os.replace(tmp_path / "new.db", path)

        assert before == data_version(ours)
        assert inode != path.stat().st_ino


def test_sqlite_delete_returning_has_one_winner(path: Path) -> None:
    """Of eight connections that redeem one ticket at once, exactly one gets it."""
    winners: list[str] = []
    start = threading.Barrier(8)

    def redeem() -> None:
        with closing(sqlite3.connect(path, timeout=10, isolation_level=None)) as database:
            start.wait()
            for number in range(10):
                statement = "DELETE FROM ticket WHERE digest = ? RETURNING digest"
                winners.extend(digest for (digest,) in database.execute(statement, (f"t{number}",)).fetchall())

    threads = [threading.Thread(target=redeem) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [f"t{number}" for number in range(10)] == sorted(winners)


def test_sqlite_makes_files_that_others_can_read(tmp_path: Path) -> None:
    """A new database is as open as the umask lets it: ours is made first, by O_EXCL and 0600."""
    mask = os.umask(0o022)
    try:
        with closing(sqlite3.connect(tmp_path / "open.db")) as database, database:
            database.execute("CREATE TABLE t (x)")
    finally:
        os.umask(mask)

    assert stat.S_IMODE((tmp_path / "open.db").stat().st_mode) == 0o644


def test_sqlite_takes_an_empty_file_made_before(tmp_path: Path) -> None:
    """A file that was made empty, with the right mode, becomes the database and keeps its mode."""
    path = tmp_path / "closed.db"
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE t (x)")

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_sqlite_journal_takes_the_mode_of_its_database(tmp_path: Path) -> None:
    """The rollback journal holds old pages: it is as closed as the database beside it."""
    path = tmp_path / "closed.db"
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = TRUNCATE")
        with database:
            database.execute("CREATE TABLE t (x)")

    assert stat.S_IMODE(path.with_name("closed.db-journal").stat().st_mode) == 0o600


def test_sqlite_refuses_what_is_no_database(tmp_path: Path) -> None:
    """A file with another content is an error at the first statement, and stays as it is."""
    path = tmp_path / "letter.txt"
    path.write_text("Dear reader, this is not a database at all." * 100)

    with closing(sqlite3.connect(path)) as database, pytest.raises(sqlite3.DatabaseError, match="not a database"):
        database.execute("SELECT 1 FROM sqlite_master")
    assert path.read_text().startswith("Dear reader")


def test_sqlite_connect_creates_unless_told_otherwise(tmp_path: Path) -> None:
    """`mode=rw` opens what exists and makes nothing."""
    path = tmp_path / "absent.db"

    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        sqlite3.connect(f"file:{path}?mode=rw", uri=True)
    assert not path.exists()


def test_sqlite_has_returning() -> None:
    """RETURNING came with 3.35."""

    assert sqlite3.sqlite_version_info >= (3, 35)
