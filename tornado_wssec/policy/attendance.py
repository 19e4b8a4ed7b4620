"""Who is here: the connections of this node in channels that tell who is there, and what others must hear of it."""

from collections import Counter
from collections.abc import Iterator

from .broker import Present

Seat = tuple[str, Present]
"""Somebody in a channel."""


class Attendance:
    """Counts connections, and knows who has come first and who has left last."""

    __slots__ = ("_seats",)

    def __init__(self) -> None:
        self._seats: dict[str, Counter[Present]] = {}

    def enter(self, channel: str, who: Present) -> bool:
        """One more connection; whether it is the first of this identity."""
        seats = self._seats.setdefault(channel, Counter())
        seats[who] += 1
        return seats[who] == 1

    def leave(self, channel: str, who: Present) -> bool:
        """One connection less; whether it was the last of this identity. Of nobody: nothing."""
        seats = self._seats.get(channel)
        if seats is None or who not in seats:
            return False
        seats[who] -= 1
        if seats[who]:
            return False
        del seats[who]
        if not seats:
            del self._seats[channel]
        return True

    def holds(self, seat: Seat) -> bool:
        """Whether somebody is in a channel."""
        channel, who = seat
        return who in self._seats.get(channel, ())

    def present(self, channel: str) -> list[Present]:
        """Who is in a channel, by subject."""
        return sorted(self._seats.get(channel, ()), key=order_of)

    def __iter__(self) -> Iterator[Seat]:
        for channel, seats in self._seats.items():
            for who in seats:
                yield channel, who


def order_of(who: Present) -> tuple[str, str]:
    """By which they are listed."""
    return who.subject, who.issuer or ""
