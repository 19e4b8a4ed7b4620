"""One database file: how its tables move from release to release, and who else has it open."""

import contextlib
import functools
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tornado_wssec.errors import StoreCorrupt, StoreMissing, StoreUnavailable
from tornado_wssec.stores.sqlite_file import Schema, SqliteFile

FIRST = Schema(
    application_id=1,
    migrations=(("CREATE TABLE entry (name TEXT)", "INSERT INTO entry VALUES ('old')"),),
    journal_mode="TRUNCATE",
    synchronous="OFF",
    remedy="make it",
    restore="mend it",
)
SECOND = replace(FIRST, migrations=(*FIRST.migrations, ("ALTER TABLE entry ADD COLUMN size INTEGER DEFAULT 7",)))
BROKEN = replace(SECOND, migrations=(*SECOND.migrations, ("INSERT INTO entry VALUES ('new', 1)", "SELECT nonsense")))


@contextmanager
def file_at(place: Path, schema: Schema) -> Iterator[SqliteFile]:
    """A file with half a minute to go."""
    with contextlib.closing(SqliteFile(place / "file.db", schema)) as file:
        file.deadline = time.monotonic() + 30
        yield file


def rows_of(file: SqliteFile) -> list[tuple[object, ...]]:
    """All entries."""
    with file.reading() as database:
        return database.execute("SELECT * FROM entry").fetchall()


def test_file_moves_forward_when_told(tmp_path: Path) -> None:
    """A newer release asks for it, and what was there is kept."""
    with file_at(tmp_path, FIRST) as file:
        made = [file.migrate(), file.migrate()]
    with file_at(tmp_path, SECOND) as file:
        with pytest.raises(StoreMissing, match="has tables of version 1, not 2; run `wssec store migrate`"):
            rows_of(file)
        made += [file.migrate(), file.migrate()]

        assert [True, False, True, False] == made
        assert [("old", 7)] == rows_of(file)


def test_file_moves_in_one_step(tmp_path: Path) -> None:
    """A migration that fails leaves the tables, the rows and the version of before."""
    with file_at(tmp_path, FIRST) as file:
        file.migrate()
    with file_at(tmp_path, BROKEN) as file, pytest.raises(StoreCorrupt, match="SQLITE_ERROR"):
        file.migrate()

    with file_at(tmp_path, FIRST) as file:
        assert [("old",)] == rows_of(file)


def test_file_does_not_move_back(tmp_path: Path) -> None:
    """An older release neither reads nor changes it."""
    with file_at(tmp_path, SECOND) as file:
        file.migrate()
    with file_at(tmp_path, FIRST) as file:
        for use in (file.migrate, lambda: rows_of(file)):
            with pytest.raises(StoreCorrupt, match="tables of version 2; this release knows 1; upgrade tornado_wssec"):
                use()


def test_file_is_filled_with_its_tables(tmp_path: Path) -> None:
    """What must never be missing comes in the same transaction, and is asked for again each time."""
    with file_at(tmp_path, FIRST) as file:

        def fail(database: sqlite3.Connection) -> bool:
            database.execute("INSERT INTO entry VALUES ('half')")
            raise KeyError("killed")

        with pytest.raises(KeyError):
            file.migrate(fail)
        with pytest.raises(StoreMissing, match="holds no store; make it"):
            rows_of(file)

        assert [True, True, False] == [file.migrate(lambda _: True), file.migrate(lambda _: True), file.migrate()]


def test_file_that_others_keep_in_wal_is_refused(tmp_path: Path) -> None:
    """While somebody uses it in that mode it cannot be turned back, and must not be written."""
    with file_at(tmp_path, FIRST) as file:
        file.migrate()
        with contextlib.closing(sqlite3.connect(file.path)) as other:
            other.execute("PRAGMA journal_mode = WAL")
            other.execute("SELECT * FROM entry").fetchone()
            file.deadline = time.monotonic() + 0.05
            with pytest.raises(StoreUnavailable, match="is locked by another process"):
                rows_of(file)


class Stubborn(sqlite3.Connection):
    """A connection whose journal mode cannot be changed."""

    def execute(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
        return super().execute("SELECT 'wal'" if "journal_mode" in sql else sql, *arguments)


def test_file_that_stays_in_another_mode_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite may answer with the old mode instead of an error."""
    with file_at(tmp_path, FIRST) as file:
        monkeypatch.setattr("sqlite3.connect", functools.partial(sqlite3.connect, factory=Stubborn))
        with pytest.raises(StoreUnavailable, match="stays in journal mode 'wal'; stop whoever else has it open"):
            file.migrate()


def test_file_write_that_fails_is_undone(tmp_path: Path) -> None:
    """An exception in the block takes back what the block did, and the connection can be used again."""
    with file_at(tmp_path, FIRST) as file:
        file.migrate()
        with contextlib.suppress(KeyError), file.writing() as database:
            database.execute("INSERT INTO entry VALUES ('half')")
            raise KeyError("bug")

        assert [("old",)] == rows_of(file)


def test_file_has_a_life_of_its_own(tmp_path: Path) -> None:
    """Another file at the same path has another name; the same one keeps it over openings."""
    with file_at(tmp_path, FIRST) as file:
        file.migrate()
        lives = []
        for _ in range(2):
            rows_of(file)
            lives.append(file.life)
            file.close()
        rows_of(file)  # held open, or its inode could be given to the next file
        os.rename(file.path, tmp_path / "away.db")
        with file_at(tmp_path, FIRST) as new:
            new.migrate()
        rows_of(file)

        assert lives[0] == lives[1] != file.life
        assert 4 == file.openings
