"""Handshakes over raw sockets: connect, upgrade, say goodbye, wait for the end."""

import socket
from collections.abc import Iterable
from selectors import EVENT_READ, DefaultSelector
from typing import Final

HOST: Final = "app.example.com"
AT_ONCE: Final = 16
"""Handshakes under way: a crowd that comes back. One after the other, the server would mostly wait for the client."""

CLOSE = bytes([0x88, 0x82, 0, 0, 0, 0]) + (1000).to_bytes(2)
"""A close frame with code 1000, masked with zeros (RFC 6455 §5.3)."""


def request(origin: str, offered: str | None, bearer: str | None) -> bytes:
    """The bytes of one handshake."""
    lines = [
        "GET /ws HTTP/1.1",
        f"Host: {HOST}",
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


class Shaker:
    """Makes handshakes, some at a time, so that the server always has something to do.

    Args:
        port: of the server.
        requests: the bytes of each handshake.
    """

    def __init__(self, port: int, requests: Iterable[bytes]) -> None:
        self._port = port
        self._requests = iter(requests)
        self._selector = DefaultSelector()
        self._peers: set[socket.socket] = set()
        self.count = 0

    def run(self, at_once: int) -> int:
        """Make all of them, and return how many there were.

        Raises:
            RuntimeError: one was refused, so that the figure would mean nothing.
        """
        try:
            for _ in range(at_once):
                self._begin()
            while self._selector.get_map():
                for key, _ in self._selector.select():
                    key.data(key.fileobj)
        finally:
            for peer in self._peers:
                peer.close()
            self._selector.close()
        return self.count

    def _begin(self) -> None:
        request = next(self._requests, None)
        if request is not None:
            peer = socket.create_connection(("127.0.0.1", self._port))
            self._peers.add(peer)
            peer.sendall(request)
            self._selector.register(peer, EVENT_READ, self._answered)

    def _answered(self, peer: socket.socket) -> None:
        answer = peer.recv(4096)
        if not answer.startswith(b"HTTP/1.1 101"):
            raise RuntimeError(f"a handshake was refused: {answer[:200]!r}")
        peer.sendall(CLOSE)
        self._selector.modify(peer, EVENT_READ, self._closing)

    def _closing(self, peer: socket.socket) -> None:
        if not peer.recv(4096):
            self._selector.unregister(peer)
            self._peers.remove(peer)
            peer.close()
            self.count += 1
            self._begin()


def shake(port: int, requests: Iterable[bytes], at_once: int = AT_ONCE) -> int:
    """Make each of the handshakes, and return how many there were.

    Raises:
        RuntimeError: one was refused, so that the figure would mean nothing.
    """
    return Shaker(port, requests).run(at_once)
