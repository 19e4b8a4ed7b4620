"""What the other end of a connection writes and reads, in any envelope."""

from typing import Any

import pytest

from tornado_wssec.errors import InvalidMessage
from tornado_wssec.policy.codec import Envelope, decode_json
from tornado_wssec.policy.far_side import spoken, understood
from tornado_wssec.policy.messages import Message
from tornado_wssec.policy.reserved import RESERVED
from tornado_wssec.settings import Limits

NESTED = Envelope()
FLAT = Envelope.flat(type="action")


def sent(envelope: Envelope, text: str) -> dict[str, Any]:
    """A message of the server as a client understands it."""
    return understood(envelope, decode_json(text, Limits()))


@pytest.mark.parametrize(
    ("message", "flat"),
    [
        ({"type": "say", "id": "1", "data": {"n": 1}}, {"action": "say", "id": "1", "n": 1}),
        ({"type": "say", "data": {"channel": "x"}}, {"action": "say", "channel": "x"}),
        ({"type": "ping", "id": "1"}, {"action": "ping", "id": "1"}),
        ({"type": "ping"}, {"action": "ping"}),
    ],
)
def test_message_is_spoken_as_the_envelope_has_it(message: dict[str, Any], flat: dict[str, Any]) -> None:
    """And the server's own reader takes it for the same."""
    assert (message, flat) == (spoken(NESTED, message), spoken(FLAT, message))
    assert {"n": 1} == FLAT.parse('{"action": "say", "id": "1", "n": 1}', Limits()).data


@pytest.mark.parametrize("name", ["action", "id"])
def test_data_takes_no_name_of_the_envelope(name: str) -> None:
    """It would say another thing than was meant."""
    with pytest.raises(ValueError, match=f"needs {name} for itself"):
        spoken(FLAT, {"type": "say", "data": {name: "x"}})


@pytest.mark.parametrize("envelope", [NESTED, FLAT], ids=repr)
def test_message_of_the_server_is_understood_alike(envelope: Envelope) -> None:
    """Replies, events, the protocol's own and errors come to the same, whatever they look like."""
    error = sent(envelope, envelope.error(InvalidMessage("x", fields={"a": ["b"]}), "1"))

    assert {"type": "reply", "id": "1", "data": {"seq": 3}} == sent(envelope, envelope.reply("1", {"seq": 3}))
    assert {"type": "said", "data": {"n": 1}} == sent(envelope, envelope.event("said", {"n": 1}))
    assert {"type": "said", "channel": "c", "seq": 2, "data": {}} == sent(
        envelope, envelope.event("said", {}, channel="c", seq=2)
    )
    gap = {"type": "wssec.gap", "data": {"channel": "c"}}
    assert gap == sent(envelope, envelope.event("wssec.gap", {"channel": "c"}))
    assert {"type": "pong", "id": "1"} == sent(envelope, envelope.pong("1"))
    assert ("error", "1", "invalid", {"a": ["b"]}) == tuple(error[name] for name in ("type", "id", "code", "fields"))


def test_what_names_no_type_is_understood_as_such() -> None:
    """For whoever reads it to refuse."""
    assert {"type": None, "data": {"a": 1}} == understood(FLAT, {"a": 1})


@pytest.mark.parametrize("message", RESERVED, ids=lambda message: message.opts.type)
def test_no_flat_key_is_a_field_of_the_protocols_own_messages(message: type[Message]) -> None:
    """Else they could not be said in it; `type` stands in `wssec.publish` alone, which such an endpoint lacks."""
    for name in message._declared_fields.keys() - {"type"}:
        with pytest.raises(ValueError, match="use another"):
            Envelope.flat(type=name)
