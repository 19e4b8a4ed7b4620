"""Who reads quotes in the story: those who keep up, and one who does not."""

import asyncio
import socket
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlsplit

from examples.running.stage import Stage
from tornado_wssec.client import Client
from tornado_wssec.testing import Client as BareClient
from tornado_wssec.testing import RawSocket
from tornado_wssec.testing.raw import handshake_headers

from .market import LISTED

Seen = tuple[str, datetime]
"""A symbol, and when its quote was made."""


async def read_on(screen: Client, seconds: float) -> list[Seen]:
    """The quotes that come in so many seconds to somebody who reads."""
    for listed in LISTED:
        await screen.subscribe(f"market:{listed.symbol}")
    seen = []
    try:
        async with asyncio.timeout(seconds):
            async for event in screen.events():
                if event.type == "market.quote":
                    seen.append((event.data["symbol"], datetime.fromisoformat(event.data["at"])))
    except TimeoutError:
        pass
    return seen


class SlowReader:
    """A client with a small window, who reads when he is told to."""

    def __init__(self, client: BareClient) -> None:
        self._client = client

    @classmethod
    async def open(cls, stage: Stage, path: str, token: str) -> "SlowReader":
        """Connect, and listen to everything."""
        where = urlsplit(stage.url)
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1_448)  # as Ethernet has them; else a timer decides
        sock.connect(("127.0.0.1", where.port))
        raw = RawSocket(*await asyncio.open_connection(sock=sock, limit=1_024))
        await raw.upgrade(path, handshake_headers(where.netloc, origin=stage.url, token=token))
        client = BareClient(raw, None)
        for listed in LISTED:
            await client.send("wssec.subscribe", {"channel": f"market:{listed.symbol}"})
        return cls(client)

    async def read_until(self, moment: datetime) -> list[Seen]:
        """Everything that comes, until of each symbol there is a quote after this moment."""
        seen: list[Seen] = []
        async for message in self._client:
            if message["type"] == "market.quote":
                seen.append((message["data"]["symbol"], datetime.fromisoformat(message["data"]["at"])))
                if len(newest(seen, moment)) == len(LISTED):
                    break
        return seen

    async def close(self) -> None:
        """Leave."""
        await self._client.close()


def by_symbol(seen: Sequence[Seen]) -> dict[str, list[datetime]]:
    """When the quotes of each symbol were made, as they came."""
    return {listed.symbol: [at for symbol, at in seen if symbol == listed.symbol] for listed in LISTED}


def both_saw(mine: Sequence[Seen], others: Sequence[Seen]) -> set[Seen]:
    """What the one has seen while both were listening to everything."""
    since = max(times[0] for seen in (mine, others) for times in by_symbol(seen).values())
    until = min(seen[-1][1] for seen in (mine, others))
    return {quote for quote in mine if since <= quote[1] < until}


def newest(seen: Sequence[Seen], moment: datetime) -> set[str]:
    """The symbols of which there is a quote from after a moment."""
    return {symbol for symbol, at in seen if at > moment}
