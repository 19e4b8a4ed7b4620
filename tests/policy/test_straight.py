"""The short way through a plain schema: it accepts what marshmallow accepts, with the same result, and nothing else."""

import json
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import Schema, ValidationError, fields, post_load, pre_load, validate, validates, validates_schema

from tornado_wssec import Message, StrictBoolean, StrictDateTime, StrictDecimal, StrictFloat, StrictInteger
from tornado_wssec.policy.anatomy import levels_of
from tornado_wssec.policy.fields import StrictTimeDelta
from tornado_wssec.policy.gates import guard_loading
from tornado_wssec.policy.straight import StraightLoader, straight_loader


class Style(Message):
    """What is nested."""

    width = StrictInteger(required=True, validate=validate.Range(0, 9))
    color = fields.String(load_default="red")


class Flat(Message):
    """One field of each kind."""

    text = fields.String(required=True, validate=[validate.Length(1, 5), validate.Regexp(r"[a-z\0ä]*\Z")])
    lang = fields.String(load_default="en", validate=validate.OneOf(["en", "de"]))
    note = fields.String(allow_none=True, data_key="Note", attribute="remark")
    id = fields.UUID()
    number = StrictInteger(validate=validate.Range(0, 9))
    share = StrictFloat()
    is_sure = StrictBoolean(load_default=None)
    price = StrictDecimal(2)
    at = StrictDateTime()
    span = StrictTimeDelta()
    seen = StrictInteger(dump_only=True)
    words = fields.List(fields.String(validate=validate.Length(max=3)), validate=validate.Length(1, 3))
    loose = fields.List(fields.List(StrictInteger(allow_none=True)))
    style = fields.Nested(Style)
    points = fields.List(fields.Nested(Style(only=("width",))), validate=validate.Length(max=2))


def guarded(schema: Schema) -> Schema:
    """With its gates."""
    guard_loading(levels_of(schema))
    return schema


FLAT = guarded(Flat())
_LOADER = straight_loader(FLAT)
assert _LOADER is not None
LOADER: StraightLoader = _LOADER
GOOD: dict[str, Any] = {
    "text": "abc",
    "lang": "de",
    "Note": "x",
    "id": str(uuid.UUID(int=7)),
    "number": 3,
    "share": 0.5,
    "is_sure": True,
    "price": "1.25",
    "at": "2026-01-31T12:00:00Z",
    "span": 1.5,
    "words": ["a", "b"],
    "loose": [[1], []],
    "style": {"width": 3},
    "points": [{"width": 1}, {"width": 2}],
}
NESTED: list[Any] = [
    *([None], ["a", None], ["abcd"], ["a"] * 4, [[None]], [[1, None]], ("a",), [["a"]], [{}], [{"width": 1}] * 3),
    *({"width": 10}, {"width": 1, "color": "blue"}, {"width": 1, "other": 1}, {"color": "blue"}),
    *([{"width": 1, "color": "blue"}], [{"width": None}], [{"width": 1}, 7], {"width": "1"}),
]
VALUES = (
    st.sampled_from(
        [*GOOD.values(), None, "", "abcdef", "\0", "\ud800", "ä", 10, -1, 2**60, True, 1.0, "1", [], {}, "x"]
    )
    | st.text(max_size=3)
    | st.integers()
    | st.floats()
)
NAMES = st.sampled_from([*GOOD, "note", "remark", "seen", "other"])


def loaded(data: Any) -> dict[str, Any] | None:
    """What marshmallow returns; None where it refuses."""
    try:
        found = FLAT.load(data)
    except ValidationError:
        return None
    assert isinstance(found, dict)
    return found


@given(st.dictionaries(NAMES, VALUES, max_size=4), st.sets(st.sampled_from(list(GOOD)), max_size=3))
def test_straight_accepts_what_marshmallow_accepts(changed: dict[str, Any], without: set[str]) -> None:
    """Whatever is changed, added or left out: the same result, or none."""
    data = {name: value for name, value in GOOD.items() if name not in without} | changed
    accepted = LOADER.load(data)

    assert accepted is None or repr(loaded(data)) == repr(accepted)
    has_null = "null" in json.dumps(data)
    assert accepted is not None or has_null or loaded(data) is None


@pytest.mark.parametrize("data", [GOOD, {"text": "a"}, {"text": "a", "is_sure": False}], ids=len)
def test_straight_accepts(data: dict[str, Any]) -> None:
    """What is good needs no second reading."""
    assert loaded(data) == LOADER.load(data) is not None


@pytest.mark.parametrize("data", [None, [], "text", 1, {**GOOD, "other": 1}, {**GOOD, "seen": 1}, {}], ids=repr)
def test_straight_leaves_to_marshmallow(data: Any) -> None:
    """What is no object, or has a field too many or too few."""
    assert LOADER.load(data) is None


def _refused_by_code(value: Any) -> None:
    raise AssertionError("this must not run twice")


class Own(fields.String):
    """A kind of field of the application's."""


class Processed(Message):
    text = fields.String()

    @pre_load
    def look(self, data: Any, **kwargs: Any) -> Any:
        return data


class Finished(Message):
    text = fields.String()

    @post_load
    def finish(self, data: Any, **kwargs: Any) -> Any:
        return data


class Checked(Message):
    text = fields.String()

    @validates("text")
    def check(self, value: Any, **kwargs: Any) -> None:
        return None


class Judged(Message):
    text = fields.String()

    @validates_schema
    def judge(self, data: Any, **kwargs: Any) -> None:
        return None


class Handled(Message):
    text = fields.String()

    def handle_error(self, *args: Any, **kwargs: Any) -> None:
        return None


class Lenient(Message):
    text = fields.String()

    class Meta:
        unknown = "exclude"


class Knot(Message):
    inner = fields.Nested(lambda: Knot())


def patched(field: fields.Field[Any], method: str) -> Schema:
    """A schema with a field of which one method was replaced, on the object."""
    schema = Message.from_dict({"one": field})()
    vars(schema.fields["one"])[method] = lambda value, *args, **kwargs: value
    return schema


@pytest.mark.parametrize(
    "schema",
    [
        *(Processed(), Finished(), Checked(), Judged(), Handled(), Lenient(), Flat(many=True), Flat(partial=True)),
        Message.from_dict({"text": fields.String(validate=_refused_by_code)})(),
        Message.from_dict({"text": Own()})(),
        Message.from_dict({"text": fields.String(pre_load=str.strip)})(),
        Message.from_dict({"text": fields.String(post_load=str.strip)})(),
        Message.from_dict({"text": fields.String(attribute="a.b")})(),
        Message.from_dict({"texts": fields.List(Own())})(),
        Message.from_dict({"numbers": fields.Dict()})(),
        Message.from_dict({"style": fields.Nested(Style, unknown="exclude")})(),
        Message.from_dict({"style": fields.Nested(Style, many=True)})(),
        Message.from_dict({"style": fields.Nested(Judged)})(),
        Knot(),
        patched(fields.String(), "deserialize"),
        patched(fields.List(fields.String()), "_deserialize"),
        patched(fields.List(fields.String(), validate=validate.Length(3)), "_deserialize"),
    ],
    ids=lambda schema: type(schema).__name__,
)
def test_straight_is_not_for(schema: Schema) -> None:
    """Schemas in which code of the application runs, or that are of another kind."""
    assert straight_loader(guarded(schema)) is None


def test_straight_needs_gates() -> None:
    """Without them a validator that answers False would let everything pass."""
    assert straight_loader(Flat()) is None


def test_straight_default_that_is_made_anew() -> None:
    """A default that is called is called once, by marshmallow."""
    loader = straight_loader(guarded(Message.from_dict({"texts": fields.String(load_default=lambda: "x")})()))

    assert loader is not None
    assert (None, {"texts": "y"}) == (loader.load({}), loader.load({"texts": "y"}))


@pytest.mark.parametrize("style", [{}, {"width": 10}, {"width": 1, "other": 1}, 7])
def test_nested_object_that_is_not_plain_is_left_to_marshmallow(style: object) -> None:
    """What the short way does not take inside, it does not take outside: the verdict is marshmallow's."""
    assert None is LOADER.load({**GOOD, "style": style})
    assert None is LOADER.load({**GOOD, "points": [style]})
