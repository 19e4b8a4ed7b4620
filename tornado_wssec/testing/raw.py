"""A socket that sends whatever it is told to: hostile handshakes and frames, and what comes back."""

import asyncio
import base64
import contextlib
import os
import socket
import ssl
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, cast

PATIENCE_SECONDS: Final = 10.0
"""How long a claim waits for the server before it fails."""

NO_TIME: Final = struct.pack("ii", 1, 0)
"""To linger for: closing is a reset."""

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP answer: the status, the headers in lower case, the body."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame as the server sent it."""

    opcode: int
    payload: bytes
    fin: bool = True


class RawSocket:
    """One TCP or TLS connection, without any opinion on what is allowed."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> "RawSocket":
        """Connect."""
        return cls(*await asyncio.open_connection(host, port, ssl=tls))

    async def write(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._writer.write(data)
        with contextlib.suppress(ConnectionError):
            await self._writer.drain()

    async def upgrade(
        self, path: str, headers: Iterable[tuple[str, str]] = (), *, method: str = "GET", version: str = "HTTP/1.1"
    ) -> Response:
        """Send a handshake request of exactly these headers, and read the answer."""
        lines = [f"{method} {path} {version}", *(f"{name}: {value}" for name, value in headers)]
        await self.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
        return await self.response(has_body=method != "HEAD")

    async def response(self, *, has_body: bool = True) -> Response:
        """Read one HTTP answer; that to a HEAD has no body, whatever its headers say."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            status_line, *lines = head.split("\r\n")
            headers = {
                name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)
            }
            body = await self._reader.readexactly(int(headers.get("content-length", "0")) if has_body else 0)
        return Response(int(status_line.split(" ")[1]), headers, body)

    async def send_frame(
        self, opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, masked: bool = True
    ) -> None:
        """Send one frame; every bit may be wrong."""
        await self.write(frame_bytes(opcode, payload, fin=fin, rsv=rsv, masked=masked))

    async def receive_frame(self) -> Frame | None:
        """The next frame, or None when the connection is gone."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                first, second = await self._reader.readexactly(2)
                length = second & 0x7F
                if length == 126:
                    (length,) = struct.unpack("!H", await self._reader.readexactly(2))
                elif length == 127:
                    (length,) = struct.unpack("!Q", await self._reader.readexactly(8))
                return Frame(first & 0x0F, await self._reader.readexactly(length), bool(first & 0x80))
        except (asyncio.IncompleteReadError, ConnectionError):
            return None

    async def close(self) -> None:
        """Close the socket without a word."""
        transport = cast(asyncio.Transport, self._writer.transport)
        if not transport.is_closing() and not transport.is_reading():
            transport.abort()  # asyncio's TLS would first wait for somebody to read what has come
        transport.close()
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            await self._writer.wait_closed()

    def reset(self) -> None:
        """Drop the connection with a reset, whatever was still to be sent or read."""
        self._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_TIME)
        self._writer.transport.abort()


def frame_bytes(opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, masked: bool = True) -> bytes:
    """A frame as a client sends it (RFC 6455 §5.2)."""
    mask_bit = 0x80 if masked else 0
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    if len(payload) < 126:
        head += bytes([mask_bit | len(payload)])
    elif len(payload) < 1 << 16:
        head += struct.pack("!BH", mask_bit | 126, len(payload))
    else:
        head += struct.pack("!BQ", mask_bit | 127, len(payload))
    if not masked:
        return head + payload
    mask = os.urandom(4)
    pad = (mask * (len(payload) // 4 + 1))[: len(payload)]
    mixed = int.from_bytes(payload, "big") ^ int.from_bytes(pad, "big")
    return head + mask + mixed.to_bytes(len(payload), "big")


def handshake_headers(
    host: str,
    *,
    origin: str | None = None,
    token: str | None = None,
    subprotocols: Iterable[str] = (),
    extra: Iterable[tuple[str, str]] = (),
) -> list[tuple[str, str]]:
    """The headers of a correct handshake."""
    offered = ", ".join(subprotocols)
    optional = [
        ("Origin", origin),
        ("Authorization", f"Bearer {token}" if token else None),
        ("Sec-WebSocket-Protocol", offered or None),
    ]
    return [
        ("Host", host),
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Key", base64.b64encode(os.urandom(16)).decode()),
        ("Sec-WebSocket-Version", "13"),
        *((name, value) for name, value in optional if value is not None),
        *extra,
    ]
