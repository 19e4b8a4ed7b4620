"""A Redis Cluster of three primaries, each with a replica, on 127.0.0.1."""

from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from redis.crc import key_slot

from tests.redis_server import Binary, RedisServer, wait_until

PRIMARIES: Final = 3
SLOTS: Final = 16_384


class RedisCluster:
    """Six servers that are one.

    Args:
        binary: their program.
        folder: for their logs and files.
    """

    def __init__(self, binary: Binary, folder: Path) -> None:
        self.nodes: list[RedisServer] = []
        for number in range(2 * PRIMARIES):
            place = folder / f"node{number}"
            place.mkdir()
            options = ("cluster-enabled yes", "cluster-node-timeout 1000", "cluster-replica-validity-factor 0")
            self.nodes.append(RedisServer(binary, place, *options))
        self.primaries, self.replicas = self.nodes[:PRIMARIES], self.nodes[PRIMARIES:]

    @property
    def url(self) -> str:
        """Its URL, which names two of the nodes."""
        return f"redis+cluster://127.0.0.1:{self.nodes[0].port},127.0.0.1:{self.nodes[1].port}"

    def primary_of(self, key: str) -> RedisServer:
        """The node that has a key to begin with."""
        return self.primaries[_share(key_slot(key.encode()))]

    def __enter__(self) -> Self:
        for node in self.nodes:
            node.start()
        for node in self.nodes[1:]:
            self.nodes[0].ask("CLUSTER", "MEET", "127.0.0.1", str(node.port))
        for number, node in enumerate(self.primaries):
            node.ask("CLUSTER", "ADDSLOTS", *(str(slot) for slot in range(SLOTS) if _share(slot) == number))
        for primary, replica in zip(self.primaries, self.replicas, strict=True):
            name = primary.ask("CLUSTER", "MYID").split("\r\n")[1]
            wait_until(partial(_has_joined, replica, name), "the replica to know its primary")
        for primary in self.primaries:
            wait_until(partial(_says, primary, "state=online", "INFO", "replication"), "a replica in step")
        for node in self.nodes:
            wait_until(partial(_says, node, "cluster_state:ok", "CLUSTER", "INFO"), "the cluster to be whole")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for node in self.nodes:
            node.stop()


def _share(slot: int) -> int:
    return slot * PRIMARIES // SLOTS


def _has_joined(replica: RedisServer, primary: str) -> bool:
    return replica.ask("CLUSTER", "REPLICATE", primary).startswith("+OK")


def _says(node: RedisServer, said: str, *words: str) -> bool:
    return said in node.ask(*words)
