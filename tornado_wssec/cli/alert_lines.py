"""What `wssec check` says of alerts: who is told, and what is done without anybody's doing."""

from collections.abc import Iterator

from ..guard import Guard
from .audit_lines import Level, Line


def alert_lines(guard: Guard) -> Iterator[Line]:
    """Where alerts go, and each automatic response."""
    told = ", ".join(["the log", "the audit", "the metrics", *(way.way for way in guard.alarm.ways)])
    yield Line(Level.IN_FORCE, "alerts", f"go to {told}")
    for kind, response in guard.alert_responses.items():
        where = f'Guard(alert_responses={{"{kind}": "{response}"}})'
        if response == "throttle":
            what = "an identity with this alert may send a tenth, in this process, until it is over"
        elif response == "ban":
            what = f"an identity with this alert is put out, and kept out of this process for {guard.timeouts.ban:g} s"
        else:
            what = "an identity with this alert is put out of this process, and may come back"
        yield Line(Level.DECLARED, where, what)
