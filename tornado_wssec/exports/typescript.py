"""The messages of an application as TypeScript: discriminated unions of what a client sends and of what it gets."""

import json
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import unquote

from ..policy.codec import Envelope
from ..policy.registry import Registry
from .bounds import Node
from .frames import Contract, Frame, contract_of
from .names import Names
from .shapes import REF

_TAKEN: Final = frozenset(
    {
        "Inbound",
        "Outbound",
        "SignedInbound",
        "BinaryInbound",
        "ErrorCode",
        "Json",
        "InboundType",
        "OutboundType",
        "InboundOf",
    }
    | {"OutboundOf", "InboundDataOf", "OutboundDataOf", "Array", "Record", "String", "Number", "Boolean", "Object"}
)
_HEAD: Final = """\
// Made by `wssec schemas export --format typescript`. Do not edit: make it anew.
// What a type cannot say (lengths, ranges, patterns) stands beside it; the server checks it all.

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
"""
_TAIL: Final = """
export type ErrorCode = ErrorFrame["code"];
export type InboundType = (Inbound | SignedInbound | BinaryInbound)[%(key)s];
export type OutboundType = Outbound[%(key)s];
export type InboundOf<T extends InboundType> = Extract<Inbound | SignedInbound | BinaryInbound, { %(name)s: T }>;
export type OutboundOf<T extends OutboundType> = Extract<Outbound, { %(name)s: T }>;
"""
_DATA_TAIL: Final = """\
export type InboundDataOf<T extends InboundType> = InboundOf<T> extends { data?: infer D } ? D : never;
export type OutboundDataOf<T extends OutboundType> = OutboundOf<T> extends { data: infer D } ? D : never;
"""
_SCALARS: Final = (("string", "string"), ("integer", "number"), ("number", "number"), ("boolean", "boolean"))
_SAID: Final = (
    *("minLength", "maxLength", "pattern", "format", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    *("minItems", "maxItems", "minProperties", "maxProperties", "x-wssec-unit"),
)


def export_typescript(registry: Registry, envelope: Envelope | None = None) -> str:
    """The module as text.

    Args:
        envelope: how the frames look; in a flat one there are no types of their data alone.
    """
    envelope = envelope or Envelope()
    contract = contract_of(registry, envelope)
    names = Names(contract, _TAKEN)
    parts = [_HEAD, *_objects(contract, names)]
    parts += [text for frame in contract.frames for text in _frame(frame, names)]
    inbound = contract.of("in")
    parts.append(_union("Inbound", "Whatever a client may send.", [one for one in inbound if one.is_plain], names))
    signed = [frame for frame in inbound if frame.is_signed]
    parts.append(_union("SignedInbound", "What a client may send inside `wssec.signed` alone.", signed, names))
    binary = [frame for frame in inbound if frame.is_binary]
    parts.append(_union("BinaryInbound", "The heads of what a client may send with bytes behind it.", binary, names))
    parts.append(_union("Outbound", "Whatever a client may get.", contract.of("out"), names))
    tail = _TAIL % {"key": json.dumps(envelope.type_key), "name": _key(envelope.type_key)}
    return "\n".join(parts) + tail + ("" if envelope.is_flat else _DATA_TAIL)


def _objects(contract: Contract, names: Names) -> Iterator[str]:
    for name, node in contract.objects.items():
        yield _interface(names.of_object(name), node, names)


def _frame(frame: Frame, names: Names) -> Iterator[str]:
    name = names.of(frame)
    node = frame.node
    if not frame.flat and "properties" in frame.data:
        yield _interface(f"{name}Data", frame.data, names)
        properties = {**node["properties"], "data": {"x-wssec-name": f"{name}Data"}}
        node = {**node, "properties": properties}
    yield _interface(name, node, names)


def _interface(name: str, node: Node, names: Names) -> str:
    lines = [*_comment(node.get("description"), ""), f"export interface {name} {{"]
    required = node.get("required", [])
    for key, value in node["properties"].items():
        lines += _comment(_told(value), "  ")
        lines.append(f"  {_key(key)}{'' if key in required else '?'}: {_type(value, names)};")
    if node.get("additionalProperties") is True:  # a reply in a flat envelope
        lines.append("  [field: string]: unknown;")
    return "\n".join([*lines, "}", ""])


def _union(name: str, text: str, frames: list[Frame], names: Names) -> str:
    members = "".join(f"\n  | {names.of(frame)}" for frame in frames) or " never"
    return "\n".join([*_comment(text, ""), f"export type {name} ={members};", ""])


def _type(node: Any, names: Names) -> str:
    """The type of a value."""
    if "x-wssec-name" in node:
        return str(node["x-wssec-name"])
    if "$ref" in node:
        return names.of_object(unquote(node["$ref"].removeprefix(REF)))
    if "const" in node:
        return json.dumps(node["const"])
    if "enum" in node:
        return " | ".join(dict.fromkeys(json.dumps(value) for value in node["enum"])) or "never"
    if "anyOf" in node and "type" not in node:
        return " | ".join(dict.fromkeys(_type(choice, names) for choice in node["anyOf"]))
    kinds = node.get("type", [])
    found = [_of_kind(kind, node, names) for kind in (kinds if isinstance(kinds, list) else [kinds])]
    return " | ".join(dict.fromkeys(found)) or "Json"


def _of_kind(kind: str, node: Node, names: Names) -> str:
    if kind == "array":
        if "prefixItems" in node:
            return f"[{', '.join(_type(item, names) for item in node['prefixItems'])}]"
        return f"Array<{_type(node.get('items', {}), names)}>"
    if kind == "object":
        values = node.get("additionalProperties", {})
        return f"Record<string, {_type(values, names) if isinstance(values, dict) else 'Json'}>"
    return dict(_SCALARS).get(kind, "null")


def _key(key: str) -> str:
    return key if key.isidentifier() and key.isascii() else json.dumps(key)


def _told(node: Node) -> str | None:
    """What a type cannot say."""
    said = [f"{name}: {json.dumps(node[name])}" for name in _SAID if name in node]
    if "default" in node:
        said.append(f"default: {json.dumps(node['default'])}")
    lines = [*([node["description"]] if "description" in node else []), *([", ".join(said)] if said else [])]
    return "\n".join(lines) or None


def _comment(text: str | None, indent: str) -> list[str]:
    if not text:
        return []
    lines = [line.replace("*/", "*\\/") for line in text.splitlines()]
    if len(lines) == 1:
        return [f"{indent}/** {lines[0]} */"]
    return [f"{indent}/**", *[f"{indent} * {line}".rstrip() for line in lines], f"{indent} */"]
