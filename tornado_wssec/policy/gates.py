"""What stands before and behind the fields of a schema at run time, beyond what marshmallow does.

The gates are put on one instance of a schema; the application's class is not touched.

Rules of this file:
1. A validator that answers False refuses. The first refusal ends a field, so that no expression of
   the application runs over a text that is too long already.
2. NUL and lone surrogates are refused in every text. A field lets NUL pass by `metadata={"allow_nul": True}`;
   a lone surrogate could never be written again.
3. A list or dict that is too long is refused before its items are looked at.
4. What is sent is what was declared: a text field sends text, never what `str()` makes of an object,
   and a field is read from the keys of a mapping, never from its methods.
"""

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from marshmallow import Schema, ValidationError, fields, utils, validate
from marshmallow.decorators import VALIDATES, VALIDATES_SCHEMA

from ..settings import Limits
from .anatomy import Level, is_many
from .reasons import INVALID, UNPRINTABLE
from .validators import flattened, is_known, runs

ALLOW_NUL: Final = "allow_nul"
"""The key of a field's metadata by which it lets NUL pass."""

_NODES: Final = Limits().json_nodes
_CHEAP: Final = (validate.Length, validate.OneOf, validate.Equal, validate.Range, validate.NoneOf)

# What holds no text of its own once it has been read.
_TEXTLESS: Final = (
    *(fields.Boolean, fields.Number, fields.UUID, fields.DateTime, fields.Date, fields.Time, fields.TimeDelta),
    *(fields.List, fields.Tuple, fields.Nested),
)


def guard_loading(levels: Iterable[Level]) -> None:
    """Put the gates before what comes from a peer. A second time changes nothing."""
    for level in levels:
        _guard_methods(level.schema)
        for part in level.parts():
            _guard_field(part.field)


def guard_dumping(levels: Iterable[Level]) -> None:
    """Put the gates before what the application hands out. A second time changes nothing."""
    for level in levels:
        if type(level.schema).get_attribute is Schema.get_attribute:
            vars(level.schema)["get_attribute"] = own_value
        for part in level.parts():
            if type(part.field)._serialize is fields.String._serialize:
                vars(part.field)["_serialize"] = _only_text


class Gate:
    """All checks of one field's value, the cheap ones first."""

    __slots__ = ("_check", "_foreign", "_known")

    def __init__(self, field: fields.Field[Any]) -> None:
        validators = list(flattened(field.validators))
        known = [one for one in validators if is_known(one)]
        self._known = sorted(known, key=lambda one: not any([runs(one, kind) for kind in _CHEAP]))
        self._foreign = [one for one in validators if not is_known(one)]
        self._check = _own_check(field)
        if type(field)._validate is not fields.Field._validate:
            self._foreign.append(field._validate)

    @property
    def is_foreign(self) -> bool:
        """Whether code of the application runs in it."""
        return bool(self._foreign)

    @property
    def known(self) -> tuple[Any, ...]:
        """Validators of marshmallow's own, in the order in which they are asked."""
        return tuple(self._known)

    @property
    def own_check(self) -> Callable[[Any], None] | None:
        """What the kind of field is asked beside its validators; None: nothing."""
        return self._check

    def __call__(self, value: Any) -> None:
        """Refuse a value by raising ValidationError."""
        if self._check is not None:
            self._check(value)
        for validator in self._known:
            validator(value)
        for validator in self._foreign:
            if validator(value) is False:
                raise ValidationError(INVALID)


def _guard_field(field: fields.Field[Any]) -> None:
    own = vars(field)
    if isinstance(own.get("_validate"), Gate):
        return
    own["_validate"] = Gate(field)
    lengths = [one for one in flattened(field.validators) if runs(one, validate.Length)]
    if lengths and (isinstance(field, (fields.List, fields.Mapping)) or is_many(field)):
        own["_deserialize"] = functools.partial(_read_if_short, lengths, field._deserialize)


def _read_if_short(lengths: list[Any], read: Callable[..., Any], value: Any, *args: Any, **kwargs: Any) -> Any:
    """Read, but count first: marshmallow would load every item and then count."""
    if isinstance(value, (list, tuple, dict)):
        for length in lengths:
            length(value)
    return read(value, *args, **kwargs)


def lengths_of(field: fields.Field[Any]) -> list[Any] | None:
    """What counts before a field reads; None where it reads in a way of the application's."""
    own = vars(field)
    if "deserialize" in own or "_validated" in own:
        return None
    read = own.get("_deserialize")
    if read is None:
        return []
    if isinstance(read, functools.partial) and read.func is _read_if_short:
        lengths, inner = read.args
        return lengths if getattr(inner, "__func__", None) is type(field)._deserialize else None
    return None


def writing_gate(field: fields.Field[Any]) -> tuple[str, ...]:
    """The method of a field that a gate for what goes out stands in place of; none where there is no such gate."""
    return ("_serialize",) if vars(field).get("_serialize") is _only_text else ()


def _guard_methods(schema: Schema) -> None:
    """Let a method under `@validates` or `@validates_schema` refuse by answering False, too."""
    for tag in (VALIDATES, VALIDATES_SCHEMA):
        for name, *_ in schema._hooks.get(tag, ()):
            if name not in vars(schema):
                vars(schema)[name] = _raising(getattr(schema, name))


def _raising(method: Callable[..., Any]) -> Callable[..., None]:
    def judge(*args: Any, **kwargs: Any) -> None:
        if method(*args, **kwargs) is False:
            raise ValidationError(INVALID)

    return judge


def _own_check(field: fields.Field[Any]) -> Callable[[Any], None] | None:
    """The check that a kind of field gets beside its validators; None where it needs none."""
    if isinstance(field, fields.Enum):
        # marshmallow 4.1 finds `__module__` in an enumeration as readily as a member.
        return _member_check(field.enum)
    if isinstance(field, (fields.IP, fields.IPInterface)):
        return _refuse_zone
    has_inner_checks = isinstance(field, fields.Mapping) and field.key_field and field.value_field
    if isinstance(field, _TEXTLESS) or has_inner_checks:
        return None
    return _refuse_surrogates if field.metadata.get(ALLOW_NUL) else _refuse_unprintable


def _member_check(enum: type[Any]) -> Callable[[Any], None]:
    def refuse_strangers(value: Any) -> None:
        if not isinstance(value, enum):
            raise ValidationError(INVALID)

    return refuse_strangers


def _refuse_zone(value: Any) -> None:
    """Refuse an IPv6 zone: it means something on one machine only, and may be of any length (RFC 4007)."""
    if getattr(value, "scope_id", None) is not None:
        raise ValidationError(INVALID)


def _refuse_unprintable(value: Any) -> None:
    if type(value) is str and "\0" not in value and value.isascii():
        return
    for text in _texts(value):
        if "\0" in text:
            raise ValidationError(UNPRINTABLE)
    _refuse_surrogates(value)


def _refuse_surrogates(value: Any) -> None:
    for text in _texts(value):
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ValidationError(UNPRINTABLE) from None


def _texts(value: Any) -> list[str]:
    """Every text in a value: itself, or what lists and dicts hold at any depth."""
    found = [value]
    for one in found:
        if isinstance(one, Mapping):
            found += [*one.keys(), *one.values()]
        elif isinstance(one, (list, tuple, set, frozenset)):
            found += one
        if len(found) > _NODES:
            raise ValidationError(INVALID)
    return [one for one in found if isinstance(one, str)]


def own_value(obj: Any, attr: str, default: Any) -> Any:
    """A value by its key. marshmallow would go on to the attributes: a missing `items` is a method of dict."""
    if isinstance(obj, Mapping) and "." not in attr:
        return obj.get(attr, default)
    return utils.get_value(obj, attr, default)


def _only_text(value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise ValidationError(INVALID)
