"""Connections to the one server: none stays open, whenever it is that nobody waits any more."""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from redis import asyncio as aioredis

from tests.redis_server import Binary, RedisServer
from tests.waiting import until
from tornado_wssec.stores.redis_primary import Lane, Primary, find_primary, send
from tornado_wssec.stores.redis_url import parse_redis_url

from .kit import in_loop

PATIENCE_SECONDS = 5.0


@pytest.fixture
def pools(monkeypatch: pytest.MonkeyPatch) -> "asyncio.Queue[Any]":
    """Each pool that begins to be closed. Whoever has it keeps it: what nobody has is closed without us."""
    begun: asyncio.Queue[Any] = asyncio.Queue()
    close = aioredis.ConnectionPool.disconnect

    async def noted(pool: Any) -> None:
        begun.put_nowait(pool)
        await close(pool)

    monkeypatch.setattr(aioredis.ConnectionPool, "disconnect", noted)
    return begun


async def cancelled_as_it_closes(work: Awaitable[Any], pools: "asyncio.Queue[Any]") -> Any:
    """Let it begin to close a pool, wait for it no more, and return the pool."""
    task = asyncio.ensure_future(work)
    pool = await pools.get()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert task.cancelled()
    return pool


async def assert_nobody_is_at(server: RedisServer) -> None:
    """Claim that whoever asks now is the only one there."""
    await until(lambda: server.ask("CLIENT", "LIST").count(" addr=") == 1)


@in_loop
async def test_redis_primary_cancelled_as_it_closes_is_closed(
    own_redis: RedisServer, pools: "asyncio.Queue[Any]"
) -> None:
    """The connections of every lane, not of the first one alone."""
    primary = Primary(parse_redis_url(own_redis.url), ("127.0.0.1", own_redis.port), PATIENCE_SECONDS)
    for lane in Lane:
        await send(primary.client(lane), "PING")

    await cancelled_as_it_closes(primary.close(PATIENCE_SECONDS), pools)

    await assert_nobody_is_at(own_redis)


@in_loop
async def test_redis_question_cancelled_as_it_ends_leaves_no_connection(
    own_redis: RedisServer, redis_binary: Binary, tmp_path: Path, pools: "asyncio.Queue[Any]"
) -> None:
    """A node that stops while it looks for the primary, as it does every second."""
    with RedisServer.sentinel(redis_binary, tmp_path, own_redis, "chat") as sentinel:
        place = parse_redis_url(f"redis+sentinel://127.0.0.1:{sentinel.port}/chat")

        kept = await cancelled_as_it_closes(find_primary(place, PATIENCE_SECONDS), pools)

        await assert_nobody_is_at(sentinel)
        assert kept is not None
