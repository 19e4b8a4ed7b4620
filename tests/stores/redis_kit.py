"""What tests of the Redis store have in common."""

import hashlib
from pathlib import Path

from tornado_wssec.settings import Timeouts
from tornado_wssec.stores.redis import RedisStore
from tornado_wssec.stores.redis_url import parse_redis_url

from .kit import PATIENT


def prefix_of(place: Path) -> str:
    """A prefix for this folder alone."""
    return f"t{hashlib.sha256(str(place).encode()).hexdigest()[:16]}"


def redis_store(url: str, place: Path, *, timeouts: Timeouts = PATIENT) -> RedisStore:
    """A store that belongs to this folder, on a server that many use."""
    joint = "&" if "?" in url else "?"
    return RedisStore(parse_redis_url(f"{url}{joint}prefix={prefix_of(place)}"), timeouts=timeouts)
