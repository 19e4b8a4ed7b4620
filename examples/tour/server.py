"""The chat server as a process of its own, in a deployment made by the `wssec` command."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

ORIGIN = "https://app.example.com"
PATIENCE_SECONDS = 30.0


async def run(*command: str, env: dict[str, str]) -> str:
    """Run a program and return what it printed; a failure ends the tour with its words."""
    process = await asyncio.create_subprocess_exec(
        *command, env=env, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command[:4])} … exited with {process.returncode}: {err.decode().strip()}")
    return out.decode().strip()


@dataclass(frozen=True, slots=True)
class Deployment:
    """One server with its keys and its store.

    Args:
        port: where it listens on loopback.
        env: what a `wssec` command on the same machine would have.
    """

    port: int
    env: dict[str, str]

    async def wssec(self, *arguments: str) -> str:
        """Run a `wssec` command in a process of its own; return what it printed."""
        return await run(sys.executable, "-m", "tornado_wssec", *arguments, env=self.env)

    async def token(self, subject: str, *permissions: str, **other_settings: str) -> str:
        """A token made by `wssec token issue`; `other_settings` replace those of the server."""
        named = [argument for permission in permissions for argument in ("--permission", permission)]
        env = {**self.env, **other_settings}
        return await run(sys.executable, "-m", "tornado_wssec", "token", "issue", "--subject", subject, *named, env=env)


def read_env_file(path: Path) -> dict[str, str]:
    """The `NAME=value` lines of a file that `wssec init` wrote."""
    lines = [line.strip() for line in path.read_text().splitlines()]
    pairs = [line.removeprefix("export ").partition("=") for line in lines if line and not line.startswith("#")]
    return {name: value.strip("'\"") for name, _, value in pairs}


@asynccontextmanager
async def deployed(folder: Path) -> AsyncIterator[Deployment]:
    """Make keys and a store in `folder` with `wssec init`, and serve the chat from there."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("WSSEC_")}
    await run(sys.executable, "-m", "tornado_wssec", "init", str(folder), env=bare)
    settings = read_env_file(folder / "wssec.env")
    env = {**bare, **settings, "WSSEC_ORIGINS": ORIGIN, "PORT": "0", "PYTHONUNBUFFERED": "1"}
    server = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "examples.chat.app",
        env=env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for us; the server is told once, and drains
    )
    log = asyncio.create_task(_keep(server.stderr, folder / "server.log"))
    try:
        yield Deployment(await _port_of(server, folder / "server.log"), env)
    finally:
        if server.returncode is None:
            server.terminate()
        await server.wait()
        await log


async def _port_of(server: asyncio.subprocess.Process, log: Path) -> int:
    async with asyncio.timeout(PATIENCE_SECONDS):
        line = (await server.stdout.readline()).decode() if server.stdout else ""
    if "listening on" not in line:
        await server.wait()
        raise RuntimeError(f"the server did not start: {log.read_text().strip()}")
    return int(line.partition("127.0.0.1:")[2].partition("/")[0])


async def _keep(stream: asyncio.StreamReader | None, path: Path) -> None:
    with path.open("wb") as file:
        while stream and (chunk := await stream.read(65_536)):
            file.write(chunk)
            file.flush()
