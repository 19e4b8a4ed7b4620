"""Has what happens at one guard judged, and tells whoever should know of what is not as usual.

Rules of this file:
1. Nothing is done for a message: what was sent is read off the connections at each look.
2. Whatever fails here fails alone: no connection is touched by it.
3. The audit keeps what a detector needs to judge it all again: `wssec audit replay`.
"""

import heapq
import logging
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from .alert_delivery import Delivery
from .alert_responses import Responder, whom_of
from .clock import Clock
from .errors import HandshakeRefused
from .hub import Hub, Live
from .policy.proxies import quota_key
from .settings import Limits, Timeouts
from .telemetry import measures
from .telemetry.anomaly import Detector
from .telemetry.anomaly_alerts import Alert, Whom
from .telemetry.anomaly_egress import Sample
from .telemetry.audit import Audit
from .telemetry.metrics import Labels, Metrics
from .telemetry.redact import printable, where_raised

logger = logging.getLogger(__name__)

RECORD_SECONDS: Final = 60.0
"""Between two lines of who was sent most."""
BYTES_LEAST: Final = 1_024
FRAMES_LEAST: Final = 60
"""Whoever was sent less, and has said less, in a minute, is not told of: pings are no news."""
RECORDED_MOST: Final = 20
"""Identities in them; all others are one line together."""


class Alarm:
    """The alerts of one guard.

    Args:
        ways: by which they leave, beside the log, the audit and the metrics.
        responder: what is done about them.
    """

    def __init__(
        self,
        *,
        limits: Limits,
        timeouts: Timeouts,
        clock: Clock,
        hub: Hub,
        audit: Audit,
        metrics: Metrics,
        responder: Responder,
        ways: Sequence[Delivery],
    ) -> None:
        self._timeouts = timeouts
        self._clock = clock
        self._hub = hub
        self._audit = audit
        self._metrics = metrics
        self._responder = responder
        self.ways = tuple(ways)
        now = clock.monotonic()
        self._detector = Detector(limits, now)
        self._told: dict[str, Alert] = {}  # the detector's id → as it was told
        self._sums: dict[Whom, tuple[int, int]] = {}
        self._minute: dict[Whom, tuple[int, int]] = {}
        self._look_at = now + timeouts.alert_look
        self._record_at = now + RECORD_SECONDS
        metrics.ask(measures.ALERTS_ACTIVE, self._active)
        metrics.ask(measures.ALERTS_LOST, lambda: {(): float(self.lost)})

    @property
    def active(self) -> tuple[Alert, ...]:
        """The alerts that last, the newest last."""
        return tuple(self._told.values())

    @property
    def lost(self) -> int:
        """How often an alert did not reach somebody who should have been told."""
        return self._detector.untold + sum(way.lost for way in self.ways)

    # --- what happens ---

    def opened(self, live: Live) -> None:
        """A connection was let in."""
        self._detector.saw_open(whom_of(live), quota_key(live.address), self._clock.monotonic())

    def closed(self, live: Live, code: int | None) -> None:
        """A connection has ended; `code` None: without a close frame."""
        self._read(live)
        self._detector.saw_close(whom_of(live), code, self._clock.monotonic())

    def refused(self, refusal: HandshakeRefused, address: str) -> None:
        """An attempt was turned away."""
        self._detector.saw_refusal(quota_key(address), refusal.stage, refusal.status, self._clock.monotonic())

    # --- the sweep ---

    def look(self, now: float) -> None:
        """Judge, where that is due. Raises nothing.

        Args:
            now: monotonic seconds.
        """
        if now < self._look_at:
            return
        self._look_at = now + self._timeouts.alert_look
        try:
            self._sample(now)
            for alert in self._detector.judge(now):
                self._tell(alert, now)
        except Exception as error:
            logger.error("judging what is unusual failed: %s", where_raised(error))

    async def stop(self, patience: float) -> None:
        """Deliver what waits, for at most so many seconds."""
        for way in self.ways:
            await way.stop(patience)

    def _read(self, live: Live) -> None:
        """Add what a connection was sent, and has said, since it was read last."""
        connection = live.connection
        sent, heard = connection.sent_bytes, connection.heard_frames
        if sent != live.read_bytes or heard != live.read_messages:
            whom = whom_of(live)
            before = self._sums.get(whom, (0, 0))
            self._sums[whom] = before[0] + sent - live.read_bytes, before[1] + heard - live.read_messages
            live.read_bytes, live.read_messages = sent, heard

    def _sample(self, now: float) -> None:
        for live in self._hub:
            self._read(live)
        sums, self._sums = self._sums, {}
        self._detector.saw_egress([Sample(whom, sent, heard) for whom, (sent, heard) in sums.items()], now)
        for whom, (sent, heard) in sums.items():
            before = self._minute.get(whom, (0, 0))
            self._minute[whom] = before[0] + sent, before[1] + heard
        if now >= self._record_at:
            self._record_at = now + RECORD_SECONDS
            minute, self._minute = self._minute, {}
            self._record(minute)

    def _record(self, minute: Mapping[Whom, tuple[int, int]]) -> None:
        """Keep who was sent most in a minute, and how much all others were."""
        wall = self._clock.wall()
        told = {whom: sums for whom, sums in minute.items() if sums[0] >= BYTES_LEAST or sums[1] >= FRAMES_LEAST}
        for whom, (sent, heard) in heapq.nlargest(RECORDED_MOST, told.items(), key=lambda item: item[1]):
            self._audit.record("egress.measured", wall, **whom._asdict(), bytes=sent, messages=heard)
            del told[whom]
        if told:
            sent, heard = (sum(sums[place] for sums in told.values()) for place in (0, 1))
            self._audit.record("egress.measured", wall, others=len(told), bytes=sent, messages=heard)

    # --- who is told ---

    def _tell(self, found: Alert, now: float) -> None:
        alert = self._named(found, now)
        shown = self._shown(alert)
        whom, about = printable(shown.whom), alert.about
        facts = {name: fact for name, fact in alert.facts().items() if name not in ("id", "what")}
        if alert.ended_at is None:
            told = "alert %s of %s: %.0f %s, usually %.0f, up to %.0f as usual; see docs/alerts.md"
            logger.warning(told, alert.kind, whom, alert.value, about.unit, alert.usual, alert.band)
            self._metrics.count(measures.ALERTS, alert.kind)
            self._audit.record("alert.raised", self._clock.wall(), alert=alert.id, **facts)
        else:
            logger.warning("alert %s of %s is over: %.0f %s at most", alert.kind, whom, alert.value, about.unit)
            self._audit.record("alert.ended", self._clock.wall(), alert=alert.id, **facts)
        for way in self.ways:
            way.put(shown)
        self._responder.act(alert)

    def _shown(self, alert: Alert) -> Alert:
        """The alert as it may be told: where the audit has pseudonyms, so has whoever is told."""
        whom = alert.whom
        if whom.subject is None:
            return alert
        return replace(alert, whom=whom._replace(subject=self._audit.named(whom.subject, whom.issuer)))

    def _named(self, found: Alert, now: float) -> Alert:
        """An alert of the detector's under a name of its own, its times by the wall clock."""
        ahead = self._clock.wall() - now
        if found.ended_at is None:
            alert = self._told[found.id] = replace(found, id=secrets.token_hex(8), since=found.since + ahead)
            return alert
        begun = self._told.pop(found.id)
        return replace(begun, value=found.value, ended_at=found.ended_at + ahead)

    def _active(self) -> Mapping[Labels, float]:
        counts: dict[Labels, float] = {}
        for alert in self._told.values():
            counts[str(alert.kind),] = counts.get((str(alert.kind),), 0.0) + 1.0
        return counts
