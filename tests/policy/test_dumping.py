"""The function that makes ready for JSON: what it sends is what marshmallow would send, and it sends no more."""

import datetime as dt
import enum
import uuid
from decimal import Decimal
from ipaddress import ip_address
from typing import Any

import pytest
from marshmallow import ValidationError, fields, missing, validate

from tests.policy.differential import is_same
from tests.policy.samples import message, schema, text
from tornado_wssec.errors import OutboundInvalid
from tornado_wssec.policy.dumping import Dumper
from tornado_wssec.policy.fields import StrictBoolean, StrictDateTime, StrictDecimal, StrictFloat, StrictInteger
from tornado_wssec.policy.registry import MessageSpec, Registry
from tornado_wssec.policy.source import source_of


class Colour(enum.Enum):
    """An enumeration."""

    RED = "red"


class Own(fields.String):
    """A field that writes in a way of its own."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else f"<{value}>"


def refuse_x(value: str) -> None:
    """A validator of an application's own."""
    if value == "<x>":
        raise ValidationError("not x")


AT = dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)
MEMBERS: dict[str, Any] = {
    "room": text(),
    "n": StrictInteger(data_key="N", allow_none=True),
    "x": StrictFloat(dump_default=1),
    "sure": StrictBoolean(dump_default=lambda: True),
    "id": fields.UUID(),
    "at": StrictDateTime(validate=validate.Range(max=AT)),
    "price": StrictDecimal(2),
    "colour": fields.Enum(Colour, validate=validate.Equal(Colour.RED)),
    "value": fields.Enum(Colour, by_value=True),
    "tags": fields.List(text(), validate=validate.Length(max=2)),
    "ids": fields.List(fields.UUID(), validate=validate.ContainsOnly([uuid.UUID(int=7)])),
    "pair": fields.Tuple((text(), fields.UUID(allow_none=True))),
    "table": fields.Dict(keys=text(), values=StrictInteger(), validate=validate.Length(max=2)),
    "by_id": fields.Dict(keys=fields.UUID(), values=text(), validate=validate.Length(max=2)),
    "style": fields.Nested(schema(width=StrictInteger(required=True), colour=text(required=False))),
    "many": fields.Nested(schema(a=text()), many=True, validate=validate.Length(max=2)),
    "own": Own(validate=[validate.Length(max=9), refuse_x], attribute="mine"),
    "needed": Own(required=True, validate=validate.Length(max=9)),
    "secret": fields.String(load_only=True),
}


def spec(*, compiled: bool) -> MessageSpec:
    """A message with a field of each kind."""
    registry = Registry(message({"direction": "out"}, **MEMBERS), strict=False, compiled=compiled)
    return next(iter(registry.messages.values()))


FAST, SLOW = spec(compiled=True), spec(compiled=False)
LEAST: dict[str, Any] = {"room": "a", "needed": "b"}
ID = uuid.UUID(int=7)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"n": None},
        {"n": 7, "x": 2, "sure": False},
        {"x": None},
        {"id": ID},
        {"id": None},
        {"id": "no id"},
        {"id": str(ID)},
        {"at": AT},
        {"at": AT + dt.timedelta(1)},
        {"at": AT.replace(tzinfo=None)},
        {"at": AT.replace(tzinfo=dt.timezone(dt.timedelta(seconds=1)))},
        {"at": "2026-01-31T12:00:00Z"},
        {"price": "1.50"},
        {"price": None},
        {"price": 1.5},
        {"colour": Colour.RED, "value": Colour.RED},
        {"colour": "RED"},
        {"tags": ["a", "b"]},
        {"tags": ("a",)},
        {"tags": ["a"] * 3},
        {"tags": [None]},
        {"tags": [1]},
        {"ids": [ID]},
        {"ids": [uuid.UUID(int=8)]},
        {"ids": None},
        {"pair": ("a", ID)},
        {"pair": ["a", None]},
        {"pair": ("a",)},
        {"pair": 7},
        {"table": {"a": 1}},
        {"table": {"a": "1"}},
        {"table": {1: 1}},
        {"table": {"a": 1, "b": 1, "c": 1}},
        {"table": []},
        {"by_id": {ID: "a"}},
        {"by_id": {"a": "a"}},
        {"style": {"width": 1}},
        {"style": {"width": 1, "colour": "red", "other": 1}},
        {"style": {}},
        {"style": 7},
        {"many": [{"a": "x"}]},
        {"many": [{"a": 1}]},
        {"mine": "m"},
        {"mine": "x"},
        {"needed": None},
        {"needed": "x" * 9},
        {"room": 1},
        {"room": "\0"},
        {"room": "\ud800"},
        {"secret": "s"},
        {"other": 1},
    ],
    ids=repr,
)
def test_dump_is_marshmallows(more: dict[str, Any]) -> None:
    """The same message, or the same refusal; what is written for the schema sends nothing that marshmallow refuses."""
    data = {**LEAST, **more}
    try:
        expected = SLOW.dump(data)
    except OutboundInvalid as error:
        assert FAST._ways.dump is not None
        assert None is FAST._ways.dump(data)
        with pytest.raises(OutboundInvalid, match=r"^sample\.message") as caught:
            FAST.dump(data)
        assert str(caught.value) == str(error)  # noqa: PT017  # the other way has the same words
    else:
        assert is_same(expected, FAST.dump(data))


@pytest.mark.parametrize("data", [{"room": "a"}, {"needed": "b"}, {}, [], None, Registry])
def test_dump_asks_for_what_is_required(data: Any) -> None:
    """And for a dict."""
    assert FAST._ways.dump is not None
    assert None is FAST._ways.dump(data)


@pytest.mark.parametrize(
    "more",
    [
        *({"n": 1}, {"at": AT, "id": ID}, {"style": {"width": 1}}, {"tags": ["a"]}, {"pair": ("a", ID)}, {"mine": "m"}),
        *({"price": Decimal("1.50")}, {"ids": [ID]}, {"colour": Colour.RED}, {"many": [{"a": "x"}]}),
        *({"table": {"a": 1}}, {"by_id": {ID: "a"}}, {"style": {"width": 1, "other": 1}}),
    ],
    ids=repr,
)
def test_dump_takes_the_short_way(more: dict[str, Any]) -> None:
    """What an application usually sends needs no second reading."""
    assert FAST._ways.dump is not None
    assert is_same(SLOW.dump({**LEAST, **more}), FAST._ways.dump({**LEAST, **more}))


class Word(enum.StrEnum):
    """Members that are texts."""

    ONE = "one"
    TWO = "two"


class Moment(dt.datetime):
    """A moment that may write itself otherwise."""


class Table(dict[str, Any]):
    """An object that may be more than one."""


def short_way(**members: fields.Field[Any]) -> tuple[Dumper, MessageSpec]:
    """The function for a message of these fields, and the message without one."""
    declared = message({"direction": "out"}, **members)
    fast, slow = (Registry(declared, strict=False, compiled=compiled) for compiled in (True, False))
    dump = fast.messages["sample.message"]._ways.dump
    assert dump is not None
    return dump, slow.messages["sample.message"]


@pytest.mark.parametrize(
    ("field", "good", "odd"),
    [
        (fields.String(), "one", Word.ONE),
        (StrictDateTime(), AT, Moment(2026, 1, 31, tzinfo=dt.UTC)),
        (fields.Enum(Word, by_value=True), Word.ONE, "one"),
        (fields.List(text()), ["a"], ("a",)),
        (fields.Tuple((text(), text())), ("a", "b"), "ab"),
        (fields.Tuple((text(), text())), ("a", "b"), ("a", "b", "c")),
        (fields.Dict(text(), text()), {"a": "b"}, Table(a="b")),
        (fields.Nested(schema(a=text())), {"a": "b"}, Table(a="b")),
    ],
    ids=["text", "moment", "member", "list", "pair", "length of a pair", "table", "object"],
)
def test_short_way_takes_exact_types_alone(field: fields.Field[Any], good: object, odd: object) -> None:
    """What is almost what a field holds, marshmallow looks at."""
    dump, _ = short_way(it=field)

    assert dump({"it": good}) is not None
    assert None is dump({"it": odd})
    assert None is dump(Table(it=good))


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        (fields.UUID(validate=validate.Equal(ID)), ID, uuid.UUID(int=8)),
        (fields.Enum(Word, validate=validate.Equal(Word.ONE)), Word.ONE, Word.TWO),
        (fields.IP(), ip_address("192.0.2.1"), None),
    ],
    ids=["uuid", "member", "address"],
)
def test_short_way_sends_what_passes_the_checks(field: fields.Field[Any], good: object, bad: object) -> None:
    """As marshmallow does of what it has written."""
    dump, slow = short_way(it=field)

    assert slow.dump({"it": good}) == dump({"it": good})
    assert None is dump({"it": bad})
    with pytest.raises(OutboundInvalid):
        slow.dump({"it": bad})


@pytest.mark.parametrize(
    ("field", "data", "written"),
    [
        (fields.List(fields.UUID()), [ID], [str(ID)]),
        (fields.Dict(text(), fields.UUID()), {"a": ID}, {"a": str(ID)}),
        (fields.Tuple((fields.UUID(), text())), (ID, "a"), (str(ID), "a")),
        (fields.Nested(schema(id=fields.UUID())), {"id": ID}, {"id": str(ID)}),
    ],
    ids=["list", "table", "pair", "object"],
)
def test_short_way_writes_what_is_inside(field: fields.Field[Any], data: object, written: object) -> None:
    """At every depth in the form that JSON has for it."""
    dump, slow = short_way(it=field)

    assert is_same({"it": written}, dump({"it": data}))
    assert is_same({"it": written}, slow.dump({"it": data}))


def test_short_way_counts_a_pair() -> None:
    """A length that no pair has is met by none."""
    dump, _ = short_way(it=fields.Tuple((text(), text()), validate=validate.Length(max=1)))

    assert None is dump({"it": ("a", "b")})


def test_short_way_fills_in_what_is_required() -> None:
    """What has to be there may have what stands for it."""
    dump, slow = short_way(it=text(dump_default="a"))

    assert {"it": "a"} == slow.dump({}) == dump({})


def test_short_way_reads_nothing_again_that_is_checked_as_it_is() -> None:
    """What is written as it was checked is not read; what was turned into a key is."""
    style = fields.Nested(schema(a=text()))
    names = fields.Dict(text(), StrictInteger(), validate=validate.Length(max=2))
    words = fields.List(text(), validate=validate.Length(max=2))
    once, _ = short_way(a=text(), id=fields.UUID(), at=StrictDateTime(), words=words, names=names, style=style)
    twice, _ = short_way(ids=fields.Dict(fields.UUID(), text(), validate=validate.Length(max=2)))

    assert "read_" not in source_of(once)
    assert "read_" in source_of(twice)


class Silent(fields.String):
    """A field that may write nothing at all."""

    def serialize(self, attr: str, obj: Any, accessor: Any = None, **kwargs: Any) -> Any:
        """Nothing, where there is little to say."""
        return super().serialize(attr, obj, accessor, **kwargs) if obj[attr] else missing


def test_short_way_leaves_out_what_a_field_does_not_write() -> None:
    """A field of the application's may say that there is nothing, which is not sent; nor is it, where it has to be."""
    may, slow_may = short_way(it=Silent(dump_default="a"))
    must, slow_must = short_way(it=Silent(required=True))

    assert {} == slow_may.dump({"it": ""}) == may({"it": ""})
    assert None is must({"it": ""})
    with pytest.raises(OutboundInvalid):
        slow_must.dump({"it": ""})
