"""What one endpoint lets pass with a warning, and for how long: `WarnOnly`, made ready for each message."""

from collections.abc import Callable
from dataclasses import dataclass

from ..errors import InvalidMessage
from .session import Session
from .specs import MessageSpec


@dataclass(slots=True)
class Leniency:
    """Which types are eased at one endpoint.

    Args:
        types: their names.
        until: monotonic seconds; from then on nothing is. `end_by` brings it nearer, and nothing puts it off.
        tell: told of each message that was admitted and that its schema refuses.
    """

    types: frozenset[str]
    until: float
    tell: Callable[[MessageSpec, Session, InvalidMessage], None]

    def covers(self, spec: MessageSpec, now: float) -> bool:
        """Whether a message of this type is let pass now, whatever its schema says."""
        return now < self.until and spec.type in self.types

    def end_by(self, until: float) -> None:
        """Last no longer than this, in monotonic seconds."""
        self.until = min(self.until, until)
