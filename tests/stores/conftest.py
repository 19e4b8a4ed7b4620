"""A store on the disk."""

import asyncio
from pathlib import Path

import pytest

from tornado_wssec.stores.sqlite import SqliteStore

from .kit import NOW, PATIENT, revocation


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file of a store with one entry, `a`."""
    path = tmp_path / "store.db"

    async def make() -> None:
        store = SqliteStore(path, timeouts=PATIENT)
        await store.migrate(NOW)
        await store.open()
        await store.append(revocation("a"))
        await store.close()

    asyncio.run(make())
    return path
