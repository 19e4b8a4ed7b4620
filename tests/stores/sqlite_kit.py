"""What tests of SQLite files have in common."""

import contextlib
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tornado_wssec.errors import StoreCorrupt
from tornado_wssec.stores.sqlite import SqliteStore

from .kit import PATIENT


@contextlib.contextmanager
def elsewhere(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection of somebody else's to the same file."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


def sqlite_remains(path: Path) -> list[str]:
    """What the directory keeps of its first node."""
    with elsewhere(path) as database:
        found = database.execute("SELECT name FROM node WHERE name = 'n1' UNION SELECT connection FROM live")
        return [name for (name,) in found]


def content(path: Path) -> bytes:
    """What is in the file."""
    return path.read_bytes()


async def open_error(path: Path) -> str:
    """What opening says. It must leave the file as it was."""
    before = content(path)
    with pytest.raises(StoreCorrupt) as caught:
        await SqliteStore(path, timeouts=PATIENT).open()
    assert before == content(path)
    return str(caught.value)


def mode_of(path: Path) -> str:
    """The permission bits."""
    return f"{stat.S_IMODE(path.stat().st_mode):o}"
