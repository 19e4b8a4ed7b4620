"""What the operations page and its socket agree on: permissions, sizes, and the messages that are declared for it.

They have a registry of their own, so that an application's declarations, exports and names know nothing of them.
"""

from typing import Any, Final

from marshmallow import fields, validate

from ..policy.fields import StrictFloat, StrictInteger
from ..policy.messages import Message
from ..policy.registry import Registry

READ: Final = "wssec:ops:read"
"""What it takes to see the page."""
ACT: Final = "wssec:ops:act"
"""What it takes to do something there, beside `READ`."""

ROWS: Final = 50
"""Connections on one page of the list."""
TOP: Final = 10
"""Rows of the tables that show the most of something."""
PAGES_MOST: Final = 100_000
TEXT_MOST: Final = 256
MUTE_SECONDS_MOST: Final = 30 * 86_400

READ_RATE: Final = "20/second"
"""Of each kind of question, by one operator in all his windows: one costs up to some 30 ms with 10,000 connections."""
ACT_RATE: Final = "5/second, 60/minute"

ACTIONS: Final = ("disconnect", "revoke", "kick", "mute")


def _text(most: int = TEXT_MOST, **options: Any) -> fields.String:
    return fields.String(validate=validate.Length(1, most), **options)


class Overview(Message):
    """How the process is, and what has changed since the last question."""

    class Meta:
        type = "ops.overview"
        permission = READ
        rate = READ_RATE

    since = StrictFloat(required=True, validate=validate.Range(0, 1e12))


class Connections(Message):
    """A page of the connections that match."""

    class Meta:
        type = "ops.connections"
        permission = READ
        rate = READ_RATE

    scope = fields.String(required=True, validate=validate.OneOf(["here", "all"]))
    search = fields.String(required=True, validate=validate.Length(max=TEXT_MOST))
    page = StrictInteger(required=True, validate=validate.Range(0, PAGES_MOST))


class Connection(Message):
    """Everything that is known of one connection of this process."""

    class Meta:
        type = "ops.connection"
        permission = READ
        rate = READ_RATE

    connection = _text(required=True)


class Trust(Message):
    """Keys, revocations, nodes and the store."""

    class Meta:
        type = "ops.trust"
        permission = READ
        rate = READ_RATE


class AuditTail(Message):
    """The audit's lines behind one that has been seen."""

    class Meta:
        type = "ops.audit"
        permission = READ
        rate = READ_RATE

    after = StrictInteger(required=True, validate=validate.Range(0, 2**53 - 1))


class Spread(Message):
    """How far the last action of this process has come on all nodes."""

    class Meta:
        type = "ops.spread"
        permission = READ
        rate = READ_RATE


class Propose(Message):
    """Ask what an action would do; the answer holds what confirms it."""

    class Meta:
        type = "ops.propose"
        permission = ACT
        rate = ACT_RATE

    action = fields.String(required=True, validate=validate.OneOf(ACTIONS))
    session = _text()
    token = _text()
    subject = _text()
    issuer = _text()
    channel = _text()
    seconds = StrictInteger(validate=validate.Range(1, MUTE_SECONDS_MOST))


class Confirm(Message):
    """Do what was proposed last."""

    class Meta:
        type = "ops.confirm"
        permission = ACT
        rate = ACT_RATE

    confirm = _text(required=True)
    reason = fields.String(validate=validate.Length(max=TEXT_MOST))


DECLARED: Final = Registry(Overview, Connections, Connection, Trust, AuditTail, Spread, Propose, Confirm)
