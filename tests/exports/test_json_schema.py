"""The JSON Schema of the messages agrees with the server, wherever it can say what the server asks for."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.exports.mutations import mutated
from tests.exports.variety import SAMPLE, VARIETY
from tests.exports.verdicts import accepts, as_sent, is_named, validator_of
from tests.schemas.samples import SAMPLES
from tornado_wssec import Registry
from tornado_wssec.exports.json_schema import exceptions_of, export_json_schema, json_schema_of

CATALOGUES = Registry.scan("schemas")
DOCUMENT = json_schema_of(CATALOGUES)
OURS = {**exceptions_of(CATALOGUES)}
VARIED = json_schema_of(VARIETY)
READY = {"session": "s", "nonce": "n", "heartbeat": 25.0}


def disagreements(registry: Registry, document: Any, type: str, sample: Mapping[str, Any], count: int) -> list[Any]:
    """What the two disagree on without the export naming it, of so many mutated messages."""
    spec = registry.messages[type]
    view = "out" if spec.direction == "out" else "in"
    validator = validator_of(document, f"{view}:{type}")
    gaps = exceptions_of(registry).get(f"{view}:{type}", ())
    filled = {name: sample[name] for name in spec.bind}
    found, verdicts = [], []
    for path, data in mutated(sample, count, seed=7):
        ours = accepts(spec, data, filled)
        said = as_sent(spec, data) if ours and view == "out" else data
        theirs = validator.is_valid(said)
        verdicts.append(ours)
        if ours is not theirs and not is_named(gaps, path, data, is_ours_stricter=theirs):
            found.append((path, data, ours))
    assert {True, False} == set(verdicts)  # a corpus of one verdict would prove nothing
    return found


@pytest.mark.requirement("R051")
@pytest.mark.parametrize("type", [type for type, sample in SAMPLES.items() if sample])
def test_json_schema_agrees_on_the_catalogues(type: str) -> None:
    """Of 120 mutated messages of each type that has fields both say the same, but where a gap names the field."""

    assert [] == disagreements(CATALOGUES, DOCUMENT, type, SAMPLES[type], 120)


def test_json_schema_agrees_on_every_kind_of_field() -> None:
    """So they do of a message with a field of every kind."""

    assert [] == disagreements(VARIETY, VARIED, "every.thing", SAMPLE, 2_000)


def test_json_schema_takes_what_the_server_takes() -> None:
    """The samples fit whole frames, of clients and of the server, and their own definition alone."""
    inbound = Draft202012Validator({**DOCUMENT, "anyOf": [{"$ref": "#/$defs/Inbound"}]})
    outbound = Draft202012Validator({**DOCUMENT, "anyOf": [{"$ref": "#/$defs/Outbound"}]})
    for type, sample in SAMPLES.items():
        spec = CATALOGUES.messages[type]
        frame = {"type": type, "data": sample}
        is_bare = spec.direction != "out" and not spec.signed

        assert (is_bare, spec.direction != "in") == (inbound.is_valid(frame), outbound.is_valid(frame)), type


@pytest.mark.parametrize(
    ("view", "frame", "fits"),
    [
        ("Inbound", {"type": "ping"}, True),
        ("Inbound", {"type": "ping", "id": "1"}, True),
        ("Inbound", {"type": "ping", "id": 1}, False),
        ("Inbound", {"type": "ping", "id": "x" * 65}, False),
        ("Inbound", {"type": "chat.send"}, False),
        ("Inbound", {"type": "wssec.subscribe", "data": {"channel": "room:lobby"}}, True),
        ("Inbound", {"type": "pong"}, False),
        ("Inbound", {"type": "chat.posted", "data": dict(SAMPLES["chat.posted"])}, False),
        ("Outbound", {"type": "reply", "id": "1", "data": {}}, True),
        ("Outbound", {"type": "reply", "data": {}}, False),
        ("Outbound", {"type": "error", "code": "invalid", "detail": "x", "fields": {"a": "b"}}, True),
        ("Outbound", {"type": "error", "code": "nonsense"}, False),
        (
            "Outbound",
            {"type": "chat.posted", "channel": "room:x", "seq": 3, "data": dict(SAMPLES["chat.posted"])},
            True,
        ),
        ("Outbound", {"type": "wssec.expiring", "data": {"expires_in": 60.0, "grace": 25.0}}, True),
        ("Outbound", {"type": "wssec.ready", "data": {**READY, "expires_in": 600.0}}, True),
        ("Outbound", {"type": "wssec.ready", "data": {**READY, "expires_in": None}}, True),
        ("Outbound", {"type": "wssec.ready", "data": READY}, False),
    ],
)
def test_json_schema_knows_frames_of_the_protocol(view: str, frame: dict[str, Any], fits: bool) -> None:
    """What the protocol says itself is in the document, too."""
    validator = Draft202012Validator({**DOCUMENT, "anyOf": [{"$ref": f"#/$defs/{view}"}]})

    assert fits is validator.is_valid(frame)


def test_json_schema_is_the_same_every_time() -> None:
    """Its text depends on the declarations and on nothing else, and is plain ASCII."""
    text = export_json_schema(CATALOGUES)

    assert text == export_json_schema(Registry.scan("schemas"))
    assert text.isascii()
    assert text.endswith("}\n")
    assert DOCUMENT == json.loads(text)


def test_json_schema_tells_what_the_declaration_says() -> None:
    """Permission, rate, size, signature and binding stand beside the schema."""
    order = DOCUMENT["$defs"]["in:order.place"]
    told = {name.removeprefix("x-wssec-"): value for name, value in order.items() if name.startswith("x-wssec-")}
    rate = [{"count": 10, "seconds": 1}, {"count": 300, "seconds": 60}]
    expected = {"direction": "in", "permission": "orders:place:{account}", "rate": rate, "signed": True}
    expected |= {"max-bytes": 4_096, "max-auth-age": 3_600, "exceptions": told["exceptions"]}

    assert expected == told
    assert "Buy or sell." in order["description"]
    assert {"device": "sub"} == DOCUMENT["$defs"]["in:device.telemetry"]["x-wssec-bind"]
    assert ["symbol"] == DOCUMENT["$defs"]["out:market.quote"]["x-wssec-coalesce"]
    assert "PUBLIC" == VARIED["$defs"]["in:small/~%"]["x-wssec-permission"]
    assert {"subscribe": "chat:read:{room}"} == DOCUMENT["x-wssec-channels"]["room:{room}"]


def test_json_schema_lists_what_it_cannot_say() -> None:
    """In the document and by a function: each rule with its field and the side on which the two differ."""
    listed = VARIED["$defs"]["in:every.thing"]["x-wssec-exceptions"]
    gaps = exceptions_of(VARIETY)["in:every.thing"]

    assert [{"path": gap.path, "rule": gap.rule, "server": gap.side} for gap in gaps] == listed
    assert {
        ("clock", "method not_midnight"),
        ("letters", r"the expression \w{1,4}\Z"),
        ("vowel", "validator require_vowel"),
        ("even", "what a Even is"),
        ("dated", "the format %d.%m.%Y"),
    } <= {(gap.path, gap.rule) for gap in gaps}
    assert [("", "method one_or_many")] == [(gap.path, gap.rule) for gap in exceptions_of(VARIETY)["in:every.choice"]]
    assert {"name", "exactly", "own", "table", "pair[0]", "real"}.isdisjoint({gap.path for gap in gaps})


def test_json_schema_says_in_each_direction_what_stands_there() -> None:
    """What is only read is not in what is sent, and the other way round."""
    inbound, outbound = (
        VARIED["$defs"][f"{view}:every.thing"]["properties"]["data"]["properties"] for view in ("in", "out")
    )

    assert {"one_way"} == inbound.keys() - outbound.keys()
    assert {"other_way"} == outbound.keys() - inbound.keys()
    assert ["string", "integer"] == inbound["money"]["type"]
    assert "string" == outbound["money"]["type"]


def test_json_schema_keeps_binary_messages_apart() -> None:
    """They are none of the texts that a client may send; the definition is that of their head."""
    picture = VARIED["$defs"]["in:every.picture"]

    assert "png" == picture["x-wssec-binary"]
    assert {"title"} == picture["properties"]["data"]["properties"].keys()
    assert "#/$defs/in:every.picture" not in [one["$ref"] for one in VARIED["$defs"]["Inbound"]["oneOf"]]


def test_json_schema_names_nested_schemas_once() -> None:
    """What is the same stands once, in both directions; what differs has a number."""
    names = [name for name in VARIED["$defs"] if name.startswith("object:")]

    assert ["object:Part", "object:Part_2", "object:Part_3", "object:Tree"] == sorted(names)
