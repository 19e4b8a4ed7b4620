"""Who may do what on which board: a table that all server processes share. A product asks its own database."""

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Final

RIGHTS: Final[Mapping[str, tuple[str, ...]]] = {
    "owner": ("view", "draw", "manage"),
    "editor": ("view", "draw"),
    "viewer": ("view",),
    "nobody": (),
}
BOARDS: Final[Mapping[str, Mapping[str, str]]] = {
    "roadmap": {"ann": "owner", "bob": "editor", "cleo": "viewer"},
    "retro": {"bob": "owner", "ann": "editor"},
    "moodboard": {"cleo": "owner", "ann": "viewer"},
}
"""For a start."""


class Members:
    """The table.

    Args:
        folder: that of the file.
        first: what stands in a new table.
    """

    def __init__(self, folder: Path, first: Mapping[str, Mapping[str, str]] = BOARDS) -> None:
        self._rows = sqlite3.connect(folder / "members.db", isolation_level=None)
        self._rows.execute("BEGIN IMMEDIATE")  # another process may be at it, too
        self._rows.execute("CREATE TABLE IF NOT EXISTS members (board, person, role, PRIMARY KEY (board, person))")
        rows = [(board, person, role) for board, people in first.items() for person, role in people.items()]
        self._rows.executemany("INSERT OR IGNORE INTO members VALUES (?, ?, ?)", rows)
        self._rows.execute("COMMIT")

    def boards_of(self, person: str) -> dict[str, str]:
        """The boards on which somebody may do anything, and as what."""
        asked = "SELECT board, role FROM members WHERE person = ? AND role != 'nobody' ORDER BY board"
        return dict(self._rows.execute(asked, (person,)).fetchall())

    def people_of(self, board: str) -> dict[str, str]:
        """Who may do anything on a board, and as what."""
        asked = "SELECT person, role FROM members WHERE board = ? AND role != 'nobody' ORDER BY person"
        return dict(self._rows.execute(asked, (board,)).fetchall())

    def set(self, board: str, person: str, role: str) -> None:
        """Let somebody be this on a board from now on."""
        self._rows.execute("INSERT OR REPLACE INTO members VALUES (?, ?, ?)", (board, person, role))

    def grants_of(self, person: str) -> list[str]:
        """What somebody may do, as permissions."""
        roles = self.boards_of(person).items()
        return [f"board:{board}:{right}" for board, role in roles for right in RIGHTS[role]]
