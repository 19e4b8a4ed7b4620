"""The envelope around every message, in both directions."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_wssec.errors import (
    ErrorCode,
    FrameError,
    InvalidMessage,
    MalformedFrame,
    MessageTooBig,
    RateLimited,
)
from tornado_wssec.policy.codec import ERROR_BYTES, Envelope, Incoming, encode_json
from tornado_wssec.settings import Limits

LIMITS = Limits()
NESTED = Envelope()
FLAT = Envelope.flat(type="action")
FULL_ID = "\x00" * 64


def parsed(frame: str | bytes | Mapping[str, Any], envelope: Envelope = NESTED) -> Incoming:
    """The message in a frame."""
    return envelope.parse(json.dumps(frame) if isinstance(frame, Mapping) else frame, LIMITS)


def refused(frame: str | Mapping[str, Any], envelope: Envelope = NESTED) -> MalformedFrame:
    """The refusal of a frame."""
    with pytest.raises(MalformedFrame) as caught:
        parsed(frame, envelope)
    return caught.value


def told(error: FrameError, message_id: str | None = None, envelope: Envelope = NESTED) -> dict[str, Any]:
    """What a peer reads of an error, after a look at its size."""
    text = envelope.error(error, message_id)
    assert len(text.encode()) <= ERROR_BYTES
    return dict(json.loads(text))


# --- in -----------------------------------------------------------------------------


def test_envelope_in() -> None:
    """Type, id and data are taken out; the size is that of the frame in UTF-8."""
    frame = '{"type":"chat.send","id":"a1","data":{"text":"é"}}'

    assert Incoming("chat.send", "a1", {"text": "é"}, len(frame) + 1) == parsed(frame)
    assert Incoming("chat.send", "a1", {"text": "é"}, len(frame) + 1) == parsed(frame.encode())


def test_envelope_in_without_id_and_data() -> None:
    """Both may be left out: nobody waits for an answer, and there are no fields."""

    assert Incoming("ping", None, {}, 15) == parsed('{"type":"ping"}')


def test_envelope_in_flat() -> None:
    """What is neither the type nor the id is data, also `type` and `data` themselves."""
    frame = {"action": "send", "id": "a1", "text": "hi", "type": "x", "data": [1]}

    assert {"text": "hi", "type": "x", "data": [1]} == parsed(frame, FLAT).data
    assert ("send", "a1") == (parsed(frame, FLAT).type, parsed(frame, FLAT).id)


@pytest.mark.parametrize("frame", ["[]", "null", "1", '"x"', "true", "[{}]"])
@pytest.mark.parametrize("envelope", [NESTED, FLAT], ids=repr)
def test_envelope_is_an_object(frame: str, envelope: Envelope) -> None:
    """Any other value is malformed, though it is JSON."""

    assert "not an object" in refused(frame, envelope).evidence


@pytest.mark.parametrize("kind", [None, 1, True, [], {}, ["chat.send"]])
def test_envelope_type_is_a_string(kind: object) -> None:
    """Any other type is malformed, and the answer can carry the id."""

    assert "i" == refused({"type": kind, "id": "i", "data": {}}).message_id
    assert "i" == refused({"action": kind, "id": "i"}, FLAT).message_id


def test_envelope_type_is_required() -> None:
    """Without one there is nothing to dispatch on; a flat envelope has its own key for it."""

    assert "the type is absent or not a string" == refused({"id": "i", "data": {}}).evidence
    assert "the type is absent or not a string" == refused({"type": "chat.send"}, FLAT).evidence


@pytest.mark.parametrize("message_id", [None, 1, True, [], {}, "x" * 65, ["a"]])
@pytest.mark.parametrize("envelope", [NESTED, FLAT], ids=repr)
def test_envelope_id_is_a_short_string(message_id: object, envelope: Envelope) -> None:
    """Any other id is malformed, and is not answered with."""
    error = refused({"type": "t", "action": "t", "id": message_id}, envelope)

    assert ("the id is not a string of at most 64 characters", None) == (error.evidence, error.message_id)


@pytest.mark.parametrize("message_id", ["", "a", "x" * 64, "é" * 64, "\x00"])
def test_envelope_id_of_at_most_64_characters(message_id: str) -> None:
    """Characters count, not bytes."""

    assert message_id == parsed({"type": "t", "id": message_id}).id


@pytest.mark.parametrize("key", ["meta", "Type", "ID", "", "__proto__", "datа"])
def test_envelope_has_no_other_keys(key: str) -> None:
    """A fourth key is malformed; the evidence says how many there are, and not what they say."""
    error = refused({"type": "t", "id": "i", "data": {}, key: 1})

    assert ("1 unknown keys beside type, id and data", "i") == (error.evidence, error.message_id)


@pytest.mark.parametrize("data", [None, [], "x", 1, True])
def test_envelope_data_is_an_object(data: object) -> None:
    """Absent is empty; null is not."""

    assert "i" == refused({"type": "t", "id": "i", "data": data}).message_id


def test_envelope_in_is_bounded() -> None:
    """Over the cap is MessageTooBig; the budgets of JSON hold for the frame as a whole."""
    with pytest.raises(MessageTooBig):
        NESTED.parse('{"type":"t"}', Limits(message_bytes=11))
    with pytest.raises(MalformedFrame):
        NESTED.parse('{"type":"t","data":{}}', Limits(json_depth=1))


def test_envelope_heeds_the_limits_of_each_call() -> None:
    """Other limits than those of the call before are not overlooked."""
    envelope, frame = Envelope(), '{"type":"t","data":{"n":100}}'
    envelope.parse(frame, LIMITS)

    with pytest.raises(MalformedFrame):
        envelope.parse(frame, Limits(json_integer=99))
    assert {"n": 100} == envelope.parse(frame, LIMITS).data


@given(st.text() | st.binary())
@pytest.mark.parametrize("envelope", [NESTED, FLAT], ids=repr)
def test_envelope_fails_in_no_other_way(envelope: Envelope, frame: str | bytes) -> None:
    """Arbitrary text and bytes are a message, MalformedFrame or MessageTooBig."""
    try:
        kind: object = envelope.parse(frame, LIMITS).type
    except (MalformedFrame, MessageTooBig) as error:
        kind = error.evidence

    assert isinstance(kind, str)


# --- out ----------------------------------------------------------------------------


def test_envelope_reply() -> None:
    """The id of the question and the data of the answer, also when that is empty."""

    assert '{"type":"reply","id":"a1","data":{"delivered":true}}' == NESTED.reply("a1", {"delivered": True})
    assert '{"type":"reply","id":"","data":{}}' == NESTED.reply("", {})
    assert '{"action":"reply","id":"a1","delivered":true}' == FLAT.reply("a1", {"delivered": True})


@pytest.mark.parametrize("envelope", [NESTED, FLAT], ids=repr)
def test_envelope_reply_is_the_same_in_bytes_and_of_any_mapping(envelope: Envelope) -> None:
    """However an answer is written: a dict, a mapping that is none, and what is not plain."""
    for data in ({"n": 1, "s": "é\u2028"}, {}, {"f": 1.5, "l": [{"x": None}]}):
        text = envelope.reply("a1", data)
        every = [envelope.reply("a1", MappingProxyType(data)), envelope.answer("a1", data).decode()]

        assert [text, text, text] == [*every, envelope.answer("a1", MappingProxyType(data)).decode()]


def test_envelope_event() -> None:
    """Channel and number stand there only where there are any."""

    assert '{"type":"chat.posted","data":{"n":1}}' == NESTED.event("chat.posted", {"n": 1})
    assert '{"type":"t","channel":"room:x","data":{}}' == NESTED.event("t", {}, channel="room:x")
    assert '{"type":"t","channel":"room:x","seq":0,"data":{}}' == NESTED.event("t", {}, channel="room:x", seq=0)
    assert '{"action":"t","channel":"room:x","seq":7,"n":1}' == FLAT.event("t", {"n": 1}, channel="room:x", seq=7)


@pytest.mark.requirement("R037")
def test_envelope_pong() -> None:
    """A ping with an id gets it back, one without does not."""

    assert '{"type":"pong"}' == NESTED.pong(None)
    assert '{"action":"pong","id":"a1"}' == FLAT.pong("a1")


@pytest.mark.parametrize("name", ["action", "id", "channel", "seq"])
def test_envelope_flat_events_keep_their_own_names(name: str) -> None:
    """Data cannot pass for a type, an answer or a channel that it is not."""
    with pytest.raises(ValueError, match=name):
        FLAT.event("t", {name: "spoofed"})

    assert name in FLAT.reserved


def test_envelope_flat_replies_keep_their_own_names() -> None:
    """A reply has no channel, so it may speak of one; its id is its own."""
    with pytest.raises(ValueError, match="id"):
        FLAT.reply("a1", {"id": "other"})

    assert '{"action":"reply","id":"a1","channel":"room:x"}' == FLAT.reply("a1", {"channel": "room:x"})


def test_envelope_flat_carries_the_protocol_itself() -> None:
    """`wssec.gap` tells of a channel, and is not published on one."""

    assert '{"action":"wssec.gap","channel":"room:x"}' == FLAT.event("wssec.gap", {"channel": "room:x"})


def test_envelope_nested_reserves_nothing() -> None:
    """Data has a place of its own, and any name in it."""
    text = NESTED.event("t", {"type": "x", "id": "y"}, channel="c")

    assert ({"type": "x", "id": "y"}, frozenset()) == (json.loads(text)["data"], NESTED.reserved)


@pytest.mark.parametrize("key", ["", "id", "channel", "seq", "code", "detail", "fields", "retry_after", "x" * 33])
def test_envelope_flat_key_is_free(key: str) -> None:
    """A key that a message of ours uses otherwise cannot name the type."""
    with pytest.raises(ValueError, match="use another"):
        Envelope.flat(type=key)


@pytest.mark.parametrize("key", ["t", "action", "x" * 32])
def test_envelope_flat_key_may_be_any_other(key: str) -> None:
    """One to 32 characters."""

    assert ("send", {"n": 1}) == (parsed({key: "send", "n": 1}, Envelope.flat(key)).type, {"n": 1})


@given(st.dictionaries(st.sampled_from("abcdef"), st.integers(-9, 9) | st.text("xyz")))
def test_envelope_flat_survives_a_round_trip(data: dict[str, Any]) -> None:
    """What one end writes flat the other reads."""

    assert data == parsed(FLAT.event("t", data), FLAT).data
    assert data == parsed(NESTED.event("t", data), NESTED).data


def test_envelope_is_printed_as_it_is_written() -> None:
    """In settings, and in what a server starts with."""
    assert ("Envelope()", "Envelope.flat(type='action')") == (repr(Envelope()), repr(Envelope.flat("action")))


# --- errors -------------------------------------------------------------------------


def test_envelope_error() -> None:
    """Code and detail always; the others only where there is something to say."""
    full = InvalidMessage("secret", fields={"room": ["Unknown field."]}, retry_after=1.5)

    assert {"type": "error", "code": "malformed", "detail": MalformedFrame.detail} == told(MalformedFrame("secret"))
    assert {
        "type": "error",
        "id": "a1",
        "code": "invalid",
        "detail": InvalidMessage.detail,
        "retry_after": 1.5,
        "fields": {"room": ["Unknown field."]},
    } == told(full, "a1")
    assert "error" == told(full, None, FLAT)["action"]


@pytest.mark.parametrize(
    ("wait", "told_wait"),
    [
        (0.0, 0.0),
        (0.0001, 0.001),
        (1.23456, 1.235),
        (60, 60.0),
        (1e9, None),
        (float("inf"), None),
        (float("nan"), None),
        (-1, None),
    ],
)
def test_envelope_error_rounds_waiting_up(wait: float, told_wait: float | None) -> None:
    """Who waits as long as he was told is not early; what is no time is left out."""

    assert told_wait == told(RateLimited(retry_after=wait)).get("retry_after")


@pytest.mark.parametrize(
    "fields",
    [
        {f"field{number}": ["Invalid value."] for number in range(1_000)},
        {"x": "y" * 10_000},
        {"x" * 10_000: "y"},
        {"x": {"y": ["z"] * 10_000}},
        {"\x00" * 300: "y"},
        {"é" * 300: "y"},
    ],
    ids=lambda fields: f"{len(fields)} fields",
)
@pytest.mark.parametrize("message_id", [None, FULL_ID])
def test_envelope_error_is_small(fields: dict[str, object], message_id: str | None) -> None:
    """At most 1 KiB, whatever the fields hold and with the longest id."""

    assert "invalid" == told(InvalidMessage(fields=fields), message_id)["code"]


def test_envelope_error_keeps_the_first_fields() -> None:
    """What fits is kept in order, and the same fields give the same answer."""
    error = InvalidMessage(fields={f"field{number}": ["Invalid value."] for number in range(1_000)})
    names = list(told(error)["fields"])

    assert [f"field{number}" for number in range(len(names))] == names
    assert len(NESTED.error(error, None).encode()) > ERROR_BYTES - 32
    assert NESTED.error(error, None) == NESTED.error(error, None)


def test_envelope_error_bound() -> None:
    """1 KiB, by the contract."""

    assert 1_024 == ERROR_BYTES


@pytest.mark.parametrize("names", ["a", "ab", "abc"])
def test_envelope_error_fits_to_the_byte(names: str) -> None:
    """The last field is kept when the answer is 1 KiB exactly, and left out when it is a byte more."""
    whole = dict.fromkeys(names, "")
    room = ERROR_BYTES - len(NESTED.error(InvalidMessage(fields=whole), "x" * 64))
    fits, exceeds = ({**whole, names[-1]: "y" * length} for length in (room, room + 1))

    assert fits == told(InvalidMessage(fields=fits), "x" * 64)["fields"]
    assert names[-1] not in told(InvalidMessage(fields=exceeds), "x" * 64).get("fields", {})


@given(st.integers(0, 1_100))
def test_envelope_error_fills_its_room_to_the_byte(length: int) -> None:
    """A field is kept exactly when the whole answer fits."""
    error = InvalidMessage(fields={"a": "", "b": "x" * length})
    size = len(json.dumps({"type": "error", "code": "invalid", "detail": error.detail}, separators=(",", ":")))
    whole = size + len(',"fields":{"a":"","b":""}') + length

    assert (whole <= ERROR_BYTES) is ("b" in told(error)["fields"])


def test_envelope_error_leaves_out_what_has_no_form() -> None:
    """An object, NaN, a lone surrogate or a value that holds itself is left out; the others stay."""
    loop: list[object] = []
    loop.append(loop)
    fields = {"a": object(), "b": float("nan"), "c": "\ud800", "d": loop, "e": ["Invalid value."]}

    assert {"e": ["Invalid value."]} == told(InvalidMessage(fields=fields))["fields"]


def test_envelope_error_without_room_for_fields() -> None:
    """Where no field fits, there is no `fields` at all."""

    assert "fields" not in told(InvalidMessage(fields={"x": "y" * 2_000}))
    assert "fields" not in told(InvalidMessage(fields={}))


def test_envelope_error_bounds_what_an_application_says() -> None:
    """An error class of the application's own with a long text is still small, and keeps its code."""

    class Verbose(FrameError):
        code = ErrorCode.UNAVAILABLE
        detail = "x" * 2_000

    assert {"type": "error", "id": "a1", "code": "unavailable"} == told(Verbose(), "a1")


def test_envelope_error_says_its_detail_to_the_byte() -> None:
    """A detail that fills the room is told; one byte more, and the code alone is."""

    class Verbose(FrameError):
        code = ErrorCode.UNAVAILABLE
        detail = ""

    room = ERROR_BYTES - len(NESTED.error(Verbose(), None))
    known = []
    for length in (room, room + 1):
        Verbose.detail = "x" * length
        known.append("detail" in told(Verbose()))

    assert [True, False] == known


def test_envelope_error_answers_no_endless_id() -> None:
    """An id that no message could have had is left out."""

    assert ["x" * 64, None] == [told(MalformedFrame(), "x" * length).get("id") for length in (64, 65)]


@pytest.mark.parametrize("envelope", [Envelope(), Envelope.flat(type="action")], ids=repr)
@pytest.mark.parametrize("seq", [None, 7])
def test_envelope_carries_what_was_written_before(envelope: Envelope, seq: int | None) -> None:
    """A publication whose data has been encoded already is the event that it would have been."""
    data = {"text": 'h\u00e9 "', "n": [1, {}]}
    carried = envelope.carry("a.b", encode_json(data), channel="room:a", seq=seq)

    assert envelope.event("a.b", data, channel="room:a", seq=seq) == carried


def test_envelope_carries_no_name_of_its_own() -> None:
    """A flat one would say two things by one name."""
    with pytest.raises(ValueError, match="needs channel for itself"):
        Envelope.flat(type="action").carry("a.b", '{"channel":"x"}', channel="room:a")
