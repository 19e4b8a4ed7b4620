"""Logins and API keys in the SQLite file of the truth.

Rules of this file:
1. What has returned is on the disk: a record that was dropped does not come back with the power.
2. Values are bound, never written into a statement.
3. What is read is checked; what is not ours is StoreCorrupt, and no value of it is told.
"""

from collections.abc import Sequence
from typing import Any, Final

from ..errors import StoreCorrupt
from ..policy.credential_records import RecordKind, StoredRecord
from ..policy.revocation_entries import is_name
from .sqlite_file import SqliteFile

SWEPT_AT_ONCE: Final = 100
"""Expired records removed with each new one: more than one, so that they cannot pile up."""

_SWEEP: Final = (
    "DELETE FROM credential_record WHERE rowid IN (SELECT rowid FROM credential_record WHERE expires_at <= ? LIMIT ?)"
)
_VACATE: Final = "DELETE FROM credential_record WHERE kind = ? AND name = ? AND expires_at <= ?"
_ADD: Final = "INSERT OR IGNORE INTO credential_record (kind, name, expires_at, payload) VALUES (?, ?, ?, ?)"
_FIND: Final = (
    "SELECT name, payload FROM credential_record WHERE kind = ? AND name = ? AND (expires_at IS NULL OR expires_at > ?)"
)
_LIST: Final = (
    "SELECT name, payload FROM credential_record"
    " WHERE kind = ? AND name > ? AND (expires_at IS NULL OR expires_at > ?) ORDER BY name LIMIT ?"
)
_DROP: Final = "DELETE FROM credential_record WHERE kind = ? AND name = ?"


class Records:
    """Credentials that outlive a process. Belongs to one thread, as its file does."""

    def __init__(self, file: SqliteFile) -> None:
        self.file = file

    def put(self, kind: RecordKind, name: str, payload: str, expires_at: float | None, now: float) -> bool:
        """Keep a record; False when the name is taken."""
        with self.file.writing() as database:
            database.execute(_SWEEP, (now, SWEPT_AT_ONCE))
            database.execute(_VACATE, (kind.value, name, now))
            return database.execute(_ADD, (kind.value, name, expires_at, payload)).rowcount == 1

    def find(self, kind: RecordKind, name: str, now: float) -> str | None:
        """The payload of a record that has not expired, or None."""
        with self.file.reading() as database:
            row = database.execute(_FIND, (kind.value, name, now)).fetchone()
        return None if row is None else self._record(row).payload

    def listed(self, kind: RecordKind, now: float, after: str, most: int) -> Sequence[StoredRecord]:
        """At most `most` unexpired records behind a name, by name."""
        with self.file.reading() as database:
            rows = database.execute(_LIST, (kind.value, after, now, most)).fetchall()
        return [self._record(row) for row in rows]

    def drop(self, kind: RecordKind, name: str) -> bool:
        """Forget a record; False when there was none."""
        with self.file.writing() as database:
            return database.execute(_DROP, (kind.value, name)).rowcount == 1

    def _record(self, row: tuple[Any, Any]) -> StoredRecord:
        name, payload = row
        if isinstance(payload, str) and is_name(name):
            return StoredRecord(name, payload)
        raise StoreCorrupt(f"{self.file.path} holds a record that is none of ours; {self.file.schema.restore}")
