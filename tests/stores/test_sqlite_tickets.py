"""The second file, with what is short-lived."""

import asyncio
from pathlib import Path

import pytest

from tornado_wssec.errors import StoreCorrupt, StoreUnavailable
from tornado_wssec.policy.digests import digest_of
from tornado_wssec.settings import Timeouts
from tornado_wssec.stores.sqlite import SqliteStore

from .kit import PATIENT, in_loop, opened, put, take
from .sqlite_kit import elsewhere, mode_of


@in_loop
async def test_sqlite_makes_the_second_file_with_the_first_ticket(path: Path) -> None:
    """Opening makes nothing, nor does looking for a ticket."""
    store = SqliteStore(path, timeouts=PATIENT)
    second = path.with_name("store.db-shortlived")
    await store.open()
    absent = [await take(store, "t"), second.exists()]
    await put(store, "t")
    await store.close()

    assert [None, False] == absent
    assert "600" == mode_of(second)


@in_loop
async def test_sqlite_outlives_the_loss_of_the_second_file(path: Path) -> None:
    """Deleted while in use, it takes its tickets along; the next one makes it anew."""
    store = SqliteStore(path, timeouts=PATIENT)
    second = path.with_name("store.db-shortlived")
    await store.open()
    await put(store, "lost")
    second.unlink()
    lost = await take(store, "lost")
    await put(store, "new")

    assert (None, "payload of new") == (lost, await take(store, "new"))
    await store.close()


@in_loop
async def test_sqlite_fills_a_second_file_left_empty(path: Path) -> None:
    """A crash between its making and its tables must not lock everybody out."""
    path.with_name("store.db-shortlived").touch(0o600)
    store = SqliteStore(path, timeouts=PATIENT)
    await store.open()

    assert None is await take(store, "t")
    assert await put(store, "t")
    assert "payload of t" == await take(store, "t")
    await store.close()


@in_loop
async def test_sqlite_gives_no_ticket_out_before_the_commit(path: Path) -> None:
    """Of many taken in one transaction that fails, none was given out, and all are there."""
    store = SqliteStore(path, timeouts=PATIENT)
    await store.open()
    for number in range(5):
        await put(store, f"t{number}")
    brisk = SqliteStore(path, timeouts=Timeouts(store_call=1.0))
    await brisk.open()
    with elsewhere(path.with_name("store.db-shortlived")) as other:
        other.execute("BEGIN")
        other.execute("SELECT * FROM ticket").fetchone()  # a reader: a commit must wait for it
        failed = await asyncio.gather(*(take(brisk, f"t{number}") for number in range(5)), return_exceptions=True)
    await brisk.close()
    found = await asyncio.gather(*(take(store, f"t{number}") for number in range(5)))
    await store.close()

    assert [StoreUnavailable] * 5 == [type(error) for error in failed]
    assert [f"payload of t{number}" for number in range(5)] == found


@in_loop
async def test_sqlite_spoils_no_neighbours_ticket(path: Path) -> None:
    """Of tickets taken at once, the one that is none of ours fails alone."""
    store = SqliteStore(path, timeouts=PATIENT)
    await store.open()
    await put(store, "good")
    await put(store, "bad")
    with elsewhere(path.with_name("store.db-shortlived")) as other:
        other.execute("UPDATE ticket SET payload = x'00' WHERE digest = ?", (digest_of("bad"),))
    good, bad, absent = await asyncio.gather(
        *(take(store, name) for name in ("good", "bad", "absent")), return_exceptions=True
    )
    await store.close()

    assert ("payload of good", StoreCorrupt, None) == (good, type(bad), absent)


@pytest.mark.parametrize("damage", ["header", "page"])
@in_loop
async def test_sqlite_refuses_a_damaged_second_file(path: Path, damage: str) -> None:
    """It is looked through when the store is opened; the remedy is to delete it, since nothing in it lasts."""
    store = SqliteStore(path, timeouts=PATIENT)
    second = path.with_name("store.db-shortlived")
    await store.open()
    for number in range(50):
        await put(store, f"t{number}", payload="x" * 1000, most=100)
    await store.close()
    with second.open("r+b") as file:
        file.seek(0 if damage == "header" else 3 * 4096)
        file.write(b"\xa5" * 4096)

    with pytest.raises(StoreCorrupt, match=r"store.db-shortlived is damaged.*stop the servers and delete it"):
        await store.open()


@in_loop
async def test_sqlite_refuses_a_ticket_that_is_none_of_ours(path: Path) -> None:
    """A row of other types is damage, and is spent."""
    store = SqliteStore(path, timeouts=PATIENT)
    await store.open()
    await put(store, "t")
    with elsewhere(path.with_name("store.db-shortlived")) as other:
        other.execute("UPDATE ticket SET payload = x'00'")
    with pytest.raises(StoreCorrupt, match="a ticket that is none of ours"):
        await take(store, "t")

    assert None is await take(store, "t")
    await store.close()


@in_loop
async def test_sqlite_tickets_end_with_the_truth(path: Path) -> None:
    """Where the first file is lost and made anew, what was revoked is not known: no ticket from before opens a door."""
    async with opened(SqliteStore(path, timeouts=PATIENT)) as store:
        await put(store, "old")
    truth = path.with_name("store.db")
    truth.unlink()
    async with opened(SqliteStore(path, timeouts=PATIENT)) as store:
        old = await take(store, "old")
        await put(store, "new")
    async with opened(SqliteStore(path, timeouts=PATIENT)) as store:  # migrates once more, and nothing is new
        assert (None, "payload of new") == (old, await take(store, "new"))
