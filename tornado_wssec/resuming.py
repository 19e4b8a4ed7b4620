"""How somebody begins to listen to a channel that is kept: first what he has missed, then what came meanwhile.

Rules of this file:
1. Nobody gets an event twice, and none out of order: what arrives while he catches up waits for its turn.
2. Whoever cannot be told everything is told so.
3. What is sent again is paid for: it is asked for with one small message.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from .fanout import Audience, Subscription, gap_in
from .policy.broker import Broadcast, Resumed
from .policy.reserved import Subscribe

PAUSE_SECONDS: Final = 0.01
"""Between two looks at whether a reader has taken what it was sent."""

EVENTS_PER_MESSAGE: Final = 10
"""Events sent again that cost an identity as much as one message."""

BURST_SHARE: Final = 0.2
"""Of what an identity may send at once that one channel costs at most: whoever comes back with five tabs is let in."""

Hand = Callable[[Audience, Broadcast, Subscription], None]


def hold(audience: Audience, member: Subscription) -> None:
    """Let everything wait for a member from now on."""
    member.held = []
    audience.joining += 1


def let_go(audience: Audience, member: Subscription) -> None:
    """Let nothing wait any more."""
    if member.held is not None:
        member.held = None
        audience.joining -= 1


async def catch_up(audience: Audience, member: Subscription, resumed: Resumed, now: float, hand: Hand) -> None:
    """Send a member what it missed and what waits for it, as fast as it reads, and let it listen.

    Args:
        now: monotonic seconds.
        hand: hands one publication to one member.

    Raises:
        RateLimited, FrameDropped, Disconnect: it asks for more than it may, by how long it has done so.
    """
    most = member.live.limits.identity_messages_burst * BURST_SHARE
    cost = min(most, len(resumed.missed) / EVENTS_PER_MESSAGE)
    session = member.live.session
    if wait := session.account.take(Subscribe, (), cost, now):
        session.refuse(wait, now)  # it has been read from the store by now: who goes on and on is ended
    member.floor = resumed.seq
    audience.floor = max(audience.floor, resumed.seq)
    due = deque(resumed.in_order(gap_in(audience.name)))
    while member.is_on and member.held is not None:
        while due and member.is_on:
            hand(audience, due.popleft(), member)
            while member.is_on and member.live.connection.buffered_bytes:  # noqa: ASYNC110 -- no socket tells anybody
                await asyncio.sleep(PAUSE_SECONDS)
        due.extend(one for one in member.held if one.seq is None or one.seq > member.floor)
        member.held.clear()
        if not due:
            let_go(audience, member)
