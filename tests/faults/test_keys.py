"""A key file that cannot be read, is open to others, or is torn: row 9."""

import asyncio
from pathlib import Path

import pytest

from tests.faults.node import environment_of, is_served, make_store, running
from tests.stores.kit import in_loop
from tests.waiting import until

FAULTS = ["torn", "open to others", "gone"]


def spoil(path: Path, fault: str) -> None:
    """Do to the key file what nobody should."""
    if fault == "torn":
        path.write_text(path.read_text()[:100])
    elif fault == "open to others":
        path.chmod(0o644)
    else:
        path.unlink()


@pytest.mark.parametrize("fault", FAULTS)
@in_loop
async def test_key_file_at_the_start(tmp_path: Path, fault: str) -> None:
    """The server does not start, and names the file and the remedy."""
    environment = environment_of(f"sqlite:///{tmp_path}/store.db", tmp_path)
    await make_store(environment)
    spoil(tmp_path / "keys.json", fault)
    async with running(environment, tmp_path, is_served=False) as node:
        assert 0 != await node.process.wait()
        assert "keys.json" in node.log()


@pytest.mark.parametrize("fault", FAULTS)
@in_loop
async def test_key_file_at_a_reload(tmp_path: Path, fault: str) -> None:
    """The keys that were read before stay in force, nobody is disconnected, and one alert says so, and one its end."""
    environment = environment_of(f"sqlite:///{tmp_path}/store.db", tmp_path)
    await make_store(environment)
    path = tmp_path / "keys.json"
    content = path.read_text()
    async with running(environment, tmp_path) as node:
        token = await node.token()
        live = await node.connect(token)
        spoil(path, fault)
        await until(lambda: node.told("ERROR", "the keys read before stay in force") > 0, "the alert")
        await asyncio.sleep(6)  # it is tried again every five seconds
        assert (101, 101) == (await node.status(token), await node.status(await node.token("bob", "s2")))
        assert await is_served(live)
        path.unlink(missing_ok=True)
        path.touch(0o600)
        path.write_text(content)
        await until(lambda: node.told("WARNING", "the key file can be read again") > 0, "its end")

        assert 101 == await node.status(token)
        assert 1 == node.told("ERROR", "the keys read before stay in force")
