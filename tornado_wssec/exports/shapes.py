"""The fields of a declaration as JSON Schema 2020-12, with the rules that it cannot say.

A schema nested in another stands once, under the name of its class, however often it is used.
"""

import inspect
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

from marshmallow import Schema, fields, missing
from marshmallow.decorators import POST_DUMP, PRE_LOAD, VALIDATES, VALIDATES_SCHEMA

from ..policy.anatomy import is_many, key_of, levels_of
from .bounds import Node, bounds_of
from .gaps import Gap, Side
from .kinds import kind_of, reads_as

View = Literal["in", "out"]
"""What clients send, or what they get."""

REF: Final = "#/$defs/"
_DESCRIBING: Final = ("title", "description", "examples", "deprecated")


class Shapes:
    """Schemas of one document, and the schemas nested in them."""

    def __init__(self) -> None:
        self.objects: dict[str, Node] = {}
        self._names: dict[tuple[View, type[Schema], Any], str] = {}
        self._classes: dict[str, str] = {}

    def of(self, declared: type[Schema], view: View) -> tuple[Node, list[Gap]]:
        """The schema of a message's `data`, and what it leaves unsaid."""
        schema = declared()
        levels_of(schema)  # what nests itself is tied into a knot, so that the walk comes to an end
        walk = _Walk(self, view)
        return walk.object(schema, ""), sorted(walk.gaps)

    def name_of(self, schema: Schema, view: View) -> tuple[str, bool]:
        """The name of a nested schema, and whether it is new."""
        key = (view, type(schema), _signature(schema, ()))
        if key in self._names:
            return self._names[key], False
        plain = type(schema).__name__.removesuffix("Schema") or "Object"
        name = next(name for name in _numbered(plain) if name not in self._classes)
        self._names[key], self._classes[name] = name, plain
        return name, True

    def settle(self) -> dict[str, str]:
        """Merge nested schemas that are the same in both directions; name → name that stays."""
        names = {name: name for name in self.objects}
        for _ in names:
            first: dict[tuple[str, str], str] = {}
            found = {name: first.setdefault(self._content(name, names), name) for name in self.objects}
            if found == names:
                break
            names = found
        self.objects = {name: node for name, node in self.objects.items() if names[name] == name}
        return names

    def _content(self, name: str, names: dict[str, str]) -> tuple[str, str]:
        """What tells a nested schema from others; that it nests itself does not."""
        node = renamed(self.objects[name], {**names, name: ""})
        return self._classes[name], json.dumps(node, sort_keys=True)


def renamed(node: Any, names: dict[str, str]) -> Any:
    """A schema that refers to nested ones by other names."""
    if isinstance(node, list):
        return [renamed(one, names) for one in node]
    if not isinstance(node, dict):
        return node
    return {
        key: f"{REF}{names[value.removeprefix(REF)]}" if _is_ref(key, value) else renamed(value, names)
        for key, value in node.items()
    }


def _is_ref(key: str, value: Any) -> bool:
    return key == "$ref" and isinstance(value, str) and value.startswith(REF)


def _numbered(name: str) -> Iterator[str]:
    yield name
    count = 2
    while True:
        yield f"{name}_{count}"
        count += 1


def _signature(schema: Schema, above: tuple[Schema, ...]) -> Any:
    """Which fields of a class, and of the classes nested in it, an instance has."""
    if schema in above:
        return above.index(schema)
    return tuple(
        [
            (name, *[_signature(inner, (*above, schema)) for inner in _nested(field)])
            for name, field in schema.fields.items()
        ]
    )


def _nested(field: Any) -> Iterator[Schema]:
    if isinstance(field, fields.Nested):
        yield field.schema
    elif isinstance(field, fields.List):
        yield from _nested(field.inner)
    elif isinstance(field, fields.Tuple):
        for inner in field.tuple_fields:
            yield from _nested(inner)
    elif isinstance(field, fields.Mapping):
        yield from _nested(field.value_field)


class _Walk:
    """One walk through the fields of one message."""

    def __init__(self, shapes: Shapes, view: View) -> None:
        self._shapes = shapes
        self._view = view
        self._inside: list[str] = []
        self.gaps: set[Gap] = set()

    def object(self, schema: Schema, path: str) -> Node:
        """The schema of an object."""
        self._note_hooks(schema, path)
        there = schema.load_fields if self._view == "in" else schema.dump_fields
        properties = {}
        for name, field in there.items():
            key = key_of(name, field)
            properties[key] = self._described(field, f"{path}.{key}" if path else key)
        required = [key_of(name, field) for name, field in there.items() if field.required]
        node: Node = {"type": "object"}
        if text := _docstring(type(schema)):
            node["description"] = text
        node |= {"properties": properties, "required": required, "additionalProperties": False}
        return {name: value for name, value in node.items() if value != []}

    def _note(self, path: str, rule: str, side: Side) -> None:
        if self._view == "in" or side != "laxer":  # what the server writes it writes in one way
            self.gaps.add(Gap(path, rule, side))

    def _note_hooks(self, schema: Schema, path: str) -> None:
        sides: dict[str, Side] = {PRE_LOAD: "either", POST_DUMP: "either", VALIDATES: "stricter"}
        for tag in (*sides, VALIDATES_SCHEMA):
            for name, _, options in schema._hooks.get(tag, ()):
                for below in options.get("field_names", ("",)):
                    key = key_of(below, schema.fields[below]) if below in schema.fields else below
                    self._note(f"{path}.{key}".strip("."), f"method {name}", sides.get(tag, "stricter"))

    def _described(self, field: fields.Field[Any], path: str) -> Node:
        node = self._node(field, path)
        told = {name: field.metadata[name] for name in _DESCRIBING if name in field.metadata}
        default = _default(field) if self._view == "in" else missing
        if default is not missing:
            told["default"] = default
        return {**told, **node} if told else node

    def _node(self, field: fields.Field[Any], path: str) -> Node:
        if field.pre_load or field.post_load or type(field)._validate is not fields.Field._validate:
            self._note(path, f"code of {type(field).__qualname__}", "either")
        node, measure = self._bare(field, path)
        for keywords, unsaid in bounds_of(field, measure):
            _add(node, keywords)
            if unsaid:
                self._note(path, unsaid, "stricter")
        return _nullable(node) if field.allow_none else node

    def _bare(self, field: Any, path: str) -> tuple[Node, str]:
        """The schema of a field without its validators, and what those measure."""
        if isinstance(field, fields.Pluck):
            return self._many(self._node(field.schema.fields[field.field_name], path), field)
        for kind, build in _HOLDING.items():
            if reads_as(field, kind):
                found: tuple[Node, str] = build(self, field, path)
                return found
        kind_found = kind_of(field)
        for rule, side in kind_found.unsaid:
            self._note(path, rule, side)
        node = dict(kind_found.node)
        if self._view == "out" and node.get("format") == "decimal":
            node = {name: value for name, value in node.items() if name not in ("minimum", "maximum")}
            node["type"] = "string"
        return node, kind_found.measure

    def _nest(self, field: fields.Nested, path: str) -> tuple[Node, str]:
        schema = field.schema
        inner = f"{path}[]" if is_many(field) else path
        name, is_new = self._shapes.name_of(schema, self._view)
        if is_new:
            self._shapes.objects[name] = {}
            self._shapes.objects[name] = self._entered(name, schema, inner)
        elif name not in self._inside:
            self._entered(name, schema, inner)  # for its gaps: they stand under another path here
        return self._many({"$ref": f"{REF}{name}"}, field)

    def _entered(self, name: str, schema: Schema, path: str) -> Node:
        self._inside.append(name)
        try:
            return self.object(schema, path)
        finally:
            self._inside.pop()

    def _many(self, node: Node, field: fields.Nested) -> tuple[Node, str]:
        return ({"type": "array", "items": node}, "array") if is_many(field) else (node, "other")

    def _list(self, field: fields.List[Any], path: str) -> tuple[Node, str]:
        return {"type": "array", "items": self._node(field.inner, f"{path}[]")}, "array"

    def _tuple(self, field: fields.Tuple, path: str) -> tuple[Node, str]:
        items = [self._node(inner, f"{path}[{place}]") for place, inner in enumerate(field.tuple_fields)]
        count = len(items)
        return {"type": "array", "prefixItems": items, "items": False, "minItems": count, "maxItems": count}, "other"

    def _dict(self, field: fields.Mapping[Any], path: str) -> tuple[Node, str]:
        node: Node = {"type": "object"}
        if field.key_field is not None:
            node["propertyNames"] = self._node(field.key_field, f"{path}{{key}}")
        if field.value_field is not None:
            node["additionalProperties"] = self._node(field.value_field, f"{path}{{}}")
        return node, "object"


_HOLDING: Final[Mapping[type[fields.Field[Any]], Any]] = {
    fields.Nested: _Walk._nest,
    fields.List: _Walk._list,
    fields.Tuple: _Walk._tuple,
    fields.Mapping: _Walk._dict,
}


def _add(node: Node, keywords: Node) -> None:
    """Add what a validator says; what two of them say under one name must both hold."""
    for name, value in keywords.items():
        if name not in node:
            node[name] = value
        elif name == "items":
            _add(node["items"], value)
        elif name.startswith(("min", "exclusiveMin")):
            node[name] = max(node[name], value)
        elif name.startswith(("max", "exclusiveMax")):
            node[name] = min(node[name], value)
        elif node[name] != value:
            node.setdefault("allOf", []).append({name: value})


def _nullable(node: Node) -> Node:
    """The schema that takes null, too."""
    if not node:
        return node
    simple = {name: value for name, value in node.items() if name not in ("enum", "const", "allOf", "anyOf", "not")}
    if "$ref" in node or simple.keys() != node.keys() - {"enum"}:
        return {"anyOf": [node, {"type": "null"}]}
    if "type" in node:
        kinds = node["type"]
        node = {**node, "type": [*(kinds if isinstance(kinds, list) else [kinds]), "null"]}
    if "enum" in node:
        node = {**node, "enum": [*node["enum"], *([] if None in node["enum"] else [None])]}
    return node


def _default(field: fields.Field[Any]) -> Any:
    """What stands for an absent value, as on the wire; `missing` where that cannot be told."""
    default = field.load_default
    if default in (list, dict):
        return default()
    if default is missing or callable(default):
        return missing
    try:
        written = field._serialize(default, None, None)
        json.dumps(written, allow_nan=False)
    except Exception:
        return missing
    return written


def _docstring(declared: type[Schema]) -> str | None:
    text = vars(declared).get("__doc__")
    return inspect.cleandoc(text) if text else None
