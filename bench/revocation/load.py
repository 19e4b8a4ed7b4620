"""Clients of several servers, in a process of their own, who write down when they are closed.

Usage: python -m bench.revocation.load PLAN PACE

PLAN is a JSON file: [group, port, request] of each connection. Once all are connected the process says so; from then on
each member of the group "talkers" says something every PACE seconds, and is asked `closed` and `answers` on standard
input.
"""

import asyncio
import json
import sys
import time
from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import Any, Final

from ..messages import SMALL
from ..peers.control import answer, raise_descriptors

TALKERS: Final = "talkers"
AT_ONCE: Final = 32
AGAIN_SECONDS: Final = 0.1
PATIENCE_SECONDS: Final = 300.0
CLOSE, PING, PONG = 8, 9, 10
UPGRADED: Final = b"HTTP/1.1 101 "


class Clients:
    """All of them, and what became of them."""

    def __init__(self) -> None:
        self.closed: dict[str, list[tuple[float, int | None]]] = defaultdict(list)
        """By group: the wall second of each end, and the code of the close frame; None where there was none."""
        self.answers = 0
        self.talkers: list[asyncio.Transport] = []
        self._places = asyncio.Semaphore(AT_ONCE)

    async def connect(self, group: str, port: int, request: str) -> None:
        """Knock until one is let in: a server that has just come tells everybody to wait.

        Raises:
            RuntimeError: it answers neither 101 nor 503.
        """
        loop = asyncio.get_running_loop()
        async with self._places:
            while True:
                transport, client = await loop.create_connection(partial(Client, self, group), "127.0.0.1", port)
                transport.write(request.encode())
                status = await client.status
                if status.startswith(UPGRADED):
                    break
                transport.close()
                if b" 503 " not in status:
                    raise RuntimeError(f"a client was refused with {status!r}")
                await asyncio.sleep(AGAIN_SECONDS)
        if group == TALKERS:
            self.talkers.append(transport)

    async def talk(self, pace: float) -> None:
        """Let one after another say something, each once in `pace` seconds."""
        said, began = 0, time.monotonic()
        text = masked(0x81, SMALL.text.encode())
        while self.talkers:
            due = int((time.monotonic() - began) * len(self.talkers) / pace)
            for number in range(said, due):
                self.talkers[number % len(self.talkers)].write(text)
            said = max(said, due)
            await asyncio.sleep(0.01)


class Client(asyncio.Protocol):
    """One connection."""

    def __init__(self, clients: Clients, group: str) -> None:
        self._clients = clients
        self._group = group
        self._buffer = b""
        self._is_over = False
        self.status: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep it."""
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        """Read the answer to the handshake, then frames."""
        self._buffer += data
        if not self.status.done():
            head, separator, rest = self._buffer.partition(b"\r\n\r\n")
            if not separator:
                return
            self._buffer = rest
            self._is_over = not head.startswith(UPGRADED)
            self.status.set_result(head.partition(b"\r\n")[0])
        while not self._is_over and (frame := self._frame()) is not None:
            self._take(*frame)

    def _frame(self) -> tuple[int, bytes] | None:
        """Take the next frame from the buffer, where it is whole; a server's are short, and not masked."""
        if len(self._buffer) < 2:
            return None
        length, start = self._buffer[1], 2
        if length == 126:
            length, start = int.from_bytes(self._buffer[2:4]), 4
        if len(self._buffer) < start + length:
            return None
        opcode, payload = self._buffer[0] & 0x0F, self._buffer[start : start + length]
        self._buffer = self._buffer[start + length :]
        return opcode, payload

    def _take(self, opcode: int, payload: bytes) -> None:
        if opcode == CLOSE:
            self._end(int.from_bytes(payload[:2]))
            self._transport.write(masked(0x88, payload[:2]))
            self._transport.close()
        elif opcode == PING:
            self._transport.write(masked(0x80 | PONG, payload))
        else:
            self._clients.answers += 1

    def _end(self, code: int | None) -> None:
        if not self._is_over:
            self._is_over = True
            self._clients.closed[self._group].append((time.time(), code))

    def connection_lost(self, error: Exception | None) -> None:
        """The end; whether it was announced shows in the code."""
        if self.status.done():
            self._end(None)
        else:
            self.status.set_result(b"nothing: HTTP/1.1 503 ")  # its server was full; as if it had said so


def masked(first: int, payload: bytes) -> bytes:
    """A client's frame of fewer than 64 KiB, under a mask of zeros."""
    size = [0x80 | len(payload)] if len(payload) < 126 else [0xFE, *len(payload).to_bytes(2)]
    return bytes([first, *size, 0, 0, 0, 0]) + payload


async def main(rows: list[tuple[str, int, str]], pace: float) -> None:
    """Connect, say so, and talk."""
    raise_descriptors()
    clients = Clients()
    async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as group:
        for row in rows:
            group.create_task(clients.connect(*row))
    answer(0, closed=lambda: clients.closed, answers=lambda: clients.answers)
    await clients.talk(pace)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), float(sys.argv[2])))
