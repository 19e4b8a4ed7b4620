"""Tickets in their SQLite file, which need not reach the disk.

Rules of this file:
1. Of any racers, the one whose transaction removes the row has the ticket; what is told is told after the commit.
2. A ticket that has ended is never given out, and is gone once anybody has looked.
3. Values are bound, never written into a statement.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from ..errors import StoreCorrupt, StoreMissing
from .sqlite_file import SqliteFile

SWEPT_AT_ONCE: Final = 100
"""Ended tickets removed with each new one: more than one, so that they cannot pile up."""

_SWEEP: Final = "DELETE FROM ticket WHERE digest IN (SELECT digest FROM ticket WHERE expires_at <= ? LIMIT ?)"
_COUNT: Final = "SELECT count(*) FROM ticket WHERE owner = ? AND expires_at > ?"
_ADD: Final = "INSERT OR IGNORE INTO ticket VALUES (?, ?, ?, ?)"
_FIND: Final = "SELECT payload, expires_at FROM ticket WHERE digest = ?"
_REMOVE: Final = "DELETE FROM ticket WHERE digest = ?"
_FORGET: Final = "DELETE FROM ticket"


@dataclass(frozen=True, slots=True)
class Put:
    """Keep a ticket: True; False when there are `most` of its owner, or the digest is taken."""

    digest: str
    owner: str
    payload: str
    expires_at: float
    most: int
    now: float


@dataclass(frozen=True, slots=True)
class Take:
    """Remove a ticket: its payload; None when it is unknown or has ended."""

    digest: str
    now: float


Outcome = bool | str | StoreCorrupt | None


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

    def forget(self) -> None:
        """Drop every ticket."""
        with suppress(StoreMissing), self.file.writing() as database:
            database.execute(_FORGET)

    def do(self, requests: Sequence[Put | Take]) -> list[Outcome]:
        """Do all of them in one transaction, in order. The file is made for the first that puts something in.

        Raises:
            StoreCorrupt, StoreUnavailable: none of them was done.
        """
        try:
            return self._do(requests)
        except StoreMissing:
            if not any(isinstance(request, Put) for request in requests):
                return [None] * len(requests)
            self.file.migrate()
            return self._do(requests)

    def _do(self, requests: Sequence[Put | Take]) -> list[Outcome]:
        with self.file.writing() as database:
            return [
                _put(database, request) if isinstance(request, Put) else self._take(database, request)
                for request in requests
            ]

    def _take(self, database: sqlite3.Connection, request: Take) -> Outcome:
        row = database.execute(_FIND, (request.digest,)).fetchone()
        if row is None:
            return None
        database.execute(_REMOVE, (request.digest,))
        payload, expires_at = row
        if not isinstance(payload, str) or not isinstance(expires_at, float):
            return StoreCorrupt(f"{self.file.path} holds a ticket that is none of ours; {self.file.schema.restore}")
        return payload if request.now < expires_at else None


def _put(database: sqlite3.Connection, request: Put) -> bool:
    database.execute(_SWEEP, (request.now, SWEPT_AT_ONCE))
    (outstanding,) = database.execute(_COUNT, (request.owner, request.now)).fetchone()
    if outstanding >= request.most:
        return False
    new = (request.digest, request.owner, request.payload, request.expires_at)
    return database.execute(_ADD, new).rowcount == 1
