"""A channel's declaration made ready to be asked: who may listen, who may publish, and how much.

Rules of this file:
1. Who is bound to a segment hears and says nothing in another's, whatever was granted.
2. What cannot be read in a declaration becomes a `Problem`, and lets nobody in meanwhile.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from marshmallow import Schema

from ..errors import PermissionDenied, Problem
from .agreement import channel_problems
from .channel_options import read_channel
from .channels import ChannelPattern
from .identity import Identity, claim_of
from .messages import Channel
from .permissions import PermissionTemplate
from .rates import Rate
from .specs import loader_of


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChannelSpec:
    """One kind of channel, ready to be asked for.

    Args:
        channel: the class that declares it.
        pattern: the names it has.
        subscribe: what a listener must be allowed.
        publish: what a client must be allowed that publishes directly; None: no client may.
        accepts: the types that clients may publish; None: every one that the server may send and that fits.
        bind: segment → claim that it must equal, of whoever listens or publishes.
        rates: how often one identity may publish in one channel; every part must pass.
        subscribers: connections that may listen to one channel in this process; None: any number.
        subscriptions: channels of this kind that one connection may listen to; None: as many as of all kinds.
        history: messages that are kept of each channel; 0: none.
        ttl: seconds that they are kept.
        presence: whether listeners may know who else is there.
    """

    channel: type[Channel]
    pattern: ChannelPattern
    subscribe: PermissionTemplate
    publish: PermissionTemplate | None
    accepts: frozenset[str] | None
    bind: Mapping[str, str]
    rates: tuple[Rate, ...]
    subscribers: int | None
    subscriptions: int | None
    history: int
    ttl: float
    presence: bool
    _schema: Schema = field(repr=False)
    _own: tuple[tuple[PermissionTemplate, str], ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        own = tuple([(PermissionTemplate(f"{{{name}}}"), claim) for name, claim in self.bind.items()])
        object.__setattr__(self, "_own", own)

    def match(self, name: str) -> dict[str, Any] | None:
        """The fields in a name, validated; None where it is no such channel.

        A name that its fields would write otherwise is none: one channel has one name.
        """
        segments = self.pattern.match(name)
        if segments is None:
            return None
        try:
            loaded = self._schema.load(segments)
            return loaded if self._schema.dump(loaded) == segments and isinstance(loaded, dict) else None
        except Exception:
            return None

    def may_listen(self, identity: Identity, values: Mapping[str, Any]) -> bool:
        """Whether an identity may listen to the channel of these fields."""
        if self.bind and not self._is_own(identity, values):
            return False
        return self.subscribe.allowed(identity.permissions, values)

    def may_publish(self, identity: Identity, values: Mapping[str, Any]) -> bool:
        """Whether a client of this identity may publish directly in the channel of these fields."""
        if self.publish is None or (self.bind and not self._is_own(identity, values)):
            return False
        return self.publish.allowed(identity.permissions, values)

    def _is_own(self, identity: Identity, values: Mapping[str, Any]) -> bool:
        """Whether each segment that is bound to a claim equals it."""
        for segment, claim in self._own:
            own = claim_of(identity, claim)
            try:
                if not isinstance(own, str) or segment.fill(values) != own:
                    return False
            except PermissionDenied:
                return False
        return True


def compile_channel(channel: type[Channel]) -> tuple[ChannelSpec | None, list[Problem]]:
    """Compile a channel as far as it can be, and list what is wrong with it. None: nobody could listen to it."""
    terms, problems = read_channel(channel)
    schema = loader_of(channel, problems)
    if schema is None:
        return None, problems
    problems += channel_problems(channel, terms, schema)
    if terms.pattern is None or terms.subscribe is None or terms.bind is None:
        return None, problems
    spec = ChannelSpec(
        channel=channel,
        pattern=terms.pattern,
        subscribe=terms.subscribe,
        publish=terms.publish,
        accepts=None if terms.accepts is None else frozenset(terms.accepts),
        bind=MappingProxyType(dict(terms.bind)),
        rates=terms.rates,
        subscribers=terms.subscribers,
        subscriptions=terms.subscriptions,
        history=terms.history,
        ttl=float(terms.ttl),
        presence=terms.presence,
        _schema=schema,
    )
    return spec, problems
