"""Channels of every kind, and a kit that serves them, for tests of who hears and says what."""

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import fields, validate

from tests.kits import GENEROUS
from tornado_wssec import PUBLIC, Channel, Message, Registry, SecureWebSocketHandler, on
from tornado_wssec.testing import Client, GuardKit

Name = fields.String(required=True, validate=validate.Regexp(r"[a-z0-9-]{1,16}\Z"))
Text = fields.String(required=True, validate=validate.Length(1, 200))


class Note(Message):
    """What clients publish themselves, under their own name."""

    class Meta:
        type = "room.note"
        direction = "both"
        permission = "room:note:{room}"
        bind = {"author": "sub"}  # noqa: RUF012 - as applications write it
        rate = "1000/second"
        max_bytes = 2_000

    room = Name
    text = Text
    author = fields.String(validate=validate.Length(max=128))


class Told(Message):
    """What only the server says."""

    class Meta:
        type = "room.told"
        direction = "out"
        permission = PUBLIC

    text = Text


class Say(Message):
    """What the handler publishes for its client."""

    class Meta:
        type = "room.say"
        permission = PUBLIC

    channel = fields.String(required=True, validate=validate.Length(1, 128))
    text = Text


class Room(Channel):
    """Where clients publish notes."""

    class Meta:
        pattern = "room:{room}"
        subscribe = "room:hear:{room}"
        publish = "room:publish:{room}"
        accepts = [Note]  # noqa: RUF012 - as applications write it

    room = Name


class Hall(Channel):
    """Where clients publish whatever fits, though not often, and few listen."""

    class Meta:
        pattern = "hall:{room}"
        subscribe = PUBLIC
        publish = PUBLIC
        rate = "2/minute"
        subscribers = 2
        subscriptions = 2

    room = Name


class News(Channel):
    """Where everybody listens, and only the server speaks."""

    class Meta:
        pattern = "news"
        subscribe = PUBLIC


class Desk(Channel):
    """Of one tenant each."""

    class Meta:
        pattern = "tenant:{tenant}:{topic}"
        subscribe = "desk:hear:{topic}"
        publish = "desk:say:{topic}"
        accepts = [Told]  # noqa: RUF012 - as applications write it
        bind = {"tenant": "tenant"}  # noqa: RUF012 - as applications write it

    tenant = Name
    topic = Name


class RoomSocket(SecureWebSocketHandler):
    """Publishes in its client's name."""

    @on(Say)
    async def say(self, data: dict[str, Any]) -> None:
        await self.publish(data["channel"], Told, {"text": data["text"]})


ROOMS: Final = Registry(Note, Told, Say, Room, Hall, News, Desk)
EVERYTHING: Final = ("room:**", "desk:**")


def room_kit(**options: Any) -> GuardKit:
    """Every kind of channel at /ws."""
    return GuardKit([(r"/ws", RoomSocket)], **{"registry": ROOMS, "limits": GENEROUS, **options})


async def listener(kit: GuardKit, subject: str, channel: str, *permissions: str, **options: Any) -> Client:
    """A client that listens, with these permissions or all."""
    token = kit.token(subject, permissions or EVERYTHING, **options)
    client = await kit.connect("/ws", token=token)
    await client.request("wssec.subscribe", {"channel": channel})
    return client


def publication(channel: str, data: Mapping[str, Any], type: str = "room.note") -> dict[str, Any]:
    """The data of a `wssec.publish`."""
    return {"channel": channel, "type": type, "data": data}
