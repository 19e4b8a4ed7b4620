"""What tests of brokers have in common: nodes that write down what they hear."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count

from tests.waiting import until
from tornado_wssec.policy.broker import Broadcast, Broker, Kept, Present

KEPT = Kept(100, 60.0)
IDS = count()


@dataclass
class Heard:
    """What a node has been told, in order."""

    said: list[Broadcast] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)
    moves: list[tuple[str, str, bool]] = field(default_factory=list)

    def deliver(self, broadcast: Broadcast) -> None:
        self.said.append(broadcast)

    def gap(self, channel: str) -> None:
        self.gaps.append(channel)
        self.said.append(Broadcast(channel=channel, type="gap", data='{"text":"gap"}', needs="", id="", origin=""))

    def moved(self, channel: str, who: Present, is_here: bool) -> None:
        self.moves.append((channel, who.subject, is_here))

    def texts(self, channel: str = "room:a") -> list[str]:
        """What was said in a channel; `gap` where something may be missing."""
        return [text_of(one) for one in self.said if one.channel == channel]


@dataclass
class Node:
    """A broker, and what it has brought."""

    broker: Broker
    heard: Heard

    async def want(self, channel: str = "room:a", kept: Kept | None = None) -> None:
        """Listen."""
        wanted = self.broker.want(channel, kept)
        if wanted is not None:
            await wanted

    async def say(self, text: str, channel: str = "room:a", kept: Kept | None = None) -> int | None:
        """Publish."""
        return await self.broker.publish(said(text, channel), kept)

    async def hears(self, *texts: str, channel: str = "room:a") -> None:
        """Claim that this is what comes to be heard in a channel, and nothing else."""
        await until(lambda: len(self.heard.texts(channel)) >= len(texts))
        assert list(texts) == self.heard.texts(channel)

    async def hears_of(self, count: int, channel: str = "room:a") -> list[str]:
        """What is heard in a channel once there is so much of it."""
        await until(lambda: len(self.heard.texts(channel)) >= count)
        return self.heard.texts(channel)

    async def missed(self, since: int | None, channel: str = "room:a", kept: Kept = KEPT) -> list[str] | None:
        """What came behind a number; None: it is not known whether that is all."""
        resumed = await self.broker.resume(channel, kept, since)
        return [text_of(one) for one in resumed.missed] if resumed.is_whole else None


def said(text: str, channel: str = "room:a") -> Broadcast:
    """A publication."""
    data = json.dumps({"text": text})
    return Broadcast(channel=channel, type="chat.posted", data=data, needs="chat:read", id=f"i{next(IDS)}", origin="n")


def text_of(broadcast: Broadcast) -> str:
    """What was said with `said`."""
    text: str = json.loads(broadcast.data)["text"]
    return text


@asynccontextmanager
async def running(*brokers: tuple[Broker, Heard]) -> AsyncIterator[list[Node]]:
    """Nodes that have started."""
    nodes = [Node(broker, heard) for broker, heard in brokers]
    for node in nodes:
        await node.broker.start()
    try:
        yield nodes
    finally:
        for node in nodes:
            await node.broker.stop()
