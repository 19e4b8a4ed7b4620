"""A chat in a process of its own, on a store and keys that it shares with others, as its environment says.

`python -m tests.processes.sharing` writes its port to standard output, and serves until standard input ends.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from tornado.web import Application

from tests.kits import CHAT, GENEROUS, ChatSocket
from tests.stores.kit import PATIENT
from tornado_wssec import Guard

ROOT: Final = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS: Final = 60.0


async def serve() -> None:
    """Serve until standard input ends."""
    async with Guard.from_env(registry=CHAT, limits=GENEROUS, timeouts=PATIENT) as guard:
        app = Application([("/ws", ChatSocket), *guard.routes()], wssec=guard)
        sys.stdout.write(f"{guard.listen(app, 0)}\n")
        sys.stdout.flush()
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        await reader.read()


@asynccontextmanager
async def sharing(environment: Mapping[str, str]) -> AsyncIterator[int]:
    """A running process, by its port."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("WSSEC_")}
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.processes.sharing"),
        stdin=pipe,
        stdout=pipe,
        cwd=ROOT,
        env={**bare, **environment},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            port = await process.stdout.readline()
        assert port, "the server has ended"
        yield int(port)
    finally:
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), PATIENCE_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()


@asynccontextmanager
async def several(count: int, environment: Mapping[str, str]) -> AsyncIterator[list[int]]:
    """So many of them, by their ports."""
    async with AsyncExitStack() as stack:
        starting = [stack.enter_async_context(sharing(environment)) for _ in range(count)]
        yield list(await asyncio.gather(*starting))


if __name__ == "__main__":
    asyncio.run(serve())
