"""Group R on an open connection: floods of messages, bytes and answers, with TLS and without, in each event loop."""

import asyncio
import resource
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from marshmallow import fields, validate

from tests.attacks.doors import Door
from tests.attacks.test_f_frames import MESSAGE, Target, target_at
from tests.carriers import in_each_loop
from tests.kits import GENEROUS, in_loop, settled
from tests.talk import Heard, TalkSocket
from tornado_wssec import PUBLIC, Channel, Limits, Message, Registry, SecureWebSocketHandler, Timeouts
from tornado_wssec.hub import Live
from tornado_wssec.policy.overflow import Overflow
from tornado_wssec.settings import KiB, MiB
from tornado_wssec.testing import GuardKit
from tornado_wssec.testing.raw import PONG, TEXT, frame_bytes
from tornado_wssec.wire.outgoing import Outgoing

TIMES = Timeouts()
BIG = Outgoing('{"type":"talk.heard","data":{"text":"' + "x" * 100_000 + '"}}', overflow=Overflow.DROP_NEWEST)
SMALL = Outgoing('{"type":"talk.heard","data":{"text":""}}')


async def say_much(socket: TalkSocket, data: dict[str, Any]) -> None:
    """Send 20 MB to whoever asks."""
    for _ in range(200):
        await socket.send(Heard, {"text": "x" * 100_000})


def live_of(target: Target) -> Live:
    """The connection that the server has of a target."""
    (live,) = target.kit.guard.hub
    return live


async def fill(live: Live, kit: GuardKit) -> None:
    """Send to one that reads nothing until the kernel takes no more."""
    waiting, looks = 0, 0
    while looks < 5:
        if not waiting:
            live.send(BIG, kit.clock.monotonic)
        await asyncio.sleep(0.02)  # the kernel's own time: it paces what it has, and takes more once that is gone
        before, waiting = waiting, live.connection.buffered_bytes
        looks = looks + 1 if before == waiting > 0 else 0


@asynccontextmanager
async def stuck_at(door: Door, **options: Any) -> AsyncIterator[tuple[Target, Live]]:
    """A client that reads nothing, to which the kernel takes no more: whatever is sent now waits."""
    async with target_at(door, **options) as target:
        live = live_of(target)
        await fill(live, target.kit)
        yield target, live


@pytest.mark.standard("WebSocket cheat sheet rate")
@pytest.mark.requirement("R070", "R071")
@in_each_loop
async def test_r01_flood(door: Door) -> None:
    """Excess is told, then dropped in silence, then ended with 4429."""
    limits = Limits()
    async with target_at(door, limits=limits) as target:
        await target.send(frame_bytes(TEXT, MESSAGE) * 1_000)
        answers = [message async for message in target.client]

        assert 4429 == target.client.close_code
    refused = [answer for answer in answers if answer.get("code") == "rate_limited"]
    assert (limits.frames_burst, limits.rate_refusals_until_silence) == (len(answers) - len(refused), len(refused))


@pytest.mark.requirement("R070")
@in_each_loop
async def test_r02_few_but_huge(door: Door) -> None:
    """Bytes have a bucket of their own, which huge messages use up before the frames do."""
    async with target_at(door, limits=Limits(bytes_burst=200 * KiB, bytes_per_second=1.0)) as target:
        huge = frame_bytes(TEXT, MESSAGE.ljust(64 * KiB))
        for _ in range(3):
            await target.send(huge)
            assert "reply" == (await target.client.answer("a"))["type"]
        await target.send(huge)

        assert "rate_limited" == (await target.client.answer("a"))["code"]


@pytest.mark.standard("WebSocket cheat sheet slow readers")
@pytest.mark.requirement("R073")
@in_each_loop
async def test_r08_slow_reader(door: Door) -> None:
    """Who reads nothing is dropped once its queue is full; what waited for it is let go, and was never much."""
    async with target_at(door, say_much, limits=replace(GENEROUS, outbound_bytes=200_000)) as target:
        await target.client.close()
        await settled(target.kit, 0)
        target.script.left.clear()
        target.client = await target.kit.connect("/ws", permissions=["talk:hear"])
        live = live_of(target)
        await target.send(frame_bytes(TEXT, MESSAGE))
        await target.script.left.wait()

        assert (("closed", 4413), 0) == (target.script.told[-1], live.connection.buffered_bytes)


@in_each_loop
async def test_r08_many_small_messages(door: Door) -> None:
    """The queue is bounded in number, too; replies count like everything else."""
    async with stuck_at(door, limits=replace(GENEROUS, outbound_messages=16, outbound_bytes=8 * MiB)) as (target, live):
        for _ in range(16):
            live.send(SMALL, target.kit.clock.monotonic)
        live.send(Outgoing("{}", is_reply=True), target.kit.clock.monotonic)

        await target.script.left.wait()
        assert ("closed", 4413) == target.script.told[-1]


@pytest.mark.requirement("R073")
@in_each_loop
async def test_r08_policy_of_a_type(door: Door) -> None:
    """What may be dropped costs the connection nothing, however much of it there is."""
    async with stuck_at(door, limits=replace(GENEROUS, outbound_bytes=300_000)) as (target, live):
        for number in range(5_000):
            live.send(Outgoing(SMALL.text, overflow=Overflow.DROP_OLDEST), target.kit.clock.monotonic)
            live.send(Outgoing(str(number), overflow=Overflow.COALESCE, key="n"), target.kit.clock.monotonic)

        assert not live.session.is_closing
        assert live.connection.buffered_bytes < 300_000 + 100_100


@in_each_loop
async def test_r09_reader_that_only_sends_pongs(door: Door) -> None:
    """Signs of life are no progress: it is dropped after its time."""
    async with stuck_at(door, limits=GENEROUS) as (target, live):
        for _ in range(int(TIMES.write_progress) + 1):
            assert not live.session.is_closing
            await target.send(frame_bytes(PONG))
            await target.turns()
            await target.kit.advance(1)
        await target.script.left.wait()

        assert ("closed", 4413) == target.script.told[-1]


@in_each_loop
async def test_r09_slow_reader_that_reads(door: Door) -> None:
    """Who takes a little now and then stays, and gets everything."""
    async with stuck_at(door, limits=GENEROUS) as (target, live):
        live.send(SMALL, target.kit.clock.monotonic)
        while live.connection.buffered_bytes:
            await target.client.socket._reader.readexactly(256 * KiB)
            await target.turns()
            await target.kit.advance(1)
            assert not live.session.is_closing


LISTENERS = 1_000
NEWS = 15
A_PIECE = "x" * 2_000


class Urgent(Message):
    """Who misses it must start anew."""

    class Meta:
        type = "hall.urgent"
        direction = "out"
        permission = PUBLIC
        overflow = "disconnect"

    text = fields.String(required=True, validate=validate.Length(max=3_000))


class Fresh(Message):
    """Only the newest matters."""

    class Meta:
        type = "hall.fresh"
        direction = "out"
        permission = PUBLIC
        overflow = "drop_oldest"

    text = fields.String(required=True, validate=validate.Length(max=3_000))


class Hall(Channel):
    """Everybody may listen."""

    class Meta:
        pattern = "hall"
        subscribe = PUBLIC


class HallSocket(SecureWebSocketHandler):
    """Listens only."""


@pytest.fixture
def descriptors() -> Iterator[None]:
    """As many as the system allows: both ends of a thousand connections are in this process."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.requirement("R073")
@pytest.mark.usefixtures("descriptors")
@pytest.mark.parametrize("news", [Urgent, Fresh], ids=["disconnect", "drop_oldest"])
@in_loop
async def test_r10_one_of_a_thousand_stops_reading(news: type[Message]) -> None:
    """What waits for it stays under its cap, the policy of the type acts, and each of the others hears everything."""
    limits = replace(GENEROUS, outbound_bytes=20_000)
    async with GuardKit([("/ws", HallSocket)], registry=Registry(Urgent, Fresh, Hall), limits=limits) as kit:
        deaf = await kit.connect("/ws", subject="deaf")
        (live,) = kit.guard.hub
        others = [await kit.connect("/ws") for _ in range(LISTENERS - 1)]
        for client in (deaf, *others):
            await client.request("wssec.subscribe", {"channel": "hall"})
        await fill(live, kit)
        begun = live.connection.buffered_bytes
        for number in range(NEWS):
            await kit.guard.publish("hall", news, {"text": f"{number:02}{A_PIECE}"})
            assert live.connection.buffered_bytes <= begun + limits.outbound_bytes
            heard = {(await client.receive())["data"]["text"][:2] for client in others}
            assert {f"{number:02}"} == heard

        assert (news is Urgent) == live.session.is_closing
        await settled(kit, LISTENERS - live.session.is_closing)


@pytest.mark.parametrize("hours", [-1, 1])
@in_each_loop
async def test_r14_wall_clock_that_steps(door: Door, hours: int) -> None:
    """Budgets and deadlines go by the other clock: nothing is refilled, and nobody is late."""
    async with target_at(door, limits=Limits(frames_burst=5, frames_per_second=1.0)) as target:
        for _ in range(5):
            await target.answers()
        target.kit.clock.step_wall(3600 * hours)
        target.kit.guard.tick(target.kit.clock.monotonic)
        assert "rate_limited" == (await target.reply())["code"]
        await target.kit.advance(1)
        await target.answers()
