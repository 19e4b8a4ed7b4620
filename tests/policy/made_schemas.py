"""Schemas that Hypothesis makes up, of every kind of field, each with data that it takes."""

import enum
from collections.abc import Callable, Mapping
from typing import Any, Final

from hypothesis import strategies as st
from marshmallow import ValidationError, fields, post_load, validate, validates_schema

from tests.policy.samples import message, schema
from tornado_wssec.policy.fields import (
    StrictBoolean,
    StrictDateTime,
    StrictDecimal,
    StrictFloat,
    StrictInteger,
    StrictTimeDelta,
)
from tornado_wssec.policy.text_fields import Identifier, PlainText, SafeUrl

Made = tuple[Callable[..., fields.Field[Any]], tuple[Any, ...]]
"""What makes a field, with the options of any, and values that it takes."""

UUID: Final = "0f8fad5b-d9cb-469f-a165-70867728950e"
AT: Final = "2026-01-31T12:00:00Z"


class Colour(enum.Enum):
    """An enumeration."""

    RED = "red"
    BLUE = "blue"


class Shouted(fields.String):
    """A field of an application's own."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        return super()._deserialize(value, attr, data, **kwargs).upper()


class Short(fields.String):
    """One that replaces nothing."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"validate": validate.Length(max=8), **kwargs})


def refuse_x(value: object) -> None:
    """A validator of an application's own."""
    if value == "x":
        raise ValidationError("not x")


def _made(kind: Callable[..., fields.Field[Any]], values: tuple[Any, ...], **own: Any) -> Made:
    return lambda **options: kind(**own, **options), values


SCALARS: Final[tuple[Made, ...]] = (
    _made(fields.String, ("", "a", "abc"), validate=validate.Length(max=8)),
    _made(fields.String, ("ab",), validate=validate.Length(equal=2)),
    _made(fields.String, ("a", "ab-1"), validate=[validate.Regexp(r"[a-z0-9-]{1,12}\Z"), validate.NoneOf(["no"])]),
    _made(fields.String, ("a", "b"), validate=validate.OneOf(["a", "b", "\u00e9"])),
    _made(fields.String, ("ab", "b"), validate=[validate.OneOf(("ab", "b")), validate.Length(1)]),
    _made(fields.String, ("a", "bc"), validate=validate.OneOf("abc")),
    _made(fields.String, ("a",), validate=validate.Equal("a")),
    _made(fields.String, ("a", "1"), validate=validate.And(validate.Length(1, 9), validate.Predicate("isalnum"))),
    _made(fields.String, ("a", "b\0"), validate=validate.Length(max=9), metadata={"allow_nul": True}),
    _made(fields.String, ("a", "bc"), validate=[validate.Length(max=8), refuse_x]),
    _made(fields.String, ("a",), validate=validate.ContainsOnly("abc")),
    _made(Short, ("a", "bc")),
    _made(Shouted, ("a", "bc"), validate=validate.Length(max=8)),
    _made(fields.Email, ("a@example.com",), validate=validate.Length(max=40)),
    _made(fields.Url, ("https://example.com/a",), validate=validate.Length(max=60)),
    _made(PlainText, ("a", "\u00e9"), max_length=8),
    _made(Identifier, ("a", "a.b-1"), max_length=8),
    _made(SafeUrl, ("https://example.com/a",), max_length=60),
    _made(StrictInteger, (0, 64, -7)),
    _made(StrictInteger, (1, 64), validate=validate.Range(1, 64)),
    _made(StrictInteger, (2, 63), validate=validate.Range(1, 64.5, min_inclusive=False, max_inclusive=False)),
    _made(StrictInteger, (1, 2), validate=validate.OneOf([1, 2])),
    _made(fields.Integer, (0, 5), strict=True, validate=validate.Range(min=-5.5)),
    _made(StrictFloat, (0.5, 1, -0.0)),
    _made(StrictFloat, (0.5, 1), validate=validate.Range(0, 64)),
    _made(StrictFloat, (0.5, 1.5), validate=validate.Range(0.1, 2.5, min_inclusive=False)),
    _made(StrictFloat, (0.5, 2), validate=validate.Range(max=2**60)),
    _made(StrictBoolean, (True, False)),
    _made(StrictBoolean, (True,), validate=validate.Equal(True)),
    _made(fields.UUID, (UUID,)),
    _made(StrictDateTime, (AT, "2026-01-31T12:00:00.5+01:00")),
    _made(StrictDecimal, ("1.5", "-0.25", "10"), places=2),
    _made(StrictTimeDelta, (1, 0.5)),
    _made(fields.DateTime, ("2026-01-31T12:00:00", AT)),
    _made(fields.DateTime, ("2026-01-31",), format="%Y-%m-%d"),
    _made(fields.NaiveDateTime, ("2026-01-31T12:00:00",)),
    _made(fields.Date, ("2026-01-31",)),
    _made(fields.Time, ("12:00:00",)),
    _made(fields.IP, ("127.0.0.1", "::1")),
    _made(fields.IPv4Interface, ("127.0.0.1/8",)),
    _made(fields.Enum, ("RED",), enum=Colour),
    _made(fields.Enum, ("red", "blue"), enum=Colour, by_value=True),
    _made(fields.Enum, ("red",), enum=Colour, by_value=fields.String, validate=validate.Equal(Colour.RED)),
    _made(fields.Constant, ("a",), constant="a"),
    _made(fields.Boolean, (True, "yes"), validate=validate.OneOf([True, False])),
    _made(fields.Raw, (1, "a", [1])),
    _made(StrictInteger, (1,), validate=validate.Range()),
)
KEYS: Final[tuple[Made, ...]] = (SCALARS[0], SCALARS[2], SCALARS[3], SCALARS[29], SCALARS[40])


def _list(inner: Made) -> Made:
    make, values = inner
    return (
        lambda **options: fields.List(make(), validate=validate.Length(max=9), **options),
        ([], [values[0]], list(values)),
    )


def _many(inner: tuple[Any, Mapping[str, Any]]) -> Made:
    nested, sample = inner
    return (
        lambda **options: fields.Nested(nested, many=True, validate=validate.Length(max=3), **options),
        ([dict(sample)], []),
    )


def _tuple(inner: tuple[Made, Made]) -> Made:
    (one, ones), (other, others) = inner
    return lambda **options: fields.Tuple((one(), other()), **options), ([ones[0], others[-1]],)


def _dict(inner: tuple[Made, Made]) -> Made:
    (key, keys), (value, values) = inner
    return (
        lambda **options: fields.Dict(keys=key(), values=value(), validate=validate.Length(max=4), **options),
        ({keys[0]: values[0]}, {}, dict(zip(keys, values, strict=False))),
    )


def _object(inner: tuple[Any, Mapping[str, Any]]) -> Made:
    nested, sample = inner
    return lambda **options: fields.Nested(nested, **options), (dict(sample),)


def _larger(smaller: st.SearchStrategy[Made]) -> st.SearchStrategy[Made]:
    return st.one_of(
        smaller.map(_list),
        st.tuples(smaller, smaller).map(_tuple),
        st.tuples(st.sampled_from(KEYS), smaller).map(_dict),
        _nested(smaller).map(_object),
        _nested(smaller).map(_many),
    )


def _fields(
    made: st.SearchStrategy[Made], least: int, most: int
) -> st.SearchStrategy[list[tuple[Made, dict[str, Any], bool]]]:
    return st.lists(st.tuples(made, _options(), st.booleans()), min_size=least, max_size=most)


def _options() -> st.SearchStrategy[dict[str, Any]]:
    """What any field may be told besides."""
    return st.sampled_from(
        (
            *([{"required": True}] * 4),
            *({}, {"allow_none": True}, {"required": True, "allow_none": True}, {"load_default": None}),
            *({"load_default": "x"}, {"load_default": list}, {"dump_default": None}, {"dump_default": "a"}),
            *({"dump_only": True}, {"load_only": True}, {"attribute": "inner", "required": True}, {"attribute": "b0"}),
            *({"data_key": "camelCase"}, {"data_key": "id", "required": True}, {"data_key": ""}, {"data_key": 'q"\\'}),
        )
    )


def _members(drawn: list[tuple[Made, dict[str, Any], bool]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The members of a class, and data that it takes."""
    members: dict[str, Any] = {}
    sample: dict[str, Any] = {}
    taken: set[str] = set()
    for place, ((make, values), options, is_sent) in enumerate(drawn):
        name = f"a{place}"
        if options.get("data_key", options.get("attribute")) in taken:
            options = {"required": True}
        taken |= {str(one) for key, one in options.items() if key in ("data_key", "attribute")}
        members[name] = make(**options)
        if not options.get("dump_only") and (is_sent or options.get("required")):
            sample[options.get("data_key", name)] = values[place % len(values)]
    return members, sample


def _nested(made: st.SearchStrategy[Made]) -> st.SearchStrategy[tuple[Any, Mapping[str, Any]]]:
    def build(drawn: list[tuple[Made, dict[str, Any], bool]]) -> tuple[Any, Mapping[str, Any]]:
        members, sample = _members(drawn)
        return schema(**members), sample

    return _fields(made, 1, 4).map(build)


@validates_schema
def _refuse_nothing(self: Any, data: Any, **kwargs: Any) -> None:
    if data.get("a0") == "abc":
        raise ValidationError("not abc", "a0")


@post_load
def _add_size(self: Any, data: Any, **kwargs: Any) -> Any:
    return {**data, "size": len(data)}


HOOKS: Final[tuple[Mapping[str, Any], ...]] = (*[{}] * 4, {"judge": _refuse_nothing}, {"finish": _add_size})


def declarations() -> st.SearchStrategy[tuple[Any, Mapping[str, Any]]]:
    """A message class, and data that it takes."""
    made = st.recursive(st.sampled_from(SCALARS), _larger, max_leaves=5)

    def build(drawn: list[tuple[Made, dict[str, Any], bool]], hooks: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        members, sample = _members(drawn)
        return message(**members, **hooks), sample

    return st.builds(build, _fields(made, 3, 9), st.sampled_from(HOOKS))
