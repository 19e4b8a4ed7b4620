"""The truth in its SQLite file: the generation, the published keys and the revocation log.

Rules of this file:
1. What has returned is on the disk: a power cut does not take it back.
2. Values are bound, never written into a statement.
3. What is read is checked; what is not ours is StoreCorrupt, and no value of it is told.
"""

import secrets
from collections.abc import Sequence
from typing import Any, Final

from ..errors import StoreCorrupt, StoreMissing
from ..policy.revocation_entries import Body, LogEntry, class_of, dump_body, load_body
from .base import Generation
from .cursors import make_cursor, place_of
from .sqlite_file import SqliteFile

_PRUNE: Final = (
    "DELETE FROM revocation_log WHERE cursor IN (SELECT cursor FROM revocation_log AS entry"
    " WHERE expires_at < ? AND (class = 'notice') = ? AND NOT (class = 'undo' AND EXISTS"
    " (SELECT 1 FROM revocation_log WHERE id = entry.id AND class = 'revocation'))"
    " ORDER BY expires_at LIMIT ?)"
)


class Truth:
    """What must survive. Belongs to one thread, as its file does."""

    def __init__(self, file: SqliteFile) -> None:
        self.file = file
        self._own_changes = 0

    def ensure_made(self) -> None:
        """Open the file and see that it holds a generation.

        Raises:
            StoreMissing: it does not, or there is no file.
        """
        if self.generation() is None:
            raise StoreMissing(f"{self.file.path} holds no generation; run `wssec store migrate`")

    def migrate(self, now: float) -> bool:
        """Make what is absent; True when something was."""
        # A whole second, as `iat` is: a token made right after this must not count as made before.
        new = (secrets.token_hex(16), float(int(now)))
        add = "INSERT OR IGNORE INTO generation VALUES (1, ?, ?)"
        return self.file.migrate(lambda database: database.execute(add, new).rowcount == 1)

    def generation(self) -> Generation | None:
        """The generation, or None."""
        with self.file.reading() as database:
            row = database.execute("SELECT id, made_at FROM generation").fetchone()
        if row is None:
            return None
        return Generation(self._checked(row[0], str), self._checked(row[1], float))

    def publish_keys(self, document: str) -> None:
        """Replace the published document."""
        with self.file.writing() as database:
            database.execute("INSERT OR REPLACE INTO published_keys VALUES (1, ?)", (document,))
        self._own_changes += 1

    def published_keys(self) -> str | None:
        """The published document, or None."""
        with self.file.reading() as database:
            row = database.execute("SELECT document FROM published_keys").fetchone()
        return None if row is None else self._checked(row[0], str)

    def append(self, body: Body) -> LogEntry:
        """Add an entry, or find the one that is there."""
        new = (class_of(body), body.id, body.expires_at, dump_body(body))
        add = "INSERT OR IGNORE INTO revocation_log (class, id, expires_at, body) VALUES (?, ?, ?, ?)"
        find = "SELECT cursor, body FROM revocation_log WHERE class = ? AND id = ?"
        with self.file.writing() as database:
            is_new = database.execute(add, new).rowcount == 1
            row = database.execute(find, new[:2]).fetchone()
        self._own_changes += is_new
        return self._entry(row)

    def read_after(self, cursor: str | None, limit: int) -> Sequence[LogEntry]:
        """At most `limit` entries after the cursor."""
        with self.file.reading() as database:
            # A log that ends before the cursor is an older copy that was put back: it is read from the start.
            row = database.execute("SELECT seq FROM sqlite_sequence WHERE name = 'revocation_log'").fetchone()
            place = place_of(cursor, self.file.life, 0 if row is None else self._checked(row[0], int))
            read = "SELECT cursor, body FROM revocation_log WHERE cursor > ? ORDER BY cursor LIMIT ?"
            rows = database.execute(read, (place, limit)).fetchall()
        return [self._entry(row) for row in rows]

    def prune(self, now: float, limit: int, notices: bool) -> int:
        """Delete at most `limit` ended entries; an undo not before its revocation."""
        with self.file.writing() as database:
            pruned = database.execute(_PRUNE, (now, notices, limit)).rowcount
        self._own_changes += pruned > 0
        return pruned

    def life(self) -> str:
        """The file that is there now."""
        with self.file.reading():
            return self.file.life

    def change_mark(self) -> str:
        """The file, what others have committed to it, and what we have."""
        with self.file.reading() as database:
            (others,) = database.execute("PRAGMA data_version").fetchone()
        return f"{self.file.life}:{self.file.openings}:{others}:{self._own_changes}"

    def _entry(self, row: Any) -> LogEntry:
        try:
            return LogEntry(make_cursor(self.file.life, row[0]), load_body(row[1]))
        except ValueError as error:
            raise StoreCorrupt(
                f"{self.file.path}: entry {row[0]} of the revocation log is none of ours: {error}"
            ) from None

    def _checked(self, value: object, kind: type[Any]) -> Any:
        if not isinstance(value, kind):
            raise StoreCorrupt(f"{self.file.path} holds a {type(value).__name__} where a {kind.__name__} belongs")
        return value
