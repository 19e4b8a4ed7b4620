"""What an audit is made of: lines, each with its level."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """What a line of the audit means."""

    PROBLEM = "problem"  # a server does not start with it
    OPEN = "open"  # strangers can use it
    UNKNOWN = "cannot tell"  # code that is not ours decides
    DECLARED = "declared"  # less than the default, and somebody has said so
    CHANGED = "changed"  # a limit that is not at its default
    ROUTE = "route"  # what stands there, and what guards it
    IN_FORCE = "in force"  # what happens when a dependency fails


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the audit. `remedy` None: nothing need be done."""

    level: Level
    where: str
    what: str
    remedy: str | None = None

    @property
    def fails(self) -> bool:
        """Whether the check fails for it."""
        return self.level in (Level.PROBLEM, Level.OPEN)
