"""Handshakes one after another over raw sockets: connect, upgrade, say goodbye, wait for the end."""

import socket
from collections.abc import Iterable

CLOSE = bytes([0x88, 0x82, 0, 0, 0, 0]) + (1000).to_bytes(2)
"""A close frame with code 1000, masked with zeros (RFC 6455 §5.3)."""


def request(port: int, origin: str, offered: str | None, bearer: str | None) -> bytes:
    """The bytes of one handshake."""
    lines = [
        "GET /ws HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Origin: {origin}",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
        "Accept-Language: en-GB,en;q=0.5",
        "Cache-Control: no-cache",
    ]
    lines += [f"Sec-WebSocket-Protocol: {offered}"] if offered else []
    lines += [f"Authorization: Bearer {bearer}"] if bearer else []
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def shake(port: int, requests: Iterable[bytes]) -> int:
    """Make each of the handshakes, and return how many there were.

    Raises:
        RuntimeError: one was refused, so that the figure would mean nothing.
    """
    count = 0
    for asked in requests:
        with socket.create_connection(("127.0.0.1", port)) as peer:
            peer.sendall(asked)
            answer = peer.recv(4096)
            if not answer.startswith(b"HTTP/1.1 101"):
                raise RuntimeError(f"a handshake was refused: {answer[:200]!r}")
            peer.sendall(CLOSE)
            while peer.recv(4096):
                pass
        count += 1
    return count
