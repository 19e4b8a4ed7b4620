"""How many connections listen to each channel at each node; told once a look, under a lease.

For operators, and for whoever publishes: a message to many is paid for as many, wherever they are.
"""

import math
from collections.abc import Mapping
from typing import Final

from .redis_attendance import pairs
from .redis_broker_scripts import COUNT, COUNTS
from .redis_link import RedisLink

COUNTED_AT_ONCE: Final = 1_000


class RedisCensus:
    """The counts of this node, and a look at all.

    Args:
        link: the way to the server.
        tag: what every key begins with.
        node: the name of this one.
        lease: seconds for which what it says is believed.
    """

    def __init__(self, link: RedisLink, tag: str, node: str, lease: float) -> None:
        self._link = link
        self.keys = [f"{tag}:ears", f"{tag}:heard-at:"]
        """Nodes of channels, and what is in front of a node's counts."""
        self._node = node
        self._lease = math.ceil(lease * 1000)
        self._counts: dict[str, int] = {}
        self._told: dict[str, int] = {}
        self._changed: dict[str, None] = {}
        self._elsewhere: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._counts) + len(self._told) + len(self._changed) + len(self._elsewhere)

    def count(self, channel: str, connections: int) -> None:
        """So many listen here now; 0 forgets the channel."""
        self._counts[channel] = connections
        if not connections:
            del self._counts[channel]
        self._changed[channel] = None

    def saw_elsewhere(self, channel: str, connections: int) -> None:
        """So many listen at other nodes; 0 forgets the channel."""
        self._elsewhere[channel] = connections
        if not connections:
            del self._elsewhere[channel]

    def elsewhere(self, channel: str) -> int:
        """Connections at other nodes, as they were seen last."""
        return self._elsewhere.get(channel, 0)

    async def tell(self) -> None:
        """Say what has changed, and that the rest still holds.

        Raises:
            StoreError: it is said the next time.
        """
        is_more = True
        while is_more:
            some = list(self._changed)[:COUNTED_AT_ONCE]
            is_more = len(some) == COUNTED_AT_ONCE
            counts = {channel: self._counts.get(channel, 0) for channel in some}
            news = {channel: count for channel, count in counts.items() if self._told.get(channel, 0) != count}
            words = [word for channel, count in news.items() for word in (channel, count)]
            is_there = await self._link.run(COUNT, [self.keys[1] + self._node], self._lease, *words)
            self._note(counts)
            if not is_there and self._told:  # it has been forgotten
                self._told.clear()
                self._changed.update(dict.fromkeys(self._counts))

    def _note(self, counts: Mapping[str, int]) -> None:
        for channel, count in counts.items():
            self._told[channel] = count
            if not count:
                del self._told[channel]
            if self._counts.get(channel, 0) == count:  # else it has changed meanwhile
                self._changed.pop(channel, None)

    async def read(self) -> Mapping[str, Mapping[str, int]]:
        """Channel → node → connections, of nodes whose leases live.

        Raises:
            StoreError: it cannot be read.
        """
        found: dict[str, dict[str, int]] = {}
        for node, words in await self._link.run(COUNTS, self.keys):
            for channel, count in pairs(words):
                found.setdefault(channel.decode("utf-8", "replace"), {})[node.decode("utf-8", "replace")] = int(count)
        return found
