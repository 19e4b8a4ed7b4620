"""The hooks of a schema, run behind what was written for its fields, at the place that marshmallow runs them.

`pre_load` decides what the fields are given; a schema that has one is left to marshmallow as a whole.
"""

from collections.abc import Callable
from typing import Any, Final

from marshmallow import Schema
from marshmallow.decorators import POST_LOAD, VALIDATES, VALIDATES_SCHEMA
from marshmallow.error_store import ErrorStore

_ErrorStore: Final[Any] = ErrorStore  # which has no annotations
LATE: Final = (VALIDATES, VALIDATES_SCHEMA, POST_LOAD)
"""Hooks that are given what the fields have read."""


def late_hooks(schema: Schema) -> list[str]:
    """The hooks that a schema has behind its fields, by the names of their decorators."""
    return [hook for hook in LATE if schema._hooks.get(hook)]


def with_hooks(load: Callable[[Any], dict[str, Any] | None], schema: Schema) -> Callable[[Any], dict[str, Any] | None]:
    """Ask the hooks about what was accepted; where one refuses, marshmallow asks all of them again."""

    def load_and_ask(data: Any) -> dict[str, Any] | None:
        loaded = load(data)
        if loaded is None:
            return None
        try:
            return _asked(schema, loaded, data)
        except Exception:
            return None

    return load_and_ask


def _asked(schema: Schema, loaded: dict[str, Any], data: Any) -> dict[str, Any] | None:
    # As Schema._do_load does; tests/facts pins the signatures.
    errors: Any = _ErrorStore()
    schema._invoke_field_validators(error_store=errors, data=loaded, many=False)
    for pass_collection in (True, False):
        schema._invoke_schema_validators(
            error_store=errors,
            pass_collection=pass_collection,
            data=loaded,
            original_data=data,
            many=False,
            partial=schema.partial,
            unknown=schema.unknown,
            field_errors=bool(errors.errors),
        )
    if errors.errors:
        return None
    if schema._hooks.get(POST_LOAD):
        loaded = schema._invoke_load_processors(
            POST_LOAD, loaded, many=False, original_data=data, partial=schema.partial, unknown=schema.unknown
        )
    return loaded if isinstance(loaded, dict) else None
