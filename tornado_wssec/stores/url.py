"""From the URL of a store to the store.

Rules of this file:
1. A password in a URL appears in no message; where it is not sure what is one, nothing of the URL does.
2. What cannot be had is said before anything is opened.
"""

from typing import Final

from ..errors import ConfigurationError, Problem
from ..settings import STORE_SCHEMES, Secret, Timeouts
from .base import Store
from .memory import MemoryStore
from .redis import RedisStore
from .redis_url import parse_redis_url
from .sqlite import SqliteStore

FORMS: Final = "sqlite:///relative/path, sqlite:////absolute/path, redis://host, rediss://host or memory://"


def open_store(url: str, *, timeouts: Timeouts) -> Store:
    """The store at `url`, not yet open: it opens in the event loop and the process that use it.

    Args:
        url: `sqlite:///relative/path`, `sqlite:////absolute/path`, what `parse_redis_url` reads, or `memory://` for
            tests.
        timeouts: what bounds each call.

    Raises:
        ConfigurationError: the URL is none of these; says why and what to write.
    """
    scheme, _, rest = url.partition(":")
    if scheme == "sqlite":
        return SqliteStore(_path(rest), timeouts=timeouts)
    if scheme == "memory":
        if rest != "//":
            raise _refused("memory:// takes nothing behind it", "write memory://, or sqlite:///path for a file")
        return MemoryStore()
    if scheme in STORE_SCHEMES:
        return RedisStore(parse_redis_url(url), timeouts=timeouts)
    # Not even the scheme: in "hunter2" or "user:hunter2@host" it is no scheme.
    raise _refused("it is no URL of a store", f"write {FORMS}")


def shown_url(url: Secret | None) -> str:
    """Where a store is, for people: without any password, and without opening it."""
    if url is None:
        return "none is named"
    text = url.reveal()
    scheme = text.partition(":")[0]
    try:
        if scheme in ("sqlite", "memory"):
            return text
        return parse_redis_url(text).url if scheme in STORE_SCHEMES else "no URL of a store"
    except ConfigurationError:
        return "a URL that cannot be read"


def _path(rest: str) -> str:
    if not rest.startswith("///"):
        raise _refused(
            "a sqlite: URL has no host", "write three slashes before a relative path, four for an absolute one"
        )
    path = rest.removeprefix("///")
    if not path or path.endswith("/"):
        raise _refused("the sqlite: URL names no file", "write sqlite:///wssec.db or sqlite:////srv/wssec.db")
    if path.startswith(":memory:"):
        raise _refused("SQLite's own :memory: is another database in each connection", "write memory://")
    if faulty := [mark for mark in "?#\0" if mark in path]:
        raise _refused(f"the path holds {faulty[0]!r}; a sqlite: URL has no options", "rename the file")
    return path


def _refused(fault: str, remedy: str) -> ConfigurationError:
    return ConfigurationError([Problem("WSSEC_STORE", fault, remedy)])
