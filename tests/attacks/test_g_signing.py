"""Signed messages under attack: replayed, moved, forged, unsigned, and in floods."""

import asyncio
import hmac
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from marshmallow import fields, validate

from tests.kits import GENEROUS, V1, audited, chat_kit, in_loop
from tests.signing import MESSAGES, RIGHTS, Desk, DeskSocket, Signer, ed25519, material_of, order, p256, signed
from tests.stores.kit import PATIENT
from tornado_wssec import Channel, Envelope, Limits, Message, Registry, Timeouts, on
from tornado_wssec.client import public_jwk
from tornado_wssec.client.signing import SigningKey
from tornado_wssec.policy import key_material
from tornado_wssec.policy.base64url import decode, encode
from tornado_wssec.policy.signatures import TYP
from tornado_wssec.stores.sqlite import SqliteStore
from tornado_wssec.testing import Client
from tornado_wssec.testing.clock import NOON
from tornado_wssec.testing.raw import TEXT, frame_bytes

pytestmark = pytest.mark.usefixtures("way")

INVALID = "signature_invalid"
REPLAYED = "replayed"


class FlatDesk(DeskSocket):
    """The same in a flat format."""

    envelope = Envelope.flat(type="action")


class WaitingDesk(DeskSocket):
    """Where an order waits behind whatever is handled before it."""

    begun: asyncio.Event
    go_on: asyncio.Event

    async def tell_price(self, data: dict[str, Any]) -> dict[str, Any]:
        self.begun.set()
        await self.go_on.wait()
        return data


each_key = pytest.mark.parametrize("make_key", [ed25519, p256], ids=["EdDSA", "ES256"])


# --- G01 ---


@pytest.mark.requirement("R065")
@each_key
@in_loop
async def test_g01_replay_on_the_same_connection(make_key: Callable[[], SigningKey]) -> None:
    """What was recorded is refused word for word, at once and later; what follows is accepted."""
    async with Desk(limits=GENEROUS) as kit:
        ann = await kit.enter(make_key())
        recorded = [ann.jws(order(symbol)) for symbol in "ABC"]
        for jws in recorded:
            await ann.assert_accepted(jws)
        for jws in recorded:
            await ann.assert_refused(REPLAYED, jws)
        await ann.assert_accepted(ann.jws(order("D")))

        assert ["A", "B", "C", "D"] == kit.orders


@each_key
@in_loop
async def test_g01_replay_on_a_new_connection(make_key: Callable[[], SigningKey]) -> None:
    """By the same person, with the same token and key, before and after the first one has gone."""
    async with Desk(limits=GENEROUS) as kit:
        key = make_key()
        token = kit.token("ann", RIGHTS, cnf={"jwk": public_jwk(key)})
        first = await kit.enter(key, token=token)
        recorded = [first.jws(), first.jws()]
        await first.assert_accepted(recorded[0])
        beside = await kit.enter(key, token=token)
        for jws in recorded:
            await beside.assert_refused(REPLAYED, jws)
        await first.client.close()
        after = await kit.enter(key, token=token)
        for jws in recorded:
            await after.assert_refused(REPLAYED, jws)

        assert ["ABC"] == kit.orders


@pytest.mark.requirement("R065")
@in_loop
async def test_g01_replay_on_another_node(tmp_path: Path) -> None:
    """A whole recorded session, at a node of the same keys and store: nothing of it counts."""
    stores = [SqliteStore(tmp_path / "store.db", timeouts=PATIENT) for _ in range(3)]
    await stores[0].migrate(NOON - 3_600)
    await stores[0].close()
    one, other = (Desk(limits=GENEROUS, store=store) for store in stores[1:])
    other.keys.ring = one.keys.ring
    async with one, other:
        key = ed25519()
        token = one.token("ann", RIGHTS, cnf={"jwk": public_jwk(key)})
        here, there = await one.enter(key, token=token), await other.enter(key, token=token)
        recorded = [here.jws(order(symbol)) for symbol in "ABC"]
        for jws in recorded:
            await here.assert_accepted(jws)
        for jws in recorded:
            await there.assert_refused(REPLAYED, jws)
        await there.assert_accepted(there.jws(order("D")))

        assert (["A", "B", "C"], ["D"]) == (one.orders, other.orders)


@pytest.mark.parametrize("what", [REPLAYED, INVALID])
@in_loop
async def test_g01_replays_use_up_the_error_budget(what: str) -> None:
    """A forged one costs as much: 4400 once the budget is gone."""
    async with Desk(limits=Limits(error_budget=3)) as kit:
        ann = await kit.enter(ed25519())
        wrong = ann.jws() if what == REPLAYED else signed(ed25519(), ann.payload())
        if what == REPLAYED:
            await ann.assert_accepted(wrong)
        for _ in range(3):
            await ann.assert_refused(what, wrong)
        await ann.say(wrong)

        await ann.client.assert_closed(4400)


# --- G02 ---


@pytest.mark.requirement("R065")
@in_loop
async def test_g02_seq_that_does_not_rise() -> None:
    """Equal, lower, below zero or past 2⁵³ − 1: refused; gaps are accepted, up to the last number that there is."""
    async with Desk(limits=GENEROUS) as kit:
        ann = await kit.enter(ed25519())
        await ann.assert_accepted(ann.jws(seq=5))
        for seq in (5, 4, 0):
            await ann.assert_refused(REPLAYED, ann.jws(seq=seq))
        for wrong in (-1, 2**53, 2**53 + 1, 2**64, 6.0, "6", None, True, [6]):
            await ann.assert_refused(INVALID, ann.jws(seq=wrong))
        for seq in (6, 1_000, 2**53 - 1):
            await ann.assert_accepted(ann.jws(seq=seq))
        await ann.assert_refused(REPLAYED, ann.jws(seq=2**53 - 1))


# --- G03 ---


@each_key
@in_loop
async def test_g03_signature_cut_or_spelt_otherwise(make_key: Callable[[], SigningKey]) -> None:
    """Cut, empty, padded, with spaces, in the other alphabet, with bits that mean nothing: none is the signature."""
    async with Desk(limits=GENEROUS) as kit:
        ann = await kit.enter(make_key())
        good = ann.jws()
        head, body, mark = good.split(".")
        last = mark[-1].translate(str.maketrans("AQgwEIMUYcko048s", "BRhxFJNVZdlp159t"))
        wrongs = [
            mark[:-1],
            mark[:10],
            "",
            f"{mark}=",
            f"{mark}==",
            f" {mark}",
            f"{mark}\n",
            f"{mark}A",
            mark[:-1] + last,
        ]
        wrongs += [mark[:40] + "+/" + mark[42:], f"{mark}.{mark}", encode(bytes(64)), "%" + mark[1:], mark + "\uff21"]
        for wrong in wrongs:
            await ann.assert_refused(INVALID, f"{head}.{body}.{wrong}")
        for whole in (
            f"{head}.{body}",
            f"{body}.{mark}",
            f".{body}.{mark}",
            f"{head}..{mark}",
            "..",
            "x",
            good + "=",
            head,
        ):
            await ann.assert_refused(INVALID, whole)
        await ann.assert_accepted(good)


@in_loop
async def test_g03_envelope_of_another_shape() -> None:
    """No text in it, another member beside it, or none at all."""
    async with Desk(limits=GENEROUS) as kit:
        ann = await kit.enter(ed25519())
        for data in ({}, {"jws": 7}, {"jws": None}, {"jws": ""}, {"jws": ann.jws(), "kid": "k"}, {"sig": ann.jws()}):
            await ann.client.assert_refused("invalid", "wssec.signed", data)


# --- G04 ---


@pytest.mark.standard("RFC 7800")
@pytest.mark.requirement("R063")
@each_key
@in_loop
async def test_g04_somebody_elses_key(make_key: Callable[[], SigningKey]) -> None:
    """Who has another key, though it is a good one of somebody who is connected, too, signs nothing here."""
    async with Desk(limits=GENEROUS) as kit:
        anns, bobs = make_key(), make_key()
        ann, bob = await kit.enter(anns), await kit.enter(bobs, "bob")
        await ann.assert_refused(INVALID, signed(bobs, ann.payload()))
        for header in ({"kid": material_of(bobs).thumbprint}, {"jwk": public_jwk(bobs)}, {"x5u": "https://a.example"}):
            await ann.assert_refused(INVALID, signed(bobs, ann.payload(), **header))
        await ann.assert_accepted(ann.jws())
        await bob.assert_accepted(bob.jws())


@in_loop
async def test_g04_nobodys_key() -> None:
    """Whose token names no key, or only the name of one, cannot sign; unsigned messages pass as before."""
    async with Desk(limits=GENEROUS) as kit:
        for cnf in (None, {"jkt": "x" * 43}, {"kid": "k"}):
            nobody = await kit.enter(None, token=kit.token("ann", RIGHTS, cnf=cnf))
            await nobody.assert_refused(INVALID, nobody.jws())
            assert {"symbol": "A"} == await nobody.client.request("desk.look", {"symbol": "A"})


@pytest.mark.requirement("R063")
@in_loop
async def test_g04_revoked_key() -> None:
    """The application takes a key back: from then on it signs nothing, and the next one does, on the open socket."""
    old, new = ed25519(), p256()
    keys = {"ann": public_jwk(old)}

    async def signing_keys(identity: Any) -> Any:
        return keys.get(identity.subject)

    async with Desk(limits=GENEROUS, signing_keys=signing_keys) as kit:
        ann = await kit.enter(old)  # the token goes on naming it
        await ann.assert_accepted(ann.jws(order("A")))
        for left, accepted, refused in (({}, None, old), ({"ann": public_jwk(new)}, new, old)):
            keys.clear()
            keys.update(left)
            await kit.guard.permissions_changed(subject="ann")
            ann.key = refused
            await ann.assert_refused(INVALID, ann.jws(order("B")))
            if accepted is not None:
                ann.key = accepted
                await ann.assert_accepted(ann.jws(order("C")))

        assert ["A", "C"] == kit.orders


@in_loop
async def test_g04_key_revoked_while_a_message_waits() -> None:
    """An order that was admitted is not handled when its key has been taken back meanwhile."""
    key = ed25519()
    answers: dict[str, Any] = {"ann": public_jwk(key)}

    async def signing_keys(identity: Any) -> Any:
        return answers.get(identity.subject)

    WaitingDesk.begun, WaitingDesk.go_on = asyncio.Event(), asyncio.Event()
    async with Desk(WaitingDesk, limits=GENEROUS, signing_keys=signing_keys) as kit:
        ann = await kit.enter(None)
        ann.key = key
        await ann.client.send("desk.look", {"symbol": "A"}, "look")
        await WaitingDesk.begun.wait()
        await ann.say(ann.jws(), "order")
        await ann.client.assert_nothing_received()  # it is admitted by now, and waits
        answers.clear()
        await kit.guard.permissions_changed(subject="ann")
        WaitingDesk.go_on.set()

        assert "reply" == (await ann.client.answer("look"))["type"]
        assert INVALID == (await ann.client.answer("order"))["code"]
        assert [] == kit.orders


@in_loop
async def test_g04_key_that_is_being_revoked() -> None:
    """What was signed while the application is asked waits for the answer, also what needs no right."""
    key = ed25519()
    answers: list[Any] = [public_jwk(key)]
    go_on = asyncio.Event()
    go_on.set()

    async def signing_keys(identity: Any) -> Any:
        answer = answers[-1]
        await go_on.wait()
        return answer

    async with Desk(limits=GENEROUS, signing_keys=signing_keys) as kit:
        ann = await kit.enter(key)
        await ann.assert_accepted(ann.jws('{"type":"desk.wave"}'))
        answers.append(None)
        go_on.clear()
        await kit.guard.permissions_changed(subject="ann")
        await ann.say(ann.jws('{"type":"desk.wave"}'), "late")
        await ann.client.assert_nothing_received()
        go_on.set()

        assert INVALID == (await ann.client.answer("late"))["code"]
        assert ["wave"] == kit.orders


@pytest.mark.parametrize("answer", ["failure", "jwk with a private half", "RSA", "text"])
@in_loop
async def test_g04_key_source_that_does_not_answer(answer: str) -> None:
    """What cannot be known is `unavailable` while the grace lasts, whatever is signed; nothing is let in by it."""
    key = ed25519()
    answers: list[Any] = [public_jwk(key)]

    async def signing_keys(identity: Any) -> Any:
        if answers[-1] == "failure":
            raise OSError
        return answers[-1]

    wrongs: dict[str, Callable[[], Any]] = {
        "failure": lambda: "failure",
        "jwk with a private half": material_of(key).private_jwk,
        "RSA": lambda: key_material.generate("PS256").public_jwk(),
        "text": lambda: "a key",
    }
    async with Desk(limits=GENEROUS, signing_keys=signing_keys) as kit:
        ann = await kit.enter(None)
        ann.key = key
        answers.append(wrongs[answer]())
        await kit.guard.permissions_changed(subject="ann")
        await ann.assert_refused("unavailable", ann.jws())
        await kit.assert_handshake_refused(503, "/ws", token=kit.token("bob"))
        answers.append(public_jwk(key))
        await kit.guard.permissions_changed(subject="ann")
        await ann.assert_accepted(ann.jws())


@in_loop
async def test_g04_key_comes_along_with_a_ticket() -> None:
    """Who hands a token over for a ticket signs with the same key, and with no other."""
    async with Desk(limits=GENEROUS) as kit:
        key = ed25519()
        ticket = await kit.ticket("/ws", "ann", RIGHTS, cnf={"jwk": public_jwk(key)})
        socket, response = await kit.handshake("/ws", subprotocols=[*V1, f"wssec.ticket.{ticket}"])
        assert 101 == response.status
        client = Client(socket, *V1)
        ann = Signer(kit, client, key, (await client.assert_received("wssec.ready"))["nonce"])
        await ann.assert_refused(INVALID, signed(ed25519(), ann.payload()))
        await ann.assert_accepted(ann.jws())


@in_loop
async def test_g04_key_is_asked_for_again() -> None:
    """At intervals, without a word from anybody."""
    key = ed25519()
    answers: list[Any] = [public_jwk(key)]

    async def signing_keys(identity: Any) -> Any:
        return answers[-1]

    async with Desk(limits=GENEROUS, signing_keys=signing_keys, timeouts=Timeouts(revalidation=8.0)) as kit:
        ann = await kit.enter(None)
        ann.key = key
        await ann.assert_accepted(ann.jws())
        answers.append(None)
        await kit.advance(8.0)
        await ann.client.assert_nothing_received()
        await ann.assert_refused(INVALID, ann.jws())


@pytest.mark.requirement("R063")
@in_loop
async def test_g04_refresh_by_a_token_of_another_key() -> None:
    """4401: the key of a connection is the one that it was opened with; a fresh token of it goes on counting."""
    async with Desk(limits=GENEROUS) as kit:
        key, other = ed25519(), ed25519()
        for bound in ({"jwk": public_jwk(other)}, None):
            ann = await kit.enter(key)
            used = ann.jws()
            await ann.assert_accepted(used)
            fresh = kit.token("ann", RIGHTS, cnf={"jwk": public_jwk(key)})
            await ann.client.request("wssec.refresh", {"token": fresh})
            await ann.assert_refused(REPLAYED, used)
            await ann.assert_accepted(ann.jws())
            await ann.client.send("wssec.refresh", {"token": kit.token("ann", RIGHTS, cnf=bound)})
            await ann.client.assert_closed(4401)


# --- G05 ---


@in_loop
async def test_g05_signature_moved_elsewhere() -> None:
    """To another type, another text, another number or time, another connection: each is what was signed."""
    async with Desk(limits=GENEROUS) as kit:
        key = ed25519()
        ann = await kit.enter(key)
        good = ann.jws(order("A"))
        head, body, mark = good.split(".")
        payload = json.loads(decode(body))
        look = json.dumps({"type": "desk.look", "data": {"symbol": "A"}})
        for change in (
            {"message": order("B")},
            {"message": look},
            {"message": payload["message"] + " "},
            {"seq": payload["seq"] + 1},
            {"ts": payload["ts"] + 1},
            {"nonce": "other"},
            {"more": 1},
        ):
            moved = encode(json.dumps({**payload, **change}).encode())
            await ann.assert_refused(INVALID, f"{head}.{moved}.{mark}")
        for typ in ("JWT", "at+jwt", "wssec-msg", "", TYP.upper()):
            await ann.assert_refused(INVALID, signed(key, payload, typ))
        await ann.assert_refused(INVALID, kit.token("ann", RIGHTS, cnf={"jwk": public_jwk(key)}))
        await ann.assert_accepted(good)

        assert ["A"] == kit.orders


# --- G07 ---


@pytest.mark.requirement("R065")
@in_loop
async def test_g07_time_that_is_not_ours() -> None:
    """More than the window before or after: refused, and the window is a setting."""
    for window in (30, 5):
        timeouts = Timeouts(signature_window=window)
        async with Desk(limits=GENEROUS, timeouts=timeouts) as kit:
            ann, now = await kit.enter(ed25519()), kit.clock.wall
            for away in (-window - 1, window + 1, -3_600, 3_600, now * 999):
                await ann.assert_refused(REPLAYED, ann.jws(ts=now + away))
            for wrong in ("now", None, True, [now]):
                await ann.assert_refused(INVALID, ann.jws(ts=wrong))
            for away in (-window, 0.25, window):
                await ann.assert_accepted(ann.jws(ts=now + away))
            kept = ann.jws()
            await kit.advance(window + 1)
            await ann.assert_refused(REPLAYED, kept)


# --- G08 ---


@pytest.mark.requirement("R064")
@in_loop
async def test_g08_unsigned_message_of_a_signed_type() -> None:
    """Bare, with members that say that it is signed, and in an envelope that is none."""
    async with Desk(limits=GENEROUS) as kit:
        ann = await kit.enter(ed25519())
        await ann.client.assert_refused(INVALID, "desk.order", {"symbol": "A"})
        for name in ("sig", "jws", "signature", "signed"):
            await ann.client.send_text(f'{{"type":"desk.order","id":"x","data":{{"symbol":"A"}},"{name}":null}}')
            await ann.client.assert_refused("malformed")
        unsigned = encode(json.dumps({"alg": "none", "typ": TYP}).encode()) + "." + encode(b"{}") + "."
        await ann.assert_refused(INVALID, unsigned)

        assert [] == kit.orders


@in_loop
async def test_g08_envelope_within_an_envelope() -> None:
    """Not even when both are well signed; and inside an envelope every other rule holds."""
    async with Desk(limits=GENEROUS) as kit:
        ann = await kit.enter(ed25519())
        inner = json.dumps({"type": "wssec.signed", "data": {"jws": ann.jws()}})
        await ann.assert_refused(INVALID, ann.jws(inner))
        for text, code in (
            ("{", "malformed"),
            ("[]", "malformed"),
            ('{"type":"desk.order","type":"desk.look"}', "malformed"),
            ('{"type":"desk.nothing"}', "unknown_type"),
            (order("lower"), "invalid"),
            (order() + " " * 256, "too_big"),
        ):
            await ann.assert_refused(code, ann.jws(text))
        bob = await kit.enter(ann.key, token=kit.token("bob", ["desk:look:*"], cnf={"jwk": public_jwk(ann.key)}))
        await bob.assert_refused("permission_denied", bob.jws())
        assert {"symbol": "A"} == (await bob.ask(bob.jws(json.dumps({"type": "desk.look", "data": {"symbol": "A"}}))))[
            "data"
        ]
        assert "pong" == (await bob.ask(bob.jws('{"type":"ping"}')))["type"]

        assert [] == kit.orders


class Called(Message):
    """An order that is called out to everybody, by its signer alone."""

    class Meta:
        type = "desk.called"
        direction = "both"
        permission = "desk:order:{symbol}"
        signed = True

    symbol = fields.String(required=True, validate=validate.Regexp(r"[a-z]{1,8}\Z"))


class Floor(Channel):
    class Meta:
        pattern = "floor:{symbol}"
        subscribe = "desk:look:{symbol}"
        publish = "desk:order:{symbol}"

    symbol = fields.String(required=True, validate=validate.Regexp(r"[a-z]{1,8}\Z"))


class FloorSocket(DeskSocket):
    @on(Called)
    def call(self, data: dict[str, Any]) -> None:
        self.settings["orders"].append(data["symbol"])


@in_loop
async def test_g08_signed_type_published_unsigned() -> None:
    """A channel that lets clients publish is no way round the signature, neither bare nor inside an envelope."""
    registry = Registry(*MESSAGES, Called, Floor)
    async with Desk(FloorSocket, registry=registry, limits=GENEROUS) as kit:
        ann = await kit.enter(ed25519())
        data = {"channel": "floor:abc", "type": "desk.called", "data": {"symbol": "abc"}}
        await ann.client.assert_refused("unknown_type", "wssec.publish", data)
        await ann.assert_refused("unknown_type", ann.jws(json.dumps({"type": "wssec.publish", "data": data})))
        await ann.assert_accepted(ann.jws(json.dumps({"type": "desk.called", "data": {"symbol": "abc"}})))

        assert ["abc"] == kit.orders


@pytest.mark.requirement("R064")
@in_loop
async def test_g08_endpoint_that_asks_for_no_signature() -> None:
    """It verifies none either: nobody spends its time on what it does not need."""
    async with chat_kit(limits=GENEROUS) as kit:
        client = await kit.connect("/ws", subprotocols=V1)
        await client.assert_received("wssec.ready")
        await client.assert_refused("unknown_type", "wssec.signed", {"jws": "a.b.c"})


@in_loop
async def test_g08_each_id_gets_one_answer() -> None:
    """The message's own; the envelope's, too, where it has one, unless they are the same."""
    async with Desk(limits=GENEROUS) as kit:
        ann = await kit.enter(ed25519())

        async def answers(jws: str, id: str | None) -> list[tuple[Any, ...]]:
            await ann.say(jws, id)
            await ann.client.send("ping", None, "end")
            found: list[tuple[Any, ...]] = []
            async for message in ann.client:
                if message["type"] == "pong":
                    return found
                found.append((message["type"], message.get("id"), message.get("code")))
            raise AssertionError("the connection has ended")

        def bad() -> str:
            return signed(ed25519(), ann.payload())

        good = ann.jws
        assert [("reply", "m", None)] == await answers(good(order(id="m")), None)
        assert [("reply", "e", None)] == await answers(good(), "e")
        assert [("reply", "m", None)] == await answers(good(order(id="m")), "m")
        assert [("reply", "e", None), ("reply", "m", None)] == await answers(good(order(id="m")), "e")
        assert [("reply", "e", None), ("error", "m", "invalid")] == await answers(good(order("x", id="m")), "e")
        assert [("error", "e", "invalid")] == await answers(good(order("x")), "e")
        assert [("error", "e", "malformed")] == await answers(good("{"), "e")
        assert [("reply", "e", None), ("error", "m", "malformed")] == await answers(good('{"id":"m"}'), "e")
        assert [] == await answers(good(), None)
        assert [("error", "e", INVALID)] == await answers(bad(), "e")
        assert [("error", None, INVALID)] == await answers(bad(), None)


@in_loop
async def test_g08_flat_envelope() -> None:
    """A flat format signs its flat text."""
    async with Desk(FlatDesk, limits=GENEROUS) as kit:
        key = ed25519()
        client = await kit.connect("/ws", token=kit.token("ann", RIGHTS, cnf={"jwk": public_jwk(key)}), subprotocols=V1)
        nonce = (await client.receive())["nonce"]
        payload = {"nonce": nonce, "seq": 1, "ts": kit.clock.wall, "message": '{"action":"desk.order","symbol":"A"}'}
        await client.send_text(json.dumps({"action": "wssec.signed", "id": "1", "jws": signed(key, payload)}))

        assert {"action": "reply", "id": "1", "ordered": "A"} == await client.receive()
        await client.send_text(json.dumps({"action": "desk.order", "id": "2", "symbol": "A"}))
        assert INVALID == (await client.receive())["code"]


# --- G09 ---


@pytest.mark.requirement("R063")
@each_key
@in_loop
async def test_g09_message_chooses_no_algorithm(make_key: Callable[[], SigningKey]) -> None:
    """Not none, not HMAC over the public key, not another curve: the key has one, and that is used."""
    async with Desk(limits=GENEROUS) as kit:
        ann = await kit.enter(make_key())
        _, body, mark = ann.jws().split(".")
        for alg in (
            "none",
            "NONE",
            "",
            "HS256",
            "HS512",
            "ES256",
            "ES384",
            "EdDSA",
            "Ed25519",
            "RS256",
            None,
            0,
            ["EdDSA"],
        ):
            if alg != material_of(ann.key).alg:
                head = encode(json.dumps({"alg": alg, "typ": TYP}).encode())
                for signature in (mark, "", encode(bytes(64))):
                    await ann.assert_refused(INVALID, f"{head}.{body}.{signature}")
        told = (
            encode(json.dumps({"alg": "HS256", "typ": TYP}).encode()) + "." + encode(json.dumps(ann.payload()).encode())
        )
        confused = hmac.digest(json.dumps(public_jwk(ann.key)).encode(), told.encode(), "sha256")
        await ann.assert_refused(INVALID, f"{told}.{encode(confused)}")
        await ann.assert_accepted(ann.jws())


# --- G10 ---


@pytest.mark.parametrize(
    ("limits", "code", "most"),
    [(Limits(), 4400, Limits().error_budget + 1), (Limits(error_budget=10**9), 4429, Limits().frames_burst)],
    ids=["error budget", "frames"],
)
@in_loop
async def test_g10_flood_of_bad_signatures(
    limits: Limits, code: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten thousand: one budget or the other ends it, before anything of the rest is verified."""
    verified: list[str] = []
    verify = key_material.KeyMaterial.verify

    def counted(self: Any, token: str) -> bytes | None:
        verified.append(token)
        return verify(self, token)

    async with Desk(limits=limits) as kit:
        ann = await kit.enter(ed25519())
        wrong = signed(ed25519(), ann.payload())
        monkeypatch.setattr(key_material.KeyMaterial, "verify", counted)
        frame = frame_bytes(TEXT, json.dumps({"type": "wssec.signed", "data": {"jws": wrong}}).encode())
        for _ in range(100):
            await ann.client.socket.write(frame * 100)
        await ann.client.assert_closed(code)

        assert [wrong] * most == verified
        assert [] == kit.orders


@in_loop
async def test_g10_budgets_are_paid_before_anything_is_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the frame budget or the identity's refuses is not looked into, though each signature were good."""
    verified: list[str] = []
    verify = key_material.KeyMaterial.verify

    def counted(self: Any, token: str) -> bytes | None:
        verified.append(token)
        return verify(self, token)

    for limits in (
        Limits(frames_per_second=1, frames_burst=3),
        Limits(identity_messages_per_second=1, identity_messages_burst=6),  # the envelope, and what it holds
    ):
        async with Desk(limits=limits) as kit:
            ann = await kit.enter(ed25519())
            good = [ann.jws() for _ in range(5)]
            with monkeypatch.context() as patched:
                patched.setattr(key_material.KeyMaterial, "verify", counted)
                verified.clear()
                codes = [(await ann.ask(jws)).get("code") for jws in good]

            assert [None, None, None, "rate_limited", "rate_limited"] == codes
            assert good[:3] == verified


# --- evidence ---


@in_loop
async def test_g_audit_says_which_key_signed(caplog: pytest.LogCaptureFixture) -> None:
    """The thumbprint, the type and the number of what was admitted; of what was refused, why; never a text."""
    caplog.set_level(logging.INFO, "tornado_wssec.audit")
    async with Desk(limits=GENEROUS) as kit:
        ann = await kit.enter(ed25519())
        thumbprint = material_of(ann.key).thumbprint
        await ann.assert_accepted(ann.jws(order("CANARY")))
        await ann.assert_refused(INVALID, signed(ed25519(), ann.payload(order("CANARY"))))

    (admitted,) = audited(caplog.records, "message.signed")
    (refused,) = audited(caplog.records, "message.refused")
    facts = {name: admitted[name] for name in ("type", "subject", "key", "seq")}
    assert {"type": "desk.order", "subject": "ann", "key": thumbprint, "seq": 1} == facts
    assert f"the signature is not by key {thumbprint}" == refused["evidence"]
    assert "CANARY" not in caplog.text
