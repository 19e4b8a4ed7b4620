"""The steps of `examples/hardening`, served one at a time, and visitors who do what the page of old does."""

import importlib
import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from types import ModuleType
from typing import Any, Final, Self
from urllib.parse import urlencode

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPResponse
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from tornado_wssec import Guard
from tornado_wssec.policy.keys import KeyRing
from tornado_wssec.stores.memory import MemoryStore
from tornado_wssec.testing import Client, RawSocket, Response
from tornado_wssec.testing.clock import HandClock
from tornado_wssec.testing.kit import HeldKeys
from tornado_wssec.testing.raw import handshake_headers

LAST: Final = 7
STEPS: Final = tuple(range(LAST + 1))
PASSWORDS: Final = {"ann": "correct horse", "bob": "battery staple"}
COOKIE_SECRET: Final = "a secret of the application of old, long enough"
EVIL: Final = "https://evil.example"
ORIGIN: Final = "http://127.0.0.1:8888"
DECEMBER: Final = 1_796_083_200.0
"""2026-12-01, within the time of the warn-only of the steps."""


def step_module(step: int) -> ModuleType:
    """The program of a step."""
    return importlib.import_module(f"examples.hardening.step{step}")


class Visitor:
    """A page of old that is open: it says and hears flat messages, and asks for no answer."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def say(self, action: str, room: str = "lobby", **data: Any) -> None:
        """Send a frame as `chat.js` writes it."""
        await self.client.send_text(json.dumps({"action": action, "room": room, **data}))

    async def hear(self) -> dict[str, Any]:
        """The next message."""
        return await self.client.receive()

    async def join(self, room: str = "lobby") -> Self:
        """Listen to a room; what it is greeted with has come."""
        await self.say("join", room)
        assert "<em>Be kind.</em>" == (await self.hear())["html"]
        return self


class Running:
    """One step, served.

    Args:
        step: its number.
        port: on loopback.
        guard: None where there is none.
        clock: of the guard.
    """

    def __init__(self, step: int, port: int, guard: Guard | None, clock: HandClock) -> None:
        self.step = step
        self.port = port
        self.guard = guard
        self.clock = clock
        self._open: list[RawSocket] = []

    async def aclose(self) -> None:
        """Leave with every socket."""
        for raw in self._open:
            await raw.close()

    async def login(self, name: str) -> str:
        """The cookie that a browser has after it."""
        answer = await self.post("/login", name=name, password=PASSWORDS[name])
        assert 302 == answer.code
        return answer.headers["Set-Cookie"].partition(";")[0]

    async def post(self, path: str, cookie: str = "", **form: str) -> HTTPResponse:
        """Send a form of the page."""
        return await self._fetch(path, {"Cookie": cookie, "Origin": ORIGIN}, method="POST", body=urlencode(form))

    async def socket_of(self, cookie: str) -> str:
        """Where the page, as it is rendered for this cookie, connects to."""
        page = (await self._fetch("/", {"Cookie": cookie})).body.decode()
        found = re.search(r'data-socket="([^"]+)"', page)
        assert found is not None, page
        return found[1]

    async def upgrade(self, path: str, *, origin: str = ORIGIN, cookie: str = "") -> tuple[RawSocket, Response]:
        """A handshake as a browser makes it for a page of this origin."""
        raw = await RawSocket.open(self.port)
        self._open.append(raw)
        extra = [("Cookie", cookie)] if cookie else []
        return raw, await raw.upgrade(path, handshake_headers(f"127.0.0.1:{self.port}", origin=origin, extra=extra))

    async def visit(self, name: str) -> Visitor:
        """Log in, open the page, and connect as it does."""
        cookie = await self.login(name)
        return await self.open(cookie)

    async def open(self, cookie: str) -> Visitor:
        """Open the page that somebody who has this cookie gets."""
        raw, answer = await self.upgrade(await self.socket_of(cookie), cookie=cookie)
        assert 101 == answer.status
        return Visitor(Client(raw, None))

    async def _fetch(self, path: str, headers: dict[str, str], **options: Any) -> HTTPResponse:
        url = f"http://127.0.0.1:{self.port}{path}"
        return await AsyncHTTPClient().fetch(url, headers=headers, follow_redirects=False, raise_error=False, **options)


class HeldTime:
    """What Tornado asks for the time: its cookies are as old as the guard thinks."""

    def __init__(self, clock: HandClock) -> None:
        self.time = lambda: clock.wall


@asynccontextmanager
async def running(step: int, monkeypatch: pytest.MonkeyPatch, port: int = 0) -> AsyncIterator[Running]:
    """Serve a step. The store and the keys are in memory, and the clock of the guard is turned by hand.

    Args:
        port: where a real browser will find the page; 0 takes any.
    """
    monkeypatch.setenv("COOKIE_SECRET", COOKIE_SECRET)
    monkeypatch.setattr("tornado.autoreload.start", lambda: None)  # debug=True would start these tests anew
    module, clock = step_module(step), HandClock(DECEMBER)
    monkeypatch.setattr("tornado.web.time", HeldTime(clock))
    if step == 0:
        (taken,) = bind_sockets(port, "127.0.0.1")
        server = HTTPServer(module.make_app())
        server.add_socket(taken)
        async with aclosing(Running(step, taken.getsockname()[1], None, clock)) as chat:
            yield chat
        server.stop()
        return
    if port:
        monkeypatch.setattr(module, "ORIGIN", f"http://127.0.0.1:{port}")
    async with AsyncExitStack() as stack:
        guard = await stack.enter_async_context(guard_of(module, clock))
        bound = guard.listen(module.make_app(guard), port)
        yield await stack.enter_async_context(aclosing(Running(step, bound, guard, clock)))


def guard_of(module: ModuleType, clock: HandClock) -> Guard:
    """The guard of a step."""
    keys = HeldKeys(KeyRing().generate(now=clock.wall))
    parts = {"store": MemoryStore(wall=lambda: clock.wall), "keys": keys, "clock": clock.as_clock()}
    guard: Guard = module.make_guard(environ={}, issuer="chat", audience="chat", **parts)
    return guard
