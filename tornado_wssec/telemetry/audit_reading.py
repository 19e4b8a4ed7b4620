"""Reads the audit's files: the newest hash of each chain, and the lines of all in the order of their time."""

import heapq
import json
import os
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from .audit_chain import BEGINNING, Entry, Head, checked
from .audit_file import Piece, pieces

SEEN_MOST: Final = 100
"""Chains whose heads are looked at when another begins, the newest ones: a restart must not read a year."""

TAIL_BYTES: Final = 64 * 1024
"""Of the end of a file, in which its last line is found; a line has at most a few thousand."""


def last_head(piece: Piece) -> Head:
    """The newest hash in a file, unchecked; the beginning where it holds no whole line."""
    with piece.path.open("rb") as file:
        file.seek(max(os.fstat(file.fileno()).st_size - TAIL_BYTES, 0))
        lines = [line for line in file.read().split(b"\n")[:-1] if line]
    for found in checked([line + b"\n" for line in lines[-1:]], piece.chain):
        if isinstance(found, Entry):
            return found.head
    return BEGINNING


def heads_of(folder: Path) -> list[tuple[str, Head]]:
    """The newest chains of a folder and how far each has come."""
    newest = [(name, list(group)[-1]) for name, group in groupby(pieces(folder), key=lambda piece: piece.chain)]
    newest.sort(key=lambda pair: pair[1].path.stat().st_mtime_ns)
    return [(name, last_head(piece)) for name, piece in newest[-SEEN_MOST:]]


def events(folder: Path) -> Iterator[dict[str, Any]]:
    """Every event of a folder in the order of its time, whatever its chain; what is no line is left out."""
    chains = [list(group) for _, group in groupby(pieces(folder), key=lambda piece: piece.chain)]
    return heapq.merge(*map(_events_of, chains), key=lambda event: event.get("at", 0))


def _events_of(chain: list[Piece]) -> Iterator[dict[str, Any]]:
    for piece in chain:
        with piece.path.open("rb") as file:
            for line in file:
                if (event := event_of(line)) is not None:
                    yield event


def event_of(line: bytes) -> dict[str, Any] | None:
    """A line as it was recorded; None for what is none."""
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) and isinstance(event.get("at"), (int, float)) else None


class Follower:
    """Reads what has come into a folder since the last look.

    Args:
        folder: of an audit.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[Path, int] = {}

    def look(self) -> list[dict[str, Any]]:
        """The events that are new, in the order of their time; at the first look all there are."""
        found = [event for piece in pieces(self._folder) for event in self._new(piece.path)]
        return sorted(found, key=lambda event: event["at"])

    def _new(self, path: Path) -> Iterator[dict[str, Any]]:
        with path.open("rb") as file:
            file.seek(self._read.get(path, 0))
            for line in file:
                if not line.endswith(b"\n"):
                    return  # it is being written; the next look finds it whole
                self._read[path] = self._read.get(path, 0) + len(line)
                if (event := event_of(line)) is not None:
                    yield event
