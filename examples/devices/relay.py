"""A stretch of network that can be cut: it hands on what comes, until it does not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final, Self
from urllib.parse import urlsplit

CHUNK_BYTES: Final = 65_536


class Relay:
    """Between a device and its server.

    Args:
        server: the URL of a server on this machine.
    """

    def __init__(self, server: str) -> None:
        self.url = ""
        """Where a device finds it."""
        self._server = urlsplit(server)
        self._under_way: set[asyncio.StreamWriter] = set()
        self._is_cut = False

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Self]:
        """Listen, until the block ends."""
        listener = await asyncio.start_server(self.carry, "127.0.0.1", 0)
        self.url = f"{self._server.scheme}://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            self.cut()
            listener.close()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hand one connection on, both ways."""
        if self._is_cut:
            writer.transport.abort()
            return
        with suppress(OSError):
            behind, onward = await asyncio.open_connection(self._server.hostname, self._server.port)
            self._under_way |= {writer, onward}
            await asyncio.gather(_pass(reader, onward), _pass(behind, writer))

    def cut(self) -> None:
        """Break what is under way without a word, and let nothing through."""
        self._is_cut = True
        for writer in self._under_way:
            writer.transport.abort()
        self._under_way.clear()

    def mend(self) -> None:
        """Let through again."""
        self._is_cut = False


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await reader.read(CHUNK_BYTES):
            writer.write(chunk)
            await writer.drain()
    writer.close()
