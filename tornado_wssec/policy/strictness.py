"""What in the fields of a declaration does not start, each with the remedy.

Rules of this file:
1. Whatever lets through more than the declaration says is refused always: unknown fields, an
   expression that does not match to the end, a validator whose verdict nobody reads.
2. What coerces, has no bound, or is shared by all messages is refused in strict mode, which is the default.
"""

from collections.abc import Iterator
from typing import Any, Final

from marshmallow import RAISE, Schema, fields, validate
from marshmallow.decorators import VALIDATES, VALIDATES_SCHEMA

from ..errors import Problem
from .anatomy import Level, is_many, levels_of
from .fields import StrictBoolean, StrictDecimal, StrictFloat, StrictInteger, StrictTimeDelta
from .messages import place
from .patterns import PatternFacts, read_pattern
from .validators import flattened, runs, thrown_away

Fault = tuple[str, str]
"""What is wrong, and the remedy."""


def field_problems(declared: type[Schema], *, strict: bool) -> Iterator[Problem]:
    """Yield what is wrong with the fields of a declaration, those in nested schemas included."""
    where = place(declared)
    for level in levels_of(declared()):
        outer = f"{where}.{level.path}" if level.path else where
        for fault, remedy in _schema_faults(level):
            yield Problem(outer, fault, remedy)
        for part in level.parts():
            faults = [*_open_faults(part.field), *(_strict_faults(part.field) if strict else ())]
            for fault, remedy in faults:
                yield Problem(f"{where}.{part.path}", fault, remedy)


def _schema_faults(level: Level) -> Iterator[Fault]:
    schema = level.schema
    if schema.unknown != RAISE:
        yield f"lets unknown fields pass (unknown={schema.unknown!r})", "drop `unknown`, or set it to RAISE"
    if schema.partial:
        yield "is partial, so that what is required may be absent", "drop `partial`"
    for tag in (VALIDATES, VALIDATES_SCHEMA):
        for name, *_ in schema._hooks.get(tag, ()):
            if reason := thrown_away(getattr(schema, name)):
                yield f"method {name} {reason}", "raise ValidationError instead"


def _open_faults(field: fields.Field[Any]) -> Iterator[Fault]:
    if isinstance(field, fields.Nested) and field.unknown not in (None, RAISE):
        yield f"lets unknown fields pass (unknown={field.unknown!r})", "drop `unknown`, or set it to RAISE"
    for validator in flattened(field.validators):
        if isinstance(validator, validate.Regexp) and runs(validator, validate.Regexp):
            yield from _regexp_faults(validator)
        elif reason := thrown_away(validator):
            name = getattr(validator, "__qualname__", type(validator).__qualname__)
            yield f"validator {name} {reason}", "raise ValidationError instead, or use validate.Predicate or OneOf"


def _regexp_faults(validator: validate.Regexp) -> Iterator[Fault]:
    facts = _facts(validator)
    if facts is None:
        yield "has a Regexp over bytes, which no text matches", "write the pattern as text"
    elif not facts.reaches_end:
        fault = f"has a Regexp that does not match to the end, {validator.regex.pattern!r}"
        yield fault, f'write Regexp(r"{facts.mended}"); $ also matches before a newline at the end'


def _facts(validator: validate.Regexp) -> PatternFacts | None:
    """What is known of a pattern; None where it is over bytes."""
    return read_pattern(validator.regex) if isinstance(validator.regex.pattern, str) else None


_CHANGING: Final = (bytearray, dict, list, set)
_ENDLESS_REGEXP: Final = ", or give its Regexp a width, {1,64} in place of +"
_NO_KEY: Final = (
    fields.Boolean,
    fields.List,
    fields.Mapping,
    fields.Nested,
    fields.Number,
    fields.TimeDelta,
    fields.Tuple,
)


def _strict_faults(field: fields.Field[Any]) -> Iterator[Fault]:
    if coercion := _coercion(field):
        yield coercion
    has_length = isinstance(field, (fields.String, fields.List, fields.Mapping)) or is_many(field)
    if has_length and not _is_bounded(field):
        endless = any([isinstance(one, validate.Regexp) for one in flattened(field.validators)])
        remedy = f"add validate.Length(max=…){_ENDLESS_REGEXP if endless else ''}"
        yield f"is a {type(field).__name__} without a maximum", remedy
    if isinstance(field, fields.Mapping):
        yield from _mapping_faults(field)
    if isinstance(field.load_default, _CHANGING):
        shared = type(field.load_default).__name__
        remedy = f"write a function that makes one each time, load_default={shared}"
        yield f"shares one {shared} among all messages that lack it, and what a handler adds to it stays", remedy


def _mapping_faults(field: fields.Mapping[Any]) -> Iterator[Fault]:
    if field.key_field is None or field.value_field is None:
        fault = "does not say what its keys and values are"
        yield fault, "write fields.Dict(keys=…, values=…), or nest a schema"
    elif isinstance(field.key_field, _NO_KEY):
        fault = f"has keys of {type(field.key_field).__name__}, but those of a JSON object are text"
        yield fault, "use keys=fields.String(…)"


def _is_bounded(field: fields.Field[Any]) -> bool:
    """Whether one of the validators of marshmallow's own ends what is too long."""
    return any([_bounds(validator) for validator in flattened(field.validators)])


def _bounds(validator: Any) -> bool:
    if runs(validator, validate.Length):
        return validator.max is not None or validator.equal is not None
    if runs(validator, validate.Regexp):
        facts = _facts(validator)
        return facts is not None and facts.reaches_end and facts.is_bounded
    return runs(validator, validate.OneOf) or runs(validator, validate.Equal)


def _coercion(field: fields.Field[Any]) -> Fault | None:
    """What a field takes for what it is not; None where it takes what is written."""
    if isinstance(field, fields.Enum):
        return _enum_coercion(field)
    if isinstance(field, fields.Number):
        return _number_coercion(field)
    if isinstance(field, fields.Boolean) and not isinstance(field, StrictBoolean):
        return 'takes "yes" and 1 for true', "use StrictBoolean"
    if isinstance(field, fields.TimeDelta) and not isinstance(field, StrictTimeDelta):
        return 'takes "1_0" and true for a number', "use StrictTimeDelta"
    if isinstance(field, (fields.DateTime, fields.Date, fields.Time)) and field.format in _LENIENT_FORMATS:
        return f"takes more than one spelling of a moment (format={field.format!r})", "use StrictDateTime"
    if isinstance(field, fields.Constant) and not field.dump_only:
        return "takes anything in place of its constant", "use String(validate=validate.Equal(…)), or dump_only=True"
    if isinstance(field, (fields.Method, fields.Function)) or type(field)._deserialize is fields.Field._deserialize:
        return f"is a {type(field).__name__}, which takes anything", "use a field type that says what it takes"
    return None


def _number_coercion(field: fields.Number[Any]) -> Fault | None:
    if isinstance(field, (StrictFloat, StrictDecimal)):
        return None
    if isinstance(field, fields.Integer):
        if not field.strict:
            return 'takes "1_000" and 1.9 for integers', "use StrictInteger, or fields.Integer(strict=True)"
        return _AS_STRING if field.as_string and not isinstance(field, StrictInteger) else None
    if isinstance(field, fields.Float):
        return 'takes "1_0" for a number', "use StrictFloat"
    if isinstance(field, fields.Decimal):
        return 'takes 1E+999999 and "1_0", and rounds', "use StrictDecimal"
    return "makes a number of whatever it is given", "use StrictInteger, StrictFloat or StrictDecimal"


_LENIENT_FORMATS: Final = ("timestamp", "timestamp_ms", "rfc", "rfc822")
_AS_STRING: Final = ("is written as a string, which it does not read", "drop as_string")


def _enum_coercion(field: fields.Enum[Any]) -> Fault | None:
    if field.by_value is False:
        return None
    if field.by_value is not True:
        return _coercion(field.field)
    if all([isinstance(member.value, str) for member in field.enum]):
        return None
    return "takes true and 1.0 for 1", "use by_value=StrictInteger"
