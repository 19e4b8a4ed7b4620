"""What redis-py and its servers do that the Redis store leans on, or guards against.

An upgrade that changes one says so here.
"""

import asyncio
import sys
from pathlib import Path

import pytest
from redis import asyncio as aioredis
from redis import exceptions as redis_errors
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from tests.redis_server import Binary, RedisServer, replica_of
from tests.stores.kit import in_loop


def client_of(server: RedisServer, **options: object) -> aioredis.Redis:
    """A client that makes each attempt once."""
    given = {"retry": Retry(NoBackoff(), 0), "protocol": 2, **options}
    return aioredis.Redis(host="127.0.0.1", port=server.port, **given)  # type: ignore[arg-type]  # as each test needs


def test_redis_client_tries_many_times_by_itself() -> None:
    """Left alone, it spends minutes on a server that does not answer; the store allows one attempt."""
    client = aioredis.Redis()

    assert client.connection_pool.connection_kwargs["retry"].get_retries() >= 3


@pytest.mark.parametrize("seconds", [30.0, None])
@in_loop
async def test_redis_client_may_swallow_a_cancellation(own_redis: RedisServer, seconds: float | None) -> None:
    """With a socket_timeout on Python 3.11 a wait that was cancelled goes on: the store sets none."""
    client = client_of(own_redis, socket_timeout=seconds)
    await client.execute_command("PING")  # type: ignore[no-untyped-call]  # it has no types
    waiting = asyncio.ensure_future(client.execute_command("XREAD", "BLOCK", 300, "STREAMS", "s", "$"))  # type: ignore[no-untyped-call]  # likewise
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await client.aclose()

    assert (seconds is not None and sys.version_info < (3, 12)) != waiting.cancelled()


@in_loop
async def test_redis_client_drops_a_connection_whose_call_was_cancelled(own_redis: RedisServer) -> None:
    """The next call never gets the answer to the one before."""
    client = client_of(own_redis, socket_timeout=None, max_connections=1)
    own_redis.freeze()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await client.set("k", "cancelled")
    own_redis.thaw()

    assert await client.get("other") is None
    await client.aclose()


@in_loop
async def test_redis_client_notices_that_a_server_was_restarted(own_redis: RedisServer) -> None:
    """A connection that the server has closed is made anew, once the event loop has heard of it."""
    client = client_of(own_redis, socket_timeout=None)
    await client.ping()
    own_redis.stop()
    await asyncio.to_thread(own_redis.start)

    assert await client.ping()
    await client.aclose()


@in_loop
async def test_redis_wait_counts_what_the_same_connection_wrote(
    own_redis: RedisServer, redis_binary: Binary, tmp_path: Path
) -> None:
    """A connection that wrote nothing is told of every replica at once, whatever that has of the others' writes."""
    with replica_of(own_redis, redis_binary, tmp_path) as replica:
        client = client_of(own_redis, socket_timeout=None)
        replica.freeze()
        async with client.client() as writer, client.client() as reader:
            await writer.set("k", "v")
            by_writer = await writer.wait(1, 50)
            by_reader = await reader.wait(1, 50)
        replica.thaw()
    await client.aclose()

    assert (0, 1) == (by_writer, by_reader)


@in_loop
async def test_redis_server_quotes_what_it_refuses(own_redis: RedisServer) -> None:
    """Its error would carry a ticket into a log: none of its words leaves the store."""
    client = client_of(own_redis, socket_timeout=None)
    with pytest.raises(redis_errors.ResponseError, match="hunter2"):
        await client.execute_command("NOSUCH", "hunter2")  # type: ignore[no-untyped-call]  # it has no types
    await client.aclose()
