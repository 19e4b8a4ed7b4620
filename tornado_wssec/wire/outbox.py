"""Frames that wait for a reader: bounded in bytes, in number and in age; replies leave before events.

Rules of this file:
1. A queue over its caps drops only what its type allows to be dropped; else the connection ends (4413).
2. A frame that the kernel has begun to take is not here any more: what is on the wire is whole.
"""

from collections import deque

from ..policy.overflow import Overflow
from ..settings import Limits


class Waiting:
    """One frame in the queue."""

    __slots__ = ("frame", "key", "overflow", "queued_at")

    def __init__(self, frame: bytes, overflow: Overflow, key: str | None, queued_at: float) -> None:
        self.frame = frame
        self.overflow = overflow
        self.key = key
        self.queued_at = queued_at


class Outbox:
    """The outbound queue of one connection.

    Args:
        limits: `outbound_bytes` and `outbound_messages`.
    """

    __slots__ = ("_by_key", "_events", "_limits", "_replies", "dropped", "queued_bytes")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._replies: deque[Waiting] = deque()
        self._events: deque[Waiting] = deque()
        self._by_key: dict[str, Waiting] = {}
        self.queued_bytes = 0
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._replies) + len(self._events)

    def __bool__(self) -> bool:
        return bool(self._replies or self._events)  # spelt out: compiled, `__len__` would not be asked

    def put_reply(self, frame: bytes, now: float) -> bool:
        """Queue an answer; False when there is no room, so that the connection must end."""
        if not self._has_room(len(frame)) and not self._make_room(len(frame)):
            return False
        self._replies.append(Waiting(frame, Overflow.DISCONNECT, None, now))
        self.queued_bytes += len(frame)
        return True

    def put_event(self, frame: bytes, overflow: Overflow, key: str | None, now: float) -> bool:
        """Queue an event as its type wants it; False when the connection must end."""
        if overflow is Overflow.COALESCE and key is not None and self._replace(key, frame, now):
            return True
        if not self._has_room(len(frame)) and (overflow is Overflow.DROP_NEWEST or not self._make_room(len(frame))):
            self.dropped += 1
            return overflow is not Overflow.DISCONNECT
        waiting = Waiting(frame, overflow, key, now)
        self._events.append(waiting)
        self.queued_bytes += len(frame)
        if overflow is Overflow.COALESCE and key is not None:
            self._by_key[key] = waiting
        return True

    def take(self, most_bytes: int) -> bytes:
        """The frames that leave next, joined: at least one, and no more once `most_bytes` are reached."""
        taken: list[bytes] = []
        size = 0
        while size < most_bytes and (self._replies or self._events):
            waiting = self._replies.popleft() if self._replies else self._events.popleft()
            self._forget(waiting)
            taken.append(waiting.frame)
            size += len(waiting.frame)
        return taken[0] if len(taken) == 1 else b"".join(taken)

    def drop_older_than(self, moment: float) -> bool:
        """Drop what was queued before; False when something of it may not be dropped."""
        if self._replies and self._replies[0].queued_at < moment:
            return False
        for waiting in [each for each in self._events if each.queued_at < moment]:
            if waiting.overflow is Overflow.DISCONNECT:
                return False
            self._drop(waiting)
        return True

    def extend(self, lag: float) -> None:
        """Let nothing age by the time in which nobody was looking."""
        for waiting in (*self._replies, *self._events):
            waiting.queued_at += lag

    def clear(self) -> None:
        """Drop everything: nothing leaves any more."""
        self._replies.clear()
        self._events.clear()
        self._by_key.clear()
        self.queued_bytes = 0

    def _has_room(self, size: int) -> bool:
        return len(self) < self._limits.outbound_messages and self.queued_bytes + size <= self._limits.outbound_bytes

    def _make_room(self, size: int) -> bool:
        """Drop the oldest that may be dropped until `size` bytes fit; False when they cannot."""
        droppable = [each for each in self._events if each.overflow is not Overflow.DISCONNECT]
        for waiting in droppable:
            self._drop(waiting)
            if self._has_room(size):
                return True
        return False

    def _replace(self, key: str, frame: bytes, now: float) -> bool:
        waiting = self._by_key.get(key)
        growth = len(frame) - len(waiting.frame) if waiting is not None else 0
        if waiting is None or self.queued_bytes + growth > self._limits.outbound_bytes:
            return False
        waiting.frame, waiting.queued_at = frame, now
        self.queued_bytes += growth
        self.dropped += 1
        return True

    def _drop(self, waiting: Waiting) -> None:
        self._events.remove(waiting)
        self._forget(waiting)
        self.dropped += 1

    def _forget(self, waiting: Waiting) -> None:
        self.queued_bytes -= len(waiting.frame)
        if waiting.key is not None and self._by_key.get(waiting.key) is waiting:
            del self._by_key[waiting.key]
