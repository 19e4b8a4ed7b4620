"""SQLite locked, read-only or damaged: row 7, attack line K17."""

import sqlite3
import tempfile
import time
from pathlib import Path

import pytest

from tests.attacks.test_k_sqlite import locked, read_only
from tests.faults.node import HASTE, environment_of, is_served, make_store, running, until_status
from tests.kits import GENEROUS, chat_kit
from tests.stores.kit import PATIENT, in_loop
from tornado_wssec import BearerToken, NotReady, StoreError, Ticket
from tornado_wssec.stores.sqlite import SqliteStore


async def deployed(folder: Path) -> tuple[dict[str, str], Path]:
    """The environment of a node, and the file of its store."""
    path = folder / "store.db"
    environment = environment_of(f"sqlite:///{path}", folder)
    await make_store(environment)
    return environment, path


@in_loop
async def test_locked(tmp_path: Path) -> None:
    """A bounded wait and then 503 for what asks the store, tokens by the copy; then as a store that is out of reach."""
    environment, path = await deployed(tmp_path)
    async with running(environment, tmp_path, timeouts={**HASTE, "mirror_for_live": 12.0}) as node:
        token, ticket = await node.token(), await node.ask("ticket", "ann")
        live = await node.connect(token)
        with locked(path), locked(path.with_name("store.db-shortlived")):
            started = time.monotonic()
            assert 503 == await node.status(ticket=ticket)
            assert time.monotonic() - started < 8 * HASTE["store_call"]  # its budget, and a busy machine
            assert 101 == await node.status(token)
            assert "StoreUnavailable" == await node.ask("revoke", "subject", "bob")
            await until_status(node, 503, token)
            assert await is_served(live)
            await live.assert_closed(1013)
        await until_status(node, 101, token)

        assert "acknowledged" == await node.ask("revoke", "subject", "ann")
        assert 401 == await node.status(token)
        assert 1 == node.told("ERROR", "store.db is locked by another process; see who has it open")


@pytest.mark.parametrize("offset", [0, 100])
@in_loop
async def test_damaged_at_the_start(tmp_path: Path, offset: int) -> None:
    """It does not start, says why and what to do, and leaves every byte as it is."""
    environment, path = await deployed(tmp_path)
    content = bytearray(path.read_bytes())
    content[offset : offset + 60] = b"\xa5" * 60
    path.write_bytes(content)
    async with running(environment, tmp_path, is_served=False) as node:
        code = await node.process.wait()

        assert 0 != code
        assert "store.db is damaged or no store of ours" in node.log()
        assert "it is never recreated by itself: put a backup in its place" in node.log()
        assert bytes(content) == path.read_bytes()


@in_loop
async def test_damaged_midway(tmp_path: Path) -> None:
    """Nobody new once the copy is too old; nothing is written over it; with a backup in its place all is well."""
    environment, path = await deployed(tmp_path)
    async with running(environment, tmp_path, timeouts=HASTE) as node:
        token, other = await node.token("ann"), await node.token("bob", "s2")
        live = await node.connect(other)
        assert "acknowledged" == await node.ask("revoke", "subject", "ann")
        backup = path.read_bytes()
        damaged = path.with_name("damaged")
        damaged.write_bytes(b"\xa5" * len(backup))
        damaged.chmod(0o600)
        damaged.rename(path)
        await until_status(node, 503, other)
        assert await is_served(live)
        assert b"\xa5" * len(backup) == path.read_bytes()
        damaged.write_bytes(backup)
        damaged.chmod(0o600)
        damaged.rename(path)
        await until_status(node, 101, other)

        assert 401 == await node.status(token)


@in_loop
async def test_older_backup_gets_what_it_lacks(tmp_path: Path) -> None:
    """A backup from before a revocation takes nobody's revocation back: the node writes it again."""
    environment, path = await deployed(tmp_path)
    older = path.read_bytes()
    async with running(environment, tmp_path) as node:
        token, other = await node.token("ann"), await node.token("bob", "s2")
        assert "acknowledged" == await node.ask("revoke", "subject", "ann")
        restored = path.with_name("restored")
        restored.write_bytes(older)
        restored.chmod(0o600)
        restored.rename(path)
        async with running(environment, tmp_path) as unaware:
            await until_status(unaware, 401, token)
            assert 101 == await unaware.status(other)
        assert 401 == await node.status(token)
        assert 1 == node.told("ERROR", "the store has lost 1 entries of the log of revocations")
    with sqlite3.connect(path) as database:
        assert [(1,)] == database.execute("SELECT count(*) FROM revocation_log").fetchall()
    database.close()


def test_read_only() -> None:
    """What is revoked is known, so tokens come in; what must be written gets 503, and no revocation counts as made."""

    @in_loop
    async def played(path: Path) -> None:
        store = SqliteStore(path, timeouts=PATIENT)
        with read_only(path.parent):
            async with chat_kit(store=store, limits=GENEROUS, authenticators=[BearerToken(), Ticket()]) as kit:
                await kit.connect("/ws")
                with pytest.raises(NotReady, match="no ticket could be kept"):
                    await kit.ticket("/ws")
                with pytest.raises(StoreError, match="read-only"):
                    await kit.guard.revoke(subject="ann")

    with tempfile.TemporaryDirectory() as name:  # pytest's own directories let only us in
        Path(name).chmod(0o755)

        @in_loop
        async def made() -> None:
            await SqliteStore(Path(name, "store.db"), timeouts=PATIENT).migrate(1_700_000_000.0)

        made()
        played(Path(name, "store.db"))
