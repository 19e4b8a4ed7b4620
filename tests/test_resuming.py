"""Who comes back to a channel gets what he missed, once and in order, or is told that he cannot have it."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from marshmallow import fields, validate

from tests.kits import GENEROUS, in_loop, settled
from tornado_wssec import PUBLIC, Channel, Limits, Message, Registry, SecureWebSocketHandler, resuming
from tornado_wssec.errors import StoreCorrupt, StoreError, StoreUnavailable
from tornado_wssec.fanout import HELD_MOST
from tornado_wssec.policy.broker import Kept, Resumed
from tornado_wssec.stores.local_broker import LocalBroker
from tornado_wssec.testing import Client, GuardKit


class Line(Message):
    """What is said."""

    class Meta:
        type = "line"
        direction = "out"
        permission = "hear:{who}"

    who = fields.String(required=True, validate=validate.Regexp(r"[a-z]{1,8}\Z"))
    text = fields.String(required=True, validate=validate.Length(max=70_000))


class Log(Channel):
    """What is kept, ten of it for a minute."""

    class Meta:
        pattern = "log:{name}"
        subscribe = PUBLIC
        history = 10
        ttl = 60

    name = fields.String(required=True, validate=validate.Regexp(r"[a-z]{1,8}\Z"))


class News(Channel):
    """What is not."""

    class Meta:
        pattern = "news"
        subscribe = PUBLIC


class Socket(SecureWebSocketHandler):
    """Listens alone."""


RECORDS = Registry(Line, Log, News)
CHANNEL = "log:a"


def log_kit(**options: Any) -> GuardKit:
    """A kit with a channel that is kept."""
    return GuardKit([(r"/ws", Socket)], **{"registry": RECORDS, "limits": GENEROUS, **options})


async def say(kit: GuardKit, *texts: str, who: str = "all") -> None:
    """Publish."""
    for text in texts:
        await kit.guard.publish(CHANNEL, Line, {"who": who, "text": text})


async def come(kit: GuardKit, since: int | None = None, *permissions: str) -> tuple[Client, int]:
    """A client that listens, and where the channel was."""
    client = await kit.connect("/ws", permissions=permissions or ("hear:*",))
    asked = {"channel": CHANNEL} if since is None else {"channel": CHANNEL, "since": since}
    return client, (await client.request("wssec.subscribe", asked))["seq"]


async def heard(client: Client, count: int) -> list[tuple[int, str]]:
    """Number and text of so many events."""
    events = [await client.receive() for _ in range(count)]
    assert {("line", CHANNEL)} == {(event["type"], event["channel"]) for event in events}
    return [(event["seq"], event["data"]["text"]) for event in events]


@in_loop
async def test_resume_after_a_while_away() -> None:
    """Everything behind the last event, in order, and then what is said."""
    async with log_kit() as kit:
        client, start = await come(kit)
        await say(kit, "a", "b")
        [(first, _), (second, _)] = await heard(client, 2)
        await client.close()
        await say(kit, "c", "d")
        back, at = await come(kit, second)
        await say(kit, "e")

        events = await heard(back, 3)
        assert ["c", "d", "e"] == [text for _, text in events]
        assert [second + 1, second + 2, second + 3] == [seq for seq, _ in events]
        assert (first, at) == (second - 1, second + 2)
        assert start < first
        await back.assert_nothing_received()


@in_loop
async def test_resume_from_more_than_memory_may_hold() -> None:
    """Histories take so many bytes in all; who comes back from before that is told that something may be missing."""
    async with log_kit(limits=replace(GENEROUS, history_bytes=50_000)) as kit:
        client, start = await come(kit)
        await client.close()
        await say(kit, "a" * 30_000, "b" * 30_000)
        back, _ = await come(kit, start)

        assert {"type": "wssec.gap", "data": {"channel": CHANNEL}} == await back.receive()
        assert ["b"] == [text[:1] for _, text in await heard(back, 1)]


@in_loop
async def test_resume_from_where_nothing_was_said() -> None:
    """One who has heard nothing yet comes back with what the reply to his subscription said."""
    async with log_kit() as kit:
        client, start = await come(kit)
        await client.close()
        await say(kit, "a", "b")
        back, _ = await come(kit, start)

        assert ["a", "b"] == [text for _, text in await heard(back, 2)]


@in_loop
async def test_resume_without_a_number() -> None:
    """Whoever asks for nothing gets nothing of before."""
    async with log_kit() as kit:
        await say(kit, "a")
        client, _ = await come(kit)

        await client.assert_nothing_received()


@pytest.mark.parametrize("since", ["too old", "unknown", "of the future"])
@in_loop
async def test_resume_that_cannot_be(since: str) -> None:
    """It is told, once and first; then comes what is there still, and what is said from then on."""
    async with log_kit() as kit:
        client, start = await come(kit)
        await say(kit, *"abcdefghijkl")
        number = {"too old": start, "unknown": 5, "of the future": 2**53 - 1}[since]
        back, _ = await come(kit, number)
        await say(kit, "new")
        kept = [] if since == "of the future" else list("cdefghijkl")

        assert {"type": "wssec.gap", "data": {"channel": CHANNEL}} == await back.receive()
        assert [*kept, "new"] == [text for _, text in await heard(back, len(kept) + 1)]
        await client.close()


@pytest.mark.requirement("R046")
@in_loop
async def test_resume_gives_nothing_that_one_may_not_hear() -> None:
    """Rights are asked for each event that is sent again, at that moment."""
    async with log_kit() as kit:
        _, start = await come(kit)
        await say(kit, "for ann", who="ann")
        await say(kit, "for all")
        back, _ = await come(kit, start, "hear:all")

        assert ["for all"] == [text for _, text in await heard(back, 1)]
        await back.assert_nothing_received()


class SlowBroker(LocalBroker):
    """Takes its time with the history, as one on another machine does."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.may_answer = asyncio.Event()
        self.is_asked = asyncio.Event()
        self.fault: Exception | None = None

    async def resume(self, channel: str, kept: Kept, since: int | None) -> Resumed:
        resumed = await super().resume(channel, kept, since)
        self.is_asked.set()
        await self.may_answer.wait()
        if self.fault is not None:
            raise self.fault
        return resumed


def slow(kit: GuardKit) -> SlowBroker:
    """A slow broker instead of the kit's."""
    broker = SlowBroker("n", kit.guard.channels, lambda: kit.clock.wall)
    kit.guard.channels.broker = broker
    return broker


@in_loop
async def test_resume_while_others_speak() -> None:
    """What is said while the history is read waits, comes behind it, and comes once."""
    async with log_kit() as kit:
        broker = slow(kit)
        await say(kit, "a")
        since = (await super(SlowBroker, broker).resume(CHANNEL, Kept(10, 60.0), None)).seq
        await say(kit, "b")
        client = await kit.connect("/ws", permissions=("hear:*",))
        await client.send("wssec.subscribe", {"channel": CHANNEL, "since": since}, "m")
        await broker.is_asked.wait()
        await say(kit, "c", "d")
        await client.assert_nothing_received()
        broker.may_answer.set()

        assert {"seq": since + 1} == (await client.answer("m"))["data"]
        assert [(since + 1, "b"), (since + 2, "c"), (since + 3, "d")] == await heard(client, 3)
        await say(kit, "e")
        assert [(since + 4, "e")] == await heard(client, 1)


@in_loop
async def test_resume_of_what_is_still_on_its_way() -> None:
    """An event that the history had already arrives once more from another node: only who lacks it gets it."""
    async with log_kit() as kit:
        early, start = await come(kit)
        late, _ = await come(kit)
        await say(kit, "a")
        await heard(early, 1)
        await heard(late, 1)
        await late.close()
        back, at = await come(kit, start)
        await heard(back, 1)
        again = kit.guard.channels.prepare(CHANNEL, Line, {"who": "all", "text": "a"}).numbered(at)
        kit.guard.channels.deliver(again)
        kit.guard.channels.deliver(again.numbered(at + 1))

        assert [(at + 1, "a")] == await heard(back, 1)
        assert [(at, "a"), (at + 1, "a")] == await heard(early, 2)
        await back.assert_nothing_received()


@in_loop
async def test_resume_while_others_speak_too_much() -> None:
    """More than can wait is told as missing."""
    async with log_kit() as kit:
        broker = slow(kit)
        client = await kit.connect("/ws", permissions=("hear:*",))
        await client.send("wssec.subscribe", {"channel": CHANNEL}, "m")
        await broker.is_asked.wait()
        await say(kit, *map(str, range(HELD_MOST + 50)))
        broker.may_answer.set()
        await client.answer("m")

        assert [str(number) for number in range(HELD_MOST)] == [text for _, text in await heard(client, HELD_MOST)]
        assert "wssec.gap" == (await client.receive())["type"]
        await say(kit, "new")
        assert ["new"] == [text for _, text in await heard(client, 1)]


@pytest.mark.parametrize("way", ["close", "unsubscribe"])
@in_loop
async def test_resume_of_one_who_leaves_meanwhile(way: str) -> None:
    """Nothing is sent, and nothing stays of him."""
    async with log_kit() as kit:
        broker = slow(kit)
        client = await kit.connect("/ws", permissions=("hear:*",))
        await client.send("wssec.subscribe", {"channel": CHANNEL, "since": 1}, "m")
        await broker.is_asked.wait()
        [live] = kit.guard.hub
        if way == "close":
            client.socket.reset()
            await settled(kit, 0)
        else:
            kit.guard.channels.unsubscribe(live, CHANNEL)
        broker.may_answer.set()
        if way == "unsubscribe":
            await client.answer("m")
            await client.assert_nothing_received()

        assert (0, {}) == (len(kit.guard.channels), dict(broker._wanted))


@pytest.mark.parametrize("fault", [StoreUnavailable("down"), StoreCorrupt("somebody else's")], ids=["down", "corrupt"])
@in_loop
async def test_resume_that_is_unavailable(fault: StoreError) -> None:
    """The history cannot be read: he is told so, and does not listen; his connection is not to blame."""
    async with log_kit() as kit:
        broker = slow(kit)
        broker.fault = fault
        broker.may_answer.set()
        client = await kit.connect("/ws", permissions=("hear:*",))
        await client.assert_refused("unavailable", "wssec.subscribe", {"channel": CHANNEL})

        assert (0, {}) == (len(kit.guard.channels), dict(broker._wanted))


@pytest.mark.parametrize(("measure", "code"), [("ban", "permission_denied"), ("kick", "unavailable")])
@in_loop
async def test_resume_of_who_is_put_out_meanwhile(measure: str, code: str) -> None:
    """No reply says that he listens who has been told already that he does not."""
    async with log_kit() as kit:
        broker = slow(kit)
        client = await kit.connect("/ws", subject="eve", permissions=("hear:*",))
        await client.send("wssec.subscribe", {"channel": CHANNEL}, "m")
        await broker.is_asked.wait()
        await getattr(kit.guard.moderation, measure)(CHANNEL, subject="eve")
        broker.may_answer.set()

        assert {"type": "wssec.unsubscribed", "data": {"channel": CHANNEL}} == await client.receive()
        assert code == (await client.answer("m"))["code"]
        assert (0, {}) == (len(kit.guard.channels), dict(broker._wanted))


@in_loop
async def test_resume_costs_what_it_sends() -> None:
    """An identity that asks for the same events again and again runs out of its budget."""
    limits = Limits(identity_messages_burst=10, identity_messages_per_second=0.001, frames_burst=10**6)
    async with log_kit(limits=limits) as kit:
        client, start = await come(kit)
        await say(kit, *"abcdefghij")
        await heard(client, 10)
        answers = []
        for number in range(6):
            await client.send("wssec.unsubscribe", {"channel": CHANNEL})
            await client.send("wssec.subscribe", {"channel": CHANNEL, "since": start}, f"r{number}")
            answers.append((await client.answer(f"r{number}"))["type"])

        assert answers[0] == "reply"
        assert answers[-1] == "error"
        assert 4 == answers.index("error") + 1


@in_loop
async def test_resume_that_is_refused_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The store has read it each time: after so many refusals the connection ends, as for any excess."""
    monkeypatch.setattr(resuming, "EVENTS_PER_MESSAGE", 1)
    limits = Limits(
        identity_messages_burst=20,
        identity_messages_per_second=0.001,
        rate_refusals_until_silence=1,
        rate_refusals_until_close=2,
    )
    async with log_kit(limits=limits) as kit:
        client, start = await come(kit)
        await say(kit, *"abcdefghij")
        asked = {"channel": CHANNEL, "since": start}
        for _ in range(2):
            await client.request("wssec.unsubscribe", {"channel": CHANNEL})
            await client.request("wssec.subscribe", asked)
        for _ in range(3):
            await client.request("wssec.unsubscribe", {"channel": CHANNEL})
        await client.assert_refused("rate_limited", "wssec.subscribe", asked)
        for _ in range(2):
            await client.send("wssec.subscribe", asked, "r")

        await client.assert_closed(4429)


@pytest.mark.parametrize("seconds", [-3_600, -1, 3_600])
@in_loop
async def test_resume_by_a_clock_that_is_set(seconds: int) -> None:
    """Numbers are times, and rise whatever it is set to: who listens hears on, and who comes back misses nothing."""
    async with log_kit() as kit:
        await kit.advance(120)
        back = await kit.connect("/ws", permissions=("hear:*",))
        client, start = await come(kit)
        kit.clock.step_wall(seconds)
        await say(kit, "a", "b")
        await back.request("wssec.subscribe", {"channel": CHANNEL, "since": start})

        for each in (client, back):
            assert ["a", "b"] == [text for _, text in await heard(each, 2)]


@in_loop
async def test_resume_goes_as_fast_as_one_reads() -> None:
    """More than a queue may hold is sent again to a reader who takes his time, and he is not cut off."""
    limits = Limits(outbound_messages=2, identity_messages_burst=10**6, frames_burst=10**6)
    async with log_kit(limits=limits) as kit:
        _, start = await come(kit)
        texts = [f"{number}" + "x" * 60_000 for number in range(10)]
        await say(kit, *texts)
        back = await kit.connect("/ws", permissions=("hear:*",))
        await back.send("wssec.subscribe", {"channel": CHANNEL, "since": start}, "m")

        assert texts == [text for _, text in await heard(back, 10)]
        assert "reply" == (await back.answer("m"))["type"]


@in_loop
async def test_subscribe_to_what_is_not_kept() -> None:
    """There is no number to come back with, and who names one is told that something may be missing."""
    async with log_kit() as kit:
        client = await kit.connect("/ws")

        assert {} == await client.request("wssec.subscribe", {"channel": "news"})
        await client.assert_nothing_received()
        other = await kit.connect("/ws")
        assert {} == await other.request("wssec.subscribe", {"channel": "news", "since": 5})
        assert {"type": "wssec.gap", "data": {"channel": "news"}} == await other.receive()


@pytest.mark.parametrize("since", [-1, 1.5, "5", None, True])
@in_loop
async def test_since_is_a_number(since: object) -> None:
    """A whole one that a browser can hold."""
    async with log_kit() as kit:
        client = await kit.connect("/ws")

        await client.assert_refused("invalid", "wssec.subscribe", {"channel": CHANNEL, "since": since})


@in_loop
async def test_gap_is_told_to_who_listens() -> None:
    """Behind what was published before it, and nobody else hears of it."""
    async with log_kit() as kit:
        client, _ = await come(kit)
        other = await kit.connect("/ws")
        await say(kit, "a")
        kit.guard.channels.gap(CHANNEL)
        kit.guard.channels.gap("log:b")

        assert ["a"] == [text for _, text in await heard(client, 1)]
        assert {"type": "wssec.gap", "data": {"channel": CHANNEL}} == await client.receive()
        await other.assert_nothing_received()
