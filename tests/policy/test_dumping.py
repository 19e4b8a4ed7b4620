"""The function that makes ready for JSON: what it sends is what marshmallow would send, and it sends no more."""

import datetime as dt
import enum
import uuid
from typing import Any

import pytest
from marshmallow import ValidationError, fields, validate

from tests.policy.differential import is_same
from tests.policy.samples import message, schema, text
from tornado_wssec.errors import OutboundInvalid
from tornado_wssec.policy.fields import StrictBoolean, StrictDateTime, StrictDecimal, StrictFloat, StrictInteger
from tornado_wssec.policy.registry import MessageSpec, Registry


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
    [{"n": 1}, {"at": AT, "id": ID}, {"style": {"width": 1}}, {"tags": ["a"]}, {"pair": ("a", ID)}, {"mine": "m"}],
    ids=repr,
)
def test_dump_takes_the_short_way(more: dict[str, Any]) -> None:
    """What an application usually sends needs no second reading."""
    assert FAST._ways.dump is not None
    assert is_same(SLOW.dump({**LEAST, **more}), FAST._ways.dump({**LEAST, **more}))
