"""The short way through a flat schema: each value read and checked, without what marshmallow does around that.

Rules of this file:
1. It only accepts, and what it returns equals what marshmallow would. Whatever else comes is for marshmallow to judge,
   and to word.
2. No code of the application runs here: it would run again where marshmallow is asked.
"""

from collections.abc import Callable
from typing import Any, Final

from marshmallow import RAISE, Schema, fields, missing
from marshmallow.decorators import POST_LOAD, PRE_LOAD, VALIDATES, VALIDATES_SCHEMA

from .anatomy import key_of
from .fields import StrictBoolean, StrictDateTime, StrictDecimal, StrictFloat, StrictInteger, StrictTimeDelta
from .gates import Gate

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
    """A flat schema, ready to accept what fits; see `straight_loader`."""

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
    if not _is_untouched(schema):
        return None
    steps = [_step(name, field) for name, field in schema.load_fields.items()]
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


def _step(name: str, field: fields.Field[Any]) -> Step | None:
    own: dict[str, Any] = vars(field)
    gate, key = own.get("_validate"), field.attribute or name
    if type(field) not in _PLAIN or not isinstance(gate, Gate) or gate.is_foreign or "." in key:
        return None
    if field.pre_load or field.post_load or not own.keys().isdisjoint(("deserialize", "_deserialize", "_validated")):
        return None
    default = _ASK if field.required or callable(field.load_default) else field.load_default
    return key_of(name, field), key, field._deserialize, gate, default
