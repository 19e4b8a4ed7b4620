"""Sends back each text and each binary message, over the package's own frame engine: what the Autobahn suite talks to.

`python tests/autobahn_server.py PORT`. A message may have 16 MiB; nothing else is limited, so it is nothing to expose.
"""

import asyncio
import socket
import sys
from base64 import b64encode
from contextlib import suppress
from hashlib import sha1
from pathlib import Path
from typing import Final

# A script finds what lies beside it first, and there our tests of marshmallow have its name.
sys.path.sort(key=lambda entry: Path(entry).resolve() == Path(__file__).resolve().parent)
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tornado_wssec.closing import Close
from tornado_wssec.handover import carry, compiled_unmask
from tornado_wssec.settings import KiB, Limits, MiB, Timeouts
from tornado_wssec.wire.engine import Engine
from tornado_wssec.wire.frames import encode_binary, encode_text
from tornado_wssec.wire.gathering import Gatherings
from tornado_wssec.wire.outgoing import Outgoing

HOST: Final = "127.0.0.1"
NO_LIMIT: Final = 1 << 40
LIMITS: Final = Limits(
    message_bytes=16 * MiB,
    frame_bytes=16 * MiB,
    fragments=NO_LIMIT,
    outbound_bytes=NO_LIMIT,
    outbound_messages=NO_LIMIT,
)
REQUEST_BYTES: Final = 16 * KiB
END: Final = b"\r\n\r\n"
GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
ACCEPTED: Final = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n"
)
REFUSED: Final = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

GATHERINGS: Final = Gatherings()


class Echo(Outgoing):
    """A frame that is there already."""

    def __init__(self, frame: bytes) -> None:
        super().__init__("", is_reply=True)
        self.frame = frame


def echo(sock: socket.socket, early: bytes) -> None:
    """Send back what this socket receives from now on, and first what arrived behind its request."""
    loop = asyncio.get_running_loop()

    def send_back(frame: bytes) -> None:
        engine.send(Echo(frame), loop.time())

    def refuse(close: Close) -> None:
        engine.close(close)
        loop.call_later(Timeouts().close, engine.abort)

    def send_all_back(texts: list[str]) -> int:
        for text in texts:
            send_back(encode_text(text.encode()))
        return len(texts)

    engine = Engine(
        LIMITS,
        Timeouts(),
        receive=lambda text: send_back(encode_text(text.encode())),
        receive_binary=lambda payload: send_back(encode_binary(payload)),
        lost=lambda code, reason: None,
        unmask=compiled_unmask,
    )
    engine.watch(charge_nothing, charge_nothing, refuse, receive_all=send_all_back)
    carry(sock, engine, GATHERINGS)
    engine.start(early)


def charge_nothing() -> None:
    """Let a frame pass."""


async def upgrade(sock: socket.socket) -> None:
    """Answer a handshake and begin to echo; refuse anything else."""
    loop = asyncio.get_running_loop()
    request = b""
    try:
        while END not in request and len(request) < REQUEST_BYTES:
            data = await loop.sock_recv(sock, REQUEST_BYTES)
            if not data:
                break
            request += data
        head, end, early = request.partition(END)
        key = key_of(head) if end else None
        await loop.sock_sendall(sock, REFUSED if key is None else ACCEPTED % accept_of(key))
    except OSError:
        key, early = None, b""
    if key is None:
        sock.close()
    else:
        echo(sock, early)


def key_of(head: bytes) -> bytes | None:
    """The key of a handshake; None when there is none."""
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"sec-websocket-key":
            return value.strip()
    return None


def accept_of(key: bytes) -> bytes:
    """What proves that the key was read (RFC 6455 §4.2.2)."""
    return b64encode(sha1(key + GUID, usedforsecurity=False).digest())


async def serve(port: int) -> None:
    """Accept until interrupted."""
    loop = asyncio.get_running_loop()
    with socket.create_server((HOST, port), backlog=128) as listener:
        listener.setblocking(False)
        async with asyncio.TaskGroup() as handshakes:
            while True:
                sock, _ = await loop.sock_accept(listener)
                handshakes.create_task(upgrade(sock))


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(int(sys.argv[1])))
