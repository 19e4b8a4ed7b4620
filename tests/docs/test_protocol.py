"""The specification of the wire protocol: its conversations are held, its handshake is made, its signature verifies."""

import asyncio
import json
from typing import Final

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.docs.pages import DOCS, blocks
from tests.docs.terminals import fits
from tests.docs.test_wire import exchange, hold
from tests.kits import V1, in_loop
from tests.protocol.server import RIGHTS, Town
from tornado_wssec import Identity, Limits, MessageReplayed
from tornado_wssec.client import MessageSigner
from tornado_wssec.client.connection import HANDLED_WITHIN, LIFE_WITHIN, READY_WITHIN
from tornado_wssec.client.schedule import LONGEST_WAIT, STABLE_AFTER
from tornado_wssec.policy.base64url import decode
from tornado_wssec.policy.codec import ID_LENGTH
from tornado_wssec.policy.reserved import CHANNEL_CHARS
from tornado_wssec.policy.signatures import SignedMessages
from tornado_wssec.testing import Client

PAGE: Final = DOCS / "protocol.md"
TEXT: Final = PAGE.read_text(encoding="utf-8")
BLOCKS: Final = list(blocks(PAGE))


async def begin(town: Town, caption: str) -> Client:
    """The client of a conversation."""
    offered = V1 if "wssec.v1" in caption else ()
    if "first message" in caption:
        socket, _ = await town.handshake("/first", subprotocols=offered)
        return Client(socket, *offered)
    path = "/flat" if "flat" in caption else "/ws"
    return await town.connect(path, permissions=RIGHTS, subprotocols=offered)


async def hold_flat(client: Client, lines: list[str]) -> list[tuple[str, str]]:
    """The same where the type has another name: the last question is asked in its words."""
    *pairs, nothing = await exchange(client, [*lines, '→ {"action": "ping"}', '← {"action":"pong"}'])
    assert nothing[0] == nothing[1]
    return pairs


async def converse() -> list[tuple[str, str]]:
    """Every conversation of the page, each on a connection of its own."""
    pairs = []
    async with Town() as town:
        for block in BLOCKS:
            if block.language != "text":
                continue
            client = await begin(town, block.caption)
            if "541" in block.caption:
                await town.advance(541)
            lines = block.text.replace("TOKEN", town.token("ann", RIGHTS)).splitlines()
            pairs += await (hold_flat if "flat" in block.caption else hold)(client, lines)
            await client.close()
            await town.advance(60)
    return pairs


def test_protocol_conversations_go_as_the_page_says() -> None:
    """Whatever is sent is answered so, and with nothing else."""
    pairs = asyncio.run(converse())

    assert [] == [(wanted, found) for wanted, found in pairs if not fits(wanted, found)]
    assert len(pairs) > 25


@in_loop
async def test_protocol_handshake_is_answered_as_the_page_says() -> None:
    """The very request, by the very key; every line of the answer is there, and `wssec.ready` behind it."""
    asked, answered = (block.text for block in BLOCKS if block.language == "http" and "/wssec/" not in block.text)
    async with Town(settings={"hosts": ("app.example.com",)}) as town:
        raw = await town.raw()
        await raw.write(asked.replace("TOKEN", town.token("ann", RIGHTS)).replace("\n", "\r\n").encode())
        answer = await raw.response()
        status, *lines = answered.strip().splitlines()
        wanted = dict(line.split(": ", 1) for line in lines)
        ready = json.loads((await raw.receive_frame()).payload)  # type: ignore[union-attr]  # None would be no frame

    assert f"HTTP/1.1 {answer.status} Switching Protocols" == status
    assert {name.lower(): value for name, value in wanted.items()}.items() <= answer.headers.items()
    assert "wssec.ready" == ready["type"]


@in_loop
async def test_protocol_ticket_is_bought_as_the_page_says() -> None:
    """The very request; the ticket opens one handshake."""
    (asked,) = (block.text for block in BLOCKS if block.language == "http" and "/wssec/" in block.text)
    async with Town(settings={"hosts": ("app.example.com", "127.0.0.1")}) as town:
        raw = await town.raw()
        text = asked.rstrip("\n").replace("TOKEN", town.token("ann", RIGHTS))
        await raw.write(text.replace("\n", "\r\n").encode())
        bought = json.loads((await raw.response()).body)
        offered = ("wssec.v1", f"wssec.ticket.{bought['ticket']}")
        statuses = [(await town.handshake("/ws", subprotocols=offered, origin=None))[1].status for _ in range(2)]

    assert {"ticket", "expires_in"} == bought.keys()
    assert [101, 401] == statuses


def block_of(caption: str) -> str:
    """The text of a block, without its last line end."""
    (found,) = (block.text for block in BLOCKS if block.caption.startswith(caption))
    return found.rstrip("\n")


@pytest.mark.standard("RFC 8037")
def test_protocol_signature_is_the_one_of_the_page() -> None:
    """Header, payload and key of the page make its JWS byte for byte, and the server opens it once."""
    key, payload = json.loads(block_of("a private key")), block_of("payload")
    said, jws = json.loads(payload), block_of("jws").replace("\n", "")
    signer = MessageSigner(
        Ed25519PrivateKey.from_private_bytes(decode(key["d"])), said["nonce"], wall=lambda: said["ts"]
    )
    public = {name: key[name] for name in ("kty", "crv", "x")}
    identity = Identity(subject="ann", claims={"cnf": {"jwk": public}})
    signed = SignedMessages(said["nonce"], Limits())

    assert jws == signer.sign(said["message"])
    assert [block_of("header"), payload] == [decode(part).decode() for part in jws.split(".")[:2]]
    assert said["message"] == signed.accept(jws, identity, said["ts"] + 30.0, 30.0).text
    with pytest.raises(MessageReplayed):
        signed.accept(jws, identity, said["ts"], 30.0)


def test_protocol_says_the_numbers_of_the_clients() -> None:
    """What a sentence says of waiting is what our clients do; the rest stands in tables that are made."""
    said = " ".join(TEXT.split())

    assert f"min({LONGEST_WAIT:g}, B × 2^n)" in said
    assert 10.0 == STABLE_AFTER
    assert "ready for more than ten seconds" in said
    assert f"not ready within {READY_WITHIN:g} s" in said
    assert f"no answer within {LIFE_WITHIN:g} s, or {HANDLED_WITHIN:g} s" in said
    assert f"at most {ID_LENGTH} characters" in said
    assert f"at most {CHANNEL_CHARS} characters" in said
    assert f"±{Limits().json_integer}" in said
