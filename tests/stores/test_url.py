"""From a URL to a store, or to the reason why not."""

from pathlib import Path

import pytest

from tornado_wssec.errors import ConfigurationError
from tornado_wssec.settings import Timeouts
from tornado_wssec.stores.memory import MemoryStore
from tornado_wssec.stores.redis import RedisStore
from tornado_wssec.stores.sqlite import SqliteStore
from tornado_wssec.stores.url import open_store


def open_error(url: str) -> str:
    """What is said about the URL."""
    with pytest.raises(ConfigurationError) as caught:
        open_store(url, timeouts=Timeouts())
    [problem] = caught.value.problems
    return str(problem)


def test_url_of_three_slashes_is_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The path is of the current directory."""
    monkeypatch.chdir(tmp_path)
    store = open_store("sqlite:///data/wssec.db", timeouts=Timeouts())

    assert isinstance(store, SqliteStore)
    assert tmp_path / "data/wssec.db" == store.path


def test_url_of_four_slashes_is_absolute() -> None:
    """The path starts at the root; nothing in it is decoded."""
    store = open_store("sqlite:////srv/a%20b/wssec.db", timeouts=Timeouts())

    assert isinstance(store, SqliteStore)
    assert Path("/srv/a%20b/wssec.db") == store.path
    assert "sqlite:////srv/a%20b/wssec.db" == store.url


def test_url_of_memory() -> None:
    """Two of them are two stores."""
    stores = [open_store("memory://", timeouts=Timeouts()) for _ in range(2)]

    assert [MemoryStore, MemoryStore] == [type(store) for store in stores]
    assert stores[0] is not stores[1]


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("sqlite://host/path", "a sqlite: URL has no host; write three slashes"),
        ("sqlite:path", "a sqlite: URL has no host"),
        ("sqlite:///", "names no file"),
        ("sqlite:////", "names no file"),
        ("sqlite:////srv/", "names no file"),
        ("sqlite:///:memory:", "write memory://"),
        ("sqlite:///a.db?mode=memory", "holds '?'; a sqlite: URL has no options"),
        ("sqlite:///a.db#x", "holds '#'"),
        ("sqlite:///a\0.db", "holds '\\x00'"),
        ("memory:", "memory:// takes nothing behind it"),
        ("memory://shared", "memory:// takes nothing behind it"),
    ],
)
def test_url_that_cannot_be_says_why(url: str, fault: str) -> None:
    """Each fault has its remedy."""

    assert fault in open_error(url)


@pytest.mark.parametrize("url", ["", "hunter2", "user:hunter2@host", "mysql://u:hunter2@h/db", "SQLITE:///x"])
def test_url_of_an_unknown_scheme_names_the_supported_ones(url: str) -> None:
    """And not the URL: a password may stand anywhere in it."""
    fault = open_error(url)

    assert "WSSEC_STORE: it is no URL of a store" in fault
    assert "sqlite:///relative/path, sqlite:////absolute/path, redis://host" in fault
    assert "hunter2" not in fault


@pytest.mark.parametrize(
    "scheme", ["redis", "rediss", "redis+sentinel", "rediss+sentinel", "redis+cluster", "rediss+cluster"]
)
def test_url_of_redis(scheme: str) -> None:
    """It is a store as any other, and shows no password."""
    store = open_store(f"{scheme}://user:hunter2@host/{'chat' if 'sentinel' in scheme else ''}", timeouts=Timeouts())

    assert isinstance(store, RedisStore)
    assert store.url.startswith(f"{scheme}://user@host:")
    assert "hunter2" not in store.url
