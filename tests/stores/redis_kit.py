"""What tests of the Redis store have in common."""

import hashlib
from pathlib import Path

from tests.redis_server import RedisServer
from tornado_wssec.settings import Timeouts
from tornado_wssec.stores.base import Store
from tornado_wssec.stores.redis import RedisStore
from tornado_wssec.stores.redis_url import parse_redis_url

from .kit import PATIENT


def prefix_of(place: Path) -> str:
    """A prefix for this folder alone."""
    return f"t{hashlib.sha256(str(place).encode()).hexdigest()[:16]}"


class RedisLeases:
    """What a contract does to leases in Redis, which end by the server's clock: that one cannot be turned."""

    now: float

    def server(self, place: Path) -> RedisServer:
        """Where the store of this folder is."""
        raise NotImplementedError

    def turn_clock(self, place: Path, seconds: float) -> None:
        self.now += seconds
        keys = [f"{{{prefix_of(place)}}}:{name}" for name in ("nodes", "nodes-alone")]
        assert self.server(place).ask("EVAL", TURN, "2", *keys, str(int(seconds * 1000))).strip() == ":1"

    async def remains(self, store: Store, place: Path) -> list[str]:
        answer = self.server(place).ask("EVAL", REMAINS, "1", f"{{{prefix_of(place)}}}:")
        return answer.split()[1:]


TURN = """
for _, node in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do redis.call('ZINCRBY', KEYS[1], -ARGV[1], node) end
for _, node in ipairs(redis.call('HKEYS', KEYS[2])) do redis.call('HINCRBY', KEYS[2], node, -ARGV[1]) end
return 1
"""
REMAINS = """
local found = {}
for _, key in ipairs(redis.call('KEYS', '*live*')) do
  if string.sub(key, 1, #KEYS[1]) == KEYS[1] then found[#found + 1] = key end
end
if redis.call('ZSCORE', KEYS[1] .. 'nodes', 'n1') then found[#found + 1] = 'n1' end
return found
"""


def redis_store(url: str, place: Path, *, timeouts: Timeouts = PATIENT) -> RedisStore:
    """A store that belongs to this folder, on a server that many use."""
    joint = "&" if "?" in url else "?"
    return RedisStore(parse_redis_url(f"{url}{joint}prefix={prefix_of(place)}"), timeouts=timeouts)
