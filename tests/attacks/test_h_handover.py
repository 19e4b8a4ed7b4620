"""Lines H22 and R03 where a socket leaves Tornado: whatever fails there leaves nothing open, and nobody slips by."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from tornado.iostream import IOStream

from tests.attacks.doors import Door
from tests.kits import GENEROUS, ChatSocket, chat_kit, in_loop, settled
from tornado_wssec.hub import Hub
from tornado_wssec.testing import GuardKit, RawSocket
from tornado_wssec.testing.kit import ORIGIN
from tornado_wssec.testing.raw import handshake_headers


def fail(*_: Any) -> None:
    """What somebody else's code does."""
    raise ZeroDivisionError("of the application")


class Failing(ChatSocket):
    """Fails as its answer has been sent."""

    on_finish = fail


@pytest.mark.parametrize(
    ("handler", "settings", "broken"),
    [(ChatSocket, {"log_function": fail}, None), (Failing, {}, None), (ChatSocket, {}, "add")],
    ids=["log_function", "on_finish", "a mistake of ours"],
)
@in_loop
async def test_h22_failure_as_the_socket_is_taken_over(
    handler: type, settings: dict[str, Any], broken: str | None, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client is told by the end of its connection, and is counted nowhere: it does not wait for ever."""
    if broken:
        monkeypatch.setattr(Hub, broken, fail)
    async with door.kit(handler, app_settings=settings) as kit:
        for _ in range(3):
            raw = await kit.raw()
            await raw.write(asking(kit))
            await at_its_end(raw)
        await settled(kit, 0)
        assert 0 == kit.guard.hub.at_address("127.0.0.1")


async def at_its_end(raw: RawSocket) -> None:
    """Claim that the server hangs up."""
    with suppress(EOFError, ConnectionError):
        for _ in range(4):
            await raw.response()
        raise AssertionError("the connection goes on")


def asking(kit: GuardKit, *extra: tuple[str, str]) -> bytes:
    """A handshake with a good token."""
    lines = [f"{name}: {value}" for name, value in handshake_headers(kit.host, origin=ORIGIN, token=kit.token())]
    return "\r\n".join(["GET /ws HTTP/1.1", *lines, *(": ".join(one) for one in extra), "", ""]).encode()


@in_loop
async def test_r03_crowd_that_reads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A handshake whose peer has not read what came before is not let in: it would be counted when that pleases."""
    kernel, full = IOStream.write_to_fd, asyncio.Event()

    def write(stream: IOStream, data: memoryview) -> int:
        if not full.is_set() and bytes(data).startswith(b"HTTP/1.1 100"):
            raise BlockingIOError  # as the kernel says of a peer that has read nothing of its earlier answers
        return kernel(stream, data)

    monkeypatch.setattr(IOStream, "write_to_fd", write)
    async with chat_kit(limits=replace(GENEROUS, connections_per_subject=1)) as kit:
        crowd = [await kit.raw() for _ in range(4)]
        for raw in crowd:
            await raw.write(asking(kit, ("Expect", "100-continue")))
        await settled(kit, 0)
        full.set()
        for raw in crowd:
            await at_its_end(raw)
        await settled(kit, 0)
