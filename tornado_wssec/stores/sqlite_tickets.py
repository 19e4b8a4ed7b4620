"""Tickets in their SQLite file, which need not reach the disk.

Rules of this file:
1. Of any racers, the one whose DELETE removes the row has the ticket.
2. A ticket that has ended is never given out, and is gone once anybody has looked.
3. Values are bound, never written into a statement.
"""

from contextlib import suppress
from typing import Final

from ..errors import StoreCorrupt, StoreMissing
from .sqlite_file import SqliteFile

SWEPT_AT_ONCE: Final = 100
"""Ended tickets removed with each new one: more than one, so that they cannot pile up."""


class Tickets:
    """What is outstanding. Belongs to one thread, as its file does."""

    def __init__(self, file: SqliteFile) -> None:
        self.file = file

    def ensure_sound(self) -> None:
        """See that the file is usable where there is one; it need not be there.

        Raises:
            StoreCorrupt: it is damaged, as a power cut may leave it.
        """
        with suppress(StoreMissing), self.file.reading() as database:
            (verdict,) = database.execute("PRAGMA quick_check(1)").fetchone()
            if verdict != "ok":
                raise StoreCorrupt(f"{self.file.path} is damaged; {self.file.schema.restore}")

    def put(self, digest: str, owner: str, payload: str, expires_at: float, most: int, now: float) -> bool:
        """Keep a ticket; False when there are `most` of its owner, or the digest is taken."""
        try:
            return self._put(digest, owner, payload, expires_at, most, now)
        except StoreMissing:
            self.file.migrate()
            return self._put(digest, owner, payload, expires_at, most, now)

    def take(self, digest: str, now: float) -> str | None:
        """Remove a ticket and return its payload, to one caller only."""
        row = None
        with suppress(StoreMissing), self.file.reading() as database:
            row = database.execute("SELECT payload, expires_at FROM ticket WHERE digest = ?", (digest,)).fetchone()
            # A digest names one ticket for ever, so the row that goes is the row that was read.
            if row is not None and database.execute("DELETE FROM ticket WHERE digest = ?", (digest,)).rowcount != 1:
                row = None
        return None if row is None else self._payload(row, now)

    def _put(self, digest: str, owner: str, payload: str, expires_at: float, most: int, now: float) -> bool:
        sweep = "DELETE FROM ticket WHERE digest IN (SELECT digest FROM ticket WHERE expires_at <= ? LIMIT ?)"
        count = "SELECT count(*) FROM ticket WHERE owner = ? AND expires_at > ?"
        add = "INSERT OR IGNORE INTO ticket VALUES (?, ?, ?, ?)"
        with self.file.writing() as database:
            database.execute(sweep, (now, SWEPT_AT_ONCE))
            (outstanding,) = database.execute(count, (owner, now)).fetchone()
            if outstanding >= most:
                return False
            return database.execute(add, (digest, owner, payload, expires_at)).rowcount == 1

    def _payload(self, row: tuple[object, object], now: float) -> str | None:
        payload, expires_at = row
        if not isinstance(payload, str) or not isinstance(expires_at, float):
            raise StoreCorrupt(f"{self.file.path} holds a ticket that is none of ours; {self.file.schema.restore}")
        return payload if now < expires_at else None
