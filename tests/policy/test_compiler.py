"""The function written for a schema: it accepts what marshmallow accepts, with the same result, and nothing else."""

import datetime as dt
import json
import linecache
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import Schema, ValidationError, fields, validate

from tornado_wssec import Message, StrictBoolean, StrictDateTime, StrictDecimal, StrictFloat, StrictInteger
from tornado_wssec.policy.anatomy import levels_of
from tornado_wssec.policy.compiler import Loader, compile_loader
from tornado_wssec.policy.fields import LARGEST, StrictTimeDelta
from tornado_wssec.policy.gates import guard_loading
from tornado_wssec.policy.plans import loading_plan
from tornado_wssec.policy.source import source_of


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
LOADER: Loader = compile_loader(loading_plan(FLAT), "flat")
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
def test_compiled_accepts_what_marshmallow_accepts(changed: dict[str, Any], without: set[str]) -> None:
    """Whatever is changed, added or left out: the same result, or none."""
    data = {name: value for name, value in GOOD.items() if name not in without} | changed
    accepted = LOADER(data)

    assert accepted is None or repr(loaded(data)) == repr(accepted)
    has_null = "null" in json.dumps(data)
    assert accepted is not None or has_null or loaded(data) is None


@pytest.mark.parametrize("data", [GOOD, {"text": "a"}, {"text": "a", "is_sure": False}], ids=len)
def test_compiled_accepts(data: dict[str, Any]) -> None:
    """What is good needs no second reading."""
    assert loaded(data) == LOADER(data) is not None


@pytest.mark.parametrize("data", [None, [], "text", 1, {**GOOD, "other": 1}, {**GOOD, "seen": 1}, {}], ids=repr)
def test_compiled_leaves_to_marshmallow(data: Any) -> None:
    """What is no object, or has a field too many or too few."""
    assert LOADER(data) is None


@pytest.mark.parametrize("style", [{}, {"width": 10}, {"width": 1, "other": 1}, 7, [{"width": 1}]])
def test_nested_object_that_is_not_plain_is_left_to_marshmallow(style: object) -> None:
    """What the function does not take inside, it does not take outside: the verdict is marshmallow's."""
    assert None is LOADER({**GOOD, "style": style})
    assert None is LOADER({**GOOD, "points": [style]})


class Text(str):
    """A text that may be more than one."""

    __slots__ = ()


class Table(dict[str, Any]):
    """An object that may be more than one."""


ID = uuid.UUID(int=10)
AT = dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)


def one_field(field: fields.Field[Any]) -> Loader:
    """The function for one field, `it`."""
    return compile_loader(loading_plan(guarded(Message.from_dict({"it": field})())), "one field")


@pytest.mark.parametrize(
    ("field", "value", "odd"),
    [
        (fields.String(), "a", Text("a")),
        (fields.String(validate=validate.OneOf(["a"])), "a", Text("a")),
        (StrictDateTime(), "2026-01-31T12:00:00Z", Text("2026-01-31T12:00:00Z")),
        (fields.Dict(fields.String(), StrictInteger()), {"a": 1}, Table(a=1)),
        (fields.Nested(Style), {"width": 1}, Table(width=1)),
    ],
    ids=["text", "choice", "moment", "table", "object"],
)
def test_compiled_takes_exact_types_alone(field: fields.Field[Any], value: object, odd: object) -> None:
    """What JSON is never read as may behave otherwise from one look to the next."""
    load = one_field(field)

    assert load({"it": value}) is not None
    assert None is load({"it": odd})
    assert None is load(Table(it=value))


def test_compiled_list_of_objects_holds_no_null() -> None:
    """Nothing is null unless a field says so, and of the objects of many none does."""
    load = one_field(fields.Nested(Style, many=True, allow_none=True))

    assert {"it": None} == load({"it": None})
    assert None is load({"it": [None]})


@pytest.mark.parametrize("data", [[], "", (), None], ids=repr)
def test_compiled_message_without_fields_is_an_object_all_the_same(data: object) -> None:
    """What is empty is not thereby nothing but an empty object."""
    load = compile_loader(loading_plan(guarded(Message.from_dict({})())), "empty")

    assert {} == load({})
    assert None is load(data)


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        (fields.UUID(validate=validate.Equal(ID)), str(ID), str(uuid.UUID(int=8))),
        (StrictDateTime(validate=validate.Range(max=AT)), "2026-01-31T12:00:00Z", "2026-01-31T12:00:01Z"),
        (StrictInteger(), LARGEST, LARGEST + 1),
        (fields.Integer(strict=True), LARGEST + 1, "1"),
        (fields.IP(), "192.0.2.1", None),
    ],
    ids=["uuid", "moment", "integer", "wide integer", "address"],
)
def test_compiled_leaves_what_a_check_refuses(field: fields.Field[Any], good: object, bad: object) -> None:
    """Each kind of field has its checks written behind it."""
    load = one_field(field)

    assert load({"it": good}) is not None
    assert None is load({"it": bad})


def test_compiled_counts_a_table_as_it_was_sent() -> None:
    """Two spellings of a key are two entries, though they are read as one."""
    load = one_field(fields.Dict(fields.UUID(), StrictInteger(), validate=validate.Length(max=1)))

    assert {"it": {ID: 1}} == load({"it": {str(ID): 1}})
    assert None is load({"it": {str(ID): 1, str(ID).upper(): 1}})


@pytest.mark.parametrize("choices", [["a", "\0"], ["\0"], ["a", "\ud800"], "\0"], ids=ascii)
def test_compiled_choice_is_no_way_round_the_gate(choices: Any) -> None:
    """A text that no field takes is not taken where it is a choice."""
    load = one_field(fields.String(validate=validate.OneOf(choices)))

    assert None is load({"it": choices[-1]})


def test_compiled_choice_is_looked_up() -> None:
    """Among plain texts neither one after the other nor letter by letter."""
    load = one_field(fields.String(validate=validate.OneOf(["en", "de"])))

    assert frozenset({"en", "de"}) in load.__globals__.values()
    assert "isascii" not in source_of(load)


def test_compiled_default_that_is_made_anew() -> None:
    """A default that is called is called for each message."""
    load = compile_loader(
        loading_plan(guarded(Message.from_dict({"texts": fields.List(fields.String(), load_default=list)})())), "anew"
    )
    one, other = load({}), load({})

    assert one is not None
    assert other is not None
    assert {"texts": []} == one == other
    assert one["texts"] is not other["texts"]


class Seen(fields.String):
    """A field of an application's own, which keeps what it was asked."""

    def __init__(self, asked: list[Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.asked = asked

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        self.asked.append((value, attr, data))
        return f"<{value}>"


def test_compiled_asks_own_fields_last() -> None:
    """Where anything else is refused, no code of the application has run; where all is accepted, once."""
    asked: list[Any] = []
    schema = Message.from_dict({"own": Seen(asked), "number": StrictInteger()})()
    load = compile_loader(loading_plan(guarded(schema)), "own")
    good = {"own": "a", "number": 1}

    assert (None, []) == (load({"own": "a", "number": "1"}), asked)
    assert {"own": "<a>", "number": 1} == load(good)
    assert [("a", "own", good)] == asked


def test_compiled_can_be_read() -> None:
    """A traceback shows the lines of a function that stands in no file."""
    load = compile_loader(loading_plan(guarded(Message.from_dict({'a"b': fields.String(required=True)})())), "quoted")

    assert "def load(data):" in source_of(load)
    assert "data['a\"b']" in source_of(load)
    linecache.checkcache("quoted.py")
    assert "def load(data):\n" == linecache.getline("quoted.py", 1, load.__globals__)
    linecache.clearcache()
