"""A real server that is told to stop more than once."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.stores.kit import in_loop

from .sharing import PATIENCE_SECONDS, ROOT, environment_of, make_store

STEPS = ("drained", "stopped", "loop", "exit", "interpreter")
"""Of a program that ends, in their order."""


class Server:
    """One that ends step by step."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def reached(self) -> str:
        """The step that it has come to."""
        assert self._process.stdout is not None
        async with asyncio.timeout(PATIENCE_SECONDS):
            return (await self._process.stdout.readline()).decode().strip()

    def tell(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def go_on(self) -> None:
        """Let it take the next step."""
        assert self._process.stdin is not None
        self._process.stdin.write(b".")

    async def status(self) -> int:
        """With which it ends once nothing stops it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self._process.wait()


@asynccontextmanager
async def server(folder: Path, seconds: float) -> AsyncIterator[Server]:
    """One that serves."""
    environment = environment_of(f"sqlite:///{folder}/store.db", folder)
    await make_store(environment)
    command = (sys.executable, "-m", "tests.processes.ending", str(seconds))
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, cwd=ROOT, env=environment)
    running = Server(process)
    try:
        assert "serving" == await running.reached()
        yield running
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@in_loop
async def test_server_that_has_drained_ends_with_zero(number: signal.Signals, tmp_path: Path) -> None:
    """However often it is told meanwhile, and however far it has come."""
    async with server(tmp_path, seconds=3_600.0) as ending:
        ending.tell(signal.SIGTERM)
        reached = []
        while step := await ending.reached():
            reached.append(step)
            ending.tell(number)
            ending.tell(number)
            ending.go_on()

        assert list(STEPS) == reached
        assert 0 == await ending.status()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@in_loop
async def test_server_that_has_drained_and_does_not_end_is_stopped(number: signal.Signals, tmp_path: Path) -> None:
    """Once it has had its time, a signal does what it does to any program."""
    async with server(tmp_path, seconds=0.0) as ending:
        ending.tell(signal.SIGTERM)
        assert "drained" == await ending.reached()
        ending.tell(number)

        assert -number == await ending.status()
