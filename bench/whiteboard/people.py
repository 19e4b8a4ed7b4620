"""The people: each a socket in this process, which listens to its board as the page does, and draws when it is due."""

import asyncio
import json
import struct
import time
from collections.abc import Sequence
from typing import Any, Final

from ..frames import TEXT, frame

AT_ONCE: Final = 64
"""Handshakes under way."""
MARK: Final = b'"stroke":"'
DRAWN: Final = b'{"type":"board.drawn"'
REFUSED: Final = b'{"type":"error"'
POINTS: Final = 20
PONG: Final = 0x8A
TEXT_OPCODE, CLOSE_OPCODE, PING_OPCODE = 0x1, 0x8, 0x9


class Tally:
    """What came of every stroke."""

    def __init__(self) -> None:
        self.sent_at: list[float] = []
        self.came: list[int] = []
        self.latencies: list[float] = []
        self.refused: list[bytes] = []
        self.lost = 0

    def begin(self) -> int:
        """The number of a stroke that is sent now."""
        self.sent_at.append(time.monotonic())
        self.came.append(0)
        return len(self.sent_at) - 1

    def hear(self, payload: bytes) -> None:
        """Count what a person hears."""
        if payload.startswith(DRAWN):
            at = payload.index(MARK) + len(MARK)
            number = int(payload[at + 24 : at + 36], 16)
            self.came[number] += 1
            self.latencies.append(time.monotonic() - self.sent_at[number])
        elif payload.startswith(REFUSED):
            self.refused.append(payload[:200])


class Person(asyncio.Protocol):
    """One socket.

    Args:
        request: its handshake.
        board: what it listens to.
    """

    def __init__(self, request: str, board: str, tally: Tally) -> None:
        self._request = request
        self._board = board
        self._tally = tally
        self._buffer = b""
        self._is_open = False
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._awaited = 2
        self.transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Shake hands."""
        assert isinstance(transport, asyncio.WriteTransport)
        self.transport = transport
        transport.write(self._request.encode())

    def data_received(self, data: bytes) -> None:
        """Take the answer, then frames (RFC 6455 §5.2; a server's are not masked)."""
        buffer = self._buffer + data if self._buffer else data
        if not self._is_open:
            head, end, buffer = buffer.partition(b"\r\n\r\n")
            if not end:
                self._buffer = head
                return
            self._shaken(head)
        at = 0
        while len(buffer) - at >= 2:
            size, start = buffer[at + 1], at + 2
            if size == 126:
                if len(buffer) - at < 4:
                    break
                (size,) = struct.unpack_from("!H", buffer, start)
                start += 2
            if len(buffer) < start + size:
                break
            self._take(buffer[at] & 0x0F, buffer[start : start + size])
            at = start + size
        self._buffer = buffer[at:]

    def connection_lost(self, error: Exception | None) -> None:
        """It was not we who hung up, unless all is over."""
        self._tally.lost += 1
        if not self.ready.done():
            self.ready.set_exception(RuntimeError("a connection was lost before it was ready"))

    def draw(self) -> None:
        """Draw one stroke of twenty points, as the page would send it."""
        number = self._tally.begin()
        points = [{"x": 100.5 + step * 7, "y": 200.2 + (step * step) % 90} for step in range(POINTS)]
        stroke = {
            "board": self._board,
            "stroke": f"00000000-0000-4000-8000-{number:012x}",
            "shape": "freehand",
            "points": points,
            "color": "#2f5fd0",
            "style": {"width": 7},
            "drawn_at": "2026-05-04T09:41:00.000Z",
        }
        self._say({"type": "board.draw", "id": f"c{number}", "data": stroke})

    def _shaken(self, head: bytes) -> None:
        if not head.startswith(b"HTTP/1.1 101 "):
            raise RuntimeError(f"a handshake was refused: {head[:200]!r}")
        self._is_open = True
        for id in ("s1", "s2"):
            self._listen(id)

    def _listen(self, id: str) -> None:
        channel = f"board:{self._board}"
        data = {"channel": channel, "since": 0} if id == "s1" else {"channel": f"{channel}:live"}
        self._say({"type": "wssec.subscribe", "id": id, "data": data})

    def _again(self, error: dict[str, Any]) -> None:
        """Ask again later, as the page's client does."""
        if error["code"] not in ("rate_limited", "unavailable"):
            self.ready.set_exception(RuntimeError(f"somebody was refused: {error}"))
        else:
            wait = error.get("retry_after", 1.0) * 1.5
            asyncio.get_running_loop().call_later(wait, self._listen, error["id"])

    def _take(self, opcode: int, payload: bytes) -> None:
        if opcode == TEXT_OPCODE and self.ready.done():
            self._tally.hear(payload)
        elif opcode == TEXT_OPCODE and payload.startswith(b'{"type":"reply","id":"s'):
            self._awaited -= 1
            if not self._awaited:
                self.ready.set_result(None)
        elif opcode == TEXT_OPCODE and payload.startswith(REFUSED):
            self._again(json.loads(payload))
        elif opcode == PING_OPCODE and self.transport is not None:
            self.transport.write(frame(PONG, payload))
        elif opcode == CLOSE_OPCODE:
            self._tally.refused.append(b"close " + payload[:100])

    def _say(self, message: object) -> None:
        assert self.transport is not None
        self.transport.write(frame(TEXT, json.dumps(message, separators=(",", ":")).encode()))


async def come(port: int, requests: Sequence[str], boards: Sequence[str], tally: Tally) -> list[Person]:
    """All of them, each at its board."""
    loop = asyncio.get_running_loop()
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(request: str, board: str) -> Person:
        async with gate:
            _, person = await loop.create_connection(lambda: Person(request, board, tally), "127.0.0.1", port)
            await person.ready
            return person

    return await asyncio.gather(*map(one, requests, boards))


async def draw(drawers: Sequence[Person], each_second: float, seconds: float, tally: Tally, people: int) -> None:
    """Let each draw so often, their turns spread evenly, and wait for what is still on its way."""
    began, gap = time.monotonic(), 1 / (len(drawers) * each_second)
    total = int(seconds / gap)
    done = 0
    while done < total:
        due = min(total, int((time.monotonic() - began) / gap) + 1)
        for number in range(done, due):
            drawers[number % len(drawers)].draw()
        done = max(done, due)
        await asyncio.sleep(gap)
    for _ in range(500):
        if sum(tally.came) >= len(tally.came) * people:
            break
        await asyncio.sleep(0.02)
