"""Readers who take a sip now and then: a process of its own, asked as a server is, and as light as they are slow.

Usage: python -m bench.trading.slow PORT COUNT REQUESTS HELLO
"""

import json
import select
import socket
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from ..load.client import CLOSE, PING, PONG, TEXT, frame

SIP_BYTES: Final = 2_048
PAUSE_SECONDS: Final = 0.25
"""8 KiB a second, of a feed of some 45."""
WINDOW_BYTES: Final = 4_096
SEGMENT_BYTES: Final = 1_448
"""Those of loopback have 64 KiB, and one that is larger than the window waits for a timer of the system's."""
DRY_SECONDS: Final = 1.0
"""Without a byte, once the feed has ended: then that was all."""
ROOM_BYTES: Final = 65_536


class Reader:
    """One connection with a small window, and segments as Ethernet has them."""

    def __init__(self, port: int, request: bytes, hello: bytes) -> None:
        self.sock = socket.socket()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WINDOW_BYTES)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT_BYTES)
        self.sock.connect(("127.0.0.1", port))
        self.sock.sendall(request)
        self._buffer = b""
        while b"\r\n\r\n" not in self._buffer:
            self._buffer += self.sock.recv(SIP_BYTES)
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 101"):
            sys.exit(f"a slow reader was refused: {head[:200]!r}")
        self.sock.sendall(hello)
        self.sock.setblocking(False)
        self.is_gone = False
        self.ended = 0
        self.ages: list[float] = []
        self.last: dict[str, Any] = {}
        self.times: dict[str, str] = {}
        self.disordered = 0

    def sip(self, most: int) -> int:
        """Read at most so many bytes; how many there were."""
        try:
            got = self.sock.recv(most)
        except BlockingIOError:
            return 0
        except OSError:
            got = b""
        self.is_gone = self.is_gone or not got
        self._buffer += got
        while (payload := self._next()) is not None:
            self._hear(payload)
        return len(got)

    def _next(self) -> bytes | None:
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        size, start = buffer[1] & 127, 2
        if size == 126:
            size, start = int.from_bytes(buffer[2:4]), 4
        if len(buffer) < start + size:
            return None
        self._buffer = buffer[start + size :]
        opcode, payload = buffer[0] & 15, buffer[start : start + size]
        if opcode == PING:
            self.sock.send(frame(PONG, payload))
        if opcode == CLOSE:
            self.is_gone = True
            self.ended = int.from_bytes(payload[:2])
        return payload if opcode == TEXT else b"{}"

    def _hear(self, payload: bytes) -> None:
        message = json.loads(payload)
        if message.get("type") != "market.quote":
            return
        data = message["data"]
        self.ages.append(time.time() - datetime.fromisoformat(data["at"]).timestamp())
        self.disordered += data["at"] <= self.times.get(data["symbol"], "")
        self.times[data["symbol"]] = data["at"]
        self.last[data["symbol"]] = [data["bid"], data["ask"]]


class Readers:
    """All of them."""

    def __init__(self, port: int, count: int, requests: list[bytes], hello: bytes) -> None:
        self._all = [Reader(port, requests[number], hello) for number in range(count)]

    def run(self, seconds: str) -> dict[str, Any]:
        """Sip for so long; what came."""
        for reader in self._all:
            reader.ages.clear()
        until = time.monotonic() + float(seconds)
        while (now := time.monotonic()) < until:
            self._each(lambda reader: reader.sip(SIP_BYTES))
            time.sleep(max(PAUSE_SECONDS - (time.monotonic() - now), 0))
        return self._told()

    def drain(self) -> dict[str, Any]:
        """Read all that is still to come, as fast as it does."""
        dry_at = time.monotonic() + DRY_SECONDS
        while time.monotonic() < dry_at:
            ready, _, _ = select.select([one.sock for one in self._all if not one.is_gone], [], [], 0.1)
            if ready:
                dry_at = time.monotonic() + DRY_SECONDS
                self._each(lambda reader: reader.sip(ROOM_BYTES))
        return {**self._told(), "last": [reader.last for reader in self._all]}

    def _each(self, act: Callable[[Reader], int]) -> None:
        for reader in self._all:
            if not reader.is_gone:
                act(reader)

    def _told(self) -> dict[str, Any]:
        ages = sorted(age for reader in self._all for age in reader.ages) or [0.0]
        return {
            "quotes": sum(len(reader.ages) for reader in self._all),
            "age_p50": ages[len(ages) // 2],
            "age_most": ages[-1],
            "gone": [reader.ended for reader in self._all if reader.is_gone],
            "disordered": sum(reader.disordered for reader in self._all),
        }


def main() -> None:
    """Do as standard input says."""
    port, count, requests, hello = sys.argv[1:]
    shown = [text + b"\r\n\r\n" for text in Path(requests).read_bytes().split(b"\r\n\r\n")[:-1]]
    readers = Readers(int(port), int(count), shown, Path(hello).read_bytes())
    known: dict[str, Callable[..., Any]] = {"run": readers.run, "drain": readers.drain}
    print(json.dumps({"port": 0}), flush=True)
    for line in sys.stdin:
        word, *arguments = line.split()
        print(json.dumps(known[word](*arguments)), flush=True)


if __name__ == "__main__":
    main()
