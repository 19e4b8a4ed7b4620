"""Several processes on one port: who is served by whom, and what is left when one of them ends."""

import asyncio
import logging
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import pytest
from tornado.web import Application

from tests.kits import CHAT, GENEROUS, ChatSocket, chat_kit
from tests.stores.kit import PATIENT, in_loop
from tornado_wssec import ConfigurationError, Guard
from tornado_wssec.processes import MARKER, First
from tornado_wssec.testing import Client, RawSocket
from tornado_wssec.testing.kit import ORIGIN
from tornado_wssec.testing.raw import handshake_headers

from .sharing import PATIENCE_SECONDS, ROOT, environment_of, make_store

PROCESSES: Final = 4
CROWD: Final = 60
"""That all of them miss one of four processes happens once in thirty million times."""


class Program:
    """The running program, seen from outside."""

    def __init__(self, port: int, process: asyncio.subprocess.Process, environment: dict[str, str]) -> None:
        self.port = port
        self.process = process
        self.environment = environment
        self._guard = Guard.from_env(environment, registry=CHAT, limits=GENEROUS, timeouts=PATIENT)
        self._guard.keeper.start()
        self.raws: list[RawSocket] = []

    async def client(self) -> tuple[Client, int]:
        """A connection, and the pid of the process that has it."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                # A process may end with who waits for it, and a new one may take its time.
                with suppress(ConnectionError, asyncio.IncompleteReadError, TimeoutError):
                    return await self._client()

    async def _client(self) -> tuple[Client, int]:
        raw = await RawSocket.open(self.port)
        self.raws.append(raw)
        token = self._guard.issue_token(f"u{len(self.raws)}", ["chat:write:*"])
        answer = await raw.upgrade("/ws", handshake_headers(f"127.0.0.1:{self.port}", origin=ORIGIN, token=token))
        if answer.status == 503:  # it is new, and the others have not heard of it
            raise ConnectionRefusedError
        assert 101 == answer.status
        client = Client(raw, None)
        return client, await asked(client)

    async def crowd(self) -> dict[int, Client]:
        """One of the connections that each process has, once all of them have some."""
        found: dict[int, Client] = {}
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(found) < PROCESSES:
                client, pid = await self.client()
                found[pid] = client
        return found


async def asked(client: Client) -> int:
    """The pid of who answers."""
    return int((await client.request("chat.send", {"room": "r", "text": "who?"}))["pid"])


def environment_in(folder: Path) -> dict[str, str]:
    """Of a program on SQLite."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("WSSEC_") and name != MARKER}
    return {**bare, **environment_of(f"sqlite:///{folder}/store.db", folder)}


def command(processes: int, port: int = 0) -> tuple[str, ...]:
    """What starts the program."""
    return (sys.executable, "-m", "tests.processes.many", str(processes), str(port))


@asynccontextmanager
async def program(folder: Path) -> AsyncIterator[Program]:
    """Four processes on one port."""
    environment = environment_in(folder)
    await make_store(environment)
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command(PROCESSES), stdout=pipe, cwd=ROOT, env=environment)
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            port = await process.stdout.readline()
        assert port, "it has ended"
        running = Program(int(port), process, environment)
        yield running
        for raw in running.raws:
            await raw.close()
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await process.wait()
            await process.stdout.read()  # the others have it, too: they are gone


@in_loop
async def test_processes_share_a_port(tmp_path: Path) -> None:
    """Each of four gets connections; one port, one store, and the program was started once."""
    async with program(tmp_path) as running:
        await running.crowd()
        pids = [(await running.client())[1] for _ in range(CROWD)]

    assert PROCESSES == len(set(pids))
    assert running.process.pid in pids


@in_loop
async def test_process_that_is_killed_is_started_again(tmp_path: Path) -> None:
    """Its connections end, all others live on, and soon there are as many processes as before."""
    async with program(tmp_path) as running:
        before = await running.crowd()
        victim = next(pid for pid in before if pid != running.process.pid)
        os.kill(victim, signal.SIGKILL)
        with pytest.raises((AssertionError, ConnectionError)):
            await asked(before.pop(victim))
        assert list(before) == [await asked(client) for client in before.values()]
        after = await running.crowd()

        assert set(before) < set(after)
        assert victim not in after
        assert list(before) == [await asked(client) for client in before.values()]


@in_loop
async def test_process_that_is_told_to_stop_is_replaced(tmp_path: Path) -> None:
    """So they are renewed one after another: it drains, and a new one takes its seat."""
    async with program(tmp_path) as running:
        before = await running.crowd()
        leaving = next(pid for pid in before if pid != running.process.pid)
        os.kill(leaving, signal.SIGTERM)
        await before[leaving].assert_closed(1001)

        assert leaving not in await running.crowd()


@in_loop
async def test_sigterm_drains_all_processes(tmp_path: Path) -> None:
    """Everybody is told 1001, wherever they are; the program ends when all have, with 0."""
    async with program(tmp_path) as running:
        clients = await running.crowd()
        running.process.terminate()
        for client in clients.values():
            await client.assert_closed(1001)

        assert 0 == await running.process.wait()
        assert [] == [pid for pid in clients if is_running(pid)]


@in_loop
async def test_sigterm_to_each_process_drains_once(tmp_path: Path) -> None:
    """As systemd does it, which tells them all: the wish of the first one does not cut their drain short."""
    async with program(tmp_path) as running:
        clients = await running.crowd()
        for pid in clients:
            os.kill(pid, signal.SIGTERM)
        for client in clients.values():
            await client.assert_closed(1001)

        assert 0 == await running.process.wait()


@in_loop
async def test_processes_end_with_the_first(tmp_path: Path) -> None:
    """It is killed, and so cannot say anything: the others drain."""
    async with program(tmp_path) as running:
        clients = await running.crowd()
        running.process.kill()
        del clients[running.process.pid]
        for client in clients.values():
            await client.assert_closed(1001)


def is_running(pid: int) -> bool:
    """Whether there is such a process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def ran(command: Sequence[str], environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """What a program came to that ends by itself."""
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS
    )


@in_loop
async def test_port_of_another_program_is_refused(tmp_path: Path) -> None:
    """It is shared within one program: a second start of the same one would take half of everybody."""
    async with program(tmp_path) as running:
        second = await asyncio.to_thread(ran, command(2, running.port), running.environment)

    assert 1 == second.returncode
    assert "Address already in use" in second.stderr


def application(guard: Guard) -> Application:
    """A chat."""
    return Application([("/ws", ChatSocket)], wssec=guard)


@in_loop
async def test_memory_is_not_shared() -> None:
    """Each process would revoke for itself alone."""
    async with chat_kit() as kit:
        with pytest.raises(ConfigurationError, match=r"its memory; set WSSEC_STORE to sqlite"):
            kit.guard.listen(application(kit.guard), 0, processes=2)


@pytest.mark.parametrize("processes", [0, -1, 1.5, "2"])
@in_loop
async def test_number_of_processes_that_is_none(processes: int) -> None:
    """It says what to write."""
    async with chat_kit() as kit:
        with pytest.raises(ConfigurationError, match="is no number of processes; write 1 or more"):
            kit.guard.listen(application(kit.guard), 0, processes=processes)


PROMPT: Final = """
import asyncio
from tests.processes.test_many import CHAT, Guard, application
async def main():
    async with Guard.from_env(registry=CHAT) as guard:
        try:
            guard.listen(application(guard), 0, processes=2)
        except Exception as error:
            print(error)
asyncio.run(main())
"""


@in_loop
async def test_prompt_cannot_be_started_again(tmp_path: Path) -> None:
    """There is no program: a child would be another prompt."""
    environment = environment_in(tmp_path)
    await make_store(environment)
    prompt = await asyncio.to_thread(ran, (sys.executable, "-c", PROMPT), environment)

    assert "it came from a prompt or -c; write the program into a file and run that" in prompt.stdout


@in_loop
async def test_port_is_shared_once_a_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else programs with two would start each other without an end; and one that has lost its first does not serve."""
    monkeypatch.setattr("tornado_wssec.processes._command", lambda: [sys.executable, "app.py"])
    environment = environment_of(f"sqlite:///{tmp_path}/store.db", tmp_path)
    await make_store(environment)
    async with Guard.from_env(environment, registry=CHAT, timeouts=PATIENT) as guard:
        app = application(guard)
        for marker, fault in [
            (f"of:{os.getpid()}", "this program shares a port already"),
            ("for:1:1:8888:9", "is of a process that has ended"),
            (f"for:{os.getppid()}:1:8888:9", "was started to serve 8888, not 9999"),
        ]:
            monkeypatch.setenv(MARKER, marker)
            with pytest.raises(ConfigurationError, match=fault):
                guard.listen(app, 9999, processes=2)


@in_loop
async def test_process_that_cannot_start_is_tried_less_and_less(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first one serves meanwhile; one that has served for a minute is replaced at once."""
    monkeypatch.setattr("tornado_wssec.processes._command", lambda: [sys.executable, "-c", "raise SystemExit(3)"])
    first, now, pauses = First(2, 0), 0.0, []
    first.begin(8888)
    caplog.set_level(logging.ERROR)
    ended = ""
    for lived in (0.0, 0.0, 0.0, 60.0, 0.0):
        caplog.clear()
        first.look(now)
        now += lived
        while not caplog.records:
            first.look(now)
        ended = caplog.records[0].getMessage()
        pauses.append(ended.partition("it is started again in ")[2])
        now += float(pauses[-1].split()[0])
    first.stop()
    await first.ended(0.0)

    assert ["0.5 s", "1 s", "2 s", "0 s", "0.5 s"] == pauses
    assert "has ended with status 3" in ended
    assert MARKER not in os.environ
