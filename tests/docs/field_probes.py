"""Every kind of field and validator, declared and asked: the reference of fields is made from this, and tested by it.

What stands here in quotes is Python, as it stands on the page.
"""

import enum
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from marshmallow import Schema, fields, validate

import tornado_wssec
from tornado_wssec import PUBLIC, Message, Registry
from tornado_wssec.policy.specs import compile_message

OURS: Final = (
    *("PlainText", "SafeHtml", "SafeUrl", "Identifier"),
    *("StrictInteger", "StrictFloat", "StrictDecimal", "StrictBoolean", "StrictDateTime", "StrictTimeDelta"),
)


class Level(enum.Enum):
    """What an Enum takes."""

    LOW = 1


class Point(Schema):
    """What is nested."""

    x = tornado_wssec.StrictFloat(required=True)


NAMES: Final[Mapping[str, Any]] = MappingProxyType(
    {
        **{name: getattr(validate, name) for name in dir(validate) if name[:1].isupper()},
        **{name: getattr(fields, name) for name in fields.__all__},
        **{name: getattr(tornado_wssec, name) for name in OURS},
        "Level": Level,
        "Point": Point,
        "validate": validate,
    }
)

FIELDS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "PlainText": ("PlainText(max_length=200)", "PlainText(max_length=200)"),
        "SafeHtml": ("SafeHtml(max_length=4_000)", "SafeHtml(max_length=4_000)"),
        "SafeUrl": ("SafeUrl()", "SafeUrl()"),
        "Identifier": ("Identifier()", "Identifier()"),
        "String": ("String()", "String(validate=Length(max=200))"),
        "Email": ("Email()", "Email(validate=Length(max=254))"),
        "Url": ("Url()", "Url(validate=Length(max=2_000))"),
        "UUID": ("UUID()", "UUID()"),
        "StrictInteger": ("StrictInteger()", "StrictInteger(validate=Range(0, 9))"),
        "Integer": ("Integer()", "Integer(strict=True)"),
        "StrictFloat": ("StrictFloat()", "StrictFloat()"),
        "Float": ("Float()", ""),
        "StrictDecimal": ("StrictDecimal()", "StrictDecimal(places=2)"),
        "Decimal": ("Decimal()", ""),
        "StrictBoolean": ("StrictBoolean()", "StrictBoolean()"),
        "Boolean": ("Boolean()", ""),
        "StrictDateTime": ("StrictDateTime()", "StrictDateTime()"),
        "DateTime": ('DateTime(format="timestamp")', "DateTime()"),
        "AwareDateTime": ('AwareDateTime(format="rfc")', "AwareDateTime()"),
        "NaiveDateTime": ('NaiveDateTime(format="timestamp")', "NaiveDateTime()"),
        "Date": ("Date()", "Date()"),
        "Time": ("Time()", "Time()"),
        "StrictTimeDelta": ("StrictTimeDelta()", "StrictTimeDelta()"),
        "TimeDelta": ("TimeDelta()", ""),
        "IP": ("IP()", "IP()"),
        "IPv4": ("IPv4()", "IPv4()"),
        "IPv6": ("IPv6()", "IPv6()"),
        "IPInterface": ("IPInterface()", "IPInterface()"),
        "IPv4Interface": ("IPv4Interface()", "IPv4Interface()"),
        "IPv6Interface": ("IPv6Interface()", "IPv6Interface()"),
        "Enum": ("Enum(Level, by_value=True)", "Enum(Level)"),
        "List": ("List(StrictFloat())", "List(StrictFloat(), validate=Length(max=8))"),
        "Tuple": ("Tuple((StrictFloat(), String()))", "Tuple((StrictFloat(), StrictFloat()))"),
        "Dict": (
            "Dict(validate=Length(max=8))",
            "Dict(keys=Identifier(), values=StrictFloat(), validate=Length(max=8))",
        ),
        "Nested": ("Nested(Point, many=True)", "Nested(Point)"),
        "Pluck": ('Pluck(Point, "x", many=True)', 'Pluck(Point, "x")'),
        "Constant": ("Constant(1)", "Constant(1, dump_only=True)"),
        "Raw": ("Raw()", ""),
        "Field": ("Field()", ""),
        "Function": ("Function(deserialize=str)", ""),
        "Method": ('Method(deserialize="load")', ""),
    }
)
"""Kind → how it is written when nothing is thought of, and as it starts; empty where it never does."""

VALIDATORS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Length": "String(validate=Length(1, 200))",
        "Regexp": r'String(validate=Regexp(r"[a-z]{1,64}\Z"))',
        "OneOf": 'String(validate=OneOf(["red", "green"]))',
        "Equal": 'String(validate=Equal("red"))',
        "NoneOf": 'String(validate=[Length(max=200), NoneOf(["root"])])',
        "Range": "StrictInteger(validate=Range(0, 9))",
        "ContainsOnly": "List(StrictInteger(), validate=[Length(max=8), ContainsOnly([1, 2])])",
        "ContainsNoneOf": "List(StrictInteger(), validate=[Length(max=8), ContainsNoneOf([0])])",
        "Email": "String(validate=[Length(max=254), validate.Email()])",
        "URL": "String(validate=[Length(max=2_000), validate.URL()])",
        "And": "String(validate=And(Length(1, 8), NoneOf(['root'])))",
        "Predicate": 'UUID(validate=Predicate("__bool__"))',
    }
)
"""Validator → a field with it."""


def made(written: str) -> fields.Field[Any]:
    """The field that is written so."""
    found = eval(written, {"__builtins__": {"str": str}}, dict(NAMES))  # noqa: S307  # it is written above
    assert isinstance(found, fields.Field)
    return found


def declared(written: str) -> type[Message]:
    """A message with this field."""
    meta = type("Meta", (), {"type": "probe", "permission": PUBLIC, "register": False})
    return type("Probe", (Message,), {"Meta": meta, "probe": made(written)})


def refusal(written: str) -> str:
    """Why it does not start, with the remedy; empty where it does."""
    found = Registry(declared(written)).problems()
    return f"{found[0].fault}; {found[0].remedy}" if found else ""


def way(written: str) -> str:
    """The way that its messages take."""
    spec, _ = compile_message(declared(written))
    assert spec is not None
    return spec.path


def field_rows() -> Iterator[tuple[str, ...]]:
    """A row for each kind of field."""
    for kind, (careless, starting) in FIELDS.items():
        reason = refusal(careless)
        told = f"`{careless}` {reason}" if reason else "–"
        yield f"`{kind}`", f"`{starting}`" if starting else "never", told, way(starting) if starting else "–"


def validator_rows() -> Iterator[tuple[str, ...]]:
    """A row for each validator."""
    for kind, written in VALIDATORS.items():
        alone = f"String(validate={_alone(kind)})" if _alone(kind) else ""
        bounds = "–" if not alone else "no" if "without a maximum" in refusal(alone) else "yes"
        yield f"`{kind}`", f"`{written}`", bounds, way(written)


def _alone(kind: str) -> str:
    """The validator as it stands alone on a text; empty where it is for something else."""
    return {
        "Length": "Length(max=200)",
        "Regexp": r'Regexp(r"[a-z]{1,64}\Z")',
        "OneOf": 'OneOf(["red"])',
        "Equal": 'Equal("red")',
        "NoneOf": 'NoneOf(["root"])',
        "Email": "validate.Email()",
        "URL": "validate.URL()",
        "And": "And(Length(1, 8))",
    }.get(kind, "")
