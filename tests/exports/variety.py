"""A catalogue with a field of every kind and a validator of every kind that a strict schema may have."""

import re
from collections.abc import Mapping
from datetime import timedelta
from enum import Enum
from typing import Any, Final

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates, validates_schema

from tornado_wssec import (
    PUBLIC,
    Channel,
    Message,
    Registry,
    StrictBoolean,
    StrictDateTime,
    StrictDecimal,
    StrictFloat,
    StrictInteger,
    StrictTimeDelta,
)
from tornado_wssec.policy.text_fields import Identifier, PlainText, SafeUrl


class Colour(Enum):
    """By name or by value."""

    RED = "red"
    GREEN = "green"


class Even(fields.Field[int]):
    """A field of the application's own that says what it is."""

    def json_schema(self) -> dict[str, Any]:
        return {"type": "integer", "multipleOf": 2}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or value % 2:
            raise ValidationError("Not even.")
        return value


class Odd(Even):
    """One that says nothing."""

    json_schema = None  # type: ignore[assignment]  # as if it were not there

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        return super()._deserialize(value - 1, attr, data) + 1


class Tree(Schema):
    """One that nests itself."""

    name = fields.String(required=True, validate=validate.Length(max=5))
    below = fields.List(fields.Nested(lambda: Tree()), validate=validate.Length(max=2))


class Part(Schema):
    """What is nested, in lists as well."""

    key = fields.String(required=True, validate=validate.Equal("k"))
    count = StrictInteger(load_default=1, validate=validate.Range(0, 9, min_inclusive=False))


def require_vowel(value: str) -> None:
    """A validator of the application's own."""
    if not set(value) & set("aeiou"):
        raise ValidationError("No vowel.")


class Everything(Message):
    """A message of many fields.

    Its second paragraph tells more.
    """

    class Meta:
        type = "every.thing"
        direction = "both"
        permission = "every:{name}:thing"

    name = fields.String(required=True, validate=validate.Regexp(r"[a-z]{1,8}\Z"))
    exact = fields.String(data_key="exactly", validate=validate.Length(equal=3))
    anything = fields.String(validate=validate.Regexp(r"(?:a|b.){1,3}\Z"))
    one_way = fields.String(load_only=True, validate=[validate.OneOf(("x", "y")), validate.NoneOf(("y",))])
    other_way = fields.String(dump_only=True, validate=validate.Length(max=9))
    digits = fields.String(validate=validate.Regexp(r"\d{1,4}\Z", flags=re.ASCII))
    letters = fields.String(validate=validate.Regexp(r"\w{1,4}\Z"))
    vowel = fields.String(validate=validate.And(validate.Length(max=4), require_vowel))
    link = fields.Url(validate=validate.Length(max=40), metadata={"description": "Where it */ leads."})
    mail = fields.Email(validate=validate.Length(max=40))
    whole = StrictInteger(allow_none=True, validate=validate.Range(min=-5))
    own = fields.Integer(strict=True, validate=validate.OneOf((1, 2, 3)))
    real = StrictFloat(validate=validate.Range(0, 1, max_inclusive=False))
    yes = StrictBoolean(load_default=True)
    money = StrictDecimal(places=2, digits=6)
    small = StrictDecimal(places=0, digits=3, allow_none=True)
    moment = StrictDateTime()
    day = fields.Date()
    clock = fields.Time()
    naive = fields.NaiveDateTime()
    dated = fields.Date(format="%d.%m.%Y")
    span = StrictTimeDelta(precision="minutes", validate=validate.Range(min=timedelta(0), max=timedelta(hours=2)))
    uuid = fields.UUID(allow_none=True)
    v4 = fields.IPv4()
    v6 = fields.IPv6()
    network = fields.IPv4Interface()
    by_name = fields.Enum(Colour)
    by_value = fields.Enum(Colour, by_value=fields.String(), allow_none=True, load_default=None)
    one = fields.Nested(Part, allow_none=True)
    many = fields.List(fields.Nested(Part), validate=validate.Length(1, 3))
    plucked = fields.Pluck(Part, "key")
    some = fields.Nested(Part(only=("key",)))
    rows = fields.Nested(Part(many=True), validate=validate.Length(max=2))
    tree = fields.Nested(Tree)
    pair = fields.Tuple((fields.String(validate=validate.Length(max=2)), StrictInteger()))
    table = fields.Dict(
        keys=fields.String(validate=validate.Regexp(r"[a-z]{1,3}\Z")),
        values=fields.List(StrictInteger(), validate=validate.Length(max=2)),
        validate=validate.Length(1, 2),
    )
    flags = fields.List(
        fields.String(validate=validate.Length(max=3)),
        validate=[validate.Length(max=3), validate.ContainsOnly(("a", "b"))],
    )
    even = Even()
    odd = Odd()
    shown = PlainText(max_length=6)
    label = Identifier(max_length=4)
    page = SafeUrl(max_length=40)

    @validates("clock")
    def not_midnight(self, value: Any, **_: Any) -> None:
        if not value.hour:
            raise ValidationError("Too late.")


class Choice(Message):
    """One that is judged as a whole."""

    class Meta:
        type = "every.choice"
        permission = PUBLIC

    one = StrictInteger()
    many = StrictInteger()

    @validates_schema
    def one_or_many(self, data: Mapping[str, Any], **_: Any) -> None:
        if data.get("one") and data.get("many"):
            raise ValidationError("Either.")


class Picture(Message):
    """One that carries bytes."""

    class Meta:
        type = "every.picture"
        permission = PUBLIC
        binary = "png"
        max_bytes = 64 * 1024

    title = fields.String(required=True, validate=validate.Length(max=5))


class Rest(Message):
    """What strict mode refuses, and what is said in part."""

    class Meta:
        type = "every.rest"
        permission = PUBLIC
        coalesce = "{key}"
        direction = "both"

    key = fields.String(required=True, validate=validate.Equal("k"))
    loose = fields.Decimal()
    when = fields.DateTime(format="%Y")
    hour = fields.Time(format="%H")
    always = fields.Constant(7)
    raw = fields.Raw(allow_none=True)
    sized = fields.Tuple((StrictInteger(),), validate=validate.Length(max=1))
    chosen = fields.UUID(validate=[validate.OneOf(()), validate.NoneOf(()), validate.Equal(None)])
    bits = fields.List(StrictInteger(), validate=[validate.Length(1, 5), validate.Length(2, 4)])
    none_of = fields.List(StrictInteger(), validate=[validate.ContainsOnly((1,)), validate.ContainsNoneOf((2,))])
    fixed = fields.List(fields.String(validate=validate.Equal("a")), load_default=list)
    made = fields.String(load_default=lambda: "now", post_load=str.lower)
    odd_default = StrictDateTime(load_default="x")
    twice = fields.String(validate=[validate.Regexp(r"a{1,3}\Z"), validate.Regexp(r"[ab]{1,2}\Z")])
    listed = fields.Tuple((fields.Dict(values=fields.Nested(Part)), fields.Raw()))
    deep = fields.Integer(strict=True, attribute="a.b")
    loose_map = fields.Dict()
    plain_text = fields.Pluck(Part, "key", many=True)


class Fourth(Message):
    """A type whose name begins with a digit."""

    class Meta:
        type = "4th"
        permission = PUBLIC
        direction = "out"

    yes = fields.Boolean(load_default=True)


class Whole(Message):
    """One that is something else when it has been read."""

    class Meta:
        type = "every.whole"
        permission = PUBLIC

    part = fields.Nested(Part)

    @post_load
    def renamed(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {"whole": data}


LOOSE: Final = Registry(Rest, Fourth, Whole, strict=False)


class Small(Message):
    """Nothing."""

    class Meta:
        type = "small/~%"
        permission = PUBLIC


class Place(Channel):
    """Somewhere."""

    class Meta:
        pattern = "place:{name}"
        subscribe = "every:{name}:thing"
        publish = "every:{name}:thing"

    name = fields.String(required=True, validate=validate.Regexp(r"[a-z]{1,8}\Z"))


VARIETY: Final = Registry(Everything, Choice, Picture, Small, Place)
SAMPLE: Final[Mapping[str, Any]] = {
    "name": "abc",
    "exactly": "abc",
    "anything": "ab.a",
    "one_way": "x",
    "digits": "12",
    "letters": "äb",
    "vowel": "ah",
    "link": "https://example.com/a",
    "mail": "ann@example.com",
    "whole": 3,
    "own": 2,
    "real": 0.5,
    "yes": False,
    "money": "12.50",
    "small": 7,
    "moment": "2026-01-31T12:00:00Z",
    "day": "2026-01-31",
    "clock": "12:30:00",
    "naive": "2026-01-31T12:00:00",
    "dated": "31.01.2026",
    "span": 90.5,
    "uuid": "0f8fad5b-d9cb-469f-a165-70867728950e",
    "v4": "192.0.2.1",
    "v6": "2001:db8::1",
    "network": "192.0.2.1/24",
    "by_name": "RED",
    "by_value": "green",
    "one": {"key": "k", "count": 3},
    "plucked": "k",
    "some": {"key": "k"},
    "rows": [{"key": "k"}],
    "tree": {"name": "a", "below": [{"name": "b", "below": []}]},
    "pair": ["a", 1],
    "table": {"a": [1, 2]},
    "flags": ["a", "b"],
    "even": 4,
    "odd": 3,
    "shown": "né",
    "label": "a-1",
    "page": "https://example.com/a",
}
