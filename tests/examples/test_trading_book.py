"""The book of the trading desk: what becomes of an order, and that it becomes so once."""

import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from examples.trading.book import KEPT, OPEN_MOST, Book
from examples.trading.market import LISTED, Market
from schemas.market import Side, State

NOW = datetime(2026, 5, 4, 9, 41, tzinfo=UTC)
PLENTY = 1_000_000


def order(**changes: Any) -> dict[str, Any]:
    """What arrives of one that is filled at once."""
    what = {"order": uuid.uuid4(), "account": "1001", "symbol": "nrdw", "side": Side.BUY, "quantity": 5, "limit": None}
    return {**what, "time_in_force": "day", "reduce_only": False, **changes}


def test_market_comes_again_from_its_seed() -> None:
    """The same steps give the same prices; another seed gives others."""
    markets = [Market(7), Market(7), Market(8)]
    for market in markets:
        market.step()
    quotes = [[listing.quote() for listing in market.listings.values()] for market in markets]

    assert quotes[0] == quotes[1] != quotes[2]
    assert [listed.symbol for listed in LISTED] == [quote["symbol"] for quote in quotes[0]]
    assert all(quote["bid"] < quote["ask"] for quote in quotes[0])


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, State.FILLED),
        ({"quantity": PLENTY}, State.CANCELLED),
        ({"limit": Decimal("1.00")}, State.OPEN),
        ({"limit": Decimal("1.00"), "time_in_force": "ioc"}, State.CANCELLED),
        ({"limit": Decimal(1_000), "quantity": PLENTY, "time_in_force": "fok"}, State.REFUSED),
        ({"limit": Decimal(1_000), "quantity": PLENTY, "time_in_force": "gtc"}, State.OPEN),
        ({"symbol": "none"}, State.REFUSED),
        ({"reduce_only": True}, State.REFUSED),
    ],
)
def test_book_places_an_order(changes: dict[str, Any], state: State) -> None:
    """It is filled as far as it can be; what is left waits only where it may."""
    wanted = order(**changes)

    placed, is_new = Book(Market(1)).place(wanted, NOW)

    assert (state, True) == (placed.state, is_new)
    assert (placed.filled == wanted["quantity"]) == (state is State.FILLED)


def test_book_places_the_same_order_once() -> None:
    """Asked again, with another quantity, too, it tells what it knows; accounts name their orders for themselves."""
    book = Book(Market(1))
    wanted = order()
    first, _ = book.place(wanted, NOW)

    assert (first, False) == book.place({**wanted, "quantity": 9}, NOW)
    assert book.place({**wanted, "account": "2002"}, NOW)[1]
    assert [5] == [each.quantity for each in book.orders("1001")]


def test_book_fills_what_waits_when_the_price_comes() -> None:
    """Above the best offer nothing waits for long; each filling is told once."""
    book = Book(Market(1))
    ask = book.market.listings["nrdw"].asks[-1].price
    placed, _ = book.place(order(limit=ask, quantity=5_000, time_in_force="gtc"), NOW)
    later = NOW + timedelta(seconds=1)
    told = 0
    for _ in range(400):
        book.market.step()
        told += len(list(book.match(later)))

    assert (State.FILLED, 5_000, later) == (placed.state, placed.filled, placed.at)
    assert told > 0
    assert placed.told()["average"] <= ask


def test_book_takes_back_for_the_account_alone() -> None:
    """Somebody else's order is unknown, and one that has ended stays as it ended."""
    book = Book(Market(1))
    waits, _ = book.place(order(limit=Decimal(1)), NOW)
    filled, _ = book.place(order(), NOW)

    assert None is book.cancel("2002", waits.id, NOW)
    assert [State.CANCELLED, State.FILLED] == [
        book.cancel("1001", each.id, NOW).state  # type: ignore[union-attr]  # both are known
        for each in (waits, filled)
    ]


def test_book_reduces_no_further_than_to_nothing() -> None:
    """Who holds five sells five, and not six."""
    book = Book(Market(1))
    book.place(order(), NOW)
    sales = [order(side=Side.SELL, quantity=quantity, reduce_only=True) for quantity in (6, 5, 1)]

    assert [State.REFUSED, State.FILLED, State.REFUSED] == [book.place(sale, NOW)[0].state for sale in sales]


def test_book_is_bounded() -> None:
    """So many orders wait, and so many are remembered, of each account."""
    book = Book(Market(1))
    states = [book.place(order(limit=Decimal(1)), NOW)[0].state for _ in range(OPEN_MOST + 1)]
    for _ in range(2 * KEPT):
        book.place(order(quantity=1), NOW)

    assert [*[State.OPEN] * OPEN_MOST, State.REFUSED] == states
    assert KEPT == len(book.orders("1001"))
    assert OPEN_MOST == sum(each.state is State.OPEN for each in book.orders("1001"))
