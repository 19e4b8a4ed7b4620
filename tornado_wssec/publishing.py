"""What a connection publishes, itself or through its handler: who may, how often, and what it costs.

Rules of this file:
1. Who is muted says nothing, on whatever way; what the application says in its own name (`guard.publish`) is not asked.
2. A message to many costs its sender as many: one identity cannot buy the work of a thousand sends with one (R11).
3. What is refused is not sent to anybody, and not in part.
"""

from collections.abc import Callable, Mapping
from typing import Any

from .channels import Channels
from .errors import PermissionDenied, StoreError, Unavailable
from .hub import Live
from .moderation import Moderator, Speaker, speaker
from .policy.messages import Message
from .policy.publication import admit_publication
from .policy.rates import BucketTable
from .policy.registry import ChannelSpec, Registry
from .settings import Limits


class Publishing:
    """What connections publish, for one guard.

    Args:
        registry: what is declared.
        channels: who listens.
        moderator: who may not speak.
        limits: how many speakers are told apart.
        monotonic: the clock of all budgets.
    """

    def __init__(
        self,
        registry: Registry,
        channels: Channels,
        moderator: Moderator,
        limits: Limits,
        monotonic: Callable[[], float],
    ) -> None:
        self._registry = registry
        self._channels = channels
        self._moderator = moderator
        self._limits = limits
        self._monotonic = monotonic
        self._rates: dict[ChannelSpec, BucketTable[Speaker]] = {}

    async def publish_asked(self, live: Live, asked: Mapping[str, Any]) -> None:
        """Publish what a client asks for by `wssec.publish`.

        Raises:
            FrameError, FrameDropped, Disconnect: as for a message of the type that is published.
        """
        made = admit_publication(asked, self._registry, live.session, self._monotonic())
        await self.publish(live, made.name, made.spec.message, made.data)

    async def publish(self, live: Live, name: str, message: type[Message], data: Mapping[str, Any]) -> None:
        """Publish in the name of a connection.

        Raises:
            PermissionDenied: it is muted or banned there.
            RateLimited, FrameDropped, Disconnect: its budgets are used up, by how long the excess has lasted.
            ConfigurationError, OutboundInvalid: as for `Channels.publish`.
            Unavailable: listeners may have got it or not.
        """
        broadcast = self._channels.prepare(name, message, data)
        channel = self._channels.kind(name)
        if self._moderator.is_silenced(name, live):
            raise PermissionDenied("is muted or banned in this channel")
        sends = self._channels.reached(name) * self._registry.outbound(message).cost
        self._pay(live, name, channel, sends)
        try:
            await self._channels.hand_on(broadcast)
        except StoreError as error:
            raise Unavailable(f"{name} cannot be reached on other nodes: {error}") from error

    def _pay(self, live: Live, name: str, channel: ChannelSpec | None, sends: float) -> None:
        now, account = self._monotonic(), live.session.account
        wait = self._moderator.wait(name, live) or account.deliveries_wait(sends, now)
        if not wait and channel is not None and channel.rates:
            wait = self._rates_of(channel, now).take(speaker(name, live), 1.0, now)
        if wait:
            live.session.refuse(wait, now)
        account.charge_deliveries(sends, now)
        self._moderator.spoke(name, live)

    def _rates_of(self, channel: ChannelSpec, now: float) -> BucketTable[Speaker]:
        table = self._rates.get(channel)
        if table is None:
            table = self._rates[channel] = BucketTable(channel.rates, most=self._limits.tracked_keys, now=now)
        return table
