"""The server of the trading desk: a feed for everybody, orders that must be signed, states for their account alone.

What may be said stands in `schemas/market.py`. Whatever arrives in a method here is authenticated, validated,
authorised, within its rate and, where it is an order, signed by the key that the token names.
"""

import asyncio
import fcntl
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tornado.web import Application

from examples.pages import page_routes, serve
from schemas import market
from tornado_wssec import BearerToken, Guard, Registry, SecureWebSocketHandler, StoreError, Ticket, on

from . import people
from .book import Book, Order
from .market import Market

HERE: Final = Path(__file__).parent
SEED: Final = 20_260_504
QUOTES_PER_SECOND: Final = 20.0
"""Of each symbol; EXAMPLE_QUOTES sets another number."""


class DeskSocket(SecureWebSocketHandler):
    """The socket of one screen."""

    @property
    def book(self) -> Book:
        """The orders of all."""
        book: Book = self.settings["book"]
        return book

    async def opened(self) -> None:
        """Tell a screen how the orders of its account stand, and from now on what happens to them."""
        account = self.identity.claims.get("account")
        if account is not None:
            await self.subscribe(f"orders:{account}")
            for order in self.book.orders(account):
                await self.send(market.OrderChanged, order.told())

    @on(market.PlaceOrder)
    async def place(self, data: dict[str, Any]) -> dict[str, Any]:
        """Take a signed order; the same one again is answered, and not placed twice."""
        order, is_new = self.book.place(data, now())
        if is_new:
            await tell(self.settings["wssec"], order)
        return {"state": order.state.value, "new": is_new}

    @on(market.CancelOrder)
    async def cancel(self, data: dict[str, Any]) -> dict[str, Any]:
        """Take an order back, if this account has it."""
        order = self.book.cancel(data["account"], data["order"], now())
        if order is None:
            return {"state": "unknown"}
        await tell(self.settings["wssec"], order)
        return {"state": order.state.value}


async def tell(guard: Guard, order: Order) -> None:
    """Tell an account what became of an order; its channel is heard by nobody else."""
    with suppress(StoreError):  # the order stands all the same: the reply says so, and `opened` to who comes back
        await guard.publish(f"orders:{order.account}", market.OrderChanged, order.told())


async def feed(guard: Guard, book: Book, steps_per_second: float) -> None:
    """Move the market, tell its quotes, and fill the orders that wait."""
    due = time.monotonic()
    while True:
        book.market.step()
        with suppress(StoreError):  # it has gone by: the next quote is as good
            for symbol, listing in book.market.listings.items():
                await guard.publish(f"market:{symbol}", market.Quote, {**listing.quote(), "at": now()})
        for order in list(book.match(now())):
            await tell(guard, order)
        due = max(due + 1 / steps_per_second, time.monotonic() - 1)  # what is late by a second is not caught up
        await asyncio.sleep(due - time.monotonic())


def make_app(book: Book | None = None) -> Application:
    """The application and its guard: `wssec check examples.trading.app:make_app` says what they expose."""
    guard = Guard.from_env(registry=Registry.scan("schemas.market"), authenticators=[BearerToken(), Ticket()])
    routes = [("/ws/desk", DeskSocket), *people.routes(), *guard.routes(client=True), *page_routes(HERE / "page")]
    return Application(routes, wssec=guard, book=book or Book(Market(SEED)))


def now() -> datetime:
    """The time, as messages tell it."""
    return datetime.now(UTC)


@contextmanager
def the_only_book() -> Iterator[Book]:
    """The book, as long as no other process keeps one: two would sell the same thing twice."""
    with (Path(os.environ.get("EXAMPLE_DATA", ".")) / "book.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit("another server keeps the book already; the desk runs as one server, without --nodes")
        yield Book(Market(SEED))


if __name__ == "__main__":
    per_second = float(os.environ.get("EXAMPLE_QUOTES", QUOTES_PER_SECOND))
    with the_only_book() as its_book:
        serve(lambda: make_app(its_book), lambda guard: feed(guard, its_book, per_second))
