"""The directory of live connections in its SQLite file, which need not reach the disk.

Rules of this file:
1. Whether there is a place is counted and decided in the transaction that takes it.
2. Leases end by the clock of the machine, which all who can reach the file have in common.
3. What dead nodes have left is swept away a bounded piece at a time; it counts for nobody meanwhile.
4. Values are bound, never written into a statement; what is read is checked.
"""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, TypeVar

from ..errors import StoreCorrupt, StoreMissing
from ..policy.session_directory import Entry, EntryPage, NodeFacts, NodeStanding
from .sqlite_file import SqliteFile

T = TypeVar("T")

SWEPT_AT_ONCE: Final = 500
"""Entries of dead nodes removed with each renewal: a millisecond or two."""

_LIVES: Final = "SELECT 1 FROM node WHERE name = ? AND ends > ?"
_RENEW: Final = (
    "INSERT INTO node VALUES (?1, ?2, 0) ON CONFLICT (name) DO UPDATE SET ends = ?2"  # keeps the claim as it is
)
_OTHERS: Final = "SELECT count(*), coalesce(max(alone_until), 0) FROM node WHERE name <> ? AND ends > ?"
_CLAIM: Final = "UPDATE node SET alone_until = ? WHERE name = ?"
_DEAD: Final = "SELECT name FROM node WHERE ends <= ? LIMIT 10"
_SWEEP: Final = "DELETE FROM live WHERE connection IN (SELECT connection FROM live WHERE node = ? LIMIT ?)"
_BURY: Final = "DELETE FROM node WHERE name = ? AND NOT EXISTS (SELECT 1 FROM live WHERE node = name)"
_IS_HERE: Final = "SELECT 1 FROM live WHERE connection = ? AND node = ?"
_HELD: Final = "SELECT count(*) FROM live JOIN node ON node.name = live.node WHERE owner = ? AND ends > ?"
_ENTER: Final = "INSERT OR REPLACE INTO live VALUES (?, ?, ?, ?)"
_LEAVE: Final = "DELETE FROM live WHERE connection = ? AND node = ?"
_PAGE: Final = (
    "SELECT connection, facts FROM live JOIN node ON node.name = live.node"
    " WHERE connection > ? AND ends > ? ORDER BY connection LIMIT ?"
)
_NODES: Final = (
    "SELECT name, (SELECT count(*) FROM live WHERE live.node = node.name) FROM node WHERE ends > ? ORDER BY name"
)


@dataclass(frozen=True, slots=True)
class Enter:
    """Enter connections: for each whether it is in; None when the node's lease has ended."""

    node: str
    entries: Sequence[Entry]
    most: int | None
    now: float
    leaving: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Leave:
    """Forget connections of a node."""

    node: str
    connections: Sequence[str]


class Directory:
    """Who is connected. Belongs to one thread, as its file does."""

    def __init__(self, file: SqliteFile) -> None:
        self.file = file

    def renew(self, node: str, joins: bool, lease: float, alone: float, now: float) -> NodeStanding:
        """Renew a node's lease, or make it. The file is made where it is absent."""
        return self._made(lambda: self._renew(node, joins, lease, alone, now))

    def drop(self, node: str) -> None:
        """End a node's lease."""
        with suppress(StoreMissing), self.file.writing() as database:
            database.execute("UPDATE node SET ends = 0, alone_until = 0 WHERE name = ?", (node,))

    def do(self, requests: Sequence[Enter | Leave]) -> list[list[bool] | None]:
        """Do all of them in one transaction, in order.

        Raises:
            StoreCorrupt, StoreUnavailable: none of them was done.
        """
        with suppress(StoreMissing), self.file.writing() as database:
            return [_done(database, request) for request in requests]
        return [None] * len(requests)  # no file, no lease

    def page(self, after: str, most: int, now: float) -> EntryPage:
        """At most `most` entries behind a connection."""
        rows: list[tuple[object, object]] = []
        with suppress(StoreMissing), self.file.reading() as database:
            rows = database.execute(_PAGE, (after, now, most)).fetchall()
        entries = [self._entry(facts) for _, facts in rows]
        return EntryPage(entries, entries[-1].connection if len(entries) == most else "")

    def nodes(self, now: float) -> list[NodeFacts]:
        """Every node whose lease lives."""
        with suppress(StoreMissing), self.file.reading() as database:
            return [NodeFacts(str(name), count) for name, count in database.execute(_NODES, (now,))]
        return []

    def _made(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except StoreMissing:
            self.file.migrate()
            return work()

    def _renew(self, node: str, joins: bool, lease: float, alone: float, now: float) -> NodeStanding:
        with self.file.writing() as database:
            if not joins and database.execute(_LIVES, (node, now)).fetchone() is None:
                return NodeStanding(is_alive=False)
            database.execute(_RENEW, (node, now + lease))
            others, claimed_until = database.execute(_OTHERS, (node, now)).fetchone()
            is_alone = alone > 0 and not others
            if is_alone or alone == 0:
                database.execute(_CLAIM, (now + alone, node))
            _sweep(database, now)
        return NodeStanding(True, others, is_alone, claimed_until <= now, self.file.life)

    def _entry(self, facts: object) -> Entry:
        try:
            return Entry.from_json(facts)
        except ValueError as error:
            fault = f"an entry of the session directory is none of ours: {error}"
            raise StoreCorrupt(f"{self.file.path}: {fault}; {self.file.schema.restore}") from None


def _sweep(database: sqlite3.Connection, now: float) -> None:
    left = SWEPT_AT_ONCE
    for (dead,) in database.execute(_DEAD, (now,)).fetchall():
        left -= database.execute(_SWEEP, (dead, left)).rowcount
        database.execute(_BURY, (dead,))


def _done(database: sqlite3.Connection, request: Enter | Leave) -> list[bool] | None:
    leaving = request.leaving if isinstance(request, Enter) else request.connections
    if leaving:
        database.executemany(_LEAVE, [(connection, request.node) for connection in leaving])
    return _enter(database, request) if isinstance(request, Enter) else None


def _enter(database: sqlite3.Connection, request: Enter) -> list[bool] | None:
    if database.execute(_LIVES, (request.node, request.now)).fetchone() is None:
        return None
    return [_enter_one(database, entry, request) for entry in request.entries]


def _enter_one(database: sqlite3.Connection, entry: Entry, request: Enter) -> bool:
    owner = entry.owner
    if owner and request.most is not None:
        is_here = database.execute(_IS_HERE, (entry.connection, entry.node)).fetchone() is not None
        if not is_here:
            (held,) = database.execute(_HELD, (owner, request.now)).fetchone()
            if held >= request.most:
                return False
    database.execute(_ENTER, (entry.connection, entry.node, owner, entry.to_json()))
    return True
