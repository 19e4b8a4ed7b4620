"""A single-use ticket, as a subprotocol or in the query (R018–R020)."""

from collections.abc import Awaitable
from typing import Final

from ..policy.identity import Identity
from .base import Credential, Desk, RequestView, from_query, from_subprotocol, the_only

PREFIX: Final = "wssec.ticket."


class Ticket:
    """Accept tickets that an authenticated POST to `/wssec/ticket` has given out.

    Args:
        subprotocol: `wssec.ticket.…` beside `wssec.v1`.
        query: `?ticket=…`. On: what a log keeps of it is spent, and would end in 30 s.
    """

    name = "ticket"

    def __init__(self, *, subprotocol: bool = True, query: bool = True) -> None:
        self._subprotocol = subprotocol
        self.query = query

    def find(self, request: RequestView) -> Credential | None:
        """The ticket, wherever it may stand; refused when it stands in two places."""
        found = from_subprotocol(request, PREFIX) if self._subprotocol else []
        if self.query:
            found += from_query(request, "ticket")
        return the_only(found)

    def verify(self, credential: Credential, request: RequestView, desk: Desk) -> Awaitable[Identity]:
        """Who the ticket was given to."""
        return desk.redeem_ticket(credential.value, request)
