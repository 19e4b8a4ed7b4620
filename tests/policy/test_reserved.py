"""The messages of the protocol itself: who may send them, and how much of each is read."""

from typing import Any

import pytest
from marshmallow import ValidationError

from tornado_wssec.policy.permissions import PUBLIC
from tornado_wssec.policy.reserved import RESERVED
from tornado_wssec.settings import Limits, MiB

TOKEN, LARGEST = Limits().token_bytes, Limits().json_integer
BY_TYPE = {message.opts.type: message for message in RESERVED}
PUBLICATION = {"channel": "a", "type": "t", "data": {}}


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("ping", {}),
        ("wssec.auth", {}),
        ("wssec.auth", {"token": "x" * TOKEN, "ticket": "x"}),
        ("wssec.auth", {"ticket": "x" * TOKEN, "token": "x"}),
        ("wssec.subscribe", {"channel": "x" * 128, "since": 0}),
        ("wssec.subscribe", {"channel": "x", "since": LARGEST}),
        ("wssec.unsubscribe", {"channel": "x" * 128}),
        ("wssec.publish", {**PUBLICATION, "channel": "x" * 128, "type": "x"}),
        ("wssec.publish", {**PUBLICATION, "channel": "x", "type": "x" * 128}),
        ("wssec.refresh", {"token": "x"}),
        ("wssec.refresh", {"token": "x" * TOKEN}),
        ("wssec.signed", {"jws": "x"}),
        ("wssec.signed", {"jws": "x" * (16 * MiB)}),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_reserved_message_is_read_up_to_its_bounds(kind: str, data: dict[str, Any]) -> None:
    """The longest names there may be, the largest tokens, and every number that a browser can hold."""
    assert data == BY_TYPE[kind]().load(data)


@pytest.mark.parametrize(
    ("kind", "data", "field"),
    [
        ("ping", {"x": 1}, "x"),
        ("wssec.auth", {"token": "x" * (TOKEN + 1)}, "token"),
        ("wssec.auth", {"token": ""}, "token"),
        ("wssec.auth", {"ticket": "x" * (TOKEN + 1)}, "ticket"),
        ("wssec.auth", {"ticket": ""}, "ticket"),
        ("wssec.subscribe", {}, "channel"),
        ("wssec.subscribe", {"channel": ""}, "channel"),
        ("wssec.subscribe", {"channel": "x" * 129}, "channel"),
        ("wssec.subscribe", {"channel": "a", "since": -1}, "since"),
        ("wssec.subscribe", {"channel": "a", "since": LARGEST + 1}, "since"),
        ("wssec.subscribe", {"channel": "a", "since": "1"}, "since"),
        ("wssec.subscribe", {"channel": "a", "since": 1.0}, "since"),
        ("wssec.unsubscribe", {}, "channel"),
        ("wssec.publish", {**PUBLICATION, "type": ""}, "type"),
        ("wssec.publish", {**PUBLICATION, "type": "x" * 129}, "type"),
        ("wssec.publish", {"channel": "a", "data": {}}, "type"),
        ("wssec.publish", {"channel": "a", "type": "t"}, "data"),
        ("wssec.refresh", {}, "token"),
        ("wssec.refresh", {"token": ""}, "token"),
        ("wssec.refresh", {"token": "x" * (TOKEN + 1)}, "token"),
        ("wssec.signed", {}, "jws"),
        ("wssec.signed", {"jws": ""}, "jws"),
        ("wssec.signed", {"jws": "x" * (16 * MiB + 1)}, "jws"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_reserved_message_is_read_no_further(kind: str, data: dict[str, Any], field: str) -> None:
    """What is empty, too long or missing is refused, and named."""
    with pytest.raises(ValidationError) as refused:
        BY_TYPE[kind]().load(data)

    assert isinstance(refused.value.messages, dict)
    assert [field] == list(refused.value.messages)


def test_reserved_messages_are_everybodys() -> None:
    """Channels, and what is signed, have permissions of their own."""
    assert {PUBLIC} == {message.opts.permission for message in RESERVED}
