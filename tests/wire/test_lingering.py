"""A peer whose message is too big learns why, although it is still sending."""

import asyncio
import socket
import ssl
import struct
from pathlib import Path

import pytest

from tests.attacks.doors import Door
from tests.certificates import certify
from tests.kits import chat_kit, in_loop
from tornado_wssec import Limits, Timeouts
from tornado_wssec.testing.raw import CLOSE, RawSocket
from tornado_wssec.wire.encrypted import EncryptedPipe
from tornado_wssec.wire.engine import Engine

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


@pytest.mark.parametrize("behind", [b"", CHUNK * 16])
@pytest.mark.parametrize("is_encrypted", [False, True])
@in_loop
async def test_lingering_server_says_that_it_has_ended(is_encrypted: bool, behind: bytes, tmp_path: Path) -> None:
    """The end follows the close frame at once, through TLS too: no deadline passes here, for nobody turns the clock."""
    async with Door(certify(tmp_path) if is_encrypted else None).kit() as kit:
        client = await kit.connect("/ws", subject="ann")
        await client.socket.write(struct.pack("!BBQ", 0x81, 0xFF, ANNOUNCED) + bytes(4) + behind)

        frame = await client.socket.receive_frame()
        assert frame is not None
        assert (CLOSE, 1009) == (frame.opcode, *struct.unpack("!H", frame.payload[:2]))
        assert await client.socket.receive_frame() is None


@in_loop
async def test_lingering_nothing_is_said_to_a_socket_that_is_gone() -> None:
    """A peer may reset the connection while our last words leave: the end that follows finds the socket closed."""
    lost: list[int | None] = []
    near, far = socket.socketpair()
    sock = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).wrap_socket(near, server_side=True, do_handshake_on_connect=False)
    engine = Engine(Limits(), Timeouts(), receive=lambda text: None, lost=lambda code, reason: lost.append(code))
    pipe = EncryptedPipe(sock, asyncio.get_running_loop(), engine)
    pipe.abort()
    pipe.finish()
    await asyncio.sleep(0)
    far.close()

    assert [None] == lost
