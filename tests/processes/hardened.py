"""A chat behind a hardened server in a process of its own, which answers for itself through a pipe.

`python -m tests.processes.hardened [DESCRIPTORS]` writes its port and a token to standard output as JSON, and then,
for each line on standard input, one line of JSON: see `Server`. The pipe works also when descriptors do not.
"""

import asyncio
import gc
import json
import logging
import os
import resource
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from tornado.web import Application

from tests.kits import CHAT, GENEROUS, ChatSocket
from tornado_wssec import Guard, Limits
from tornado_wssec.policy.keys import KeyRing
from tornado_wssec.settings import Settings
from tornado_wssec.stores.memory import MemoryStore
from tornado_wssec.testing.kit import AUDIENCE, ISSUER, ORIGIN, HeldKeys

ROOT: Final = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS: Final = 60.0
SHOWN_LINES: Final = 1_000
LIMITS: Final = replace(GENEROUS, refusals_logged=Limits().refusals_logged)


class Lines(logging.Handler):
    """Counts what is logged, by logger, and keeps the first lines."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.counts: Counter[str] = Counter()
        self.first: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Count one line."""
        self.counts[record.name] += 1
        if len(self.first) < SHOWN_LINES:
            self.first.append(f"{record.name} {record.getMessage()}")


class Process:
    """What the process can tell of itself, and be told to do."""

    def __init__(self, guard: Guard, lines: Lines) -> None:
        self._guard = guard
        self._lines = lines
        self._hogged: list[int] = []

    def report(self) -> dict[str, Any]:
        """What has been refused and logged, and who is in. It needs no descriptor."""
        return {
            "refusals": {f"{stage} {status}": count for (stage, status), count in self._guard.refusals.items()},
            "connections": len(self._guard.hub),
            "lines": dict(self._lines.counts),
            "log": self._lines.first,
        }

    def memory(self) -> dict[str, Any]:
        """How many bytes are resident, once the garbage has been taken out."""
        gc.collect()
        return {"rss": resident_bytes()}

    def hog(self, most: str) -> dict[str, Any]:
        """Open files until descriptors with numbers below this are used up."""
        try:
            while not self._hogged or self._hogged[-1] < int(most) - 1:
                self._hogged.append(os.open(os.devnull, os.O_RDONLY))
        except OSError as error:
            return {"stopped": error.errno}
        return {}

    def release(self) -> dict[str, Any]:
        """Close them."""
        while self._hogged:
            os.close(self._hogged.pop())
        return {}


def resident_bytes() -> int:
    """How much memory this process has now; at the most so far where the system does not tell."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * resource.getpagesize()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


async def serve() -> None:
    """Serve until standard input ends."""
    lines = Lines()
    logging.basicConfig(level=logging.INFO, handlers=[lines])
    guard = Guard(
        registry=CHAT,
        settings=Settings.from_env({}, issuer=ISSUER, audience=AUDIENCE, origins=(ORIGIN,)),
        store=MemoryStore(),
        keys=HeldKeys(KeyRing().generate(now=time.time())),
        limits=LIMITS,
    )
    async with guard:
        app = Application([(r"/ws", ChatSocket), *guard.routes()], wssec=guard)
        port = guard.listen(app, 0)
        tell({"port": port, "token": guard.issue_token("ann", ttl=3_600.0)})
        process = Process(guard, lines)
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            command, *arguments = line.decode().split()
            tell(getattr(process, command)(*arguments))


def tell(facts: dict[str, Any]) -> None:
    """Write one line."""
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


class Server:
    """The process, seen from the test.

    Args:
        process: started, and its first line not yet read.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.port = 0
        self.token = ""

    async def begin(self) -> None:
        """Wait until it serves."""
        told = await self._line()
        self.port, self.token = told["port"], told["token"]

    async def report(self) -> dict[str, Any]:
        """What it says of itself; see `Process.report`."""
        return await self._ask("report")

    async def resident_bytes(self) -> int:
        """How much memory it has."""
        told: int = (await self._ask("memory"))["rss"]
        return told

    async def hog(self, below: int) -> dict[str, Any]:
        """Make it use up its descriptors below this number."""
        return await self._ask(f"hog {below}")

    async def release(self) -> None:
        """Make it close what it hogged."""
        await self._ask("release")

    async def _ask(self, command: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{command}\n".encode())
        return await self._line()

    async def _line(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        async with asyncio.timeout(PATIENCE_SECONDS):
            line = await self._process.stdout.readline()
        assert line, "the server has ended"
        facts: dict[str, Any] = json.loads(line)
        return facts


@asynccontextmanager
async def running(descriptors: int | None = None) -> AsyncIterator[Server]:
    """A running server, which may have so many descriptors."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("WSSEC_")}
    command = [sys.executable, "-m", "tests.processes.hardened", *([] if descriptors is None else [str(descriptors)])]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *command, stdin=pipe, stdout=pipe, cwd=ROOT, env=bare, limit=16 * 1024 * 1024
    )
    try:
        server = Server(process)
        await server.begin()
        yield server
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), PATIENCE_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]),) * 2)
    asyncio.run(serve())
