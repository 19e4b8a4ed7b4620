"""Customers who open cases, and the agents who answer them. Moderation of a case stands in `schemas.moderation`."""

from marshmallow import fields, validate

from tornado_wssec import Channel, Message, PlainText, SafeHtml, StrictDateTime

Room = fields.String(required=True, validate=validate.Regexp(r"[a-z0-9-]{1,64}\Z"))
Name = fields.String(required=True, validate=validate.Length(1, 128))
Subject = PlainText(min_length=1, max_length=120, required=True)
State = fields.String(required=True, validate=validate.OneOf(("waiting", "answered", "reported", "resolved")))


class List(Message):
    """Tell me of the cases that I may read."""

    class Meta:
        type = "support.list"
        permission = "support:use"
        rate = "5/second"
        max_bytes = 512


class Open(Message):
    """Open a case. The server names it; nobody else can, and nobody can guess the name."""

    class Meta:
        type = "support.open"
        permission = "support:open"
        rate = "20/minute"
        max_bytes = 2 * 1024

    subject = Subject


class Say(Message):
    """Write one line in a case: text, which is never markup."""

    class Meta:
        type = "support.say"
        permission = "chat:write:{room}"
        rate = "5/second, 60/minute"
        max_bytes = 16 * 1024

    room = Room
    text = PlainText(min_length=1, max_length=2_000, allow="\n", required=True)


class Answer(Message):
    """Answer a case, with marks, lists and links; what else is in it is taken out before anybody sees it."""

    class Meta:
        type = "support.answer"
        permission = "chat:answer:{room}"
        rate = "5/second, 60/minute"
        max_bytes = 32 * 1024

    room = Room
    html = SafeHtml(max_length=8_000, required=True)


class Resolve(Message):
    """Put a case aside until somebody writes in it again."""

    class Meta:
        type = "support.resolve"
        permission = "chat:answer:{room}"
        rate = "2/second"
        max_bytes = 1024

    room = Room


class Said(Message):
    """Somebody has written a line."""

    class Meta:
        type = "support.said"
        direction = "out"
        permission = "chat:read:{room}"
        max_bytes = 16 * 1024

    room = Room
    line = fields.UUID(required=True)
    author = Name
    text = PlainText(min_length=1, max_length=2_000, allow="\n", required=True)
    at = StrictDateTime(required=True)


class Answered(Message):
    """Somebody of the staff has answered; the HTML is clean, and is cleaned once more on its way out."""

    class Meta:
        type = "support.answered"
        direction = "out"
        permission = "chat:read:{room}"
        max_bytes = 32 * 1024

    room = Room
    line = fields.UUID(required=True)
    author = Name
    html = SafeHtml(max_length=8_000, required=True)
    at = StrictDateTime(required=True)


class Changed(Message):
    """A case is new, or something has happened in it; for the staff."""

    class Meta:
        type = "support.changed"
        direction = "out"
        permission = "support:desk"

    room = Room
    customer = Name
    subject = Subject
    state = State
    at = StrictDateTime(required=True)


class CaseChannel(Channel):
    """What is said in one case; it is kept for a day, so that whoever opens the page reads what was said before."""

    class Meta:
        pattern = "case:{room}"
        subscribe = "chat:read:{room}"
        publish = None
        history = 200
        ttl = 24 * 3600

    room = Room


class DeskChannel(Channel):
    """Which cases there are; for the staff."""

    class Meta:
        pattern = "desk"
        subscribe = "support:desk"
        publish = None
