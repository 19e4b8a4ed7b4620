"""The cases of the desk, in a file that all its processes share. A product asks its database."""

import secrets
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Case:
    """One case.

    Args:
        room: its name, of 80 random bits: knowing one says nothing about another.
        state: `waiting` for an answer, `answered`, `reported` to the supervisor, or `resolved`.
    """

    room: str
    customer: str
    subject: str
    state: str
    at: datetime

    @property
    def fields(self) -> dict[str, Any]:
        """As `support.changed` has it."""
        return {name: getattr(self, name) for name in ("room", "customer", "subject", "state", "at")}


class Cases:
    """Every case that there is.

    Args:
        file: where they are kept.
    """

    def __init__(self, file: Path) -> None:
        self._base = sqlite3.connect(file, isolation_level=None)
        self._base.execute("CREATE TABLE IF NOT EXISTS cases (room PRIMARY KEY, customer, subject, state, at)")

    def open(self, customer: str, subject: str) -> Case:
        """A new case."""
        case = Case(secrets.token_hex(10), customer, subject, "waiting", datetime.now(UTC))
        row = (case.room, customer, subject, case.state, case.at.isoformat())
        self._base.execute("INSERT INTO cases VALUES (?, ?, ?, ?, ?)", row)
        return case

    def mark(self, room: str, state: str) -> Case | None:
        """What a case is in from now on; None where there is no such case."""
        self._base.execute("UPDATE cases SET state = ?, at = ? WHERE room = ?", (state, _now(), room))
        return next(iter(self._found("WHERE room = ?", room)), None)

    def of(self, customer: str) -> Sequence[Case]:
        """Those of one customer, the newest first."""
        return self._found("WHERE customer = ? ORDER BY at DESC", customer)

    def newest(self, most: int) -> Sequence[Case]:
        """The newest of all."""
        return self._found("ORDER BY at DESC LIMIT ?", most)

    def close(self) -> None:
        """Let go of the file."""
        self._base.close()

    def _found(self, which: str, *values: Any) -> Sequence[Case]:
        rows = self._base.execute(f"SELECT room, customer, subject, state, at FROM cases {which}", values)  # noqa: S608 -- of ours alone
        return [Case(room, who, about, state, datetime.fromisoformat(at)) for room, who, about, state, at in rows]


def _now() -> str:
    return datetime.now(UTC).isoformat()
