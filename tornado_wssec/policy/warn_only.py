"""Warn-only: what the schemas refuse is told to the operators and reaches its handler all the same, until a day.

Rules of this file:
1. It is off unless it is asked for, and ends by itself on a day that is written down.
2. It eases schemas and nothing else. Who may connect and send, how much and how often, is asked as ever.
3. What is signed or carries bytes is no old client's, and is refused as ever.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

from ..errors import Problem
from .specs import MessageSpec

DAY: Final = 86_400.0
LONGEST_DAYS: Final = 366
"""It is for moving in; whoever needs longer says so again."""

_WHERE: Final = "Registry(warn_only=…)"


@dataclass(frozen=True, slots=True)
class WarnOnly:
    """What is told of and let pass, in the place of being refused.

    Args:
        until: the day, such as `"2027-01-31"`, from whose beginning (UTC) on messages are refused as ever.
        types: the types that it is about; None: every one that clients may send.

    Raises:
        ValueError: `until` is no day.
    """

    until: str
    types: Collection[str] | None = None

    def __post_init__(self) -> None:
        try:
            date.fromisoformat(self.until)
        except (TypeError, ValueError):
            raise ValueError(f"{self.until!r} is no day; write it as WarnOnly(until='2027-01-31')") from None
        if isinstance(self.types, str):
            raise ValueError(f"{self.types!r} is one name; write types=({self.types!r},)")

    @property
    def ends_at(self) -> float:
        """When it is over, in wall seconds."""
        day = date.fromisoformat(self.until)
        return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()

    def covers(self, spec: MessageSpec) -> bool:
        """Whether it is about this type."""
        return can_be_eased(spec) and (self.types is None or spec.type in self.types)

    def problems(self, messages: Mapping[str, MessageSpec], now: float) -> Iterator[Problem]:
        """Yield what is wrong with it.

        Args:
            messages: type → specification, all that are declared.
            now: wall seconds.
        """
        if self.ends_at - now > LONGEST_DAYS * DAY:
            fault = f"lasts until {self.until}, which is more than a year away"
            yield Problem(_WHERE, fault, "write a day by which every message is declared as it comes")
        for type in sorted(self.types or ()):
            spec = messages.get(type)
            if spec is None:
                yield Problem(_WHERE, f"names {type}, which nobody declares", "drop it")
            elif not can_be_eased(spec):
                fault = f"names {type}, which is sent by the server alone, signed or binary"
                yield Problem(_WHERE, fault, "drop it")


def can_be_eased(spec: MessageSpec) -> bool:
    """Whether an old client could be sending messages of this type."""
    return spec.direction != "out" and not spec.signed and spec.binary is None
