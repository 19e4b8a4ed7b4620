"""A store in the memory of one process, for tests and first steps.

It forgets everything when the process ends, revocations too. So each process has a generation of
its own, made when it is first opened: tokens from before are refused, since nobody knows which of
them had been revoked.
"""

import asyncio
import secrets
import time
from bisect import bisect_right
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from ..policy.credential_records import RecordKind, StoredRecord
from ..policy.revocation_entries import Body, LogEntry, Notice, class_of, ensure_name, ensure_storable
from ..policy.session_directory import Entry, EntryPage, NodeFacts, NodeStanding
from .base import Generation
from .bounds import (
    ensure_connections,
    ensure_document,
    ensure_entries,
    ensure_node,
    ensure_page,
    ensure_record,
    ensure_ticket,
)
from .cursors import make_cursor, place_of
from .home import Home
from .memory_directory import MemoryDirectory


class MemoryStore:
    """One handle on a store in memory. `sibling` gives another, as a second node would have.

    Args:
        wall: the clock that dates a generation made by `open`.
    """

    url = "memory://"

    def __init__(self, *, wall: Callable[[], float] = time.time) -> None:
        self._wall = wall
        self._home = Home(self.url)
        self._kept = _Kept()

    def sibling(self) -> "MemoryStore":
        """Another handle on the same contents, not open."""
        other = MemoryStore(wall=self._wall)
        other._kept = self._kept
        return other

    async def open(self) -> None:
        """Belong to this event loop. Makes the generation: there is no other process that could have."""
        if self._home:
            self._home.ensure_here()
            return
        self._home.move_in()
        self._kept.make(self._wall())

    async def close(self) -> None:
        """Belong to no loop. The contents stay, as those of a file would."""
        if self._home:
            self._home.ensure_here()
            self._home.move_out()

    async def migrate(self, now: float) -> bool:
        """Make the generation where absent: before `open`, to date it by another clock."""
        return self._kept.make(now)

    async def generation(self) -> Generation | None:
        """The generation."""
        return self._here().generation

    async def publish_keys(self, document: str) -> None:
        """Replace the published key document."""
        ensure_document(document)
        kept = self._here()
        kept.document = document
        kept.changed()

    async def published_keys(self) -> str | None:
        """The published key document, or None."""
        return self._here().document

    async def append(self, body: Body) -> LogEntry:
        """Add one entry to the log."""
        ensure_storable(body)
        return self._here().append(body)

    async def read_after(self, cursor: str | None, limit: int) -> Sequence[LogEntry]:
        """At most `limit` entries after the cursor, in order."""
        return self._here().read_after(cursor, limit)

    async def prune(self, now: float, limit: int, *, notices: bool = False) -> int:
        """Delete at most `limit` entries that have ended."""
        return self._here().prune(now, limit, notices)

    async def log_life(self) -> str:
        """The life of the log."""
        return self._here().life

    async def change_mark(self) -> str:
        """A mark that differs once the log or the keys have changed."""
        return self._here().mark

    async def wait_for_change(self, mark: str, timeout: float) -> str:  # noqa: ASYNC109 -- it is no error to reach it
        """The new mark at once when there is a change, or the same after `timeout` seconds."""
        kept = self._here()
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while kept.mark == mark:
                    await kept.waiting.wait()
        return kept.mark

    async def put_ticket(
        self, digest: str, *, owner: str, payload: str, expires_at: float, most: int, now: float
    ) -> bool:
        """Keep a ticket; False when the owner has as many as allowed."""
        ensure_ticket(digest, owner, payload)
        tickets = self._here().tickets
        for ended in [name for name, ticket in tickets.items() if ticket.expires_at <= now]:
            del tickets[ended]
        if digest in tickets or sum(ticket.owner == owner for ticket in tickets.values()) >= most:
            return False
        tickets[digest] = _Ticket(owner, payload, expires_at)
        return True

    async def take_ticket(self, digest: str, now: float) -> str | None:
        """Remove a ticket and return its payload, to exactly one of any racers."""
        ensure_ticket(digest)
        ticket = self._here().tickets.pop(digest, None)
        return ticket.payload if ticket is not None and now < ticket.expires_at else None

    async def put_record(
        self, kind: RecordKind, name: str, payload: str, *, expires_at: float | None, now: float
    ) -> bool:
        """Keep a record; False when the name is taken."""
        ensure_record(name, payload, expires_at)
        records = self._here().records
        for ended in [key for key, record in records.items() if not record.lives(now)]:
            del records[ended]
        if (kind, name) in records:
            return False
        records[kind, name] = _Record(payload, expires_at)
        return True

    async def find_record(self, kind: RecordKind, name: str, now: float) -> str | None:
        """The payload of a record that has not expired, or None."""
        ensure_name("name of the record", name)
        record = self._here().records.get((kind, name))
        return record.payload if record is not None and record.lives(now) else None

    async def list_records(self, kind: RecordKind, now: float, *, after: str, most: int) -> Sequence[StoredRecord]:
        """At most `most` unexpired records behind a name, by name."""
        ensure_page(after, most)
        records = self._here().records
        names = sorted(name for (its, name), record in records.items() if its == kind and record.lives(now))
        return [StoredRecord(name, records[kind, name].payload) for name in names if name > after][:most]

    async def drop_record(self, kind: RecordKind, name: str) -> bool:
        """Forget a record; False when there was none."""
        ensure_name("name of the record", name)
        return self._here().records.pop((kind, name), None) is not None

    async def renew_node(self, node: str, *, joins: bool, lease: float, alone: float, now: float) -> NodeStanding:
        """Renew a node's lease."""
        ensure_node(node)
        return self._here().directory.renew(node, joins, lease, alone, now)

    async def drop_node(self, node: str, now: float) -> None:
        """End a node's lease at once."""
        ensure_node(node)
        self._here().directory.drop(node, now)

    async def enter(
        self, node: str, entries: Sequence[Entry], *, most: int | None, now: float, leaving: Sequence[str] = ()
    ) -> Sequence[bool] | None:
        """Enter connections; for each whether there was a place. None when the node's lease has ended."""
        ensure_entries(node, entries)
        ensure_connections(node, leaving)
        return self._here().directory.enter(node, entries, most, now, leaving)

    async def leave(self, node: str, connections: Sequence[str]) -> None:
        """Forget connections of a node."""
        ensure_connections(node, connections)
        self._here().directory.leave(node, connections)

    async def list_entries(self, *, after: str, most: int, now: float) -> EntryPage:
        """At most `most` entries of living nodes behind a connection, by connection."""
        ensure_page(after, most)
        return self._here().directory.page(after, most, now)

    async def list_nodes(self, now: float) -> Sequence[NodeFacts]:
        """Every node whose lease lives, and how many entries it has."""
        return self._here().directory.nodes(now)

    def _here(self) -> "_Kept":
        self._home.ensure_here()
        return self._kept


@dataclass(frozen=True, slots=True)
class _Ticket:
    owner: str
    payload: str
    expires_at: float


@dataclass(frozen=True, slots=True)
class _Record:
    payload: str
    expires_at: float | None

    def lives(self, now: float) -> bool:
        """Whether it has not expired; at its last moment it has."""
        return self.expires_at is None or now < self.expires_at


@dataclass(slots=True)
class _Kept:
    """What the handles share."""

    generation: Generation | None = None
    document: str | None = None
    tickets: dict[str, _Ticket] = field(default_factory=dict)
    records: dict[tuple[RecordKind, str], _Record] = field(default_factory=dict)
    directory: MemoryDirectory = field(default_factory=MemoryDirectory)
    log: dict[tuple[str, str], tuple[int, Body]] = field(default_factory=dict)
    given_cursors: int = 0
    changes: int = 0
    waiting: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def mark(self) -> str:
        """Differs after each change."""
        return str(self.changes)

    def make(self, now: float) -> bool:
        """Make the generation where absent."""
        if self.generation is not None:
            return False
        self.generation = Generation(secrets.token_hex(16), float(int(now)))
        return True

    def changed(self) -> None:
        """Wake whoever waits for a change."""
        self.changes += 1
        self.waiting.set()
        self.waiting = asyncio.Event()

    def append(self, body: Body) -> LogEntry:
        """Add an entry, or find the one that is there."""
        key = class_of(body), body.id
        if key not in self.log:
            self.given_cursors += 1
            self.log[key] = self.given_cursors, body
            self.changed()
        return self._entry(*self.log[key])

    def read_after(self, cursor: str | None, limit: int) -> list[LogEntry]:
        """At most `limit` entries after the cursor."""
        place = place_of(cursor, self.life, self.given_cursors)
        entries = list(self.log.values())
        start = bisect_right(entries, place, key=lambda entry: entry[0])
        return [self._entry(*entry) for entry in entries[start : start + limit]]

    def prune(self, now: float, limit: int, notices: bool) -> int:
        """Delete at most `limit` ended entries; an undo not before its revocation."""
        of_kind = [(key, body) for key, (_, body) in self.log.items() if isinstance(body, Notice) == notices]
        ended = [key for key, body in of_kind if body.expires_at is not None and body.expires_at < now]
        pruned = [key for key in ended if key[0] != "undo" or ("revocation", key[1]) not in self.log][:limit]
        for key in pruned:
            del self.log[key]
        if pruned:
            self.changed()
        return len(pruned)

    def _entry(self, place: int, body: Body) -> LogEntry:
        return LogEntry(make_cursor(self.life, place), body)

    @property
    def life(self) -> str:
        return self.generation.id if self.generation is not None else ""
