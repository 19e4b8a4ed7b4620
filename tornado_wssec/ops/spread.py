"""How long an action takes until every node has done it, as the directory of live connections shows it.

Nothing tells a node what another has read. What can be seen is that connections are gone: their entries leave the
directory, in batches, so that what is measured is an upper bound of the lag.
"""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any, Final

from ..policy.session_directory import Entry

if TYPE_CHECKING:
    from ..guard import Guard

PAGE: Final = 1_000
READ_MOST: Final = 20_000
"""Entries that are looked through; about a second of a store on another machine."""
LOOK_SECONDS: Final = 0.25
PATIENCE_SECONDS: Final = 30.0
"""After which nobody waits any more for those that are still there."""


async def entries_of(guard: "Guard") -> AsyncIterator[Entry]:
    """The entries of the directory, at most `READ_MOST`; StoreError."""
    after, read = "", 0
    while read < READ_MOST:
        entries, after = await guard.watcher.store.list_entries(after=after, most=PAGE, now=guard.clock.wall())
        for entry in entries:
            yield entry
        read += len(entries)
        if not after:
            return


class Spread:
    """The last action of this process on its way to all nodes.

    Args:
        guard: whose store is asked.
    """

    def __init__(self, guard: "Guard") -> None:
        self._guard = guard
        self._about = ""
        self._connections: dict[str, str] = {}  # connection → its node, as long as it is there
        self._meant: Counter[str] = Counter()
        self._took: dict[str, float] = {}
        self._began_at = self._look_at = guard.clock.monotonic()

    async def aim(self, about: str, means: Callable[[Entry], bool]) -> None:
        """Note who is meant, right before an action; StoreError.

        Args:
            about: what is done to whom, for people.
            means: tells the entries of those that will be gone.
        """
        self._about, self._connections, self._took, self._meant = about, {}, {}, Counter()
        found = {entry.connection: entry.node async for entry in entries_of(self._guard) if means(entry)}
        self._connections, self._meant = found, Counter(found.values())
        self._began_at = self._guard.clock.monotonic()
        self._look_at = self._began_at + LOOK_SECONDS

    async def found(self) -> dict[str, Any]:
        """Each node, how many of those who were meant are still there, and how long it took; StoreError."""
        now = self._guard.clock.monotonic()
        if self._connections and self._look_at <= now < self._began_at + PATIENCE_SECONDS:
            self._look_at = now + LOOK_SECONDS
            there = {entry.connection async for entry in entries_of(self._guard)}
            self._connections = {name: node for name, node in self._connections.items() if name in there}
        left = Counter(self._connections.values())
        for node in self._meant:
            if not left[node]:
                self._took.setdefault(node, self._guard.clock.monotonic() - self._began_at)
        nodes = [
            {"node": node, "meant": meant, "left": left[node], "seconds": self._took.get(node)}
            for node, meant in sorted(self._meant.items())
        ]
        return {"about": self._about, "nodes": nodes}
