"""What connections publish, themselves and through their handlers: who may, how often, and what it costs."""

from dataclasses import replace
from typing import Any

import pytest

from tests.kits import GENEROUS, in_loop
from tests.rooms import EVERYTHING, Told, listener, publication, room_kit
from tornado_wssec import CloseCode, Limits
from tornado_wssec.errors import StoreCorrupt, StoreError, StoreUnavailable
from tornado_wssec.policy.broker import Broadcast, Kept

NOTE = {"room": "lobby", "text": "hi"}
"""What fits `room:lobby`."""


@in_loop
async def test_publish_reaches_the_listeners() -> None:
    """Whoever may publish is answered, and everybody hears it, he himself too; his name is filled in."""
    async with room_kit() as kit:
        ann, bob = await listener(kit, "ann", "room:lobby"), await listener(kit, "bob", "room:lobby")

        assert {} == await ann.request("wssec.publish", publication("room:lobby", NOTE))
        event = {"type": "room.note", "channel": "room:lobby", "data": {**NOTE, "author": "ann"}}
        for client in (ann, bob):
            assert event == await client.receive()
            await client.assert_nothing_received()


@in_loop
async def test_publish_without_listening() -> None:
    """Publishing and listening are two rights."""
    async with room_kit() as kit:
        ear = await listener(kit, "bob", "room:lobby")
        mouth = await kit.connect("/ws", permissions=["room:publish:lobby", "room:note:lobby"])

        await mouth.assert_refused("permission_denied", "wssec.subscribe", {"channel": "room:lobby"})
        assert {} == await mouth.request("wssec.publish", publication("room:lobby", NOTE))
        assert "hi" == (await ear.assert_received("room.note"))["text"]


REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("permission_denied", publication("room:attic", {**NOTE, "room": "attic"})),
    ("permission_denied", publication("room:lobby", {**NOTE, "room": "attic"})),
    ("permission_denied", publication("room:lobby", {**NOTE, "author": "bob"})),
    ("permission_denied", publication("news", {"text": "hi"}, "room.told")),
    ("permission_denied", publication("none", {"text": "hi"}, "room.told")),
    ("permission_denied", publication("room:*", {**NOTE, "room": "*"})),
    ("unknown_type", publication("room:lobby", {"text": "hi"}, "room.told")),
    ("unknown_type", publication("room:lobby", {"channel": "room:lobby", "text": "hi"}, "room.say")),
    ("unknown_type", publication("room:lobby", NOTE, "wssec.gap")),
    ("unknown_type", publication("room:lobby", NOTE, "none")),
    ("invalid", publication("room:lobby", {**NOTE, "text": ""})),
    ("invalid", publication("room:lobby", {**NOTE, "colour": "red"})),
    ("invalid", {"channel": "room:lobby", "type": "room.note", "data": "hi"}),
    ("invalid", {"channel": "room:lobby", "type": "room.note"}),
    ("invalid", {"channel": "room:lobby", "type": 1, "data": NOTE}),
    ("too_big", publication("room:lobby", {**NOTE, "text": "x" * 2_000})),
]


@pytest.mark.parametrize(("code", "asked"), REFUSED, ids=lambda value: ascii(value)[:60])
@in_loop
async def test_publish_refused(code: str, asked: dict[str, Any]) -> None:
    """What is published passes what a message of its type passes, and says of the channel what its name says."""
    async with room_kit() as kit:
        ear = await listener(kit, "bob", "room:lobby")
        mouth = await kit.connect("/ws", permissions=["room:publish:lobby", "room:note:*"])
        await mouth.assert_refused(code, "wssec.publish", asked)

        await ear.assert_nothing_received()


@in_loop
async def test_publish_needs_the_right_of_its_type() -> None:
    """A message that clients send needs its own permission, however it is sent."""
    async with room_kit() as kit:
        mouth = await kit.connect("/ws", permissions=["room:publish:lobby"])

        await mouth.assert_refused("permission_denied", "wssec.publish", publication("room:lobby", NOTE))


@in_loop
async def test_publish_of_whatever_fits() -> None:
    """Where a channel does not list what it takes, it takes what names it by the same fields."""
    async with room_kit() as kit:
        client = await listener(kit, "ann", "hall:lobby")

        assert {} == await client.request("wssec.publish", publication("hall:lobby", NOTE))
        await client.assert_received("room.note")
        await client.assert_refused(
            "unknown_type", "wssec.publish", publication("hall:lobby", {"text": "hi"}, "room.told")
        )


@in_loop
async def test_publish_as_often_as_the_channel_says() -> None:
    """For each identity and channel, by itself or by its handler; others, and other channels, are not concerned."""
    async with room_kit() as kit:
        ann, bob = (
            await kit.connect("/ws", permissions=EVERYTHING),
            await kit.connect("/ws", subject="bob", permissions=EVERYTHING),
        )
        await ann.request("wssec.publish", publication("hall:lobby", NOTE))
        await ann.request("room.say", {"channel": "hall:lobby", "text": "hi"})
        refused = await ann.assert_refused("rate_limited", "wssec.publish", publication("hall:lobby", NOTE))
        again = await kit.connect("/ws", permissions=EVERYTHING)
        await again.assert_refused("rate_limited", "room.say", {"channel": "hall:lobby", "text": "hi"})

        assert 30 == refused["retry_after"]
        await ann.request("wssec.publish", publication("hall:attic", {**NOTE, "room": "attic"}))
        await bob.request("wssec.publish", publication("hall:lobby", NOTE))
        kit.clock.advance(30)
        await ann.request("wssec.publish", publication("hall:lobby", NOTE))


def few_sends(**limits: Any) -> Limits:
    """Limits by which an identity may send to ten in a burst, and to five a second."""
    return replace(GENEROUS, identity_sends_burst=10, identity_sends_per_second=5, **limits)


@in_loop
async def test_publish_is_paid_for_by_listener() -> None:
    """A message to many costs as many; who has spent his budget waits until it has filled up."""
    async with room_kit(limits=few_sends()) as kit:
        ears = [await listener(kit, f"u{number}", "news") for number in range(5)]
        mouth = await kit.connect("/ws")
        for _ in range(2):
            await mouth.request("room.say", {"channel": "news", "text": "hi"})
        refused = await mouth.assert_refused("rate_limited", "room.say", {"channel": "news", "text": "hi"})
        assert 1 == refused["retry_after"]
        kit.clock.advance(1)
        await mouth.request("room.say", {"channel": "news", "text": "last"})

        for ear in ears:
            assert ["hi", "hi", "last"] == [(await ear.assert_received("room.told"))["text"] for _ in range(3)]
            await ear.assert_nothing_received()


@pytest.mark.requirement("R074")
@in_loop
async def test_publish_is_paid_for_by_listener_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody speaks to many for nothing from a node where none of them is."""
    async with room_kit(limits=few_sends()) as kit:
        monkeypatch.setattr(kit.guard.channels.broker, "elsewhere", {"news": 5}.get)
        mouth = await kit.connect("/ws")
        for _ in range(2):
            await mouth.request("room.say", {"channel": "news", "text": "hi"})

        refused = await mouth.assert_refused("rate_limited", "room.say", {"channel": "news", "text": "hi"})
        assert 1 == refused["retry_after"]


@in_loop
async def test_publish_to_more_than_the_budget_holds() -> None:
    """A large audience is reached once, and paid off before the next time."""
    async with room_kit(limits=few_sends()) as kit:
        for number in range(15):
            await listener(kit, f"u{number}", "news")
        mouth = await kit.connect("/ws")
        await mouth.request("room.say", {"channel": "news", "text": "hi"})
        refused = await mouth.assert_refused("rate_limited", "room.say", {"channel": "news", "text": "hi"})

        assert 3 == refused["retry_after"]


@in_loop
async def test_publish_by_the_application_is_not_counted() -> None:
    """`guard.publish` speaks for nobody in particular."""
    async with room_kit(limits=few_sends()) as kit:
        ears = [await listener(kit, f"u{number}", "news") for number in range(5)]
        for _ in range(10):
            await kit.guard.publish("news", Told, {"text": "hi"})

        for _ in range(10):
            await ears[0].assert_received("room.told")


@in_loop
async def test_publish_while_rights_are_in_doubt() -> None:
    """Nobody publishes or begins to listen by a right that cannot be asked for, and the answer names no channel."""
    async with room_kit() as kit:
        client = await kit.connect("/ws", permissions=EVERYTHING)
        (live,) = kit.guard.hub
        live.session.is_in_doubt = True

        for channel in ("room:lobby", "none"):
            await client.assert_refused("unavailable", "wssec.publish", publication(channel, NOTE))
            await client.assert_refused("unavailable", "wssec.subscribe", {"channel": channel})


@in_loop
async def test_subscribe_as_many_as_the_channel_takes() -> None:
    """One more is refused, until somebody leaves."""
    async with room_kit() as kit:
        inside = [await listener(kit, f"u{number}", "hall:lobby") for number in range(2)]
        late = await kit.connect("/ws", subject="late")
        await late.assert_refused("rate_limited", "wssec.subscribe", {"channel": "hall:lobby"})
        await inside[0].request("wssec.unsubscribe", {"channel": "hall:lobby"})

        assert {} == await late.request("wssec.subscribe", {"channel": "hall:lobby"})


@in_loop
async def test_subscribe_to_as_many_of_a_kind() -> None:
    """A connection listens to as many channels of a kind as that says, and to others beside them."""
    async with room_kit() as kit:
        client = await kit.connect("/ws")
        for room in ("a", "b", "b"):
            await client.request("wssec.subscribe", {"channel": f"hall:{room}"})
        await client.assert_refused("rate_limited", "wssec.subscribe", {"channel": "hall:c"})

        assert {} == await client.request("wssec.subscribe", {"channel": "news"})


@in_loop
async def test_subscribe_beyond_a_cap_goes_the_ladder() -> None:
    """Who asks on and on is told, then not answered, then closed, as with any other excess."""
    limits = replace(GENEROUS, rate_refusals_until_silence=2, rate_refusals_until_close=3)
    async with room_kit(limits=limits) as kit:
        for number in range(2):
            await listener(kit, f"u{number}", "hall:lobby")
        late = await kit.connect("/ws", subject="late")
        for _ in range(2):
            await late.assert_refused("rate_limited", "wssec.subscribe", {"channel": "hall:lobby"})
        for _ in range(2):
            await late.send("wssec.subscribe", {"channel": "hall:lobby"})

        await late.assert_closed(CloseCode.RATE_LIMITED)


@pytest.mark.parametrize("fault", [StoreUnavailable("down"), StoreCorrupt("somebody else's")], ids=["down", "corrupt"])
@in_loop
async def test_publish_that_is_unavailable(fault: StoreError, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be handed on is told to who speaks, whatever the store is faulty of; he stays connected."""
    async with room_kit() as kit:

        async def fail(broadcast: Broadcast, kept: Kept | None) -> int | None:
            raise fault

        monkeypatch.setattr(kit.guard.channels.broker, "publish", fail)
        mouth = await kit.connect("/ws", permissions=EVERYTHING)
        await mouth.assert_refused("unavailable", "wssec.publish", publication("room:lobby", NOTE))
        await mouth.assert_refused("unavailable", "room.say", {"channel": "news", "text": "hi"})
