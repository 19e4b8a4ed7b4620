"""Rooms in which people write lines."""

from marshmallow import fields, validate

from tornado_wssec import Channel, Message

Room = fields.String(required=True, validate=validate.Regexp(r"[a-z0-9-]{1,64}\Z"))


class Send(Message):
    """Post one line to a room."""

    class Meta:
        type = "chat.send"
        permission = "chat:write:{room}"  # filled from validated fields only
        rate = "5/second, 100/minute"
        max_bytes = 8 * 1024

    room = Room
    text = fields.String(required=True, validate=validate.Length(1, 2_000))


class Posted(Message):
    """A line has appeared in a room."""

    class Meta:
        type = "chat.posted"
        direction = "out"  # the server cannot send what it has not declared
        permission = "chat:read:{room}"  # here: who may receive it

    room = Room
    text = fields.String(required=True, validate=validate.Length(max=2_000))
    author = fields.String(required=True, validate=validate.Length(max=128))


class RoomChannel(Channel):
    """What is posted to one room."""

    class Meta:
        pattern = "room:{room}"
        subscribe = "chat:read:{room}"
        publish = None  # clients may not publish directly

    room = Room
