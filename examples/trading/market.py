"""A market that is made up: prices walk at random, from a seed, and never look at a clock.

What it says of a symbol is what `market.quote` carries, but for the time.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

TICK: Final = Decimal("0.01")
LEVELS: Final = 5
"""Prices that are shown on either side."""
REVERSION: Final = 0.002
"""How much of its distance from where it began a price loses at each step, so that none runs away for good."""


@dataclass(frozen=True, slots=True)
class Listed:
    """Something that is traded here.

    Args:
        symbol: as on the wire.
        name: for people.
        opened_at: the price with which it begins, in ticks.
        restless: ticks that a step moves it, as a rule.
    """

    symbol: str
    name: str
    opened_at: int
    restless: float


LISTED: Final = (
    Listed("nrdw", "Nordwind Energy", 18_420, 3.0),
    Listed("heli", "Helios Materials", 6_235, 1.4),
    Listed("kstl", "Kestrel Systems", 41_180, 6.0),
    Listed("atls", "Atlas Freight", 2_710, 0.8),
    Listed("umbr", "Umbra Foods", 9_955, 1.6),
    Listed("vega", "Vega Optics", 13_302, 2.6),
)


@dataclass(slots=True)
class Level:
    """What is offered at one price."""

    price: Decimal
    quantity: int


class Listing:
    """The state of one symbol."""

    def __init__(self, listed: Listed, dice: random.Random) -> None:
        self.listed = listed
        self.bids: list[Level] = []
        self.asks: list[Level] = []
        self._dice = dice
        self._middle = float(listed.opened_at)
        self.step()

    def step(self) -> None:
        """Let a twentieth of a second pass."""
        pull = (self.listed.opened_at - self._middle) * REVERSION
        self._middle = max(self._middle + self._dice.gauss(pull, self.listed.restless), 2.0 * LEVELS)
        half = self._dice.choice((1, 1, 1, 2, 2, 3))
        self.bids = [self._level(round(self._middle) - half - below) for below in range(LEVELS)]
        self.asks = [self._level(round(self._middle) + half + above) for above in range(LEVELS)]

    def quote(self) -> dict[str, Any]:
        """What is offered now."""
        return {
            "symbol": self.listed.symbol,
            "bid": self.bids[0].price if self.bids else None,
            "ask": self.asks[0].price if self.asks else None,
            "bids": [{"price": level.price, "quantity": level.quantity} for level in self.bids],
            "asks": [{"price": level.price, "quantity": level.quantity} for level in self.asks],
        }

    def take(self, wanted: int, *, buys: bool, limit: Decimal | None) -> list[tuple[int, Decimal]]:
        """Trade against what is offered; returns (quantity, price) of each price that was met, the best one first."""
        side = self.asks if buys else self.bids
        taken = []
        while side and wanted and _meets(side[0].price, limit, buys=buys):
            quantity = min(wanted, side[0].quantity)
            taken.append((quantity, side[0].price))
            wanted -= quantity
            side[0].quantity -= quantity
            if not side[0].quantity:
                side.pop(0)
        return taken

    def available(self, *, buys: bool, limit: Decimal | None) -> int:
        """How much could be traded now."""
        side = self.asks if buys else self.bids
        return sum(level.quantity for level in side if _meets(level.price, limit, buys=buys))

    def _level(self, ticks: int) -> Level:
        return Level(ticks * TICK, 10 * self._dice.randint(1, 60))


class Market:
    """All symbols. The same seed and the same calls give the same prices.

    Args:
        seed: of the dice.
        listed: what is traded.
    """

    def __init__(self, seed: int, listed: Sequence[Listed] = LISTED) -> None:
        dice = random.Random(seed)  # noqa: S311 -- prices are no secrets, and must come again
        self.listings = {each.symbol: Listing(each, dice) for each in listed}

    def step(self) -> None:
        """Let a twentieth of a second pass for all."""
        for listing in self.listings.values():
            listing.step()


def _meets(price: Decimal, limit: Decimal | None, *, buys: bool) -> bool:
    return limit is None or (price <= limit if buys else price >= limit)
