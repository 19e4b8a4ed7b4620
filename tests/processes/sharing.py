"""A chat in a process of its own, on a store and keys that it shares with others, as its environment says.

`python -m tests.processes.sharing` writes its port to standard output, and serves until standard input ends.
"""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final, NamedTuple

from tornado.web import Application

from tests.kits import CHAT, GENEROUS, ChatSocket
from tests.stores.kit import PATIENT
from tornado_wssec import Guard, Limits, Timeouts
from tornado_wssec.policy.keys import KeyRing
from tornado_wssec.stores.keyfile import KeyFile
from tornado_wssec.stores.url import open_store
from tornado_wssec.testing.kit import AUDIENCE, ISSUER, ORIGIN

ROOT: Final = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS: Final = 60.0


def environment_of(url: str, folder: Path) -> dict[str, str]:
    """What servers of one store have in common, with a new key file in the folder."""
    keys = folder / "keys.json"
    KeyFile(keys, None).create(KeyRing().generate(now=time.time()))
    return {
        "WSSEC_STORE": url,
        "WSSEC_KEYS": str(keys),
        "WSSEC_ISSUER": ISSUER,
        "WSSEC_AUDIENCE": AUDIENCE,
        "WSSEC_ORIGINS": ORIGIN,
    }


async def make_store(environment: dict[str, str]) -> None:
    """As `wssec store migrate` does."""
    store = open_store(environment["WSSEC_STORE"], timeouts=PATIENT)
    await store.migrate(time.time())
    await store.close()


async def serve(limits: Limits = GENEROUS, timeouts: Timeouts = PATIENT) -> None:
    """Serve until standard input ends."""
    async with Guard.from_env(registry=CHAT, limits=limits, timeouts=timeouts) as guard:
        app = Application([("/ws", ChatSocket), *guard.routes()], wssec=guard)
        sys.stdout.write(f"{guard.listen(app, 0)}\n")
        sys.stdout.flush()
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        await reader.read()


class Server(NamedTuple):
    """A running process, and where it listens."""

    port: int
    process: asyncio.subprocess.Process


@asynccontextmanager
async def sharing(environment: Mapping[str, str], module: str = "tests.processes.sharing") -> AsyncIterator[Server]:
    """A running process."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("WSSEC_")}
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module),
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
        yield Server(int(port), process)
    finally:
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), PATIENCE_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()


@asynccontextmanager
async def several(
    count: int, environment: Mapping[str, str], module: str = "tests.processes.sharing"
) -> AsyncIterator[list[Server]]:
    """So many of them."""
    async with AsyncExitStack() as stack:
        starting = [stack.enter_async_context(sharing(environment, module)) for _ in range(count)]
        yield list(await asyncio.gather(*starting))


if __name__ == "__main__":
    asyncio.run(serve())
