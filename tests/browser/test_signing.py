"""Messages signed by a real page: its key cannot be read out, and the server takes what it signs, once."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from playwright.sync_api import Page
from tornado.web import RequestHandler, StaticFileHandler

from tests.browser.conftest import Visitor
from tests.docs.pages import DOCS, blocks
from tests.kits import GENEROUS
from tests.ports import free_port
from tests.signing import RIGHTS, Desk, order
from tests.starter.running import PATIENCE_SECONDS
from tornado_wssec.client import STATIC
from tornado_wssec.policy.signatures import read_signing_key
from tornado_wssec.testing.clock import NOON

MODULE: Final = (r"/wssec/static/(signing\.js)", StaticFileHandler, {"path": STATIC})
SYMBOLS: Final = ["A", "B", "C", "D", "E", "F", "G", "H"]

WITHOUT_ED25519: Final = """
const generate = crypto.subtle.generateKey.bind(crypto.subtle);
crypto.subtle.generateKey = (algorithm, ...others) =>
  algorithm.name === "Ed25519"
    ? Promise.reject(new DOMException("not here", "NotSupportedError"))
    : generate(algorithm, ...others);
"""

OPEN: Final = """async ([name]) => {
  const { SigningKey } = await import("/wssec/static/signing.js");
  window.key = await SigningKey.open(name);
  return window.key.jwk;
}"""

CONNECT: Final = """async () => {
  const login = await fetch("/login", { method: "POST", body: JSON.stringify({ key: window.key.jwk }) });
  const { token } = await login.json();
  window.socket = new WebSocket(`ws://${location.host}/ws`, ["wssec.v1", `wssec.bearer.${token}`]);
  window.answers = {};
  const ready = await new Promise((tell) => {
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.type === "wssec.ready") tell(message.data);
      else window.answers[message.id](message);
    };
  });
  window.signer = window.key.signer(ready.nonce);
  window.ask = (jws) => new Promise((tell) => {
    const id = crypto.randomUUID();
    window.answers[id] = tell;
    socket.send(JSON.stringify({ type: "wssec.signed", id, data: { jws } }));
  });
}"""

SIGN: Final = "([text]) => signer.sign(text)"
ASK: Final = "([jws]) => ask(jws)"
ASK_ALL: Final = """(texts) => Promise.all(texts.map(async (text) => (await ask(await signer.sign(text))).type))"""

READ_OUT: Final = """async () => {
  const opening = indexedDB.open("tornado-wssec");
  await new Promise((done) => { opening.onsuccess = done; });
  const asked = opening.result.transaction("signing-keys").objectStore("signing-keys").getAll();
  await new Promise((done) => { asked.onsuccess = done; });
  const tried = await Promise.all(asked.result.flatMap(({ privateKey }) => ["jwk", "pkcs8", "raw"].map((format) =>
    crypto.subtle.exportKey(format, privateKey).then(() => "read", (error) => error.name))));
  return { kept: asked.result.map(({ privateKey }) => [privateKey.algorithm.name, privateKey.extractable]), tried };
}"""

RACE: Final = """async () => {
  const { SigningKey } = await import("/wssec/static/signing.js");
  const keys = await Promise.all(Array.from({ length: 8 }, () => SigningKey.open("race")));
  return new Set(keys.map((key) => JSON.stringify(key.jwk))).size;
}"""

RUN_PAGE: Final = """async () => {
  window.shown = new Promise((tell) => { window.show = tell; });
  const { send } = await import("/page.js");
  await send("desk.order", "7", { symbol: "ABC" });
  return window.shown;
}"""

FORGET: Final = """async ([name]) => (await import("/wssec/static/signing.js")).SigningKey.forget(name)"""


class Blank(RequestHandler):
    """A page with nothing on it."""

    def get(self) -> None:
        self.write("<!doctype html><link rel=icon href=data:,><title>page</title>")


class Script(RequestHandler):
    """The program of the page on signing."""

    def get(self) -> None:
        self.set_header("Content-Type", "text/javascript")
        self.write(next(block.text for block in blocks(DOCS / "signing.md") if block.caption == "page.js"))


class Login(RequestHandler):
    """Gives a token that names the key of the page. Who asks is taken at its word."""

    def post(self) -> None:
        token = self.settings["wssec"].issue_token("ann", RIGHTS, cnf={"jwk": json.loads(self.request.body)["key"]})
        self.write({"token": token})


@contextmanager
def served() -> Iterator[Desk]:
    """The desk and its page, served by a thread with an event loop of its own."""
    port, started, ended = free_port(), threading.Event(), asyncio.Event()
    kit = Desk(limits=GENEROUS, settings={"origins": (f"http://127.0.0.1:{port}",)})
    kit.port = port
    kit.app.add_handlers(".*", [("/", Blank), ("/page.js", Script), ("/login", Login), MODULE])
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        await kit.guard.start(following=False)
        kit.guard.listen(kit.app, port)
        started.set()
        await ended.wait()
        await kit.guard.stop()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    try:
        assert started.wait(PATIENCE_SECONDS)
        yield kit
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(PATIENCE_SECONDS)
        loop.close()


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    """One server for all."""
    with served() as kit:
        yield kit


@pytest.fixture(params=["Ed25519", "ECDSA"])
def page(request: pytest.FixtureRequest, desk: Desk, visit: Visitor) -> Page:
    """A page of a browser that has Ed25519, or only ECDSA; its clock is the server's."""
    desk.orders.clear()
    opened = visit("about:blank")
    opened.clock.set_fixed_time(datetime.fromtimestamp(NOON, UTC))
    if request.param == "ECDSA":
        opened.add_init_script(WITHOUT_ED25519)
    opened.goto(f"http://127.0.0.1:{desk.port}/")
    return opened


def asked(page: Page, jws: Any) -> str:
    """What the server answers: the type, or the code of the error."""
    answer = page.evaluate(ASK, [jws])
    return str(answer.get("code", answer["type"]))


@pytest.mark.requirement("R062")
def test_page_signs_and_the_server_verifies(page: Page, desk: Desk) -> None:
    """With a key that it made itself and a token that names it; a text of any language is what arrives."""
    jwk = page.evaluate(OPEN, ["default"])
    page.evaluate(CONNECT)

    assert {"Ed25519": "EdDSA", "P-256": "ES256"}[jwk["crv"]] == read_signing_key(jwk, "here").alg
    noted = json.dumps({"type": "desk.order", "data": {"symbol": "Z", "note": "ünï\u2028 ☃ 😀"}}, ensure_ascii=False)
    assert "reply" == asked(page, page.evaluate(SIGN, [noted]))
    assert ["Z"] == desk.orders


def test_page_of_the_documentation_signs(page: Page, desk: Desk) -> None:
    """Its program, as it stands there, orders."""

    assert {"type": "reply", "id": "7", "data": {"ordered": "ABC"}} == page.evaluate(RUN_PAGE)
    assert ["ABC"] == desk.orders


def test_page_signs_in_order(page: Page, desk: Desk) -> None:
    """What is signed at once comes back one by one, so that no number overtakes another."""
    page.evaluate(OPEN, ["default"])
    page.evaluate(CONNECT)

    assert ["reply"] * len(SYMBOLS) == page.evaluate(ASK_ALL, [order(symbol) for symbol in SYMBOLS])
    assert SYMBOLS == desk.orders


@pytest.mark.requirement("R062")
def test_page_cannot_read_its_key(page: Page) -> None:
    """Not by any format, though a script finds it where it is kept."""
    page.evaluate(OPEN, ["default"])

    found = page.evaluate(READ_OUT)

    assert [False] == [extractable for _, extractable in found["kept"]]
    assert {"InvalidAccessError"} <= set(found["tried"]) <= {"InvalidAccessError", "NotSupportedError"}
    assert "undefined undefined" == page.evaluate("() => `${typeof key.pair} ${typeof key.privateKey}`")


def test_page_keeps_its_key(page: Page) -> None:
    """Over a reload, and one for each name; once forgotten, another takes its place. Who asks at once gets the same."""
    first = page.evaluate(OPEN, ["default"])
    other = page.evaluate(OPEN, ["other"])
    page.reload()
    again = page.evaluate(OPEN, ["default"])
    page.evaluate(FORGET, ["default"])
    new = page.evaluate(OPEN, ["default"])

    assert first == again
    assert 3 == len({jwk["x"] for jwk in (first, other, new)})
    assert 1 == page.evaluate(RACE)


def test_g03_signature_of_a_page_tampered_with(page: Page, desk: Desk) -> None:
    """One character of it, in any part, and it is refused; as it was, it is accepted after all."""
    page.evaluate(OPEN, ["default"])
    page.evaluate(CONNECT)
    jws = page.evaluate(SIGN, [order()])

    for place in range(5, len(jws), 31):
        changed = "B" if jws[place] == "A" else "A"
        assert "signature_invalid" == asked(page, jws[:place] + changed + jws[place + 1 :])
    assert ([], "reply", ["ABC"]) == (list(desk.orders), asked(page, jws), desk.orders)


def test_g01_recorded_page_is_replayed(page: Page, desk: Desk) -> None:
    """To the same connection, and to a later one of the same key: nothing counts a second time."""
    page.evaluate(OPEN, ["default"])
    page.evaluate(CONNECT)
    recorded = [page.evaluate(SIGN, [order(symbol)]) for symbol in SYMBOLS]
    assert {"reply"} == {asked(page, jws) for jws in recorded}

    assert {"replayed"} == {asked(page, jws) for jws in recorded}
    page.evaluate(CONNECT)
    assert {"replayed"} == {asked(page, jws) for jws in recorded}
    assert SYMBOLS == desk.orders
