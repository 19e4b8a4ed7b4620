"""What moderators write into the log: who is muted, banned or slowed down, where, and until when.

Rules of this file:
1. Of entries about the same person in the same place the one made last counts, in whatever order they are read, and
   also once it has ended: it stays in the log for as long as those that it has replaced, or they would count again.
2. Whoever wrote an entry, it is checked when it is read; every fault is a ValueError that echoes nothing.
"""

import secrets
from dataclasses import dataclass, replace
from enum import StrEnum
from ipaddress import ip_network
from types import MappingProxyType
from typing import Final

from .channels import NAME_LENGTH, is_channel_name
from .permissions import Grants
from .proxies import quota_key
from .records import Record, ensure_seconds, ensure_text

SLOWEST: Final = 86_400.0
"""Seconds between two publications that slow mode may ask for; who should wait longer is muted."""

TICK: Final = 0.001
"""Seconds by which an entry is later than the one that it replaces, where the clock does not say so."""


class Measure(StrEnum):
    """What a moderator does."""

    MUTE = "mute"
    UNMUTE = "unmute"
    BAN = "ban"
    UNBAN = "unban"
    SLOW = "slow"


TAKES_BACK: Final = MappingProxyType({Measure.UNMUTE: Measure.MUTE, Measure.UNBAN: Measure.BAN})

Place = tuple[Measure, str, str | None, str | None, str | None]
"""What two entries about the same have in common: the measure, the channel, issuer, subject and address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moderation:
    """One entry of the log. Times are wall seconds of whoever moderates.

    Args:
        id: random.
        measure: what is done, or taken back.
        channel: its name; or of all channels that it covers, as in a grant: `room:*`, `tenant:acme:**`, `**`.
        at: when it was decided.
        until: when it ends; None: when it is taken back.
        expires_at: how long it stays in the log; None: for ever.
        subject, issuer: who; the issuer None: of whatever issuer.
        address: whose address, as quotas count it: an IPv6 one stands for its /64.
        seconds: of SLOW: between two publications of one identity; 0.0 takes it back.
        reason: for the audit; never sent to a peer.
    """

    id: str
    measure: Measure
    channel: str
    at: float
    until: float | None = None
    expires_at: float | None = None
    subject: str | None = None
    issuer: str | None = None
    address: str | None = None
    seconds: float = 0.0
    reason: str = ""

    @property
    def place(self) -> Place:
        """What it is about."""
        measure = TAKES_BACK.get(self.measure, self.measure)
        return measure, self.channel, self.issuer, self.subject, self.address

    @property
    def is_lifted(self) -> bool:
        """Whether it takes back what was there."""
        return self.measure in TAKES_BACK or (self.measure is Measure.SLOW and not self.seconds)


def make_moderation(
    measure: Measure,
    channel: str,
    now: float,
    *,
    known: Moderation | None = None,
    duration: float | None = None,
    subject: str | None = None,
    issuer: str | None = None,
    address: str | None = None,
    seconds: float = 0.0,
    reason: str = "",
) -> Moderation:
    """An entry for the log.

    Args:
        now: wall seconds of whoever moderates.
        known: the last one about the same, which this one replaces; its maker's clock may be ahead.
        duration: seconds that it holds; None: until it is taken back.

    Raises:
        ValueError: saying what cannot be and the remedy.
    """
    at = _after(now, known)
    if duration is not None and ensure_seconds("the duration", duration) <= 0:
        raise ValueError("the duration is not above 0; give seconds, or none at all to let it hold until taken back")
    until = None if duration is None else now + duration
    made = Moderation(
        id=secrets.token_hex(16),
        measure=Measure(measure),
        channel=channel,
        at=at,
        until=until,
        expires_at=until if known is None else _later(until, known.expires_at),
        subject=subject,
        issuer=issuer,
        address=None if address is None else quota_key(ensure_text("the address", address)),
        seconds=ensure_seconds("the seconds", seconds),
        reason=reason,
    )
    ensure_moderation(made)
    return made


def make_lift(taken_back: Moderation, now: float, reason: str = "") -> Moderation:
    """The entry that takes another back; it stays for as long as that one does.

    Raises:
        ValueError: saying what cannot be and the remedy.
    """
    measure = {lifted: lift for lift, lifted in TAKES_BACK.items()}.get(taken_back.measure, taken_back.measure)
    made = replace(
        taken_back,
        id=secrets.token_hex(16),
        measure=measure,
        at=_after(now, taken_back),
        until=None,
        seconds=0.0,
        reason=reason,
    )
    ensure_moderation(made)
    return made


def _after(now: float, known: Moderation | None) -> float:
    """When an entry is made, by a clock that may be behind that of whoever made the last one."""
    at = ensure_seconds("now", now)
    return at if known is None or known.at < at else known.at + TICK


def _later(one: float | None, other: float | None) -> float | None:
    """The later of two ends; None is never."""
    return None if one is None or other is None else max(one, other)


def ensure_moderation(body: Moderation) -> None:
    """Refuse what cannot be: one such entry would stop every node that follows the log.

    Raises:
        ValueError: naming the field and the remedy.
    """
    ensure_channel(body.channel)
    if body.until is not None:
        ensure_seconds("until", body.until)
    if body.issuer is not None and not ensure_text("the issuer", body.issuer):
        raise ValueError("the issuer is empty, so nobody would match; leave it out for every issuer")
    if body.subject is not None and not ensure_text("the subject", body.subject):
        raise ValueError("the subject is empty, so nobody would match; give one")
    if body.address is not None and not _is_counted(body.address):
        raise ValueError("the address is none; give an IPv4 or IPv6 address")
    named = (body.subject is not None) + (body.address is not None)
    if body.measure is Measure.SLOW:
        if named or body.issuer is not None:
            raise ValueError("slow mode is for everybody; mute who talks too much, and name nobody")
        if not 0 <= ensure_seconds("the seconds", body.seconds) <= SLOWEST:
            raise ValueError(f"slow mode takes 0 to {SLOWEST:g} seconds; mute instead")
    elif named != 1:
        raise ValueError("one person or one address is muted or banned; give a subject or an address")


def ensure_channel(channel: object) -> None:
    """Refuse what is neither the name of a channel nor a pattern of such names; ValueError with the remedy."""
    name = ensure_text("the channel", channel)
    try:
        is_one = is_channel_name(name) or ("*" in name and len(name) <= NAME_LENGTH and bool(Grants([name])))
    except ValueError:
        is_one = False
    if not is_one:
        raise ValueError("this can be no channel; give its name, or a pattern such as room:* or tenant:acme:**")


def _is_counted(address: object) -> bool:
    """Whether this is an address, or the network of one, as quotas count it."""
    try:
        return isinstance(address, str) and bool(ip_network(address)) and quota_key(address) == address
    except ValueError:
        return False


def moderation_from(record: Record) -> Moderation:
    """Read what was written down.

    Raises:
        ValueError: it is none.
    """
    try:
        measure = Measure(record.text("measure"))
    except ValueError:
        raise ValueError(f"the measure is none of ours; use {', '.join(Measure)}") from None
    return Moderation(
        id=record.text("id"),
        measure=measure,
        channel=record.text("channel"),
        at=record.seconds("at"),
        until=record.optional_seconds("until"),
        expires_at=record.optional_seconds("expires_at"),
        subject=record.optional_text("subject"),
        issuer=record.optional_text("issuer"),
        address=record.optional_text("address"),
        seconds=record.seconds("seconds"),
        reason=record.optional_text("reason") or "",
    )
