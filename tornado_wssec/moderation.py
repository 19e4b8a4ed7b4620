"""Moderators at work: who is muted, banned, removed or slowed down, from code and from the log, on this node.

Rules of this file:
1. A measure holds here before anything is awaited, on other nodes once they read the log, and after a restart of all.
2. Who is banned is off the list before the next message leaves; who is muted still listens.
3. What clients are told says neither who decided nor why.
"""

from collections.abc import Callable, Sequence
from typing import Any

from .channels import Channels
from .clock import Clock
from .hub import Live
from .policy.bans import BanTable
from .policy.identity import Identity
from .policy.moderation import ModerationIndex
from .policy.moderation_entries import Measure, Moderation, make_lift, make_moderation
from .policy.notices import Notices, make_notice
from .policy.permissions import Grants
from .policy.proxies import quota_key
from .policy.revocation_entries import Notice, NoticeKind
from .settings import Limits
from .stores.base import Store
from .telemetry.audit import Audit

Speaker = tuple[str, str | None, str]
"""Channel, issuer, and subject; of whoever is nobody in particular, the address."""


class Moderator:
    """The moderation of one guard.

    Args:
        channels: who listens to what.
        limits: how many speakers are told apart in slow mode.
        clock: wall time for entries, monotonic time for slow mode.
        audit: where every measure is recorded.
    """

    store: Callable[[], Store]
    """Gives the store, or raises NotReady; whoever starts it sets it."""

    def __init__(self, channels: Channels, limits: Limits, clock: Clock, audit: Audit) -> None:
        self._channels = channels
        self._limits = limits
        self._clock = clock
        self._audit = audit
        self._removed = Notices()
        self._spoke: dict[float, BanTable[Speaker]] = {}
        self.index = ModerationIndex()
        channels.is_banned = self._is_banned

    # --- from code ---

    async def mute(
        self, channel: str, *, duration: float | None = None, reason: str = "", **who: str | None
    ) -> Moderation:
        """Let somebody listen and not speak: neither `wssec.publish` nor a handler publishes in his name there.

        Args:
            channel: its name; or of several, a pattern as in a grant: `room:*`, `tenant:acme:**`, `**`.
            duration: seconds; None: until it is taken back.
            reason: for the audit; never sent to a client.
            who: `subject=` (with `issuer=`, where two issuers' `u1` are two people), or `address=`.

        Raises:
            StoreUnavailable, NotAcknowledged: it holds here; other nodes may not hear of it; try again.
            ValueError: what is named cannot be.
        """
        return await self._impose(Measure.MUTE, channel, duration=duration, reason=reason, **who)

    async def unmute(self, channel: str, *, reason: str = "", **who: str | None) -> Moderation | None:
        """Take a mute back; None where there is none. `channel` and `who` are those of the mute."""
        return await self._lift(Measure.MUTE, channel, reason, **who)

    async def ban(
        self, channel: str, *, duration: float | None = None, reason: str = "", **who: str | None
    ) -> Moderation:
        """Keep somebody out: who listens is unsubscribed, and can neither come back nor speak. As `mute`."""
        return await self._impose(Measure.BAN, channel, duration=duration, reason=reason, **who)

    async def unban(self, channel: str, *, reason: str = "", **who: str | None) -> Moderation | None:
        """Take a ban back; None where there is none. Nobody is subscribed again by it."""
        return await self._lift(Measure.BAN, channel, reason, **who)

    async def slow(
        self, channel: str, seconds: float, *, duration: float | None = None, reason: str = ""
    ) -> Moderation | None:
        """Let everybody speak once in so many seconds there; 0 takes it back. As `mute`."""
        if not seconds:
            return await self._lift(Measure.SLOW, channel, reason)
        return await self._impose(Measure.SLOW, channel, duration=duration, reason=reason, seconds=seconds)

    async def kick(
        self,
        channel: str,
        *,
        subject: str | None = None,
        session: str | None = None,
        tenant: str | None = None,
        issuer: str | None = None,
        reason: str = "",
    ) -> int:
        """Unsubscribe, once and on every node, those of whom everything given is true; they may come back.

        Returns:
            How many subscriptions there were in this process.

        Raises:
            As for `mute`.
        """
        named = {"subject": subject, "session": session, "tenant": tenant, "issuer": issuer}
        notice = make_notice(NoticeKind.REMOVE, self._clock.wall(), **named, channel=channel, reason=reason)
        removed = self.remove(notice)
        await self.store().append(notice)
        return removed

    def in_force(self, channel: str | None = None) -> Sequence[Moderation]:
        """What holds now, in one channel or in all."""
        now = self._clock.wall()
        return self.index.in_force(now) if channel is None else self.index.covering(channel, now)

    # --- from the log ---

    def apply(self, body: Moderation, *, is_news: bool = True) -> None:
        """Take in an entry, and put out who is banned by it.

        Args:
            is_news: False while a node that starts reads what has been decided before.
        """
        now = self._clock.wall()
        if not self.index.apply(body, now):
            return
        removed = 0
        if body.measure is Measure.BAN:
            removed = self._channels.remove(_covers(body.channel), self._is_kept_out)
        if is_news:
            facts = {"subject": body.subject, "issuer": body.issuer, "address": body.address, "until": body.until}
            self._record(f"channel.{body.measure}", body.channel, body.id, body.reason, removed, **facts)

    def remove(self, notice: Notice) -> int:
        """Unsubscribe whom a notice means, unless that has been done; return how many subscriptions that were."""
        if notice.channel is None or not self._removed.heed(notice, self._clock.wall()):
            return 0
        removed = self._channels.remove(
            _covers(notice.channel), lambda channel, live: notice.matches(live.session.identity)
        )
        if removed:
            self._record("channel.kick", notice.channel, notice.id, notice.reason, removed, subject=notice.subject)
        return removed

    def tick(self) -> None:
        """Forget what has ended."""
        now = self._clock.wall()
        self._removed.forget_expired(now)
        self.index.forget_ended(now)
        # Also of a length that holds no more: who has spoken by it waits by the new one.
        monotonic = self._clock.monotonic()
        self._spoke = {seconds: table for seconds, table in self._spoke.items() if not table.is_idle(monotonic)}

    # --- who may speak ---

    def is_silenced(self, channel: str, live: Live) -> bool:
        """Whether a connection may not speak in a channel."""
        return self.index.is_silenced(channel, live.session.identity, live.address, self._clock.wall())

    def wait(self, channel: str, live: Live) -> float:
        """Seconds that slow mode lets a connection wait before it speaks there."""
        seconds = self.index.slowed(channel, self._clock.wall())
        if not seconds or not self._spoke:
            return 0.0
        who, now = speaker(channel, live), self._clock.monotonic()
        # By any length: what is left of it says when he spoke.
        left = [(table.wait(who, now), length) for length, table in self._spoke.items()]
        return max([wait - length + seconds for wait, length in left if wait] + [0.0])

    def spoke(self, channel: str, live: Live) -> None:
        """A connection speaks."""
        seconds = self.index.slowed(channel, self._clock.wall())
        if seconds:
            if seconds not in self._spoke:
                self._spoke[seconds] = BanTable(seconds, most=self._limits.tracked_keys)
            self._spoke[seconds].ban(speaker(channel, live), self._clock.monotonic())

    # --- within ---

    async def _impose(self, measure: Measure, channel: str, **given: Any) -> Moderation:
        now = self._clock.wall()
        first = make_moderation(measure, channel, now, **given)
        known = self.index.last(first.place)
        body = first if known is None else make_moderation(measure, channel, now, known=known, **given)
        self.apply(body)
        await self.store().append(body)
        return body

    async def _lift(self, measure: Measure, channel: str, reason: str, **who: Any) -> Moderation | None:
        now = self._clock.wall()
        seconds = 1.0 if measure is Measure.SLOW else 0.0
        known = self.index.held(make_moderation(measure, channel, now, seconds=seconds, **who).place, now)
        if known is None:
            return None
        body = make_lift(known, now, reason)
        self.apply(body)
        await self.store().append(body)
        return body

    def _is_banned(self, channel: str, identity: Identity, address: str) -> bool:
        return self.index.is_banned(channel, identity, address, self._clock.wall())

    def _is_kept_out(self, channel: str, live: Live) -> bool:
        return self._is_banned(channel, live.session.identity, live.address)

    def _record(self, event: str, channel: str, id: str, reason: str, removed: int, **facts: object) -> None:
        told = {"entry": id, "reason": reason or None, "subscriptions": removed or None, **facts}
        self._audit.record(event, self._clock.wall(), channel=channel, **told)


def speaker(channel: str, live: Live) -> Speaker:
    """Who speaks, as rates of a channel count it."""
    identity = live.session.identity
    # Nobody in particular would be somebody new by a new connection; no issuer is empty.
    return (
        (channel, "", quota_key(live.address)) if identity.anonymous else (channel, identity.issuer, identity.subject)
    )


def _covers(channel: str) -> Callable[[str], bool]:
    return Grants([channel]).allows if "*" in channel else channel.__eq__
