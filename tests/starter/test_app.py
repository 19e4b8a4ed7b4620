"""The starter's plain routes: sign in, renew, sign out, and what surrounds the page."""

import asyncio
from pathlib import Path

import pytest

from tests.starter.conftest import ask, sign_in
from tests.starter.running import Chat, served, serving
from tornado_wssec.policy.tokens import read_unverified
from tornado_wssec.testing import Client, RawSocket
from tornado_wssec.testing.raw import handshake_headers


async def connect(chat: Chat, token: str) -> Client:
    """An open socket, of a ticket, as the page opens it."""
    ticket = ask(chat, "POST", "/wssec/ticket", {"path": "/ws/chat"}, token=token, origin=chat.url).json["ticket"]
    socket = await RawSocket.open(chat.port)
    offered = ("wssec.v1", f"wssec.ticket.{ticket}")
    answer = await socket.upgrade(
        "/ws/chat", handshake_headers(f"127.0.0.1:{chat.port}", origin=chat.url, subprotocols=offered)
    )
    assert (101, "wssec.v1") == (answer.status, answer.headers["sec-websocket-protocol"])
    client = Client(socket, "wssec.v1")
    await client.assert_received("wssec.ready")
    return client


async def talk(chat: Chat) -> tuple[dict[str, object], dict[str, object], dict[str, object]]:
    """Ann writes, bob hears it and is refused elsewhere."""
    ann, bob = await connect(chat, sign_in(chat, "ann")), await connect(chat, sign_in(chat, "bob"))
    await bob.request("wssec.subscribe", {"channel": "room:lobby"})
    reply = await ann.request("chat.send", {"room": "lobby", "text": "hello"})
    heard = await bob.assert_received("chat.posted")
    refused = await bob.assert_refused("permission_denied", "chat.send", {"room": "incidents", "text": "hello"})
    await ann.close()
    await bob.close()
    return reply, heard, refused


def test_starter_people_talk_within_their_rights(chat: Chat) -> None:
    """A line reaches who listens, under the name of who wrote it; a room without the right is refused."""
    reply, heard, refused = asyncio.run(talk(chat))

    assert {"delivered": True} == reply
    assert {"room": "lobby", "text": "hello", "author": "ann"} == heard
    assert "permission_denied" == refused["code"]


def test_starter_says_who_one_is(chat: Chat) -> None:
    """`GET /me` names the person and the rights of each room, and nobody without a token."""
    eve = ask(chat, "GET", "/me", token=sign_in(chat, "eve")).json

    assert "eve" == eve["name"]
    assert {"name": "lobby", "read": True, "write": False} == eve["rooms"][0]
    assert {"name": "incidents", "read": False, "write": False} == eve["rooms"][-1]
    assert 401 == ask(chat, "GET", "/me").status


def test_starter_renews_within_a_session(chat: Chat) -> None:
    """A token that holds is exchanged for another one of the same session and the same sign-in."""
    first = sign_in(chat, "ann")
    second = ask(chat, "POST", "/renew", token=first, origin=chat.url).json["token"]

    old, new = (read_unverified(token)[1] for token in (first, second))
    assert (old["sid"], old["auth_time"]) == (new["sid"], new["auth_time"])
    assert old["jti"] != new["jti"]


def test_starter_renews_nothing_that_did_not_sign_in_here(chat: Chat) -> None:
    """A token of the command line has no sign-in that could be prolonged."""
    token = chat.wssec("token", "issue", "--subject", "ann", "--permission", "chat:read:*")

    assert 200 == ask(chat, "GET", "/me", token=token).status
    assert 401 == ask(chat, "POST", "/renew", token=token).status


async def sign_out_while_connected(chat: Chat) -> tuple[int, int | None, list[int]]:
    """Renew, connect, and sign out with the second token."""
    first = sign_in(chat, "bob")
    second = ask(chat, "POST", "/renew", token=first).json["token"]
    client = await connect(chat, first)
    status = ask(chat, "POST", "/logout", token=second).status
    await client.assert_closed(4403)
    return status, client.close_code, [ask(chat, "GET", "/me", token=token).status for token in (first, second)]


def test_starter_sign_out_ends_the_session(chat: Chat) -> None:
    """The sockets of the session close, and every token of it is refused, not only the last."""

    assert (204, 4403, [401, 401]) == asyncio.run(sign_out_while_connected(chat))


def test_starter_sign_out_takes_tokens_of_the_command_line(chat: Chat) -> None:
    """One without a session is revoked by itself."""
    token = chat.wssec("token", "issue", "--subject", "carl")

    assert 204 == ask(chat, "POST", "/logout", token=token).status
    assert 401 == ask(chat, "GET", "/me", token=token).status


@pytest.mark.parametrize(
    ("body", "status"),
    [({"name": "mallory"}, 401), ({}, 400), ([], 400), ("{", 400), ("[" * 60_000, 400), ({"name": ["ann"]}, 401)],
    ids=["stranger", "nobody", "list", "torn", "deep", "no-text"],
)
def test_starter_sign_in_refuses_what_it_does_not_know(chat: Chat, body: object, status: int) -> None:
    """A stranger, and whatever is no name, get a status and no traceback."""

    assert status == ask(chat, "POST", "/login", body).status
    assert "Traceback" not in (chat.folder / "server.log").read_text()


def test_starter_sign_in_is_for_pages_of_its_own(chat: Chat) -> None:
    """Another site's page is refused, and so is a form, which any site can post."""
    ann = {"name": "ann"}

    assert 403 == ask(chat, "POST", "/login", ann, origin="https://evil.example").status
    assert 403 == ask(chat, "POST", "/login", ann, origin="null").status
    assert 415 == ask(chat, "POST", "/login", ann, content_type="text/plain").status
    assert 200 == ask(chat, "POST", "/login", ann, origin=chat.url).status


@pytest.mark.parametrize("path", ["/", "/chat.js", "/me", "/attacks.js"])
def test_starter_headers_are_strict(chat: Chat, path: str) -> None:
    """Every answer says that nothing inline runs, nobody frames it, and only this server is connected to."""
    headers = ask(chat, "GET", path).headers
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))

    assert ("'none'", "'self'", "'self'") == (policy["default-src"], policy["script-src"], policy["style-src"])
    assert f"'self' ws://127.0.0.1:{chat.port}" == policy["connect-src"]
    assert ("'none'", "'script'") == (policy["frame-ancestors"], policy["require-trusted-types-for"])
    assert ("nosniff", "no-referrer") == (headers["x-content-type-options"], headers["referrer-policy"])
    assert "server" not in headers


@pytest.mark.parametrize("path", ["/app.py", "/../app.py", "/%2e%2e/wssec.env", "/static/../keys.json", "/.env"])
def test_starter_serves_its_page_and_nothing_beside_it(chat: Chat, path: str) -> None:
    """Neither the program nor the keys can be fetched."""

    assert ask(chat, "GET", path).status in (403, 404)


def test_starter_without_the_switch_has_no_sign_in_and_no_attacks(tmp_path: Path) -> None:
    """What is for development is not there unless wssec.env or the environment asks for it."""
    with served(tmp_path / "demo", CHAT_DEVELOPMENT="0") as chat:
        statuses = [ask(chat, "GET", path).status for path in ("/", "/people", "/attacks.js", "/attacks.css")]
        login = ask(chat, "POST", "/login", {"name": "ann"}).status

    assert ([200, 404, 404, 404], True) == (statuses, login in (404, 405))


def test_starter_needs_no_environment_of_its_own(tmp_path: Path) -> None:
    """The file that `wssec init` wrote is read; what the environment says wins over it."""
    with served(tmp_path / "demo") as first:
        ann = sign_in(first, "ann")
    with serving(tmp_path / "demo", WSSEC_AUDIENCE="elsewhere") as second:
        assert 401 == ask(second, "GET", "/me", token=ann).status
