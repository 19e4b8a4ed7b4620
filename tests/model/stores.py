"""Stores as the nodes have them: by one clock, whatever theirs read, and at the end of a cable that can be cut."""

from collections.abc import Callable, Sequence
from inspect import iscoroutinefunction
from typing import Any

from tornado_wssec.errors import StoreUnavailable
from tornado_wssec.policy.session_directory import Entry, EntryPage, NodeFacts, NodeStanding


class OneClock:
    """A handle on a store whose leases go by the true time.

    Args:
        store: the handle.
        now: the true time, in wall seconds.
    """

    def __init__(self, store: Any, now: Callable[[], float]) -> None:
        self._store = store
        self._now = now

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def renew_node(self, node: str, *, joins: bool, lease: float, alone: float, now: float) -> NodeStanding:
        """By the true time."""
        standing: NodeStanding = await self._store.renew_node(
            node, joins=joins, lease=lease, alone=alone, now=self._now()
        )
        return standing

    async def drop_node(self, node: str, now: float) -> None:
        """By the true time."""
        await self._store.drop_node(node, self._now())

    async def enter(
        self, node: str, entries: Sequence[Entry], *, most: int | None, now: float, leaving: Sequence[str] = ()
    ) -> Sequence[bool] | None:
        """By the true time."""
        found: Sequence[bool] | None = await self._store.enter(
            node, entries, most=most, now=self._now(), leaving=leaving
        )
        return found

    async def list_entries(self, *, after: str, most: int, now: float) -> EntryPage:
        """By the true time."""
        page: EntryPage = await self._store.list_entries(after=after, most=most, now=self._now())
        return page

    async def list_nodes(self, now: float) -> Sequence[NodeFacts]:
        """By the true time."""
        facts: Sequence[NodeFacts] = await self._store.list_nodes(self._now())
        return facts


class Cable:
    """What lies between a node and its store."""

    def __init__(self) -> None:
        self.is_cut = False

    def to(self, store: Any) -> Any:
        """A handle that answers as long as this is whole."""
        return _AtItsEnd(self, store)


class _AtItsEnd:
    def __init__(self, cable: Cable, store: Any) -> None:
        self._cable = cable
        self._store = store

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if name == "close" or not iscoroutinefunction(found):
            return found

        async def ask(*given: Any, **named: Any) -> Any:
            if self._cable.is_cut:
                raise StoreUnavailable("the cable is cut")
            return await found(*given, **named)

        return ask
