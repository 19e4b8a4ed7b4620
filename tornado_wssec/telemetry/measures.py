"""Every metric there is, written once: the server counts by this table, and the reference page is made from it."""

from typing import Final

from .metrics import Metric, MetricKind

_COUNTER, _GAUGE, _HISTOGRAM = MetricKind

LATENCY_BOUNDS: Final = (
    0.0001,
    0.00025,
    0.0005,
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    10.0,
)
"""From a handler that only answers to one at its deadline."""

SESSION_BOUNDS: Final = (1.0, 10.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0, 43_200.0)
"""From a page that was left at once to the greatest age of a connection."""

# What comes to the door: R082 and R085.
CONNECTIONS: Final = Metric("wssec_connections", _GAUGE, "Connections that are open.", ("endpoint",))
STRANGERS: Final = Metric("wssec_strangers", _GAUGE, "Open connections that have not said whose they are yet.")
HANDSHAKES: Final = Metric("wssec_handshakes", _COUNTER, "Handshakes that were accepted.", ("endpoint", "origin"))
REFUSALS: Final = Metric(
    "wssec_handshakes_refused",
    _COUNTER,
    "Connection attempts that were turned away, by stage and status; status 0 got no answer.",
    ("stage", "status"),
)
REFUSED_ORIGINS: Final = Metric(
    "wssec_origins_refused", _COUNTER, "Handshakes that were turned away, by declared origin.", ("origin",)
)

# How connections end: R083 and R085.
CLOSES: Final = Metric(
    "wssec_closes", _COUNTER, "Connections that have ended, by close code; 1006 without one.", ("code",)
)
SESSION_SECONDS: Final = Metric(
    "wssec_session_seconds", _HISTOGRAM, "How long connections were open.", bounds=SESSION_BOUNDS
)
REFRESHES: Final = Metric("wssec_refreshes", _COUNTER, "Tokens that were replaced over an open connection.")
TOKENS_AHEAD: Final = Metric(
    "wssec_tokens_ahead", _COUNTER, "Tokens that were refused since they are from later than now.", ("issuer",)
)
TICKETS: Final = Metric("wssec_tickets", _COUNTER, "Tickets, by what became of them.", ("result",))

# What is said: R084.
MESSAGES_IN: Final = Metric("wssec_messages", _COUNTER, "Messages that were admitted.", ("type",))
MESSAGES_REFUSED: Final = Metric(
    "wssec_messages_refused", _COUNTER, "Messages that got an error, by its code.", ("code",)
)
MESSAGES_WARNED: Final = Metric(
    "wssec_messages_warned",
    _COUNTER,
    "Messages that warn-only has let pass and that are refused without it.",
    ("type",),
)
VIOLATIONS: Final = Metric(
    "wssec_violations", _COUNTER, "Connections that were ended for what they sent, by close code.", ("code",)
)
HANDLER_SECONDS: Final = Metric(
    "wssec_handler_seconds",
    _HISTOGRAM,
    "From when a message comes to be handled to its answer; one in eight of a type is timed.",
    ("type",),
    LATENCY_BOUNDS,
)
FRAMES_IN: Final = Metric("wssec_received_frames", _COUNTER, "Frames that came.")
BYTES_OUT: Final = Metric("wssec_sent_bytes", _COUNTER, "Bytes of frames that the network took.")
QUEUED_BYTES: Final = Metric("wssec_queued_bytes", _GAUGE, "Bytes that wait for slow readers.")
SLOW: Final = Metric("wssec_slow_consumers", _GAUGE, "Connections for which something waits.")

# What is told to many: R084 and R085.
CHANNELS: Final = Metric("wssec_channels", _GAUGE, "Channels somebody listens to here, by pattern.", ("pattern",))
PUBLISHED: Final = Metric(
    "wssec_published", _COUNTER, "Publications that came to channels with listeners here, by pattern.", ("pattern",)
)
DELIVERED: Final = Metric("wssec_delivered", _COUNTER, "Copies of them for listeners here, by pattern.", ("pattern",))

# What is not as usual: R086 to R088.
ALERTS: Final = Metric("wssec_alerts", _COUNTER, "Alerts that were raised.", ("kind",))
ALERTS_ACTIVE: Final = Metric("wssec_alerts_active", _GAUGE, "Alerts that last.", ("kind",))
ALERTS_LOST: Final = Metric("wssec_alerts_lost", _COUNTER, "Alerts that did not reach the hook or the webhook.")

# The process, and what it leans on.
LOOP_LAG: Final = Metric("wssec_loop_lag_seconds", _GAUGE, "By how much the newest look at the deadlines was late.")
MEMORY: Final = Metric("wssec_resident_bytes", _GAUGE, "Memory of this process.")
READY: Final = Metric("wssec_ready", _GAUGE, "1 where a new connection would be let in.")
DRAINING: Final = Metric("wssec_draining", _GAUGE, "1 while connections are told to go elsewhere.")
MIRROR_AGE: Final = Metric("wssec_mirror_age_seconds", _GAUGE, "How old the local copy of the revocations is.")
REVOCATIONS: Final = Metric("wssec_revocations", _GAUGE, "Revocations that are in force here.")
KEYS: Final = Metric("wssec_keys", _GAUGE, "Keys, by their state.", ("state",))
NODES: Final = Metric("wssec_nodes", _GAUGE, "Nodes that were seen last, this one included.")
FAULTS: Final = Metric("wssec_fault", _GAUGE, "1 while something is wrong that is told of in the log.", ("what",))
AUDIT_DROPPED: Final = Metric("wssec_audit_dropped", _COUNTER, "Lines of the audit that were lost.")

METRICS: Final[tuple[Metric, ...]] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))
"""In the order in which they are written here."""
