"""The store under the least rights: those of the ACL file that stands among the examples."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.redis_server import RedisServer
from tornado_wssec.errors import NotAcknowledged, StoreUnavailable
from tornado_wssec.stores.base import Store
from tornado_wssec.stores.redis import RedisStore
from tornado_wssec.stores.redis_broker import RedisBroker

from .broker_contract import NodesContract
from .broker_kit import Heard
from .contract import LastingStoreContract
from .kit import NOW, PATIENT, in_loop
from .redis_kit import RedisLeases, redis_store
from .test_redis_broker import broker_at

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "examples" / "deploy" / "redis.acl"
STORES = ROOT / "tornado_wssec" / "stores"
PASSWORD = "replace-this-password"


def rights() -> list[str]:
    """The words of the user's line."""
    [line] = [line for line in FILE.read_text().splitlines() if line.startswith("user wssec ")]
    return line.split()[2:]


@pytest.fixture
def guarded(each_redis: RedisServer) -> Iterator[str]:
    """A server where nobody but that user may do anything, with the prefixes of tests instead of `wssec`."""
    words = [word.replace("{wssec}:*", "{t*}:*") for word in rights()]
    assert each_redis.ask("ACL", "SETUSER", "wssec", "reset", *words).startswith("+OK")
    yield each_redis.url.replace("//", f"//wssec:{PASSWORD}@")
    each_redis.ask("ACL", "DELUSER", "wssec")


class TestRedisAcl(RedisLeases, LastingStoreContract):
    """The contract: nothing that the store does needs more."""

    url: str
    at: RedisServer

    @pytest.fixture(autouse=True)
    def _server(self, each_redis: RedisServer, guarded: str) -> None:
        self.url, self.at = guarded, each_redis

    def server(self, place: Path) -> RedisServer:
        return self.at

    def new_store(self, place: Path) -> Store:
        return redis_store(self.url, place)

    def another(self, store: Store) -> Store:
        assert isinstance(store, RedisStore)
        return RedisStore(store.place, timeouts=PATIENT)


class TestRedisAclBroker(NodesContract):
    """The contract of brokers: nothing that channels do needs more either."""

    url: str

    @pytest.fixture(autouse=True)
    def _server(self, guarded: str) -> None:
        self.url = guarded

    def new(self, place: Path, name: str, heard: Heard) -> RedisBroker:
        return broker_at(self.url, place, name, heard)


@pytest.mark.requirement("R090")
def test_redis_acl_has_no_right_too_many() -> None:
    """What the file grants is what the scripts call and what is sent beside them, and no more."""
    source = "\n".join(path.read_text() for path in STORES.glob("redis*.py"))
    called = set(re.findall(r"redis\.p?call\('([A-Z]+)'", source)) | set(re.findall(r"send\(\w+, \"([A-Z]+)\"", source))
    granted = {word.lstrip("+").partition("|")[0].upper() for word in rights() if word.startswith("+")}
    asked_of_sentinels, of_pubsub = {"SENTINEL"}, {"PUBLISH", "SPUBLISH"}

    assert {"EVAL", "WAIT", "XADD"} < granted
    assert {"-pubsub", "-psubscribe", "-punsubscribe"} == {word for word in rights() if word[0] == "-"} - {"-@all"}
    assert granted - {"SELECT", "@PUBSUB"} == (called | {"XREAD", "PING"}) - asked_of_sentinels - of_pubsub


@pytest.mark.requirement("R090")
@pytest.mark.parametrize(
    "words",
    [
        ("GET", "other"),
        ("SET", "other", "x"),
        ("EVAL", "return redis.call('GET', 'other')", "0"),
        ("EVAL", "return redis.call('FLUSHALL')", "0"),
        ("KEYS", "*"),
        ("FLUSHALL",),
        ("CONFIG", "GET", "*"),
        ("ACL", "LIST"),
        ("SCRIPT", "FLUSH"),
        ("PUBLISH", "c", "x"),
        ("PSUBSCRIBE", "*"),
        ("SUBSCRIBE", "{another}:say:room:a"),
        ("PUBSUB", "CHANNELS"),
    ],
    ids=lambda words: " ".join(words)[:20],
)
def test_redis_acl_permits_nothing_else(each_redis: RedisServer, guarded: str, words: tuple[str, ...]) -> None:
    """Neither other keys, nor what would look at or end everything, not from a script either."""
    answer = each_redis.ask_as("wssec", PASSWORD, *words)

    assert answer.startswith("-"), answer


@in_loop
async def test_redis_acl_that_lacks_a_right_is_named(each_redis: RedisServer, guarded: str, tmp_path: Path) -> None:
    """Which file has what is needed; the server's own words are not repeated."""
    each_redis.ask("ACL", "SETUSER", "wssec", "-eval")

    with pytest.raises(StoreUnavailable, match="does not permit its user what the store needs"):
        await redis_store(guarded, tmp_path).migrate(NOW)


@pytest.mark.parametrize("right", ["-info", "-set", "resetkeys"])
@in_loop
async def test_redis_acl_that_lacks_a_right_in_a_script_is_named(
    each_redis: RedisServer, guarded: str, tmp_path: Path, right: str
) -> None:
    """Each generation of servers says so in other words."""
    each_redis.ask("ACL", "SETUSER", "wssec", right)

    with pytest.raises((StoreUnavailable, NotAcknowledged), match="does not permit its user what the store needs"):
        await redis_store(guarded, tmp_path).migrate(NOW)
