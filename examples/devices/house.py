"""Which device is whose, in a file that all processes of the server share. A product asks its database."""

import secrets
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Owned:
    """One device, and whose it is.

    Args:
        device: its name, which is the subject of its credentials.
        kind: `lamp` or `thermostat`.
        label: what its owner calls it.
    """

    device: str
    owner: str
    kind: str
    label: str


class House:
    """Every device that there is.

    Args:
        file: where they are kept.
    """

    def __init__(self, file: Path) -> None:
        self._base = sqlite3.connect(file, isolation_level=None)
        self._base.execute("CREATE TABLE IF NOT EXISTS devices (device PRIMARY KEY, owner, kind, label)")

    def enrol(self, owner: str, kind: str, label: str) -> Owned:
        """A new device."""
        owned = Owned(f"{kind}-{secrets.token_hex(4)}", owner, kind, label)
        row = (owned.device, owner, kind, label)
        self._base.execute("INSERT INTO devices VALUES (?, ?, ?, ?)", row)
        return owned

    def remove(self, device: str) -> None:
        """Forget a device."""
        self._base.execute("DELETE FROM devices WHERE device = ?", (device,))

    def of(self, owner: str) -> Sequence[Owned]:
        """Those of one owner, in the order in which they came."""
        return self._found("WHERE owner = ? ORDER BY rowid", owner)

    def close(self) -> None:
        """Let go of the file."""
        self._base.close()

    def _found(self, which: str, *values: Any) -> Sequence[Owned]:
        rows = self._base.execute(f"SELECT device, owner, kind, label FROM devices {which}", values)  # noqa: S608 -- of ours alone
        return [Owned(*row) for row in rows]
