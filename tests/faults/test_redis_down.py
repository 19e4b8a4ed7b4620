"""Redis down, at the start and midway: rows 1 and 2, attack lines K11 and K12."""

import asyncio
import signal
import time
from pathlib import Path

from tests.faults.node import HASTE, environment_of, is_served, is_served_alone, make_store, running, until_status
from tests.redis_server import RedisServer
from tests.stores.kit import in_loop
from tornado_wssec.policy.revocation_entries import dump_body
from tornado_wssec.policy.revocations import Kind, make_revocation
from tornado_wssec.settings import Timeouts, TokenRules

STRICT = {"mirror_for_new": 0.0, "mirror_for_live": 0.0, "store_call": 1.0}


@in_loop
async def test_down_at_the_start(own_redis: RedisServer, tmp_path: Path) -> None:
    """503 with a date to return, not ready, but alive; once it is there, load and be ready: who is revoked stays so."""
    environment = environment_of(own_redis.url, tmp_path)
    await make_store(environment)
    async with running(environment, tmp_path) as earlier:
        token = await earlier.token("ann")
        await until_status(earlier, 101, token)
        assert "acknowledged" == await earlier.ask("revoke", "subject", "ann")
    own_redis.stop()
    async with running(environment, tmp_path, is_ready=False) as node:
        other = await node.token("bob", "s2")
        socket, response = await node.handshake(other)
        await socket.close()
        assert (503, True) == (response.status, int(response.headers["retry-after"]) >= 1)
        assert (200, 503) == (await node.get("/wssec/live"), await node.get("/wssec/ready"))
        own_redis.start()
        await until_status(node, 101, other)

        assert 401 == await node.status(token)
        assert 200 == await node.get("/wssec/ready")
        assert 1 == node.told("ERROR", "the store does not answer")
        assert 1 == node.told("WARNING", "the store answers again")


@in_loop
async def test_killed_midway(own_redis: RedisServer, tmp_path: Path) -> None:
    """Tickets 503 at once, tokens by the copy while it is young, live ones until the grace is over: 1013; one alert."""
    environment = environment_of(own_redis.url, tmp_path)
    await make_store(environment)
    async with running(environment, tmp_path, timeouts=HASTE) as node:
        token = await node.token()
        await until_status(node, 101, token)
        live = await node.connect(token)
        ticket = await node.ask("ticket", "ann")
        own_redis.stop()
        assert 503 == await node.status(ticket=ticket)
        assert 101 == await node.status(token)
        await until_status(node, 503, token)
        assert await is_served_alone(live)
        assert "store too stale" == await live.assert_closed(1013)
        assert 503 == await node.get("/wssec/ready")
        own_redis.start()
        await until_status(node, 101, token)

        assert 1 == node.told("ERROR", "the store does not answer")
        assert 1 == node.told("WARNING", "the store answers again")


@in_loop
async def test_revoked_meanwhile_is_never_accepted_again(own_redis: RedisServer, tmp_path: Path) -> None:
    """What another node is told while this one is cut off is known here before anybody new comes in."""
    environment = environment_of(own_redis.url, tmp_path)
    await make_store(environment)
    async with (
        running(environment, tmp_path, timeouts=HASTE) as node,
        running(environment, tmp_path, timeouts=HASTE) as other,
    ):
        token = await node.token("ann")
        for each in (node, other):
            await until_status(each, 101, token)
        live = await node.connect(token)
        node.process.send_signal(signal.SIGSTOP)  # it misses whatever is said now
        assert "acknowledged" == await other.ask("revoke", "subject", "ann")
        node.process.send_signal(signal.SIGCONT)
        await live.assert_closed(4403)

        for each in (node, other):
            await until_status(each, 401, token, never=101)


@in_loop
async def test_strict_has_no_grace(own_redis: RedisServer, tmp_path: Path) -> None:
    """Each newcomer has the store asked, so none comes in without it; who is in goes with the first look missed."""
    environment = environment_of(own_redis.url, tmp_path)
    await make_store(environment)
    async with running(environment, tmp_path, timeouts=STRICT) as node:
        token = await node.token()
        await until_status(node, 101, token)
        live = await node.connect(token)
        await asyncio.sleep(3)
        assert await is_served(live)
        own_redis.stop()
        assert 503 == await node.status(token)
        await live.assert_closed(1013)
        own_redis.start()
        await until_status(node, 101, token)


@in_loop
async def test_strict_newcomer_meets_every_revocation(own_redis: RedisServer, tmp_path: Path) -> None:
    """One of which the node has been told nothing, since no signal was sent, is found by asking."""
    environment = environment_of(own_redis.url, tmp_path)
    await make_store(environment)
    async with running(environment, tmp_path, timeouts=STRICT) as node:
        tokens = [await node.token(f"u{number}", f"s{number}") for number in range(10)]
        await until_status(node, 101, tokens[0])
        for number, token in enumerate(tokens):
            entry = make_revocation(Kind.SUBJECT, f"u{number}", time.time(), rules=TokenRules())
            place = own_redis.ask("XADD", "{wssec}:log", "*", "body", dump_body(entry)).split()[1]
            own_redis.ask("HSET", "{wssec}:log-places", f"revocation:{entry.id}", place)
            assert 401 == await node.status(token)


def test_strict_is_one_word() -> None:
    """And shows in what `wssec check` lists as changed."""
    assert {"mirror_for_new", "mirror_for_live"} == set(Timeouts.strict().changed())
    assert {"tick"} == Timeouts.strict(tick=0.5).changed().keys() - Timeouts.strict().changed().keys()
