"""Redis servers for tests that want one, started once for all of them."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pytest

from tests.left_out import leave_out
from tests.redis_server import REMEDY, Binary, RedisServer, binaries, replica_of


@pytest.fixture(scope="session")
def redis_binary() -> Binary:
    """The program of the server that is preferred here."""
    found = binaries()
    if not found:
        leave_out("Redis server", REMEDY)
    return found[0]


EACH: Final[Sequence[Binary | None]] = binaries() or [None]


@pytest.fixture(scope="session", params=EACH, ids=str)
def each_redis(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """Each server that is here, with a replica: revocations are acknowledged by somebody."""
    if request.param is None:
        leave_out("Redis server", REMEDY)
    folder = tmp_path_factory.mktemp("redis")
    with RedisServer(request.param, folder) as primary, replica_of(primary, request.param, folder):
        yield primary


@pytest.fixture
def own_redis(redis_binary: Binary, tmp_path: Path) -> Iterator[RedisServer]:
    """A server for one test, which may do with it what it likes; what it was given is on its disk."""
    with RedisServer(redis_binary, tmp_path, "appendonly yes", "appendfsync always") as server:
        yield server


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server to be used by many tests, each with a prefix of its own."""
    if given := os.environ.get("WSSEC_TEST_REDIS_URL"):
        yield given
        return
    found = binaries()
    if not found:
        leave_out("Redis server", REMEDY)
    folder = tmp_path_factory.mktemp("redis")
    with RedisServer(found[0], folder) as primary, replica_of(primary, found[0], folder):
        yield primary.url
