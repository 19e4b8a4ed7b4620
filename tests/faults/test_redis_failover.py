"""A failover that loses writes which were acknowledged: row 5."""

from pathlib import Path

from tests.faults.node import environment_of, make_store, running, until_status
from tests.redis_server import Binary, RedisServer, wait_until
from tests.stores.kit import in_loop
from tests.waiting import until

SESSION = "s-of-ann"
PATIENT = {"store_call": 2.0, "store_sync": 5.0}
DURABLE = ("appendonly yes", "appendfsync always")


def _place(folder: Path) -> Path:
    place = folder / "replica"
    place.mkdir()
    return place


@in_loop
async def test_failover_that_loses_an_acknowledged_revocation(redis_binary: Binary, tmp_path: Path) -> None:
    """The replica that takes over has not heard of it; the node that applied it writes it again, for every node."""
    with (
        RedisServer(redis_binary, tmp_path, "repl-timeout 3600") as primary,
        RedisServer(redis_binary, _place(tmp_path), f"replicaof 127.0.0.1 {primary.port}", *DURABLE) as replica,
        RedisServer.sentinel(redis_binary, tmp_path, primary, "chat") as sentinel,
    ):
        wait_until(lambda: "state=online" in primary.ask("INFO", "replication"), "the replica to be in step")
        wait_until(lambda: "slaves=1" in sentinel.ask("INFO", "sentinel"), "the Sentinel to know the replica")
        environment = environment_of(f"redis+sentinel://127.0.0.1:{sentinel.port}/chat", tmp_path)
        await make_store(environment)
        async with running(environment, tmp_path, timeouts=PATIENT) as node:
            token, other = await node.token("ann", SESSION), await node.token("bob", "s2")
            await until_status(node, 101, token)
            live, stays = await node.connect(token), await node.connect(other)
            replica.freeze()
            assert "acknowledged" == await node.ask("revoke", "session", SESSION)  # this node has applied it
            await live.assert_closed(4403)
            primary.stop()
            replica.stop()  # with what the primary had sent it and it had not read
            replica.start()
            assert ":0" in replica.ask("XLEN", "{wssec}:log")
            await until(lambda: "role:master" in replica.ask("INFO", "replication"), "the replica to take over")
            await until(lambda: ":1" in replica.ask("XLEN", "{wssec}:log"), "the node to write it again")

            assert 401 == await node.status(token)
            await until_status(node, 101, other)
            await stays.assert_nothing_received()
            assert 1 == node.told("ERROR", "the store has lost 1 entries of the log of revocations")
            assert 1 == node.told("WARNING", "1 lost entries of the log of revocations have been written again")
            async with running(environment, tmp_path, timeouts=PATIENT) as unaware:
                await until_status(unaware, 101, other)
                assert 401 == await unaware.status(token)
