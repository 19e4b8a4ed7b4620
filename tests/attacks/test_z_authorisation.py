"""Lines Z01 to Z12 over a real socket: being connected is not being allowed."""

import logging
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest
from marshmallow import fields, validate

from schemas import chat
from tests.kits import CHAT, GENEROUS, V1, ChatSocket, audited, chat_kit, in_loop
from tests.talk import Guarded, Rare, Script, TalkSocket, Told
from tornado_wssec import PUBLIC, Channel, Limits, Message, Registry, SecureWebSocketHandler, on
from tornado_wssec.testing import Client, GuardKit

from .target import LIMITS, error_to, handled, target_kit
from .test_z_patterns import Z04_PATHS, Z06_WILDCARDS, Z07_LOOK_ALIKES

NAME = validate.Regexp(r"[a-z0-9-]{1,64}\Z")


class Order(Message):
    """Order something for oneself."""

    class Meta:
        type = "shop.order"
        permission = "shop:order:{tenant}"
        bind = MappingProxyType({"userId": "sub", "tenant": "tenant"})

    userId = fields.String(required=True, validate=validate.Length(max=128))
    tenant = fields.String(required=True, validate=NAME)
    item = fields.String(required=True, validate=NAME)


class Ban(Message):
    """Ban somebody: for administrators."""

    class Meta:
        type = "shop.ban"
        permission = "shop:admin:ban"

    user = fields.String(required=True, validate=NAME)


class Orders(Channel):
    """The orders of one tenant."""

    class Meta:
        pattern = "tenant:{tenant}:orders"
        subscribe = "shop:read:{tenant}"

    tenant = fields.String(required=True, validate=NAME)


class Ordered(Message):
    """Something has been ordered."""

    class Meta:
        type = "shop.ordered"
        direction = "out"
        permission = "shop:read:{tenant}"

    tenant = fields.String(required=True, validate=NAME)
    item = fields.String(required=True, validate=NAME)


class News(Channel):
    """What everybody may hear."""

    class Meta:
        pattern = "news:{topic}"
        subscribe = PUBLIC

    topic = fields.String(required=True, validate=NAME)


class ShopSocket(SecureWebSocketHandler):
    """Keeps what it was given."""

    @on(Order, Ban)
    def keep(self, data: dict[str, Any]) -> None:
        self.settings["handled"].append(data)


def shop_kit(**options: Any) -> GuardKit:
    """A shop at /ws."""
    registry = Registry(Order, Ban, Orders, Ordered, News)
    return GuardKit([(r"/ws", ShopSocket)], registry=registry, app_settings={"handled": []}, **options)


async def acme(kit: GuardKit, *permissions: str, subject: str = "ann") -> Client:
    """A client of the tenant acme."""
    token = kit.token(subject, permissions or ("shop:*:acme",), tenant="acme")
    return await kit.connect("/ws", token=token)


@pytest.mark.requirement("R047")
@pytest.mark.parametrize(
    "named",
    [
        {"userId": "bob"},
        {"userId": "ANN"},
        {"userId": "ann "},
        {"userId": ""},
        {"userId": "*"},
        {"userId": "ann\u200b"},
        {"tenant": "evil"},
        {"tenant": "acme-2"},
        {"userId": "ann", "tenant": "evil"},
        {"userId": "bob", "tenant": "acme"},
    ],
    ids=repr,
)
@pytest.mark.usefixtures("way")
@in_loop
async def test_z01_somebody_else_is_named(named: dict[str, str]) -> None:
    """A bound field that is not the connection's own claim is denied, even to whoever may do everything."""
    async with shop_kit() as kit:
        for permissions in (("shop:*:acme",), ("**",)):
            client = await acme(kit, *permissions)
            await client.assert_refused("permission_denied", "shop.order", {"item": "tea", **named})
            await client.assert_nothing_received()

        assert [] == handled(kit)


@pytest.mark.requirement("R047")
@pytest.mark.usefixtures("way")
@in_loop
async def test_z01_oneself_named_or_left_out() -> None:
    """The own claim may be named, and is filled in where it is not."""
    async with shop_kit() as kit:
        client = await acme(kit)
        await client.request("shop.order", {"item": "tea"})
        await client.request("shop.order", {"item": "tea", "userId": "ann", "tenant": "acme"})

        assert [{"item": "tea", "userId": "ann", "tenant": "acme"}] * 2 == handled(kit)


@pytest.mark.usefixtures("way")
@in_loop
async def test_z01_identity_without_the_claim() -> None:
    """Nobody is bound to a claim that the token lacks: neither named nor filled in."""
    async with shop_kit() as kit:
        client = await kit.connect("/ws", permissions=["**"])
        await client.assert_refused("permission_denied", "shop.order", {"item": "tea"})
        await client.assert_refused("permission_denied", "shop.order", {"item": "tea", "tenant": "acme"})

        assert [] == handled(kit)


@pytest.mark.requirement("R048")
@in_loop
async def test_z02_administrative_type(caplog: pytest.LogCaptureFixture) -> None:
    """It is denied and audited each time, and who keeps trying is closed with 4400."""
    caplog.set_level(logging.INFO)
    async with shop_kit() as kit:
        client = await acme(kit, "shop:*:acme", "shop:admin", "shop:admin:*:ban", "shop:admins:ban")
        for _ in range(Limits().error_budget):
            await client.assert_refused("permission_denied", "shop.ban", {"user": "bob"})
        await client.send("shop.ban", {"user": "bob"})

        assert "too many bad messages" == await client.assert_closed(4400)
        assert [] == handled(kit)
        root = await kit.connect("/ws", subject="root", permissions=["shop:admin:*"])
        await root.request("shop.ban", {"user": "bob"})
    refusals = audited(caplog.records, "message.refused")
    assert {("permission_denied", "ann")} == {(line["code"], line["subject"]) for line in refusals}
    assert Limits().error_budget == len(refusals)


@in_loop
async def test_z03_type_of_another_endpoint() -> None:
    """What one endpoint handles is unknown to the other, as if it did not exist."""
    async with target_kit() as kit:
        here, there = await kit.connect("/ws"), await kit.connect("/other")
        _, declared = await error_to(here, '{"type":"target.elsewhere"}')
        _, undeclared = await error_to(here, '{"type":"target.nowhere00"}')
        await there.assert_refused("unknown_type", "target.small")
        await there.request("target.elsewhere")

        assert declared == undeclared
        assert [{}] == handled(kit)


@pytest.mark.requirement("R045")
@pytest.mark.parametrize("names", [Z04_PATHS, Z06_WILDCARDS, Z07_LOOK_ALIKES], ids=["z04", "z06", "z07"])
@in_loop
async def test_z06_channel_that_is_none(names: list[str]) -> None:
    """Climbing, wild or look-alike: to subscribe is refused to whoever may do everything, and nobody listens."""
    async with shop_kit(limits=LIMITS) as kit:
        client = await acme(kit, "**")
        for name in names:
            answer = await client.answer(await asked(client, "wssec.subscribe", name))
            codes = {"permission_denied", "invalid"} if len(name) > 128 or "\0" in name else {"permission_denied"}

            assert (name, True) == (name, answer.get("code") in codes)
        assert [set()] == [live.channels for live in kit.guard.hub]


async def asked(client: Client, type: str, channel: str) -> str:
    """Send a request about a channel; return its id."""
    await client.send(type, {"channel": channel}, "asked")
    return "asked"


@in_loop
async def test_z06_wildcard_in_a_field() -> None:
    """A pattern in a field is a value, and the schema refuses it like any other that does not fit."""
    async with shop_kit(limits=LIMITS) as kit:
        client = await kit.connect("/ws", permissions=["shop:**", "**"])
        for user in ("*", "**", "?", "[a]", "lobby:*", "a*", "{room}", "..", "%2a"):
            await client.assert_refused("invalid", "shop.ban", {"user": user})

        assert [] == handled(kit)


class Loose(Message):
    """A type whose field lets wildcards pass, so that only the permission stands in their way."""

    class Meta:
        type = "loose.say"
        permission = "loose:say:{room}"

    room = fields.String(required=True, validate=validate.Length(max=64))


class LooseSocket(SecureWebSocketHandler):
    """Keeps what it was given."""

    @on(Loose)
    def keep(self, data: dict[str, Any]) -> None:
        self.settings["handled"].append(data)


@pytest.mark.parametrize(
    "room", ["*", "**", "lobby:x", ":", "", " ", "lobby ", "..", "a\u200b", "\uff0a", "lobby\n", "{room}"]
)
@in_loop
async def test_z06_wildcard_that_the_schema_lets_pass(room: str) -> None:
    """It is permission_denied, also to whoever holds that very wildcard as a grant."""
    async with GuardKit([(r"/ws", LooseSocket)], registry=Registry(Loose), app_settings={"handled": []}) as kit:
        client = await kit.connect("/ws", permissions=["loose:say:*", "loose:**", "**"])
        await client.assert_refused("permission_denied", "loose.say", {"room": room})

        assert [] == handled(kit)


@pytest.mark.standard("WebSocket cheat sheet authorisation")
@pytest.mark.requirement("R041")
@in_loop
async def test_z08_subscribing_is_not_publishing() -> None:
    """A listener may not publish, where clients may not at all as little as where others may."""
    async with chat_kit() as kit:
        client = await kit.connect("/ws", permissions=["chat:read:lobby"])
        await client.request("wssec.subscribe", {"channel": "room:lobby"})

        await client.assert_refused("permission_denied", "chat.send", {"room": "lobby", "text": "hi"})
        data = {
            "channel": "room:lobby",
            "type": "chat.posted",
            "data": {"room": "lobby", "text": "hi", "author": "ann"},
        }
        await client.assert_refused("permission_denied", "wssec.publish", data)
        await client.assert_nothing_received()


@in_loop
async def test_z08_unsubscribing_somebody_else() -> None:
    """Nobody ends another's subscription; unsubscribing from what one does not hear changes nothing."""
    async with chat_kit() as kit:
        ann = await kit.connect("/ws", permissions=["chat:**"])
        eve = await kit.connect("/ws", subject="eve", permissions=["chat:**"])
        await ann.request("wssec.subscribe", {"channel": "room:lobby"})
        for name in ("room:lobby", "room:none", "none", "*"):
            assert {} == await eve.request("wssec.unsubscribe", {"channel": name})
        await kit.guard.publish("room:lobby", chat.Posted, {"room": "lobby", "text": "hi", "author": "x"})

        assert "hi" == (await ann.assert_received("chat.posted"))["text"]
        await eve.assert_nothing_received()


@in_loop
async def test_z08_too_many_subscriptions() -> None:
    """Beyond the declared number it is rate_limited, costs no error budget, and leaving one makes room for one."""
    most = 3
    async with shop_kit(limits=replace(GENEROUS, subscriptions=most, error_budget=1)) as kit:
        client = await kit.connect("/ws")
        for topic in range(most):
            await client.request("wssec.subscribe", {"channel": f"news:{topic}"})
        for topic in range(most, 20):
            await client.assert_refused("rate_limited", "wssec.subscribe", {"channel": f"news:{topic}"})
        await client.request("wssec.subscribe", {"channel": "news:0"})
        await client.request("wssec.unsubscribe", {"channel": "news:0"})
        await client.request("wssec.subscribe", {"channel": "news:9"})

        assert [{"news:1", "news:2", "news:9"}] == [live.channels for live in kit.guard.hub]


@in_loop
async def test_z09_right_withdrawn_while_connected() -> None:
    """A refresh with fewer rights ends the next message and the next delivery; the connection itself stays."""
    async with chat_kit() as kit:
        client = await kit.connect("/ws", permissions=["chat:**"])
        await client.request("wssec.subscribe", {"channel": "room:lobby"})
        await client.request("wssec.subscribe", {"channel": "room:board"})
        await client.request("wssec.refresh", {"token": kit.token("ann", ["chat:*:board"])})
        assert [{"room:board"}] == [live.channels for live in kit.guard.hub]
        for room in ("lobby", "board"):
            await kit.guard.publish(f"room:{room}", chat.Posted, {"room": room, "text": room, "author": "x"})

        assert "board" == (await client.assert_received("chat.posted"))["text"]
        await client.assert_refused("permission_denied", "chat.send", {"room": "lobby", "text": "hi"})
        await client.assert_nothing_received()


@in_loop
async def test_z10_logout_and_disconnect() -> None:
    """Whoever is disconnected or revoked goes with 4403; nobody else does."""
    async with shop_kit() as kit:
        ann, bob = await acme(kit), await acme(kit, subject="bob")
        eve = await kit.connect("/ws", subject="eve")

        assert 1 == await kit.guard.disconnect(subject="ann", reason="logged out")
        assert "logged out" == await ann.assert_closed(4403)
        await kit.guard.revoke(tenant="acme")
        assert "access revoked" == await bob.assert_closed(4403)
        await eve.assert_nothing_received()


def busy_kit(script: Script) -> GuardKit:
    """A talk whose handlers can be kept waiting, on the way that the test takes."""
    return GuardKit([("/ws", TalkSocket)], registry=Registry(Told, Guarded, Rare), app_settings={"script": script})


@pytest.mark.requirement("R079")
@pytest.mark.usefixtures("way")
@in_loop
async def test_z11_revoked_between_validation_and_handler() -> None:
    """What is valid and allowed, and waits for its turn, is not handled once its sender has been revoked."""
    script = Script()
    script.do = script.wait
    async with busy_kit(script) as kit:
        client = await kit.connect("/ws", permissions=["talk:guarded"])
        await client.send("talk.do", {"what": "slow"}, "slow")
        await script.entered.wait()
        await client.send("talk.guarded", {}, "guarded")
        await client.assert_nothing_received()
        await kit.guard.revoke(subject="ann")
        await client.assert_closed(4403)
        script.go_on.set()
        await script.left.wait()

        assert ["slow"] == [told for told in script.told if not isinstance(told, tuple)]


@pytest.mark.usefixtures("way")
@in_loop
async def test_z11_right_given_up_between_validation_and_handler() -> None:
    """By a refresh with a token that carries less."""
    script = Script()
    script.do = script.wait
    async with busy_kit(script) as kit:
        client = await kit.connect("/ws", permissions=["talk:guarded"], subprotocols=V1)
        (live,) = kit.guard.hub
        await client.assert_received("wssec.ready")
        await client.send("talk.do", {"what": "slow"}, "slow")
        await script.entered.wait()
        await client.send("talk.guarded", {}, "guarded")
        await client.assert_nothing_received()
        await kit.guard.reception.refresh(live, kit.token("ann"))
        script.go_on.set()

        assert "reply" == (await client.answer("slow"))["type"]
        assert "permission_denied" == (await client.answer("guarded"))["code"]
        assert ["slow"] == [told for told in script.told if not isinstance(told, tuple)]


@pytest.mark.requirement("R045")
@in_loop
async def test_z12_channel_that_does_not_exist() -> None:
    """The answer has the same bytes whether the channel exists, is somebody else's, or could not exist."""
    async with shop_kit(limits=LIMITS) as kit:
        client = await acme(kit)
        owner = await kit.connect("/ws", subject="root", permissions=["**"])
        await owner.request("wssec.subscribe", {"channel": "tenant:evil:orders"})
        answers = {
            (await error_to(client, f'{{"type":"wssec.subscribe","id":"a","data":{{"channel":"{name}"}}}}'))[1]
            for name in ("tenant:evil:orders", "tenant:none:orders", "tenant:evil:none", "none", "a:b:c:d:e", "::", "*")
        }

    assert 1 == len(answers)
    assert '"code":"permission_denied"' in answers.pop()


@pytest.mark.requirement("R028", "R050")
@in_loop
async def test_z12_route_that_needs_a_right() -> None:
    """A route says 403 to whoever lacks its permission, with one body, whatever the URL names."""

    class BoardSocket(ChatSocket):
        requires = "board:join:{board}"

    async with GuardKit([(r"/ws/(?P<board>.*)", BoardSocket)], registry=CHAT) as kit:
        token = kit.token("ann", ["board:join:b1", "board:*"])
        bodies = {
            (await kit.assert_handshake_refused(403, f"/ws/{board}", token=token)).body
            for board in ("b2", "*", "**", "", "b1:x", "%2a", "b1%00", "B1", "../b1", "b1/")
        }
        client = await kit.connect("/ws/b1", token=token, subprotocols=V1)

    assert 1 == len(bodies)
    assert "wssec.v1" == client.subprotocol
