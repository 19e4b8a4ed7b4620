"""How one publication reaches everyone: once encoded, in slices, in order, and each listener asked when it is due."""

from dataclasses import replace
from typing import Any

import pytest

from tests.kits import in_loop
from tests.rooms import News, Told, listener, room_kit
from tornado_wssec import Envelope, Registry, SecureWebSocketHandler, fanout
from tornado_wssec.policy.broker import Broadcast
from tornado_wssec.testing import Client, GuardKit


async def texts(client: Client, count: int) -> list[str]:
    """What it hears next."""
    return [(await client.assert_received("room.told"))["text"] for _ in range(count)]


@in_loop
async def test_fanout_keeps_the_order_of_a_channel(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many slices each takes, and whatever is published meanwhile elsewhere."""
    monkeypatch.setattr(fanout, "SLICE", 2)
    async with room_kit() as kit:
        inside = [await listener(kit, f"u{number}", "room:lobby") for number in range(5)]
        news = [await listener(kit, f"n{number}", "news") for number in range(3)]
        for number in range(6):
            await kit.guard.publish("room:lobby", Told, {"text": f"lobby {number}"})
            await kit.guard.publish("news", Told, {"text": f"news {number}"})

        for clients, name in ((inside, "lobby"), (news, "news")):
            for client in clients:
                assert [f"{name} {number}" for number in range(6)] == await texts(client, 6)
                await client.assert_nothing_received()


@pytest.mark.requirement("R074")
@in_loop
async def test_fanout_gives_others_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small channel is served between two slices of a large one."""
    monkeypatch.setattr(fanout, "SLICE", 1)
    async with room_kit() as kit:
        crowd = [await listener(kit, f"u{number}", "room:lobby") for number in range(4)]
        alone = await listener(kit, "alone", "news")
        sent: list[str] = []
        for live in kit.guard.hub:
            tell(live, sent)
        await kit.guard.publish("room:lobby", Told, {"text": "lobby"})
        await kit.guard.publish("news", Told, {"text": "news"})
        assert ["room:lobby", "news"] == sent

        for client in crowd:
            await texts(client, 1)
        assert ["news"] == await texts(alone, 1)
        assert 4 == sent.count("room:lobby")


def tell(live: Any, sent: list[str]) -> None:
    """Note to which channel each thing belongs that is sent from now on."""
    send = live.connection.send

    class Told:
        def __getattr__(self, name: str) -> Any:
            return getattr(connection, name)

        def send(self, message: Any, now: float) -> bool:
            sent.append("news" if '"news"' in message.text else "room:lobby")
            return bool(send(message, now))

    connection, live.connection = live.connection, Told()


@pytest.mark.requirement("R074")
@in_loop
async def test_fanout_is_bounded_where_publishing_is_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more than so many the publisher waits until the first has left, and no longer."""
    monkeypatch.setattr(fanout, "SLICE", 1)
    monkeypatch.setattr(fanout, "WAITING_MOST", 3)
    async with room_kit() as kit:
        clients = [await listener(kit, f"u{number}", "room:lobby") for number in range(3)]
        (audience,) = kit.guard.channels
        waiting = []
        for number in range(9):
            await kit.guard.publish("room:lobby", Told, {"text": str(number)})
            waiting.append(len(audience.waiting))

        assert [1, 2, 3, 3, 3, 3, 3, 3, 3] == waiting
        for client in clients:
            assert [str(number) for number in range(9)] == await texts(client, 9)


@in_loop
async def test_fanout_to_who_came_since(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever comes while a publication is under way gets what is published from then on."""
    monkeypatch.setattr(fanout, "SLICE", 1)
    async with room_kit() as kit:
        early = [await listener(kit, f"u{number}", "room:lobby") for number in range(2)]
        late = await kit.connect("/ws", subject="late", permissions=["room:**"])
        (live,) = [live for live in kit.guard.hub if live.session.identity.subject == "late"]
        await kit.guard.publish("room:lobby", Told, {"text": "before"})
        await kit.guard.channels.subscribe(live, Envelope(), "room:lobby")
        await kit.guard.publish("room:lobby", Told, {"text": "after"})

        for client in early:
            assert ["before", "after"] == await texts(client, 2)
        assert ["after"] == await texts(late, 1)


class PlainSocket(SecureWebSocketHandler):
    """Listens alone."""


class FlatSocket(SecureWebSocketHandler):
    """Listens alone, and is spoken to otherwise."""

    envelope = Envelope.flat("action")


@in_loop
async def test_fanout_that_fails_for_one_envelope(caplog: pytest.LogCaptureFixture) -> None:
    """What one way of writing cannot hold, as a node of another version may send it, reaches all others still."""
    async with GuardKit([("/ws", PlainSocket), ("/flat", FlatSocket)], registry=Registry(Told, News)) as kit:
        flat = await kit.connect("/flat", subject="flat")
        await flat.send_text('{"action":"wssec.subscribe","id":"a","channel":"news"}')
        assert "reply" == (await flat.receive())["action"]
        plain = await listener(kit, "plain", "news")
        foreign = Broadcast(channel="news", type="room.told", data='{"seq":1}', needs="", id="i", origin="n")
        kit.guard.channels.deliver(foreign)
        await kit.guard.publish("news", Told, {"text": "next"})

        assert [{"seq": 1}, {"text": "next"}] == [(await plain.receive())["data"] for _ in range(2)]
        assert "next" == (await flat.receive())["text"]
        assert 1 == caplog.text.count("a publication cannot be delivered: ValueError")
    caplog.clear()


@in_loop
async def test_fanout_that_fails_for_one_channel(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A publication that cannot be encoded is logged, and nothing behind it waits for ever."""
    monkeypatch.setattr(fanout, "SLICE", 1)
    async with room_kit() as kit:
        clients = [await listener(kit, f"u{number}", "room:lobby") for number in range(2)]
        carry = Envelope.carry

        def fail(self: Envelope, type: str, data: str, **options: Any) -> str:
            if "bad" in data:
                raise ValueError("secret")
            return carry(self, type, data, **options)

        monkeypatch.setattr(Envelope, "carry", fail)
        for text in ("good", "bad", "good"):
            await kit.guard.publish("room:lobby", Told, {"text": text})

        for client in clients:
            assert ["good", "good"] == await texts(client, 2)
        (line,) = [one.getMessage() for one in caplog.records if "cannot be delivered" in one.getMessage()]
        assert "secret" not in line


@in_loop
async def test_fanout_that_fails_for_one_listener(caplog: pytest.LogCaptureFixture) -> None:
    """One broken socket is dropped, and the others hear everything."""
    async with room_kit() as kit:
        clients = [await listener(kit, name, "room:lobby") for name in ("a", "b", "c")]
        lives = {live.session.identity.subject: live for live in kit.guard.hub}
        broken = lives["b"].connection

        class Broken:
            def __getattr__(self, name: str) -> Any:
                return getattr(broken, name)

            def send(self, message: object, now: float) -> bool:
                raise RuntimeError("broken")

        lives["b"].connection = Broken()
        await kit.guard.publish("room:lobby", Told, {"text": "hi"})

        for client in (clients[0], clients[2]):
            assert ["hi"] == await texts(client, 1)
        assert ["a connection of"] == [one.getMessage()[:15] for one in caplog.records if "failed" in one.getMessage()]


@in_loop
async def test_deliver_what_another_version_publishes() -> None:
    """A type that this node does not declare, or only for clients, reaches nobody; nor what nobody may hear."""
    async with room_kit() as kit:
        client = await listener(kit, "ann", "news")
        good = Broadcast(channel="news", type="room.told", data='{"text":"hi"}', needs="", id="x", origin="y")
        for change in ({"type": "new"}, {"type": "room.say"}, {"channel": "room:a"}, {"needs": None}, {"needs": "x:y"}):
            kit.guard.channels.deliver(replace(good, **change))
        await client.assert_nothing_received()
        kit.guard.channels.deliver(good)

        assert ["hi"] == await texts(client, 1)
