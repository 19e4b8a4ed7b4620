"""Who listens to what in this process, and how one message reaches them all.

Rules of this file:
1. Subscribing asks for the channel's own permission; being connected is not being allowed.
2. A refusal is the same whether the channel exists or not.
3. Every recipient is asked again at the moment of delivery: rights may have changed.
"""

from collections.abc import Mapping
from typing import Any

from .errors import ConfigurationError, InvalidMessage, OutboundInvalid, PermissionDenied, Problem, RateLimited
from .hub import Live
from .policy.codec import Envelope
from .policy.identity import Identity
from .policy.messages import Message
from .policy.permissions import Grants
from .policy.registry import ChannelSpec, MessageSpec, Registry
from .wire.outgoing import Outgoing


class Channels:
    """The subscriptions of one guard.

    Args:
        registry: which channels and outbound messages are declared.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._listeners: dict[str, dict[Live, Envelope]] = {}

    def subscribe(self, live: Live, envelope: Envelope, name: str) -> None:
        """Listen to a channel. A second time does nothing.

        Raises:
            PermissionDenied: no grant, or no such channel; the peer cannot tell which.
            RateLimited: it listens to as many as a connection may.
            FrameDropped: it has left, or is leaving.
        """
        live.session.ensure_open()  # else nobody would ever take it off the list
        if not self._may_listen(live.session.identity, name):
            raise PermissionDenied("may not listen to this channel")
        if name not in live.channels and len(live.channels) >= live.limits.subscriptions:
            raise RateLimited(f"listens to {len(live.channels)} channels")
        live.channels.add(name)
        self._listeners.setdefault(name, {})[live] = envelope

    def unsubscribe(self, live: Live, name: str) -> None:
        """Stop listening. Of a channel not listened to: nothing."""
        live.channels.discard(name)
        listeners = self._listeners.get(name)
        if listeners is not None:
            listeners.pop(live, None)
            if not listeners:
                del self._listeners[name]

    def leave_all(self, live: Live) -> None:
        """Stop listening to everything: the connection is gone."""
        for name in tuple(live.channels):
            self.unsubscribe(live, name)

    def recheck(self, live: Live) -> list[str]:
        """Leave the channels that the identity may no longer listen to; return them."""
        lost = [name for name in sorted(live.channels) if not self._may_listen(live.session.identity, name)]
        for name in lost:
            self.unsubscribe(live, name)
        return lost

    def publish(self, name: str, message: type[Message], data: Mapping[str, Any], now: float) -> int:
        """Send a message to everyone who listens and may; return to how many.

        Validated and encoded once for all of them.

        Raises:
            ConfigurationError: the message is not declared, or no channel has this name.
            OutboundInvalid: the data does not fit the schema.
        """
        message_spec = self._registry.outbound(message)
        found = self._registry.channel(name)
        if found is None:
            problem = Problem(name, "is no declared channel", "declare a Channel with a fitting pattern")
            raise ConfigurationError([problem])
        ready = ready_to_send(message_spec, data)
        outgoing: dict[Envelope, Outgoing] = {}
        # The verdict hangs on the grants alone, which thousands of listeners share; they stay here while it counts.
        verdicts: dict[int, tuple[Grants, bool, bool]] = {}
        reached = 0
        for live, envelope in tuple(self._listeners.get(name, {}).items()):
            identity = live.session.identity
            verdict = verdicts.get(id(identity.permissions))
            if verdict is None:
                verdict = identity.permissions, _allows(found, identity), may_receive(message_spec, data, identity)
                verdicts[id(identity.permissions)] = verdict
            _, may_listen, may_hear = verdict
            if not may_listen:
                self.unsubscribe(live, name)
            elif may_hear:
                event = outgoing.get(envelope)
                if event is None:
                    event = outgoing[envelope] = event_of(message_spec, ready, envelope, name)
                live.send(event, now)
                reached += 1
        return reached

    def _may_listen(self, identity: Identity, name: str) -> bool:
        found = self._registry.channel(name)
        return found is not None and _allows(found, identity)


def _allows(found: tuple[ChannelSpec, dict[str, Any]], identity: Identity) -> bool:
    spec, values = found
    return spec.subscribe.allowed(identity.permissions, values)


def ready_to_send(spec: MessageSpec, data: Mapping[str, Any]) -> dict[str, Any]:
    """What the application sends, checked against its own schema.

    Raises:
        OutboundInvalid: it does not fit; no peer is to blame, and none is charged.
    """
    try:
        return spec.dump(data)
    except InvalidMessage as error:
        evidence = error.evidence
    raise OutboundInvalid(evidence)


def event_of(spec: MessageSpec, ready: Mapping[str, Any], envelope: Envelope, channel: str | None = None) -> Outgoing:
    """A message that `ready_to_send` has checked, encoded once for whoever gets it."""
    text = envelope.event(spec.type, ready, channel=channel)
    return Outgoing(text, overflow=spec.overflow, key=spec.key_of(ready, channel))


def may_receive(spec: MessageSpec, data: Mapping[str, Any], identity: Identity) -> bool:
    """Whether an identity may receive an outbound message: its permission says who may read it."""
    return spec.permission is not None and spec.permission.allowed(identity.permissions, spec.permission_values(data))
