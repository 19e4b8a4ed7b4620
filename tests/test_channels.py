"""Who listens to what, and how one message reaches them all."""

from dataclasses import replace
from typing import Any

import pytest
from marshmallow import fields, validate

from schemas import chat
from tests.kits import CHAT, GENEROUS, ChatSocket, chat_kit, in_loop, settled
from tests.rooms import EVERYTHING, Told, room_kit
from tornado_wssec import PUBLIC, Channel, ConfigurationError, Envelope, Message, Registry, SecureWebSocketHandler
from tornado_wssec.errors import OutboundInvalid
from tornado_wssec.testing import Client, GuardKit

LINE = {"room": "lobby", "text": "hi", "author": "x"}


async def listener(kit: GuardKit, subject: str, *permissions: str, channel: str = "room:lobby") -> Client:
    """A client that listens."""
    client = await kit.connect("/ws", subject=subject, permissions=permissions)
    await client.request("wssec.subscribe", {"channel": channel})
    return client


@in_loop
async def test_publish_reaches_its_listeners() -> None:
    """Those of the channel, once each however often they have subscribed, and nobody else; ."""
    async with chat_kit(limits=GENEROUS) as kit:
        ann, bob = await listener(kit, "ann", "chat:read:*"), await listener(kit, "bob", "chat:read:lobby")
        other = await listener(kit, "eve", "chat:read:board", channel="room:board")
        await ann.request("wssec.subscribe", {"channel": "room:lobby"})

        await kit.guard.publish("room:lobby", chat.Posted, LINE)

        assert 2 == kit.guard.channels.listeners("room:lobby")
        for client in (ann, bob):
            assert {"type": "chat.posted", "channel": "room:lobby", "data": LINE} == await client.receive()
            await client.assert_nothing_received()
        await other.assert_nothing_received()


@pytest.mark.parametrize("how", ["unsubscribe", "close", "reset", "revoke"])
@in_loop
async def test_publish_after_leaving(how: str) -> None:
    """Who has left in any way is not on the list any more, and the list of an empty channel is gone."""
    async with chat_kit(limits=GENEROUS) as kit:
        client = await listener(kit, "ann", "chat:read:*")
        if how == "unsubscribe":
            await client.request("wssec.unsubscribe", {"channel": "room:lobby"})
        elif how == "close":
            await client.close()
        elif how == "reset":
            client.socket.reset()
        else:
            await kit.guard.revoke(subject="ann")
            await client.assert_closed(4403)
        await settled(kit, 1 if how == "unsubscribe" else 0)

        assert (0, 0) == (kit.guard.channels.listeners("room:lobby"), len(kit.guard.channels))


class Whisper(Message):
    """Only some of those who listen may read it."""

    class Meta:
        type = "hall.whisper"
        direction = "out"
        permission = "hall:whisper:{to}"

    to = fields.String(required=True, validate=validate.Length(1, 16))


class Hall(Channel):
    """Everybody may listen."""

    class Meta:
        pattern = "hall"
        subscribe = PUBLIC


class HallSocket(SecureWebSocketHandler):
    """Listens only."""


@in_loop
async def test_publish_asks_each_recipient() -> None:
    """Of those who listen, only those get a message who may receive that very one."""
    async with GuardKit([("/ws", HallSocket)], registry=Registry(Whisper, Hall), limits=GENEROUS) as kit:
        ann = await listener(kit, "ann", "hall:whisper:ann", channel="hall")
        bob = await listener(kit, "bob", "hall:whisper:bob", channel="hall")
        boss = await listener(kit, "boss", "hall:whisper:*", channel="hall")
        await kit.guard.publish("hall", Whisper, {"to": "ann"})
        await kit.guard.publish("hall", Whisper, {"to": "*"})

        for client in (ann, boss):
            assert {"to": "ann"} == await client.assert_received("hall.whisper")
        for client in (ann, bob, boss):
            await client.assert_nothing_received()


@in_loop
async def test_publish_looks_at_the_rights_of_the_moment() -> None:
    """A right that is gone by the time of the delivery delivers nothing, and the subscription ends."""
    async with chat_kit(limits=GENEROUS) as kit:
        client = await listener(kit, "ann", "chat:read:*")
        (live,) = kit.guard.hub
        live.session.identity = replace(live.session.identity, permissions=kit.identity("ann", []).permissions)

        await kit.guard.publish("room:lobby", chat.Posted, LINE)

        assert set() == live.channels
        await client.assert_nothing_received()


@in_loop
async def test_publish_in_each_endpoints_format() -> None:
    """One message reaches listeners of two formats, each in its own."""

    class FlatChat(ChatSocket):
        envelope = Envelope.flat(type="action")

    async with GuardKit([("/ws", ChatSocket), ("/flat", FlatChat)], registry=CHAT) as kit:
        plain = await listener(kit, "ann", "chat:**")
        flat = await kit.connect("/flat", permissions=["chat:**"])
        await flat.send_text('{"action":"wssec.subscribe","id":"a","channel":"room:lobby"}')
        assert "reply" == (await flat.receive())["action"]
        await kit.guard.publish("room:lobby", chat.Posted, LINE)

        assert {"type": "chat.posted", "channel": "room:lobby", "data": LINE} == await plain.receive()
        assert {"action": "chat.posted", "channel": "room:lobby", **LINE} == await flat.receive()


WRONG: list[tuple[str, type[Message], dict[str, Any], type[Exception]]] = [
    ("room:lobby", chat.Posted, {**LINE, "extra": 1}, OutboundInvalid),
    ("room:lobby", chat.Posted, {"room": "lobby"}, OutboundInvalid),
    ("room:lobby", chat.Posted, {**LINE, "text": 1}, OutboundInvalid),
    ("room:lobby", chat.Posted, {**LINE, "text": "x" * 2_001}, OutboundInvalid),
    ("room:lobby", chat.Posted, {**LINE, "text": "\ud800"}, OutboundInvalid),
    ("room:lobby", chat.Send, {"room": "lobby", "text": "a"}, ConfigurationError),
    ("room:lobby", Whisper, {"to": "a"}, ConfigurationError),
    ("none", chat.Posted, LINE, ConfigurationError),
    ("room:*", chat.Posted, LINE, ConfigurationError),
    ("room:", chat.Posted, LINE, ConfigurationError),
]


@pytest.mark.parametrize(("channel", "message", "data", "error"), WRONG, ids=lambda value: ascii(value)[:30])
@in_loop
async def test_publish_what_may_not_be_sent(
    channel: str, message: type[Message], data: dict[str, Any], error: type[Exception]
) -> None:
    """What is not declared, or does not fit, reaches nobody, also where nobody listens."""
    async with chat_kit() as kit:
        client = await listener(kit, "ann", "chat:**")
        with pytest.raises(error):
            await kit.guard.publish(channel, message, data)
        await client.assert_nothing_received()


@in_loop
async def test_subscribe_while_leaving() -> None:
    """Who is on the way out is not put on a list that nobody would take it off again."""
    async with chat_kit() as kit:
        client = await kit.connect("/ws", permissions=["chat:**"])
        (live,) = kit.guard.hub
        await kit.guard.disconnect(subject="ann")
        with pytest.raises(Exception, match="closing"):
            await kit.guard.channels.subscribe(live, Envelope(), "room:lobby")
        await client.assert_closed(4403)

        assert 0 == len(kit.guard.channels)


@in_loop
async def test_channels_joined_and_left_leave_nothing() -> None:
    """However many channels come and go, spoken in or not: what is kept of them is nothing."""
    async with room_kit() as kit:
        await kit.connect("/ws", permissions=EVERYTHING)
        (live,) = kit.guard.hub
        channels = kit.guard.channels
        for number in range(1_000):
            await channels.subscribe(live, Envelope(), f"room:r{number}")
            await kit.guard.publishing.publish(live, f"room:r{number}", Told, {"text": "hi"})
            channels.unsubscribe(live, f"room:r{number}")

        assert (0, set()) == (len(channels), live.channels)
        assert ({}, []) == (kit.guard.moderation._spoke, list(channels._fanout._turns))
