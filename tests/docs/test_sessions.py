"""What the page on the life of a connection promises, with the clock turned by hand."""

import ast
import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from marshmallow import fields, validate

from tests.docs.pages import DOCS, blocks
from tests.kits import V1, chat_kit
from tornado_wssec import Message, Registry, SecureWebSocketHandler, StoreUnavailable, on
from tornado_wssec.testing import Client, GuardKit

Scenario = Callable[[GuardKit, Client], Awaitable[None]]


def played(scenario: Scenario, **options: Any) -> None:
    """Play it with a client that has negotiated `wssec.v1`."""

    async def play() -> None:
        async with chat_kit(**options) as kit:
            ann = await kit.connect("/ws", permissions=["chat:*:lobby"], subprotocols=V1)
            await ann.assert_received("wssec.ready")
            await scenario(kit, ann)

    asyncio.run(play())


def test_sessions_silence_after_a_ping_closes() -> None:
    """A peer that does not answer is closed with 4408, ten seconds after the ping."""

    async def silent(kit: GuardKit, ann: Client) -> None:
        await kit.advance(25)
        await kit.advance(10)
        assert "no sign of life" == await ann.assert_closed(4408)

    played(silent)


@pytest.mark.requirement("R030")
def test_sessions_expiry_warns_waits_and_closes() -> None:
    """Warned a minute before, closed 25 seconds after."""

    async def expire(kit: GuardKit, ann: Client) -> None:
        await kit.advance(540)
        assert {"expires_in": 60.0, "grace": 25.0} == await ann.assert_received("wssec.expiring")
        await ann.assert_nothing_received()
        await kit.advance(84)
        await ann.assert_nothing_received()
        await kit.advance(1)
        await ann.assert_closed(4001)

    played(expire)


def test_sessions_refresh_may_take_rights_away() -> None:
    """A fresh token with fewer rights takes over at once, and its channels are left."""

    async def refresh(kit: GuardKit, ann: Client) -> None:
        await ann.request("wssec.subscribe", {"channel": "room:lobby"})
        await ann.request("wssec.refresh", {"token": kit.token("ann", ["chat:write:lobby"])})
        await ann.request("chat.send", {"room": "lobby", "text": "does anybody hear?"})
        await ann.assert_nothing_received()

    played(refresh)


def test_sessions_refresh_of_somebody_else_closes() -> None:
    """A token of bob's on ann's connection is 4401."""

    async def refresh(kit: GuardKit, ann: Client) -> None:
        await ann.send("wssec.refresh", {"token": kit.token("bob")})
        await ann.assert_closed(4401)

    played(refresh)


@pytest.mark.requirement("R080")
def test_sessions_margin_warns_first() -> None:
    """A revocation with a margin tells the client, and closes when the margin has passed."""

    async def revoke(kit: GuardKit, ann: Client) -> None:
        await kit.guard.revoke(subject="ann", margin=30.0)
        assert {"expires_in": 30.0, "grace": 0.0} == await ann.assert_received("wssec.expiring")
        await kit.advance(29)
        await ann.assert_nothing_received()
        await kit.advance(1)
        await ann.assert_closed(4403)

    played(revoke)


def test_sessions_token_issued_after_a_revocation_is_good() -> None:
    """A subject's cut-off is the present second."""

    async def revoke(kit: GuardKit, ann: Client) -> None:
        await kit.guard.revoke(subject="ann")
        await ann.assert_closed(4403)
        await kit.assert_handshake_refused(401, "/ws", token=kit.token("ann"))
        await kit.advance(1)
        await kit.connect("/ws", subject="ann")

    played(revoke)


def test_sessions_disconnect_revokes_nothing() -> None:
    """Who was disconnected may come back."""

    async def disconnect(kit: GuardKit, ann: Client) -> None:
        assert 1 == await kit.guard.disconnect(subject="ann")
        await ann.assert_closed(4403)
        await kit.connect("/ws", subject="ann")

    played(disconnect)


def test_sessions_store_out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    """After 30 s nobody is let in, after 60 s nobody is kept, and when it is back all is well."""

    async def lose(kit: GuardKit, ann: Client) -> None:
        async def unreachable() -> None:
            raise StoreUnavailable("gone")

        with monkeypatch.context() as patch:
            patch.setattr(kit.guard.watcher, "catch_up", unreachable)
            for seconds, status in ((30, 101), (1, 503)):
                await pass_alone(kit, seconds)
                _, answer = await kit.handshake("/ws", token=kit.token())
                assert status == answer.status
            await ann.assert_nothing_received()
            await pass_alone(kit, 29)
            await ann.assert_nothing_received()
            await pass_alone(kit, 1)
            await ann.assert_closed(1013)
        await kit.advance(0)
        await kit.connect("/ws")

    played(lose)


async def pass_alone(kit: GuardKit, seconds: float) -> None:
    """Let time pass while nobody can look at the store."""
    kit.clock.advance(seconds)
    kit.guard.tick(kit.clock.monotonic)


def test_sessions_handler_closes_once() -> None:
    """A draining guard says 1001."""

    async def drain(kit: GuardKit, ann: Client) -> None:
        stopping = asyncio.create_task(kit.guard.stop())
        await ann.assert_closed(1001)
        await stopping

    played(drain)


def test_sessions_rights_follow_the_person() -> None:
    """The page's two functions, in a guard: a right that is taken away, and an account that is locked."""
    (source,) = [block.text for block in blocks(DOCS / "sessions.md") if block.file_name == "rights.py"]
    names: dict[str, Any] = {}
    exec(source, names)  # noqa: S102 - it is our own page

    class Draw(Message):
        class Meta:
            type = "board.draw"
            permission = "board:draw:{board}"

        board = fields.String(required=True, validate=validate.Regexp(r"[a-z0-9]{1,8}\Z"))

    class Board(SecureWebSocketHandler):
        @on(Draw)
        def draw(self, data: dict[str, Any]) -> None:
            return None

    async def play() -> None:
        hooks = {name: names[name] for name in ("permissions", "revalidate")}
        async with GuardKit([("/ws", Board)], registry=Registry(Draw), **hooks) as kit:
            ann, bob = await kit.connect("/ws", permissions=["**"]), await kit.connect("/ws", subject="bob")
            await ann.request("board.draw", {"board": "b7"})
            await ann.assert_refused("permission_denied", "board.draw", {"board": "b8"})
            names["BOARDS"]["bob"]["b8"] = "viewer"
            await kit.guard.permissions_changed(resource="board:b8")
            await bob.assert_refused("permission_denied", "board.draw", {"board": "b8"})
            names["LOCKED"].add("ann")
            await kit.guard.permissions_changed(subject="ann")
            await ann.assert_closed(4403)
            await kit.assert_handshake_refused(401, "/ws", token=kit.token("ann"))
            await bob.assert_nothing_received()

    asyncio.run(play())


def test_sessions_announcements_are_as_the_page_has_them() -> None:
    """Its three calls are taken."""
    (source,) = [block.text for block in blocks(DOCS / "sessions.md") if "permissions_changed(role" in block.text]

    async def play() -> None:
        async with chat_kit(permissions=lambda identity: []) as kit:
            for line in source.splitlines():
                code = compile(line, "sessions.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
                await eval(code, {"guard": kit.guard})  # noqa: S307 - it is our own page

    asyncio.run(play())


def test_sessions_old_token_is_dead_for_its_session() -> None:
    """It takes nothing back, and its revocation ends nothing."""

    async def refresh(kit: GuardKit, ann: Client) -> None:
        (live,) = kit.guard.hub
        old = live.session.identity.token_id
        await ann.request("wssec.refresh", {"token": kit.token("ann")})
        await kit.guard.revoke(token=old)
        await ann.assert_nothing_received()

    played(refresh)
