"""The load of the handshake benchmark: each handshake is made, and one that is refused ends the run."""

import asyncio
from pathlib import Path

import pytest
from tornado.web import Application

from bench import redis
from bench.handshakes.load import request, shake
from bench.handshakes.server import ORIGIN, Bare
from tests.kits import in_loop


@pytest.mark.parametrize(("count", "at_once"), [(0, 4), (1, 4), (9, 4), (4, 1)])
@in_loop
async def test_load_makes_every_handshake(count: int, at_once: int) -> None:
    """However many of them are under way at once."""
    server = Application([(r"/ws", Bare)]).listen(0, "127.0.0.1")
    (listening,) = server._sockets.values()
    port, asked = listening.getsockname()[1], [request(ORIGIN, None, None)] * count

    assert count == await asyncio.to_thread(shake, port, asked, at_once)
    server.stop()


@in_loop
async def test_load_is_nothing_when_one_is_refused() -> None:
    """The figure would be that of refusing."""
    server = Application([(r"/ws", Bare)]).listen(0, "127.0.0.1")
    (listening,) = server._sockets.values()
    asked = [request(ORIGIN, None, None), request("https://evil.example", None, None)]

    with pytest.raises(RuntimeError, match="403"):
        await asyncio.to_thread(shake, listening.getsockname()[1], asked)
    server.stop()


def test_redis_server_that_is_not_here_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With the remedy, so that the bar says what is missing."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(redis, "_IN_WHEELS", ())

    with pytest.raises(FileNotFoundError, match="apt-get install redis-server"), redis.redis_server(tmp_path):
        pass
