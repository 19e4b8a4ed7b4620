"""Lines K11 to K13, K15 and K16 of the attack corpus: nodes over sockets while their Redis server fails."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.kits import GENEROUS, V1, chat_kit
from tests.redis_server import RedisServer
from tests.stores.kit import in_loop
from tests.stores.redis_kit import redis_store
from tests.waiting import until
from tornado_wssec import BearerToken, Ticket, Timeouts
from tornado_wssec.errors import NotAcknowledged, StoreUnavailable
from tornado_wssec.policy.revocations import Kind, make_revocation
from tornado_wssec.settings import TokenRules
from tornado_wssec.testing import GuardKit
from tornado_wssec.testing.clock import NOON

PATIENCE_SECONDS = 30.0


@asynccontextmanager
async def node(server: RedisServer, place: Path) -> AsyncIterator[GuardKit]:
    """A server that keeps its store in Redis, as it does outside of tests; only its clock is turned by hand."""
    store = redis_store(server.url, place, timeouts=Timeouts())
    await store.migrate(NOON)
    async with chat_kit(store=store, limits=GENEROUS, authenticators=[BearerToken(), Ticket()]) as kit:
        following = asyncio.ensure_future(kit.guard.watcher.run())
        yield kit
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def with_ticket(kit: GuardKit, ticket: str) -> int:
    """The status of a handshake with a ticket."""
    _, response = await kit.handshake("/ws", subprotocols=[*V1, f"wssec.ticket.{ticket}"])
    return response.status


@pytest.mark.requirement("R078")
@in_loop
async def test_k16_a_revocation_reaches_every_node(own_redis: RedisServer, tmp_path: Path) -> None:
    """Written by a command, acknowledged by a node, and gone is the socket on either."""
    async with node(own_redis, tmp_path) as first, node(own_redis, tmp_path) as second:
        clients = [await kit.connect("/ws", subject="ann") for kit in (first, second)]
        command = redis_store(own_redis.url, tmp_path)
        await command.open()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                try:
                    await command.append(make_revocation(Kind.SUBJECT, "ann", NOON, rules=TokenRules()))
                    break
                except NotAcknowledged:  # no node has looked yet
                    await asyncio.sleep(0.005)
        await command.close()

        for client in clients:
            await client.assert_closed(4403)


@in_loop
async def test_k16_a_node_revokes_for_itself_and_others(own_redis: RedisServer, tmp_path: Path) -> None:
    """`guard.revoke` is acknowledged by the node itself, which is a live server as any other."""
    async with node(own_redis, tmp_path) as first, node(own_redis, tmp_path) as second:
        clients = [await kit.connect("/ws", subject="ann") for kit in (first, second)]
        await until(lambda: ":applied" in own_redis.ask("KEYS", "*"))
        await first.guard.revoke(subject="ann")

        for client in clients:
            await client.assert_closed(4403)


@in_loop
async def test_k11_down_at_the_start(own_redis: RedisServer, tmp_path: Path) -> None:
    """Nobody comes in, since empty does not mean that nothing is revoked; once the server is there, all is well."""
    store = redis_store(own_redis.url, tmp_path, timeouts=Timeouts())
    await store.migrate(NOON)
    own_redis.stop()
    async with chat_kit(store=store, limits=GENEROUS) as kit:
        answer = await kit.assert_handshake_refused(503, "/ws", token=kit.token())
        own_redis.start()
        await _caught_up(kit)
        await kit.connect("/ws")

        assert int(answer.headers["retry-after"]) >= 1


async def _caught_up(kit: GuardKit) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                await kit.guard.watcher.catch_up()
                return
            except StoreUnavailable:
                await asyncio.sleep(0.005)


@pytest.mark.requirement("R078", "R092")
@pytest.mark.parametrize("fault", ["freeze", "stop"])
@in_loop
async def test_k12_down_midway(own_redis: RedisServer, tmp_path: Path, fault: str) -> None:
    """Tickets get 503, tokens come in by the copy in memory while that is young, live ones stay until it is old."""
    times = Timeouts()
    async with node(own_redis, tmp_path) as kit:
        ticket = await kit.ticket("/ws")
        live = await kit.connect("/ws", subject="bob")
        freeze_or_stop = own_redis.freeze if fault == "freeze" else own_redis.stop
        freeze_or_stop()
        refused = await with_ticket(kit, ticket)
        by_token = await kit.connect("/ws", subject="ann")
        with pytest.raises(StoreUnavailable):
            await kit.guard.watcher.catch_up()
        kit.clock.advance(times.mirror_for_new + 1)
        await kit.assert_handshake_refused(503, "/ws", token=kit.token())
        for client in (live, by_token):
            await client.assert_nothing_received()
        kit.clock.advance(times.mirror_for_live - times.mirror_for_new)
        kit.guard.tick(kit.clock.monotonic)

        assert 503 == refused
        for client in (live, by_token):
            await client.assert_closed(1013)
        if fault == "freeze":
            own_redis.thaw()
        else:
            own_redis.start()
        await _caught_up(kit)
        await kit.connect("/ws")


@in_loop
async def test_k13_a_frozen_server_holds_up_nobody(own_redis: RedisServer, tmp_path: Path) -> None:
    """A hundred handshakes with tickets are all told 503, and those with tokens come in meanwhile."""
    async with node(own_redis, tmp_path) as kit:
        own_redis.freeze()
        tickets = [asyncio.ensure_future(with_ticket(kit, "x" * 43)) for _ in range(100)]
        client = await kit.connect("/ws")
        answers = await asyncio.gather(*tickets)
        own_redis.thaw()

        await client.assert_nothing_received()
        assert {503} == set(answers)


@in_loop
async def test_k15_flushed_fails_closed(own_redis: RedisServer, tmp_path: Path) -> None:
    """Nobody new comes in; who is in stays; what was revoked stays so, also once there is a generation again."""
    async with node(own_redis, tmp_path) as kit:
        live, token = await kit.connect("/ws", subject="bob"), kit.token("ann")
        await until(lambda: ":applied" in own_redis.ask("KEYS", "*"))
        await kit.guard.revoke(subject="ann")
        own_redis.ask("FLUSHALL")
        await until(lambda: not kit.guard.is_ready())
        await kit.assert_handshake_refused(503, "/ws", token=kit.token("cay"))
        await live.assert_nothing_received()
        operator = redis_store(own_redis.url, tmp_path)
        await operator.migrate(NOON)
        await until(kit.guard.is_ready)

        await kit.assert_handshake_refused(401, "/ws", token=token)
        await kit.connect("/ws", subject="cay")
