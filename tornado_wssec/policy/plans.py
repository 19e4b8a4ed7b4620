"""What a schema asks of a message, read once from its fields, so that functions can be written from it.

Rules of this file:
1. Only what is known through and through is planned: fields of exactly these types, with their gates, and validators
   of marshmallow's own. Every other field is the application's, and is asked as a whole (`own`).
2. A schema is read when it is compiled. A validator that is changed later has no say in what was read before.
3. Where code of the application may change what a schema as a whole takes, there is no plan, and the reason is told.
"""

import enum
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from marshmallow import RAISE, Schema, fields, missing
from marshmallow.decorators import POST_DUMP, PRE_DUMP, PRE_LOAD, VALIDATES, VALIDATES_SCHEMA

from .anatomy import is_many, key_of
from .fields import StrictBoolean, StrictDateTime, StrictDecimal, StrictFloat, StrictInteger, StrictTimeDelta
from .gates import Gate, lengths_of, writing_gate
from .hooks import LATE
from .html_field import SafeHtml
from .text_fields import Identifier, PlainText, SafeUrl

Kind = Literal[
    "text",
    "integer",
    "real",
    "truth",
    "uuid",
    "moment",
    "written",
    "number",
    "member",
    "list",
    "tuple",
    "dict",
    "object",
    "own",
]
"""How a value is read. `written` comes as text and `number` as a number, and both are read by their field; `member` is
of an enumeration; `own` is asked of its field, with its validators."""

_KINDS: Final[Mapping[type, Kind]] = {
    fields.String: "text",
    fields.Email: "text",
    fields.Url: "text",
    StrictInteger: "integer",
    StrictFloat: "real",
    StrictBoolean: "truth",
    fields.UUID: "uuid",
    StrictDateTime: "moment",
    StrictDecimal: "written",
    fields.DateTime: "written",
    fields.AwareDateTime: "written",
    fields.NaiveDateTime: "written",
    fields.Date: "written",
    fields.Time: "written",
    fields.IP: "written",
    fields.IPv4: "written",
    fields.IPv6: "written",
    fields.IPInterface: "written",
    fields.IPv4Interface: "written",
    fields.IPv6Interface: "written",
    StrictTimeDelta: "number",
    **dict.fromkeys((PlainText, Identifier, SafeUrl, SafeHtml), "written"),
}
"""These, and what stems from them without reading otherwise."""

_HARMLESS: Final = frozenset(
    {"__init__", "__doc__", "__module__", "__qualname__", "__annotations__", "__parameters__", "__orig_bases__"}
    | {"__firstlineno__", "__static_attributes__", "default_error_messages", "json_schema"}
    | {"__slotnames__", "__abstractmethods__", "_abc_impl"}  # what copying and abc keep in a class
)
"""What a subclass may have without reading otherwise."""

_TEMPORAL: Final = (fields.DateTime, fields.Date, fields.Time)
_ISO: Final = (None, "iso", "iso8601")
_READING: Final = (
    *("load", "_do_load", "_deserialize", "_call_and_store", "_run_validator", "_invoke_field_validators"),
    *("_invoke_schema_validators", "_invoke_load_processors"),
)
_WRITING: Final = ("dump", "_serialize", "validate")


class NoPlan(Exception):
    """Why a schema is left to marshmallow as a whole."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Value:
    """How one value is read and checked.

    Args:
        field: that says so, with its gates.
        checks: validators of marshmallow's own, the cheap ones first; empty where `own`.
        is_nullable: whether null passes, unchecked.
        parts: of a list one, of a dict those of a key and a value, of a tuple all.
        members: of an object.
    """

    kind: Kind
    field: fields.Field[Any]
    checks: tuple[Any, ...] = ()
    is_nullable: bool = False
    parts: tuple["Value", ...] = ()
    members: tuple["Member", ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Member:
    """One field of an object.

    Args:
        wire: its name in JSON.
        key: its name in what was loaded.
        default: of an absent one; `missing`: nothing stands for it.
    """

    wire: str
    key: str
    value: Value
    is_required: bool
    default: Any

    @property
    def is_always_there(self) -> bool:
        """Whether what was read has it, sent or not."""
        return self.is_required or self.default is not missing


def loading_plan(schema: Schema) -> Value:
    """What is asked of messages that come in, before any hook; the schema has its gates.

    Raises:
        NoPlan: only marshmallow knows.
    """
    return _object(schema, is_dumping=False, above=())


def dumping_plan(schema: Schema) -> Value:
    """What is asked of messages that go out; the schema has the gates for both ways.

    Raises:
        NoPlan: only marshmallow knows.
    """
    return _object(schema, is_dumping=True, above=())


_NO_FIELD: Final = fields.Raw()


def own_members(plan: Value) -> list[Member]:
    """The members that their fields are asked for."""
    return [member for member in plan.members if member.value.kind == "own"]


def _object(schema: Schema, *, is_dumping: bool, above: tuple[Schema, ...]) -> Value:
    if reason := next(_reasons(schema, is_dumping=is_dumping, is_nested=bool(above)), None):
        raise NoPlan(reason)
    found = schema.dump_fields if is_dumping else schema.load_fields
    members = [_member(name, field, is_dumping, (*above, schema)) for name, field in found.items()]
    return Value(kind="object", field=_NO_FIELD, members=tuple(members))


def _reasons(schema: Schema, *, is_dumping: bool, is_nested: bool) -> Iterator[str]:
    """Why code of the application has a say in the schema as a whole, beside the fields."""
    hooks = [PRE_LOAD]
    if is_dumping:
        hooks += [PRE_DUMP, POST_DUMP, VALIDATES, VALIDATES_SCHEMA]
    if is_nested:
        hooks += LATE
    yield from [f"has {hook}" for hook in hooks if schema._hooks.get(hook)]
    kind: Any = type(schema)
    for name in [*_READING, *(_WRITING if is_dumping else ())]:
        if name in vars(schema) or getattr(kind, name) is not getattr(Schema, name):
            yield f"replaces {name}()"
    if schema.dict_class is not dict:
        yield f"loads into {schema.dict_class.__name__}"
    if is_dumping and kind.get_attribute is not Schema.get_attribute:
        yield "replaces get_attribute()"
    if schema.partial or schema.unknown != RAISE or (schema.many and not is_nested):
        yield "takes more than its fields"
    yield from [
        f"has a dotted attribute at {name}" for name, field in schema.fields.items() if "." in (field.attribute or "")
    ]


def _member(name: str, field: fields.Field[Any], is_dumping: bool, above: tuple[Schema, ...]) -> Member:
    return Member(
        wire=key_of(name, field),
        key=field.attribute or name,
        value=_value(field, is_dumping, above),
        is_required=bool(field.required),
        default=field.dump_default if is_dumping else field.load_default,
    )


def _value(field: fields.Field[Any], is_dumping: bool, above: tuple[Schema, ...]) -> Value:
    own = Value(kind="own", field=field)
    gate = vars(field).get("_validate")
    if not isinstance(gate, Gate) or gate.is_foreign or _is_patched(field):
        return own
    if type(field) is fields.Nested:
        return _nested(field, gate, is_dumping, above) or own
    kind, inner = _inner(field)
    parts = tuple([_value(one, is_dumping, above) for one in inner])
    if kind is None or any([part.kind == "own" for part in parts]):
        return own
    return Value(kind=kind, field=field, checks=gate.known, is_nullable=field.allow_none, parts=parts)


def _nested(field: fields.Nested, gate: Gate, is_dumping: bool, above: tuple[Schema, ...]) -> Value | None:
    """What a nested schema asks; None where code of the application runs in it, or it nests itself."""
    if field.unknown not in (None, RAISE) or field.schema in above:
        return None
    try:
        found = _object(field.schema, is_dumping=is_dumping, above=above)
    except NoPlan:
        return None
    if own_members(found):
        return None
    if is_many(field):
        return Value(kind="list", field=field, checks=gate.known, is_nullable=field.allow_none, parts=(found,))
    return Value(kind="object", field=field, checks=gate.known, is_nullable=field.allow_none, members=found.members)


def _inner(field: fields.Field[Any]) -> tuple[Kind | None, Sequence[fields.Field[Any]]]:
    """How a field reads, and the fields inside it; None: in a way of its own."""
    if type(field) is fields.List:
        return "list", (field.inner,)
    if type(field) is fields.Tuple:
        return "tuple", field.tuple_fields
    if type(field) is fields.Dict and field.key_field is not None and field.value_field is not None:
        return "dict", (field.key_field, field.value_field)
    if type(field) is fields.Integer:
        return ("integer" if field.strict and not field.as_string else None), ()
    if type(field) is fields.Enum:
        return ("member" if members_of(field) else None), ()
    if isinstance(field, _TEMPORAL) and field.format not in _ISO:
        return None, ()
    return kind_of(type(field)), ()


def kind_of(field_class: type) -> Kind | None:
    """How fields of a class are read: as those of the known class that it stems from, if it replaces no method."""
    above = field_class.__mro__
    for place, known in enumerate(above):
        if known in _KINDS:
            own = {name for one in above[:place] for name in vars(one)} - _HARMLESS
            return None if any([hasattr(known, name) for name in own]) else _KINDS[known]
    return None


def members_of(field: fields.Enum[Any]) -> dict[str, Any]:
    """The text for each member of an enumeration; empty where it is not written as text, or found in its own way."""
    if type(field.enum) is not enum.EnumMeta:
        return {}
    if field.by_value is False:
        return dict(field.enum.__members__)
    is_text = field.by_value is True or type(field.field) is fields.String
    if is_text and all([type(member.value) is str for member in field.enum]):
        return {member.value: member for member in field.enum}
    return {}


def _is_patched(field: fields.Field[Any]) -> bool:
    """Whether a method was replaced on the field itself, other than by a gate."""
    kind = type(field)
    replaced = {name for name in vars(field) if callable(getattr(kind, name, None))}
    if getattr(field, "pre_load", ()) or getattr(field, "post_load", ()):
        return True
    return lengths_of(field) is None or not replaced <= {"_validate", "_deserialize", *writing_gate(field)}
