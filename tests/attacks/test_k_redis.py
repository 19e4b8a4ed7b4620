"""Lines K14 and K15 of the attack corpus: what other applications and operators do to a Redis server."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.redis_server import RedisServer
from tests.stores.kit import NOW, in_loop, keep, opened, put, revocation, take
from tests.stores.redis_kit import prefix_of, redis_store
from tornado_wssec.errors import StoreCorrupt, StoreError
from tornado_wssec.policy.credential_records import RecordKind
from tornado_wssec.policy.digests import digest_of
from tornado_wssec.settings import Timeouts
from tornado_wssec.stores.base import Store

BRISK = Timeouts(store_sync=0.05)

FOREIGN = [("SET", "\x80\x04pickle"), ("SET", "x" * 400_000), ("SET", ""), ("LPUSH", "x"), ("XADD", "*", "f", "v")]


@pytest.mark.parametrize("words", FOREIGN, ids=lambda words: f"{words[0]} {len(words[1])}")
@pytest.mark.parametrize("key", ["generation", "keys", "log", "log-places", "changes", "ticket", "api-key"])
@in_loop
async def test_k14_values_of_strangers_crash_nothing(
    own_redis: RedisServer, tmp_path: Path, key: str, words: tuple[str, ...]
) -> None:
    """Whatever another application puts where ours belongs: a StoreError, a value of ours, or none."""
    async with opened(redis_store(own_redis.url, tmp_path, timeouts=BRISK)) as store:
        await put(store, "t")
        await keep(store, "ak1")
        await store.publish_keys("{}")
        name = f"{{{prefix_of(tmp_path)}}}:{key}" + (f":{digest_of('t')}" if key == "ticket" else "")
        own_redis.ask("DEL", name)
        own_redis.ask(words[0], name, *words[1:])
        calls: list[Callable[[], Awaitable[object]]] = [
            store.generation,
            store.published_keys,
            store.change_mark,
            lambda: store.wait_for_change("", 0),
            lambda: store.read_after(None, 10),
            lambda: store.append(revocation("a")),
            lambda: store.prune(NOW, 10),
            lambda: take(store, "t"),
            lambda: put(store, "t"),
            lambda: store.find_record(RecordKind.API_KEY, "ak1", NOW),
            lambda: store.list_records(RecordKind.API_KEY, NOW, after="", most=10),
            lambda: keep(store, "ak1"),
            lambda: store.drop_record(RecordKind.API_KEY, "ak1"),
        ]
        outcomes = await asyncio.gather(*(outcome_of(call) for call in calls))

        assert [] == [fault for fault in outcomes if isinstance(fault, Exception) and not isinstance(fault, StoreError)]


async def outcome_of(call: Callable[[], Awaitable[object]]) -> object:
    """What it returns or raises."""
    try:
        return await call()
    except Exception as error:
        return error


@pytest.mark.parametrize(
    ("key", "words", "call"),
    [
        ("generation", ("SET", "\x80\x04pickle"), lambda store: store.generation()),
        ("generation", ("SET", "x" * 400_000), lambda store: store.generation()),
        ("generation", ("LPUSH", "x"), lambda store: store.generation()),
        ("keys", ("SET", "x" * 400_000), lambda store: store.published_keys()),
        ("log", ("XADD", "*", "f", "v"), lambda store: store.read_after(None, 10)),
        ("log", ("XADD", "*", "body", "x" * 40_000), lambda store: store.read_after(None, 10)),
        ("log", ("XADD", "99999999999999999-0", "body", "{}"), lambda store: store.read_after(None, 10)),
        ("log", ("SET", "x"), lambda store: store.read_after(None, 10)),
        ("ticket", ("SET", "x" * 40_000), lambda store: take(store, "t")),
        ("ticket", ("SET", "pickle"), lambda store: take(store, "t")),
        ("ticket", ("LPUSH", "x"), lambda store: take(store, "t")),
        ("api-key", ("HSET", "ak1", "pickle"), lambda store: store.find_record(RecordKind.API_KEY, "ak1", NOW)),
        ("api-key", ("HSET", "ak1", "x" * 40_000), lambda store: store.find_record(RecordKind.API_KEY, "ak1", NOW)),
    ],
)
@in_loop
async def test_k14_values_of_strangers_are_reported(
    own_redis: RedisServer,
    tmp_path: Path,
    key: str,
    words: tuple[str, ...],
    call: Callable[[Store], Awaitable[object]],
) -> None:
    """And nothing of them is told."""
    async with opened(redis_store(own_redis.url, tmp_path)) as store:
        name = f"{{{prefix_of(tmp_path)}}}:{key}" + (f":{digest_of('t')}" if key == "ticket" else "")
        own_redis.ask("DEL", name)
        own_redis.ask(words[0], name, *words[1:])
        with pytest.raises(StoreCorrupt) as caught:
            await call(store)

        assert "pickle" not in str(caught.value)
        assert "xxx" not in str(caught.value)


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl"])
@in_loop
async def test_k15_eviction_is_warned_of(
    own_redis: RedisServer, tmp_path: Path, policy: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A server that may forget what is revoked is named, with the remedy."""
    own_redis.ask("CONFIG", "SET", "maxmemory-policy", policy)
    async with opened(redis_store(own_redis.url, tmp_path)):
        pass

    assert [f"maxmemory-policy {policy}; set it to noeviction"] == [
        message[message.index("maxmemory-policy") :].partition(", or")[0] for message in caplog.messages
    ]
