"""What a client listens to, and what it has heard and nobody has fetched yet."""

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import Any, Final

from .states import Event, Refused, State

GAP: Final = "wssec.gap"
UNSUBSCRIBED: Final = "wssec.unsubscribed"
PASSING: Final = frozenset({"rate_limited", "unavailable", "timeout", "no_answer", "queue_full"})
"""Refusals of a subscription that may be asked for again."""


class Subscription:
    """One channel that is listened to.

    Args:
        since: the `seq` behind which to begin; None: from now on.
    """

    def __init__(self, since: int | None) -> None:
        self.seq = since
        self.is_known = False
        self.agreed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def begin(self, seq: int | None) -> bool:
        """The server has agreed. Returns whether something may have been missed that nothing tells of."""
        was_silent = self.is_known and self.seq is None
        if self.seq is None:
            self.seq = seq
        self.is_known = True
        if not self.agreed.done():
            self.agreed.set_result(None)
        return was_silent

    def end(self, refusal: Refused) -> None:
        """The server has refused."""
        if not self.agreed.done():
            self.agreed.set_exception(refusal)
            self.agreed.exception()  # who does not wait for it is told by an event


class Heard:
    """Events in their order, up to so many; of what finds no room a gap is told instead.

    Args:
        most: events.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._events: deque[Event] = deque()
        self._missed: dict[str | None, None] = {}
        self._changed = asyncio.Event()
        self._end: State | None = None

    def put(self, event: Event) -> None:
        """Keep an event for whoever fetches it."""
        if len(self._events) >= self._most or self._missed:
            self._missed[event.channel] = None
        else:
            self._events.append(event)
        self._changed.set()

    def gap(self, channel: str) -> None:
        """Something of a channel may be missing here."""
        self.put(Event(GAP, {"channel": channel}, channel))

    def end(self, state: State) -> None:
        """Nothing follows."""
        self._end = state
        self._changed.set()

    async def next(self) -> Event | State:
        """The next event, or the state in which the connection has ended."""
        while True:
            if self._events:
                return self._events.popleft()
            if self._missed:
                channel = next(iter(self._missed))
                del self._missed[channel]
                return Event(GAP, {} if channel is None else {"channel": channel}, channel)
            if self._end is not None:
                return self._end
            self._changed.clear()
            await self._changed.wait()


def event_of(message: Mapping[str, Any]) -> Event:
    """What an unasked message tells."""
    data = message.get("data", {})
    if message["type"] == "error":
        data = {name: value for name, value in message.items() if name not in ("type", "id")}
    return Event(message["type"], data, message.get("channel", data.get("channel")), message.get("seq"))
