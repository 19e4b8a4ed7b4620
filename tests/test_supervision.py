"""What a service manager hears of a server that it has started; the manager is a socket of the test's."""

import asyncio
import logging
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kits import chat_kit, in_loop
from tornado_wssec import Guard
from tornado_wssec.processes import _environment
from tornado_wssec.supervision import Supervisor

USEC = 1_000_000


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """Hears what is said, and never waits for it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.setblocking(False)
        yield listening


def heard(manager: socket.socket) -> list[str]:
    """What was said since it was last asked."""
    said = []
    while True:
        try:
            said.append(manager.recv(4096).decode())
        except BlockingIOError:
            return said


def environment(manager: socket.socket, **more: str) -> dict[str, str]:
    """As the manager gives it."""
    return {"NOTIFY_SOCKET": manager.getsockname(), **more}


@in_loop
async def test_supervisor_hears_of_a_server(manager: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ready only once people would be let in; stopping as the drain begins, with how many there are."""
    monkeypatch.setenv("NOTIFY_SOCKET", manager.getsockname())
    async with chat_kit() as kit:
        kit.guard._readiness.faults.append(lambda: "not yet")
        await kit.advance(0.25)
        before = heard(manager)
        kit.guard._readiness.faults.pop()
        await kit.advance(0.25)
        await kit.advance(0.25)
        ready = heard(manager)
        client = await kit.connect("/ws")
        stopping = asyncio.create_task(kit.guard.stop())
        await client.assert_closed(1001)
        await stopping

    assert ([], ["READY=1"]) == (before, ready)
    assert ["STOPPING=1\nSTATUS=draining 1 connections"] == heard(manager)


@in_loop
async def test_supervisor_is_not_told_by_a_guest(manager: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    """In somebody else's server it is theirs to say when that is ready."""
    monkeypatch.setenv("NOTIFY_SOCKET", manager.getsockname())
    guard: Guard = chat_kit().guard
    await guard.start(following=False)
    guard.tick(0.0)
    await guard.stop()

    assert [] == heard(manager)


def test_supervisor_says_that_it_lives(manager: socket.socket) -> None:
    """Three times in the time after which it would be taken for dead."""
    supervisor = Supervisor(environment(manager, WATCHDOG_USEC=str(30 * USEC), WATCHDOG_PID="7"), pid=7)
    for second in range(100, 131):
        supervisor.look(float(second), is_ready=False)
    supervisor.close()

    assert ["WATCHDOG=1"] * 4 == heard(manager)


@pytest.mark.parametrize(
    "watchdog", [{}, {"WATCHDOG_USEC": "-5"}, {"WATCHDOG_USEC": str(30 * USEC), "WATCHDOG_PID": "8"}], ids=str
)
def test_supervisor_says_so_where_somebody_looks(manager: socket.socket, watchdog: dict[str, str]) -> None:
    """Not where nobody has asked, nor for another process."""
    supervisor = Supervisor(environment(manager, **watchdog), pid=7)
    supervisor.look(100.0, is_ready=True)
    supervisor.close()

    assert ["READY=1"] == heard(manager)


def test_supervisor_at_an_abstract_address() -> None:
    """`@` stands for the NUL byte of a name in no folder."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(f"\0wssec-{os.getpid()}")
        listening.setblocking(False)
        supervisor = Supervisor({"NOTIFY_SOCKET": f"@wssec-{os.getpid()}"}, pid=7)
        supervisor.look(0.0, is_ready=True)
        supervisor.close()

        assert ["READY=1"] == heard(listening)


@pytest.mark.parametrize("address", ["", "vsock:2:1234", "relative"])
def test_supervisor_that_is_none(address: str) -> None:
    """Nothing is opened, and nothing said."""
    supervisor = Supervisor({"NOTIFY_SOCKET": address}, pid=7)
    supervisor.look(0.0, is_ready=True)
    supervisor.leave(1)
    supervisor.close()

    assert None is supervisor._sock


def test_supervisor_that_has_gone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is told of once, and the server goes on."""
    supervisor = Supervisor({"NOTIFY_SOCKET": str(tmp_path / "none")}, pid=7)
    with caplog.at_level(logging.WARNING):
        supervisor.look(0.0, is_ready=True)
        supervisor.leave(1)

    assert 1 == caplog.text.count("cannot be told")


def test_supervisor_that_is_busy(manager: socket.socket, caplog: pytest.LogCaptureFixture) -> None:
    """What it has no room for is not waited for."""
    supervisor = Supervisor(environment(manager, WATCHDOG_USEC=str(USEC)), pid=7)
    for second in range(10_000):
        supervisor.look(float(second + 1), is_ready=True)
    supervisor.close()

    assert 0 < len(heard(manager)) < 10_000
    assert "" == caplog.text


def test_supervisor_of_the_first_process_is_not_that_of_the_others(
    manager: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are the first one's, and would say that all are ready when one is."""
    for name, value in environment(manager, WATCHDOG_USEC="5", WATCHDOG_PID="7").items():
        monkeypatch.setenv(name, value)
    given = _environment("for:1:2:3:4")

    assert "for:1:2:3:4" == given["TORNADO_WSSEC_PROCESS"]
    assert not {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"} & given.keys()
