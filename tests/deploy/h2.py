"""As much of HTTP/2 as opens a WebSocket (RFC 8441): written here, since no library of ours speaks it.

Headers are sent without compression. Of what comes back only the status is read, which is one byte where it is 200.
"""

import asyncio
import ssl
import struct
from typing import Final, Self

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, GOAWAY = 0x0, 0x1, 0x3, 0x4, 0x7
END_HEADERS, ACK = 0x4, 0x1
ENABLE_CONNECT: Final = 0x8
STATUS_200: Final = 0x88
STREAM: Final = 1
PATIENCE_SECONDS: Final = 20.0


class Http2:
    """One connection, and one stream of it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._received = b""

    @classmethod
    async def open(cls, port: int, context: ssl.SSLContext, source: str) -> Self:
        """Connect, and agree on HTTP/2."""
        context.set_alpn_protocols(["h2"])
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, local_addr=(source, 0))
        agreed = writer.get_extra_info("ssl_object").selected_alpn_protocol()
        assert "h2" == agreed, agreed
        connection = cls(reader, writer)
        writer.write(PREFACE)
        connection._write(SETTINGS, 0, 0, b"")
        return connection

    async def settings(self) -> dict[int, int]:
        """What the other end says of itself."""
        while True:
            kind, flags, payload = await self._frame()
            if kind == SETTINGS and not flags & ACK:
                self._write(SETTINGS, ACK, 0, b"")
                return dict(struct.iter_unpack(">HI", payload))

    async def connect(self, path: str, authority: str, headers: dict[str, str]) -> bool:
        """Ask for a WebSocket; whether it was opened."""
        pseudo = {":method": "CONNECT", ":protocol": "websocket", ":scheme": "https", ":path": path}
        asked = {**pseudo, ":authority": authority, "sec-websocket-version": "13", **headers}
        block = b"".join(b"\x10" + _literal(name) + _literal(value) for name, value in asked.items())
        self._write(HEADERS, END_HEADERS, STREAM, block)
        while True:
            kind, _, payload = await self._frame()
            if kind in (RST_STREAM, GOAWAY):
                return False
            if kind == HEADERS:
                return payload[0] == STATUS_200

    def write(self, payload: bytes) -> None:
        """Send bytes of the stream."""
        self._write(DATA, 0, STREAM, payload)

    async def read(self, size: int) -> bytes:
        """So many bytes of the stream."""
        while len(self._received) < size:
            kind, _, payload = await self._frame()
            assert kind not in (RST_STREAM, GOAWAY)
            self._received += payload if kind == DATA else b""
        taken, self._received = self._received[:size], self._received[size:]
        return taken

    def close(self) -> None:
        """Hang up."""
        self._writer.close()

    def _write(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        self._writer.write(len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload)

    async def _frame(self) -> tuple[int, int, bytes]:
        async with asyncio.timeout(PATIENCE_SECONDS):
            head = await self._reader.readexactly(9)
            return head[3], head[4], await self._reader.readexactly(int.from_bytes(head[:3], "big"))


def _literal(text: str) -> bytes:
    """A string of RFC 7541 §5.2, not compressed."""
    size = len(text)
    if size < 127:
        return bytes([size]) + text.encode()
    rest, digits = size - 127, b""
    while rest >= 128:
        digits += bytes([rest % 128 + 128])
        rest //= 128
    return b"\x7f" + digits + bytes([rest]) + text.encode()
