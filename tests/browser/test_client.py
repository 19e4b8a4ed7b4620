"""The browser's module and a real server: in Node, and as a page in Chromium."""

from collections.abc import Iterator
from typing import Any, Final

import pytest
from playwright.sync_api import Page
from tornado.web import RequestHandler

from tests.browser.conftest import Visitor
from tests.client.kit import RIGHTS, Chat, served
from tests.client.node import node_test
from tests.docs.pages import DOCS, blocks
from tests.kits import GENEROUS
from tests.ports import free_port
from tornado_wssec import Close
from tornado_wssec.client import module_url

SUBJECT: Final = "ann"
BLOCKED: Final = (
    "default-src 'self'; img-src data:; script-src 'self' 'unsafe-eval'; connect-src 'self' https://nowhere.invalid"
)

OPEN: Final = """async ([url, token, address, options]) => {
  const { Connection, ticket } = await import(url);
  window.states = [];
  const credential = ticket({ token: () => token });
  window.connection = new Connection(address ?? "/ws", { credential, ...options });
  connection.watch((state) => states.push(state.reason ? `${state.name}:${state.reason}` : state.name));
  connection.open();
}"""
TALK: Final = """async () => {
  const heard = new Promise((tell) => connection.on("chat.posted", (data) => tell(data.text)));
  await connection.subscribe("room:lobby");
  return [await connection.request("chat.send", { room: "lobby", text: "hello" }), await heard];
}"""
STORAGE_BLOCKED: Final = """() => {
  const refuse = () => { throw new DOMException("storage is blocked", "SecurityError"); };
  for (const name of ["indexedDB", "localStorage", "sessionStorage"]) {
    Object.defineProperty(window, name, { get: refuse });
  }
}"""
SIGN: Final = """async ([signing, wssec, token]) => {
  const { SigningKey } = await import(signing);
  const { Connection, ticket } = await import(wssec);
  const signer = async (nonce) => (await SigningKey.open()).signer(nonce);
  const credential = ticket({ token: () => token });
  const connection = new Connection("/ws", { credential, signer, signed: ["chat.send"] });
  connection.open();
  const refused = await connection.request("chat.send", { room: "lobby", text: "x" }).catch((error) => error);
  const read = await connection.request("ping");
  return [refused.code, refused.message, read === undefined, connection.state.name];
}"""


class Control(RequestHandler):
    """Does to the server what a test in Node wants."""

    def check_xsrf_cookie(self) -> None:
        """It is a test's."""

    async def post(self, what: str) -> None:
        """A close code, a fresh token, or ten minutes less one."""
        kit: Chat = self.settings["kit"]
        if what == "token":
            self.write({"token": kit.token(SUBJECT, RIGHTS, ttl=300)})
        elif what == "advance":
            await kit.advance(541)
        else:
            kit.guard.hub.end_where(lambda live: True, Close(int(what)))


class Blank(RequestHandler):
    """A page with nothing on it; `?csp` gives it a policy that forbids the socket."""

    def get(self) -> None:
        """The page."""
        if self.get_query_argument("csp", None) is not None:
            self.set_header("Content-Security-Policy", BLOCKED)
        self.write("<!doctype html><link rel=icon href=data:,><title>page</title>")


class Script(RequestHandler):
    """The program of the documentation's page."""

    def get(self) -> None:
        """As it stands there."""
        self.set_header("Content-Type", "text/javascript")
        self.write(next(block.text for block in blocks(DOCS / "clients.md") if block.caption == "page.js"))


class Site(Chat):
    """The chat, the modules, a page, and a way for tests to act on the server."""

    def __init__(self) -> None:
        port = free_port()
        super().__init__(limits=GENEROUS, settings={"origins": (f"http://127.0.0.1:{port}",)})
        self.chosen = port
        routes = [("/", Blank), ("/page.js", Script), (r"/control/(\w+)", Control), *self.guard.routes(client=True)]
        self.app.add_handlers(".*", routes)
        self.app.settings["kit"] = self

    async def __aenter__(self) -> Any:
        """As any kit, on the port that its origin names."""
        listen = self.guard.listen
        self.guard.listen = lambda app, port, **options: listen(app, self.chosen, **options)  # type: ignore[method-assign]
        return await super().__aenter__()


@pytest.fixture
def site() -> Iterator[Site]:
    """One server, for one test: its clock is turned."""
    with served(Site()) as kit:
        assert isinstance(kit, Site)
        yield kit


@pytest.fixture
def page(site: Site, visit: Visitor) -> Page:
    """A page of it."""
    return visit(f"http://{site.host}/", tolerated=r"WebSocket connection|Failed to load|Connecting to|Refused to")


def opened(page: Page, site: Site, token: str | None = None, address: str | None = None) -> None:
    """Open a connection in the page."""
    shown = site.token(SUBJECT, RIGHTS) if token is None else token
    page.evaluate(OPEN, [module_url(), shown, address, {}])


def until(page: Page, state: str) -> None:
    """Wait until the page has told this state."""
    page.wait_for_function("(wanted) => states.includes(wanted)", arg=state)


def test_module_speaks_to_a_server_from_node(site: Site) -> None:
    """It talks, resumes, is refused, revoked and renewed."""
    variables = {"WSSEC_URL": f"ws://{site.host}", "WSSEC_TOKEN": site.token(SUBJECT, RIGHTS)}
    ran = node_test("server.test.mjs", WSSEC_CONTROL="/control", **variables)

    assert 0 == ran.returncode, ran.stdout[-4_000:]


def test_module_speaks_to_a_server_from_a_page(site: Site, page: Page) -> None:
    """By a ticket, over a real socket, from the route that serves it."""
    opened(page, site)

    assert [{"delivered": True}, "hello"] == page.evaluate(TALK)
    assert ["stopped:closed", "connecting", "open"] == page.evaluate("() => states")


def test_page_tells_what_a_browser_hides(site: Site, page: Page) -> None:
    """A refused login is no mere 1006; nor is a code of the server's; nor a network that is gone."""
    opened(page, site, token="wrong")
    until(page, "stopped:unauthenticated")
    opened(page, site)
    until(page, "open")
    page.evaluate("() => fetch('/control/4409', { method: 'POST' })")
    until(page, "stopped:replaced")
    opened(page, site)
    until(page, "open")
    page.context.set_offline(True)
    page.evaluate("() => connection.open()")
    until(page, "waiting:offline")
    page.context.set_offline(False)
    page.wait_for_function("() => connection.state.name === 'open'")


def test_page_tells_that_its_own_policy_forbids_it(site: Site, page: Page) -> None:
    """A browser says nothing of it to the page but an error without a close, or a close of nothing."""
    page.goto(f"http://{site.host}/?csp")
    opened(page, site, address="ws://elsewhere.invalid/ws")

    until(page, "stopped:blocked")


def test_page_whose_storage_is_blocked_still_speaks(site: Site, page: Page) -> None:
    """The module keeps nothing. Only a signature needs storage, and without it a signed message is refused."""
    page.add_init_script(f"({STORAGE_BLOCKED})()")
    page.reload()
    opened(page, site)
    assert [{"delivered": True}, "hello"] == page.evaluate(TALK)

    modules = [module_url("signing.js"), module_url(), site.token(SUBJECT, RIGHTS)]
    assert ["signing_failed", "storage is blocked", True, "open"] == page.evaluate(SIGN, modules)


def test_page_of_the_documentation_talks(site: Site, page: Page) -> None:
    """Its program, as it stands there."""
    page.evaluate("([token]) => { localStorage.token = token; }", [site.token(SUBJECT, RIGHTS)])
    page.evaluate("async () => { window.made = await import('/page.js'); }")
    page.wait_for_function("() => made.lines.length === 1")

    assert ["room:lobby ann: hello"] == page.evaluate("() => made.lines")
    assert "open" == page.title()
