"""What of a refused message is handed on while a registry is warn-only."""

from collections import Counter
from random import Random
from typing import Any, Final

import pytest
from marshmallow import ValidationError, fields, post_load, pre_load, validate, validates_schema

from tests.policy.mutants import mutated_text
from tests.schemas.samples import SAMPLES
from tornado_wssec import StrictInteger
from tornado_wssec.errors import InvalidMessage, MalformedFrame
from tornado_wssec.policy.messages import Message
from tornado_wssec.policy.registry import Registry
from tornado_wssec.policy.strict_json import decode_json
from tornado_wssec.settings import Limits

from .samples import TYPE, message, schema, text

SPECS: Final = Registry.scan("schemas").messages
COUNT: Final = 60
ROOM = text(validate=validate.Length(max=4))


def handed_on(declared: type[Message], data: dict[str, Any]) -> dict[str, Any]:
    """The data as a handler would get it, on the way with functions and on the one without."""
    given = [
        Registry(declared, compiled=compiled).resolve(TYPE).load_anyway(dict(data))[0] for compiled in (True, False)
    ]

    assert given[0] == given[1]
    return given[0]


def refused(declared: type[Message], data: dict[str, Any]) -> str:
    """Why nothing of the message is handed on."""
    with pytest.raises(InvalidMessage) as caught:
        Registry(declared).resolve(TYPE).load_anyway(data)
    return caught.value.evidence


def test_valid_message_is_handed_on_without_a_fault() -> None:
    """As `load` returns it."""
    for compiled in (True, False):
        spec = Registry(message(number=StrictInteger()), compiled=compiled).resolve(TYPE)

        assert ({"number": 1}, None) == spec.load_anyway({"number": 1})


def test_invalid_field_comes_as_it_came_and_the_others_as_declared() -> None:
    """The handler gets what it got before there was a schema, where that does not fit."""
    declared = message(
        text=text(),
        day=fields.Date(format="%Y-%m-%d", data_key="on", attribute="when"),
        rest=text(required=False, load_default="-"),
    )

    given = handed_on(declared, {"text": ["no", "text"], "on": "2026-11-20", "extra": {"a": 1}})

    assert ["no", "text"] == given["text"]
    assert "2026-11-20" == given["when"].isoformat()
    assert ("-", {"a": 1}) == (given["rest"], given["extra"])
    assert {"text", "when", "rest", "extra"} == given.keys()


def test_invalid_field_is_found_under_the_name_that_it_is_loaded_as() -> None:
    """A handler that was written for the schema reads it there."""
    assert {"when": 7} == handed_on(message(day=fields.Date(data_key="on", attribute="when")), {"on": 7})
    assert {} == handed_on(message(day=fields.Date(data_key="on", attribute="a.b")), {"on": 7})


def test_missing_field_is_missing() -> None:
    """Nothing is made up."""
    assert {} == handed_on(message(text=text()), {})


def test_undeclared_name_takes_no_place_of_a_declared_one() -> None:
    """Neither that of a field that the wire calls otherwise, nor that of one that only the server writes."""
    renamed = message(room=text(data_key="r"), who=text(required=False, attribute="author"))
    written = message(text=text(), role=text(dump_only=True))

    assert {"room": "lobby"} == handed_on(renamed, {"r": "lobby", "room": "attic", "author": "boss"})
    assert {"text": "hello"} == handed_on(written, {"text": "hello", "role": "admin"})


def test_what_a_permission_is_asked_of_must_be_valid() -> None:
    """Else nobody could tell what it allows; by the name that the wire has for it."""
    plain = message({"permission": "chat:write:{room}"}, room=ROOM, text=text())
    renamed = message({"permission": "chat:write:{room}"}, room=text(data_key="r", validate=validate.Length(max=4)))

    assert {"room": "lob", "text": 1} == handed_on(plain, {"room": "lob", "text": 1})
    for room in ("lobby", None, ["lob"], 1):
        assert f"{TYPE}: room, text" == refused(plain, {"room": room, "text": 1})
    assert f"{TYPE}: room" == refused(plain, {"text": "hello"})
    assert f"{TYPE}: r" == refused(renamed, {"r": "lobby"})


def test_what_is_bound_to_a_claim_must_be_valid() -> None:
    """A claim is compared with what the schema accepts, and with nothing else."""
    declared = message({"bind": {"user": "sub"}}, user=ROOM, text=text())

    assert f"{TYPE}: text, user" == refused(declared, {"user": "longer", "text": 1})


def test_nested_data_comes_whole_as_it_came() -> None:
    """Half of an object that does not fit would be neither what was declared nor what was sent."""
    declared = message(point=fields.Nested(schema(x=StrictInteger(required=True))))

    assert {"point": {"x": 1, "y": 2}} == handed_on(declared, {"point": {"x": 1, "y": 2}})


def test_half_of_what_a_pre_load_has_made_is_left_out() -> None:
    """It came by another name, so that there is nothing to hand on as it came."""
    point = fields.Nested(schema(x=StrictInteger(required=True)))

    class Renamed(message(point=point)):  # type: ignore[misc]  # a class that is made on the spot
        class Meta:
            type = TYPE
            permission = message().opts.permission
            register = False

        @pre_load
        def rename(self, data: dict[str, Any], **options: Any) -> dict[str, Any]:
            return {"point": data["p"]}

    assert {"point": {"x": 1}} == handed_on(Renamed, {"p": {"x": 1}})
    assert {} == handed_on(Renamed, {"p": {"x": 1, "y": 2}})


def test_fault_of_the_whole_leaves_the_fields_as_declared() -> None:
    """`validates_schema` and `post_load` speak of no one field; what they would have made of it is left out."""

    class Whole(message(number=StrictInteger())):  # type: ignore[misc]  # a class that is made on the spot
        class Meta:
            type = TYPE
            permission = message().opts.permission
            register = False

        @validates_schema
        def judge(self, data: dict[str, Any], **options: Any) -> None:
            raise ValidationError("no")

        @post_load
        def double(self, data: dict[str, Any], **options: Any) -> dict[str, Any]:
            return {"number": 2 * data["number"]}

    assert {"number": 1} == handed_on(Whole, {"number": 1})


def test_failing_code_refuses_as_ever() -> None:
    """A `pre_load` that refuses, a validator that breaks and a `post_load` without data leave nothing to hand on."""

    class Early(message()):  # type: ignore[misc]  # a class that is made on the spot
        class Meta:
            type = TYPE
            permission = message().opts.permission
            register = False

        @pre_load
        def refuse(self, data: dict[str, Any], **options: Any) -> dict[str, Any]:
            raise ValidationError("no")

    class Late(message()):  # type: ignore[misc]  # a class that is made on the spot
        class Meta:
            type = TYPE
            permission = message().opts.permission
            register = False

        @post_load
        def lose(self, data: dict[str, Any], **options: Any) -> None:
            return None

    def broken(value: Any) -> None:
        raise ZeroDivisionError

    assert f"{TYPE}: _schema" == refused(Early, {})
    assert f"{TYPE}: post_load returned a NoneType, not a dict" == refused(Late, {})
    assert refused(message(text=text(validate=broken)), {"text": "a"}).startswith(f"{TYPE}: ZeroDivisionError")


@pytest.mark.parametrize("type", [name for name in SAMPLES if SPECS[name].direction != "out"])
def test_nothing_that_decides_is_handed_on_unless_it_is_valid(type: str) -> None:
    """On mutants: what is accepted is so with the same result, and what a permission is filled from always fits."""
    spec, rng, seen = SPECS[type], Random(type), Counter[str]()
    for _ in range(COUNT):
        try:
            data = decode_json(mutated_text(SAMPLES[type], rng), Limits())
        except MalformedFrame:
            continue
        if not isinstance(data, dict):
            continue
        try:
            handed, fault = spec.load_anyway(data)
        except InvalidMessage:
            seen["refused"] += 1
            with pytest.raises(InvalidMessage):
                spec.load(data)
            continue
        if fault is None:
            seen["accepted"] += 1
            assert spec.load(data) == handed
            continue
        seen["handed on"] += 1
        for name, key in spec.filled_from:
            field = spec.message().fields[name]
            assert field.deserialize(data[spec.wire_name(name)]) == handed[key]

    assert seen["accepted"]
    assert seen["handed on"]
