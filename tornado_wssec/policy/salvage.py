"""What of a message that its schema refuses may be handed on, while a registry is warn-only.

Rules of this file:
1. What a permission or a bound claim is asked of is valid, or nothing of the message is handed on.
2. What is valid is handed on as declared; what is not, as it came.
3. No name that came takes the place of a declared field, and what only the server writes is left out.
"""

from collections.abc import Mapping, Set
from typing import Any

from marshmallow import Schema, ValidationError

from .agreement import loaded_as
from .anatomy import key_of


def salvaged(
    error: ValidationError, data: Mapping[str, Any], schema: Schema, decisive: Set[str]
) -> dict[str, Any] | None:
    """The data of a refused message as a handler would get it; None where nothing of it may be handed on.

    Args:
        error: what `schema.load` has raised.
        data: as it came.
        decisive: the fields, as the wire calls them, that a permission or a bound claim is asked of.
    """
    faults, valid = error.messages, error.valid_data
    if not isinstance(faults, dict) or not isinstance(valid, dict) or not decisive.isdisjoint(faults):
        return None
    loaded = {key_of(name, field): loaded_as(name, schema) for name, field in schema.load_fields.items()}
    taken = {loaded_as(name, schema).partition(".")[0] for name in schema.fields}
    failed = {loaded[key] for key in faults if key in loaded}
    kept = {key: value for key, value in valid.items() if key not in failed}
    for key in faults:
        place = loaded.get(key, key)
        if key in data and "." not in place and (key in loaded or key not in taken):
            kept[place] = data[key]
    return kept
