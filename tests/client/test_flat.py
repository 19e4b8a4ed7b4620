"""Endpoints with a flat envelope: our clients say and hear there what they say and hear anywhere."""

from typing import Any

import pytest
from marshmallow import fields, validate

from tests.client.kit import LINE, RIGHTS, Chat, in_loop
from tests.kits import GENEROUS, V1
from tests.signing import RIGHTS as SIGNER
from tests.signing import Desk, DeskSocket, ed25519
from tornado_wssec import PUBLIC, Channel, Envelope, FirstMessage, Message, Registry, SecureWebSocketHandler
from tornado_wssec.client import Client, Event, MessageSigner, Refused, bearer, public_jwk
from tornado_wssec.testing import Client as KitClient
from tornado_wssec.testing import GuardKit
from tornado_wssec.testing.clock import NOON

FLAT = Envelope.flat(type="action")


def client_of(kit: Chat, **options: Any) -> Client:
    """Ann's client of it."""
    return kit.client(url=f"ws://{kit.host}/flat", envelope=FLAT, **options)


@in_loop
async def test_client_speaks_flat() -> None:
    """Requests, refusals, channels with history, and what is said unasked."""
    async with Chat(limits=GENEROUS) as kit, client_of(kit) as ann:
        heard = ann.events()
        await ann.subscribe("room:lobby")
        assert {"delivered": True} == await ann.request("chat.send", LINE)
        said = await anext(heard)
        with pytest.raises(Refused, match=r".") as caught:
            await ann.request("chat.send", {"room": "lobby"})
        await ann.subscribe("kept:lobby")
        await ann.request("chat.send", {**LINE, "text": "keep"})
        kept = await anext(heard)

        assert Event("chat.posted", {**LINE, "author": "ann"}, "room:lobby", None) == said
        assert ("invalid", {"text"}) == (caught.value.code, set(caught.value.fields or ()))
        assert ("kept:lobby", int) == (kept.channel, type(kept.seq))


@in_loop
async def test_client_renews_flat() -> None:
    """`wssec.expiring` and `wssec.refresh`, over the open connection."""
    async with Chat(limits=GENEROUS) as kit, client_of(kit, renew=lambda: kit.token("ann", RIGHTS)) as ann:
        await ann.subscribe("room:lobby")
        await kit.advance(545)
        event = await anext(ann.events())
        assert ("wssec.expiring", 55.0) == (event.type, event.data["expires_in"])
        while ann.state.expires_in != 600:
            await ann.request("ping")


class Note(Message):
    """Clients publish it themselves."""

    class Meta:
        type = "note"
        direction = "both"
        permission = PUBLIC

    text = fields.String(required=True, validate=validate.Length(max=9))


class Board(Channel):
    class Meta:
        pattern = "board"
        subscribe = PUBLIC
        publish = PUBLIC
        accepts = ("note",)


class FlatFirst(SecureWebSocketHandler):
    """Says who it is in the first message."""

    authenticators = [FirstMessage()]  # noqa: RUF012 -- as users write it
    envelope = FLAT


@in_loop
async def test_first_message_and_publication_are_said_flat() -> None:
    """`wssec.auth`, and `wssec.publish` with a `type` and `data` of its own beside `action`."""
    async with GuardKit([("/ws", FlatFirst)], registry=Registry(Note, Board)) as kit:
        socket, _ = await kit.handshake("/ws")
        ann = KitClient(socket, None, FLAT)
        await ann.send("wssec.auth", {"token": kit.token("ann")}, "1")
        assert "session" in await ann.assert_received("wssec.ready")
        assert {"type": "reply", "id": "1", "data": {}} == await ann.receive()
        await ann.request("wssec.subscribe", {"channel": "board"})
        await ann.request("wssec.publish", {"channel": "board", "type": "note", "data": {"text": "hi"}})

        assert {"type": "note", "channel": "board", "data": {"text": "hi"}} == await ann.receive()


class FlatDesk(DeskSocket):
    """Orders for clients of old, that learn to sign."""

    envelope = FLAT


@in_loop
async def test_client_signs_flat(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is signed is the message as it would have gone over the wire."""
    monkeypatch.setattr(MessageSigner.__init__, "__kwdefaults__", {"wall": lambda: NOON})
    async with Desk(FlatDesk, limits=GENEROUS) as kit:
        key = ed25519()
        shown = bearer(kit.token("ann", SIGNER, cnf={"jwk": public_jwk(key)}))
        given: dict[str, Any] = {"signing_key": key, "signed": {"desk.order"}, "envelope": FLAT, "credential": shown}
        async with Client(f"ws://{kit.host}/ws", **given) as ann:
            assert {"ordered": "ABC"} == await ann.request("desk.order", {"symbol": "ABC"})


@in_loop
async def test_client_says_nothing_by_a_name_of_the_envelope() -> None:
    """It is the caller's mistake, and told at once."""
    async with Chat(limits=GENEROUS) as kit, client_of(kit) as ann:
        for say in (ann.request, ann.send):
            with pytest.raises(ValueError, match="needs action for itself"):
                await say("chat.send", {**LINE, "action": "x"})


@in_loop
async def test_both_envelopes_hear_one_publication() -> None:
    """Each in its own form."""
    async with Chat(limits=GENEROUS) as kit:
        old = await kit.connect("/flat", permissions=RIGHTS, envelope=FLAT)
        new = await kit.connect("/ws", subject="bob", permissions=RIGHTS)
        for one in (old, new):
            await one.request("wssec.subscribe", {"channel": "room:lobby"})
        await old.request("chat.send", LINE)

        wanted = {"type": "chat.posted", "channel": "room:lobby", "data": {**LINE, "author": "ann"}}
        assert [wanted, wanted] == [await old.receive(), await new.receive()]


@in_loop
async def test_kit_client_makes_its_claims_of_flat_endpoints() -> None:
    """Refusals, silence and what comes unasked."""
    async with Chat(limits=GENEROUS) as kit:
        ann = await kit.connect("/flat", permissions=RIGHTS, envelope=FLAT, subprotocols=V1)
        assert {"session", "nonce", "heartbeat", "expires_in"} == (await ann.assert_received("wssec.ready")).keys()
        await ann.assert_refused("permission_denied", "chat.send", {**LINE, "room": "attic"})
        await ann.assert_nothing_received()
