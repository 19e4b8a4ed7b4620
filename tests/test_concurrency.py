"""Messages of one connection that are handled at once, where a handler's class declares it."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from tests.carriers import in_each_loop
from tests.kits import GENEROUS, in_loop
from tests.talk import Script, TalkSocket, talk_kit
from tornado_wssec import ConfigurationError, Timeouts
from tornado_wssec.testing import Client

AT_ONCE = 3


class Crowded(TalkSocket):
    """Handles three at once."""

    concurrency = AT_ONCE


class Doors(Script):
    """A handler for each name, which waits until it is let go."""

    def __init__(self) -> None:
        super().__init__(self.pass_door)
        self.began: list[str] = []
        self.cancelled: list[str] = []
        self.doors: dict[str, asyncio.Event] = {}
        self.arrived = asyncio.Condition()

    async def pass_door(self, socket: TalkSocket, data: dict[str, Any]) -> dict[str, Any]:
        name = data["what"]
        self.began.append(name)
        door = self.doors[name] = asyncio.Event()
        async with self.arrived:
            self.arrived.notify_all()
        try:
            await door.wait()
        except asyncio.CancelledError:
            self.cancelled.append(name)
            raise
        return {"what": name}

    def open_all(self) -> None:
        """Let everybody go who is in."""
        for door in self.doors.values():
            door.set()

    async def are_in(self, *names: str) -> None:
        """Wait until these have begun, in this order."""
        async with self.arrived:
            await self.arrived.wait_for(lambda: len(self.began) >= len(names))
        assert list(names) == self.began


async def ask(client: Client, *names: str) -> None:
    """Send a message for each."""
    for name in names:
        await client.send("talk.do", {"what": name}, name)


@in_each_loop
async def test_concurrency_is_one_unless_declared() -> None:
    """The second begins when the first has been answered."""
    doors = Doors()
    async with talk_kit(doors) as kit:
        client = await kit.connect("/ws")
        await ask(client, "a", "b")
        await client.assert_nothing_received()
        await doors.are_in("a")
        doors.doors["a"].set()
        assert {"what": "a"} == (await client.answer("a"))["data"]
        await doors.are_in("a", "b")
        doors.doors["b"].set()

        assert {"what": "b"} == (await client.answer("b"))["data"]


@in_each_loop
async def test_concurrency_as_declared() -> None:
    """So many begin in order and are answered as they end; the next one waits for the first that ends."""
    doors = Doors()
    async with talk_kit(doors, Crowded) as kit:
        client = await kit.connect("/ws")
        await ask(client, "a", "b", "c", "d")
        await client.assert_nothing_received()
        await doors.are_in("a", "b", "c")
        doors.doors["b"].set()
        assert {"what": "b"} == (await client.receive())["data"]
        await doors.are_in("a", "b", "c", "d")
        for name in ("d", "c", "a"):
            doors.doors[name].set()
            assert name == (await client.receive())["id"]


@in_loop
async def test_concurrency_deadline_is_that_of_each_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits too long is cancelled and answered with `timeout`; who came later, or is done, is not."""
    doors, deadlines = Doors(), list[Callable[[], object]]()
    loop, seconds = asyncio.get_running_loop(), 7.25
    later = loop.call_later

    def call_later(delay: float, callback: Callable[..., object], *given: Any, **options: Any) -> asyncio.TimerHandle:
        if delay == seconds:
            deadlines.append(partial(callback, *given))
        return later(delay, callback, *given, **options)

    monkeypatch.setattr(loop, "call_later", call_later)
    async with talk_kit(doors, Crowded, timeouts=Timeouts(handler=seconds)) as kit:
        client = await kit.connect("/ws")
        await ask(client, "slow", "later", "quick")
        await doors.are_in("slow", "later", "quick")
        doors.doors["quick"].set()
        assert "reply" == (await client.answer("quick"))["type"]
        deadlines[0]()
        assert "timeout" == (await client.answer("slow"))["code"]
        assert ["slow"] == doors.cancelled
        doors.doors["later"].set()

        assert "reply" == (await client.answer("later"))["type"]


@in_each_loop
async def test_concurrency_delays_no_ping() -> None:
    """With every place taken and more waiting, a ping is answered, and so is a mistake."""
    doors = Doors()
    async with talk_kit(doors, Crowded) as kit:
        client = await kit.connect("/ws")
        await ask(client, *"abcdef")
        await doors.are_in("a", "b", "c")
        await client.send("ping", id="p")
        assert {"type": "pong", "id": "p"} == await client.receive()
        await client.assert_refused("unknown_type", "talk.none")
        await client.close()
        doors.open_all()


@pytest.mark.parametrize("how", ["revoke", "leave", "too many errors"])
@in_each_loop
async def test_concurrency_delays_no_end(how: str, caplog: pytest.LogCaptureFixture) -> None:
    """The end comes while all of them wait: none that waits begins, and none that runs is answered any more."""
    doors = Doors()
    caplog.set_level(logging.ERROR)
    async with talk_kit(doors, Crowded, limits=replace(GENEROUS, error_budget=1)) as kit:
        client = await kit.connect("/ws")
        await ask(client, *"abcde")
        await doors.are_in("a", "b", "c")
        if how == "revoke":
            await kit.guard.revoke(subject="ann")
            await client.assert_closed(4403)
        elif how == "leave":
            await client.close()
        else:
            await client.assert_refused("unknown_type", "talk.none")
            await client.send("talk.none")
            await client.assert_closed(4400)
        await doors.left.wait()
        doors.open_all()
        for _ in range(5):
            await asyncio.sleep(0)

        assert (["a", "b", "c"], []) == (doors.began, doors.cancelled)
        assert [] == caplog.records


@in_each_loop
async def test_concurrency_waits_for_what_others_depend_on() -> None:
    """A refresh comes after what was sent before it, and before what was sent behind it."""
    doors = Doors()
    async with talk_kit(doors, Crowded) as kit:
        client = await kit.connect("/ws")
        await ask(client, "a", "b")
        await client.send("wssec.refresh", {"token": kit.token("ann")}, "refresh")
        await ask(client, "c")
        await client.assert_nothing_received()
        await doors.are_in("a", "b")
        doors.doors["b"].set()
        doors.doors["a"].set()
        assert ["b", "a", "refresh"] == [(await client.receive())["id"] for _ in range(3)]
        await doors.are_in("a", "b", "c")
        doors.open_all()


@pytest.mark.parametrize("value", [0, -1, 65, True, 2.0, "4", None])
@in_each_loop
async def test_concurrency_that_is_none(value: Any) -> None:
    """What is no number of handlers does not start."""
    handler = type("Endpoint", (TalkSocket,), {"concurrency": value})
    kit = talk_kit(handler=handler)
    with pytest.raises(ConfigurationError, match=r"Endpoint\.concurrency: is .*whole number from 1 to 64"):
        kit.guard.check(kit.app)
