"""The page on signed messages: its programs run, and what it says of the payload is what is signed."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPClientError

from tests.docs.pages import DOCS, blocks
from tests.kits import V1, in_loop
from tornado_wssec import Guard, Settings
from tornado_wssec.client import MessageSigner
from tornado_wssec.policy.base64url import decode
from tornado_wssec.policy.keys import KeyRing
from tornado_wssec.stores.memory import MemoryStore
from tornado_wssec.testing import Client, RawSocket
from tornado_wssec.testing.kit import HeldKeys
from tornado_wssec.testing.raw import handshake_headers

PAGE = DOCS / "signing.md"
PROGRAMS = {block.file_name: block.text for block in blocks(PAGE) if block.file_name}
ORIGIN = "https://app.example.com"


def program(name: str) -> dict[str, Any]:
    """What a program of the page defines; it is not run as `__main__`."""
    names: dict[str, Any] = {"__name__": "page"}
    exec(PROGRAMS[name], names)  # noqa: S102 -- the page is ours
    return names


class PageGuard(Guard):
    """A guard in memory on a free port; instead of serving until it is stopped, it is visited."""

    visit: Any
    port = 0

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, **arguments: Any) -> "PageGuard":
        settings = Settings.from_env({}, issuer="i", audience="a", origins=tuple(arguments.pop("origins")))
        keys = HeldKeys(KeyRing().generate(now=0.0))
        return cls(settings=settings, store=MemoryStore(), keys=keys, **arguments)

    def listen(self, app: Any, port: int, **options: Any) -> int:
        self.port = super().listen(app, 0, **options)
        return self.port

    async def until_stopped(self) -> None:
        await type(self).visit(self)


async def post(port: int, body: str) -> dict[str, Any]:
    """Log in."""
    answer = await AsyncHTTPClient().fetch(f"http://127.0.0.1:{port}/login", method="POST", body=body)
    found: dict[str, Any] = json.loads(answer.body)
    return found


@in_loop
async def test_signing_page_sells() -> None:
    """A key in the login, a token that names it, a signed order, and the module for browsers beside it."""
    app, client = program("app.py"), program("client.py")
    visited: list[Any] = []

    async def visit(guard: PageGuard) -> None:
        token = (await post(guard.port, json.dumps({"key": json.loads(client["jwk"])})))["token"]
        for wrong in ("", "{", "[]", "{}", '{"key": 7}', '{"key": {"kty": "oct", "k": "AAAA"}}'):
            with pytest.raises(HTTPClientError, match="400"):
                await post(guard.port, wrong)
        socket = await RawSocket.open(guard.port)
        headers = handshake_headers(f"127.0.0.1:{guard.port}", origin=ORIGIN, token=token, subprotocols=V1)
        assert 101 == (await socket.upgrade("/ws", headers)).status
        ann = Client(socket, "wssec.v1")
        signer = MessageSigner(client["key"], (await ann.assert_received("wssec.ready"))["nonce"])
        await ann.assert_refused("signature_invalid", "desk.order", {"symbol": "ABC"})
        await ann.send_text(client["envelope"](signer, "desk.order", "7", {"symbol": "ABC"}))
        visited.append(await ann.answer("7"))
        module = await AsyncHTTPClient().fetch(f"http://127.0.0.1:{guard.port}/wssec/static/signing.js")
        visited.append(module.body.startswith(b"// Signs messages in a page"))
        await ann.close()

    PageGuard.visit = staticmethod(visit)
    app |= {"Guard": PageGuard, "check_password": lambda handler: "ann"}
    await app["main"]()

    assert [{"type": "reply", "id": "7", "data": {"bought": "ABC"}}, True] == visited


@in_loop
async def test_signing_page_looks_keys_up() -> None:
    """The hook gives what is in the table, or nothing."""
    keys = program("keys.py")
    keys["KEYS"]["ann"] = {"kty": "OKP"}

    class Who:
        subject = "ann"

    class Other:
        subject = "bob"

    assert ({"kty": "OKP"}, None) == (await keys["signing_keys"](Who), await keys["signing_keys"](Other))


def test_signing_page_shows_what_is_signed() -> None:
    """The members of the payload, and a message in it."""
    (shown,) = [json.loads(block.text) for block in blocks(PAGE) if block.language == "json"]
    signed = json.loads(decode(MessageSigner(program("client.py")["key"], "n").sign("{}").split(".")[1]))

    assert [*signed] == [*shown]
    assert "desk.order" == json.loads(shown["message"])["type"]
