"""What the Redis store does when its server does not do what it should. Each against a real one."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from tests.redis_server import Binary, RedisServer, replica_of
from tornado_wssec.errors import NotAcknowledged, StoreCorrupt, StoreMissing, StoreUnavailable
from tornado_wssec.policy.credential_records import RecordKind
from tornado_wssec.settings import Timeouts
from tornado_wssec.stores.base import Store
from tornado_wssec.stores.redis_primary import CONNECTIONS, Lane

from .kit import NOW, PATIENT, in_loop, keep, opened, put, revocation, take, whole_log
from .redis_kit import prefix_of, redis_store

BRISK = Timeouts(store_sync=0.25)
TRIED = "it is tried again all the time"


async def back(store: Store) -> None:
    """Return once the store answers again."""
    async with asyncio.timeout(30):
        while True:
            with suppress(StoreUnavailable):
                await store.generation()
                return
            await asyncio.sleep(0.005)


async def faults(calls: int, call: Callable[[], Awaitable[object]]) -> list[str]:
    """What so many calls at once say, each of which must fail for want of a own_redis."""
    found = await asyncio.gather(*(call() for _ in range(calls)), return_exceptions=True)
    assert {StoreUnavailable} == {type(error) for error in found}
    return [str(error).partition("; ")[2] for error in found]


def following(store: Store) -> asyncio.Task[None]:
    """What a server does: read the log on whenever it changes, and remember how far it has come."""

    async def follow() -> None:
        cursor, mark = None, ""
        while True:
            while entries := await store.read_after(cursor, 1000):
                cursor = entries[-1].cursor
            mark = await store.wait_for_change(mark, 1.0)

    return asyncio.ensure_future(follow())


async def given_up(task: "asyncio.Task[None]") -> None:
    """Cancel it and wait for its end."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()


# --- the server is gone, frozen or back ---


@in_loop
async def test_redis_that_is_not_there_counts_as_open(own_redis: RedisServer, tmp_path: Path) -> None:
    """Refused at the start, it is tried again by each call, and used once it is there (K11)."""
    store = redis_store(own_redis.url, tmp_path)
    await store.migrate(NOW)
    own_redis.stop()
    with pytest.raises(StoreUnavailable, match="cannot be reached; see whether it runs"):
        await store.open()
    with pytest.raises(StoreUnavailable):
        await store.generation()
    own_redis.start()
    await back(store)
    await store.close()


@in_loop
async def test_redis_that_is_frozen_costs_one_budget(own_redis: RedisServer, tmp_path: Path) -> None:
    """Who calls while it is fresh waits out the budget; after that one waits, and all others are told at once (K13)."""
    async with opened(redis_store(own_redis.url, tmp_path, timeouts=Timeouts())) as store:
        own_redis.freeze()
        first = await faults(100, store.generation)
        later = await faults(1000, store.generation)
        ticket = await faults(10, lambda: take(store, "t"))
        own_redis.thaw()
        await back(store)
        together = await asyncio.gather(*(store.generation() for _ in range(100)))

        assert first.count("see whether it is overloaded or cut off") >= 1
        assert (999, 1) == (later.count(TRIED), len(set(later)) - 1)
        assert 9 == ticket.count(TRIED)
        assert 1 == len(set(together))


@pytest.mark.parametrize("work", ["append", "record", "keys", "wait"])
@in_loop
async def test_redis_that_is_frozen_holds_up_no_other_call(own_redis: RedisServer, tmp_path: Path, work: str) -> None:
    """Neither what waits for an acknowledgement nor what follows the log waits for ever (K13)."""
    async with opened(redis_store(own_redis.url, tmp_path, timeouts=Timeouts())) as store:
        calls: dict[str, Callable[[], Awaitable[object]]] = {
            "append": lambda: store.append(revocation("a")),
            "record": lambda: keep(store, "ak1"),
            "keys": lambda: store.publish_keys("{}"),
            "wait": lambda: store.wait_for_change("", 0.1),
        }
        await asyncio.gather(*(calls[work]() for _ in range(5)), return_exceptions=True)
        own_redis.freeze()
        await faults(1, calls[work])
        probe = asyncio.ensure_future(faults(1, calls[work]))
        for _ in range(50):  # turns of the loop: by then it is under way
            await asyncio.sleep(0)
        assert [TRIED] * 9 == await faults(9, calls[work])
        await probe
        own_redis.thaw()
        await back(store)


@in_loop
async def test_redis_that_freezes_ends_a_wait(own_redis: RedisServer, tmp_path: Path) -> None:
    """Who follows the log notices, also when the server stops while it is waited for."""
    async with opened(redis_store(own_redis.url, tmp_path, timeouts=Timeouts())) as store:
        waiting = asyncio.ensure_future(store.wait_for_change(await store.change_mark(), 0.5))
        while "cmd=xread" not in await asyncio.to_thread(own_redis.ask, "CLIENT", "LIST"):
            assert not waiting.done()
        own_redis.freeze()
        with pytest.raises(StoreUnavailable, match="did not answer"):
            await waiting
        own_redis.thaw()
        await back(store)


@in_loop
async def test_redis_that_was_killed_is_used_again(own_redis: RedisServer, tmp_path: Path) -> None:
    """With all it had on its disk: connections are made anew, nothing is asked of the caller (K12)."""
    async with opened(redis_store(own_redis.url, tmp_path)) as store:
        follower = following(store)
        entry = await store.append(revocation("a"))
        await put(store, "t")
        await given_up(follower)
        own_redis.stop()
        with pytest.raises(StoreUnavailable):
            await store.read_after(None, 10)
        own_redis.start()
        await back(store)

        assert [revocation("a")] == await whole_log(store)
        assert "payload of t" == await take(store, "t")
        assert [revocation("a")] == [found.body for found in await store.read_after(entry.cursor, 10)]


@in_loop
async def test_redis_that_was_restarted_is_read_from_the_start(own_redis: RedisServer, tmp_path: Path) -> None:
    """It may have lost the last entries, and given their places to others: an old cursor is none."""
    async with opened(redis_store(own_redis.url, tmp_path)) as store:
        follower = following(store)
        cursors = [(await store.append(revocation(name))).cursor for name in ("a", "b")]
        mark = await store.change_mark()
        await given_up(follower)
        own_redis.stop()
        own_redis.start()
        await back(store)

        assert mark != await store.change_mark()
        assert ["a", "b"] == [entry.body.id for entry in await store.read_after(cursors[1], 10)]


@in_loop
async def test_redis_that_was_flushed_has_no_generation(own_redis: RedisServer, tmp_path: Path) -> None:
    """It is empty, which is not the same as "nothing is revoked"; and nobody but `migrate` makes it anew (K15)."""
    async with opened(redis_store(own_redis.url, tmp_path)) as store:
        before = await store.generation()
        own_redis.ask("FLUSHALL")
        flushed = await store.generation()
        other = redis_store(own_redis.url, tmp_path)
        with pytest.raises(StoreMissing, match="wssec store migrate"):
            await other.open()
        made = await store.migrate(NOW + 60)

        assert (None, True) == (flushed, made)
        assert before != await store.generation()


@in_loop
async def test_redis_that_is_a_replica_is_not_read(
    own_redis: RedisServer, redis_binary: Binary, tmp_path: Path
) -> None:
    """A primary that was demoted may lag behind what is revoked: neither it nor its tickets count."""
    async with opened(redis_store(own_redis.url, tmp_path)) as store:
        await keep(store, "ak1")
        with RedisServer(redis_binary, tmp_path) as other:
            own_redis.ask("REPLICAOF", "127.0.0.1", str(other.port))
            calls: list[Callable[[], Awaitable[object]]] = [
                store.generation,
                store.published_keys,
                store.change_mark,
                lambda: store.read_after(None, 1),
                lambda: store.append(revocation("a")),
                lambda: take(store, "t"),
                lambda: put(store, "t"),
                lambda: store.find_record(RecordKind.API_KEY, "ak1", NOW),
                lambda: store.list_records(RecordKind.API_KEY, NOW, after="", most=1),
                lambda: store.drop_record(RecordKind.API_KEY, "ak1"),
                lambda: store.prune(NOW, 1),
                lambda: store.publish_keys("{}"),
            ]
            for call in calls:
                assert ["see whether it is failing over"] == await faults(1, call)


# --- many at once ---


@in_loop
async def test_redis_serves_in_order_of_arrival(own_redis: RedisServer, tmp_path: Path) -> None:
    """Of many who call again and again nobody is passed over until his budget is gone."""
    async with opened(redis_store(own_redis.url, tmp_path)) as store:
        served = [0] * 100

        async def keep_calling(number: int) -> None:
            while max(served) < 20:
                await take(store, "t")
                served[number] += 1

        await asyncio.gather(*(keep_calling(number) for number in range(100)))
        connected = own_redis.ask("CLIENT", "LIST").count("cmd=eval")

        assert min(served) >= 15
        assert CONNECTIONS[Lane.SHORT] == connected


@in_loop
async def test_redis_writes_leave_room_for_who_follows(own_redis: RedisServer, tmp_path: Path) -> None:
    """A hundred revocations at once wait for the server that they keep busy, and all are acknowledged."""
    async with opened(
        redis_store(own_redis.url, tmp_path, timeouts=Timeouts(store_call=2.0, store_sync=30.0))
    ) as store:
        follower = following(store)
        await _live(own_redis, tmp_path)
        entries = await asyncio.gather(*(store.append(revocation(f"r{number}")) for number in range(100)))
        await given_up(follower)

        assert 100 == len({entry.cursor for entry in entries})


# --- acknowledgement ---


@in_loop
async def test_redis_alone_acknowledges_no_revocation(own_redis: RedisServer, tmp_path: Path) -> None:
    """With neither a replica nor a live server it is told at once; it is there all the same, and twice is once."""
    async with opened(redis_store(own_redis.url, tmp_path)) as store:
        for _ in range(2):
            with pytest.raises(NotAcknowledged, match="no replica, and no live server to apply it; start a server"):
                await store.append(revocation("a"))

        assert [revocation("a")] == await whole_log(store)


@in_loop
async def test_redis_with_a_live_server_acknowledges(own_redis: RedisServer, tmp_path: Path) -> None:
    """The first entry as the later ones, once the server has read beyond it; also for another handle."""
    writer = redis_store(own_redis.url, tmp_path)
    async with opened(redis_store(own_redis.url, tmp_path)) as store, opened(writer):
        follower = following(store)
        await asyncio.wait_for(_live(own_redis, tmp_path), 30)
        for handle in (writer, store, writer):
            await handle.append(revocation(f"r{id(handle)}"))
        repeated = await writer.append(revocation(f"r{id(writer)}"))
        await given_up(follower)

        assert [repeated.body, revocation(f"r{id(store)}")] == await whole_log(writer)


async def _live(own_redis: RedisServer, place: Path) -> None:
    while "$-1" in await asyncio.to_thread(own_redis.ask, "GET", f"{{{prefix_of(place)}}}:applied"):
        pass


@in_loop
async def test_redis_live_server_that_lags_acknowledges_nothing(own_redis: RedisServer, tmp_path: Path) -> None:
    """One that is there and has not come so far is waited for, and then it is not acknowledged."""
    async with opened(redis_store(own_redis.url, tmp_path, timeouts=BRISK)) as store:
        own_redis.ask("SET", f"{{{prefix_of(tmp_path)}}}:applied", "1-0", "PX", "60000")

        with pytest.raises(NotAcknowledged, match=r"after 0.25 s neither a replica nor a live server has it"):
            await store.append(revocation("a"))


@in_loop
async def test_redis_replica_that_is_frozen_acknowledges_nothing(
    own_redis: RedisServer, redis_binary: Binary, tmp_path: Path
) -> None:
    """Nor does a repetition from elsewhere, although it finds everything done; once the replica is back, it does."""

    def writes(store: Store) -> list[Callable[[], Awaitable[object]]]:
        return [
            lambda: store.append(revocation("a")),
            lambda: keep(store, "ak1"),
            lambda: store.drop_record(RecordKind.API_KEY, "ak1"),
            lambda: store.publish_keys("{}"),
        ]

    with replica_of(own_redis, redis_binary, tmp_path) as replica:
        for number in range(4):
            # Each time with connections that have written nothing yet.
            async with opened(redis_store(own_redis.url, tmp_path, timeouts=BRISK)) as store:
                replica.freeze()
                with pytest.raises(NotAcknowledged, match="written it, but may lose it"):
                    await writes(store)[number]()
            async with _reopened(redis_store(own_redis.url, tmp_path, timeouts=BRISK)) as again:
                with pytest.raises(NotAcknowledged, match="written it, but may lose it"):
                    await writes(again)[number]()
                replica.thaw()
                await acknowledged(writes(again)[number])


@asynccontextmanager
async def _reopened(store: Store) -> AsyncIterator[Store]:
    await store.open()
    yield store
    await store.close()


async def acknowledged(write: Callable[[], Awaitable[object]]) -> None:
    """Return once somebody besides the primary has it."""
    async with asyncio.timeout(30):
        while True:
            with suppress(NotAcknowledged):
                await write()
                return


# --- what it answers ---


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (("maxmemory", "1"), "is out of memory; raise its maxmemory"),
        (("min-replicas-to-write", "1"), "too few replicas are connected"),
        (("requirepass", "hunter2"), "wants a user and a password, or other ones; mend WSSEC_STORE"),
    ],
)
@in_loop
async def test_redis_that_refuses_says_why(
    own_redis: RedisServer, tmp_path: Path, settings: tuple[str, str], said: str
) -> None:
    """As what is to be done about it, not in the server's words."""
    store = redis_store(own_redis.url, tmp_path, timeouts=PATIENT)
    own_redis.ask("CONFIG", "SET", *settings)

    with pytest.raises(StoreUnavailable, match=said) as caught:
        await store.migrate(NOW)
    assert "hunter2" not in str(caught.value)


@in_loop
async def test_redis_that_lacks_a_command_is_not_quoted(redis_binary: Binary, tmp_path: Path) -> None:
    """A server quotes what it does not know: our script, and the ticket in it."""
    with RedisServer(redis_binary, tmp_path, 'rename-command EVAL ""') as server:
        store = redis_store(server.url, tmp_path)
        with pytest.raises(StoreCorrupt, match=r"see whether it is Redis 6\.2 or later, or Valkey") as caught:
            await store.migrate(NOW)

    assert "redis.call" not in str(caught.value)


@in_loop
async def test_redis_wrong_password_is_not_told(own_redis: RedisServer, tmp_path: Path) -> None:
    """The refusal names neither the right one nor the wrong one, nor does what caused it."""
    own_redis.ask("CONFIG", "SET", "requirepass", "right")
    store = redis_store(own_redis.url.replace("//", "//:hunter2@"), tmp_path)
    with pytest.raises(StoreUnavailable, match="wants a user and a password, or other ones") as caught:
        await store.migrate(NOW)

    assert caught.value.__suppress_context__
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("setting", [("maxmemory", "1"), ("min-replicas-to-write", "1")])
@in_loop
async def test_redis_that_takes_no_writes_is_still_read(
    own_redis: RedisServer, tmp_path: Path, setting: tuple[str, str]
) -> None:
    """Servers follow the log, so that what is in memory does not grow old for want of room."""
    async with opened(redis_store(own_redis.url, tmp_path)) as store:
        await keep(store, "ak1")
        with suppress(NotAcknowledged):
            await store.append(revocation("a"))
        own_redis.ask("CONFIG", "SET", *setting)
        mark = await store.wait_for_change("", 0)
        with pytest.raises(StoreUnavailable, match=r"out of memory|too few replicas"):
            await store.append(revocation("b"))

        assert await store.generation() is not None
        assert [revocation("a")] == await whole_log(store)
        assert mark == await store.change_mark()
        assert "record ak1" == await store.find_record(RecordKind.API_KEY, "ak1", NOW)
