"""The load client in Python, for where no C can be compiled; `client.c` says what it does and how it is asked.

It costs more than the fastest servers do, which is told with what it measures (`busy`).
"""

import asyncio
import json
import resource
import ssl
import sys
import time
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

STORM: Final = 64
AN_ADDRESS: Final = 1_000
DRAIN_SECONDS: Final = 10.0
SAMPLE_BYTES: Final = 125
STAMP_BYTES: Final = 35
"""`2026-01-31T12:00:00.250000+00:00"}}` at the end of a message."""
KEY: Final = b"\x37\xfa\x21\x3d"
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


def frame(opcode: int, payload: bytes) -> bytes:
    """A client's frame (RFC 6455 §5.2)."""
    size = len(payload)
    head = bytes((0x80 | opcode, 0x80 | size)) if size < 126 else bytes((0x80 | opcode, 0xFE)) + size.to_bytes(2)
    return head + KEY + bytes(byte ^ KEY[at & 3] for at, byte in enumerate(payload))


@dataclass
class Asked:
    """The arguments; see `bench.load.driver.Plan`."""

    port: int
    requests: list[bytes]
    message: bytes
    hello: bytes | None
    outstanding: int = 1
    active: int = 0
    fan: int = 0
    pace: float = 0
    deaf: bool = False
    tls: bool = False
    greeted: int = 0
    stamped: bool = False

    @classmethod
    def read(cls, arguments: list[str]) -> "Asked":
        """Of the command line."""
        given = dict(argument.split("=", 1) for argument in arguments)
        requests = Path(given["requests"]).read_bytes().split(b"\r\n\r\n")[:-1]
        return cls(
            port=int(given["port"]),
            requests=[request + b"\r\n\r\n" for request in requests],
            message=frame(TEXT, Path(given["message"]).read_bytes()),
            hello=b"".join(frame(TEXT, line) for line in Path(given["hello"]).read_bytes().splitlines())
            if "hello" in given
            else None,
            outstanding=int(given["outstanding"]),
            active=int(given["active"]),
            fan=int(given["fan"]),
            pace=float(given["pace"]),
            deaf=given["deaf"] == "1",
            tls=given["tls"] == "1",
            greeted=int(given["greeted"]),
            stamped=given["stamped"] == "1",
        )


@dataclass
class Tally:
    """What one run came to so far."""

    began: float = field(default_factory=time.perf_counter)
    cpu: float = field(default_factory=time.process_time)
    waits: list[float] = field(default_factory=list)
    odd: int = 0
    skipped: int = 0
    in_flight: int = 0
    sample: bytes = b""
    size: int | None = None

    def told(self, lost: int) -> dict[str, Any]:
        """As the driver reads it."""
        seconds = time.perf_counter() - self.began
        waits = sorted(self.waits) or [0.0]
        return {
            "messages": len(self.waits),
            "seconds": seconds,
            "busy": (time.process_time() - self.cpu) / seconds,
            "p50_us": round(waits[(len(waits) - 1) // 2] * 1e6),
            "p99_us": round(waits[int((len(waits) - 1) * 0.99)] * 1e6),
            "lost": lost,
            "odd": self.odd,
            "skipped": self.skipped,
            "unanswered": self.in_flight,
            "sample": self.sample.hex(),
        }


class Clients:
    """All connections, and whose turn it is."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.all: list[Connection] = []
        self.lost = 0
        self.tally: Tally | None = None
        self.is_talking = False
        self._turn = 0

    async def connect(self, count: int) -> dict[str, Any]:
        """Open so many more."""
        gate = asyncio.Semaphore(STORM)
        first = len(self.all)
        self.all += [Connection(self, number) for number in range(first, first + count)]
        await asyncio.gather(*(connection.open(gate) for connection in self.all[first:]))
        return {"connected": len(self.all) - self.lost, "lost": self.lost}

    async def run(self, seconds: float) -> dict[str, Any]:
        """Talk for so long."""
        self.tally = tally = Tally()
        self.is_talking = True
        speaking = asyncio.ensure_future(self._speak(tally))
        await asyncio.sleep(seconds)
        self.is_talking = False
        speaking.cancel()
        until = time.perf_counter() + DRAIN_SECONDS
        while not self._is_settled(tally) and time.perf_counter() < until:  # noqa: ASYNC110  # the last answer may never come
            await asyncio.sleep(0.001)
        self.tally = None
        return tally.told(self.lost)

    def _is_settled(self, tally: Tally) -> bool:
        if self.asked.fan and len(tally.waits) % self.asked.fan == 0:
            tally.in_flight = 0
        return not tally.in_flight

    async def _speak(self, tally: Tally) -> None:
        asked = self.asked
        if asked.stamped:
            return
        if asked.fan:
            self.all[0].say(1)
        elif asked.active:
            self.say_next(asked.active)
        elif not asked.pace:
            for connection in self.all:
                connection.say(asked.outstanding)
        else:
            await self._keep_pace(tally)

    async def _keep_pace(self, tally: Tally) -> None:
        step = self.asked.pace / len(self.all)
        number = 0
        while True:
            while tally.began + number * step <= time.perf_counter():
                connection = self.all[number % len(self.all)]
                if len(connection.sent) < self.asked.outstanding:
                    connection.say(1)
                else:
                    tally.skipped += 1
                number += 1
            await asyncio.sleep(0.001)

    def say_next(self, count: int) -> None:
        """Let the next ones that wait for nothing say something."""
        for _ in range(len(self.all)):
            if not count:
                return
            connection = self.all[self._turn % len(self.all)]
            self._turn += 1
            if not connection.sent:
                connection.say(1)
                count -= 1

    def answered(self, connection: "Connection", payload: bytes) -> int:
        """One message has come; how many may be said for it."""
        tally = self.tally
        if tally is not None and self.asked.stamped:
            tally.waits += age_of(payload)
            return 0
        if tally is None or not (connection.sent or self.asked.fan):
            return 0
        if tally.size is None:
            tally.sample, tally.size = payload[:SAMPLE_BYTES], len(payload)
        now = time.perf_counter()
        if self.asked.fan:
            tally.waits.append(now - self.all[0].sent[0])
            if len(tally.waits) % self.asked.fan:
                return 0
            self.all[0].sent.clear()
            tally.in_flight = 0
            return 1
        tally.odd += len(payload) != tally.size
        tally.waits.append(now - connection.sent.pop(0))
        tally.in_flight -= 1
        return 1

    def go_on(self, connection: "Connection", came: int) -> None:
        """Say as much as has been answered."""
        if not came or not self.is_talking:
            return
        if self.asked.fan:
            self.all[0].say(1)
        elif self.asked.active:
            self.say_next(came)
        elif not self.asked.pace:
            connection.say(came)


class Connection(asyncio.Protocol):
    """One client.

    Args:
        number: which request is its own, and which address it comes from.
    """

    transport: asyncio.Transport

    def __init__(self, clients: Clients, number: int) -> None:
        self._clients = clients
        self._number = number
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._buffer = b""
        self._greeted = -1  # before the head of the answer has come
        self.sent: list[float] = []

    async def open(self, gate: asyncio.Semaphore) -> None:
        """Connect, and be greeted."""
        async with gate:
            await asyncio.get_running_loop().create_connection(
                lambda: self,
                "127.0.0.1",
                self._clients.asked.port,
                ssl=unverified() if self._clients.asked.tls else None,
                local_addr=(f"127.0.0.{2 + self._number // AN_ADDRESS}", 0),
            )
            await self._ready

    def say(self, count: int) -> None:
        """So many messages at once."""
        tally = self._clients.tally
        if tally is None:
            return
        self.sent += [time.perf_counter()] * count
        tally.in_flight += count
        self.transport.write(self._clients.asked.message * count)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        requests = self._clients.asked.requests
        transport.write(requests[self._number % len(requests)])

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over, which nobody wanted."""
        self._clients.lost += 1
        if not self._ready.done():
            self._ready.set_result(None)

    def data_received(self, data: bytes) -> None:
        """Read what is whole."""
        self._buffer += data
        if self._greeted < 0 and not self._read_head():
            return
        came = 0
        while (found := self._next_frame()) is not None:
            came += self._frame_came(*found)
        self._clients.go_on(self, came)

    def _read_head(self) -> bool:
        head, end, rest = self._buffer.partition(b"\r\n\r\n")
        if not end:
            return False
        if not head.startswith(b"HTTP/1.1 101"):
            if not self._clients.lost:
                print(f"load client: refused: {head[:200]!r}", file=sys.stderr)
            self.transport.abort()
            return False
        self._buffer, self._greeted = rest, 0
        if self._clients.asked.hello is None:
            self._ready.set_result(None)
        else:
            self.transport.write(self._clients.asked.hello)
        return True

    def _next_frame(self) -> tuple[int, bytes] | None:
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        size, start = buffer[1] & 127, 2
        if size >= 126:
            start = 4 if size == 126 else 10
            size = int.from_bytes(buffer[2:start])
        if len(buffer) < start + size:
            return None
        self._buffer = buffer[start + size :]
        return buffer[0] & 15, buffer[start : start + size]

    def _frame_came(self, opcode: int, payload: bytes) -> int:
        if opcode == CLOSE:
            self.transport.abort()
        elif opcode == PING:
            self.transport.write(frame(PONG, payload))
        elif payload == b"2":  # Engine.IO asks whether somebody is there
            self.transport.write(frame(TEXT, b"3"))
        elif not self._ready.done():
            self._greeted += 1
            if self._greeted >= self._clients.asked.greeted:
                self._ready.set_result(None)
                if self._clients.asked.deaf:
                    self.transport.pause_reading()
        else:
            return self._clients.answered(self, payload)
        return 0


def age_of(payload: bytes) -> list[float]:
    """How old a message is that tells at its end when it was made; nothing of one that does not."""
    try:
        return [max(time.time() - datetime.fromisoformat(payload[-STAMP_BYTES:-3].decode()).timestamp(), 0)]
    except ValueError:
        return []


def unverified() -> ssl.SSLContext:
    """Of a certificate that nobody looks at: the server is our own, on loopback."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def main() -> None:
    """Do as standard input says."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    clients = Clients(Asked.read(sys.argv[1:]))
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        command, number = line.decode().split()
        told = await (clients.connect(int(number)) if command == "connect" else clients.run(float(number)))
        print(json.dumps(told), flush=True)
    for connection in clients.all:
        connection.transport.write(frame(CLOSE, (1000).to_bytes(2)))
    await asyncio.sleep(0.1)


if __name__ == "__main__":
    asyncio.run(main())
