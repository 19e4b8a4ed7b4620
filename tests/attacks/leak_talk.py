"""Secrets in what is said by those who are in: binary, signed and published messages, API keys and cookies."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar, Final

from marshmallow import fields, validate

from tests.attacks.leak_secrets import SECRETS, secret
from tests.attacks.logins import Browser, LoginHandler
from tests.kits import GENEROUS, V1
from tests.rooms import publication
from tests.signing import ed25519, signed
from tornado_wssec import PUBLIC, Authenticator, Channel, Message, SecureWebSocketHandler, SessionCookie, on
from tornado_wssec.auth import ApiKey
from tornado_wssec.client import public_jwk
from tornado_wssec.policy.binary import joined
from tornado_wssec.settings import Limits
from tornado_wssec.testing import Client, GuardKit
from tornado_wssec.testing.raw import BINARY

PNG: Final = b"\x89PNG\r\n\x1a\n"
Name: Final = fields.String(required=True, validate=validate.Regexp(r"[a-z0-9-]{1,16}\Z"))
Text: Final = fields.String(required=True, validate=validate.Length(max=64))
NERVOUS: Final[Limits] = replace(GENEROUS, alert_messages=1, alert_burst_bytes=256)
"""So that what is said here is enough for an alert."""


class Picture(Message):
    """A picture, and how it fares."""

    class Meta:
        type = "leak.picture"
        permission = PUBLIC
        max_bytes = 1_024
        binary = "png"

    title = Text


class Order(Message):
    """What must be signed."""

    class Meta:
        type = "leak.order"
        permission = PUBLIC
        signed = True

    note = Text


class Note(Message):
    """What clients publish themselves."""

    class Meta:
        type = "leak.note"
        direction = "both"
        permission = "leak:note"

    text = Text


class Room(Channel):
    """Where it is told."""

    class Meta:
        pattern = "leaks:{room}"
        subscribe = PUBLIC
        publish = PUBLIC
        accepts = [Note]  # noqa: RUF012 - as applications write it

    room = Name


MESSAGES: Final = (Picture, Order, Note, Room)


class TalkSocket(SecureWebSocketHandler):
    """Handles what is good, and fails with it in its hand."""

    allow_missing_origin = True

    @on(Picture, Order)
    async def take(self, data: dict[str, Any]) -> dict[str, Any]:
        if data.get("title") == "fail":
            raise ValueError(f"{data} {data['payload']!r}")
        if str(data.get("note")).startswith("fail"):
            raise ValueError(repr(data))
        return {"kept": data.get("note", "")}


class KeySocket(TalkSocket):
    """For programs."""

    authenticators: ClassVar[Sequence[Authenticator]] = (ApiKey(),)


class CookieSocket(TalkSocket):
    """For browsers."""

    authenticators: ClassVar[Sequence[Authenticator]] = (SessionCookie(),)


ROUTES: Final = [("/talk", TalkSocket), ("/key", KeySocket), ("/cookie", CookieSocket), ("/login", LoginHandler)]


async def say_everything(kit: GuardKit) -> None:
    """Good and bad, of every kind of message; whoever makes a handler fail is put out."""
    await say_in_bytes(await entered(kit))
    client = await entered(kit)
    await client.send_binary("leak.picture", {"title": "fail"}, payload=PNG + secret("bytes that fail").encode())
    await client.assert_closed(1011)
    await say_signed(kit)
    await publish(kit, await entered(kit))


async def entered(kit: GuardKit) -> Client:
    """Somebody who may publish."""
    return await kit.connect("/talk", subject="mia", permissions=["leak:note"])


async def say_signed(kit: GuardKit) -> None:
    """What is taken, what is no signature, and what the handler chokes on."""
    key = ed25519()
    token = kit.token("mia", cnf={"jwk": public_jwk(key)})
    SECRETS["token that names a key"] = token.rpartition(".")[2]
    client = await kit.connect("/talk", token=token, subprotocols=V1)
    nonce = SECRETS["nonce of a connection"] = (await client.assert_received("wssec.ready"))["nonce"]

    def jws(seq: int, note: str) -> str:
        message = json.dumps({"type": "leak.order", "id": "o", "data": {"note": note}})
        made = signed(key, {"nonce": nonce, "seq": seq, "ts": int(kit.clock.wall), "message": message})
        SECRETS[f"signature {seq}"] = made.rpartition(".")[2]
        return made

    good = jws(1, secret("signed message"))
    await client.send("wssec.signed", {"jws": good})
    assert "reply" == (await client.answer("o"))["type"]
    for bad in (good, f"{secret('header of a JWS')}.{secret('payload of a JWS')}.{secret('signature of a JWS')}"):
        await client.send("wssec.signed", {"jws": bad}, "f")
        assert "code" in await client.answer("f")
    await client.send("wssec.signed", {"jws": jws(2, f"fail {secret('signed message that fails')}")})
    await client.assert_closed(1011)


async def say_in_bytes(client: Client) -> None:
    """Pictures: one that is taken, one that is none, and two whose heads are wrong."""
    for number, (title, payload) in enumerate(
        (
            (secret("title of a picture"), PNG + secret("bytes of a picture").encode()),
            (secret("title of what is no picture"), secret("bytes of what is no picture").encode()),
            (secret("title that is too long") * 9, PNG + secret("bytes behind a bad head").encode()),
        )
    ):
        await client.send_binary("leak.picture", {"title": title}, payload=payload, id=f"p{number}")
        assert ("code" in await client.answer(f"p{number}")) is (number > 0)
    await client.socket.send_frame(BINARY, joined(f'{{"{secret("head that is no JSON")}', PNG))
    await client.assert_refused("malformed")


async def publish(kit: GuardKit, client: Client) -> None:
    """By the client, by the server, and what may not be published."""
    await client.request("wssec.subscribe", {"channel": "leaks:one"})
    note = {"text": secret("published message")}
    await client.request("wssec.publish", publication("leaks:one", note, "leak.note"))
    for what in ({"text": secret("published text too long") * 9}, {secret("published field"): 1}):
        await client.assert_refused("invalid", "wssec.publish", publication("leaks:one", what, "leak.note"))
    await kit.guard.publish("leaks:one", Note, {"text": secret("message that the server publishes")})


async def show_keys_and_cookies(kit: GuardKit) -> None:
    """Good ones and bad ones, and a login with its password."""
    made = await kit.guard.create_api_key("robot", note="of a robot")
    shown = made.key
    SECRETS["good API key"] = shown.rpartition("_")[2]
    for status, key in ((101, shown), (401, f"{shown[:-1]}~"), (401, secret("foreign API key"))):
        _, answer = await kit.handshake("/key", extra=[("X-Api-Key", key)])
        assert status == answer.status, (key, answer)
    browser = Browser(kit)
    await browser.sign_in("carl", password=secret("password of a login"))
    SECRETS.update({"cookie of a login": browser.value, "value against forgery": browser.csrf})
    assert 101 == await browser.handshake(path=f"/cookie?csrf={browser.csrf}")
    assert 403 == await browser.handshake(path=f"/cookie?csrf={secret('wrong value against forgery')}")
    browser.value = secret("cookie that is none")
    assert 401 == await browser.handshake(path="/cookie?csrf=x")
