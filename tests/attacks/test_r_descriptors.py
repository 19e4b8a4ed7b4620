"""Line R13: descriptors run out. Who is connected stays, nothing spins, and it is over when there are some again.

The server is a process of its own with few descriptors; this one has enough to use them all up.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

import pytest

from tests.kits import in_loop
from tests.processes.hardened import Server, running
from tornado_wssec.testing import Client, RawSocket
from tornado_wssec.testing.kit import ORIGIN
from tornado_wssec.testing.raw import handshake_headers

DESCRIPTORS: Final = 128
ABOVE_SHARE: Final = 116
"""From here on nine tenths are in use."""
PAUSES_A_SECOND: Final = 10
PATIENCE_SECONDS: Final = 30.0


async def connect(server: Server) -> Client:
    """A connected client."""
    socket = await RawSocket.open(server.port)
    headers = handshake_headers(f"127.0.0.1:{server.port}", origin=ORIGIN, token=server.token)
    answer = await socket.upgrade("/ws", headers)
    assert answer.status == 101, f"the handshake was refused with {answer.status}"
    return Client(socket, None)


@asynccontextmanager
async def with_clients(server: Server, count: int) -> AsyncIterator[list[Client]]:
    """So many connected clients."""
    clients = [await connect(server) for _ in range(count)]
    try:
        yield clients
    finally:
        for client in clients:
            await client.socket.close()


@asynccontextmanager
async def strangers(server: Server, count: int) -> AsyncIterator[list[RawSocket]]:
    """So many connections that say nothing."""
    async with AsyncExitStack() as stack:
        sockets = []
        for _ in range(count):
            socket = await RawSocket.open(server.port)
            stack.push_async_callback(socket.close)
            sockets.append(socket)
        yield sockets


async def all_talk(clients: list[Client]) -> None:
    """Claim that each of them is answered."""
    for client in clients:
        await client.assert_nothing_received()


async def once(server: Server, seen: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The first report of which this is true; each is a turn of the server's loop."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not seen(report := await server.report()):
            continue
    return report


async def status_of_a_stranger(server: Server) -> int:
    """What a new connection is told; 0 where it is hung up on."""
    socket = await RawSocket.open(server.port)
    try:
        return (await socket.upgrade("/wssec/live", [("Host", f"127.0.0.1:{server.port}")])).status
    except (ConnectionError, asyncio.IncompleteReadError):
        return 0
    finally:
        await socket.close()


@in_loop
async def test_r13_silent_strangers_use_up_nothing() -> None:
    """Three times as many as there are descriptors: each newcomer takes the place of one that said nothing."""
    async with running(DESCRIPTORS) as server, with_clients(server, 20) as clients:
        async with strangers(server, 3 * DESCRIPTORS):
            await all_talk(clients)
            for client in [await connect(server) for _ in range(10)]:
                await client.assert_nothing_received()
                await client.socket.close()
        assert 200 == await status_of_a_stranger(server)
        report = await server.report()

    assert 3 * DESCRIPTORS - ABOVE_SHARE < report["refusals"].pop("pending 0") <= 3 * DESCRIPTORS + 10
    assert {} == report["refusals"]
    assert [] == [line for line in report["log"] if "accepting pauses" in line]


@pytest.mark.requirement("R072")
@in_loop
async def test_r13_above_nine_tenths() -> None:
    """With nothing to shed, strangers are told to come back later; who is in stays, and there is room to spare."""
    async with running(DESCRIPTORS) as server, with_clients(server, 20) as clients:
        await server.hog(ABOVE_SHARE)
        assert {503} == {await status_of_a_stranger(server) for _ in range(50)}
        await all_talk(clients)
        report = await server.report()
        await server.release()
        assert 200 == await status_of_a_stranger(server)

    assert {"descriptors 503": 50} == report["refusals"]
    turned_away = [line for line in report["log"] if "a connection was turned away: nine tenths" in line]
    assert 20 == len(turned_away)


@in_loop
async def test_r13_turned_away_with_a_date_to_return() -> None:
    """The answer is a whole one: 503, and when to come again."""
    async with running(DESCRIPTORS) as server:
        await server.hog(ABOVE_SHARE)
        socket = await RawSocket.open(server.port)
        answer = await socket.response()
        assert None is await socket.receive_frame()
        await socket.close()

    assert (503, "5", "close", "no-store") == (
        answer.status,
        *(answer.headers[name] for name in ("retry-after", "connection", "cache-control")),
    )
    assert "server" not in answer.headers


async def exhaust(server: Server, meanwhile: Callable[[], Awaitable[None]]) -> tuple[dict[str, Any], float]:
    """Leave the server no descriptor at all while something goes on; its report then, and how long it took."""
    assert "stopped" in await server.hog(10**6)
    began = time.monotonic()
    async with strangers(server, 30):
        await once(server, lambda report: any("accepting pauses" in line for line in report["log"]))
        await meanwhile()
        report = await server.report()
        await server.release()
        await once(server, lambda report: any("accepting again" in line for line in report["log"]))
    return report, time.monotonic() - began


@pytest.mark.requirement("R072")
@in_loop
async def test_r13_out_of_descriptors() -> None:
    """Live clients keep talking, the loop rests, one line says what to do, and it recovers by itself."""
    async with running(DESCRIPTORS) as server, with_clients(server, 20) as clients:

        async def talk() -> None:
            for _ in range(100):
                await all_talk(clients)

        report, seconds = await exhaust(server, talk)
        assert 200 == await status_of_a_stranger(server)
        after = await server.report()

    (said,) = [line for line in report["log"] if "accepting pauses" in line]
    assert "out of descriptors (EMFILE, 128 are allowed)" in said
    assert "raise `ulimit -n`" in said
    (ended,) = [line for line in after["log"] if "accepting again" in line]
    (pauses,) = re.findall(r"after (\d+) pauses", ended)
    # A timer is never early, so this holds however slow the machine is; a loop that spins fails thousands of times.
    assert 1 <= int(pauses) <= seconds * PAUSES_A_SECOND + 1
    assert 20 == after["connections"]


@pytest.mark.requirement("R072")
@in_loop
async def test_r13_again_and_again() -> None:
    """Each time it runs out it says so once and recovers."""

    async def nothing() -> None:
        return

    async with running(DESCRIPTORS) as server:
        for _ in range(3):
            await exhaust(server, nothing)
            assert 200 == await status_of_a_stranger(server)
        report = await server.report()

    said = [line for line in report["log"] if "accepting" in line.partition(" ")[2]]
    assert 6 == len(said)
