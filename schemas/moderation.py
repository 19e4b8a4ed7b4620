"""What moderators of a room may do, and what the room is told of it."""

from enum import StrEnum

from marshmallow import fields, validate

from tornado_wssec import Message, StrictDateTime, StrictInteger

Room = fields.String(required=True, validate=validate.Regexp(r"[a-z0-9-]{1,64}\Z"))
Subject = fields.String(required=True, validate=validate.Length(1, 128))


class Measure(StrEnum):
    """What is done to somebody."""

    MUTE = "mute"
    BAN = "ban"
    KICK = "kick"


class Moderate(Message):
    """Mute, ban or kick somebody. Without `seconds` it holds until it is undone."""

    class Meta:
        type = "moderation.act"
        permission = "chat:moderate:{room}"  # being connected is not being allowed
        rate = "5/second, 60/minute"
        max_bytes = 2 * 1024

    room = Room
    subject = Subject
    measure = fields.Enum(Measure, by_value=True, required=True)
    seconds = StrictInteger(validate=validate.Range(1, 30 * 24 * 3_600))
    reason = fields.String(load_default="", validate=validate.Length(max=500))


class Pardon(Message):
    """Take a mute or a ban back."""

    class Meta:
        type = "moderation.pardon"
        permission = "chat:moderate:{room}"
        rate = "5/second, 60/minute"
        max_bytes = 2 * 1024

    room = Room
    subject = Subject
    measure = fields.Enum(Measure, by_value=True, required=True, validate=validate.NoneOf((Measure.KICK,)))


class Look(Message):
    """Tell me what is in force in a room, whoever decided it, and from where."""

    class Meta:
        type = "moderation.look"
        permission = "chat:moderate:{room}"
        rate = "5/second"
        max_bytes = 1024

    room = Room


class SlowDown(Message):
    """Let everybody in a room write once in so many seconds; 0 ends it."""

    class Meta:
        type = "moderation.slow"
        permission = "chat:moderate:{room}"
        rate = "5/second"
        max_bytes = 1024

    room = Room
    seconds = StrictInteger(required=True, validate=validate.Range(0, 3_600))


class Remove(Message):
    """Take lines out of a room."""

    class Meta:
        type = "moderation.remove"
        permission = "chat:moderate:{room}"
        rate = "5/second"
        max_bytes = 4 * 1024

    room = Room
    lines = fields.List(fields.UUID(), required=True, validate=validate.Length(1, 50))


class Report(Message):
    """Tell the moderators of a line."""

    class Meta:
        type = "moderation.report"
        permission = "chat:read:{room}"
        rate = "5/minute"
        max_bytes = 4 * 1024
        bind = {"reporter": "sub"}

    room = Room
    reporter = Subject
    line = fields.UUID(required=True)
    what = fields.String(required=True, validate=validate.OneOf(("spam", "abuse", "illegal", "other")))
    remark = fields.String(allow_none=True, load_default=None, validate=validate.Length(max=1_000))


class Moderated(Message):
    """Something was done to somebody. The reason is for moderators alone and is not in it."""

    class Meta:
        type = "moderation.acted"
        direction = "out"
        permission = "chat:read:{room}"

    room = Room
    subject = Subject
    measure = fields.Enum(Measure, by_value=True, required=True)
    until = StrictDateTime(allow_none=True, required=True)


class Pardoned(Message):
    """A mute or a ban was taken back."""

    class Meta:
        type = "moderation.pardoned"
        direction = "out"
        permission = "chat:read:{room}"

    room = Room
    subject = Subject
    measure = fields.Enum(Measure, by_value=True, required=True)


class Slowed(Message):
    """Everybody may write once in so many seconds; 0: as fast as otherwise."""

    class Meta:
        type = "moderation.slowed"
        direction = "out"
        permission = "chat:read:{room}"

    room = Room
    seconds = StrictInteger(required=True, validate=validate.Range(0, 3_600))


class Removed(Message):
    """Lines are gone; clients take them from the screen."""

    class Meta:
        type = "moderation.removed"
        direction = "out"
        permission = "chat:read:{room}"

    room = Room
    lines = fields.List(fields.UUID(), required=True, validate=validate.Length(1, 50))
