"""Judges what happens against what was learned: who does far more than usual, and what is broken.

Rules of this file:
1. Everything is a number, a name that was verified, or an address; no message is ever seen here.
2. An alert is told when it begins and when it is over, and not in between.
3. Where something large explains what is small, the large is told.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from ..settings import Limits
from .anomaly_alerts import Alert, AlertKind, Finding, Whom
from .anomaly_closes import CALM_SECONDS, Closes
from .anomaly_door import Door
from .anomaly_egress import Egress, Sample

NOT_READY: Final = 503
QUIET_SECONDS: Final = 60.0
"""For which nothing may be out of its band before an alert is over."""
ACTIVE_MOST: Final = 256
"""Alerts at once: nobody reads more, and further ones are counted."""
EXPLAINED: Final[Mapping[AlertKind, frozenset[AlertKind]]] = {
    AlertKind.REFUSALS_ADDRESS: frozenset({AlertKind.CREDENTIALS_ATTACK, AlertKind.CREDENTIALS_OUTAGE}),
    AlertKind.CLIENT_FLAKY: frozenset({AlertKind.SERVICE_OUTAGE, AlertKind.CREDENTIALS_OUTAGE}),
    AlertKind.CONNECTS_ADDRESS: frozenset({AlertKind.SERVICE_OUTAGE}),
}
"""A kind → those that explain it."""
RECONNECTS: Final = frozenset({AlertKind.CLIENT_FLAKY, AlertKind.CONNECTS_ADDRESS})
"""What is to be expected after many have left at once."""

_Key = tuple[AlertKind, Whom]


class Detector:
    """Learns what is usual, and says what is not.

    Args:
        limits: where the bands begin, and how many are known at once.
        now: seconds of the clock of all calls.
    """

    def __init__(self, limits: Limits, now: float) -> None:
        self._egress = Egress(limits)
        self._door = Door(limits, now)
        self._closes = Closes(limits, now)
        self._active: dict[_Key, tuple[Alert, float]] = {}  # and when it was out of its band last
        self.untold = 0
        """Alerts that were not told, since too many lasted."""

    # --- what happens ---

    def saw_open(self, whom: Whom, address: str, now: float) -> None:
        """A connection was let in."""
        self._closes.saw_open(whom, now)
        self._door.saw_open(address, now)

    def saw_close(self, whom: Whom, code: int | None, now: float) -> None:
        """A connection has ended; `code` None: without a close frame."""
        self._closes.saw_close(whom, code, now)

    def saw_refusal(self, address: str | None, stage: str, status: int, now: float, count: float = 1.0) -> None:
        """An attempt was turned away, or so many were; `address` None: it is not known."""
        if status == NOT_READY:
            self._closes.saw_unready(address, now, count)
        else:
            self._door.saw_refusal(address, stage, now, count)

    def saw_egress(self, samples: Iterable[Sample], now: float) -> None:
        """What everybody was sent and has said since the last sample."""
        self._egress.saw(samples, now)

    def saw_others(self, count: int, sent: float, heard: float) -> None:
        """How much others were sent, and have said, on an average in ten seconds, of whom no more is known."""
        self._egress.saw_others(count, sent, heard)

    # --- what is made of it ---

    def judge(self, now: float) -> list[Alert]:
        """The alerts that begin now, and those that are over."""
        here = [*self._egress.findings(now), *self._closes.findings(now), *self._door.findings(now)]
        found = list(self._explained(here, now))
        begun = [alert for finding in found if (alert := self._noted(finding, now)) is not None]
        return [*begun, *self._ended(now)]

    def active(self) -> list[Alert]:
        """The alerts that last."""
        return [alert for alert, _ in self._active.values()]

    def tracked(self) -> int:
        """Of how many identities and addresses something is known."""
        return len(self._egress) + len(self._door) + len(self._closes)

    def _explained(self, found: list[Finding], now: float) -> Iterator[Finding]:
        """What nothing else explains."""
        kinds = {finding.kind for finding in found} | {kind for kind, _ in self._active}
        is_unrest = now - self._closes.unrest_at < CALM_SECONDS
        for finding in found:
            if EXPLAINED.get(finding.kind, frozenset()) & kinds or (is_unrest and finding.kind in RECONNECTS):
                continue
            yield finding

    def _noted(self, finding: Finding, now: float) -> Alert | None:
        """The alert that begins with a finding; None where it lasts already, or too many do."""
        key = finding.kind, finding.whom
        if key in self._active:
            alert, _ = self._active[key]
            self._active[key] = replace(alert, value=max(alert.value, finding.value)), now
            return None
        if len(self._active) >= ACTIVE_MOST:
            self.untold += 1
            return None
        kind, whom, value, usual, band, evidence = finding
        id = f"{kind}:{whom}:{int(now)}"
        alert = Alert(
            id=id, kind=kind, whom=whom, value=value, usual=usual, band=band, since=now, evidence=dict(evidence)
        )
        self._active[key] = alert, now
        return alert

    def _ended(self, now: float) -> list[Alert]:
        over = [key for key, (_, seen_at) in self._active.items() if now - seen_at >= QUIET_SECONDS]
        return [replace(self._active.pop(key)[0], ended_at=now) for key in over]
