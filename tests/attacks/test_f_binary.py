"""Line F18 where bytes are declared: a binary message goes through all that a text goes through (R061)."""

import json
from typing import Any, Final

import pytest
from marshmallow import fields, validate

from tests.kits import GENEROUS, audited, in_loop
from tornado_wssec import PUBLIC, Limits, Message, Registry, SecureWebSocketHandler, on
from tornado_wssec.policy.binary import joined
from tornado_wssec.policy.codec import ERROR_BYTES
from tornado_wssec.testing import Client, GuardKit
from tornado_wssec.testing.raw import BINARY, CONTINUATION, TEXT, frame_bytes

from .hostile_json import LIMITS, frames

PNG: Final = b"\x89PNG\r\n\x1a\n"
FRAMINGS: Final = ("engine", "stock")


class Snapshot(Message):
    """A picture of a board."""

    class Meta:
        type = "board.snapshot"
        permission = "board:draw:{board}"
        rate = "100/second"
        max_bytes = 1_024
        binary = "png"

    board = fields.String(required=True, validate=validate.Length(1, 16))


class Note(Message):
    """A text."""

    class Meta:
        type = "board.note"
        permission = PUBLIC


class BoardSocket(SecureWebSocketHandler):
    """Takes pictures and notes."""

    @on(Snapshot, Note)
    def keep(self, data: dict[str, Any]) -> dict[str, Any]:
        self.settings["kept"].append(data)
        return {"bytes": len(data.get("payload", b""))}


def board_kit(framing: str = "engine", limits: Limits = GENEROUS, **options: Any) -> GuardKit:
    """A board at /ws."""
    return GuardKit(
        [("/ws", BoardSocket)],
        registry=Registry(Snapshot, Note),
        limits=limits,
        framing=framing,
        app_settings={"kept": []},
        **options,
    )


async def drawing(kit: GuardKit) -> Client:
    """Somebody who may draw on one board."""
    return await kit.connect("/ws", permissions=["board:draw:b1"])


def head(type: str = "board.snapshot", **data: Any) -> str:
    """A head with an id."""
    return json.dumps({"type": type, "id": "a1", "data": {"board": "b1", **data}})


@pytest.mark.requirement("R061")
@pytest.mark.parametrize("framing", FRAMINGS)
@in_loop
async def test_f18_binary_that_is_declared(framing: str) -> None:
    """It arrives whole, also in fragments between which a ping stands, and texts arrive beside it."""
    async with board_kit(framing) as kit:
        ann = await drawing(kit)
        await ann.send_binary("board.snapshot", {"board": "b1"}, payload=PNG + b"\0\xff", id="a")
        assert {"bytes": len(PNG) + 2} == (await ann.answer("a"))["data"]
        whole = joined(head(), PNG)
        await ann.socket.send_frame(BINARY, whole[:9], fin=False)
        await ann.socket.send_frame(0x9, b"ping")
        await ann.socket.send_frame(CONTINUATION, whole[9:])
        assert {"bytes": len(PNG)} == (await ann.answer("a1"))["data"]
        await ann.request("board.note")

        kept = kit.app.settings["kept"]
        assert [{"board": "b1", "payload": PNG + b"\0\xff"}, {"board": "b1", "payload": PNG}, {}] == kept


HOSTILE: Final = {
    "nothing at all": (b"", "malformed"),
    "half a length": (b"\0\0", "malformed"),
    "a head of four gigabytes": (b"\xff\xff\xff\xff{}", "malformed"),
    "a head longer than itself": (b"\0\0\1\0" + head().encode(), "malformed"),
    "no head": (b"\0\0\0\0" + PNG, "malformed"),
    "a head that is no UTF-8": (b"\0\0\0\4\xff\xfe\xfd\xfc" + PNG, "malformed"),
    "a text as it would be without a head": (head().encode(), "malformed"),
    "a type for text": (joined(head("board.note"), PNG), "unknown_type"),
    "a type of the protocol": (joined('{"type":"ping"}', b""), "unknown_type"),
    "a credential": (joined('{"type":"wssec.auth","data":{"token":"x"}}', b""), "unknown_type"),
    "another format": (joined(head(), b"<svg onload=alert(1)>"), "invalid"),
    "no payload": (joined(head(), b""), "invalid"),
    "a payload in the head": (joined(head(payload="x"), PNG), "invalid"),
    "an unknown field": (joined(head(admin=True), PNG), "invalid"),
    "somebody else's board": (joined(head(board="b2"), PNG), "permission_denied"),
    "more than the type may be": (joined(head(), PNG + bytes(1_024)), "too_big"),
}


@pytest.mark.requirement("R061")
@pytest.mark.parametrize("framing", FRAMINGS)
@in_loop
async def test_f18_binary_that_is_hostile(framing: str) -> None:
    """Each fault gets its error, small, and nothing is handled."""
    async with board_kit(framing) as kit:
        ann = await drawing(kit)
        for what, (message, code) in HOSTILE.items():
            await ann.socket.send_frame(BINARY, message)
            answer = await ann.receive()

            assert (what, "error", code) == (what, answer["type"], answer.get("code"))
        await ann.assert_nothing_received()
        assert [] == kit.app.settings["kept"]


@pytest.mark.requirement("R058")
@in_loop
async def test_f18_binary_heads_of_every_kind_of_hostile_json() -> None:
    """Whatever is malformed as a text is malformed as a head: lines N01 to N14."""
    wrong = [frame for frame in frames() if frame.code == "malformed"]
    async with board_kit(limits=Limits(**_generous(), message_bytes=LIMITS.message_bytes, frame_bytes=2**22)) as kit:
        ann = await drawing(kit)
        for frame in wrong:
            await ann.socket.send_frame(BINARY, joined_raw(frame.text, PNG))
            answer = await ann.receive()

            assert (frame.what, "malformed") == (frame.what, answer.get("code"))
            assert len(json.dumps(answer)) <= ERROR_BYTES
        assert [] == kit.app.settings["kept"]
    assert len(wrong) > 30


def _generous() -> dict[str, Any]:
    return {name: value for name, (value, _) in GENEROUS.changed().items()}


def joined_raw(text: str, payload: bytes) -> bytes:
    """As `joined`, of a head that may hold what has no form in UTF-8."""
    encoded = text.encode("utf-8", "surrogatepass")
    return len(encoded).to_bytes(4) + encoded + payload


@in_loop
async def test_f18_text_of_a_binary_type() -> None:
    """It is unknown as a text, also with a payload among its data."""
    async with board_kit() as kit:
        ann = await drawing(kit)
        await ann.assert_refused("unknown_type", "board.snapshot", {"board": "b1"})
        await ann.assert_refused("unknown_type", "board.snapshot", {"board": "b1", "payload": "x"})
        assert [] == kit.app.settings["kept"]


@pytest.mark.parametrize("framing", FRAMINGS)
@in_loop
async def test_f18_binary_over_the_connections_cap(framing: str) -> None:
    """1009, as of a text."""
    async with board_kit(framing, Limits(**_generous(), message_bytes=1_024, frame_bytes=1_024)) as kit:
        ann = await drawing(kit)
        await ann.socket.write(frame_bytes(BINARY, joined(head(), PNG + bytes(1_024))))

        await ann.assert_closed(1009)
        assert [] == kit.app.settings["kept"]


@in_loop
async def test_f18_binary_pays_for_its_frames() -> None:
    """A flood of them is refused as a flood of texts is, by the id in the head."""
    async with board_kit(limits=Limits(frames_per_second=1.0, frames_burst=2)) as kit:
        ann = await drawing(kit)
        for _ in range(3):
            await ann.socket.send_frame(BINARY, joined(head(), PNG))
        answers = [await ann.receive() for _ in range(3)]

        assert ["reply", "reply", "error"] == [answer["type"] for answer in answers]
        assert ("a1", "rate_limited") == (answers[2]["id"], answers[2]["code"])
        await ann.socket.send_frame(BINARY, b"\0")
        assert (None, "rate_limited") == ((answer := await ann.receive()).get("id"), answer["code"])


@pytest.mark.requirement("R055")
@in_loop
async def test_f18_binary_mistakes_use_up_the_error_budget() -> None:
    """Who does nothing else is disconnected."""
    async with board_kit(limits=Limits(error_budget=2)) as kit:
        ann = await drawing(kit)
        for _ in range(3):
            await ann.socket.send_frame(BINARY, b"\0")

        await ann.assert_closed(4400)


@in_loop
async def test_f18_binary_refusals_are_audited_without_their_bytes(caplog: pytest.LogCaptureFixture) -> None:
    """What was wrong, and nothing of what was in it."""
    caplog.set_level("DEBUG")
    async with board_kit() as kit:
        ann = await drawing(kit)
        await ann.send_binary("board.snapshot", {"board": "b1"}, payload=b"c4n4ry-of-the-peer", id="a")
        await ann.answer("a")

    assert ["invalid"] == [line["code"] for line in audited(caplog.records, "message.refused")]
    assert "c4n4ry" not in caplog.text


@in_loop
async def test_f18_text_frame_continued_as_binary() -> None:
    """A message is one kind from its first frame on."""
    async with board_kit() as kit:
        ann = await drawing(kit)
        await ann.socket.send_frame(TEXT, b"{", fin=False)
        await ann.socket.send_frame(BINARY, joined(head(), PNG))

        await ann.assert_closed(1002)
