"""Whole frames decoded by types: what is accepted, and what takes the slow way."""

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from marshmallow import fields, validate

from tests.policy.samples import TYPE, message, schema, text
from tornado_wssec.policy import typed
from tornado_wssec.policy.codec import Envelope
from tornado_wssec.policy.fields import StrictDateTime, StrictFloat, StrictInteger
from tornado_wssec.policy.registry import MessageSpec, Registry
from tornado_wssec.policy.residue import FAMILIAR_LENGTH, FAMILIAR_MOST, Familiar
from tornado_wssec.policy.typed import Decoder
from tornado_wssec.settings import Limits

LIMITS = Limits()


def spec(meta: dict[str, Any] | None = None, **members: Any) -> MessageSpec:
    """A message with these fields."""
    return next(iter(Registry(message(meta, **members), strict=False).messages.values()))


def decoder(*specs: MessageSpec, limits: Limits = LIMITS, envelope: Envelope | None = None) -> Decoder:
    """Of an endpoint that takes these types."""
    found = Decoder.of({one.type: one for one in specs}, envelope or Envelope(), limits)
    assert found is not None
    return found


CHAT = spec(room=text(), n=StrictInteger(), x=StrictFloat(), tags=fields.List(text(validate=validate.Length(max=9))))
GOOD = '{"type":"sample.message","id":"a1","data":{"room":"a","n":1,"x":0.5,"tags":["b","c"]}}'


def decoded(frame: str, found: Decoder | None = None) -> tuple[str | None, dict[str, Any]] | None:
    """The id and the data of a frame; None where the slow way must be taken."""
    accepted = (found or decoder(CHAT)).decode(frame, len(frame.encode("utf-8", "surrogatepass")))
    return accepted and accepted[1:]


@pytest.mark.parametrize(
    ("frame", "message_id"),
    [
        (GOOD, "a1"),
        (GOOD.replace('"id":"a1",', ""), None),
        (GOOD.replace('"id":"a1"', '"id":""'), ""),
        ('{"data":{"tags":["b","c"],"x":0.5,"n":1,"room":"a"},"id":"a1","type":"sample.message"}', "a1"),
        (f" {GOOD.replace(':', ' : ')}\n", "a1"),
        (GOOD.replace('"a"', '"\\u0061"'), "a1"),
    ],
)
def test_typed_accepts(frame: str, message_id: str | None) -> None:
    """In any order, with or without an id, however a letter is written."""

    assert (message_id, {"room": "a", "n": 1, "x": 0.5, "tags": ["b", "c"]}) == decoded(frame)


@pytest.mark.parametrize(
    "frame",
    [
        *('{"type":"sample.message","id":"a1"}', "[]", "", '{"data":{"room":"a"}}', '{"a":"sample.message","data":{}}'),
        GOOD.replace('"a1"', "null"),
        GOOD.replace('"a1"', '"' + "x" * 65 + '"'),
        GOOD.replace("sample.message", "other.message"),
        GOOD.replace("sample.message", ""),
        GOOD.replace('"id":"a1"', '"id":"a1","id":"a1"'),
        GOOD.replace('"id":"a1"', '"id":"a1","more":[[[]]]'),
        GOOD.replace('"n":1', '"n":1,"n":1'),
        GOOD.replace('"n":1', '"n":1,"room":"a"'),
        GOOD.replace('"n":1', '"n":1,"more":null'),
        GOOD.replace('"n":1', '"n":1.0'),
        GOOD.replace('"n":1', '"n":true'),
        GOOD.replace('"n":1', '"n":null'),
        GOOD.replace('"n":1', '"n":9007199254740992'),
        GOOD.replace("0.5", "9007199254740993"),
        GOOD.replace("0.5", "1e400"),
        GOOD.replace("0.5", "NaN"),
        GOOD.replace('"a"', '"\\u0000"'),
        GOOD.replace('"a"', '"\\ud800"'),
        GOOD.replace('"a"', '"\ud800"'),
        GOOD.replace('"a"', '"\\""'),
        GOOD.replace('"b"', '"' + "b" * 10 + '"'),
        GOOD + "x",
    ],
)
def test_typed_leaves_to_the_slow_way(frame: str) -> None:
    """What is wrong, what could be read in two ways, and what would cost more to look through than it saves."""

    assert None is decoded(frame)


@pytest.mark.parametrize("most", [len(GOOD), len(GOOD) - 1])
def test_typed_minds_the_size_of_the_type(most: int) -> None:
    """To the byte."""
    found = decoder(spec({"max_bytes": most}, **dict(CHAT.message._declared_fields)))

    assert (most == len(GOOD)) == (decoded(GOOD, found) is not None)


@pytest.mark.parametrize(
    ("limits", "is_taken"),
    [
        (replace(LIMITS, message_bytes=len(GOOD), frame_bytes=len(GOOD)), True),
        (replace(LIMITS, message_bytes=len(GOOD) - 1, frame_bytes=len(GOOD) - 1), False),
        (replace(LIMITS, json_nodes=10), True),
        (replace(LIMITS, json_nodes=9), False),
        (replace(LIMITS, json_integer=1), True),
    ],
)
def test_typed_minds_the_budgets(limits: Limits, is_taken: bool) -> None:
    """Exactly those of the slow way."""

    assert is_taken == (decoded(GOOD, decoder(CHAT, limits=limits)) is not None)
    assert not is_taken or Envelope().parse(GOOD, limits)


def test_typed_minds_the_budget_of_integers() -> None:
    """Where it is a smaller one, an integer that is read as a float is none the less one."""
    found = decoder(CHAT, limits=replace(LIMITS, json_integer=1))

    assert None is decoded(GOOD.replace('"n":1', '"n":2'), found)
    assert None is decoded(GOOD.replace("0.5", "2"), found)


@pytest.mark.parametrize("name", ["json_depth", "json_keys"])
def test_typed_is_not_for_shapes_over_a_budget(name: str) -> None:
    """What no frame of the type could keep is left to the slow way from the start."""
    enough = {"json_depth": 3, "json_keys": 7}[name]

    assert decoder(CHAT, limits=replace(LIMITS, **{name: enough})).types
    assert None is Decoder.of({TYPE: CHAT}, Envelope(), replace(LIMITS, **{name: enough - 1}))


def test_typed_counts_the_keys_of_a_dict() -> None:
    """Its names are the sender's, and so is their number."""
    found = decoder(spec(a=fields.Dict(keys=text(), values=StrictInteger())), limits=replace(LIMITS, json_keys=8))
    frames = [json.dumps({"type": TYPE, "data": {"a": {str(one): one for one in range(most)}}}) for most in (8, 9)]

    assert [True, False] == [decoded(frame, found) is not None for frame in frames]


def test_typed_takes_what_an_endpoint_accepts() -> None:
    """Types that can be said, each by its own; the others never."""
    own = spec({"type": "own.message"}, a=fields.Raw())
    other = spec({"type": "other.message"}, room=text())
    found = decoder(CHAT, own, other)

    assert {TYPE, "other.message"} == found.types
    assert (None, {"room": "z"}) == decoded('{"type":"other.message","data":{"room":"z"}}', found)
    assert None is decoded('{"type":"own.message","data":{"a":1}}', found)


@pytest.mark.parametrize(
    "meta", [{"signed": True}, {"bind": {"room": "sub"}}, {"direction": "out"}], ids=lambda meta: next(iter(meta))
)
def test_typed_is_not_for_what_needs_the_data_as_it_came(meta: dict[str, Any]) -> None:
    """A signature, a claim or a direction is asked about on the slow way."""

    assert None is Decoder.of({TYPE: spec(meta, room=text())}, Envelope(), LIMITS)


def test_typed_reads_flat_envelopes() -> None:
    """The fields stand beside the type, under whatever key it has."""
    found = decoder(CHAT, envelope=Envelope.flat("action"))

    assert ("a1", {"room": "a"}) == decoded('{"action":"sample.message","id":"a1","room":"a"}', found)
    assert None is decoded('{"action":"sample.message","id":"a1","room":"a","action":1}', found)
    assert None is decoded('{"type":"sample.message","id":"a1","room":"a"}', found)


def test_typed_reads_flat_envelopes_in_whatever_order_fields_are_declared() -> None:
    """Also where what may be absent comes before what may not."""
    found = decoder(spec(n=StrictInteger(), room=text()), envelope=Envelope.flat())

    assert ("a1", {"room": "a"}) == decoded('{"type":"sample.message","id":"a1","room":"a"}', found)


def test_typed_is_not_for_a_flat_field_of_the_envelopes_name() -> None:
    """It is the envelope's, and the field is never seen."""

    assert None is Decoder.of({TYPE: spec(a=text(data_key="id"))}, Envelope.flat(), LIMITS)


def test_typed_does_without_msgspec(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then every frame takes the slow way."""
    monkeypatch.setattr(typed, "IS_THERE", False)

    assert None is Decoder.of({TYPE: CHAT}, Envelope(), LIMITS)


def test_typed_does_without_a_type_that_cannot_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """What msgspec does not take as a type is no reason not to start."""

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise TypeError("no such type")

    monkeypatch.setattr(typed, "MSGSPEC", SimpleNamespace(defstruct=refuse, Meta=msgspec.Meta))

    assert None is Decoder.of({TYPE: CHAT}, Envelope(), LIMITS)


@pytest.mark.parametrize("most", [-1, 2.5])
def test_typed_leaves_a_length_that_is_none(most: Any) -> None:
    """What msgspec has no form for keeps nobody from starting: marshmallow compares with it all the same."""
    odd = spec(text=text(required=False, validate=validate.Length(max=most)))

    assert Decoder.of({TYPE: odd}, Envelope(), LIMITS) is None


def test_typed_knows_lengths_beyond_all_measure() -> None:
    """They are no lengths of anything, and so refuse or allow everything."""
    found = decoder(
        spec(a=text(validate=validate.Length(1, 2**70)), b=text(validate=validate.Length(2**70), required=False))
    )

    assert (None, {"a": "x"}) == decoded('{"type":"sample.message","data":{"a":"x"}}', found)
    assert None is decoded('{"type":"sample.message","data":{"a":"x","b":"x"}}', found)


def test_typed_converts_what_is_nested() -> None:
    """Names, defaults and moments, at every depth."""
    inner = schema(at=StrictDateTime(required=True), n=StrictInteger(data_key="N", load_default=7))
    found = spec(points=fields.List(fields.Nested(inner), required=True), pair=fields.Tuple((StrictDateTime(), text())))
    frame = json.dumps({"type": TYPE, "data": {"points": [{"at": AT}, {"at": AT, "N": 1}], "pair": [AT, "a"]}})
    read = decoded(frame, decoder(found))

    assert read is not None
    assert found.load(json.loads(frame)["data"]) == read[1]
    assert [7, 1] == [point["n"] for point in read[1]["points"]]


AT = "2026-01-31T12:00:00Z"


ROOMS = spec({"permission": "chat:{room}:{topic}"}, room=text(), topic=text(allow_none=True), other=text())


def test_typed_remembers_what_a_permission_is_filled_from() -> None:
    """Not many, none that is long, nothing that was refused, and of no other field."""
    declared = spec(
        {"permission": "chat:{room}"},
        room=text(validate=[validate.Length(max=500), validate.Regexp(r"[a-z]+\Z")]),
        other=text(validate=[validate.Length(max=500), validate.Regexp(r"[a-z]+\Z")]),
    )
    found = decoder(declared)

    def taken(room: str, other: str = "b") -> bool:
        frame = json.dumps({"type": TYPE, "data": {"room": room, "other": other}})
        return decoded(frame, found) is not None

    (finish,) = [finish for _, finish, _ in found._finish.values()]
    (familiar,) = [value for value in finish.__globals__.values() if isinstance(value, Familiar)]
    asked = [taken("a"), taken("a"), taken("A"), taken("a", "B"), taken("a" * 65)]
    few = set(familiar)
    for number in range(FAMILIAR_MOST):
        assert taken("b" * (number + 1))

    assert ([True, True, False, False, True], {"a"}) == (asked, few)
    assert {"b" * FAMILIAR_LENGTH} == familiar


def test_typed_remembers_no_null() -> None:
    """A field that may be null is looked at each time."""
    found = decoder(ROOMS)
    frames = [f'{{"type":"{TYPE}","data":{{"room":"a","topic":{topic},"other":"b"}}}}' for topic in ('"t"', "null")]

    assert [{"room": "a", "topic": topic, "other": "b"} for topic in ("t", None)] == [
        accepted and accepted[1] for accepted in (decoded(frame, found) for frame in frames)
    ]
