"""A wire between a server and its store that a test may cut, delay, or make deliver twice what it has delivered."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Wire:
    """Carries bytes both ways, as the test wants."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._pairs: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self.port = 0
        self.delay = 0.0
        self.is_open = True

    def cut(self) -> None:
        """End every connection at once, in the middle of whatever it says."""
        for pair in tuple(self._pairs):
            for writer in pair:
                writer.transport.abort()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        if not self.is_open:
            writer.transport.abort()
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        self._pairs.add((writer, far_writer))
        with suppress(OSError, asyncio.CancelledError):
            await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))
        self._pairs.discard((writer, far_writer))
        for each in (writer, far_writer):
            each.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            if self.delay:
                await asyncio.sleep(self.delay)
            writer.write(data)
            await writer.drain()
        writer.transport.abort()


@asynccontextmanager
async def wire_to(target: int) -> AsyncIterator[Wire]:
    """A wire to a port of this machine."""
    wire = Wire(target)
    server = await asyncio.start_server(wire.carry, "127.0.0.1", 0)
    wire.port = server.sockets[0].getsockname()[1]
    yield wire
    server.close()
    wire.cut()
    await asyncio.sleep(0)
