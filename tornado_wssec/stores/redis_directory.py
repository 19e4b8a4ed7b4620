"""The directory of live connections in Redis.

Rules of this file:
1. Whether there is a place is counted and decided in the script that takes it.
2. Leases end by the server's clock.
3. What is read is checked; what is not ours is StoreCorrupt, and no value of it is told.

Nothing here waits for a replica: what a failover loses is entered again, since the life of the store has changed.
"""

import math
from collections.abc import Sequence
from typing import Any, Final

from ..errors import StoreCorrupt
from ..policy.session_directory import ENTRY_BYTES, Entry, EntryPage, NodeFacts, NodeStanding
from .redis_directory_scripts import DROP, ENTER, LEAVE, NODES, PAGE, RENEW
from .redis_link import Argument, RedisLink
from .redis_scripts import Keys

SWEPT_AT_ONCE: Final = 500
"""Entries of dead nodes removed with each renewal: a few milliseconds of the server."""

VALUE_BYTES: Final = ENTRY_BYTES + 256
"""The entry, its node and the hash of its owner."""

NOBODY: Final = "-"
KEY_NAMES: Final = ("nodes", "live", "live-names", "live-at:", "live-of:", "nodes-alone")
"""Behind the store's tag; a node or the hash of an owner follows a colon."""


class RedisDirectory:
    """Who is connected.

    Args:
        link: the way to the server.
        keys: of the store.
    """

    def __init__(self, link: RedisLink, keys: Keys) -> None:
        self._link = link
        self._keys = [f"{keys.tag}:{name}" for name in KEY_NAMES]

    async def renew(self, node: str, joins: bool, lease: float, alone: float) -> NodeStanding:
        """Renew a node's lease, or make it."""
        spans = (math.ceil(lease * 1000), math.ceil(alone * 1000))
        found = await self._run(RENEW, node, *spans, int(joins), SWEPT_AT_ONCE)
        is_alive, others, is_alone, is_clear, life = found
        return NodeStanding(bool(is_alive), others, bool(is_alone), bool(is_clear), life.decode("ascii", "replace"))

    async def drop(self, node: str) -> None:
        """End a node's lease."""
        await self._run(DROP, node)

    async def enter(
        self, node: str, entries: Sequence[Entry], most: int | None, leaving: Sequence[str]
    ) -> list[bool] | None:
        """Enter connections; None when the node's lease has ended."""
        arguments: list[Argument] = [node, "" if most is None else most, len(leaving), *leaving]
        for entry in entries:
            owner = entry.owner or NOBODY
            arguments += [entry.connection, owner, f"{node} {owner} {entry.to_json()}"]
        found = await self._run(ENTER, *arguments)
        return None if found is None else [bool(one) for one in found]

    async def leave(self, node: str, connections: Sequence[str]) -> None:
        """Forget connections of a node."""
        await self._run(LEAVE, node, *connections)

    async def page(self, after: str, most: int) -> EntryPage:
        """At most `most` entries behind a connection."""
        behind, *values = await self._run(PAGE, after, most, VALUE_BYTES)
        return EntryPage([self._entry(value) for value in values], behind.decode("ascii", "replace"))

    async def nodes(self) -> list[NodeFacts]:
        """Every node whose lease lives."""
        rows = await self._run(NODES)
        return sorted(NodeFacts(name.decode("ascii", "replace"), int(count)) for name, count in rows)

    async def _run(self, script: str, *arguments: Argument) -> Any:
        return await self._link.run(script, self._keys, *arguments)

    def _entry(self, value: bytes) -> Entry:
        try:
            return Entry.from_json(value.decode().split(" ", 2)[2])
        except (ValueError, IndexError):
            fault = "an entry of the session directory is none of ours"
            raise StoreCorrupt(f"{self._link.url}: {fault}; see who wrote it") from None
