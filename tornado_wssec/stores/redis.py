"""The store for several machines: Redis 6.2 or later, or Valkey.

Rules of this file:
1. Nobody waits longer than the budget, whatever the server does.
2. A server never makes the generation; `migrate` does, when an operator says so. One that was
   flushed, or is the wrong one, has none, and admits nobody.
3. An append has returned only when somebody besides the primary has it; else it is NotAcknowledged.
"""

import logging
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from ..errors import StoreCorrupt, StoreMissing, StoreUnavailable
from ..policy.credential_records import RecordKind, StoredRecord
from ..policy.revocation_entries import Body, LogEntry, ensure_name, ensure_storable
from ..policy.session_directory import Entry, EntryPage, NodeFacts, NodeStanding
from ..settings import Timeouts
from .base import Generation
from .bounds import (
    DOCUMENT_BYTES,
    ensure_connections,
    ensure_document,
    ensure_entries,
    ensure_node,
    ensure_page,
    ensure_record,
    ensure_ticket,
)
from .home import Home
from .redis_directory import RedisDirectory
from .redis_link import RedisLink
from .redis_log import RedisLog
from .redis_records import RedisRecords
from .redis_scripts import GENERATION, MAKE, PUBLISH, READ_TEXT, Keys
from .redis_standing import ServerStanding
from .redis_tickets import RedisTickets
from .redis_url import RedisPlace
from .redis_writer import Writer

logger = logging.getLogger(__name__)

GENERATION_BYTES: Final = 64
_GENERATION: Final = re.compile(r"([0-9a-f]{32}) ([0-9]{1,12})").fullmatch


class RedisStore:
    """Truth and tickets in one Redis server, or in what stands for one.

    Args:
        place: where it is; see `redis_url.parse_redis_url`.
        timeouts: `store_call` bounds each call, `store_sync` the wait for an acknowledgement.
    """

    def __init__(self, place: RedisPlace, *, timeouts: Timeouts | None = None) -> None:
        self.place = place
        self.url = place.url
        self._timeouts = timeouts or Timeouts()
        self._keys = Keys.of(place.prefix)
        self._home = Home(self.url)
        self._parts: _Parts | None = None

    async def open(self) -> None:
        """Connect, and see that the generation is there. Creates nothing."""
        if self._parts is not None:
            self._home.ensure_here()
            return
        self._parts = self._new_parts()
        self._home.move_in()
        try:
            await self._look_around()
        except StoreUnavailable:
            raise  # it stays open, and the next call tries again
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Let go of every connection."""
        if self._parts is None:
            return
        self._home.ensure_here()
        parts, self._parts = self._parts, None
        self._home.move_out()
        await parts.link.close()

    async def migrate(self, now: float) -> bool:
        """Make the generation where absent."""
        parts = self._new_parts()
        try:
            # A whole second, as `iat` is: a token made right after this must not count as made before.
            new = f"{secrets.token_hex(16)} {int(now)}"
            made = await parts.writer.write(MAKE, [*self._keys.of_generation, self._keys.changes], new)
            await self._read_generation(parts)  # what was there may be none of ours
            return bool(made)
        finally:
            await parts.link.close()

    async def generation(self) -> Generation | None:
        """The generation, or None where there is none."""
        return await self._read_generation(self._own())

    async def publish_keys(self, document: str) -> None:
        """Replace the published key document."""
        ensure_document(document)
        await self._own().writer.write(PUBLISH, [self._keys.published, self._keys.changes], document)

    async def published_keys(self) -> str | None:
        """The published key document, or None."""
        return await self._read_text(self._own(), self._keys.published, DOCUMENT_BYTES)

    async def append(self, body: Body) -> LogEntry:
        """Add one entry to the log, and return once a replica or a live server has it."""
        ensure_storable(body)
        return await self._own().log.append(body)

    async def read_after(self, cursor: str | None, limit: int) -> Sequence[LogEntry]:
        """At most `limit` entries after the cursor, in order."""
        return await self._own().log.read_after(cursor, limit)

    async def prune(self, now: float, limit: int, *, notices: bool = False) -> int:
        """Delete at most `limit` entries that have ended."""
        return await self._own().log.prune(now, limit, notices)

    async def log_life(self) -> str:
        """The life of the log: of this server, since it was started or became the primary."""
        return await self._own().log.life()

    async def change_mark(self) -> str:
        """A mark that differs once the log or the keys have changed."""
        return await self._own().log.change_mark()

    async def wait_for_change(self, mark: str, timeout: float) -> str:  # noqa: ASYNC109 -- it is no error to reach it
        """The new mark within milliseconds of a change, or the same after `timeout` seconds.

        Whoever waits counts as a live server: what it has read, it has applied.
        """
        return await self._own().log.wait_for_change(mark, timeout)

    async def put_ticket(
        self, digest: str, *, owner: str, payload: str, expires_at: float, most: int, now: float
    ) -> bool:
        """Keep a ticket; False when the owner has as many as allowed."""
        ensure_ticket(digest, owner, payload)
        return await self._own().tickets.put(digest, owner, payload, expires_at, most, now)

    async def take_ticket(self, digest: str, now: float) -> str | None:
        """Remove a ticket and return its payload, to exactly one of any racers."""
        ensure_ticket(digest)
        return await self._own().tickets.take(digest, now)

    async def put_record(
        self, kind: RecordKind, name: str, payload: str, *, expires_at: float | None, now: float
    ) -> bool:
        """Keep a record; False when the name is taken."""
        ensure_record(name, payload, expires_at)
        return await self._own().records.put(kind, name, payload, expires_at, now)

    async def find_record(self, kind: RecordKind, name: str, now: float) -> str | None:
        """The payload of a record that has not expired, or None."""
        ensure_name("name of the record", name)
        return await self._own().records.find(kind, name, now)

    async def list_records(self, kind: RecordKind, now: float, *, after: str, most: int) -> Sequence[StoredRecord]:
        """At most `most` unexpired records behind a name, by name."""
        ensure_page(after, most)
        return await self._own().records.list(kind, now, after, most)

    async def drop_record(self, kind: RecordKind, name: str) -> bool:
        """Forget a record; False when there was none."""
        ensure_name("name of the record", name)
        return await self._own().records.drop(kind, name)

    async def renew_node(self, node: str, *, joins: bool, lease: float, alone: float, now: float) -> NodeStanding:
        """Renew a node's lease, by the server's clock."""
        ensure_node(node)
        return await self._own().directory.renew(node, joins, lease, alone)

    async def drop_node(self, node: str, now: float) -> None:
        """End a node's lease at once."""
        ensure_node(node)
        await self._own().directory.drop(node)

    async def enter(
        self, node: str, entries: Sequence[Entry], *, most: int | None, now: float, leaving: Sequence[str] = ()
    ) -> Sequence[bool] | None:
        """Enter connections; for each whether there was a place. None when the node's lease has ended."""
        ensure_entries(node, entries)
        ensure_connections(node, leaving)
        return await self._own().directory.enter(node, entries, most, leaving)

    async def leave(self, node: str, connections: Sequence[str]) -> None:
        """Forget connections of a node."""
        ensure_connections(node, connections)
        await self._own().directory.leave(node, connections)

    async def list_entries(self, *, after: str, most: int, now: float) -> EntryPage:
        """At most `most` entries of living nodes behind a connection, by connection."""
        ensure_page(after, most)
        return await self._own().directory.page(after, most)

    async def list_nodes(self, now: float) -> Sequence[NodeFacts]:
        """Every node whose lease lives, and how many entries it has."""
        return await self._own().directory.nodes()

    async def standing(self) -> ServerStanding:
        """What the server says of itself."""
        return ServerStanding.of(await self._own().link.call(lambda client: client.info()))

    async def _look_around(self) -> None:
        if await self._read_generation(self._own()) is None:
            raise StoreMissing(f"{self.url} holds no generation; run `wssec init` or `wssec store migrate`")
        standing = await self.standing()
        if standing.may_evict:
            remedy = "set it to noeviction, or revocations may be forgotten when memory is short"
            logger.warning("%s has the maxmemory-policy %s; %s", self.url, standing.policy, remedy)

    async def _read_generation(self, parts: "_Parts") -> Generation | None:
        answer: Any = await parts.link.run(GENERATION, self._keys.of_generation, GENERATION_BYTES)
        if answer is None:
            return None
        text, is_whole = answer
        found = _GENERATION(text.decode("ascii", "replace"))
        if found is None:
            fault = f"{self._keys.generation} is none of ours"
            raise StoreCorrupt(f"{self.url}: {fault}; another application uses this prefix, take another one")
        return Generation(found[1], float(found[2]), is_whole=bool(is_whole))

    async def _read_text(self, parts: "_Parts", key: str, most: int) -> str | None:
        value: Any = await parts.link.run(READ_TEXT, [key], most)
        try:
            return None if value is None else str(value, "utf-8")
        except UnicodeDecodeError:
            raise StoreCorrupt(f"{self.url}: {key} is no text of ours; see who wrote it") from None

    def _new_parts(self) -> "_Parts":
        link = RedisLink(self.place, self._timeouts.store_call)
        writer = Writer(link, self._keys, self._timeouts.store_sync)
        return _Parts(
            link=link,
            writer=writer,
            log=RedisLog(link, self._keys, writer),
            tickets=RedisTickets(link, self._keys),
            records=RedisRecords(link, self._keys, writer),
            directory=RedisDirectory(link, self._keys),
        )

    def _own(self) -> "_Parts":
        if self._parts is None:
            raise self._home.not_open()
        self._home.ensure_here()
        return self._parts


@dataclass(frozen=True, slots=True)
class _Parts:
    """What an open store is made of."""

    link: RedisLink
    writer: Writer
    log: RedisLog
    tickets: RedisTickets
    records: RedisRecords
    directory: RedisDirectory
