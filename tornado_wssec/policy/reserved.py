"""The message types that the protocol itself uses. They pass the same pipeline as everybody's."""

from typing import Final

from marshmallow import fields, validate

from ..settings import Limits, MiB
from .messages import Message
from .permissions import PUBLIC

RESERVED_PREFIX: Final = "wssec."
RESERVED_TYPES: Final = frozenset({"ping", "pong", "reply", "error"})
GAP: Final = "wssec.gap"
"""What a listener is told, with the name of the channel, where something may be missing."""
UNSUBSCRIBED: Final = "wssec.unsubscribed"
"""What a listener is told, with the name of the channel, whom a moderator has put out of it."""
CHANNEL_CHARS: Final = 128
TYPE_CHARS: Final = 128
JWS_CHARS: Final = 16 * MiB
"""More than any endpoint lets a frame have: its own cap is what counts."""

_Channel = fields.String(required=True, validate=validate.Length(1, CHANNEL_CHARS))


class Ping(Message):
    """Ask for a `pong`: browsers cannot send ping frames (R037)."""

    class Meta:
        type = "ping"
        permission = PUBLIC


class Authenticate(Message):
    """Show a credential as the first message, where nobody has been authenticated yet."""

    class Meta:
        type = "wssec.auth"
        permission = PUBLIC

    token = fields.String(validate=validate.Length(1, Limits().token_bytes))
    ticket = fields.String(validate=validate.Length(1, Limits().token_bytes))


class Subscribe(Message):
    """Listen to a channel; `since` is the `seq` behind which to resume."""

    class Meta:
        type = "wssec.subscribe"
        permission = PUBLIC  # each channel has a permission of its own

    channel = _Channel
    since = fields.Integer(strict=True, validate=validate.Range(0, Limits().json_integer))


class Unsubscribe(Message):
    """Stop listening to a channel."""

    class Meta:
        type = "wssec.unsubscribe"
        permission = PUBLIC

    channel = _Channel


class Publish(Message):
    """Publish in a channel, where it lets clients."""

    class Meta:
        type = "wssec.publish"
        permission = PUBLIC  # each channel has a permission of its own

    channel = _Channel
    type = fields.String(required=True, validate=validate.Length(1, TYPE_CHARS))
    data = fields.Dict(required=True, keys=fields.String())


class Refresh(Message):
    """Replace the token of this connection by a fresh one of the same subject."""

    class Meta:
        type = "wssec.refresh"
        permission = PUBLIC

    token = fields.String(required=True, validate=validate.Length(1, Limits().token_bytes))


class Signed(Message):
    """Carry a message that its sender has signed."""

    class Meta:
        type = "wssec.signed"
        permission = PUBLIC  # what is in it has a permission of its own

    jws = fields.String(required=True, validate=validate.Length(1, JWS_CHARS))


RESERVED: Final[tuple[type[Message], ...]] = (
    Ping,
    Authenticate,
    Subscribe,
    Unsubscribe,
    Publish,
    Refresh,
    Signed,
)
ASK_A_CHANNEL: Final = frozenset({Subscribe, Publish})
"""Everybody may send these, and the channel that they name says whether he may."""
