"""What carries a publication from the node that publishes to the nodes whose clients listen.

`Channels` decides who may say and hear what, and encodes; a broker moves the text, and knows nothing of either.

Rules of this file:
1. One channel has one order: every node hears its publications in it, the node that publishes, too.
2. A publication is handed to a node at most once. What may have been missed is told by `gap`, never passed over.
3. `seq` rises for as long as a channel exists, over restarts, flushes and failovers; it never starts again.
"""

import json
from collections.abc import Awaitable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple, NoReturn, Protocol, Self, TypeVar

_T = TypeVar("_T")


def _refuse(constant: str) -> NoReturn:
    raise ValueError("is no JSON")


_DATA: Final = json.JSONDecoder(parse_constant=_refuse)
_NAMES: Final = ("channel", "type", "data", "needs", "key", "id", "origin")


@dataclass(frozen=True, slots=True, kw_only=True)
class Broadcast:
    """One publication, validated and encoded, on its way to every node.

    Args:
        channel: where.
        type: of a declared outbound message.
        data: the object under `data`, as JSON text.
        needs: the permission that a receiver must have, filled in; empty: everybody has it. None: nobody may hear it.
        key: what it is the newest of, where its type coalesces.
        id: random, made by the publisher.
        origin: the node that publishes.
        seq: its number in the history of the channel; None: there is none, or it has not been given yet.
    """

    channel: str
    type: str
    data: str
    needs: str | None
    id: str
    origin: str
    key: str | None = None
    seq: int | None = None

    def to_text(self) -> str:
        """What travels; without `seq`, which the broker gives."""
        return json.dumps([getattr(self, name) for name in _NAMES], ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_text(cls, text: str, seq: int | None = None) -> Self:
        """Read what `to_text` wrote.

        Raises:
            ValueError: it did not; nothing of it is told.
        """
        try:
            values: Any = json.loads(text)
            found = cls(**dict(zip(_NAMES, values, strict=True)), seq=seq)
            if not found._is_whole():
                raise ValueError
        except (ValueError, TypeError, RecursionError):
            raise ValueError("this is no publication of ours") from None
        return found

    def numbered(self, seq: int | None) -> Self:
        """The same, with its number."""
        return replace(self, seq=seq)

    def _is_whole(self) -> bool:
        texts, may_lack = (self.channel, self.type, self.data, self.id, self.origin), (self.needs, self.key)
        if not all([type(one) is str for one in texts]) or not all(
            [one is None or type(one) is str for one in may_lack]
        ):
            return False
        self.data.encode()
        # It goes out as it is: what is no object would be told to everybody as if it were.
        return type(_DATA.decode(self.data)) is dict


class Kept(NamedTuple):
    """How much of a channel is kept for who comes back.

    Args:
        most: publications.
        seconds: how long each.
    """

    most: int
    seconds: float


class Resumed(NamedTuple):
    """Where a channel is, and what has been said in it since.

    Args:
        seq: what to come back with, so that nothing that follows is missed.
        missed: what is known to have come behind `since`, in order.
        is_whole: whether that is all; else something may be lost.
        holes: before which of `missed` that may be; as many as there are: behind them.
    """

    seq: int
    missed: Sequence[Broadcast] = ()
    is_whole: bool = True
    holes: frozenset[int] = frozenset()

    def in_order(self, gap: _T) -> Iterator[Broadcast | _T]:
        """What was missed, with `gap` wherever something may be missing."""
        holes = self.holes or (frozenset() if self.is_whole else frozenset({0}))
        for place, one in enumerate(self.missed):
            if place in holes:
                yield gap
            yield one
        if len(self.missed) in holes:
            yield gap


class Present(NamedTuple):
    """Somebody who listens to a channel, on whatever node, by however many connections."""

    subject: str
    issuer: str | None = None


class Listener(Protocol):
    """What a broker calls, in the event loop of the node; neither raises."""

    def deliver(self, broadcast: Broadcast) -> None:
        """Hand a publication to everyone here who listens to its channel and may hear it."""

    def gap(self, channel: str) -> None:
        """Tell everyone here who listens to a channel that something may be missing."""

    def moved(self, channel: str, who: Present, is_here: bool) -> None:
        """Somebody's first connection on any node has come, or the last has gone. Told on one node alone."""


class Broker(Protocol):
    """Carries publications between nodes. Belongs to one event loop."""

    node: str
    """The name of this one; `origin` of what it publishes."""

    @property
    def reach(self) -> str:
        """Who hears of a publication, in words for an operator."""

    def start(self) -> Awaitable[None]:
        """Begin to follow the server. Raises nothing: one that does not answer is tried until it does."""

    def stop(self) -> Awaitable[None]:
        """Let go of the server, and take what this node has written there along."""

    def tick(self) -> None:
        """Look at deadlines; called several times a second."""

    def want(self, channel: str, kept: Kept | None) -> Awaitable[None] | None:
        """Have the publications of a channel brought here. To be called for each who begins to listen.

        Args:
            kept: what is kept of the channel, by which a broken link is mended without a gap; None: nothing is.

        Returns:
            None when they come already; else what to wait for before anybody is told that he listens: what is
            published after it has returned arrives. It raises StoreUnavailable when they cannot be had now; then the
            channel is not wanted.
        """

    def unwant(self, channel: str) -> None:
        """Nobody here listens to a channel any more."""

    def publish(self, broadcast: Broadcast, kept: Kept | None) -> Awaitable[int | None]:
        """Bring a publication to every node that wants its channel; return its number where it is kept.

        Raises:
            StoreUnavailable: it may have been published or not.
        """

    def elsewhere(self, channel: str) -> int:
        """Connections that listen at other nodes, as far as this one knows; a channel that is new to it has none."""

    def resume(self, channel: str, kept: Kept, since: int | None) -> Awaitable[Resumed]:
        """What came behind `since` in the history; None: nothing is asked for but where the channel is.

        Raises:
            StoreUnavailable: it cannot be read now.
        """

    def enter(self, channel: str, who: Present) -> None:
        """One more connection of somebody listens here to a channel that tells who is there."""

    def leave(self, channel: str, who: Present) -> None:
        """One of them has gone."""

    def present(self, channel: str) -> Awaitable[Sequence[Present]]:
        """Who is there, on all nodes, by subject.

        Raises:
            StoreUnavailable: it cannot be read now.
        """
