"""What the plain handlers of the examples do with what no page sends."""

import json
from typing import Any

import pytest

from examples.pages import page_routes
from examples.pages.serving import address
from examples.trading import app, people
from tests.kits import in_loop
from tornado_wssec import Registry
from tornado_wssec.testing import GuardKit
from tornado_wssec.testing.raw import Response

SIGN_IN = json.dumps({"name": "zoe"}).encode()


def kit_of() -> GuardKit:
    """The desk, with its sign-in and its page."""
    routes: list[Any] = [("/ws", app.DeskSocket), ("/sign-in", people.SignIn), *page_routes(app.HERE / "page")]
    return GuardKit(routes, registry=Registry.scan("schemas.market"))


async def asked(kit: GuardKit, path: str, body: bytes | None = None) -> Response:
    """What a request is answered."""
    headers = [] if body is None else [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    socket = await kit.raw()
    head = "".join(f"{name}: {value}\r\n" for name, value in [("Host", kit.host), *headers])
    await socket.write(f"{'GET' if body is None else 'POST'} {path} HTTP/1.1\r\n{head}\r\n".encode() + (body or b""))
    return await socket.response()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (SIGN_IN, 401),
        (SIGN_IN.ljust(4_096) + b"x", 400),
        (SIGN_IN.ljust(4_097), 400),
        (b"[" * 4_000, 400),
        (b'["name"]', 400),
        (b'{"name": 1}', 400),
        (b"\xff", 400),
    ],
)
@in_loop
async def test_body_that_no_page_sends_is_refused(body: bytes, status: int) -> None:
    """Never an error of ours: whoever could make those would fill the log with tracebacks."""
    async with kit_of() as kit:
        assert status == (await asked(kit, "/sign-in", body)).status


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 200),
        ("/%00", 404),
        ("/look/page.js%00", 404),
        ("/..%2fapp.py", 403),
        ("/look/%2e%2e/handlers.py", 403),
        ("//evil.example/%2e%2e", 403),
    ],
)
@in_loop
async def test_path_that_leads_nowhere_is_refused(path: str, status: int) -> None:
    """No file of another folder, no other site, no error of ours."""
    async with kit_of() as kit:
        answer = await asked(kit, path)

        assert (status, None) == (answer.status, answer.headers.get("location"))


@pytest.mark.parametrize(("switch", "bound"), [("1", "127.0.0.1"), ("", None)])
def test_sign_in_by_a_name_alone_is_for_this_machine(
    monkeypatch: pytest.MonkeyPatch, switch: str, bound: str | None
) -> None:
    """With a certificate a server is otherwise bound to every address."""
    monkeypatch.setenv("EXAMPLE_SIGN_IN", switch)

    assert bound == address()
