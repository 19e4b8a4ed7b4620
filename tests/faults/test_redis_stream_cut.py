"""The read of the log is cut, delayed, or never told that there is something: row 6, attack line K16."""

import time
from contextlib import suppress
from pathlib import Path

from tests.faults.cut import wire_to
from tests.faults.node import Node, environment_of, make_store, running, until_status
from tests.redis_server import RedisServer
from tests.stores.kit import in_loop
from tornado_wssec.errors import NotAcknowledged
from tornado_wssec.policy.revocation_entries import dump_body
from tornado_wssec.policy.revocations import Kind, make_revocation
from tornado_wssec.settings import Timeouts, TokenRules
from tornado_wssec.stores.url import open_store
from tornado_wssec.testing import Client

PEOPLE = 40


async def crowd(node: Node) -> list[Client]:
    """Somebody for each revocation."""
    clients = []
    for number in range(PEOPLE):
        token = await node.token(f"u{number}", f"s{number}")
        if not number:
            await until_status(node, 101, token)
        clients.append(await node.connect(token))
    return clients


@in_loop
async def test_cut_again_and_again(own_redis: RedisServer, tmp_path: Path) -> None:
    """The wire is cut behind every revocation: none is missed, and all are known a second after it holds."""
    environment = environment_of(own_redis.url, tmp_path)
    await make_store(environment)
    async with wire_to(own_redis.port) as wire:
        environment["WSSEC_STORE"] = f"redis://127.0.0.1:{wire.port}"
        async with running(environment, tmp_path) as node:
            clients = await crowd(node)
            store = open_store(own_redis.url, timeouts=Timeouts(store_call=30.0, store_sync=0.05))
            await store.open()
            for number in range(PEOPLE):
                entry = make_revocation(Kind.SUBJECT, f"u{number}", time.time(), rules=TokenRules())
                wire.cut()
                with suppress(NotAcknowledged):  # it is written; whether the node has it is what is tested
                    await store.append(entry)
            await store.close()
            cut_at = time.monotonic()
            for client in clients:
                await client.assert_closed(4403)

            assert time.monotonic() - cut_at < 5.0  # a second, and a busy machine


@in_loop
async def test_all_signals_dropped(own_redis: RedisServer, tmp_path: Path) -> None:
    """An entry that wakes nobody is found by the next look, within a second and a bit."""
    environment = environment_of(own_redis.url, tmp_path)
    await make_store(environment)
    async with running(environment, tmp_path) as node:
        token = await node.token("ann")
        await until_status(node, 101, token)
        live = await node.connect(token)
        entry = make_revocation(Kind.SUBJECT, "ann", time.time(), rules=TokenRules())
        place = own_redis.ask("XADD", "{wssec}:log", "*", "body", dump_body(entry)).split()[1]
        own_redis.ask("HSET", "{wssec}:log-places", f"revocation:{entry.id}", place)
        written_at = time.monotonic()
        await live.assert_closed(4403)

        assert time.monotonic() - written_at < 5.0
        assert 401 == await node.status(token)


@in_loop
async def test_an_entry_that_comes_twice_is_one(own_redis: RedisServer, tmp_path: Path) -> None:
    """As when a read is repeated: nobody else is touched, and nothing is lost."""
    environment = environment_of(own_redis.url, tmp_path)
    await make_store(environment)
    async with running(environment, tmp_path) as node:
        token, revoked = await node.token("bob"), await node.token("ann")
        await until_status(node, 101, token)
        entry = make_revocation(Kind.SUBJECT, "ann", time.time(), rules=TokenRules())
        for _ in range(2):
            own_redis.ask("XADD", "{wssec}:log", "*", "body", dump_body(entry))
            own_redis.ask("XADD", "{wssec}:changes", "MAXLEN", "1", "*", "appended", "1")
        live = await node.connect(token)
        await live.assert_nothing_received()
        await until_status(node, 401, revoked)
        assert 101 == await node.status(token)
