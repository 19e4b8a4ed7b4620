"""Whether the options of a declaration and its fields agree.

Rules of this file:
1. A permission is filled from fields that are there in every valid message, or the type does not start.
2. The fields of a channel are the fields of its pattern, neither more nor less.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from marshmallow import Schema, fields

from ..errors import Problem
from .anatomy import key_of
from .binary_formats import PAYLOAD
from .channel_options import ChannelTerms
from .messages import Channel, Message, place
from .options import Direction, MessageTerms
from .permissions import PermissionTemplate

_MANY: Final = (fields.List, fields.Tuple, fields.Mapping, fields.Nested)
_TIMES: Final = (fields.DateTime, fields.Date, fields.Time, fields.TimeDelta)

# PermissionTemplate.fill takes text, integers, UUIDs and members of an enumeration.
_NO_SEGMENT: Final = (*_MANY, *_TIMES, fields.Boolean, fields.Float, fields.Decimal, fields.IP, fields.IPInterface)

# A segment of a name is text; a number would have several spellings, and a channel then several names.
_NO_NAME: Final = (*_MANY, fields.Boolean, fields.Number, fields.TimeDelta)


def loaded_as(name: str, schema: Schema) -> str:
    """The key under which a field's value is found in what `load` returns."""
    field = schema.fields.get(name)
    return name if field is None else field.attribute or name


def bound_keys(bind: Mapping[str, str], schema: Schema) -> dict[str, str]:
    """What `bind` says, with each field as the wire calls it."""
    return {key_of(name, schema.fields[name]) if name in schema.fields else name: bind[name] for name in bind}


def message_problems(message: type[Message], terms: MessageTerms, schema: Schema) -> Iterator[Problem]:
    """Yield where the options of a message name what its fields do not give."""
    if schema.many:
        yield Problem(f"{place(message)}.Meta.many", "is set, but data is one object", "drop it and nest a List")
    if terms.permission is not None:
        yield from _template_problems(message, terms, terms.permission, schema)
    for name, field in schema.fields.items() if terms.binary is not None else ():
        if PAYLOAD in (name, key_of(name, field), loaded_as(name, schema)):
            fault = f"is called {PAYLOAD}, as the bytes of a binary message are"
            yield Problem(f"{place(message)}.{name}", fault, "name it otherwise")
    yield from _coalesce_problems(message, terms, schema)
    for name in bound_keys(terms.bind, schema):
        if name not in {key_of(own, field) for own, field in schema.load_fields.items()}:
            yield Problem(f"{place(message)}.Meta.bind", f"names {name}, which is no field of it", "declare the field")


def _coalesce_problems(message: type[Message], terms: MessageTerms, schema: Schema) -> Iterator[Problem]:
    there = _there(schema, terms.direction)
    for name in terms.coalesce:
        field = there.get(name)
        if field is None or not field.required:
            fault = f"names {{{name}}}, which is {'no' if field is None else 'not a required'} field of {terms.type}"
            remedy = "name another or drop it" if field is None else "mark it required=True or drop it"
            yield Problem(f"{place(message)}.Meta.coalesce", fault, remedy)


def _template_problems(
    message: type[Message], terms: MessageTerms, template: PermissionTemplate, schema: Schema
) -> Iterator[Problem]:
    there = _there(schema, terms.direction)
    bound = bound_keys(terms.bind, schema)
    for name in template.fields:
        fault = _fault(there.get(name), is_filled=name in there and key_of(name, there[name]) in bound)
        if fault:
            remedy = "mark it required=True or drop it" if "required" in fault else "name another or drop it"
            yield Problem(place(message), f"permission names {{{name}}}, which is {fault} of {terms.type}", remedy)


def _there(schema: Schema, direction: Direction) -> dict[str, fields.Field[Any]]:
    """The fields of every message that the permission is asked for."""
    coming, going = schema.load_fields, schema.dump_fields
    if direction == "both":
        return {name: field for name, field in coming.items() if name in going}
    return dict(coming if direction == "in" else going)


def _fault(field: fields.Field[Any] | None, *, is_filled: bool) -> str | None:
    """Why a permission cannot be filled from a field; None where it can."""
    if field is None or "." in (field.attribute or ""):
        return "no field"
    if isinstance(field, _NO_SEGMENT):
        return f"a {type(field).__name__} and no String, Integer, UUID or Enum"
    if field.allow_none or not (field.required or is_filled):
        return "not a required field"
    return None


def channel_problems(channel: type[Channel], terms: ChannelTerms, schema: Schema) -> Iterator[Problem]:
    """Yield where the pattern, the permissions and the fields of a channel differ."""
    named = terms.pattern.fields if terms.pattern else ()
    there = _there(schema, "both")
    for name in named:
        yield from _segment_problems(channel, name, there.get(name))
    for name in sorted(schema.fields.keys() - set(named)) if terms.pattern else ():
        remedy = f"add {{{name}}} to the pattern or drop it"
        yield Problem(f"{place(channel)}.{name}", "is not in the pattern", remedy)
    for option, template in (("subscribe", terms.subscribe), ("publish", terms.publish)):
        for name in template.fields if template else ():
            if name not in named:
                fault = f"names {{{name}}}, which the pattern does not"
                yield Problem(f"{place(channel)}.Meta.{option}", fault, f"add {{{name}}} to the pattern or drop it")
    for name in sorted((terms.bind or {}).keys() - set(named)):
        fault = f"names {{{name}}}, which the pattern does not"
        yield Problem(f"{place(channel)}.Meta.bind", fault, f"add {{{name}}} to the pattern or drop it")


def _segment_problems(channel: type[Channel], name: str, field: fields.Field[Any] | None) -> Iterator[Problem]:
    where = f"{place(channel)}.{name}"
    if field is None:
        yield Problem(where, "is in the pattern but is no field", f"declare {name} = fields.String(required=True, …)")
    elif isinstance(field, _NO_NAME):
        remedy = r"use fields.String with a Regexp, such as [0-9]{1,9}\Z"
        yield Problem(where, f"is a {type(field).__name__}, which no segment of a name can be", remedy)
    elif field.attribute is not None or field.data_key is not None:
        yield Problem(where, "is renamed by attribute or data_key", "drop it; the pattern names the field itself")
