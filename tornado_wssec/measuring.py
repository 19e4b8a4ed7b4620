"""What is measured where: the metrics of one guard, fed by its parts."""

from collections import Counter
from collections.abc import Callable, Mapping

from .channels import Channels
from .doorstep import Doorstep
from .hub import Hub
from .keeper import KeyKeeper
from .policy.origins import OriginPolicy
from .policy.revocations import RevocationIndex
from .pressure import resident_bytes
from .readiness import Readiness
from .telemetry import measures
from .telemetry.metrics import OTHER, Labels, Meters, Metrics
from .telemetry.sampling import Refusals
from .wire.connection import Connection


class Measuring:
    """Feeds the metrics of one guard.

    Args:
        origins: those whose names may be labels.
    """

    def __init__(self, metrics: Metrics, origins: OriginPolicy) -> None:
        self.metrics = metrics
        self._origins = origins
        self.meters = Meters(lambda type: metrics.histogram(measures.HANDLER_SECONDS, type))
        metrics.ask(measures.MESSAGES_IN, lambda: self.meters.counts)

    # --- what is counted as it happens ---

    def saw_handshake(self, endpoint: str, origin: str | None) -> None:
        """Count a connection that was let in."""
        self.metrics.count(measures.HANDSHAKES, endpoint, self.origin_label(origin))

    def saw_refusal(self, origin: str | None) -> None:
        """Count where an attempt came from that was turned away; its stage and status are counted elsewhere."""
        self.metrics.count(measures.REFUSED_ORIGINS, self.origin_label(origin))

    def saw_traffic(self, connection: Connection) -> None:
        """Keep what a connection has carried that is about to be forgotten."""
        self.metrics.count(measures.FRAMES_IN, by=connection.heard_frames)
        self.metrics.count(measures.BYTES_OUT, by=connection.sent_bytes)

    def saw_close(self, code: int | None, seconds: float) -> None:
        """Count a connection that has ended.

        Args:
            code: of the close frame; None: there was none.
            seconds: that it was open.
        """
        self.metrics.count(measures.CLOSES, str(code or 1006))
        self.metrics.histogram(measures.SESSION_SECONDS).observe(seconds)

    def saw_error(self, code: str) -> None:
        """Count a message that got an error."""
        self.metrics.count(measures.MESSAGES_REFUSED, code)

    def saw_violation(self, code: int) -> None:
        """Count a connection that broke the protocol; it may be gone before it could be told so."""
        self.metrics.count(measures.VIOLATIONS, str(code))

    def origin_label(self, origin: str | None) -> str:
        """The entry of the allowlist that fits; nothing that a stranger has written."""
        return "none" if origin is None else self._origins.entry_of(origin) or OTHER


def feed(
    metrics: Metrics,
    *,
    hub: Hub,
    doorstep: Doorstep,
    readiness: Readiness,
    refusals: Refusals,
    channels: Channels,
    index: RevocationIndex,
    keeper: KeyKeeper,
    nodes: Callable[[], int],
    loop_lag: Callable[[], float],
    audit_dropped: Callable[[], int],
    faults: Callable[[], Mapping[Labels, float]],
    tickets: Callable[[], Mapping[Labels, float]],
    tokens_ahead: Callable[[], Mapping[Labels, float]],
) -> None:
    """Have the parts of a guard asked for what they count anyway."""

    def one(number: Callable[[], float | None]) -> Callable[[], Mapping[Labels, float]]:
        return lambda: {} if (value := number()) is None else {(): value}

    def mirror_age() -> float | None:
        return None if readiness.watcher is None else readiness.watcher.age

    def queued() -> list[int]:
        return [waiting for live in hub if (waiting := live.connection.buffered_bytes)]

    metrics.ask(measures.CONNECTIONS, lambda: Counter((live.place.entry.endpoint,) for live in hub))
    metrics.ask(measures.STRANGERS, one(lambda: len(doorstep)))
    metrics.ask(
        measures.REFUSALS,
        lambda: {(stage, str(status)): count for (stage, status), count in refusals.counts.items()},
    )
    metrics.ask(measures.QUEUED_BYTES, one(lambda: sum(queued())))
    metrics.ask(measures.SLOW, one(lambda: len(queued())))
    metrics.ask(measures.CHANNELS, channels.counts)
    metrics.ask(measures.PUBLISHED, lambda: channels.heard)
    metrics.ask(measures.DELIVERED, lambda: channels.copies)
    metrics.ask(measures.TICKETS, tickets)
    metrics.ask(measures.FRAMES_IN, one(lambda: sum(live.connection.heard_frames for live in hub)))
    metrics.ask(measures.BYTES_OUT, one(lambda: sum(live.connection.sent_bytes for live in hub)))
    metrics.ask(measures.LOOP_LAG, one(loop_lag))
    metrics.ask(measures.MEMORY, one(resident_bytes))
    metrics.ask(measures.READY, one(readiness.is_ready))
    metrics.ask(measures.DRAINING, one(lambda: readiness.is_leaving))
    metrics.ask(measures.MIRROR_AGE, one(mirror_age))
    metrics.ask(measures.REVOCATIONS, one(lambda: len(index)))
    metrics.ask(measures.KEYS, lambda: Counter((str(key.state),) for key in keeper.ring.keys))
    metrics.ask(measures.NODES, one(nodes))
    metrics.ask(measures.AUDIT_DROPPED, one(audit_dropped))
    metrics.ask(measures.FAULTS, faults)
    metrics.ask(measures.TOKENS_AHEAD, tokens_ahead)
