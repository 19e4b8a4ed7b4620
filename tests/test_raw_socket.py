"""The socket of the tests does to its peer what it says."""

import asyncio

import pytest

from tests.kits import in_loop
from tornado_wssec.testing import RawSocket


@in_loop
async def test_raw_socket_resets() -> None:
    """`reset` is one, and no orderly end, although nothing was left unread or unsent."""
    accepted: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    async with await asyncio.start_server(lambda *streams: accepted.put_nowait(streams), "127.0.0.1", 0) as server:
        client = await RawSocket.open(server.sockets[0].getsockname()[1])
        reader, writer = await accepted.get()
        client.reset()

        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()
