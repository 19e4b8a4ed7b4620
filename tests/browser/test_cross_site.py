"""Cross-site WebSocket hijacking in a real browser: a page of another site uses somebody's cookie, and fails."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Page
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler
from tornado.websocket import WebSocketHandler

from tests.attacks.logins import LoginHandler, by_name, cookie_kit, signed
from tests.browser.conftest import Visitor, how_to_launch
from tests.docs.pages import DOCS, blocks
from tests.kits import ChatSocket
from tests.ports import free_port
from tests.starter.running import PATIENCE_SECONDS
from tornado_wssec import SessionCookie, SignedCookie, Ticket
from tornado_wssec.auth import Authenticator
from tornado_wssec.testing import GuardKit
from tornado_wssec.testing.clock import NOON

TOLERATED: Final = ".*(WebSocket connection to .* failed|Failed to load resource)"
COOKIE: Final = "__Host-wssec"
Visit = Callable[[str], Page]

CONNECT: Final = """([url, offered]) => new Promise((tell) => {
  const socket = new WebSocket(url, offered);
  socket.onopen = () => tell("open");
  socket.onerror = () => tell("refused");
})"""
POST: Final = """([url, body]) => fetch(url, {
  method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(body),
}).then((answer) => answer.json())"""
GET: Final = "(url) => fetch(url).then((answer) => answer.json())"
TAKE: Final = (
    """(url) => fetch(url, {credentials: "include"}).then((answer) => answer.text()).catch(() => "unreadable")"""
)
SEND: Final = """(url) => fetch(url, {
  method: "POST", mode: "no-cors", credentials: "include", body: JSON.stringify({path: "/ticketed"}),
}).then((answer) => answer.type)"""


class Ticketed(ChatSocket):
    authenticators = (Ticket(),)


class Bare(WebSocketHandler):
    """A WebSocket as it would be without a guard, for any Origin."""

    def check_origin(self, origin: str) -> bool:
        return True


class Blank(RequestHandler):
    """A page with nothing on it, of ours or of somebody else."""

    def get(self) -> None:
        self.write("<!doctype html><link rel=icon href=data:,><title>page</title>")


class OldLogin(RequestHandler):
    """A login of an application from before there were guards: its cookie goes along with every request."""

    def get(self) -> None:
        self.set_cookie(COOKIE, signed("ann", NOON), secure=True, httponly=True, samesite="None")
        self.write("<!doctype html><link rel=icon href=data:,><title>page</title>")


@dataclass
class Sites:
    """Our site, and that of somebody else, who has the same machine and another name.

    Args:
        seen: path, status and whether the cookie came along, of each request to ours.
    """

    port: int
    foreign_port: int = 0
    seen: "SimpleQueue[tuple[str, int, bool]]" = field(default_factory=SimpleQueue)

    @property
    def ours(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def theirs(self) -> str:
        return f"http://localhost:{self.foreign_port}/"

    @property
    def neighbours(self) -> str:
        """Another origin of the same site, as another subdomain is: `SameSite` does not keep a cookie from it."""
        return f"http://127.0.0.1:{self.foreign_port}/"

    def at(self, path: str) -> str:
        """A socket of ours."""
        return f"ws://127.0.0.1:{self.port}{path}"

    def note(self, handler: RequestHandler) -> None:
        """Write down what has been asked."""
        request = handler.request
        has_cookie = COOKIE in request.headers.get("Cookie", "")
        self.seen.put((request.path, handler.get_status(), has_cookie))

    def answered(self, path: str) -> tuple[int, bool]:
        """The next answer at a path: its status, and whether the cookie had come along."""
        while True:
            at, status, has_cookie = self.seen.get(timeout=PATIENCE_SECONDS)
            if at == path:
                return status, has_cookie


@contextmanager
def sites(way: Authenticator) -> Iterator[Sites]:
    """Both, served by a thread with an event loop of its own."""
    found, started, ended = Sites(free_port()), threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        kit = _kit(way, found)
        foreign = HTTPServer(Application([("/", Blank)]))
        listener, found.foreign_port = bind_unused_port()
        foreign.add_socket(listener)
        await kit.guard.start(following=False)
        kit.guard.listen(kit.app, found.port)
        started.set()
        await ended.wait()
        foreign.stop()
        await kit.guard.stop()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    try:
        assert started.wait(PATIENCE_SECONDS)
        yield found
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(PATIENCE_SECONDS)
        loop.close()


def _kit(way: Authenticator, found: Sites) -> GuardKit:
    kit = cookie_kit(way, Ticket(), settings={"origins": (found.ours,)}, app_settings={"log_function": found.note})
    routes: list[Any] = [
        ("/ws/chat", ChatSocket),
        ("/ticketed", Ticketed),
        ("/bare", Bare),
        ("/", Blank),
        ("/old", OldLogin),
    ]
    kit.app.add_handlers(".*", [*routes, ("/ws", ChatSocket), ("/login", LoginHandler), *kit.guard.routes()])
    return kit


@pytest.fixture
def trusting(chromium: Browser, tmp_path: Path) -> Iterator[Visit]:
    """Open pages in one profile that sends cookies along wherever `SameSite` allows it: the worst case there is."""
    preferences = tmp_path / "Default" / "Preferences"
    preferences.parent.mkdir()
    preferences.write_text('{"profile": {"cookie_controls_mode": 0}}')
    path, arguments = how_to_launch()
    context = chromium.browser_type.launch_persistent_context(tmp_path, executable_path=path, args=arguments)

    def open_page(url: str) -> Page:
        page = context.new_page()
        page.goto(url)
        return page

    yield open_page
    context.close()


WAYS: list[Callable[[], Authenticator]] = [SessionCookie, SignedCookie]


@pytest.mark.parametrize("way", WAYS, ids=["session", "signed"])
def test_cookie_mode_and_ticket_mode_of_the_right_page(visit: Visitor, way: Callable[[], Authenticator]) -> None:
    """A page of ours signs in, connects with cookie and CSRF value, or by a ticket; without the value it does not."""
    with sites(way()) as site:
        page = visit(site.ours, tolerated=TOLERATED)
        csrf = page.evaluate(POST, ["/login", {"name": "ann"}])["csrf"]

        assert csrf == page.evaluate(GET, "/wssec/csrf")["csrf"]
        assert "open" == page.evaluate(CONNECT, [site.at("/ws"), ["wssec.v1", f"wssec.csrf.{csrf}"]])
        assert (101, True) == site.answered("/ws")
        ticket = page.evaluate(POST, ["/wssec/ticket", {"path": "/ticketed"}])["ticket"]
        assert "open" == page.evaluate(CONNECT, [site.at("/ticketed"), ["wssec.v1", f"wssec.ticket.{ticket}"]])
        assert "refused" == page.evaluate(CONNECT, [site.at("/ws"), ["wssec.v1"]])
        assert (403, True) == site.answered("/ws")
        assert "" == page.evaluate("document.cookie")  # out of reach of scripts


def test_script_of_the_documentation_connects(visit: Visitor) -> None:
    """What the page on cookies gives to a page signs in and opens a socket, as it stands but for TLS."""
    (script,) = [block.text for block in blocks(DOCS / "cookies.md") if block.language == "js"]
    with sites(SessionCookie()) as site:
        page = visit(site.ours)
        opened = (
            f"{script.replace('wss://', 'ws://')}; return new Promise((tell) => socket.onopen = () => tell('open'))"
        )

        assert "open" == page.evaluate(f"async () => {{ {opened} }}")
        assert (101, True) == site.answered("/ws/chat")


@pytest.mark.requirement("R010")
def test_cookie_of_ours_stays_at_home(trusting: Visit) -> None:
    """The browser does not even send it for a page of another site."""
    with sites(SessionCookie()) as site:
        csrf = trusting(site.ours).evaluate(POST, ["/login", {"name": "ann"}])["csrf"]
        evil = trusting(site.theirs)

        assert "refused" == evil.evaluate(CONNECT, [site.at("/ws"), ["wssec.v1", f"wssec.csrf.{csrf}"]])
        assert (403, False) == site.answered("/ws")
        assert "open" == evil.evaluate(CONNECT, [site.at("/bare"), []])
        assert (101, False) == site.answered("/bare")


@pytest.mark.requirement("R008")
def test_cross_site_page_with_a_cookie_that_is_sent(trusting: Visit) -> None:
    """A cookie of before there was a guard goes along, and opens a bare WebSocket; the guarded one stays shut."""
    with sites(by_name()) as site:
        csrf = trusting(f"{site.ours}/old").evaluate(GET, "/wssec/csrf")["csrf"]

        _assert_shut_out(trusting(site.theirs), site, csrf)
        _assert_shut_out(trusting(site.neighbours), site, csrf)
        assert "open" == trusting(site.ours).evaluate(CONNECT, [site.at("/ws"), ["wssec.v1", f"wssec.csrf.{csrf}"]])
        assert (101, True) == site.answered("/ws")


@pytest.mark.parametrize("way", WAYS, ids=["session", "signed"])
def test_cross_origin_page_of_the_same_site(trusting: Visit, way: Callable[[], Authenticator]) -> None:
    """A neighbour gets the strictest cookie sent along, and is shut out all the same."""
    with sites(way()) as site:
        csrf = trusting(site.ours).evaluate(POST, ["/login", {"name": "ann"}])["csrf"]

        _assert_shut_out(trusting(site.neighbours), site, csrf)


def _assert_shut_out(evil: Page, site: Sites, csrf: str) -> None:
    """Claim that the page connects to a bare WebSocket as somebody, and to ours by no means; nor gets what it lacks."""
    assert "open" == evil.evaluate(CONNECT, [site.at("/bare"), []])
    assert (101, True) == site.answered("/bare")
    for offered in ([], ["wssec.v1"], ["wssec.v1", f"wssec.csrf.{csrf}"]):
        assert "refused" == evil.evaluate(CONNECT, [site.at("/ws"), offered])
        assert (403, True) == site.answered("/ws")
    assert "unreadable" == evil.evaluate(TAKE, f"{site.ours}/wssec/csrf")
    assert (403, True) == site.answered("/wssec/csrf")
    assert "opaque" == evil.evaluate(SEND, f"{site.ours}/wssec/ticket")
    assert (403, True) == site.answered("/wssec/ticket")
