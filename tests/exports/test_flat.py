"""The contract of endpoints with a flat envelope: what a client made from it says is taken, and what it hears fits."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from schemas import chat
from tests.exports.node import compiled
from tests.kits import ChatSocket, in_loop
from tornado_wssec import Envelope, Registry
from tornado_wssec.exports.asyncapi import asyncapi_of
from tornado_wssec.exports.comparison import compare
from tornado_wssec.exports.json_schema import json_schema_of
from tornado_wssec.exports.typescript import export_typescript
from tornado_wssec.policy.far_side import spoken
from tornado_wssec.testing import GuardKit

FLAT = Envelope.flat(type="action")
CHAT = Registry(chat.Send, chat.Posted, chat.RoomChannel)
DOCUMENT = json_schema_of(CHAT, FLAT)
LINE = {"room": "lobby", "text": "hello"}

USE = """
import type { Inbound, Outbound, InboundOf } from "./messages";

export const good: Inbound[] = [{ action: "chat.send", id: "1", room: "lobby", text: "hello" }, { action: "ping" }];
export const line: InboundOf<"chat.send"> = { action: "chat.send", room: "lobby", text: "hello" };
export const told = (message: Outbound) => message.action === "chat.posted" ? message.author : message.action;
export const answer = (message: Outbound) => message.action === "reply" ? message.delivered : undefined;
"""
WRONG = 'import type { Inbound } from "./messages";\nexport const x: Inbound = { action: "chat.send", data: {} };\n'


class FlatSocket(ChatSocket):
    envelope = FLAT


def fits(direction: str, frame: Any) -> bool:
    """Whether the document has a frame."""
    return jsonschema.Draft202012Validator({**DOCUMENT, "anyOf": [{"$ref": f"#/$defs/{direction}"}]}).is_valid(frame)


@in_loop
async def test_flat_frames_fit_the_document() -> None:
    """Those that the server takes and those that it sends: replies, events, errors, and the protocol's own."""
    sent: list[dict[str, Any]] = []
    async with GuardKit([("/ws", FlatSocket)], registry=CHAT) as kit:
        ann = await kit.connect("/ws", permissions=["chat:*:lobby"], subprotocols=["wssec.v1"])
        for type, data in (
            ("wssec.subscribe", {"channel": "room:lobby"}),
            ("chat.send", LINE),
            ("chat.send", {"room": "lobby"}),
            ("ping", {}),
        ):
            sent.append(spoken(FLAT, {"type": type, "id": f"{len(sent)}", "data": data}))
            await ann.send_text(json.dumps(sent[-1]))
        heard = [await ann.receive() for _ in range(6)]

    assert [True, True, False, True] == [fits("Inbound", frame) for frame in sent]
    assert ["wssec.ready", "reply", "chat.posted", "reply", "error", "pong"] == [one["action"] for one in heard]
    assert all(fits("Outbound", frame) for frame in heard)


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "chat.send", **LINE},
        {"action": "chat.send", "data": LINE},
        {"action": "chat.send", **LINE, "extra": 1},
        {"action": "chat.send", **LINE, "id": 1},
    ],
)
def test_other_frames_do_not_fit(frame: dict[str, Any]) -> None:
    """Neither those of the other envelope nor undeclared fields."""
    assert not fits("Inbound", frame)


def test_frames_that_cannot_be_said_are_left_out() -> None:
    """With `type` for a key there is no room for the `type` of a publication."""
    definitions = json_schema_of(CHAT, Envelope.flat())["$defs"]

    assert "in:wssec.publish" not in definitions
    assert "in:wssec.publish" in DOCUMENT["$defs"]


def test_flat_documents_are_compared() -> None:
    """By the names of the fields; and a change of envelope breaks every client."""
    fewer = json.loads(json.dumps(DOCUMENT))
    fewer["$defs"]["in:chat.send"]["properties"]["text"]["maxLength"] = 9

    assert [("chat.send (clients send) text", "maxLength: 2000 → 9", True)] == [
        (one.where, one.what, one.is_breaking) for one in compare(DOCUMENT, fewer)
    ]
    assert any(one.is_breaking for one in compare(json_schema_of(CHAT), DOCUMENT))


def test_flat_asyncapi_has_the_messages_of_a_channel() -> None:
    """Found by their fields, wherever these stand."""
    document = asyncapi_of(CHAT, FLAT)

    assert ["out.chat.posted"] == list(document["channels"]["channel.room-room"]["messages"])
    assert {"const": "chat.send"} == document["components"]["messages"]["in.chat.send"]["payload"]["properties"][
        "action"
    ]


def test_flat_typescript_compiles_and_catches_wrong_messages(tmp_path: Path) -> None:
    """Told apart by the key of the endpoint."""
    (tmp_path / "messages.ts").write_text(export_typescript(CHAT, FLAT))
    (tmp_path / "use.ts").write_text(USE)
    (tmp_path / "wrong.ts").write_text(WRONG)
    faults = [line for line in compiled(tmp_path) if not line.startswith(" ")]

    assert ["wrong.ts"] == [Path(line.partition("(")[0]).name for line in faults], faults
