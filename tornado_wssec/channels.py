"""Who listens to what in this process, and what becomes of a publication.

Rules of this file:
1. Subscribing asks for the channel's own permission; being connected is not being allowed.
2. A refusal is the same whether the channel exists or not.
3. Every recipient is asked again at the moment of delivery: rights may have changed.
"""

import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from .errors import ConfigurationError, PermissionDenied, Problem, StoreError, Unavailable
from .fanout import Audience, Delivery, Fanout, Subscription, gap_in
from .hub import Live
from .outbound import data_of, needs_of, ready_to_send
from .policy.broker import Broadcast, Broker, Kept, Present
from .policy.codec import Envelope
from .policy.identity import Identity
from .policy.messages import Message
from .policy.overflow import Overflow
from .policy.registry import ChannelSpec, Registry
from .policy.reserved import UNSUBSCRIBED
from .resuming import catch_up, hold, let_go
from .wire.outgoing import Outgoing

ID_BYTES: Final = 12


class Channels:
    """The subscriptions of one guard.

    Args:
        registry: which channels and outbound messages are declared.
        monotonic: the clock of all deadlines.
    """

    broker: Broker | None = None
    """Brings publications to other nodes, and theirs here. None: this node is alone."""

    is_banned: Callable[[str, Identity, str], bool]
    """Whether somebody is kept out of a channel, by name, identity and address; whoever keeps people out sets it."""

    tell_moved: Callable[[str, Present, bool], None] | None = None
    """Tells the application who has come to a channel, or has left it; whoever has a hook for it sets it."""

    def __init__(self, registry: Registry, monotonic: Callable[[], float]) -> None:
        self._registry = registry
        self._monotonic = monotonic
        self._fanout = Fanout(monotonic)
        self._audiences: dict[str, Audience] = {}
        self.heard: Counter[tuple[str, ...]] = Counter()
        self.copies: Counter[tuple[str, ...]] = Counter()
        """By the pattern of the channel: publications that came here, and copies made of them for listeners."""
        self.is_banned = lambda name, identity, address: False

    def __iter__(self) -> Iterator[Audience]:
        return iter(tuple(self._audiences.values()))

    def __len__(self) -> int:
        return len(self._audiences)

    def counts(self) -> Counter[tuple[str, ...]]:
        """How many channels of each pattern have listeners here."""
        return Counter((audience.spec.pattern.text,) for audience in self._audiences.values())

    # --- who listens ---

    async def subscribe(self, live: Live, envelope: Envelope, name: str, since: int | None = None) -> int | None:
        """Listen to a channel. A second time does nothing.

        Args:
            since: the number of the last event that the client has; what came behind it is sent first, or `wssec.gap`.

        Returns:
            The number to come back with; None where nothing is kept, or it listens already.

        Raises:
            PermissionDenied: no grant, or no such channel; the peer cannot tell which.
            RateLimited, FrameDropped, Disconnect: it listens to as many as a connection may, or as many listen as may,
                or its coming would be told to more than its budget of sends holds; by how long that has lasted.
            Unavailable: what other nodes publish there cannot be had now; or it was taken off again meanwhile.
            FrameDropped: it has left, or is leaving.
        """
        member = self.admit(live, envelope, name)
        if member is None or self.broker is None:
            return None
        audience = self._audiences[name]
        kept = kept_of(audience.spec)
        wanted = self.broker.want(name, kept)
        if kept is None and wanted is None and since is None:
            self._take_seat(audience, member)
            return None
        try:
            seq = await self._begin(self.broker, audience, member, wanted, since)
        except StoreError as error:
            self._give_up(audience, member)
            raise Unavailable(f"{name} cannot be had from other nodes: {error}") from error
        except BaseException:
            self._give_up(audience, member)
            raise
        if not member.is_on:  # else a reply would say that it listens
            live.session.ensure_open()
            self._may_listen(live, name)
            raise Unavailable(f"was taken off {name} while it began to listen")
        return seq

    async def _begin(
        self,
        broker: Broker,
        audience: Audience,
        member: Subscription,
        wanted: Awaitable[None] | None,
        since: int | None,
    ) -> int | None:
        kept = kept_of(audience.spec)
        if kept is not None:
            hold(audience, member)
        if wanted is not None:
            await wanted
        self._take_seat(audience, member)
        if kept is None:
            if since is not None:
                self._hand(audience, gap_in(audience.name), member)
            return None
        resumed = await broker.resume(audience.name, kept, since)
        await catch_up(audience, member, resumed, self._monotonic(), self._hand)
        return resumed.seq

    def _take_seat(self, audience: Audience, member: Subscription) -> None:
        identity = member.identity
        if may_sit(audience.spec, identity) and member.is_on and self.broker is not None:
            member.seat = Present(identity.subject, identity.issuer)
            self.broker.enter(audience.name, member.seat)

    def _give_up(self, audience: Audience, member: Subscription) -> None:
        if member.is_on:
            self.unsubscribe(member.live, audience.name)

    def admit(self, live: Live, envelope: Envelope, name: str) -> Subscription | None:
        """Put a connection on the list of a channel; see `subscribe`. None: it is on it already."""
        live.session.ensure_open()  # else nobody would ever take it off the list
        spec, values = self._may_listen(live, name)
        if name in live.channels:
            return None
        if fault := self._fullness(live, name, spec):
            live.session.refuse(None, self._monotonic(), evidence=fault)
        if self.tell_moved is not None and may_sit(spec, live.session.identity):
            self._pay_for_coming(live, name)
        audience = self._audiences.get(name)
        if audience is None:
            audience = self._audiences[name] = Audience(name, spec, values)
        live.channels.add(name)
        member = audience.members[live] = Subscription(live, envelope)
        return member

    def _fullness(self, live: Live, name: str, spec: ChannelSpec) -> str:
        """Which cap keeps a connection from one more channel; empty: none."""
        if len(live.channels) >= live.limits.subscriptions:
            return f"listens to {len(live.channels)} channels"
        if spec.subscriptions is not None and self._of_kind(live, spec) >= spec.subscriptions:
            return f"listens to {spec.subscriptions} channels of {spec.pattern.text}"
        if spec.subscribers is not None and self.listeners(name) >= spec.subscribers:
            return f"{self.listeners(name)} connections listen to {name}"
        return ""

    def _pay_for_coming(self, live: Live, name: str) -> None:
        """Charge for what the hook may publish of a coming, and of the going after it, which nobody can refuse."""
        now, account = self._monotonic(), live.session.account
        sends = 2 * self.reached(name)
        if wait := account.deliveries_wait(sends, now):
            live.session.refuse(wait, now)
        account.charge_deliveries(sends, now)

    def unsubscribe(self, live: Live, name: str) -> None:
        """Stop listening. Of a channel not listened to: nothing."""
        live.channels.discard(name)
        audience = self._audiences.get(name)
        member = None if audience is None else audience.members.pop(live, None)
        if audience is None or member is None:
            return
        member.is_on = False
        let_go(audience, member)
        if not audience.members:
            del self._audiences[name]
        if self.broker is not None:
            self.broker.unwant(name)
            if member.seat is not None:
                self.broker.leave(name, member.seat)

    def leave_all(self, live: Live) -> None:
        """Stop listening to everything: the connection is gone."""
        for name in tuple(live.channels):
            self.unsubscribe(live, name)

    def recheck(self, live: Live) -> list[str]:
        """Leave the channels that the identity may no longer listen to; return them."""
        identity = live.session.identity
        lost = [name for name in sorted(live.channels) if not self._audiences[name].may_listen(identity)]
        for name in lost:
            self.unsubscribe(live, name)
        return lost

    def remove(self, covers: Callable[[str], bool], matches: Callable[[str, Live], bool]) -> int:
        """Put those out of the channels by these names who match, and tell them; return how many subscriptions."""
        found = [
            (one, live) for one in self if covers(one.name) for live in tuple(one.members) if matches(one.name, live)
        ]
        for audience, live in found:
            envelope = audience.members[live].envelope
            self.unsubscribe(live, audience.name)
            live.send(Outgoing(envelope.event(UNSUBSCRIBED, {"channel": audience.name})), self._monotonic())
        return len(found)

    def kind(self, name: str) -> ChannelSpec | None:
        """What channel has this name; None: none that is declared."""
        audience = self._audiences.get(name)
        if audience is not None:
            return audience.spec
        found = self._registry.channel(name)
        return None if found is None else found[0]

    def listeners(self, name: str) -> int:
        """How many connections listen to a channel here."""
        audience = self._audiences.get(name)
        return 0 if audience is None else len(audience.members)

    def reached(self, name: str) -> int:
        """How many connections listen to a channel on all nodes; of others what the last publication has found."""
        return self.listeners(name) + (0 if self.broker is None else self.broker.elsewhere(name))

    async def present(self, name: str) -> Sequence[Present]:
        """Who listens to a channel, on all nodes, by subject; nobody twice.

        Raises:
            ConfigurationError: no channel has this name, or it does not tell who is there.
            StoreUnavailable: it cannot be found out now.
        """
        spec = self.kind(name)
        if spec is None or not spec.presence:
            fault = "is no declared channel" if spec is None else "does not tell who is there"
            raise ConfigurationError([Problem(name, fault, "declare a Channel with presence = True in its Meta")])
        return [] if self.broker is None else await self.broker.present(name)

    async def present_for(self, live: Live, name: str) -> Sequence[Present]:
        """Who listens to a channel, as `present` says, for one who may.

        Raises:
            PermissionDenied: it may not listen there.
            Unavailable: it cannot be found out now.
        """
        self._may_listen(live, name)
        try:
            return await self.present(name)
        except StoreError as error:
            raise Unavailable(f"who is in {name} cannot be found out: {error}") from error

    # --- what is said ---

    async def publish(self, name: str, message: type[Message], data: Mapping[str, Any]) -> None:
        """Send a message to everyone who listens and may.

        Validated and encoded once for all of them.

        Raises:
            ConfigurationError: the message is not declared, or no channel has this name.
            OutboundInvalid: the data does not fit the schema.
            StoreUnavailable: other nodes may have got it or not.
        """
        await self.hand_on(self.prepare(name, message, data))

    async def hand_on(self, broadcast: Broadcast) -> int | None:
        """Bring a publication to everyone who listens, on whatever node; see `publish`.

        Returns:
            Its number, where the channel is kept.
        """
        if self.broker is None:
            self.deliver(broadcast)
            return None
        spec = self.kind(broadcast.channel)
        return await self.broker.publish(broadcast, None if spec is None else kept_of(spec))

    def prepare(self, name: str, message: type[Message], data: Mapping[str, Any]) -> Broadcast:
        """A publication, validated and encoded; see `publish`."""
        spec = self._registry.outbound(message)
        if self.kind(name) is None:
            problem = Problem(name, "is no declared channel", "declare a Channel with a fitting pattern")
            raise ConfigurationError([problem])
        ready = ready_to_send(spec, data)
        return Broadcast(
            channel=name,
            type=spec.type,
            data=data_of(spec, ready, name),
            needs=needs_of(spec, data),
            key=spec.key_of(ready, name),
            id=secrets.token_urlsafe(ID_BYTES),
            origin="" if self.broker is None else self.broker.node,
        )

    def deliver(self, broadcast: Broadcast) -> None:
        """Hand a publication to everyone here who listens to its channel and may hear it. Raises nothing."""
        audience = self._audiences.get(broadcast.channel)
        spec = self._registry.messages.get(broadcast.type)
        if audience is None or spec is None or spec.direction == "in":
            return
        delivery = Delivery(audience, broadcast, spec.overflow, self.unsubscribe)
        pattern = (audience.spec.pattern.text,)
        self.heard[pattern] += 1
        self.copies[pattern] += delivery.size
        self._fanout.deliver(audience, delivery)

    def gap(self, channel: str) -> None:
        """Tell everyone here who listens to a channel that something may be missing. Raises nothing."""
        audience = self._audiences.get(channel)
        if audience is not None:
            self._fanout.deliver(audience, Delivery(audience, gap_in(channel), Overflow.DISCONNECT, self.unsubscribe))

    def moved(self, channel: str, who: Present, is_here: bool) -> None:
        """Somebody has come to a channel, or has left it; told on one node alone."""
        if self.tell_moved is not None:
            self.tell_moved(channel, who, is_here)

    def _hand(self, audience: Audience, broadcast: Broadcast, member: Subscription) -> None:
        """Hand a publication to one who catches up."""
        spec = self._registry.messages.get(broadcast.type)
        overflow = Overflow.DISCONNECT if spec is None else spec.overflow
        Delivery(audience, broadcast, overflow, self.unsubscribe, (member,)).step(1, self._monotonic())

    def _may_listen(self, live: Live, name: str) -> tuple[ChannelSpec, dict[str, Any]]:
        found, identity = self._registry.channel(name), live.session.identity
        if live.session.is_in_doubt:
            raise Unavailable("listening needs a right that cannot be asked for now")
        if found is None or not found[0].may_listen(identity, found[1]):
            raise PermissionDenied("may not listen to this channel")
        if self.is_banned(name, identity, live.address):
            raise PermissionDenied("is kept out of this channel")
        return found

    def _of_kind(self, live: Live, spec: ChannelSpec) -> int:
        return sum(self._audiences[name].spec is spec for name in live.channels)


def may_sit(spec: ChannelSpec, identity: Identity) -> bool:
    """Whether somebody is told as present who listens to a channel."""
    return spec.presence and not identity.anonymous


def kept_of(spec: ChannelSpec) -> Kept | None:
    """How much of a channel is kept; None: nothing."""
    return Kept(spec.history, spec.ttl) if spec.history else None
