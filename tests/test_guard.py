"""The guard: made of the environment, started, drained and stopped."""

import asyncio
import logging
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from schemas import chat
from tests.kits import CHAT, GENEROUS, chat_kit, in_loop, settled
from tests.talk import Script, TalkSocket, talk_kit
from tornado_wssec import (
    BearerToken,
    Close,
    ConfigurationError,
    Disconnect,
    Guard,
    NotReady,
    SecureWebSocketHandler,
    Settings,
    Timeouts,
)
from tornado_wssec.errors import StoreMissing
from tornado_wssec.policy.keys import KeyRing
from tornado_wssec.policy.pipeline import Pipeline
from tornado_wssec.stores.keyfile import KeyFile
from tornado_wssec.stores.memory import MemoryStore
from tornado_wssec.testing.clock import NOON
from tornado_wssec.testing.kit import HeldKeys

ENVIRONMENT = {
    "WSSEC_STORE": "memory://",
    "WSSEC_ISSUER": "https://issuer.example.com",
    "WSSEC_AUDIENCE": "chat",
    "WSSEC_ORIGINS": "https://app.example.com, https://admin.example.com",
}


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Everything that a server needs, and a key file."""
    KeyFile(tmp_path / "keys.json").create(KeyRing().generate(now=NOON))
    return {**ENVIRONMENT, "WSSEC_KEYS": str(tmp_path / "keys.json")}


@in_loop
async def test_guard_from_env(environment: dict[str, str]) -> None:
    """The environment is enough, and what it issues it verifies."""
    async with Guard.from_env(environment, registry=CHAT) as guard:
        identity = guard.verify_token(guard.issue_token("ann", ["chat:**"]))

        assert ("ann", "https://issuer.example.com") == (identity.subject, identity.issuer)
        assert guard.is_ready()
    assert not guard.is_ready()


def test_guard_argument_wins(environment: dict[str, str]) -> None:
    """An argument replaces a variable: a setting, or the ready-made part of that name."""
    guard = Guard.from_env(
        environment,
        registry=CHAT,
        issuer="https://other.example.com",
        origins=["https://one.example.com"],
        store=MemoryStore(),
        keys=HeldKeys(KeyRing().generate(now=NOON)),
    )

    assert ("https://other.example.com", "chat") == (guard.rules.issuer, guard.rules.audience)
    assert ("https://one.example.com",) == guard.settings.origins


@pytest.mark.parametrize("missing", ["WSSEC_STORE", "WSSEC_KEYS", "WSSEC_ISSUER", "WSSEC_AUDIENCE"])
def test_guard_without_a_setting(missing: str, environment: dict[str, str]) -> None:
    """What a server cannot do without is named by its variable, with the remedy."""
    del environment[missing]

    with pytest.raises(ConfigurationError, match=rf"{missing}: is not set .*wssec init"):
        Guard.from_env(environment, registry=CHAT)


def test_guard_without_any_setting() -> None:
    """All of them at once."""
    with pytest.raises(ConfigurationError) as refused:
        Guard.from_env({}, registry=CHAT)

    assert 4 == len(refused.value.problems)


def test_guard_bad_policies_are_told_together(environment: dict[str, str]) -> None:
    """Every bad origin, host and network in one refusal."""
    bad = {"origins": ["https://a/b", "null"], "hosts": ["a b"], "trusted_proxies": ["10.0.0.0/99"]}
    with pytest.raises(ConfigurationError) as refused:
        Guard.from_env(environment, registry=CHAT, **bad)

    assert 4 == len(refused.value.problems)


@in_loop
async def test_guard_without_a_store(environment: dict[str, str], tmp_path: Path) -> None:
    """A store that is not there is never made by a server: it does not start, and says what makes one."""
    guard = Guard.from_env({**environment, "WSSEC_STORE": f"sqlite:///{tmp_path}/none.db"}, registry=CHAT)
    with pytest.raises(StoreMissing, match="wssec"):
        await guard.start()
    await guard.stop()

    assert not (tmp_path / "none.db").exists()


@in_loop
async def test_guard_before_its_start() -> None:
    """Until it is started nobody comes in, and what needs the store says so."""
    kit = chat_kit()

    assert not kit.guard.is_ready()
    with pytest.raises(NotReady, match="is not started"):
        _ = kit.guard.watcher


@pytest.mark.requirement("R026")
def test_guard_shows_no_secret(environment: dict[str, str]) -> None:
    """Its settings can be printed."""
    settings = Settings.from_env({**environment, "WSSEC_KEYS_PASSPHRASE": "s3cr3t"})

    assert "s3cr3t" not in repr(settings)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@in_loop
async def test_guard_until_stopped(number: signal.Signals, caplog: pytest.LogCaptureFixture) -> None:
    """A signal drains: clients are told 1001, and the port is closed; after that another one changes nothing."""
    caplog.set_level(logging.INFO)
    async with chat_kit() as kit:
        client = await kit.connect("/ws")
        stopping = asyncio.create_task(kit.guard.until_stopped())
        await client.assert_nothing_received()
        os.kill(os.getpid(), number)
        assert "server is draining; retry within 1 s" == await client.assert_closed(1001)
        await stopping
        with pytest.raises(OSError, match=r"refused|Connect call failed"):
            await kit.raw()
        os.kill(os.getpid(), number)

    assert f"{number.name}: draining 1 connections" in caplog.text


@in_loop
async def test_drain_lets_handlers_finish() -> None:
    """What has been admitted is answered before the goodbye; nobody new comes in meanwhile."""
    script = Script()
    script.do = script.wait
    async with talk_kit(script) as kit:
        client = await kit.connect("/ws")
        await client.send("talk.do", {"what": "slow"}, "slow")
        await script.entered.wait()
        stopping = asyncio.create_task(kit.guard.stop())
        while kit.guard.is_ready():
            await client.assert_nothing_received()
        script.go_on.set()

        assert {"what": "slow"} == (await client.answer("slow"))["data"]
        await client.assert_closed(1001)
        await stopping


@in_loop
async def test_drain_does_not_wait_for_ever() -> None:
    """A handler that hangs, and a peer that does not answer our close, are left behind when their time is over."""
    script = Script()
    script.do = script.wait
    async with talk_kit(script, timeouts=Timeouts(drain=0.05, close=0.05, handler=0.2)) as kit:
        client = await kit.connect("/ws")
        await client.send("talk.do", {"what": "slow"}, "slow")
        await script.entered.wait()
        await kit.guard.stop()
        await script.left.wait()

        assert [("opened", "ann"), ("closed", 1001)] == script.told


@in_loop
async def test_f21_mistake_of_ours(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """An exception in our own pipeline ends the one connection with 1011, and tells where and not with what."""

    def fail(*_: object) -> None:
        raise RuntimeError("s3cr3t")

    async with talk_kit() as kit:
        client, other = await kit.connect("/ws"), await kit.connect("/ws", subject="bob")
        with monkeypatch.context() as patched:
            patched.setattr(Pipeline, "admit", fail)
            await client.send("talk.do")
            await client.assert_refused("internal")
            await client.assert_closed(1011)
        await other.request("talk.do")

    assert "admitting a frame: RuntimeError at" in caplog.text
    assert "s3cr3t" not in caplog.text


@in_loop
async def test_opened_that_disconnects() -> None:
    """A Disconnect raised by `opened` closes with its code."""

    class Refusing(TalkSocket):
        def opened(self) -> None:
            raise Disconnect(Close(4321, "full"))

    async with talk_kit(handler=Refusing) as kit:
        assert "full" == await (await kit.connect("/ws")).assert_closed(4321)


@in_loop
async def test_handler_asked_too_early() -> None:
    """Before it is open a handler has neither an identity nor anybody to send to, and says what to use."""
    seen: list[str] = []

    class Early(SecureWebSocketHandler):
        def initialize(self) -> None:
            asked: list[Callable[[], object]] = [lambda: self.identity, self.close]
            for ask in asked:
                with pytest.raises(RuntimeError) as refused:
                    ask()
                seen.append(str(refused.value))

    async with talk_kit(handler=type("Both", (Early, TalkSocket), {})) as kit:
        await kit.connect("/ws")

    assert ["nobody has been identified yet", "the connection is not open yet; use opened()"] == seen


@in_loop
async def test_accounts_are_forgotten_when_they_are_idle() -> None:
    """Beyond what is tracked, budgets that are full and of nobody connected are forgotten; others never."""
    async with chat_kit(limits=replace(GENEROUS, tracked_keys=3)) as kit:
        stays = await kit.connect("/ws", subject="stays", permissions=["chat:**"])
        for number in range(6):
            client = await kit.connect("/ws", subject=f"u{number}")
            await client.close()
            await settled(kit, 1)

        assert len(kit.guard.hub._accounts) <= 3
        await stays.request("chat.send", {"room": "lobby", "text": "hi"})
        assert 1 == kit.guard.hub.of_identity(kit.identity("stays"))


@in_loop
async def test_guard_publishes_from_anywhere() -> None:
    """`guard.publish` needs no connection of the caller's."""
    async with chat_kit() as kit:
        client = await kit.connect("/ws", permissions=["chat:**"])
        await client.request("wssec.subscribe", {"channel": "room:lobby"})
        line: dict[str, Any] = {"room": "lobby", "text": "hi", "author": "x"}
        await kit.guard.publish("room:lobby", chat.Posted, line)

        assert line == await client.assert_received("chat.posted")


def test_guard_names_everything_that_is_wrong_with_its_settings() -> None:
    """Unusable variables, bad origins, hosts and networks, and what is missing: one error lists them all."""
    environ = {
        "WSSEC_STORE": "bogus",
        "WSSEC_ORIGINS": "nope",
        "WSSEC_HOSTS": "a b",
        "WSSEC_TRUSTED_PROXIES": "x",
        "WSSEC_INSECURE": "maybe",
        "WSSEC_TLS_CERT": "/nope",
    }

    with pytest.raises(ConfigurationError) as refused:
        Guard.from_env(environ, registry=CHAT)
    told = str(refused.value)

    assert 9 == len(refused.value.problems)
    for named in (*environ, "WSSEC_KEYS", "WSSEC_ISSUER", "WSSEC_AUDIENCE"):
        assert named in told


@pytest.mark.parametrize("wrong", [BearerToken, "bearer"])
def test_guard_takes_authenticators_only(environment: dict[str, str], wrong: Any) -> None:
    """A class in the place of an object, or anything else, is refused where it is written."""
    with pytest.raises(TypeError, match=r"authenticators=\[BearerToken\(\), Ticket\(\)\]"):
        Guard.from_env(environment, registry=CHAT, authenticators=[wrong])


@in_loop
async def test_issue_token_may_be_awaited() -> None:
    """A token is a string at once, and gives itself to who awaits it."""
    async with chat_kit() as kit:
        token = kit.guard.issue_token("ann", session="s1")

        assert str(token) == await token
        assert "s1" == kit.guard.verify_token(token).session_id


@in_loop
async def test_issue_ticket_for_a_subject() -> None:
    """A subject and its permissions are enough; such a ticket opens any path, as that subject."""
    async with chat_kit() as kit:
        ticket = await kit.guard.issue_ticket("ann", ["chat:write:lobby"])
        client = await kit.connect(f"/ws?ticket={ticket}", token="")

        assert {"delivered": True} == await client.request("chat.send", {"room": "lobby", "text": "hi"})


@in_loop
async def test_revoke_takes_a_whole_token() -> None:
    """A logout has the token itself; its jti is what is revoked, and once more. Dots alone make no token of a jti."""
    async with chat_kit() as kit:
        token = kit.token("ann")
        client = await kit.connect("/ws", token=token)
        revocation = await kit.guard.revoke(token=token)
        await client.assert_closed(4403)
        again = await kit.guard.revoke(token=token)
        odd = await kit.guard.revoke(token="a.b.c")

    assert [revocation.value, "a.b.c"] == [again.value, odd.value]
    assert revocation.value != token


@in_loop
async def test_revoke_refuses_a_forged_token() -> None:
    """A token that nobody signed revokes nothing, whatever jti it names."""
    async with chat_kit() as kit:
        victim = kit.token("ann", token_id="t-ann")
        client = await kit.connect("/ws", token=victim)
        head, claims, signature = victim.split(".")
        with pytest.raises(ValueError, match="nothing to revoke"):
            await kit.guard.revoke(token=f"{head}.{claims}.{signature[::-1]}")

        await client.assert_nothing_received()


@in_loop
async def test_first_message_after_the_handshake_is_one_too_many() -> None:
    """Who has an identity cannot show a credential as a first message."""
    async with chat_kit() as kit:
        client = await kit.connect("/ws")
        await client.assert_refused("already_authenticated", "wssec.auth", {"token": kit.token("bob")})


@in_loop
async def test_server_of_somebody_else_is_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    """What guard.listen adds is missed once, in words; a guard that listens itself says nothing."""
    async with chat_kit() as kit:
        await kit.connect("/ws")
        assert "guard.listen()" not in caplog.text
    bare = chat_kit()
    await bare.guard.start(following=False)
    server = HTTPServer(bare.app)
    sockets = bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    bare.port = sockets[0].getsockname()[1]
    for _ in range(2):
        await (await bare.connect("/ws")).close()
    server.stop()
    await bare.guard.stop()

    assert 1 == caplog.text.count("guard.listen() did not make")


def test_guard_takes_each_way_once() -> None:
    """Two of one kind would each find the same credential, and every handshake would be refused."""
    with pytest.raises(ConfigurationError, match="holds BearerToken 2 times"):
        chat_kit(authenticators=[BearerToken(), BearerToken(query=True)])
