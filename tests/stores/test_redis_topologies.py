"""The store where the server has to be found first: by Sentinels, or in a cluster; and after a failover."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.redis_cluster import RedisCluster
from tests.redis_server import Binary, RedisServer, replica_of, wait_until
from tests.waiting import until
from tornado_wssec.errors import NotAcknowledged, StoreUnavailable
from tornado_wssec.settings import Timeouts
from tornado_wssec.stores.base import Store
from tornado_wssec.stores.redis import RedisStore
from tornado_wssec.stores.redis_broker import RedisBroker

from .broker_contract import NodesContract
from .broker_kit import KEPT, Heard, Node
from .contract import LastingStoreContract
from .kit import NOW, PATIENT, in_loop, opened, put, revocation, whole_log
from .redis_kit import RedisLeases, prefix_of, redis_store
from .test_redis_broker import broker_at, nodes_at, published

UNHURRIED = Timeouts(store_call=2.0)
"""Enough for a busy machine, and soon over when a server is dead."""


@pytest.fixture(scope="session")
def cluster(redis_binary: Binary, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    """A cluster for the contract."""
    with RedisCluster(redis_binary, tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


class TestRedisCluster(RedisLeases, LastingStoreContract):
    """The contract, with the prefix of each test on whichever node it falls."""

    url: str
    cluster: RedisCluster

    @pytest.fixture(autouse=True)
    def _cluster(self, cluster: RedisCluster) -> None:
        self.url = cluster.url
        self.cluster = cluster

    def server(self, place: Path) -> RedisServer:
        return self.cluster.primary_of(f"{{{prefix_of(place)}}}")

    def new_store(self, place: Path) -> Store:
        return redis_store(self.url, place)

    def another(self, store: Store) -> Store:
        assert isinstance(store, RedisStore)
        return RedisStore(store.place, timeouts=PATIENT)


class TestRedisClusterBroker(NodesContract):
    """The contract of brokers, with the channels of each test on whichever node they fall."""

    url: str

    @pytest.fixture(autouse=True)
    def _cluster(self, cluster: RedisCluster) -> None:
        self.url = cluster.url

    def new(self, place: Path, name: str, heard: Heard) -> RedisBroker:
        return broker_at(self.url, place, name, heard)


async def back(store: Store) -> None:
    """Return once somebody else has taken over, and has a replica or not."""
    async with asyncio.timeout(60):
        while True:
            with suppress(StoreUnavailable):
                await store.generation()
                await put(store, "after")
                return
            await asyncio.sleep(0.01)


@in_loop
async def test_redis_cluster_failover_keeps_what_was_acknowledged(redis_binary: Binary, tmp_path: Path) -> None:
    """The primary that has our keys dies; its replica takes over, and the store finds it."""
    with RedisCluster(redis_binary, tmp_path) as cluster:
        async with opened(redis_store(cluster.url, tmp_path, timeouts=UNHURRIED)) as store:
            entry = await store.append(revocation("a"))
            cluster.primary_of(f"{{{prefix_of(tmp_path)}}}").stop()
            with pytest.raises(StoreUnavailable):
                await store.generation()
            await back(store)

            assert [revocation("a")] == await whole_log(store)
            assert [revocation("a")] == [found.body for found in await store.read_after(entry.cursor, 10)]


@dataclass(frozen=True)
class Watched:
    """A primary, its replica, and the Sentinel that watches them."""

    primary: RedisServer
    replica: RedisServer
    sentinel: RedisServer
    url: str

    def name(self, server: RedisServer) -> None:
        """Let the Sentinel say that this is the primary, and tell the servers nothing."""
        self.sentinel.ask("SENTINEL", "REMOVE", "chat")
        self.sentinel.ask("SENTINEL", "MONITOR", "chat", "127.0.0.1", str(server.port), "1")

    def wait_for_replica(self) -> None:
        """Until the Sentinel has heard of the replica: before that it has nobody to promote."""
        wait_until(lambda: "slaves=1" in self.sentinel.ask("INFO", "sentinel"), "the Sentinel to know the replica")


@pytest.fixture
def watched(redis_binary: Binary, tmp_path: Path) -> Iterator[Watched]:
    """With a URL that names a second Sentinel first, which is not there."""
    with (
        RedisServer(redis_binary, tmp_path) as primary,
        replica_of(primary, redis_binary, tmp_path) as replica,
        RedisServer.sentinel(redis_binary, tmp_path, primary, "chat") as sentinel,
    ):
        nobody = RedisServer(redis_binary, tmp_path)
        url = f"redis+sentinel://127.0.0.1:{nobody.port},127.0.0.1:{sentinel.port}/chat"
        yield Watched(primary, replica, sentinel, url)


@in_loop
async def test_redis_sentinel_failover_keeps_what_was_acknowledged(watched: Watched, tmp_path: Path) -> None:
    """The primary dies after an acknowledgement; the Sentinel names another, and the entry is there."""
    async with opened(redis_store(watched.url, tmp_path, timeouts=UNHURRIED)) as store:
        entry = await store.append(revocation("a"))
        mark = await store.change_mark()
        await asyncio.to_thread(watched.wait_for_replica)
        watched.primary.stop()
        with pytest.raises(StoreUnavailable):
            await store.generation()
        await back(store)

        assert mark != await store.change_mark()
        assert [revocation("a")] == await whole_log(store)
        assert [revocation("a")] == [found.body for found in await store.read_after(entry.cursor, 10)]
        with pytest.raises(NotAcknowledged, match="no replica"):
            await store.append(revocation("b"))


@in_loop
async def test_redis_sentinel_that_names_another_is_followed(watched: Watched, tmp_path: Path) -> None:
    """A primary that was cut off goes on answering as one; who follows the log asks the Sentinel each time."""
    async with opened(redis_store(watched.url, tmp_path, timeouts=UNHURRIED)) as store:
        await store.append(revocation("a"))
        watched.replica.ask("REPLICAOF", "NO", "ONE")
        watched.name(watched.replica)
        before = await store.change_mark()
        after = await store.wait_for_change(before, 0)

        assert before != after
        watched.primary.stop()
        assert [revocation("a")] == await whole_log(store)


@in_loop
async def test_redis_sentinel_that_is_gone_changes_nothing(watched: Watched, tmp_path: Path) -> None:
    """Where the primary was when it could last be asked, it still is."""
    async with opened(redis_store(watched.url, tmp_path, timeouts=UNHURRIED)) as store:
        await store.append(revocation("a"))
        watched.sentinel.stop()
        mark = await store.wait_for_change("", 0)

        assert mark == await store.wait_for_change(mark, 0)
        assert [revocation("a")] == await whole_log(store)


@in_loop
async def test_redis_sentinel_that_knows_no_such_service(watched: Watched, tmp_path: Path) -> None:
    """A wrong name is nobody's address."""
    store = redis_store(watched.url.replace("/chat", "/other"), tmp_path, timeouts=UNHURRIED)

    with pytest.raises(StoreUnavailable, match="cannot be reached"):
        await store.migrate(NOW)


async def listening(nodes: list[Node]) -> None:
    """Let each listen to a channel that is kept, and to one that is not."""
    for node in nodes:
        await node.want("room:kept", KEPT)
        await node.want("room:a")
    await nodes[0].say("before", "room:kept", KEPT)
    await nodes[1].say("before")
    for node in nodes:
        await node.hears("before")
        await node.hears("before", channel="room:kept")


async def assert_joined_again(nodes: list[Node]) -> None:
    """Claim that each is told of what may be missing, and hears what comes then, by whichever node it is said."""
    for node in nodes:
        await until(lambda heard=node.heard: {"room:a", "room:kept"} <= set(heard.gaps))  # type: ignore[misc]
    for channel, kept in (("room:a", None), ("room:kept", KEPT)):
        for number, node in enumerate(nodes):
            await published(node, f"after {number}", channel, kept)
        for node in nodes:
            await until(lambda texts=node.heard.texts, name=channel: "after 1" in texts(name))  # type: ignore[misc]
            said = [text for text in node.heard.texts(channel) if text != "gap"]
            assert ["before", "after 0", "after 1"] == list(dict.fromkeys(said))


@in_loop
async def test_redis_sentinel_failover_joins_channels_again(watched: Watched, tmp_path: Path) -> None:
    """The primary dies: each node hears the next one, and says that something may be missing."""
    async with nodes_at(watched.url, tmp_path, 2, UNHURRIED) as nodes:
        await listening(nodes)
        await asyncio.to_thread(watched.wait_for_replica)
        watched.primary.stop()

        await assert_joined_again(nodes)


@in_loop
async def test_redis_sentinel_that_names_another_is_heard(watched: Watched, tmp_path: Path) -> None:
    """A primary that was cut off goes on answering, and what is said to it reaches nobody who has moved: all move."""
    async with nodes_at(watched.url, tmp_path, 2, UNHURRIED) as nodes:
        await listening(nodes)
        watched.replica.ask("REPLICAOF", "NO", "ONE")
        watched.name(watched.replica)

        await assert_joined_again(nodes)


def is_at(node: Node, port: int) -> bool:
    """Whether a node hears this server, and speaks to it."""
    broker = node.broker
    assert isinstance(broker, RedisBroker)
    return broker._ear.address == broker._link.address == ("127.0.0.1", port)


@in_loop
async def test_redis_sentinel_that_names_the_first_again_is_heard(watched: Watched, tmp_path: Path) -> None:
    """Two that both take themselves for the primary, and know nothing of each other: numbers rise, and all is heard."""
    async with nodes_at(watched.url, tmp_path, 2, UNHURRIED) as nodes:
        await listening(nodes)
        watched.replica.ask("REPLICAOF", "NO", "ONE")
        for turn, server in enumerate((watched.replica, watched.primary, watched.replica, watched.primary)):
            watched.name(server)
            await until(lambda port=server.port: all(is_at(node, port) for node in nodes))  # type: ignore[misc]
            for number, node in enumerate(nodes):
                await published(node, f"{turn}.{number}", "room:kept", KEPT)
            await until(lambda last=f"{turn}.1": all(last in node.heard.texts("room:kept") for node in nodes))  # type: ignore[misc]

        for node in nodes:
            numbers = [one.seq or 0 for one in node.heard.said if one.channel == "room:kept" and one.type != "gap"]
            assert sorted(set(numbers)) == numbers


@in_loop
async def test_redis_cluster_failover_joins_channels_again(redis_binary: Binary, tmp_path: Path) -> None:
    """The primary that has our channels dies; its replica takes over, and every node hears it."""
    with RedisCluster(redis_binary, tmp_path) as cluster:
        async with nodes_at(cluster.url, tmp_path, 2, UNHURRIED) as nodes:
            await listening(nodes)
            cluster.primary_of(f"{{{prefix_of(tmp_path)}}}").stop()

            await assert_joined_again(nodes)
