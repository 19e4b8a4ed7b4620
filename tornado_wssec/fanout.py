"""How one publication reaches everyone here who listens: encoded once, in slices, each listener asked when it is due.

Rules of this file:
1. Whoever gets a message may listen to its channel and may receive that very message at the moment it is sent.
2. Who has left gets nothing, also if he was there when it was published; who has come since gets nothing of it either.
3. The publications of a channel leave in their order; those of others have their turn between two slices.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final

from .hub import Live
from .policy.broker import Broadcast, Present
from .policy.codec import Envelope
from .policy.identity import Identity
from .policy.overflow import Overflow
from .policy.permissions import Grants
from .policy.registry import ChannelSpec
from .policy.reserved import GAP
from .telemetry.redact import where_raised
from .wire.outgoing import Outgoing

logger = logging.getLogger(__name__)

SLICE: Final = 256
"""Listeners that are served before others get their turn: about a millisecond."""
WAITING_MOST: Final = 64
"""Publications of one channel that wait for their turn; of more, the publisher waits until the first has left."""
HELD_MOST: Final = 1_000
"""Publications that wait for one who is being sent what he missed; of more he is told that something is missing."""
EVERYBODY: Final = 1 << 62


class Subscription:
    """One connection that listens to one channel.

    Args:
        live: the connection.
        envelope: how its messages look.
        identity: who has been asked last; when that is not who it is any more, it is asked again.
        grants: what that one may; here, so that a thousand who are spoken to need not be looked at one by one.
        is_on: whether it listens still.
        held: publications that wait until it has been sent what it missed; None: none wait.
        floor: the number up to which it has been sent everything; they may still be on their way here.
        seat: who is there by it, where the channel tells that.
    """

    __slots__ = ("envelope", "floor", "grants", "held", "identity", "is_on", "live", "seat")

    def __init__(self, live: Live, envelope: Envelope) -> None:
        self.live = live
        self.envelope = envelope
        self.identity = live.session.identity
        self.grants = self.identity.permissions
        self.is_on = True
        self.held: list[Broadcast] | None = None
        self.floor = 0
        self.seat: Present | None = None


class Audience:
    """Who listens to one channel here.

    Args:
        name: of the channel.
        spec, values: what it is, and the fields of its name.
        joining: members for whom publications wait.
        floor: the highest of any member.
    """

    __slots__ = ("floor", "joining", "members", "name", "spec", "values", "waiting")

    def __init__(self, name: str, spec: ChannelSpec, values: Mapping[str, Any]) -> None:
        self.name = name
        self.spec = spec
        self.values = values
        self.members: dict[Live, Subscription] = {}
        self.waiting: deque[Delivery] = deque()
        self.joining = 0
        self.floor = 0

    def listeners(self, broadcast: Broadcast) -> tuple[Subscription, ...]:
        """To whom a publication goes now; it is kept back for those for whom publications wait."""
        seq = broadcast.seq
        if not self.joining and (seq is None or seq > self.floor):
            return tuple(self.members.values())
        for member in self.members.values():
            if member.held is not None and len(member.held) <= HELD_MOST:
                member.held.append(broadcast if len(member.held) < HELD_MOST else gap_in(self.name))
        return tuple([one for one in self.members.values() if one.held is None and (seq is None or seq > one.floor)])

    def may_listen(self, identity: Identity) -> bool:
        """Whether an identity may listen to this channel."""
        return self.spec.may_listen(identity, self.values)


class Delivery:
    """One publication on its way to an audience as it was when that was published.

    Args:
        audience: who listens.
        broadcast: what is published.
        overflow: what becomes of it when a reader is too slow.
        lost: called for each who may not listen any more.
        members: to whom it goes; None: to all who listen.
    """

    __slots__ = ("_at", "_audience", "_broadcast", "_events", "_hears", "_lost", "_members", "_overflow")

    def __init__(
        self,
        audience: Audience,
        broadcast: Broadcast,
        overflow: Overflow,
        lost: Callable[[Live, str], None],
        members: tuple[Subscription, ...] | None = None,
    ) -> None:
        self._audience = audience
        self._broadcast = broadcast
        self._overflow = overflow
        self._lost = lost
        self._members = audience.listeners(broadcast) if members is None else members
        self._at = 0
        self._events: dict[Envelope, Outgoing | None] = {}
        # By identity, since thousands share a set of grants; it stays here while that counts.
        self._hears: dict[int, tuple[Grants, bool]] = {}

    @property
    def size(self) -> int:
        """To how many it goes."""
        return len(self._members)

    def step(self, most: int, now: float) -> bool:
        """Hand it to the next `most` listeners; True when that were all."""
        due = self._members[self._at : self._at + most]
        self._at += most
        grants: Grants | None = None
        envelope: Envelope | None = None
        event: Outgoing | None = None
        for member in due:
            live = member.live
            session = live.session
            if not member.is_on or session.close is not None:
                continue
            identity = session.identity
            if identity is not member.identity and not self._may_still_listen(member, identity):
                continue
            # Neighbours are mostly alike.
            if member.grants is not grants or member.envelope is not envelope:
                grants, envelope = member.grants, member.envelope
                event = self._event_in(envelope) if self._may_hear(grants) else None
            if event is None:
                continue
            # As Live.send, without its call.
            try:
                has_room = live.connection.send(event, now)
            except Exception as error:
                live.drop(error)
                continue
            live.lifetime.idle_since = now
            if not has_room:
                live.drop_slow()
        return self._at >= len(self._members)

    def _may_still_listen(self, member: Subscription, identity: Identity) -> bool:
        if self._audience.may_listen(identity):
            member.identity, member.grants = identity, identity.permissions
            return True
        self._lost(member.live, self._audience.name)
        return False

    def _may_hear(self, grants: Grants) -> bool:
        known = self._hears.get(id(grants))
        if known is None:
            needs = self._broadcast.needs
            known = self._hears[id(grants)] = grants, needs is not None and (not needs or grants.allows(needs))
        return known[1]

    def _event_in(self, envelope: Envelope) -> Outgoing | None:
        """The event as it looks in an envelope; None, and a line in the log, where it cannot be in that one."""
        if envelope not in self._events:
            try:
                self._events[envelope] = self._written(envelope)
            except Exception as error:
                # Whoever has another envelope is not to blame, nor is one who resumes.
                logger.error("a publication cannot be delivered: %s", where_raised(error))
                self._events[envelope] = None
        return self._events[envelope]

    def _written(self, envelope: Envelope) -> Outgoing:
        one = self._broadcast
        if one.type == GAP:
            text = envelope.event(GAP, {"channel": one.channel})
        else:
            text = envelope.carry(one.type, one.data, channel=one.channel, seq=one.seq)
        return Outgoing(text, overflow=self._overflow, key=one.key)


class Fanout:
    """Gives every channel its turn.

    Args:
        monotonic: the clock of all deadlines.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._turns: deque[Audience] = deque()
        self._is_going_on = False

    def deliver(self, audience: Audience, delivery: Delivery) -> None:
        """Hand a publication to an audience, behind what has been published there before. Raises nothing."""
        waiting = audience.waiting
        if not waiting and self._is_done(delivery, SLICE):
            return
        waiting.append(delivery)
        if len(waiting) > WAITING_MOST:
            self._is_done(waiting[0], EVERYBODY)
            waiting.popleft()
        elif len(waiting) == 1:
            self._turns.append(audience)
            self._go_on_soon()

    def _is_done(self, delivery: Delivery, most: int) -> bool:
        try:
            return delivery.step(most, self._monotonic())
        except Exception as error:
            # Whoever is behind it in the same channel, or has the next turn, is not to blame.
            logger.error("a publication cannot be delivered: %s", where_raised(error))
            return True

    def _go_on_soon(self) -> None:
        if not self._is_going_on:
            self._is_going_on = True
            asyncio.get_running_loop().call_soon(self._take_turn)

    def _take_turn(self) -> None:
        self._is_going_on = False
        audience = self._turns.popleft()
        if audience.waiting and self._is_done(audience.waiting[0], SLICE):
            audience.waiting.popleft()
        if audience.waiting:
            self._turns.append(audience)
        if self._turns:
            self._go_on_soon()


def gap_in(channel: str) -> Broadcast:
    """What says that something may be missing in a channel; whoever listens may hear it."""
    return Broadcast(channel=channel, type=GAP, data="{}", needs="", id="", origin="")
