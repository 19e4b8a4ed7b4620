"""One node among others: its name, its lease, and whether it is alone.

Rules of this file:
1. A lease that has ended never lives again: the node comes back under another name.
2. A node believes to be alone for no longer than the store has granted, counted from before it asked.
3. It gives that up only when all whom it has taken in meanwhile are in the directory.
"""

import os
import re
import secrets
import socket
from enum import Enum, auto
from typing import Final

from .clock import Clock
from .policy.session_directory import NodeStanding
from .settings import Timeouts
from .stores.base import Store

UNCLEAR_SECONDS: Final = 0.1
"""Between two looks of a node that waits for another to notice it."""

HOST_CHARACTERS: Final = 64
NEVER: Final = float("-inf")


class Renewal(Enum):
    """What a renewal means for the entries of this node."""

    GOOD = auto()
    NOT_ALONE = auto()
    """Another node is here, and waits for them."""
    LOST = auto()
    """They may be gone: all must be entered again."""


class Membership:
    """The lease of this process, for one guard.

    Args:
        timeouts: how long it lives, and how often it is renewed.
        clock: wall time for the lease, monotonic time for what this node may believe.
    """

    def __init__(self, timeouts: Timeouts, clock: Clock) -> None:
        self._timeouts = timeouts
        self._clock = clock
        self.begin()

    def begin(self) -> None:
        """Be a node that has never been heard of."""
        self.node = new_node_name()
        self.nodes = 1
        """Nodes that lived when the store was last asked, this one included; those before an outage until all may be
        back.
        """
        self.is_joined = False
        self.is_clear = True
        """Whether no other node believes to be alone; a node that never reached the store knows of none."""
        self._life: str | None = None
        self._has_claim = False
        self._joined_at = self._renewed_at = self._renew_at = self._alone_until = self._careful_until = NEVER

    @property
    def is_alone(self) -> bool:
        """Whether what is counted here is all there is."""
        return self._clock.monotonic() < self._alone_until

    @property
    def is_careful(self) -> bool:
        """Whether others may not have come back yet from what has ended our lease, too."""
        return self._clock.monotonic() < self._careful_until

    @property
    def is_due(self) -> bool:
        """Whether it is time to renew."""
        return self._clock.monotonic() >= self._renew_at

    @property
    def may_live(self) -> bool:
        """Whether the lease may live still, as far as is known here."""
        return self._clock.monotonic() - self._renewed_at < self._timeouts.node_lease

    def hurry(self) -> None:
        """Renew at the next look: something is not as it should be."""
        self._renew_at = NEVER

    async def renew(self, store: Store) -> Renewal:
        """Renew the lease, or join.

        Raises:
            StoreError: the store does not answer.
        """
        started = self._clock.monotonic()
        self._renew_at = started + self._timeouts.node_renewal
        # Not at once: others who have just lost the store as well are on their way back.
        may_claim = self.is_joined and started - self._joined_at >= self._timeouts.node_alone
        standing = await self._ask(store, self._timeouts.node_alone if may_claim else 0.0)
        is_lost = not standing.is_alive
        if is_lost:
            self._come_back()
            standing = await self._ask(store, 0.0)
        return self._take(standing, started, is_lost=is_lost)

    async def give_up_claim(self, store: Store) -> None:
        """Let others take connections in; StoreError."""
        await self._ask(store, 0.0)
        self._has_claim = False

    def _take(self, standing: NodeStanding, started: float, *, is_lost: bool) -> Renewal:
        is_lost = is_lost or self._life not in (None, standing.life)
        if is_lost:
            self._careful_until = started + self._timeouts.node_alone
        if not self.is_joined:
            self.is_joined, self._joined_at = True, started
        self._life, self._renewed_at = standing.life, started
        nodes = 1 + standing.others
        self.nodes, self.is_clear = max(nodes, self.nodes) if self.is_careful else nodes, standing.is_clear
        if not standing.is_clear:
            self._renew_at = started + UNCLEAR_SECONDS
        self._alone_until = started + self._timeouts.node_alone if standing.is_alone else NEVER
        self._has_claim = self._has_claim or standing.is_alone
        if is_lost:
            return Renewal.LOST
        return Renewal.NOT_ALONE if self._has_claim and not standing.is_alone else Renewal.GOOD

    def _come_back(self) -> None:
        self.node = new_node_name()
        self.is_joined = self._has_claim = False
        self._alone_until = NEVER

    async def _ask(self, store: Store, alone: float) -> NodeStanding:
        lease, now = self._timeouts.node_lease, self._clock.wall()
        return await store.renew_node(self.node, joins=not self.is_joined, lease=lease, alone=alone, now=now)


def new_node_name() -> str:
    """`host:pid:random`: never the same again, as a lease that has ended must not be."""
    host = re.sub(r"[^0-9A-Za-z.-]", "-", socket.gethostname())[:HOST_CHARACTERS] or "host"
    return f"{host}:{os.getpid()}:{secrets.token_hex(4)}"
