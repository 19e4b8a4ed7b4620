"""What JSON Schema says of a message, and what we say; and whether a difference is one that the export names."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from tornado_wssec import InvalidMessage
from tornado_wssec.exports.expressions import as_python
from tornado_wssec.exports.gaps import Gap
from tornado_wssec.exports.json_schema import ref
from tornado_wssec.policy.registry import MessageSpec

INTEGER_MOST: Final = 2**53 - 1


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Any:
    """As ECMA-262 has it: in Python `$` also stands before a newline at the end."""
    if isinstance(instance, str) and not re.search(as_python(pattern), instance):
        yield ValidationError("it does not match")


_Validator: Final = extend(Draft202012Validator, {"pattern": _pattern})  # type: ignore[no-untyped-call]  # their stub


def validator_of(document: Mapping[str, Any], name: str) -> Any:
    """What judges the `data` of one frame."""
    schema = {"$schema": document["$schema"], "$defs": document["$defs"], "$ref": f"{ref(name)}/properties/data"}
    Draft202012Validator.check_schema(schema)
    return _Validator(schema)


def accepts(spec: MessageSpec, data: Mapping[str, Any], filled: Mapping[str, Any]) -> bool:
    """Whether the server takes it; fields that it fills in are there."""
    try:
        spec.load({**filled, **data})
    except InvalidMessage:
        return False
    return True


def as_sent(spec: MessageSpec, data: Mapping[str, Any]) -> Any:
    """What the server writes of it, which has one spelling."""
    return json.loads(json.dumps(spec.dump(spec.load(data))))


def is_named(gaps: tuple[Gap, ...], path: tuple[str | int, ...], data: Any, *, is_ours_stricter: bool) -> bool:
    """Whether the export says that the two may differ there, and on this side."""
    if is_ours_stricter and _breaks_what_holds_everywhere(data):
        return True
    sides = ("stricter", "either") if is_ours_stricter else ("laxer", "either")
    return any([gap.side in sides and _meet(gap.path, path) for gap in gaps])


def _meet(named: str, path: tuple[str | int, ...]) -> bool:
    """Whether one of two places is in the other."""
    parts = re.findall(r"\[\d*\]|\{\w*\}|[^.\[\]{}]+", named)
    return all([_is_same(part, step) for part, step in zip(parts, path, strict=False)])


def _is_same(part: str, step: str | int) -> bool:
    if part.startswith("{"):
        return True
    return part in ("[]", f"[{step}]") if isinstance(step, int) else part == step


def _breaks_what_holds_everywhere(value: Any) -> bool:
    """NUL, 1.0 where an integer should be, an integer that no browser can hold."""
    if isinstance(value, dict):
        return any([_breaks_what_holds_everywhere(one) for pair in value.items() for one in pair])
    if isinstance(value, list):
        return any([_breaks_what_holds_everywhere(one) for one in value])
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, float):
        return value.is_integer()
    return isinstance(value, int) and abs(value) > INTEGER_MOST
