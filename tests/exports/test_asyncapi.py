"""The AsyncAPI document is one: its official parser reads it, and it says who may say what to whom."""

import json

import pytest

from tests.exports.node import asyncapi_verdict
from tests.exports.variety import VARIETY
from tornado_wssec import Registry
from tornado_wssec.exports.asyncapi import asyncapi_of, export_asyncapi

CATALOGUES = Registry.scan("schemas")
DOCUMENT = asyncapi_of(CATALOGUES)


@pytest.mark.parametrize("registry", [CATALOGUES, VARIETY], ids=["catalogues", "variety"])
def test_asyncapi_document_passes_the_official_parser(registry: Registry) -> None:
    """Without an error and without a warning."""

    assert {"parsed": True, "faults": []} == json.loads(asyncapi_verdict(export_asyncapi(registry)))


def test_asyncapi_parser_refuses_what_is_wrong() -> None:
    """The judge can say no: an operation on a channel that is not there."""
    wrong = {**DOCUMENT, "operations": {"x": {"action": "send", "channel": {"$ref": "#/channels/nowhere"}}}}

    assert not json.loads(asyncapi_verdict(json.dumps(wrong)))["parsed"]


def test_asyncapi_operations_are_what_may_be_said() -> None:
    """A client's message is received, and answered; the server's are sent."""
    send, posted = (DOCUMENT["operations"][name] for name in ("receive.in.chat.send", "send.out.chat.posted"))
    answers = [f"#/channels/connection/messages/out.{name}" for name in ("reply", "error")]

    assert "receive" == send["action"]
    assert answers == [message["$ref"] for message in send["reply"]["messages"]]
    assert "chat:write:{room}" == send["x-wssec-permission"]
    assert ("send", False) == (posted["action"], "reply" in posted)


def test_asyncapi_channels_are_those_that_are_declared() -> None:
    """With their parameters, and with the messages that name every field of theirs."""
    room = DOCUMENT["channels"]["channel.room-room"]

    assert ("room:{room}", {"room"}, "chat:read:{room}") == (
        room["address"],
        set(room["parameters"]),
        room["x-wssec-subscribe"],
    )
    moderated = {f"out.moderation.{told}" for told in ("acted", "pardoned", "removed", "slowed")}
    others = {"out.support.answered", "out.support.changed", "out.support.said"}  # of cases, which are rooms as well
    assert {"out.chat.posted", *moderated, *others} == set(room["messages"])


def test_asyncapi_tells_how_to_come_in_and_how_it_ends() -> None:
    """Security schemes on every operation, and what each close code means."""
    schemes = set(DOCUMENT["components"]["securitySchemes"])

    assert {"bearer", "ticket", "cookie", "apiKey"} == schemes
    assert {len(schemes)} == {
        len(one["security"]) for name, one in DOCUMENT["operations"].items() if ".channel." not in name
    }
    assert "token expired" == DOCUMENT["x-wssec-close-codes"]["4001"]


def test_asyncapi_keys_of_strange_types_stay_apart() -> None:
    """A type may hold any printable character, a key few."""
    keys = asyncapi_of(VARIETY)["components"]["messages"]

    assert "in.small---" in keys
    assert "small/~%" == keys["in.small---"]["name"]
