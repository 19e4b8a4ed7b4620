"""What `wssec store doctor` looks at in a Redis server, beside what it looks at in every store."""

from collections.abc import Iterator
from ipaddress import ip_address
from typing import NamedTuple

from ..stores.redis import RedisStore
from ..stores.redis_standing import ServerStanding
from ..stores.redis_url import RedisPlace


class Point(NamedTuple):
    """One thing that was looked at; as `doctor.Finding`."""

    check: str
    ok: bool
    found: str
    remedy: str | None = None


async def examine_redis(store: RedisStore) -> list[Point]:
    """Look at the server of an open store.

    Raises:
        StoreError: it does not answer.
    """
    return [*_of_server(await store.standing()), *_of_way(store.place)]


def _of_server(standing: ServerStanding) -> Iterator[Point]:
    yield Point("server", True, standing.version)
    remedy = "set maxmemory-policy to noeviction, or revocations are forgotten when memory is short"
    yield Point("eviction", not standing.may_evict, standing.policy, remedy if standing.may_evict else None)
    yield _durability(standing)


def _durability(standing: ServerStanding) -> Point:
    replicas = f"{standing.replicas} replica{'' if standing.replicas == 1 else 's'}"
    found = f"{replicas}, append-only file {'on' if standing.is_appending else 'off'}"
    if not standing.is_saving:
        return Point("durability", False, f"{found}, cannot write to its disk", "see to the server's disk and its log")
    if not standing.replicas and not standing.is_appending:
        return Point("durability", False, found, "set appendonly to yes, or connect a replica: a restart forgets")
    remedy = None if standing.replicas else "connect a replica, and revocations are acknowledged without a live server"
    return Point("durability", True, found, remedy)


def _of_way(place: RedisPlace) -> Iterator[Point]:
    if place.is_tls or all(_is_loopback(host) for host, _ in place.hosts):
        yield Point("encryption", True, "TLS, verified" if place.is_tls else "none, on loopback")
    else:
        yield Point("encryption", False, "none", "use rediss://: whoever listens reads and changes what is revoked")
    remedy = "give it a user with the rights of docs/redis.md"
    yield Point("user", True, place.user or "default", None if place.user else remedy)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
