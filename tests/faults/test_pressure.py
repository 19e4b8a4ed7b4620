"""The event loop that stands still, and memory that runs out: rows 12 and 14."""

import time
from pathlib import Path

from tests.faults.node import environment_of, is_served, make_store, running, until_status
from tests.stores.kit import in_loop

STALL = 8
SHORT = {"ping_interval": 1.0, "pong": 5.0, "mirror_for_new": 6.0, "mirror_for_live": 6.0}
"""Shorter than the stall, and long enough for twenty clients of whom only one is read at a time."""


@in_loop
async def test_loop_stalled(tmp_path: Path) -> None:
    """Blocked for seconds: nobody is disconnected, who comes right after it gets 503, and one alert says why."""
    environment = environment_of(f"sqlite:///{tmp_path}/store.db", tmp_path)
    await make_store(environment)
    async with running(environment, tmp_path, timeouts=SHORT) as node:
        token = await node.token()
        lives = [await node.connect(await node.token(f"u{number}", f"s{number}")) for number in range(20)]
        started = time.monotonic()
        await node.ask("block", STALL)
        status = await node.status(token)
        assert time.monotonic() - started >= STALL
        assert {True} == {await is_served(live) for live in lives}
        assert 503 == status
        await until_status(node, 101, token)

        assert 1 == node.told("ERROR", "the event loop stood still for")


@in_loop
async def test_memory_short(tmp_path: Path) -> None:
    """From nine tenths on newcomers get 503, who is in stays; and they come in again once there is memory."""
    environment = environment_of(f"sqlite:///{tmp_path}/store.db", tmp_path)
    await make_store(environment)
    async with running(environment, tmp_path, limits={"memory_bytes": 400 * 2**20}) as node:
        token = await node.token()
        live = await node.connect(token)
        await node.ask("hold", 350)
        await until_status(node, 503, token)
        assert await is_served(live)
        await node.ask("hold", 0)
        await until_status(node, 101, token)

        assert await is_served(live)
        assert 1 == node.told("ERROR", "of memory are in use: nobody new comes in")
        assert 1 == node.told("WARNING", "there is memory again")
