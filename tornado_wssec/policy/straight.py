"""The short way through a plain schema: each value read and checked, without what marshmallow does around that.

Rules of this file:
1. It only accepts, and what it returns equals what marshmallow would. Whatever else comes is for marshmallow to judge,
   and to word.
2. No code of the application runs here: it would run again where marshmallow is asked.
"""

from collections.abc import Callable
from typing import Any, Final

from marshmallow import RAISE, Schema, fields, missing
from marshmallow.decorators import POST_LOAD, PRE_LOAD, VALIDATES, VALIDATES_SCHEMA

from .anatomy import is_many, key_of
from .fields import StrictBoolean, StrictDateTime, StrictDecimal, StrictFloat, StrictInteger, StrictTimeDelta
from .gates import Gate, lengths_of

Reading = tuple[Callable[..., Any], Callable[[Any], None]]
"""What reads a value, and what checks it."""
Step = tuple[str, str, Callable[..., Any], Callable[[Any], None], Any]
"""The name on the wire and the one in the result, what reads the value and what checks it, and what stands for an
absent one: `missing` for nothing, `_ASK` where marshmallow says."""

_ASK: Final = object()
_PLAIN: Final = frozenset(
    {
        *(fields.String, fields.UUID),
        *(StrictBoolean, StrictDateTime, StrictDecimal, StrictFloat, StrictInteger, StrictTimeDelta),
    }
)
"""Exactly these: a subclass may read otherwise."""
_HOOKS: Final = (PRE_LOAD, POST_LOAD, VALIDATES, VALIDATES_SCHEMA)
_METHODS: Final = ("load", "_do_load", "_deserialize", "_call_and_store", "_invoke_field_validators", "handle_error")


class StraightLoader:
    """A schema, ready to accept what fits; see `straight_loader`."""

    __slots__ = ("_steps",)

    def __init__(self, steps: tuple[Step, ...]) -> None:
        self._steps = steps

    def load(self, data: Any) -> dict[str, Any] | None:
        """What marshmallow would return; None where only marshmallow can say."""
        if type(data) is not dict:
            return None
        loaded: dict[str, Any] = {}
        known = 0
        try:
            for name, key, read, check, default in self._steps:
                value = data.get(name)
                if value is not None:
                    loaded[key] = value = read(value, name, data)
                    check(value)
                    known += 1
                elif name in data or default is _ASK:
                    return None
                elif default is not missing:
                    loaded[key] = default
        except Exception:
            return None
        return loaded if known == len(data) else None


def straight_loader(schema: Schema) -> StraightLoader | None:
    """The short way through a schema that has its gates; None where there is none."""
    return _loader_of(schema, ())


def _loader_of(schema: Schema, above: tuple[Schema, ...]) -> StraightLoader | None:
    if schema in above or not _is_untouched(schema):
        return None  # one that nests itself is left to marshmallow
    steps = [_step(name, field, (*above, schema)) for name, field in schema.load_fields.items()]
    found = tuple([step for step in steps if step is not None])
    # marshmallow has seen to it that no two fields share a name, so that a count tells whether all are known.
    return StraightLoader(found) if len(found) == len(steps) else None


def _is_untouched(schema: Schema) -> bool:
    """Whether nothing of the application's has a say in loading, beside the fields."""
    own = vars(schema)
    kind: Any = type(schema)
    if any([schema._hooks.get(hook) for hook in _HOOKS]) or schema.dict_class is not dict:
        return False
    if schema.many or schema.partial or schema.unknown != RAISE:
        return False
    return all([name not in own and getattr(kind, name) is getattr(Schema, name) for name in _METHODS])


def _step(name: str, field: fields.Field[Any], above: tuple[Schema, ...]) -> Step | None:
    key, reading = field.attribute or name, _reading(field, above)
    if reading is None or "." in key:
        return None
    default = _ASK if field.required or callable(field.load_default) else field.load_default
    return key_of(name, field), key, *reading, default


def _reading(field: fields.Field[Any], above: tuple[Schema, ...]) -> Reading | None:
    """How a value is read and checked; None where the application has a say in it."""
    gate, lengths = vars(field).get("_validate"), lengths_of(field)
    if not isinstance(gate, Gate) or gate.is_foreign or lengths is None or field.pre_load or field.post_load:
        return None
    if type(field) in _PLAIN:
        return field._deserialize, gate
    if type(field) is fields.List and (inner := _reading(field.inner, above)) is not None:
        return _list_of(*inner, lengths), gate
    if type(field) is fields.Nested and field.unknown is None and not is_many(field):
        loader = _loader_of(field.schema, above)
        return None if loader is None else (_object_of(loader), gate)
    return None


def _list_of(read: Callable[..., Any], check: Callable[[Any], None], lengths: list[Any]) -> Callable[..., Any]:
    def read_list(value: Any, name: str | None, data: Any) -> list[Any]:
        if type(value) is not list or None in value:
            raise ValueError("for marshmallow to judge")
        for length in lengths:
            length(value)
        found = [read(item, None, None) for item in value]
        for item in found:
            check(item)
        return found

    return read_list


def _object_of(loader: StraightLoader) -> Callable[..., Any]:
    def read_object(value: Any, name: str | None, data: Any) -> dict[str, Any]:
        loaded = loader.load(value)
        if loaded is None:
            raise ValueError("for marshmallow to judge")
        return loaded

    return read_object
