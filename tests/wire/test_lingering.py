"""A peer whose message is too big learns why, although it is still sending."""

import struct

import pytest

from tests.kits import chat_kit, in_loop
from tornado_wssec.testing.raw import CLOSE, RawSocket

CHUNK = bytes(65_536)
ANNOUNCED = 1 << 24


async def send_on(socket: RawSocket) -> bytes:
    """Keep sending; return what the server still says, and fail on a reset."""
    for _ in range(16):
        socket._writer.write(CHUNK)  # not write(), which would keep a reset to itself
        await socket._writer.drain()
    return await socket._reader.read()


@pytest.mark.parametrize("framing", ["engine", "stock"])
@in_loop
async def test_lingering_server_does_not_reset_who_is_still_sending(framing: str) -> None:
    """After 1009 comes the end of the stream, not a reset: that would overtake the close frame in a browser."""
    async with chat_kit(framing=framing) as kit:
        client = await kit.connect("/ws", subject="ann")
        await client.socket.write(struct.pack("!BBQ", 0x81, 0xFF, ANNOUNCED) + bytes(4) + CHUNK)
        frame = await client.socket.receive_frame()

        assert frame is not None
        assert (CLOSE, 1009) == (frame.opcode, *struct.unpack("!H", frame.payload[:2]))
        assert b"" == await send_on(client.socket)
