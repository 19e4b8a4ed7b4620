"""What is in a truth file: ours and sound, or refused and left as it is."""

import os
import time
import traceback
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tornado_wssec.errors import StoreCorrupt, StoreMissing
from tornado_wssec.policy.revocation_entries import dump_body
from tornado_wssec.stores.base import Generation
from tornado_wssec.stores.sqlite import SqliteStore
from tornado_wssec.stores.sqlite_file import SqliteFile
from tornado_wssec.stores.sqlite_schema import TRUTH

from .kit import NOW, PATIENT, in_loop, keep, names_of, opened, revocation, whole_log
from .sqlite_kit import content, elsewhere, open_error


@in_loop
async def test_sqlite_never_touches_a_foreign_database(tmp_path: Path) -> None:
    """Neither opening nor migrating writes to a database of something else."""
    path = tmp_path / "foreign.db"
    with elsewhere(path) as foreign:
        foreign.execute("CREATE TABLE users (name TEXT)")
    path.chmod(0o600)

    assert "is a database of something else; it was not touched" in await open_error(path)
    before = content(path)
    with pytest.raises(StoreCorrupt, match="something else"):
        await SqliteStore(path, timeouts=PATIENT).migrate(NOW)
    assert before == content(path)
    assert ["foreign.db"] == os.listdir(tmp_path)


@pytest.mark.parametrize("content", [b"Dear reader, " * 1000, bytes(8192), b"SQLite format 3\0" + b"\xff" * 8000])
@in_loop
async def test_sqlite_refuses_a_corrupt_header(tmp_path: Path, content: bytes) -> None:
    """What is no database stays as it is; the remedy names a backup and `wssec store migrate`."""
    path = tmp_path / "store.db"
    path.write_bytes(content)
    path.chmod(0o600)
    fault = await open_error(path)
    with pytest.raises(StoreCorrupt):
        await SqliteStore(path, timeouts=PATIENT).migrate(NOW)

    assert (
        "never recreated by itself: put a backup in its place, or move it away and run `wssec store migrate`" in fault
    )
    assert content == path.read_bytes()


@in_loop
async def test_sqlite_refuses_a_file_cut_short(path: Path) -> None:
    """Half a store is damage, not an empty store."""
    os.truncate(path, len(content(path)) // 2)

    assert "is damaged" in await open_error(path)


@in_loop
async def test_sqlite_takes_an_empty_file_for_none(path: Path) -> None:
    """Zero bytes are what a crash in the making leaves: an operator migrates, a server does not."""
    os.truncate(path, 0)
    store = SqliteStore(path, timeouts=PATIENT)
    with pytest.raises(StoreMissing, match="holds no store; run `wssec init` or `wssec store migrate`"):
        await store.open()

    assert b"" == content(path)
    assert await store.migrate(NOW)
    await store.open()
    assert [] == await whole_log(store)
    await store.close()


@in_loop
async def test_sqlite_without_a_generation_is_missing(path: Path) -> None:
    """Tables alone are no store; migrating gives it a new generation and keeps the log."""
    with elsewhere(path) as other:
        other.execute("DELETE FROM generation")
    store = SqliteStore(path, timeouts=PATIENT)
    with pytest.raises(StoreMissing, match="holds no generation; run `wssec store migrate`"):
        await store.open()

    assert await store.migrate(NOW + 60)
    await store.open()
    assert [revocation("a")] == await whole_log(store)
    await store.close()


@in_loop
async def test_sqlite_of_a_newer_release_is_refused(path: Path) -> None:
    """An older release would not know what it must not forget."""
    with elsewhere(path) as other:
        other.execute("PRAGMA user_version = 99")

    knows = f"this release knows {len(TRUTH.migrations)}"
    assert f"tables of version 99; {knows}; upgrade tornado_wssec" in await open_error(path)
    with pytest.raises(StoreCorrupt, match="version 99"):
        await SqliteStore(path, timeouts=PATIENT).migrate(NOW)


@in_loop
async def test_sqlite_of_an_older_release_is_brought_up_to_date(tmp_path: Path) -> None:
    """A server refuses it and names the command, which keeps the generation and the log and adds what is new."""
    path = tmp_path / "store.db"
    entry = dump_body(revocation("a"))
    with closing(SqliteFile(path, replace(TRUTH, migrations=TRUTH.migrations[:1]))) as older:
        older.deadline = time.monotonic() + 30
        older.migrate()
        with older.writing() as database:
            database.execute("INSERT INTO generation VALUES (1, 'first', ?)", (NOW,))
            database.execute("INSERT INTO revocation_log (class, id, body) VALUES ('revocation', 'a', ?)", (entry,))
    store = SqliteStore(path, timeouts=PATIENT)
    with pytest.raises(StoreMissing, match="has tables of version 1, not 2; run `wssec store migrate`"):
        await store.open()

    assert [True, False] == [await store.migrate(NOW + 60) for _ in range(2)]
    async with opened(store):
        assert await keep(store, "ak1")
        assert (Generation("first", NOW), ["ak1"]) == (await store.generation(), await names_of(store))
        assert [revocation("a")] == await whole_log(store)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE credential_record SET name = CAST('sorcery' AS BLOB)",
        "UPDATE credential_record SET payload = CAST('sorcery' AS BLOB)",
        "UPDATE credential_record SET name = 'sor cery'",
    ],
)
@in_loop
async def test_sqlite_refuses_a_record_that_is_none_of_ours(path: Path, statement: str) -> None:
    """Bytes where a text belongs are not handed to whoever reads credentials, nor told."""
    async with opened(SqliteStore(path, timeouts=PATIENT)) as store:
        await keep(store, "ak1")
        with elsewhere(path) as other:
            other.execute(statement)
        with pytest.raises(StoreCorrupt, match="holds a record that is none of ours") as caught:
            await names_of(store)

    assert "sorcery" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE revocation_log SET body = 'not JSON'",
        "UPDATE revocation_log SET body = x'00ff'",
        "UPDATE revocation_log SET body = CAST(x'ff' AS TEXT) || 'sorcery'",
        "UPDATE sqlite_sequence SET seq = 'sorcery'",
        'UPDATE revocation_log SET body = \'{"class":"revocation"}\'',
        "UPDATE revocation_log SET body = replace(body, 'token', 'sorcery')",
        "DROP TABLE revocation_log",
    ],
)
@in_loop
async def test_sqlite_refuses_an_entry_that_is_none_of_ours(path: Path, statement: str) -> None:
    """A log that cannot be read in full is damage: to skip an entry would lift a revocation."""
    with elsewhere(path) as other:
        other.execute(statement)
    store = SqliteStore(path, timeouts=PATIENT)
    await store.open()
    with pytest.raises(StoreCorrupt, match=r"none of ours|is damaged|holds a str") as caught:
        await store.read_after(None, 10)
    await store.close()

    assert "sorcery" not in "".join(traceback.format_exception(caught.value))


@in_loop
async def test_sqlite_refuses_keys_and_generations_that_are_none(path: Path) -> None:
    """A value of another type is not ours."""
    store = SqliteStore(path, timeouts=PATIENT)
    await store.open()
    with elsewhere(path) as other:
        other.execute("INSERT INTO published_keys VALUES (1, x'00')")
        other.execute("UPDATE generation SET made_at = 'yesterday'")
    with pytest.raises(StoreCorrupt, match="holds a bytes where a str belongs"):
        await store.published_keys()
    with pytest.raises(StoreCorrupt, match="holds a str where a float belongs"):
        await store.generation()
    await store.close()


@in_loop
async def test_sqlite_turns_a_wal_database_back(path: Path) -> None:
    """Somebody's `PRAGMA journal_mode = WAL` would expose it to the bug of versions before 3.51.3."""
    with elsewhere(path) as other:
        other.execute("PRAGMA journal_mode = WAL")
    store = SqliteStore(path, timeouts=PATIENT)
    await store.open()
    await store.append(revocation("b"))
    await store.close()

    with elsewhere(path) as other:
        assert ("delete",) == other.execute("PRAGMA journal_mode").fetchone()  # what a file of no mode of its own says
