"""The options of a channel's `class Meta`, read: every fault becomes a `Problem`, and grants nothing meanwhile."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ..errors import Problem
from .channels import ChannelPattern
from .messages import Channel, Message
from .options import Faults, is_bind, read_rates
from .permissions import PermissionTemplate
from .rates import Rate

HISTORY_MOST: Final = 10_000
"""Messages that one channel may keep: what is kept is there for a reconnect, and is no archive."""
TTL_MOST: Final = 86_400.0
"""Seconds that they may be kept."""
TTL: Final = 60.0
"""Seconds that they are kept where the channel does not say: most who reconnect are back by then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelTerms:
    """What `class Meta` of a channel says. Without `pattern` or `subscribe` nobody can listen."""

    pattern: ChannelPattern | None
    subscribe: PermissionTemplate | None
    publish: PermissionTemplate | None = None
    accepts: tuple[str, ...] | None = None
    bind: Mapping[str, str] | None = field(default_factory=dict)
    rates: tuple[Rate, ...] = ()
    subscribers: int | None = None
    subscriptions: int | None = None
    history: int = 0
    ttl: float = TTL
    presence: bool = False


def read_channel(channel: type[Channel]) -> tuple[ChannelTerms, list[Problem]]:
    """Read the options of a channel, and list what is wrong with them."""
    options, faults = channel.opts, Faults(channel)
    terms = ChannelTerms(
        pattern=faults.required("pattern", options.pattern, ChannelPattern.parse, 'write pattern = "room:{room}"'),
        subscribe=faults.required("subscribe", options.subscribe, PermissionTemplate.parse, _SUBSCRIBE_REMEDY),
        publish=faults.parsed("publish", options.publish, PermissionTemplate.parse),
        accepts=faults.parsed("accepts", options.accepts, _type_names),
        # None: what cannot be read is bound to something that nobody has.
        bind=faults.checked("bind", options.bind or {}, is_bind, None, 'write it as in bind = {"tenant": "tenant"}'),
        rates=faults.parsed("rate", options.rate, read_rates) or (),
        subscribers=faults.checked("subscribers", options.subscribers, _is_count, 1, _COUNT_REMEDY),
        subscriptions=faults.checked("subscriptions", options.subscriptions, _is_count, 1, _COUNT_REMEDY),
        history=faults.checked("history", options.history or 0, _is_history, 0, _HISTORY_REMEDY),
        ttl=faults.checked("ttl", TTL if options.ttl is None else options.ttl, _is_ttl, TTL, _TTL_REMEDY),
        presence=faults.checked("presence", options.presence, _is_bool, False, "write True or False"),
    )
    if options.ttl is not None and not options.history:
        faults.add("ttl", "says how long to keep what is not kept", "write how many, as in history = 100, or drop it")
    if terms.accepts is not None and terms.publish is None:
        faults.add("accepts", "says what clients may publish, and none may", "set publish, or drop it")
    return terms, faults.problems


_SUBSCRIBE_REMEDY: Final = 'write subscribe = "chat:read:{room}", or subscribe = PUBLIC if everybody may listen'
_COUNT_REMEDY: Final = "write a whole number above 0, or drop it"
_HISTORY_REMEDY: Final = f"write how many messages to keep, at most {HISTORY_MOST}, as in history = 100"
_TTL_REMEDY: Final = f"write for how many seconds, above 0 and at most {TTL_MOST:g}, as in ttl = 60"


def _type_names(value: Any) -> tuple[str, ...]:
    """The types that `accepts` lists, each by its class or by its name."""
    listed = value if isinstance(value, Sequence) and not isinstance(value, (str, bytes)) else None
    names = None if listed is None else [_type_name(one) for one in listed]
    if not names or not all(names):
        raise ValueError(f"{value!r} lists no messages; write it as in accepts = [Typing]")
    return tuple([name for name in names if name])


def _type_name(listed: Any) -> str | None:
    if isinstance(listed, type) and issubclass(listed, Message):
        listed = listed.opts.type
    return listed if isinstance(listed, str) else None


def _is_bool(value: object) -> bool:
    return isinstance(value, bool)


def _is_whole(value: object, least: int, most: float) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _is_count(value: object) -> bool:
    return value is None or _is_whole(value, 1, math.inf)


def _is_history(value: object) -> bool:
    return _is_whole(value, 0, HISTORY_MOST)


def _is_ttl(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value <= TTL_MOST
