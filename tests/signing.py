"""A desk whose orders must be signed, and clients that sign them well or badly."""

import json
from collections.abc import Mapping
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from marshmallow import fields, validate

from tests.kits import V1
from tornado_wssec import PUBLIC, Message, Registry, SecureWebSocketHandler, on
from tornado_wssec.client import public_jwk
from tornado_wssec.client.signing import SigningKey
from tornado_wssec.policy.key_material import KeyMaterial
from tornado_wssec.policy.signatures import TYP
from tornado_wssec.testing import Client, GuardKit

RIGHTS: Final = ("desk:order:*", "desk:look:*")


class Order(Message):
    """Buy or sell; whoever does must sign it."""

    class Meta:
        type = "desk.order"
        permission = "desk:order:{symbol}"
        signed = True
        max_bytes = 256

    symbol = fields.String(required=True, validate=validate.Regexp(r"[A-Z]{1,8}\Z"))
    note = fields.String(validate=validate.Length(max=2_000))


class Look(Message):
    """Ask for a price; that needs no signature."""

    class Meta:
        type = "desk.look"
        permission = "desk:look:{symbol}"

    symbol = fields.String(required=True, validate=validate.Regexp(r"[A-Z]{1,8}\Z"))


class Wave(Message):
    """Wave to everybody; everybody may, by a key."""

    class Meta:
        type = "desk.wave"
        permission = PUBLIC
        signed = True


MESSAGES: Final = (Order, Look, Wave)


class DeskSocket(SecureWebSocketHandler):
    """Keeps what was ordered."""

    allow_missing_origin = True

    @on(Order)
    def take_order(self, data: dict[str, Any]) -> dict[str, Any]:
        self.settings["orders"].append(data["symbol"])
        return {"ordered": data["symbol"]}

    @on(Wave)
    def wave(self, data: dict[str, Any]) -> None:
        self.settings["orders"].append("wave")

    @on(Look)
    async def tell_price(self, data: dict[str, Any]) -> dict[str, Any]:
        return {"symbol": data["symbol"]}


class Desk(GuardKit):
    """The desk at /ws."""

    def __init__(
        self, handler: type[SecureWebSocketHandler] = DeskSocket, registry: Registry | None = None, **options: Any
    ) -> None:
        self.orders: list[str] = []
        declared = registry or Registry(*MESSAGES)  # anew each time, for tests that choose the way through a schema
        super().__init__([(r"/ws", handler)], registry=declared, app_settings={"orders": self.orders}, **options)

    async def enter(self, key: SigningKey | None, subject: str = "ann", **options: Any) -> "Signer":
        """A client whose token names this key."""
        bound = {"cnf": {"jwk": public_jwk(key)}} if key else {}
        options.setdefault("token", self.token(subject, RIGHTS, **bound))
        client = await self.connect("/ws", subprotocols=V1, **options)
        nonce = (await client.assert_received("wssec.ready"))["nonce"]
        return Signer(self, client, key or ed25519(), nonce)


class Signer:
    """A client that signs, and can sign anything else as well.

    Args:
        kit: whose clock it goes by.
        nonce: of its connection.
    """

    def __init__(self, kit: GuardKit, client: Client, key: SigningKey, nonce: str) -> None:
        self.kit = kit
        self.client = client
        self.key = key
        self.nonce = nonce
        self.seq = 0

    def payload(self, message: str | None = None, **changes: Any) -> dict[str, Any]:
        """The next payload, or one that is wrong."""
        self.seq += 1
        good = {"nonce": self.nonce, "seq": self.seq, "ts": int(self.kit.clock.wall), "message": message or order()}
        return {**good, **changes}

    def jws(self, message: str | None = None, **changes: Any) -> str:
        """The next payload, signed."""
        return signed(self.key, self.payload(message, **changes))

    async def say(self, jws: Any, id: str | None = None) -> None:
        """Send an envelope."""
        await self.client.send("wssec.signed", {"jws": jws}, id)

    async def ask(self, jws: Any) -> dict[str, Any]:
        """Send an envelope under the id `e`, and return the answer to it."""
        await self.say(jws, "e")
        return await self.client.answer("e")

    async def assert_refused(self, code: str, jws: Any) -> dict[str, Any]:
        """Claim that an envelope is answered by this error."""
        answer = await self.ask(jws)
        assert code == answer.get("code"), answer
        return answer

    async def assert_accepted(self, jws: Any) -> None:
        """Claim that an order is taken."""
        answer = await self.ask(jws)
        assert "reply" == answer["type"], answer


def order(symbol: str = "ABC", id: str | None = None) -> str:
    """The text of an order."""
    named = {} if id is None else {"id": id}
    return json.dumps({"type": "desk.order", **named, "data": {"symbol": symbol}})


def ed25519() -> Ed25519PrivateKey:
    """A new key."""
    return Ed25519PrivateKey.generate()


def p256() -> SigningKey:
    """A new key."""
    return generate_private_key(SECP256R1())


def material_of(key: SigningKey) -> KeyMaterial:
    """The key as the package holds it."""
    return KeyMaterial("EdDSA" if isinstance(key, Ed25519PrivateKey) else "ES256", key)


def signed(key: SigningKey, payload: Mapping[str, Any] | str, typ: str = TYP, **header: Any) -> str:
    """A compact JWS that the key really signed, over whatever text."""
    text = payload if isinstance(payload, str) else json.dumps(payload)
    return material_of(key).sign(text.encode(), {"typ": typ, **header})
