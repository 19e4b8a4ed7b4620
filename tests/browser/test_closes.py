"""Every way in which a connection can end: what the page tells the person, and whether it comes back."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from tests.browser.conftest import Visitor, sign_in, stop_time
from tests.starter.running import Chat
from tornado_wssec import CloseCode

ENDINGS = {
    CloseCode.PROTOCOL_ERROR: ("Disconnected", "Connect again"),
    CloseCode.UNSUPPORTED_DATA: ("Disconnected", "Connect again"),
    CloseCode.INVALID_PAYLOAD: ("Disconnected", "Connect again"),
    CloseCode.MESSAGE_TOO_BIG: ("Disconnected", "Connect again"),
    CloseCode.BAD_MESSAGES: ("Disconnected", "Connect again"),
    CloseCode.REVOKED: ("Your access was revoked", "Sign in again"),
    CloseCode.REPLACED: ("Open somewhere else", "Use this page instead"),
    4999: ("Disconnected", "Connect again"),
}
WAITS = {
    CloseCode.GOING_AWAY: ("The server is restarting.", 8),
    CloseCode.INTERNAL_ERROR: ("Something went wrong on the server.", 1.5),
    CloseCode.TRY_AGAIN_LATER: ("The server is not ready.", 1.5),
    CloseCode.TOKEN_EXPIRED: ("Your session ran out.", 0.5),
    CloseCode.UNAUTHENTICATED: ("Your session has to be confirmed.", 0.5),
    CloseCode.TIMED_OUT: ("The connection was idle for too long.", 0.5),
    CloseCode.SLOW_CONSUMER: ("The connection was too slow.", 1.5),
    CloseCode.RATE_LIMITED: ("Too many messages in too short a time.", 1.5),
}

ASKED_MOST = 1_000


@dataclass
class Server:
    """A server that says what a test tells it to."""

    sockets: list[WebSocketRoute] = field(default_factory=list)
    heard: list[dict[str, Any]] = field(default_factory=list)
    is_dead: bool = False

    def serve(self, socket: WebSocketRoute) -> None:
        """Greet, and answer every request."""
        self.sockets.append(socket)
        socket.on_message(lambda text: self._answer(socket, json.loads(text)))
        socket.send(json.dumps({"type": "wssec.ready", "data": {"session": "s", "expires_in": 600, "heartbeat": 25}}))

    def _answer(self, socket: WebSocketRoute, message: dict[str, Any]) -> None:
        self.heard.append(message)
        if not self.is_dead:
            socket.send(json.dumps({"type": "reply", "id": message["id"], "data": {}}))

    def hears(self, page: Page, count: int) -> list[dict[str, Any]]:
        """All that it has heard, once it is so much: what a page sends comes beside the answers to what it is asked."""
        for _ in range(ASKED_MOST):
            if len(self.heard) >= count:
                break
            page.evaluate("() => null")
        return self.heard


@pytest.fixture
def server() -> Server:
    """The other end of the socket."""
    return Server()


@pytest.fixture
def page(chat: Chat, visit: Visitor, server: Server) -> Page:
    """A page of Ann's, whose socket ends here and whose dice always fall highest."""
    opened = visit("about:blank")
    opened.add_init_script("Math.random = () => 0.999999")
    opened.route_web_socket("**/ws/chat", server.serve)
    opened.route("**/wssec/ticket", lambda route: route.fulfill(json={"ticket": "t", "expires_in": 30}))
    opened.goto(chat.url)
    sign_in(opened, "ann")
    return opened


def test_closes_are_all_explained() -> None:
    """No code of the package is left without words, but the one that the person's own leaving has."""

    assert set(CloseCode) - {CloseCode.NORMAL} == (ENDINGS.keys() | WAITS.keys()) - {4999}


@pytest.mark.parametrize("code", ENDINGS, ids=int)
def test_closes_that_mean_stop_are_final(page: Page, server: Server, code: int) -> None:
    """The page says why and what may be done, and does not come back by itself."""
    title, action = ENDINGS[code]

    server.sockets[0].close(code=int(code), reason="as it is")

    dialog = page.get_by_role("dialog", name=title)
    expect(dialog).to_be_visible()
    expect(dialog.get_by_role("button", name=action)).to_be_focused()
    expect(page.locator("#status")).to_have_text("Offline")
    assert 1 == len(server.sockets)


@pytest.mark.requirement("R091")
@pytest.mark.parametrize("code", WAITS, ids=int)
def test_closes_that_pass_are_waited_out(page: Page, server: Server, code: CloseCode) -> None:
    """The page says why, and when it tries again: no later than the first wait of this kind."""
    reason, longest = WAITS[code]
    stop_time(page)

    server.sockets[0].close(code=int(code), reason="as it is")

    expect(page.get_by_text(reason)).to_be_visible()
    assert 1 == len(server.sockets)
    page.clock.run_for(int(longest * 1000) + 1)
    expect(page.locator("#status")).to_have_text("Connected")
    assert 2 == len(server.sockets)


def test_closes_in_a_row_are_answered_ever_later(page: Page, server: Server) -> None:
    """The waits double up to thirty seconds, so that a broken server is not hammered."""
    stop_time(page)
    waits = []
    for count in range(1, 8):
        with page.expect_console_message(lambda message: message.text.startswith("wait")) as said:
            page.evaluate(
                """() => { const set = setTimeout; window.setTimeout = (run, ms) => {
                    window.setTimeout = set; console.log(`wait ${Math.round(ms)}`); return set(run, ms); } }"""
            )
            server.sockets[-1].close(code=1011, reason="again")
        waits.append(int(said.value.text.removeprefix("wait ")))
        page.clock.run_for(waits[-1] + 1)
        expect(page.locator("#status")).to_have_text("Connected")
        assert count + 1 == len(server.sockets)

    assert [1_500, 3_000, 6_000, 12_000, 24_000, 30_000, 30_000] == waits


def test_closes_listen_again_to_every_room(page: Page, server: Server) -> None:
    """After a reconnect the page subscribes anew: it would be deaf otherwise."""
    stop_time(page)

    server.sockets[0].close(code=4408, reason="idle")
    expect(page.locator("#status")).to_have_text("Reconnecting")
    page.clock.run_for(501)
    expect(page.locator("#status")).to_have_text("Connected")

    heard = server.hears(page, 6)
    assert ["room:lobby", "room:design", "room:incidents"] == [message["data"]["channel"] for message in heard[-3:]]
    assert 6 == len(heard)


def test_closes_that_nobody_told_are_found_out(page: Page, server: Server) -> None:
    """A page that is looked at again asks whether the other end is there, and comes back where it is not."""
    stop_time(page)
    look_again = "() => document.dispatchEvent(new Event('visibilitychange'))"

    page.evaluate(look_again)
    server.hears(page, 4)  # and answers it, before the page's time goes on
    page.clock.run_for(6_000)
    expect(page.locator("#status")).to_have_text("Connected")
    assert (1, "ping") == (len(server.sockets), server.heard[-1]["type"])

    server.is_dead = True
    page.evaluate(look_again)
    page.clock.run_for(5_001)
    expect(page.get_by_text("The connection was lost.")).to_be_visible()
    page.clock.run_for(1_501)
    expect(page.locator("#status")).to_have_text("Connected")
    assert 2 == len(server.sockets)


@pytest.mark.requirement("R030")
def test_closes_of_a_session_that_is_over_ask_to_sign_in(page: Page, server: Server) -> None:
    """Where the server gives no ticket any more, the person is told that the session ran out, once."""
    page.evaluate("() => { window.fetch = async () => new Response('', { status: 401 }) }")

    server.sockets[0].close(code=4001, reason="token expired")

    expect(page.get_by_role("dialog", name="Your session has ended")).to_be_visible()
    assert 1 == len(server.sockets)
