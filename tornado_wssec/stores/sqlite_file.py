"""One SQLite database file: made privately, opened only when it is ours, looked at before each use.

Rules of this file:
1. A new file is made before SQLite sees it, 0600; SQLite gives its journal the same mode.
2. A database that is not ours is refused before anything is written to it. Nothing is ever recreated.
3. Never open an existing database file but through SQLite: closing any other descriptor of it drops
   the locks of every connection in this process. Source: sqlite.org/howtocorrupt.html §2.2.
4. The path is looked at before each use: a file that was replaced is opened anew, one that is gone is missing.
5. Nothing waits for a lock beyond the deadline.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..errors import StoreCorrupt, StoreError, StoreMissing, StoreUnavailable
from .sqlite_place import ensure_private_directory, look_at, make_private

_DAMAGED: Final = frozenset(
    {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_MISMATCH}
)
_IN_USE: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


@dataclass(frozen=True, slots=True)
class Schema:
    """What a file of ours holds.

    Args:
        application_id: in the header, so that nobody else's database is taken for ours.
        migrations: statements that lead from each version to the next; the version is their number.
        journal_mode: of the rollback journal. Never WAL, with which two writers can corrupt the file in
            versions before 3.51.3. Source: sqlite.org/wal.html "The WAL-reset bug".
        synchronous: `EXTRA` where an acknowledged write must survive a power cut, else `OFF`.
        remedy: what to do when the file is missing.
        restore: what to do when it is damaged.
    """

    application_id: int
    migrations: tuple[tuple[str, ...], ...]
    journal_mode: str
    synchronous: str
    remedy: str
    restore: str


class SqliteFile:
    """A connection to one database file. Belongs to one thread.

    Args:
        path: where it is.
        schema: what must be in it.
    """

    def __init__(self, path: Path, schema: Schema) -> None:
        self.path = path
        self.deadline = 0.0
        self.openings = 0
        self.schema = schema
        self._connection: sqlite3.Connection | None = None
        self._inode = (0, 0)

    @property
    def life(self) -> str:
        """Names the file that is open now: another file at the same path has another."""
        return f"{self._inode[0]:x}.{self._inode[1]:x}"

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The connection, for statements of which each is a transaction.

        Raises:
            StoreMissing, StoreCorrupt, StoreUnavailable: saying what is wrong and the remedy.
        """
        with self._faults_told():
            yield self._opened()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """The connection, in one transaction that is durable when the block has ended, or has not happened.

        Raises:
            StoreMissing, StoreCorrupt, StoreUnavailable: saying what is wrong and the remedy.
        """
        with self._faults_told(), self._transaction(self._opened()) as connection:
            yield connection

    def migrate(self, fill: Callable[[sqlite3.Connection], bool] | None = None) -> bool:
        """Make the file and its tables where they are absent, or bring old ones up to date.

        Args:
            fill: puts in what must never be missing, in the same transaction; True when it had to.

        Returns:
            Whether anything was made. Of several who try at once, one has made it.

        Raises:
            StoreCorrupt, StoreUnavailable: saying what is wrong and the remedy.
        """
        self.close()
        with self._faults_told():
            ensure_private_directory(self.path.parent)
            make_private(self.path)
            self._look()
            with closing(self._connect()) as connection:
                self._ensure_not_newer(self._version(connection))
                self._configure(connection)
                with self._transaction(connection):
                    has_moved = self._bring_up_to_date(connection)
                    return (fill is not None and fill(connection)) or has_moved

    def close(self) -> None:
        """Let go of the file. The next use opens it again."""
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _opened(self) -> sqlite3.Connection:
        if self._connection is not None and self._inode != self._look():
            self.close()
        if self._connection is None:
            self._connection = self._open()
        self._wait_until_deadline(self._connection)
        return self._connection

    def _open(self) -> sqlite3.Connection:
        # Looked at first: should it be replaced before SQLite opens it, the next look sees that.
        self._inode = self._look()
        ensure_private_directory(self.path.parent)
        connection = self._connect()
        try:
            self._ensure_current(self._version(connection))
            self._configure(connection)
        except BaseException:
            connection.close()
            raise
        self.openings += 1
        return connection

    def _look(self) -> tuple[int, int]:
        try:
            return look_at(self.path)
        except FileNotFoundError:
            raise StoreMissing(f"{self.path} does not exist; {self.schema.remedy}") from None

    def _connect(self) -> sqlite3.Connection:
        # mode=rw: without it a missing file would be made, readable by everybody.
        connection = sqlite3.connect(f"{self.path.as_uri()}?mode=rw", uri=True, isolation_level=None)
        self._wait_until_deadline(connection)
        return connection

    def _wait_until_deadline(self, connection: sqlite3.Connection) -> None:
        left = self.deadline - time.monotonic()
        connection.execute(f"PRAGMA busy_timeout = {max(1, int(left * 1000))}")

    def _version(self, connection: sqlite3.Connection) -> int:
        """The version of our tables in it, 0 for an empty file.

        Raises:
            StoreCorrupt: there is something in it, and it is not ours.
        """
        # In one statement, or another process could make the store between two of them.
        facts = "SELECT application_id, user_version, (SELECT count(*) FROM sqlite_master)"
        found = connection.execute(f"{facts} FROM pragma_application_id, pragma_user_version").fetchone()
        application_id, version, _ = found
        if found == (0, 0, 0):
            return 0
        if application_id != self.schema.application_id:
            raise StoreCorrupt(f"{self.path} is a database of something else; it was not touched; name another path")
        return int(version)

    def _ensure_current(self, version: int) -> None:
        latest = len(self.schema.migrations)
        if version == 0:
            raise StoreMissing(f"{self.path} holds no store; {self.schema.remedy}")
        if version < latest:
            raise StoreMissing(f"{self.path} has tables of version {version}, not {latest}; run `wssec store migrate`")
        self._ensure_not_newer(version)

    def _ensure_not_newer(self, version: int) -> None:
        latest = len(self.schema.migrations)
        if version > latest:
            remedy = "upgrade tornado_wssec"
            raise StoreCorrupt(f"{self.path} has tables of version {version}; this release knows {latest}; {remedy}")

    def _configure(self, connection: sqlite3.Connection) -> None:
        (mode,) = connection.execute(f"PRAGMA journal_mode = {self.schema.journal_mode}").fetchone()
        if mode.upper() != self.schema.journal_mode:
            raise StoreUnavailable(f"{self.path} stays in journal mode {mode!r}; stop whoever else has it open")
        connection.execute(f"PRAGMA synchronous = {self.schema.synchronous}")
        connection.execute("PRAGMA fullfsync = ON")  # macOS: fsync() alone leaves it in the drive's cache
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA cell_size_check = ON")
        connection.execute("PRAGMA temp_store = MEMORY")

    def _bring_up_to_date(self, connection: sqlite3.Connection) -> bool:
        steps = self.schema.migrations[self._version(connection) :]
        if not steps:
            return False
        for statement in (statement for step in steps for statement in step):
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {self.schema.application_id}")
        connection.execute(f"PRAGMA user_version = {len(self.schema.migrations)}")
        return True

    @contextmanager
    def _transaction(self, connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            self._wait_until_deadline(connection)  # for whoever still reads
            connection.execute("COMMIT")
        except BaseException:
            # A full disk or an I/O error may have rolled back already.
            if connection.in_transaction:
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
            raise

    @contextmanager
    def _faults_told(self) -> Iterator[None]:
        """Turn what SQLite and the system say into what an operator can act on."""
        try:
            yield
        except sqlite3.Error as error:
            if _code(error) not in _IN_USE:
                self.close()  # whatever state it is in: the next use starts afresh
            raise self._told(error) from None  # sqlite3 quotes what it cannot decode: nothing of it goes further
        except OSError as error:
            fault = f"{error.filename or self.path}: {error.strerror}"
            raise StoreUnavailable(f"{fault}; mend that and try again") from None

    def _told(self, error: sqlite3.Error) -> StoreError:
        code, name = _code(error), getattr(error, "sqlite_errorname", "text that is no UTF-8")
        if code in _IN_USE:
            return StoreUnavailable(f"{self.path} is locked by another process; see who has it open")
        if code == sqlite3.SQLITE_READONLY:
            remedy = "give its owner write permission on it and its directory"
            return StoreUnavailable(f"{self.path} is read-only; {remedy}")
        if code == sqlite3.SQLITE_FULL:
            return StoreUnavailable(f"{self.path} cannot grow: the disk is full; make room")
        if code in _DAMAGED:
            return StoreCorrupt(f"{self.path} is damaged or no store of ours ({name}); {self.schema.restore}")
        remedy = "check the disk and the permissions of its directory"
        return StoreUnavailable(f"{self.path} cannot be used ({name}); {remedy}")


def _code(error: sqlite3.Error) -> int:
    """The primary result code. Text that is no UTF-8 comes without one."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
