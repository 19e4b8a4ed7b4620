"""What each kind of field is on the wire: its JSON Schema, and what that leaves unsaid.

A field counts as of a kind while it reads and writes as that kind does. One that has code of its own for that says
what it takes by a method `json_schema()`, or takes anything as far as a schema can tell.

Rules of this file:
1. What a schema allows the server takes, and what it refuses the server refuses; where that does not hold, a gap says
   so.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from marshmallow import fields

from ..policy.fields import StrictBoolean, StrictDateTime, StrictDecimal, StrictFloat, StrictInteger, StrictTimeDelta
from .bounds import Node
from .gaps import Side

Unsaid = tuple[str, Side]
"""A rule, and who is stricter."""

_READING: Final = ("deserialize", "_deserialize", "_validated", "_validate_missing", "_serialize", "serialize")
_DAY: Final = r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
_TIME: Final = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?"
_ZONE: Final = r"(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
_DAYS: Final[Unsaid] = ("no month has more days than it has, and no year is 0000", "stricter")
_SPELLINGS: Final[Unsaid] = ("other spellings of the same are taken, too", "laxer")
_ROUNDING: Final[Unsaid] = ("it is rounded to the microsecond", "either")
_INTEGERS: Final = 2**53 - 1


class Kind(NamedTuple):
    """What a field is on the wire.

    Args:
        node: its schema, without what its validators say.
        measure: what validators measure: `string`, `array`, `object`, `number`; `other` for anything else.
        python: the type of a value that has been read.
        unsaid: what the schema leaves out.
    """

    node: Node
    measure: str
    python: str
    unsaid: tuple[Unsaid, ...] = ()


def kind_of(field: fields.Field[Any]) -> Kind:
    """What a field is; lists, dicts, tuples and nested schemas are none of these."""
    for base in type(field).__mro__:
        if base in _KINDS:
            return _KINDS[base](field) if _reads_as(field, base) else _custom(field)
    return _custom(field)


def reads_as(field: fields.Field[Any], *bases: type[fields.Field[Any]]) -> bool:
    """Whether a field reads and writes as one of these does."""
    return any([isinstance(field, base) and _reads_as(field, base) for base in bases])


def _reads_as(field: fields.Field[Any], base: type) -> bool:
    kind: Any = type(field)
    return all([getattr(kind, name) is getattr(base, name, None) for name in _READING if hasattr(kind, name)])


def _custom(field: fields.Field[Any]) -> Kind:
    """A field of the application's own, or one of ours that says itself what it is."""
    name = type(field).__qualname__
    told = getattr(field, "json_schema", None)
    node = {**(told() if callable(told) else {}), "x-wssec-field": name}
    is_text = isinstance(field, fields.String)
    measure = "string" if is_text and node.get("type") == "string" else "other"
    return Kind(node, measure, "str" if is_text else "Any", ((f"what a {name} is", "either"),))


def _string(field: Any) -> Kind:
    return Kind({"type": "string"}, "string", "str")


def _integer(field: Any) -> Kind:
    return Kind({"type": "integer"}, "number", "int", () if field.strict else (_SPELLINGS,))


def _float(field: Any) -> Kind:
    is_strict = isinstance(field, StrictFloat)
    return Kind({"type": "number"}, "number", "float", () if is_strict else (_SPELLINGS,))


def _boolean(field: Any) -> Kind:
    is_strict = isinstance(field, StrictBoolean)
    return Kind({"type": "boolean"}, "other", "bool", () if is_strict else (_SPELLINGS,))


def _decimal(field: Any) -> Kind:
    places, digits = field.most_places, field.most_digits
    fraction = rf"(?:\.[0-9]{{1,{places}}})?" if places else ""
    small = rf"(?:\.[0-9]{{1,{min(places, digits)}}})?" if places else ""
    whole = rf"(?=(?:[0-9]\.?){{1,{digits}}}$)[1-9][0-9]*{fraction}"
    most = min(10**digits - 1, _INTEGERS)
    limits = {"minimum": -most, "maximum": most, "x-wssec-places": min(places, digits), "x-wssec-digits": digits}
    node = {"type": ["string", "integer"], "format": "decimal", "pattern": f"^-?(?:0{small}|{whole})$", **limits}
    return Kind(node, "other", "decimal.Decimal")


def _lax_decimal(field: Any) -> Kind:
    return Kind({"type": ["string", "number"], "format": "decimal"}, "other", "decimal.Decimal", (_NUMERAL, _SPELLINGS))


_NUMERAL: Final[Unsaid] = ("a text is a number", "stricter")


def _span(field: Any) -> Kind:
    node = {"type": "number", "x-wssec-unit": field.precision}
    longest: Unsaid = ("no span is longer than 999,999,999 days", "stricter")
    lax = () if isinstance(field, StrictTimeDelta) else (_SPELLINGS,)
    return Kind(node, "number", "datetime.timedelta", (_ROUNDING, longest, *lax))


def _moment(field: Any) -> Kind:
    if reads_as(field, StrictDateTime):
        node = {"type": "string", "format": "date-time", "pattern": f"^{_DAY}T{_TIME}{_ZONE}$"}
        return Kind(node, "other", "datetime.datetime", (_DAYS,))
    if field.format not in (None, "iso", "iso8601"):
        return _formatted(field, "datetime.datetime")
    zone = {"aware": _ZONE, "naive": ""}.get(str(getattr(field, "AWARENESS", None)), f"{_ZONE}?")
    node = {"type": "string", "pattern": f"^{_DAY}T{_TIME}{zone}$"}
    return Kind(node, "other", "datetime.datetime", (_DAYS, _SPELLINGS))


def _date(field: Any) -> Kind:
    if field.format not in (None, "iso", "iso8601"):
        return _formatted(field, "datetime.date")
    node = {"type": "string", "format": "date", "pattern": f"^{_DAY}$"}
    return Kind(node, "other", "datetime.date", (_DAYS, _SPELLINGS))


def _time(field: Any) -> Kind:
    if field.format not in (None, "iso", "iso8601"):
        return _formatted(field, "datetime.time")
    return Kind({"type": "string", "pattern": f"^{_TIME}{_ZONE}?$"}, "other", "datetime.time", (_SPELLINGS,))


def _formatted(field: Any, python: str) -> Kind:
    """A moment in a format of the application's, which may be a number of seconds."""
    return Kind({"x-wssec-format": field.format}, "other", python, ((f"the format {field.format}", "stricter"),))


def _uuid(field: Any) -> Kind:
    pattern = "^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
    return Kind({"type": "string", "format": "uuid", "pattern": pattern}, "other", "uuid.UUID", (_SPELLINGS,))


def _address(field: Any) -> Kind:
    """An IP address; marshmallow writes it in its shortest form."""
    if isinstance(field, fields.IPv4):
        return Kind({"type": "string", **_IPV4}, "other", "ipaddress.IPv4Address")
    if isinstance(field, fields.IPv6):
        return Kind({"type": "string", "format": "ipv6"}, "other", "ipaddress.IPv6Address", (_ADDRESS,))
    node = {"type": "string", "anyOf": [dict(_IPV4), {"format": "ipv6"}]}
    return Kind(node, "other", "ipaddress.IPv4Address | ipaddress.IPv6Address", (_ADDRESS,))


_OCTET: Final = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4: Final[Mapping[str, str]] = MappingProxyType({"format": "ipv4", "pattern": rf"^{_OCTET}(?:\.{_OCTET}){{3}}$"})
_ADDRESS: Final[Unsaid] = ("a text is an address", "stricter")


def _interface(field: Any) -> Kind:
    known = {fields.IPv4Interface: ("4",), fields.IPv6Interface: ("6",)}
    versions = next((names for base, names in known.items() if isinstance(field, base)), ("4", "6"))
    python = " | ".join(f"ipaddress.IPv{version}Interface" for version in versions)
    return Kind({"type": "string"}, "other", python, (("a text is an address with its mask", "stricter"),))


def _enumeration(field: Any) -> Kind:
    is_by_name = field.by_value is False
    values = (
        list(field.enum.__members__)
        if is_by_name
        else [field.field._serialize(member.value, None, None) for member in field.enum]
    )
    python = f"{field.enum.__module__}.{field.enum.__qualname__}"
    return Kind({"enum": values}, "other", "Any" if "<locals>" in python else python)


def _constant(field: Any) -> Kind:
    return Kind({"const": field.constant}, "other", "Any", (("whatever comes stands for it", "laxer"),))


def _anything(field: Any) -> Kind:
    return Kind({}, "other", "Any")


_KINDS: Final[Mapping[type, Callable[[Any], Kind]]] = MappingProxyType(
    {
        fields.String: _string,
        StrictInteger: _integer,
        fields.Integer: _integer,
        StrictFloat: _float,
        fields.Float: _float,
        StrictBoolean: _boolean,
        fields.Boolean: _boolean,
        StrictDecimal: _decimal,
        fields.Decimal: _lax_decimal,
        StrictTimeDelta: _span,
        fields.TimeDelta: _span,
        StrictDateTime: _moment,
        fields.NaiveDateTime: _moment,
        fields.AwareDateTime: _moment,
        fields.DateTime: _moment,
        fields.Date: _date,
        fields.Time: _time,
        fields.UUID: _uuid,
        fields.IP: _address,
        fields.IPInterface: _interface,
        fields.Enum: _enumeration,
        fields.Constant: _constant,
        fields.Raw: _anything,
    }
)
