"""The fields of a schema, also those inside lists, dicts, tuples and nested schemas."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from marshmallow import Schema, fields

from ..settings import Limits

DEPTH: Final = Limits().json_depth
"""No value is nested deeper than JSON may be, so no schema needs to be."""


@dataclass(frozen=True, slots=True)
class Level:
    """A schema, and the path of the field that nests it: `style`, `strokes[]`; empty for the outermost."""

    path: str
    schema: Schema

    def parts(self) -> Iterator["Part"]:
        """Yield every field of this schema with those inside it, but not those of schemas nested in it."""
        for name, field in self.schema.fields.items():
            key = key_of(name, field)
            yield from _parts(f"{self.path}.{key}" if self.path else key, field)


@dataclass(frozen=True, slots=True)
class Part:
    """A field and its path on the wire: `text`, `points[]`, `style.width`."""

    path: str
    field: fields.Field[Any]


def key_of(name: str, field: fields.Field[Any]) -> str:
    """What a field is called on the wire."""
    return name if field.data_key is None else field.data_key


def is_many(field: fields.Field[Any]) -> bool:
    """Whether a field nests a list of objects rather than one."""
    return isinstance(field, fields.Nested) and bool(field.many or field.schema.many)


def levels_of(schema: Schema) -> list[Level]:
    """The schema and every schema nested in it, outermost first.

    A schema that nests itself is tied into a knot: the inner one becomes the outer one, so that
    what is done to the outer one holds at every depth.

    Raises:
        ValueError: nested deeper than any value may be.
    """
    outermost = Level("", schema)
    found = [outermost]
    _collect(outermost, [schema], found)
    return found


def _collect(level: Level, above: list[Schema], found: list[Level]) -> None:
    if len(above) > DEPTH:
        raise ValueError(f"schemas nest deeper than {DEPTH}, the depth that JSON may have")
    for part in level.parts():
        if not isinstance(part.field, fields.Nested):
            continue
        inner = part.field.schema
        same = next((outer for outer in above if _is_same(outer, inner)), None)
        if same is None:
            found.append(Level(part.path, inner))
            _collect(found[-1], [*above, inner], found)
        else:
            part.field._schema = same


def _is_same(one: Schema, other: Schema) -> bool:
    """Whether two instances read and write alike, at every depth."""
    return type(one) is type(other) and _terms(one) == _terms(other)


def _terms(schema: Schema) -> tuple[Any, ...]:
    """What an instance may have otherwise than others of its class."""
    narrowed = {name: (_names(field, "only"), _names(field, "exclude")) for name, field in schema.fields.items()}
    own = schema.load_fields.keys(), schema.dump_fields.keys(), schema.many, schema.partial, schema.unknown
    return (*own, narrowed)


def _names(field: fields.Field[Any], option: str) -> frozenset[str] | None:
    """What an instance says of the schemas that a field nests: `only` and `exclude` may be about their fields."""
    named = getattr(field, option, None)
    return None if named is None else frozenset(named)


def _parts(path: str, field: fields.Field[Any]) -> Iterator[Part]:
    yield Part(path, field)
    if isinstance(field, fields.List):
        yield from _parts(f"{path}[]", field.inner)
    elif isinstance(field, fields.Tuple):
        for place, inner in enumerate(field.tuple_fields):
            yield from _parts(f"{path}[{place}]", inner)
    elif isinstance(field, fields.Mapping):
        if field.key_field is not None:
            yield from _parts(f"{path}{{key}}", field.key_field)
        if field.value_field is not None:
            yield from _parts(f"{path}{{}}", field.value_field)
