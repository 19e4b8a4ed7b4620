"""marshmallow's validators as keywords of JSON Schema.

Rules of this file:
1. A validator is known by what it runs; one of the application's is named as a rule that cannot be said.
2. A keyword is written only where it means the same for every value that the field takes.
"""

import datetime as dt
import re
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from marshmallow import fields, validate

from ..policy.validators import flattened, runs
from .expressions import as_ecma

Node = dict[str, Any]
"""A JSON Schema."""
Said = tuple[Node, str | None]
"""The keywords, and what they leave unsaid."""

_PLAIN: Final = (str, int, float, bool)
_MEASURES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "string": ("minLength", "maxLength"),
        "array": ("minItems", "maxItems"),
        "object": ("minProperties", "maxProperties"),
    }
)


def bounds_of(field: fields.Field[Any], kind: str) -> Iterator[Said]:
    """Yield what each validator of a field says.

    Args:
        field: whose validators.
        kind: `string`, `array`, `object`, `number`, or `other` for what is no longer what it was on the wire.
    """
    for validator in flattened(field.validators):
        for known, say in _SAYING.items():
            if runs(validator, known):
                yield say(validator, field, kind)
                break
        else:
            yield {}, f"validator {getattr(validator, '__qualname__', type(validator).__qualname__)}"


def _length(validator: Any, field: fields.Field[Any], kind: str) -> Said:
    if kind not in _MEASURES:
        return {}, _told(validator)
    least, most = _MEASURES[kind]
    if validator.equal is not None:
        return {least: validator.equal, most: validator.equal}, None
    found = {least: validator.min, most: validator.max}
    return {name: value for name, value in found.items() if value is not None}, None


def _range(validator: Any, field: fields.Field[Any], kind: str) -> Said:
    limits = {
        "minimum" if validator.min_inclusive else "exclusiveMinimum": validator.min,
        "maximum" if validator.max_inclusive else "exclusiveMaximum": validator.max,
    }
    given = {name: _number(value, field) for name, value in limits.items() if value is not None}
    if kind == "number" and None not in given.values():
        return given, None
    if isinstance(field, fields.Decimal):  # on the wire it is text, which has no minimum
        return {f"x-wssec-{name}": str(value) for name, value in limits.items() if value is not None}, _told(validator)
    return {}, _told(validator)


def _number(limit: Any, field: fields.Field[Any]) -> float | int | None:
    """A limit as it stands on the wire; None where it is no number there."""
    if isinstance(limit, dt.timedelta) and isinstance(field, fields.TimeDelta):
        limit = limit / dt.timedelta(**{field.precision: 1})
    if isinstance(limit, (int, float)) and not isinstance(limit, bool):
        return limit
    return None


def _one_of(validator: Any, field: fields.Field[Any], kind: str) -> Said:
    choices = list(validator.choices)
    return ({"enum": choices}, None) if _are_plain(choices, kind) else ({}, _told(validator))


def _none_of(validator: Any, field: fields.Field[Any], kind: str) -> Said:
    choices = list(validator.iterable)
    return ({"not": {"enum": choices}}, None) if _are_plain(choices, kind) else ({}, _told(validator))


def _equal(validator: Any, field: fields.Field[Any], kind: str) -> Said:
    value = validator.comparable
    return ({"const": value}, None) if _are_plain([value], kind) else ({}, _told(validator))


def _contains_only(validator: Any, field: fields.Field[Any], kind: str) -> Said:
    inner = field.inner if isinstance(field, fields.List) else None
    if kind != "array" or not isinstance(inner, fields.String) or not _are_plain(list(validator.choices), "string"):
        return {}, _told(validator)
    return {"items": {"enum": list(validator.choices)}}, None


def _regexp(validator: Any, field: fields.Field[Any], kind: str) -> Said:
    expression: re.Pattern[Any] = validator.regex
    if kind != "string" or not isinstance(expression.pattern, str):
        return {}, _told(validator)
    pattern = as_ecma(expression)
    if pattern is None:
        return {"x-wssec-expression": expression.pattern}, f"the expression {expression.pattern}"
    return {"pattern": pattern}, None


def _email(validator: Any, field: fields.Field[Any], kind: str) -> Said:
    return {"format": "email"}, "which addresses are any"


def _url(validator: Any, field: fields.Field[Any], kind: str) -> Said:
    return {
        "format": "uri-reference" if validator.relative else "uri"
    }, f"URLs of {', '.join(sorted(validator.schemes))}"


def _unsaid(validator: Any, field: fields.Field[Any], kind: str) -> Said:
    return {}, _told(validator)


def _told(validator: Any) -> str:
    """A validator of marshmallow's, without the text of its error."""
    return re.sub(r"(, )?error=.*\)$", ")", repr(validator).strip("<>")).replace("(, ", "(")


def _are_plain(values: list[Any], kind: str) -> bool:
    """Whether these are the same on the wire as they are in Python."""
    if kind == "string":
        return all([isinstance(value, str) for value in values])
    return kind == "number" and all([isinstance(one, (int, float)) and not isinstance(one, bool) for one in values])


_SAYING: Final[Mapping[type[validate.Validator], Callable[[Any, fields.Field[Any], str], Said]]] = MappingProxyType(
    {
        validate.Length: _length,
        validate.Range: _range,
        validate.OneOf: _one_of,
        validate.NoneOf: _none_of,
        validate.Equal: _equal,
        validate.ContainsOnly: _contains_only,
        validate.ContainsNoneOf: _unsaid,
        validate.Regexp: _regexp,
        validate.Email: _email,
        validate.URL: _url,
        validate.Predicate: _unsaid,
    }
)
