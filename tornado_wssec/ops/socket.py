"""The page's own socket: secured as every other, with messages of its own."""

from collections.abc import Mapping
from typing import Any, ClassVar

from ..endpoint import on
from ..handler import SecureWebSocketHandler
from . import listing, picture, terms
from .actions import Actions
from .observer import Observer

Data = Mapping[str, Any]


class OperationsSocket(SecureWebSocketHandler):
    """Answers what the page asks, every few seconds, while somebody looks at it. It sends nothing by itself.

    Attributes:
        observer: of the guard that is shown; each guard has a class of its own.
    """

    requires = terms.READ
    declares = terms.DECLARED
    observer: ClassVar[Observer]
    actions: Actions

    def opened(self) -> None:
        """Remember who acts."""
        self.actions = Actions(self.observer, self._open_talk().live)

    @on(terms.Overview)
    def tell_overview(self, data: Data) -> Data:
        """How the process is."""
        return picture.overview(self.observer, data["since"])

    @on(terms.Connections)
    async def list_connections(self, data: Data) -> Data:
        """A page of connections."""
        guard, search, page = self.observer.guard, data["search"], data["page"]
        if data["scope"] == "here":
            return listing.page_of_here(guard, search, page)
        return await listing.page_of_all(guard, search, page)

    @on(terms.Connection)
    def tell_connection(self, data: Data) -> Data:
        """One connection; that it is gone, or on another node, is no mistake of the page's."""
        return listing.details(self.observer.guard, data["connection"]) or {"is_gone": True}

    @on(terms.Trust)
    async def tell_trust(self, data: Data) -> Data:
        """Keys, revocations, nodes and the store."""
        return await picture.trust(self.observer)

    @on(terms.AuditTail)
    def tell_audit(self, data: Data) -> Data:
        """The newest lines of the audit."""
        seq, lines = self.observer.lines_after(data["after"])
        return {"seq": seq, "lines": lines}

    @on(terms.Spread)
    async def tell_spread(self, data: Data) -> Data:
        """How far the last action has come."""
        return await self.observer.spread.found()

    @on(terms.Propose)
    def propose(self, data: Data) -> Data:
        """What an action would do."""
        return self.actions.propose(data)

    @on(terms.Confirm)
    async def carry_out(self, data: Data) -> Data:
        """Do it."""
        return await self.actions.carry_out(data["confirm"], data.get("reason") or "")
