"""The Redis store keeps the contract on every server that is here: the oldest that is supported, and the newest."""

from pathlib import Path

import pytest

from tests.redis_server import RedisServer
from tornado_wssec.stores.base import Store
from tornado_wssec.stores.redis import RedisStore

from .contract import LastingStoreContract
from .kit import PATIENT
from .redis_kit import RedisLeases, redis_store


class TestRedisStore(RedisLeases, LastingStoreContract):
    """The contract."""

    url: str
    at: RedisServer

    @pytest.fixture(autouse=True)
    def _server(self, each_redis: RedisServer) -> None:
        self.url, self.at = each_redis.url, each_redis

    def server(self, place: Path) -> RedisServer:
        return self.at

    def new_store(self, place: Path) -> Store:
        return redis_store(self.url, place)

    def another(self, store: Store) -> Store:
        assert isinstance(store, RedisStore)
        return RedisStore(store.place, timeouts=PATIENT)
