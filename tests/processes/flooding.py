"""Strangers, from many addresses of loopback, whose handshakes are refused one way or another.

`python -m tests.processes.flooding PORT COUNT` sends so many of them, and says as JSON what it sent and what came back.
Everything goes to 127.0.0.1, and comes from 127.0.0.0/8.
"""

import asyncio
import json
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
AT_ONCE: Final = 32
ADDRESSES: Final = 2_000
PATIENCE_SECONDS: Final = 600.0
GOOD: Final = {
    "Host": "127.0.0.1",
    "Origin": "https://app.example.com",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}


def request(changes: dict[str, str], method: str = "GET", end: str = "\r\n") -> bytes:
    """A handshake with these headers in the place of its own."""
    lines = [f"{method} /ws HTTP/1.1", *(f"{name}: {value}" for name, value in (GOOD | changes).items()), "", ""]
    return end.join(lines).encode()


KINDS: Final = (
    ("origin 403", request({"Origin": "https://evil.example.com"})),
    ("credential 401", request({})),
    ("credential 401", request({"Authorization": "Bearer " + "x" * 500})),
    ("host 421", request({"Host": "evil.example.com"})),
    ("handshake 426", request({"Sec-WebSocket-Version": "8"})),
    ("handshake 400", request({"Sec-WebSocket-Key": "short"})),
    ("handshake 405", request({"Content-Length": "0"}, method="POST")),
    ("request 400", request({}, end="\n")),
)
"""How the server counts each, and what is sent."""


def address_of(number: int) -> str:
    """Where a stranger comes from. Only Linux has all of 127.0.0.0/8 without being asked."""
    number %= ADDRESSES
    return f"127.1.{number // 250}.{number % 250 + 1}" if sys.platform == "linux" else "127.0.0.1"


async def knock(port: int, number: int, answered: Counter[str]) -> str:
    """Send one, count what it is answered, and say how the server is to have counted it."""
    kind, sent = KINDS[number % len(KINDS)]
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address_of(number), 0))
    writer.write(sent)
    status = (await reader.readline()).split()[1].decode()
    answered[f"{kind} was answered {status}"] += 1
    writer.close()
    return kind


async def flood(port: int, count: int) -> dict[str, dict[str, int]]:
    """Send so many, a few at once."""
    numbers = iter(range(count))
    sent: Counter[str] = Counter()
    answered: Counter[str] = Counter()

    async def keep_knocking() -> None:
        for number in numbers:
            sent[await knock(port, number, answered)] += 1

    await asyncio.gather(*(keep_knocking() for _ in range(AT_ONCE)))
    return {"sent": dict(sent), "answered": dict(answered)}


async def flooding(port: int, count: int) -> dict[str, Any]:
    """Have it done by a process of its own."""
    pipe = asyncio.subprocess.PIPE
    command = [sys.executable, "-m", "tests.processes.flooding", str(port), str(count)]
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, cwd=ROOT, env=dict(os.environ))
    async with asyncio.timeout(PATIENCE_SECONDS):
        out, _ = await process.communicate()
    assert process.returncode == 0, "the flood has failed"
    told: dict[str, Any] = json.loads(out)
    return told


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(flood(int(sys.argv[1]), int(sys.argv[2])))))
