"""Who is in the channels of all nodes, kept in Redis under leases.

Rules of this file:
1. What this node says of its own connections is the truth about them; whatever Redis has forgotten is said again.
2. A node that was killed is cleared away by another when its connections and its renewals have ended, or its lease has;
   each who has left is told of once.
"""

import json
import math
from collections.abc import Callable, Iterable
from typing import Any, Final

from ..errors import StoreCorrupt
from ..policy.attendance import Attendance, Seat, order_of
from ..policy.broker import Present
from .redis_broker_scripts import DROP_EAR, RENEW_EAR, SEATS_AT, TAKE_SEATS, WHO_SITS
from .redis_link import RedisLink

SEATS_AT_ONCE: Final = 500
RENEWAL_SECONDS: Final = 0.2
LATE_SECONDS: Final = 0.4
"""Without a renewal, and without a connection that hears: then a node was killed. Two renewals have failed to come."""

SIGN: Final = "ear:"
"""Behind the tag, in front of a node: what it hears, and nothing is said in but to count who does."""

Moved = Callable[[str, Present, bool], None]


class RedisAttendance:
    """The part of it that this node has, and questions about the whole.

    Args:
        link: the way to the server.
        tag: what every key begins with.
        node: the name of this one.
        lease: seconds for which what it says is believed.
        moved: is told who has come or gone, where this node is the one to tell.
    """

    def __init__(self, link: RedisLink, tag: str, node: str, lease: float, moved: Moved) -> None:
        self._link = link
        self._keys = [f"{tag}:{name}" for name in ("ears", "here:", "here-at:", "heard-at:")]
        self._signs = f"{tag}:{SIGN}"
        self._node = node
        self._lease = math.ceil(lease * 1000)
        self._moved = moved
        self._own = Attendance()
        self._changed: dict[Seat, None] = {}
        self._written: set[Seat] = set()

    @property
    def is_behind(self) -> bool:
        """Whether something has not been written yet."""
        return bool(self._changed)

    def enter(self, channel: str, who: Present) -> bool:
        """One more connection; whether there is something to write."""
        if self._own.enter(channel, who):
            self._changed[channel, who] = None
        return self.is_behind

    def leave(self, channel: str, who: Present) -> bool:
        """One connection less; whether there is something to write."""
        if self._own.leave(channel, who):
            self._changed[channel, who] = None
        return self.is_behind

    async def write(self) -> None:
        """Say what has changed.

        Raises:
            StoreError: it is said the next time.
        """
        while self._changed:
            some = list(self._changed)[:SEATS_AT_ONCE]
            said = [(seat, self._own.holds(seat)) for seat in some]
            words = [word for seat, is_here in said for word in (int(is_here), text_of(seat))]
            moved = await self._link.run(TAKE_SEATS, self._keys, self._node, *words)
            if moved is None:
                return  # the lease has ended: `renew` says everything again
            for (seat, is_here), is_news in zip(said, moved, strict=True):
                self._note(seat, is_here)
                if is_news:
                    self._moved(*seat, is_here)

    def _note(self, seat: Seat, is_here: bool) -> None:
        (self._written.add if is_here else self._written.discard)(seat)
        if self._own.holds(seat) == is_here:  # else it has changed meanwhile
            self._changed.pop(seat, None)

    @property
    def sign_of_life(self) -> str:
        """The channel of the server that this node hears for as long as it is connected."""
        return self._signs + self._node

    async def renew(self, *, judges: bool) -> None:
        """Renew the lease, and clear away the seats of nodes that were killed.

        Args:
            judges: whether a node may be known for dead by its connections; else by its lease alone, as after an
                outage, from which some come back sooner than others.

        Raises:
            StoreError: it could not be done.
        """
        late = math.ceil(LATE_SECONDS * 1000) if judges else 0
        words = (self._node, self._lease, SEATS_AT_ONCE, late, self._signs)
        was_alive, seats, gone = await self._link.run(RENEW_EAR, self._keys, *words)
        for one in gone:
            self._moved(*self._seat(one), False)
        if not was_alive or seats != len(self._written):
            await self._compare()

    async def _compare(self) -> None:
        """Have everything said again that Redis has otherwise than we do."""
        known = {self._seat(one) for one in await self._link.run(SEATS_AT, self._keys, self._node)}
        own = set(self._own)
        self._written = known
        self._changed.update(dict.fromkeys(known ^ own))

    async def end(self) -> None:
        """Say goodbye.

        Raises:
            StoreError: others notice when the lease has ended.
        """
        await self._link.run(DROP_EAR, self._keys, self._node)

    async def present(self, channel: str) -> list[Present]:
        """Who is in a channel, on nodes whose leases live."""
        found = await self._link.run(WHO_SITS, self._keys, channel)
        return sorted((self._who(one) for one in found), key=order_of)

    def _seat(self, text: bytes) -> Seat:
        channel, _, who = text.partition(b" ")
        return channel.decode("utf-8", "replace"), self._who(who)

    def _who(self, text: bytes) -> Present:
        try:
            found: Any = json.loads(text)
            subject, issuer = found
            if type(subject) is str and (issuer is None or type(issuer) is str):
                return Present(subject, issuer)
        except (ValueError, TypeError):
            pass
        fault = "a seat in a channel is none of ours"
        raise StoreCorrupt(f"{self._link.url}: {fault}; see who wrote it")


def text_of(seat: Seat) -> str:
    """A seat as Redis has it: what cannot be in a name of a channel parts the two."""
    channel, who = seat
    return f"{channel} {json.dumps(list(who), separators=(',', ':'))}"


def pairs(words: Iterable[bytes]) -> Iterable[tuple[bytes, bytes]]:
    """What a hash is answered with, two by two."""
    found = iter(words)
    return zip(found, found, strict=True)
