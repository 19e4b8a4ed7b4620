"""The embedded store: two SQLite files and one thread.

Rules of this file:
1. Nothing blocks the event loop; nobody waits longer than the budget.
2. An append has returned only when it is on the disk; one that may not be is NotAcknowledged.
3. A server never makes or mends the truth; `migrate` does, when an operator says so.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeVar

from ..errors import NotAcknowledged, StoreUnavailable
from ..policy.credential_records import RecordKind, StoredRecord
from ..policy.revocation_entries import Body, LogEntry, ensure_name, ensure_storable
from ..policy.session_directory import Entry, EntryPage, NodeFacts, NodeStanding
from ..settings import Timeouts
from .base import Generation
from .batches import Batches
from .bounds import (
    ensure_connections,
    ensure_document,
    ensure_entries,
    ensure_node,
    ensure_page,
    ensure_record,
    ensure_ticket,
)
from .home import Home
from .sqlite_directory import Directory, Enter, Leave
from .sqlite_file import SqliteFile
from .sqlite_records import Records
from .sqlite_schema import SHORT_LIVED, TRUTH
from .sqlite_tickets import Outcome, Put, Take, Tickets
from .sqlite_truth import Truth
from .worker import Worker

T = TypeVar("T")

LOOK_SECONDS: Final = 0.05
"""Between two looks for other processes' changes. A look costs 0.1 ms."""

LOCK_SHARE: Final = 0.8
"""Of the budget, for waiting for a lock: so that "locked" can be told before the budget is gone."""


class SqliteStore:
    """Truth in one file, tickets and live connections in a second one beside it whose writes need not reach the disk.

    Args:
        path: of the truth; a relative one is of the directory that is current now.
        timeouts: `store_call` bounds each call, `store_sync` those that wait for the disk.
    """

    def __init__(self, path: str | Path, *, timeouts: Timeouts | None = None) -> None:
        self.path = Path(path).absolute()
        self.url = f"sqlite:///{self.path}"
        self._timeouts = timeouts or Timeouts()
        self._home = Home(self.url)
        self._worker: Worker[_Files] | None = None
        self._tickets = Batches[Put | Take](self._do_tickets, self._timeouts.store_call)
        self._connections = Batches[Enter | Leave](self._do_connections, self._timeouts.store_call)

    async def open(self) -> None:
        """Connect, and see that what is there is ours and sound. Creates nothing."""
        if self._worker is not None:
            self._home.ensure_here()
            return
        self._worker = self._new_worker()
        self._home.move_in()
        try:
            await self._call(lambda files: files.ensure_sound())
        except StoreUnavailable:
            raise  # it stays open, and the next call tries again
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """End the thread and let go of the files."""
        if self._worker is None:
            return
        self._home.ensure_here()
        worker, self._worker = self._worker, None
        self._home.move_out()
        await worker.stop(self._timeouts.store_sync)

    async def migrate(self, now: float) -> bool:
        """Make the file, its tables and the generation where absent; bring older tables up to date."""
        worker = self._new_worker()
        try:
            return await self._sync(lambda files: files.migrate(now), worker)
        finally:
            await worker.stop(self._timeouts.store_sync)

    async def generation(self) -> Generation | None:
        """The generation, or None where there is none."""
        return await self._call(lambda files: files.truth.generation())

    async def publish_keys(self, document: str) -> None:
        """Replace the published key document."""
        ensure_document(document)
        await self._sync(lambda files: files.truth.publish_keys(document))

    async def published_keys(self) -> str | None:
        """The published key document, or None."""
        return await self._call(lambda files: files.truth.published_keys())

    async def append(self, body: Body) -> LogEntry:
        """Add one entry to the log and return once it is on the disk."""
        ensure_storable(body)
        return await self._sync(lambda files: files.truth.append(body))

    async def read_after(self, cursor: str | None, limit: int) -> Sequence[LogEntry]:
        """At most `limit` entries after the cursor, in order."""
        return await self._call(lambda files: files.truth.read_after(cursor, limit))

    async def prune(self, now: float, limit: int, *, notices: bool = False) -> int:
        """Delete at most `limit` entries that have ended."""
        return await self._sync(lambda files: files.truth.prune(now, limit, notices))

    async def log_life(self) -> str:
        """The life of the log: the file that is there now."""
        return await self._call(lambda files: files.truth.life())

    async def change_mark(self) -> str:
        """A mark that differs once the log or the keys have changed."""
        return await self._call(lambda files: files.truth.change_mark())

    async def wait_for_change(self, mark: str, timeout: float) -> str:  # noqa: ASYNC109 -- it is no error to reach it
        """The new mark soon after a change, or the same after `timeout` seconds."""
        until = time.monotonic() + timeout
        found = await self.change_mark()
        while found == mark and (left := until - time.monotonic()) > 0:
            await asyncio.sleep(min(left, LOOK_SECONDS))
            found = await self.change_mark()
        return found

    async def put_ticket(
        self, digest: str, *, owner: str, payload: str, expires_at: float, most: int, now: float
    ) -> bool:
        """Keep a ticket; False when the owner has as many as allowed."""
        ensure_ticket(digest, owner, payload)
        self._own_worker()
        return bool(await self._tickets.ask(Put(digest, owner, payload, expires_at, most, now)))

    async def take_ticket(self, digest: str, now: float) -> str | None:
        """Remove a ticket and return its payload, to exactly one of any racers."""
        ensure_ticket(digest)
        self._own_worker()
        payload: str | None = await self._tickets.ask(Take(digest, now))
        return payload

    async def put_record(
        self, kind: RecordKind, name: str, payload: str, *, expires_at: float | None, now: float
    ) -> bool:
        """Keep a record and return once it is on the disk; False when the name is taken."""
        ensure_record(name, payload, expires_at)
        return await self._sync(lambda files: files.records.put(kind, name, payload, expires_at, now))

    async def find_record(self, kind: RecordKind, name: str, now: float) -> str | None:
        """The payload of a record that has not expired, or None."""
        ensure_name("name of the record", name)
        return await self._call(lambda files: files.records.find(kind, name, now))

    async def list_records(self, kind: RecordKind, now: float, *, after: str, most: int) -> Sequence[StoredRecord]:
        """At most `most` unexpired records behind a name, by name."""
        ensure_page(after, most)
        return await self._call(lambda files: files.records.listed(kind, now, after, most))

    async def drop_record(self, kind: RecordKind, name: str) -> bool:
        """Forget a record and return once that is on the disk; False when there was none."""
        ensure_name("name of the record", name)
        return await self._sync(lambda files: files.records.drop(kind, name))

    async def renew_node(self, node: str, *, joins: bool, lease: float, alone: float, now: float) -> NodeStanding:
        """Renew a node's lease."""
        ensure_node(node)
        return await self._call(lambda files: files.directory.renew(node, joins, lease, alone, now))

    async def drop_node(self, node: str, now: float) -> None:
        """End a node's lease at once."""
        ensure_node(node)
        await self._call(lambda files: files.directory.drop(node))

    async def enter(
        self, node: str, entries: Sequence[Entry], *, most: int | None, now: float, leaving: Sequence[str] = ()
    ) -> Sequence[bool] | None:
        """Enter connections; for each whether there was a place. None when the node's lease has ended."""
        ensure_entries(node, entries)
        ensure_connections(node, leaving)
        self._own_worker()
        found: Sequence[bool] | None = await self._connections.ask(Enter(node, entries, most, now, leaving))
        return found

    async def leave(self, node: str, connections: Sequence[str]) -> None:
        """Forget connections of a node."""
        ensure_connections(node, connections)
        self._own_worker()
        await self._connections.ask(Leave(node, connections))

    async def list_entries(self, *, after: str, most: int, now: float) -> EntryPage:
        """At most `most` entries of living nodes behind a connection, by connection."""
        ensure_page(after, most)
        return await self._call(lambda files: files.directory.page(after, most, now))

    async def list_nodes(self, now: float) -> Sequence[NodeFacts]:
        """Every node whose lease lives, and how many entries it has."""
        return await self._call(lambda files: files.directory.nodes(now))

    def _new_worker(self) -> "Worker[_Files]":
        path = self.path
        return Worker(self.url, lambda: _Files(path))

    async def _do_tickets(self, requests: Sequence[Put | Take], within: float) -> Sequence[Outcome]:
        return await self._call(lambda files: files.tickets.do(requests), within)

    async def _do_connections(self, requests: Sequence[Enter | Leave], within: float) -> Sequence[list[bool] | None]:
        return await self._call(lambda files: files.directory.do(requests), within)

    async def _call(self, work: "Callable[[_Files], T]", within: float | None = None) -> T:
        """Do what only reads, or what may be lost with the machine."""
        within = self._timeouts.store_call if within is None else within
        until = time.monotonic() + within * LOCK_SHARE
        return await self._own_worker().call(lambda files: work(files.until(until)), within)

    async def _sync(self, work: "Callable[[_Files], T]", worker: "Worker[_Files] | None" = None) -> T:
        """Do what must be on the disk. The wait for a lock is bounded as ever; the disk may take longer."""
        lock = self._timeouts.store_call * LOCK_SHARE
        within = self._timeouts.store_call + self._timeouts.store_sync
        worker = worker or self._own_worker()
        return await worker.call(lambda files: work(files.until(time.monotonic() + lock)), within, NotAcknowledged)

    def _own_worker(self) -> "Worker[_Files]":
        if self._worker is None:
            raise self._home.not_open()
        self._home.ensure_here()
        return self._worker


class _Files:
    """Both files, in the thread."""

    def __init__(self, path: Path) -> None:
        self.truth = Truth(SqliteFile(path, TRUTH))
        self.records = Records(self.truth.file)
        self.tickets = Tickets(SqliteFile(path.with_name(f"{path.name}-shortlived"), SHORT_LIVED))
        self.directory = Directory(self.tickets.file)

    def until(self, deadline: float) -> "_Files":
        """These files, waiting for no lock beyond this monotonic second."""
        self.truth.file.deadline = self.tickets.file.deadline = deadline
        return self

    def migrate(self, now: float) -> bool:
        """Make what is absent. Tickets are older than a truth that is new: whom it would have refused, nobody knows."""
        has_made = self.truth.migrate(now)
        if has_made:
            self.tickets.forget()
        return has_made

    def ensure_sound(self) -> None:
        """See that both are ours, and that the truth is there."""
        self.truth.ensure_made()
        self.tickets.ensure_sound()

    def close(self) -> None:
        """Let go of both."""
        self.truth.file.close()
        self.tickets.file.close()
