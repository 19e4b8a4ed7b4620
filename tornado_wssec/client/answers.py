"""Messages that wait: for an answer, or for a connection.

Rules of this file:
1. Nothing is sent twice: what had left when the connection broke is rejected, and only the caller knows if it may be
   repeated.
2. Whatever waits is bounded, in number and in time.
"""

import asyncio
import itertools
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .states import Refused


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message, and the bytes behind it."""

    message: Mapping[str, Any]
    payload: bytes | None = None

    @property
    def id(self) -> str | None:
        """Of the message; None where no answer is waited for."""
        return self.message.get("id")


class Answers:
    """Who waits for which answer."""

    def __init__(self) -> None:
        self._ids = (f"c{number}" for number in itertools.count(1))
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._first: dict[str, Callable[[Mapping[str, Any]], None]] = {}
        self._sent: set[str] = set()

    def expect(self, first: Callable[[Mapping[str, Any]], None] | None = None) -> str:
        """A new id, whose answer is waited for.

        Args:
            first: called with the data of the reply before anything else is read.
        """
        id = next(self._ids)
        self._waiting[id] = asyncio.get_running_loop().create_future()
        if first is not None:
            self._first[id] = first
        return id

    async def answer(self, id: str) -> dict[str, Any]:
        """The data of the reply.

        Raises:
            Refused: an error came.
        """
        return await self._waiting[id]

    def forget(self, id: str) -> None:
        """Nobody waits for this answer any more."""
        self._sent.discard(id)
        self._first.pop(id, None)
        waiting = self._waiting.pop(id)
        if waiting.done() and not waiting.cancelled():
            waiting.exception()  # it came too late: asyncio must not complain that nobody looks

    def mark_sent(self, id: str | None) -> None:
        """The message of this id has left, and will not leave again."""
        if id is not None:
            self._sent.add(id)

    def is_waited_for(self, id: str | None) -> bool:
        """Whether somebody still wants this answered; of what has no id, always."""
        return id is None or id in self._waiting

    def settle(self, message: Mapping[str, Any]) -> None:
        """Hand an answer to whoever waits for it; one that is too late is dropped."""
        refusal = Refused.of(message) if message["type"] == "error" else None
        self._end(message["id"], message.get("data", {}), refusal)

    def reject(self, code: str, *, only_sent: bool = False) -> None:
        """Nobody will answer: not what had left, or not anything."""
        for id in [*(self._sent if only_sent else self._waiting)]:
            self._end(id, {}, Refused(code))

    def __len__(self) -> int:
        return len(self._waiting)

    def _end(self, id: str, data: dict[str, Any], refusal: Refused | None) -> None:
        waiting = self._waiting.get(id)
        if waiting is None or waiting.done():
            return
        if refusal is None:
            if id in self._first:
                self._first[id](data)
            waiting.set_result(data)
        else:
            waiting.set_exception(refusal)


class Backlog:
    """What waits for a connection.

    Args:
        most: messages.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._messages: deque[Outgoing] = deque()

    def add(self, outgoing: Outgoing) -> None:
        """Keep a message for later.

        Raises:
            Refused: there is no room.
        """
        if len(self._messages) >= self._most:
            raise Refused("queue_full", f"{self._most} messages wait for a connection already")
        self._messages.append(outgoing)

    def take(self) -> Iterator[Outgoing]:
        """Each message, in order, until there is none."""
        while self._messages:
            yield self._messages.popleft()

    def clear(self) -> None:
        """Forget them all."""
        self._messages.clear()
