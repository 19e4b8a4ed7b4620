"""The one server that our keys are on, and connections to it.

A store's keys have one hash tag, so also in a cluster one node has them all. Whoever finds it talks
to it as to a single server: scripts, blocking reads and WAIT are the same everywhere.

Rules of this file:
1. Only a primary is talked to: a replica may not know yet what is revoked.
2. Nothing is retried in here; each call has one budget, and whoever makes it decides.
3. What was opened is closed, also when nobody waits for that any more.
"""

import asyncio
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from enum import Enum
from types import MappingProxyType
from typing import Any, Final

from redis import asyncio as aioredis
from redis import exceptions as redis_errors
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.crc import key_slot

from ..settings import Secret
from .redis_url import Manner, RedisPlace


class Lane(Enum):
    """What connections are kept for: who waits on one lane does not stand in the way of another."""

    SHORT = "commands that are answered at once"
    WRITING = "writes that wait until somebody else has them"
    FOLLOWING = "reads that wait for a change; writes may be waiting for them"


CONNECTIONS: Final[Mapping[Lane, int]] = MappingProxyType({Lane.SHORT: 16, Lane.WRITING: 8, Lane.FOLLOWING: 8})
"""To the server at once; who finds them taken waits, within his budget."""

Address = tuple[str, int]


class Primary:
    """Connections to one server, made as they are needed. Belongs to one event loop.

    Args:
        place: how to get in.
        address: where it is.
        patience: seconds for a connection to be made.
    """

    def __init__(self, place: RedisPlace, address: Address, patience: float) -> None:
        self.address = address
        self._clients = {lane: _client(place, address, patience) for lane in Lane}

    def client(self, lane: Lane) -> aioredis.Redis:
        """The client of a lane, which bounds nothing: callers take turns."""
        return self._clients[lane]

    async def close(self, patience: float) -> None:
        """Drop every connection, those in use too."""
        await _to_its_end(self._close(patience))

    async def _close(self, patience: float) -> None:
        for client in self._clients.values():
            with suppress(redis_errors.RedisError, OSError):
                async with asyncio.timeout(patience):
                    await client.connection_pool.disconnect()


def _client(place: RedisPlace, address: Address, patience: float) -> aioredis.Redis:
    options = _options(place, address, patience) | _credentials(place.user, place.password)
    return aioredis.Redis(connection_pool=aioredis.ConnectionPool(db=place.database, **options))


def _options(place: RedisPlace, address: Address, patience: float) -> dict[str, Any]:
    host, port = address
    options: dict[str, Any] = {
        "host": host,
        "port": port,
        "socket_connect_timeout": patience,
        # With a socket_timeout the client sends under asyncio.wait_for(), which on Python 3.11 may swallow a
        # cancellation; see test_redis_facts.py. Every call of ours has a deadline around it.
        "socket_timeout": None,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,  # the shape of some answers depends on it
    }
    if not place.is_tls:
        return options
    return options | {
        "connection_class": aioredis.SSLConnection,
        "ssl_cert_reqs": "required",
        "ssl_check_hostname": True,
        "ssl_ca_certs": place.ca,
        "ssl_certfile": place.certificate,
        "ssl_keyfile": place.key,
    }


def _credentials(user: str | None, password: Secret | None) -> dict[str, str | None]:
    return {"username": user, "password": password.reveal() if password else None}


async def find_primary(place: RedisPlace, patience: float) -> Address:
    """Where the server is that has our keys now.

    Args:
        patience: seconds for everybody who has to be asked.

    Raises:
        redis.exceptions.RedisError, OSError: nobody knows.
    """
    if place.manner is Manner.FIXED:
        return place.hosts[0]
    share = patience / (len(place.hosts) + 1)  # one that is frozen must leave time for the next
    fault: Exception = redis_errors.ConnectionError("nobody knows the primary")
    for address in place.hosts:
        try:
            async with asyncio.timeout(share):
                return await _ask(place, address, share)
        except (redis_errors.RedisError, OSError) as error:  # TimeoutError is an OSError
            fault = error
    raise fault


async def _ask(place: RedisPlace, address: Address, patience: float) -> Address:
    is_sentinel = place.manner is Manner.SENTINEL
    user, password = (place.sentinel_user, place.sentinel_password) if is_sentinel else (place.user, place.password)
    options = _options(place, address, patience) | _credentials(user, password)
    client = aioredis.Redis(connection_pool=aioredis.ConnectionPool(**options))
    try:
        return await (_by_sentinel(client, place) if is_sentinel else _by_cluster(client, place, address))
    finally:
        await _to_its_end(client.connection_pool.disconnect())


async def _to_its_end(closing: Coroutine[Any, Any, None]) -> None:
    """Wait for it, also when cancelled meanwhile: the client closes in tasks of its own, which may not have begun."""
    task = asyncio.ensure_future(closing)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        with suppress(redis_errors.RedisError, OSError):
            await task
        raise


async def _by_sentinel(client: aioredis.Redis, place: RedisPlace) -> Address:
    found = await send(client, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", place.service)
    if not found:
        raise redis_errors.ConnectionError("the Sentinel knows no such service")
    host, port = found
    return _text(host), int(port)


async def _by_cluster(client: aioredis.Redis, place: RedisPlace, asked: Address) -> Address:
    slot = key_slot(hash_tag(place.prefix).encode())
    for first, last, (host, port, *_), *_ in await send(client, "CLUSTER", "SLOTS"):
        if first <= slot <= last:
            # No host, or an empty one: that of the node that was asked.
            return _text(host or asked[0]), int(port)
    raise redis_errors.ConnectionError("no node of the cluster has our keys")


async def send(client: aioredis.Redis, *words: str | bytes | int | float) -> Any:
    """Send one command, and return its answer as it came."""
    execute: Any = client.execute_command  # it has no types of its own
    return await execute(*words)


def hash_tag(prefix: str) -> str:
    """What every key begins with; in a cluster it keeps them together."""
    return f"{{{prefix}}}"


def _text(name: bytes | str) -> str:
    return name.decode("ascii", "replace") if isinstance(name, bytes) else name
