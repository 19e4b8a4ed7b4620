"""Redis flushed, evicted, or another database in its place: row 4, attack line K15."""

from pathlib import Path

import pytest

from tests.faults.node import Node, environment_of, is_served, make_store, running, until_status
from tests.redis_server import RedisServer
from tests.stores.kit import in_loop
from tests.waiting import until

SESSION = "s-of-ann"


def log_length(server: RedisServer) -> int:
    """Entries in the log, as the server counts them."""
    return int(server.ask("XLEN", "{wssec}:log").strip(":\r\n") or 0)


async def revoked_and_lost(node: Node, server: RedisServer, *loss: tuple[str, ...]) -> None:
    """Somebody is in, somebody is revoked, and then the server loses what it had."""
    token, other = await node.token("ann", SESSION), await node.token("bob", "s2")
    await until_status(node, 101, token)
    live = await node.connect(other)
    assert "acknowledged" == await node.ask("revoke", "session", SESSION)
    for words in loss:
        server.ask(*words)
    await until_status(node, 503, other)
    assert await is_served(live)
    assert 503 == await node.status(token)
    await live.close()


@pytest.mark.parametrize("loss", [("FLUSHALL",), ("SWAPDB", "0", "1"), ("DEL", "{wssec}:generation")], ids=" ".join)
@in_loop
async def test_lost(own_redis: RedisServer, tmp_path: Path, loss: tuple[str, ...]) -> None:
    """503 until somebody makes it anew; who is in stays; what is known here is written to it again, for every node."""
    environment = environment_of(own_redis.url, tmp_path)
    await make_store(environment)
    async with running(environment, tmp_path) as node:
        await revoked_and_lost(node, own_redis, loss)
        await make_store(environment)  # as `wssec store migrate` does
        await until(lambda: log_length(own_redis) == 1, "the node to write again what it knows")
        fresh = await node.token("bob", "s3")
        await until_status(node, 101, fresh)
        assert 401 == await node.status(await node.token("ann", SESSION))
        assert 1 == node.told("ERROR", "has lost its generation")
        assert 1 == node.told("WARNING", "the store has a generation")
    async with running(environment, tmp_path) as unaware:
        assert 401 == await unaware.status(await unaware.token("ann", SESSION))


@in_loop
async def test_log_evicted(own_redis: RedisServer, tmp_path: Path) -> None:
    """The generation is there and the log is not: a node that starts does not take that for "nothing is revoked"."""
    environment = environment_of(own_redis.url, tmp_path)
    await make_store(environment)
    async with running(environment, tmp_path) as node:
        token = await node.token("ann", SESSION)
        await until_status(node, 101, token)
        assert "acknowledged" == await node.ask("revoke", "session", SESSION)
    own_redis.ask("DEL", "{wssec}:log")
    async with running(environment, tmp_path, is_ready=False) as unaware:
        assert 503 == await unaware.status(token)


@in_loop
async def test_log_evicted_is_mended_by_who_knows(own_redis: RedisServer, tmp_path: Path) -> None:
    """A node that runs writes the log again, and then every node is ready."""
    environment = environment_of(own_redis.url, tmp_path)
    await make_store(environment)
    async with running(environment, tmp_path) as node:
        token, other = await node.token("ann", SESSION), await node.token("bob", "s2")
        await until_status(node, 101, token)
        assert "acknowledged" == await node.ask("revoke", "session", SESSION)
        own_redis.ask("DEL", "{wssec}:log")
        await until(lambda: log_length(own_redis) == 1, "the node to write again what it knows")
        await until_status(node, 101, other)
        async with running(environment, tmp_path) as unaware:
            await until_status(unaware, 101, other)
            assert 401 == await unaware.status(token)
