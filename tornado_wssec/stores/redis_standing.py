"""What a Redis server says of itself: whether it may forget, and who else has what it has."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

NO_EVICTION: Final = "noeviction"


@dataclass(frozen=True, slots=True)
class ServerStanding:
    """A server as it stands.

    Args:
        version: what it is, such as `Redis 7.2.4`.
        policy: its maxmemory-policy; any but noeviction forgets keys when memory is short.
        replicas: connected ones.
        is_appending: whether it writes an append-only file.
        is_saving: False when its last attempt to write to its disk has failed.
    """

    version: str
    policy: str
    replicas: int
    is_appending: bool
    is_saving: bool

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self:
        """From the answer to INFO; what it leaves out is as it should be."""
        name = "Valkey" if "valkey_version" in told else "Redis"
        number = told.get("valkey_version") or told.get("redis_version", "")
        statuses = [told.get(name, "ok") for name in ("rdb_last_bgsave_status", "aof_last_write_status")]
        return cls(
            version=f"{name} {number!s:.32}",
            policy=f"{told.get('maxmemory_policy', NO_EVICTION)!s:.32}",
            replicas=int(told.get("connected_slaves", 0)),
            is_appending=bool(int(told.get("aof_enabled", 0))),
            is_saving=statuses == ["ok", "ok"],
        )

    @property
    def may_evict(self) -> bool:
        """Whether it may forget keys when memory is short."""
        return self.policy != NO_EVICTION
