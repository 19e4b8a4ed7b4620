"""The messages of an application as Python's TypedDicts, so that a type checker knows what is in `data`.

`ChatSendData` is what a handler gets: as validated, with defaults filled in. `ChatPostedData` is what `send` and
`publish` take. Values are Python's: a `UUID` where text came.
"""

import builtins
import json
import keyword
import re
import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from marshmallow import Schema, fields, missing
from marshmallow.decorators import POST_LOAD

from ..policy.anatomy import is_many, levels_of
from ..policy.binary_formats import PAYLOAD
from ..policy.registry import MessageSpec, Registry
from .bounds import bounds_of
from .kinds import kind_of, reads_as
from .names import pascal_case
from .shapes import View

_HEAD: Final = '''\
"""Types of messages. Made by `wssec schemas export --format python`. Do not edit: make it anew."""
'''
_TYPING: Final = ("Any", "Literal", "NotRequired", "TypedDict")
_TAKEN: Final = frozenset({*_TYPING, *dir(builtins)})


def export_python(registry: Registry) -> str:
    """The module as text."""
    writer = _Writer()
    for spec in registry.messages.values():
        for view in _views(spec):
            writer.message(spec, view)
    return writer.text()


def _views(spec: MessageSpec) -> tuple[View, ...]:
    return ("in", "out") if spec.direction == "both" else (spec.direction,)


class _Writer:
    """The classes of one module, those that others need first."""

    def __init__(self) -> None:
        self._classes: dict[str, str] = {}
        self._names: dict[tuple[View, type[Schema], Any], str] = {}
        self._modules: set[str] = set()
        self._used: set[str] = {"TypedDict"}
        self._open: list[str] = []

    def text(self) -> str:
        """The whole module."""
        standard = sorted(name for name in self._modules if name.partition(".")[0] in sys.stdlib_module_names)
        foreign = sorted(self._modules - set(standard))
        imports = [f"import {name}" for name in standard]
        imports.append(f"from typing import {', '.join(name for name in _TYPING if name in self._used)}")
        groups = ["\n".join(imports), *(["\n".join(f"import {name}" for name in foreign)] if foreign else [])]
        return "\n".join([_HEAD, "\n\n".join(groups), "", "", "\n\n\n".join(self._classes.values()), ""])

    def message(self, spec: MessageSpec, view: View) -> None:
        """Add the data of a message."""
        schema = spec.message()
        levels_of(schema)
        suffix = "EventData" if spec.direction == "both" and view == "out" else "Data"
        name = self._free(f"{pascal_case(spec.type)}{suffix}")
        text = f"`data` of `{spec.type}`, {'as a handler gets it' if view == 'in' else 'as it is sent'}."
        if view == "in" and schema._hooks.get(POST_LOAD):
            self._used.add("Any")
            self._classes[name] = f"{name} = dict[str, Any]  # a @post_load of {spec.type} makes it"
        else:
            self._write(name, schema, view, text, {PAYLOAD: "bytes"} if spec.binary and view == "in" else {})

    def _free(self, wanted: str) -> str:
        name, count = wanted, 2
        while name in self._classes or name in _TAKEN:
            name, count = f"{wanted}{count}", count + 1
        self._classes[name] = ""  # keeps the place and the name
        return name

    def _write(
        self, name: str, schema: Schema, view: View, text: str, beside: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        there = schema.load_fields if view == "in" else schema.dump_fields
        members: dict[str, str] = dict(beside)
        self._open.append(name)
        for own, field in there.items():
            key, _, deeper = (field.attribute or own).partition(".")
            members[key] = self._mentioned("Any") if deeper else self._member(field, view)
        self._open.pop()
        self._classes.pop(name)  # behind those that it needs
        self._classes[name] = _class(name, members, text)

    def _member(self, field: fields.Field[Any], view: View) -> str:
        kind = self._of(field, view)
        if any([re.search(rf"\b{name}\b", kind) for name in self._open]):
            kind = _quoted(kind)  # it nests itself, so that its name is not there yet
        if field.required or (view == "in" and field.load_default is not missing):
            return kind
        self._used.add("NotRequired")
        return f"NotRequired[{kind}]"

    def _of(self, field: Any, view: View) -> str:
        """The type of a value that has been read, or is to be written."""
        kind = self._mentioned("Any") if view == "in" and field.post_load else self._bare(field, view)
        default = field.load_default if view == "in" else missing
        is_optional = field.allow_none or default is None
        return f"{kind} | None" if is_optional and kind != "Any" else kind

    def _bare(self, field: Any, view: View) -> str:
        if isinstance(field, fields.Pluck):
            inner = self._of(field.schema.fields[field.field_name], view)
            return f"list[{inner}]" if is_many(field) else inner
        if reads_as(field, fields.Nested):
            inner = self._nested(field.schema, view)
            return f"list[{inner}]" if is_many(field) else inner
        if reads_as(field, fields.List):
            return f"list[{self._of(field.inner, view)}]"
        if reads_as(field, fields.Tuple):
            return f"tuple[{', '.join(self._of(inner, view) for inner in field.tuple_fields)}]"
        if reads_as(field, fields.Mapping):
            parts = (field.key_field, field.value_field)
            key, value = ["Any" if part is None else self._of(part, view) for part in parts]
            return f"dict[{self._mentioned(key)}, {self._mentioned(value)}]"
        return self._mentioned(_choices(field) or kind_of(field).python)

    def _nested(self, schema: Schema, view: View) -> str:
        if view == "in" and schema._hooks.get(POST_LOAD):
            return self._mentioned("Any")
        key = (view, type(schema), tuple(schema.fields))
        if key not in self._names:
            plain = type(schema).__name__.removesuffix("Schema") or "Object"
            self._names[key] = name = self._free(pascal_case(plain))
            self._write(name, schema, view, f"`{plain}`, nested in others.")
        return self._names[key]

    def _mentioned(self, kind: str) -> str:
        """The type, noting what it needs to be imported."""
        self._used |= {name for name in ("Any", "Literal") if kind == name or kind.startswith(f"{name}[")}
        if not kind.startswith("Literal["):
            self._modules |= {one.rpartition(".")[0] for one in kind.split(" | ") if "." in one and "[" not in one}
        return kind


def _choices(field: fields.Field[Any]) -> str | None:
    """A Literal, where a text can be nothing else."""
    if kind_of(field).python != "str":
        return None
    for said, _ in bounds_of(field, "string"):
        values = said.get("enum", [said["const"]] if "const" in said else None)
        if values:
            return f"Literal[{', '.join(_quoted(value) for value in values)}]"
    return None


def _quoted(text: str) -> str:
    """A text as a formatter would leave it; what does not print is escaped."""
    return json.dumps(text, ensure_ascii=False) if text.isprintable() else repr(text)


def _class(name: str, members: dict[str, str], text: str) -> str:
    """A class where every key is a name of Python's; else the form that takes any key."""
    if all([key.isidentifier() and not keyword.iskeyword(key) for key in members]):
        lines = [f"    {key}: {kind}" for key, kind in members.items()]
        return "\n".join([f"class {name}(TypedDict):", f'    """{text}"""', *(["", *lines] if lines else [])])
    lines = [f"        {_quoted(key)}: {kind}," for key, kind in members.items()]
    return "\n".join([f"{name} = TypedDict(", f"    {_quoted(name)},", "    {", *lines, "    },", ")"])
