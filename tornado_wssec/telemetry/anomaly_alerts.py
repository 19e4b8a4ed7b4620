"""What an alert says: what kind, of whom, how much against what is usual, since when. Never what was sent."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, NamedTuple


class Whom(NamedTuple):
    """Whom an alert is about.

    Args:
        subject, issuer: an identity.
        address: where it is no identity; of IPv6 its /64.
    """

    subject: str | None = None
    issuer: str | None = None
    address: str | None = None

    def __str__(self) -> str:
        return self.subject or self.address or "everybody"


EVERYBODY: Final = Whom()


class AlertKind(StrEnum):
    """What is not as usual. The page on alerts has a runbook for each."""

    EGRESS_BURST = "egress.burst"
    EGRESS_HOUR = "egress.hour"
    EGRESS_CROWD = "egress.crowd"
    MESSAGES_BURST = "messages.burst"
    CREDENTIALS_ATTACK = "credentials.attack"
    CREDENTIALS_OUTAGE = "credentials.outage"
    REFUSALS_ADDRESS = "refusals.address"
    CONNECTS_ADDRESS = "connects.address"
    CLIENT_FLAKY = "client.flaky"
    SERVICE_OUTAGE = "service.outage"


class About(NamedTuple):
    """What a kind is.

    Args:
        what: one sentence for whoever is woken by it.
        unit: of its value.
        is_abuse: whether somebody means harm; else something is broken.
    """

    what: str
    unit: str
    is_abuse: bool


KINDS: Final[Mapping[AlertKind, About]] = {
    AlertKind.EGRESS_BURST: About("One identity is sent far more than usual: fast scraping.", "bytes in 10 s", True),
    AlertKind.EGRESS_HOUR: About(
        "One identity has been sent far more than usual over an hour: slow exfiltration.", "bytes in 1 h", True
    ),
    AlertKind.EGRESS_CROWD: About(
        "Many identities are sent far more than usual at once: a broadcast, or scraping by many accounts.",
        "identities",
        False,
    ),
    AlertKind.MESSAGES_BURST: About("One identity asks far more often than usual.", "messages in 10 s", True),
    AlertKind.CREDENTIALS_ATTACK: About(
        "Many addresses fail to authenticate: credential stuffing.", "failed credentials", True
    ),
    AlertKind.CREDENTIALS_OUTAGE: About(
        "Addresses that could authenticate cannot any more: keys, clocks or an issuer.", "failed credentials", False
    ),
    AlertKind.REFUSALS_ADDRESS: About("One address is refused far more often than usual.", "refusals in 1 min", True),
    AlertKind.CONNECTS_ADDRESS: About(
        "One address opens far more connections than usual, with credentials that are good.",
        "connections in 1 min",
        True,
    ),
    AlertKind.CLIENT_FLAKY: About("One identity connects again and again.", "connections in 5 min", False),
    AlertKind.SERVICE_OUTAGE: About(
        "Many connections break, or are turned away with 503, at once.", "connections in 30 s", False
    ),
}


class Finding(NamedTuple):
    """Something that is out of its band at this moment."""

    kind: AlertKind
    whom: Whom
    value: float
    usual: float
    band: float
    evidence: Mapping[str, float] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something that is not as usual.

    Args:
        id: the same when it begins and when it is over; another for whatever comes later.
        whom: an identity, an address, or everybody.
        value: how much it was when it left the band, and, once it is over, at most.
        usual: what was learned; 0.0: nothing yet.
        band: up to where it would have been as usual.
        since: when it was seen first, in wall seconds.
        ended_at: when it was over; None: it lasts.
        evidence: further numbers.
    """

    id: str
    kind: AlertKind
    whom: Whom
    value: float
    usual: float
    band: float
    since: float
    ended_at: float | None = None
    evidence: Mapping[str, float] = field(default_factory=dict)

    @property
    def about(self) -> About:
        """What its kind is."""
        return KINDS[self.kind]

    def facts(self) -> dict[str, Any]:
        """Everything of it, as JSON has it; what does not apply is left out."""
        named = {
            "id": self.id,
            "kind": str(self.kind),
            "is_abuse": self.about.is_abuse,
            "what": self.about.what,
            "unit": self.about.unit,
            **self.whom._asdict(),
            "value": round(self.value, 1),
            "usual": round(self.usual, 1),
            "band": round(self.band, 1),
            "since": round(self.since, 3),
            "ended_at": None if self.ended_at is None else round(self.ended_at, 3),
            **{name: round(number, 1) for name, number in self.evidence.items()},
        }
        return {name: value for name, value in named.items() if value is not None}
