"""What an application declares: messages and channels, as marshmallow schemas with options of ours.

Rules of this file:
1. An option is kept as it was written; `Registry.problems()` says what is wrong with it, all at once.
2. What is absent grants nothing: a message without a permission does not start.
3. Unknown fields are refused, here and in everything nested.

A class without `Meta.type` (or `Meta.pattern`) is a base for others and is not registered.
"""

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, Final

from marshmallow import RAISE, Schema
from marshmallow.schema import SchemaOpts

from ..errors import Problem

MESSAGE_OPTIONS: Final[tuple[str, ...]] = (
    "type",
    "direction",
    "permission",
    "rate",
    "max_bytes",
    "signed",
    "bind",
    "cost",
    "overflow",
    "coalesce",
    "max_auth_age",
    "binary",
)
CHANNEL_OPTIONS: Final[tuple[str, ...]] = (
    "pattern",
    "subscribe",
    "publish",
    "accepts",
    "bind",
    "rate",
    "subscribers",
    "subscriptions",
    "history",
    "ttl",
    "presence",
)
DIRECTIONS: Final = ("in", "out", "both")

# Ours are compared with what marshmallow itself reads, so that `only` is no misspelling of ours.
_MARSHMALLOW: Final = frozenset(
    {"additional", "dateformat", "datetimeformat", "dump_only", "exclude", "fields", "include", "index_errors"}
    | {"load_only", "many", "ordered", "register", "render_module", "timeformat", "unknown"}
)


class MessageOptions(SchemaOpts):
    """The `class Meta` of a message.

    Args:
        type: the name on the wire. None: a base class.
        direction: `"in"` (from clients, the default), `"out"` or `"both"`.
        permission: what a sender must be allowed (`"out"`: a receiver), `"chat:write:{room}"`, or `PUBLIC`.
        rate: for each identity and type, `"5/second, 100/minute"`. None: the connection's budget alone.
        max_bytes: of the whole frame. None: `Limits.message_bytes`.
        signed: whether it must come inside `wssec.signed`.
        bind: field → claim that it must equal; filled in where it is absent.
        cost: how many messages it counts as, against every rate.
        overflow: what becomes of it when its reader is too slow: `"disconnect"` (the default), `"drop_oldest"`,
            `"drop_newest"` or `"coalesce"`.
        coalesce: of which things only the newest matters, `"{symbol}"`: it takes the place of the one that waits.
        max_auth_age: seconds since its sender last proved who that is; else `reauth_required`. None: any.
        binary: what it carries behind its fields, `"png"`, `"any"`, or the bytes that it begins with. None: it is text.
    """

    def __init__(self, meta: type) -> None:
        super().__init__(meta)  # type: ignore[no-untyped-call, unused-ignore]
        self.type: Any = getattr(meta, "type", None)
        self.direction: Any = getattr(meta, "direction", "in")
        self.permission: Any = getattr(meta, "permission", None)
        self.rate: Any = getattr(meta, "rate", None)
        self.max_bytes: Any = getattr(meta, "max_bytes", None)
        self.signed: Any = getattr(meta, "signed", False)
        self.bind: Any = getattr(meta, "bind", None)
        self.cost: Any = getattr(meta, "cost", 1)
        self.overflow: Any = getattr(meta, "overflow", None)
        self.coalesce: Any = getattr(meta, "coalesce", None)
        self.max_auth_age: Any = getattr(meta, "max_auth_age", None)
        self.binary: Any = getattr(meta, "binary", None)


class ChannelOptions(SchemaOpts):
    """The `class Meta` of a channel.

    Args:
        pattern: the names it has, `"room:{room}"`. None: a base class.
        subscribe: what a listener must be allowed, or `PUBLIC`.
        publish: what a client must be allowed that publishes directly. None: no client may.
        accepts: the messages that clients may publish. None: every one that the server may send and whose fields name
            the channel.
        bind: segment → claim that it must equal, of whoever listens or publishes: `{"tenant": "tenant"}`.
        rate: how often one identity may publish in one channel, itself or through a handler, `"5/second"`.
        subscribers: connections that may listen to one channel in one process. None: any number.
        subscriptions: channels of this kind that one connection may listen to. None: `Limits.subscriptions` alone.
        history: messages of each channel that are kept for who reconnects. None: none.
        ttl: seconds that they are kept. None: 60.
        presence: whether listeners may know who else is there.
    """

    def __init__(self, meta: type) -> None:
        super().__init__(meta)  # type: ignore[no-untyped-call, unused-ignore]
        self.pattern: Any = getattr(meta, "pattern", None)
        self.subscribe: Any = getattr(meta, "subscribe", None)
        self.publish: Any = getattr(meta, "publish", None)
        self.accepts: Any = getattr(meta, "accepts", None)
        self.bind: Any = getattr(meta, "bind", None)
        self.rate: Any = getattr(meta, "rate", None)
        self.subscribers: Any = getattr(meta, "subscribers", None)
        self.subscriptions: Any = getattr(meta, "subscriptions", None)
        self.history: Any = getattr(meta, "history", None)
        self.ttl: Any = getattr(meta, "ttl", None)
        self.presence: Any = getattr(meta, "presence", False)


class Message(Schema):
    """One type of message: its fields, and in `class Meta` who may send it and how often.

    The docstring of a subclass is what exports and `wssec schemas list` show.
    """

    OPTIONS_CLASS = MessageOptions

    class Meta:
        unknown = RAISE


class Channel(Schema):
    """One kind of channel: the fields of its name, and in `class Meta` who may listen and publish."""

    OPTIONS_CLASS = ChannelOptions

    class Meta:
        unknown = RAISE


def place(declared: type[Schema]) -> str:
    """Where a declaration stands, for a `Problem`: `schemas.chat.Send`."""
    return f"{declared.__module__}.{declared.__qualname__}"


def misspelt(declared: type[Message] | type[Channel]) -> Iterator[Problem]:
    """Yield the options of `class Meta` that are nearly ours: silence where a limit was meant."""
    is_channel = issubclass(declared, Channel)
    ours, others = (CHANNEL_OPTIONS, MESSAGE_OPTIONS) if is_channel else (MESSAGE_OPTIONS, CHANNEL_OPTIONS)
    written = {name for base in declared.Meta.__mro__ for name in vars(base) if not name.startswith("_")}
    for name in sorted(written - _MARSHMALLOW - set(ours)):
        where = f"{place(declared)}.Meta.{name}"
        if name in others:
            owner = "Message" if is_channel else "Channel"
            yield Problem(where, f"is an option of a {owner}", f"drop it; the options here are {', '.join(ours)}")
        elif near := _nearest(name, ours):
            yield Problem(where, "is not an option", f"did you mean {near}?")


def _nearest(name: str, options: tuple[str, ...]) -> str | None:
    near = get_close_matches(name.lower(), options, n=1, cutoff=0.75)
    return next((option for option in options if name.lower().startswith(option)), near[0] if near else None)
