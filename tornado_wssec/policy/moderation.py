"""Who is muted, banned or slowed down in which channel, as the log says it.

Rules of this file:
1. What has expired holds no more; what was taken back neither, whichever of the two entries is read first.
2. A pattern covers channels as a grant covers permissions; a channel's name is never a pattern.
3. Of all entries that name somebody one is enough, and of several slow modes the slowest counts.
"""

import math
from collections.abc import Iterator

from .identity import Identity
from .moderation_entries import Measure, Moderation, Place
from .permissions import Grants
from .proxies import quota_key


class ModerationIndex:
    """Answers who may speak where. Fed with every moderation of the log."""

    __slots__ = ("_by_channel", "_last", "_patterns")

    def __init__(self) -> None:
        self._last: dict[Place, Moderation] = {}
        self._by_channel: dict[str, dict[Place, Moderation]] = {}
        self._patterns: dict[str, Grants] = {}

    def __len__(self) -> int:
        return len(self._last)

    def __iter__(self) -> Iterator[Moderation]:
        """Every entry that counts, those that take back too, in the order of their places' first."""
        return iter(tuple(self._last.values()))

    def apply(self, body: Moderation, now: float) -> bool:
        """Take in one entry; True when it says something new."""
        known = self._last.get(body.place)
        if _is_forgotten(body, now) or (known is not None and (body.at, body.id) <= (known.at, known.id)):
            return False
        self._last[body.place] = body
        self._by_channel.setdefault(body.channel, {})[body.place] = body
        if "*" in body.channel:
            self._patterns[body.channel] = Grants([body.channel])
        return True

    def last(self, place: Place) -> Moderation | None:
        """The entry about this that counts; it may be one that takes back, or has ended."""
        return self._last.get(place)

    def held(self, place: Place, now: float) -> Moderation | None:
        """What holds now about this."""
        known = self._last.get(place)
        return None if known is None or known.is_lifted or _has_ended(known, now) else known

    def in_force(self, now: float) -> list[Moderation]:
        """What holds now, by channel."""
        held = [one for one in self._last.values() if not one.is_lifted and not _has_ended(one, now)]
        return sorted(held, key=lambda one: (one.channel, one.measure, one.subject or "", one.address or ""))

    def covering(self, channel: str, now: float) -> list[Moderation]:
        """What holds now in one channel."""
        return [one for one in self._of(channel) if not one.is_lifted and not _has_ended(one, now)]

    def is_banned(self, channel: str, identity: Identity, address: str, now: float) -> bool:
        """Whether somebody may neither listen nor speak there."""
        return bool(self._last) and self._names(Measure.BAN, channel, identity, address, now)

    def is_silenced(self, channel: str, identity: Identity, address: str, now: float) -> bool:
        """Whether somebody may not speak there: who is banned, or muted."""
        if not self._last:
            return False
        return self._names(Measure.MUTE, channel, identity, address, now) or self._names(
            Measure.BAN, channel, identity, address, now
        )

    def slowed(self, channel: str, now: float) -> float:
        """Seconds that everybody has to let pass between two publications there; 0.0: none."""
        if not self._last:
            return 0.0
        return max([one.seconds for one in self.covering(channel, now) if one.measure is Measure.SLOW], default=0.0)

    def forget_ended(self, now: float) -> None:
        """Drop what the log may have dropped: what it has replaced has ended, too."""
        for one in [one for one in self._last.values() if _is_forgotten(one, now)]:
            del self._last[one.place]
            there = self._by_channel[one.channel]
            del there[one.place]
            if not there:
                del self._by_channel[one.channel]
                self._patterns.pop(one.channel, None)

    def _names(self, measure: Measure, channel: str, identity: Identity, address: str, now: float) -> bool:
        counted = quota_key(address)
        return any(
            [
                one.measure is measure and not _has_ended(one, now) and _is_about(one, identity, counted)
                for one in self._of(channel)
            ]
        )

    def _of(self, channel: str) -> Iterator[Moderation]:
        """The entries that cover a channel."""
        yield from self._by_channel.get(channel, {}).values()
        for pattern, covers in self._patterns.items():
            if covers.allows(channel):
                yield from self._by_channel[pattern].values()


def _has_ended(body: Moderation, now: float) -> bool:
    return (math.inf if body.until is None else body.until) <= now


def _is_forgotten(body: Moderation, now: float) -> bool:
    return (math.inf if body.expires_at is None else body.expires_at) <= now


def _is_about(body: Moderation, identity: Identity, address: str) -> bool:
    if body.address is not None:
        return body.address == address
    return body.subject == identity.subject and body.issuer in (None, identity.issuer)
