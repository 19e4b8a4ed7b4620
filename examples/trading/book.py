"""Orders and what becomes of them; one book, in memory, that knows nothing of sockets.

Rules of this file:
1. An order belongs to the account that placed it, and to nobody else: it is found by both.
2. The same order twice is one order. A client whose connection broke may ask again without buying twice.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from schemas.market import Side, State

from .market import TICK, Market

KEPT: Final = 100
"""Orders of an account that are remembered; then the oldest that has ended goes."""
OPEN_MOST: Final = 50


@dataclass(slots=True)
class Order:
    """One order.

    Args:
        paid: quantity times price, over all that was filled.
        at: when something last happened to it.
    """

    id: UUID
    account: str
    symbol: str
    side: Side
    quantity: int
    limit: Decimal | None
    at: datetime
    state: State = State.OPEN
    filled: int = 0
    paid: Decimal = Decimal(0)

    def told(self) -> dict[str, Any]:
        """As `order.changed` tells it."""
        return {
            "order": self.id,
            "account": self.account,
            "symbol": self.symbol,
            "side": self.side,
            "quantity": self.quantity,
            "limit": self.limit,
            "state": self.state,
            "filled": self.filled,
            "average": (self.paid / self.filled).quantize(TICK / 100) if self.filled else None,
            "at": self.at,
        }


class Book:
    """The orders of all accounts.

    Args:
        market: what they trade against.
    """

    def __init__(self, market: Market) -> None:
        self.market = market
        self._orders: dict[str, dict[UUID, Order]] = {}
        self._held: dict[tuple[str, str], int] = {}

    def orders(self, account: str) -> list[Order]:
        """What this account has placed, the oldest first."""
        return list(self._orders.get(account, {}).values())

    def place(self, wanted: dict[str, Any], now: datetime) -> tuple[Order, bool]:
        """Take an order, and fill what can be filled; False when it was known already, and nothing has happened."""
        mine = self._orders.setdefault(wanted["account"], {})
        if wanted["order"] in mine:
            return mine[wanted["order"]], False
        _forget_one(mine)
        what = {name: wanted[name] for name in ("account", "symbol", "side", "quantity", "limit")}
        order = Order(id=wanted["order"], at=now, **what)
        mine[order.id] = order
        if self._is_acceptable(order, wanted):
            self._fill(order, now)
            if order.state is State.OPEN and (wanted["time_in_force"] in ("ioc", "fok") or order.limit is None):
                order.state = State.CANCELLED  # what was not filled at once is not waited for
        else:
            order.state = State.REFUSED
        return order, True

    def cancel(self, account: str, id: UUID, now: datetime) -> Order | None:
        """Take an order back, unless it has ended; None where this account has no such order."""
        order = self._orders.get(account, {}).get(id)
        if order is not None and order.state is State.OPEN:
            order.state, order.at = State.CANCELLED, now
        return order

    def match(self, now: datetime) -> Iterator[Order]:
        """Fill what waits and can be filled now; gives each order to which something has happened."""
        for orders in self._orders.values():
            for order in orders.values():
                if order.state is State.OPEN and self._fill(order, now):
                    yield order

    def _is_acceptable(self, order: Order, wanted: dict[str, Any]) -> bool:
        listing = self.market.listings.get(order.symbol)
        if listing is None or sum(each.state is State.OPEN for each in self.orders(order.account)) > OPEN_MOST:
            return False
        buys = order.side is Side.BUY
        if wanted["reduce_only"] and order.quantity > (-1 if buys else 1) * self._held.get(_lot(order), 0):
            return False
        at_once = listing.available(buys=buys, limit=order.limit)
        return wanted["time_in_force"] != "fok" or at_once >= order.quantity

    def _fill(self, order: Order, now: datetime) -> bool:
        buys = order.side is Side.BUY
        listing = self.market.listings[order.symbol]
        taken = listing.take(order.quantity - order.filled, buys=buys, limit=order.limit)
        for quantity, price in taken:
            order.filled += quantity
            order.paid += quantity * price
            self._held[_lot(order)] = self._held.get(_lot(order), 0) + (quantity if buys else -quantity)
        if taken:
            order.at = now
        if order.filled == order.quantity:
            order.state = State.FILLED
        return bool(taken)


def _lot(order: Order) -> tuple[str, str]:
    return order.account, order.symbol


def _forget_one(orders: dict[UUID, Order]) -> None:
    if len(orders) >= KEPT:
        ended = next((id for id, order in orders.items() if order.state is not State.OPEN), None)
        if ended is not None:
            del orders[ended]
