"""The directory of live connections in the memory of one process."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..policy.session_directory import Entry, EntryPage, NodeFacts, NodeStanding


@dataclass(slots=True)
class _Lease:
    ends: float
    alone_until: float = 0.0


@dataclass(slots=True)
class MemoryDirectory:
    """What the handles of a memory store share of the directory. A dead node's entries go at the next renewal."""

    leases: dict[str, _Lease] = field(default_factory=dict)
    entries: dict[str, Entry] = field(default_factory=dict)
    owners: dict[str, set[str]] = field(default_factory=dict)

    def renew(self, node: str, joins: bool, lease: float, alone: float, now: float) -> NodeStanding:
        """See `SessionDirectory.renew_node`."""
        self._sweep(now)
        if not joins and node not in self.leases:
            return NodeStanding(is_alive=False)
        own = self.leases.setdefault(node, _Lease(0.0))
        own.ends = now + lease
        others = [other for name, other in self.leases.items() if name != node]
        is_alone = alone > 0 and not others
        if is_alone or alone == 0:
            own.alone_until = now + alone
        is_clear = all(other.alone_until <= now for other in others)
        return NodeStanding(is_alive=True, others=len(others), is_alone=is_alone, is_clear=is_clear)

    def drop(self, node: str, now: float) -> None:
        """See `SessionDirectory.drop_node`."""
        self.leases.pop(node, None)
        self._sweep(now)

    def enter(
        self, node: str, entries: Sequence[Entry], most: int | None, now: float, leaving: Sequence[str]
    ) -> list[bool] | None:
        """See `SessionDirectory.enter`."""
        if not self._lives(node, now):
            return None
        for entry in entries:
            entry.to_json()  # what no other store keeps is not kept here
        self.leave(node, leaving)
        return [self._enter(entry, most, now) for entry in entries]

    def leave(self, node: str, connections: Sequence[str]) -> None:
        """See `SessionDirectory.leave`."""
        for connection in connections:
            entry = self.entries.get(connection)
            if entry is not None and entry.node == node:
                self._forget(entry)

    def page(self, after: str, most: int, now: float) -> EntryPage:
        """See `SessionDirectory.list_entries`."""
        names = sorted(name for name, entry in self.entries.items() if name > after and self._lives(entry.node, now))
        found = names[:most]
        return EntryPage([self.entries[name] for name in found], found[-1] if len(names) > most else "")

    def nodes(self, now: float) -> list[NodeFacts]:
        """See `SessionDirectory.list_nodes`."""
        living = sorted(name for name in self.leases if self._lives(name, now))
        return [NodeFacts(name, sum(entry.node == name for entry in self.entries.values())) for name in living]

    def _enter(self, entry: Entry, most: int | None, now: float) -> bool:
        known, owner = self.entries.get(entry.connection), entry.owner
        if owner and most is not None and (known is None or known.node != entry.node):
            held = sum(self._lives(self.entries[name].node, now) for name in self.owners.get(owner, ()))
            if held >= most:
                return False
        if known is not None:
            self._forget(known)
        self.entries[entry.connection] = entry
        if owner:
            self.owners.setdefault(owner, set()).add(entry.connection)
        return True

    def _forget(self, entry: Entry) -> None:
        del self.entries[entry.connection]
        owner = entry.owner
        if (names := self.owners.get(owner)) is not None:
            names.discard(entry.connection)
            if not names:
                del self.owners[owner]

    def _lives(self, node: str, now: float) -> bool:
        return node in self.leases and now < self.leases[node].ends

    def _sweep(self, now: float) -> None:
        for dead in [name for name in self.leases if not self._lives(name, now)]:
            del self.leases[dead]
        for entry in [entry for entry in self.entries.values() if entry.node not in self.leases]:
            self._forget(entry)
