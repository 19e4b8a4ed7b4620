"""Moderators at work on one node: who is muted, banned, removed or slowed down, and for how long."""

import logging
from typing import Any

import pytest

from tests.kits import GENEROUS, audited, in_loop
from tests.rooms import ROOMS, RoomSocket, Told, listener, publication, room_kit
from tests.stores.kit import whole_log
from tornado_wssec.errors import StoreUnavailable
from tornado_wssec.policy.moderation_entries import Measure
from tornado_wssec.stores.base import Generation
from tornado_wssec.testing import Client, GuardKit

NOTE = {"room": "lobby", "text": "hi"}
LOBBY = "room:lobby"


async def speak(client: Client, channel: str = LOBBY) -> str:
    """Publish in every way that a client has; return the code of the refusal, or `said`."""
    room = channel.rpartition(":")[2]
    direct = await answer(client, "wssec.publish", publication(channel, {**NOTE, "room": room}))
    by_handler = await answer(client, "room.say", {"channel": channel, "text": "hi"})
    assert direct == by_handler
    return direct


async def answer(client: Client, type: str, data: dict[str, Any]) -> str:
    """What comes of a request, its own events left aside."""
    await client.send(type, data, "q")
    while (reply := await client.receive()).get("id") != "q":
        pass
    return str(reply.get("code", "said"))


@in_loop
async def test_mute_lets_listen() -> None:
    """Who is muted hears everything, and says nothing there on whatever way; elsewhere he speaks."""
    async with room_kit() as kit:
        ann, bob = await listener(kit, "ann", LOBBY), await listener(kit, "bob", LOBBY)
        await kit.guard.moderation.mute(LOBBY, subject="ann")

        assert ("permission_denied", "said") == (await speak(ann), await speak(ann, "room:attic"))
        await bob.assert_nothing_received()
        assert "said" == await speak(bob)
        assert "ann" != (await ann.assert_received("room.note"))["author"]


@in_loop
async def test_mute_until_it_is_taken_back() -> None:
    """What is taken back is gone; of what is not there, nothing is taken back."""
    async with room_kit() as kit:
        ann, moderation = await listener(kit, "ann", LOBBY), kit.guard.moderation
        await moderation.mute(LOBBY, subject="ann")
        lifted = await moderation.unmute(LOBBY, subject="ann")

        assert lifted is not None
        assert ("said", []) == (await speak(ann), moderation.in_force())
        assert None is await moderation.unmute(LOBBY, subject="ann")
        assert None is await moderation.unban(LOBBY, subject="ann")
        await moderation.mute(LOBBY, subject="ann")
        assert "permission_denied" == await speak(ann)


@in_loop
async def test_mute_until_it_ends() -> None:
    """At its last second it holds; then it is forgotten."""
    async with room_kit() as kit:
        ann, moderation = await listener(kit, "ann", LOBBY), kit.guard.moderation
        await moderation.mute(LOBBY, subject="ann", duration=60)
        await kit.advance(59)
        assert "permission_denied" == await speak(ann)
        await kit.advance(1)

        assert ("said", 0) == (await speak(ann), len(moderation.index))


@pytest.mark.parametrize(
    ("channel", "covers"),
    [
        (LOBBY, ["room:lobby"]),
        ("room:*", ["room:lobby", "room:attic"]),
        ("**", ["room:lobby", "room:attic", "hall:lobby"]),
        ("hall:*", ["hall:lobby"]),
        ("*:lobby", ["room:lobby", "hall:lobby"]),
        ("room", []),
        ("tenant:**", []),
    ],
)
@in_loop
async def test_mute_in_the_channels_that_it_names(channel: str, covers: list[str]) -> None:
    """A pattern covers channels as a grant covers permissions."""
    async with room_kit() as kit:
        ann = await listener(kit, "ann", LOBBY)
        await kit.guard.moderation.mute(channel, subject="ann")
        silenced = [name for name in ("room:lobby", "room:attic", "hall:lobby") if await speak(ann, name) != "said"]

        assert covers == silenced


@in_loop
async def test_ban_puts_out_and_keeps_out() -> None:
    """Who is banned is unsubscribed and told so, hears nothing more, and neither comes back nor speaks."""
    async with room_kit() as kit:
        ann, bob = await listener(kit, "ann", LOBBY), await listener(kit, "bob", LOBBY)
        await kit.guard.moderation.ban(LOBBY, subject="ann")
        assert {"channel": LOBBY} == await ann.assert_received("wssec.unsubscribed")
        await kit.guard.publish(LOBBY, Told, {"text": "hi"})

        await ann.assert_nothing_received()
        await ann.assert_refused("permission_denied", "wssec.subscribe", {"channel": LOBBY})
        assert "permission_denied" == await speak(ann)
        await ann.request("wssec.subscribe", {"channel": "room:attic"})
        await bob.assert_received("room.told")
        await kit.guard.moderation.unban(LOBBY, subject="ann")
        assert {} == await ann.request("wssec.subscribe", {"channel": LOBBY})


@in_loop
async def test_ban_of_an_address() -> None:
    """Whoever comes from there, by whatever name."""
    async with room_kit() as kit:
        clients = [await listener(kit, subject, LOBBY) for subject in ("ann", "bob")]
        await kit.guard.moderation.ban(LOBBY, address="127.0.0.1")
        for client in clients:
            await client.assert_received("wssec.unsubscribed")
            assert "permission_denied" == await speak(client)
        await kit.guard.moderation.ban("room:attic", address="192.0.2.1")
        assert "said" == await speak(clients[0], "room:attic")


@in_loop
async def test_ban_of_another_issuers_subject() -> None:
    """Two issuers' `ann` are two people; without an issuer both are meant."""
    async with room_kit() as kit:
        ann = await listener(kit, "ann", LOBBY)
        await kit.guard.moderation.ban(LOBBY, subject="ann", issuer="https://other.example")
        await ann.assert_nothing_received()
        await kit.guard.moderation.ban(LOBBY, subject="ann", issuer=kit.guard.rules.issuer)

        await ann.assert_received("wssec.unsubscribed")


@in_loop
async def test_kick_lets_come_back() -> None:
    """Who is removed is told, and may subscribe again; a notice is heeded once, whoever reads it again."""
    async with room_kit() as kit:
        ann, bob = await listener(kit, "ann", LOBBY), await listener(kit, "bob", LOBBY)
        await ann.request("wssec.subscribe", {"channel": "room:attic"})

        assert 1 == await kit.guard.moderation.kick(LOBBY, subject="ann", reason="enough")
        assert {"channel": LOBBY} == await ann.assert_received("wssec.unsubscribed")
        await ann.request("wssec.subscribe", {"channel": LOBBY})
        await kit.advance(1)
        await kit.guard.publish(LOBBY, Told, {"text": "hi"})
        for client in (ann, bob):
            await client.assert_received("room.told")
        assert 2 == await kit.guard.moderation.kick("room:*", subject="ann")


@in_loop
async def test_slow_mode() -> None:
    """Everybody speaks once in so many seconds in each channel; the slowest of several counts."""
    async with room_kit() as kit:
        ann, bob = [await kit.connect("/ws", subject=name, permissions=["room:**"]) for name in ("ann", "bob")]
        await kit.guard.moderation.slow("room:*", 10)
        say = {"channel": LOBBY, "text": "hi"}
        await ann.request("room.say", say)
        refused = await ann.assert_refused("rate_limited", "wssec.publish", publication(LOBBY, NOTE))
        await bob.request("room.say", say)
        await ann.request("room.say", {**say, "channel": "room:attic"})
        kit.clock.advance(4)
        again = await ann.assert_refused("rate_limited", "room.say", say)

        assert (10, 6) == (refused["retry_after"], again["retry_after"])
        kit.clock.advance(6)
        await ann.request("room.say", say)
        await kit.guard.moderation.slow(LOBBY, 60)
        await bob.request("room.say", say)
        kit.clock.advance(10)
        assert 50 == (await bob.assert_refused("rate_limited", "room.say", say))["retry_after"]


@in_loop
async def test_slow_mode_of_another_length_lets_nobody_speak_again() -> None:
    """Who has spoken waits by the new length, from when he spoke, also once nothing of the old one is in force."""
    async with room_kit() as kit:
        ann = await kit.connect("/ws", permissions=["room:**"])
        moderation, say = kit.guard.moderation, {"channel": LOBBY, "text": "hi"}
        await moderation.slow(LOBBY, 60)
        await ann.request("room.say", say)
        waits = []
        for seconds in (61, 59, 0, 60):
            await moderation.slow(LOBBY, seconds)
            moderation.tick()
            if seconds:
                waits.append((await ann.assert_refused("rate_limited", "room.say", say))["retry_after"])

        assert [61, 59, 60] == waits
        kit.clock.advance(60)
        moderation.tick()
        await ann.request("room.say", say)


@in_loop
async def test_slow_mode_of_nobody_in_particular() -> None:
    """Somebody anonymous is told apart by the address: a new connection is no new speaker."""

    class Anybody(RoomSocket):
        anonymous = True

    async with GuardKit([("/ws", Anybody)], registry=ROOMS, limits=GENEROUS) as kit:
        await kit.guard.moderation.slow("news", 10)
        first, second = await anybody(kit), await anybody(kit)
        await first.request("room.say", {"channel": "news", "text": "hi"})

        await second.assert_refused("rate_limited", "room.say", {"channel": "news", "text": "hi"})


async def anybody(kit: GuardKit) -> Client:
    """A client that shows nothing."""
    return Client((await kit.handshake("/ws"))[0], None)


@in_loop
async def test_slow_mode_taken_back() -> None:
    """With 0 seconds, or at its end; nothing of it is kept."""
    async with room_kit() as kit:
        ann = await kit.connect("/ws", permissions=["room:**"])
        moderation, say = kit.guard.moderation, {"channel": LOBBY, "text": "hi"}
        await moderation.slow(LOBBY, 10)
        await ann.request("room.say", say)
        await moderation.slow(LOBBY, 0)
        await ann.request("room.say", say)
        await kit.advance(10)
        await moderation.slow(LOBBY, 20, duration=60)
        await ann.request("room.say", say)
        await kit.advance(60)

        await ann.request("room.say", say)
        assert ([], {}) == (moderation.in_force(), moderation._spoke)
        assert None is await moderation.slow(LOBBY, 0)


@in_loop
async def test_moderation_is_audited(caplog: pytest.LogCaptureFixture) -> None:
    """Each measure once, with whom it names, until when, why, and how many subscriptions it has ended."""
    async with room_kit() as kit:
        await listener(kit, "ann", LOBBY)
        moderation = kit.guard.moderation
        with caplog.at_level(logging.INFO, logger="tornado_wssec.audit"):
            await moderation.ban(LOBBY, subject="ann", duration=60, reason="spam")
            await kit.advance(1)
            await moderation.unban(LOBBY, subject="ann", reason="sorry")
            await moderation.slow(LOBBY, 5)

        (ban,), (unban,), (slow,) = (audited(caplog.records, f"channel.{kind}") for kind in ("ban", "unban", "slow"))
        assert (LOBBY, "ann", 1, "spam") == tuple(
            ban[name] for name in ("channel", "subject", "subscriptions", "reason")
        )
        assert (LOBBY, "ann", "sorry") == tuple(unban[name] for name in ("channel", "subject", "reason"))
        assert LOBBY == slow["channel"]


@in_loop
async def test_moderation_survives_a_restart() -> None:
    """A guard that starts with the same store knows what was decided before, and tells it nobody anew."""
    async with room_kit() as kit:
        await kit.guard.moderation.mute(LOBBY, subject="ann")
        store = kit.store.sibling()
        again = room_kit(store=store)
        again.keys.ring = kit.keys.ring
        async with again:
            client = await listener(again, "ann", LOBBY)

            assert "permission_denied" == await speak(client)
            assert [Measure.MUTE] == [one.measure for one in again.guard.moderation.in_force(LOBBY)]


@in_loop
async def test_moderation_that_the_store_has_lost_is_written_again() -> None:
    """A store that comes back without it gets it from whoever still knows it."""
    async with room_kit() as kit:
        mute = await kit.guard.moderation.mute(LOBBY, subject="ann")
        await kit.guard.watcher.catch_up()
        kit.store._kept.log.clear()
        kit.store._kept.generation = Generation("another", kit.clock.wall)
        await kit.guard.watcher.catch_up()
        await kit.guard.watcher.reassertion.write(kit.store)

        assert [mute] == await whole_log(kit.store)


@in_loop
async def test_moderation_that_the_store_does_not_take(monkeypatch: pytest.MonkeyPatch) -> None:
    """It holds here all the same, and whoever decided is told that others may not know."""
    async with room_kit() as kit:
        ann = await listener(kit, "ann", LOBBY)

        async def fail(body: object) -> None:
            raise StoreUnavailable("no")

        monkeypatch.setattr(kit.store, "append", fail)
        with pytest.raises(StoreUnavailable):
            await kit.guard.moderation.mute(LOBBY, subject="ann")

        assert "permission_denied" == await speak(ann)


WRONG: list[tuple[str, dict[str, Any], str]] = [
    (LOBBY, {}, "give a subject or an address"),
    (LOBBY, {"subject": "ann", "address": "127.0.0.1"}, "give a subject or an address"),
    (LOBBY, {"subject": ""}, "subject is empty"),
    (LOBBY, {"subject": "ann", "issuer": ""}, "issuer is empty"),
    (LOBBY, {"address": "here"}, "address is none"),
    (LOBBY, {"subject": "ann", "duration": 0}, "not above 0"),
    ("Room", {"subject": "ann"}, "can be no channel"),
    ("room:l*", {"subject": "ann"}, "can be no channel"),
    ("", {"subject": "ann"}, "can be no channel"),
]


@pytest.mark.parametrize(("channel", "given", "fault"), WRONG, ids=lambda value: ascii(value)[:40])
@in_loop
async def test_moderation_that_cannot_be(channel: str, given: dict[str, Any], fault: str) -> None:
    """What could match nobody, or everybody, is refused with the remedy, and nothing is done."""
    async with room_kit() as kit:
        with pytest.raises(ValueError, match=fault):
            await kit.guard.moderation.mute(channel, **given)

        assert 0 == len(kit.guard.moderation.index)


@pytest.mark.parametrize("named", [{}, {"issuer": "https://id.example"}])
@in_loop
async def test_kick_of_nobody_in_particular(named: dict[str, str]) -> None:
    """Somebody is named, or nobody is removed."""
    async with room_kit() as kit:
        with pytest.raises(ValueError, match="name a session"):
            await kit.guard.moderation.kick(LOBBY, **named)


@pytest.mark.parametrize("seconds", [-1, 86_401, float("nan")])
@in_loop
async def test_slow_mode_that_cannot_be(seconds: float) -> None:
    """Longer than a day is a mute."""
    async with room_kit() as kit:
        with pytest.raises(ValueError, match=r"slow mode takes|not finite"):
            await kit.guard.moderation.slow(LOBBY, seconds)
