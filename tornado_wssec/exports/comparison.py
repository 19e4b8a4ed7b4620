"""What has changed between two exports, and whether a client that was made from the first still gets along.

A client breaks where it may say less than before, or hears what it could not hear before. It is written to ignore
types and fields that it does not know.

Rules of this file:
1. What cannot be judged counts as breaking: a changed pattern may be narrower, wider or both.
2. Both sides are documents of `wssec schemas export --format json-schema`; an older one may have been made by an older
   version of this.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

from .bounds import Node
from .json_schema import DIALECT, EXTENSION, TYPE_KEY
from .shapes import REF

_LEAST: Final = ("minLength", "minItems", "minProperties", "minimum", "exclusiveMinimum")
_MOST: Final = ("maxLength", "maxItems", "maxProperties", "maximum", "exclusiveMaximum")
_SILENT: Final = frozenset({"description", "title", "examples", "deprecated", "default", "properties", "required"})
_INSIDE: Final = ("items", "additionalProperties", "propertyNames", "not")
_FRAMES: Final = ("in:", "out:")
_VIEWS: Final[Mapping[str, str]] = {"in": "clients send", "out": "clients get"}


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is not as it was.

    Args:
        where: the type, and the field of its `data`: `chat.send text`.
        what: in words.
        is_breaking: whether it may break a client.
    """

    where: str
    what: str
    is_breaking: bool


@dataclass(frozen=True, slots=True)
class _Step:
    """What differs at one place: whether less passes than before, whether more does."""

    path: str
    what: str
    is_narrower: bool = False
    is_wider: bool = False


def compare(old: Node, new: Node) -> list[Change]:
    """What has changed from one document to another.

    Raises:
        ValueError: one of them is no such document.
    """
    before, after = _frames(old), _frames(new)
    changes = [
        Change(_told(name), "is gone" if name.startswith("in:") else "is not sent any more", True)
        for name in before
        if name not in after
    ]
    changes += [Change(_told(name), "is new", False) for name in after if name not in before]
    for name in after:
        if name in before:
            changes += _frame_changes(name, _Pair(old, new), before[name], after[name])
    return [*changes, *_channel_changes(old, new)]


def _frames(document: Node) -> dict[str, Node]:
    definitions = document.get("$defs") if isinstance(document, dict) else None
    if not isinstance(definitions, dict) or document.get("$schema") != DIALECT:
        raise ValueError("this is no export of messages; make one by `wssec schemas export --format json-schema`")
    return {name: node for name, node in definitions.items() if name.startswith(_FRAMES)}


def _told(name: str) -> str:
    view, _, type = name.partition(":")
    return f"{type} ({_VIEWS[view]})"


def _frame_changes(name: str, pair: "_Pair", old: Node, new: Node) -> Iterator[Change]:
    is_inbound = name.startswith("in:")
    for step in pair.steps(old, new, ""):
        path = step.path if pair.is_flat else step.path.removeprefix("data").removeprefix(".")
        is_breaking = step.is_narrower if is_inbound else step.is_wider
        yield Change(f"{_told(name)} {path}".rstrip(), step.what, is_breaking)
    yield from _term_changes(_told(name), old, new, is_inbound=is_inbound)


def _term_changes(where: str, old: Node, new: Node, *, is_inbound: bool) -> Iterator[Change]:
    names = sorted({name for node in (old, new) for name in node if name.startswith(EXTENSION)})
    for name in names:
        before, after = old.get(name), new.get(name)
        if before != after:
            word = name.removeprefix(EXTENSION)
            if word == "exceptions":
                yield from _exception_changes(where, before or [], after or [], is_inbound=is_inbound)
            else:
                what = f"{word}: {_short(before)} → {_short(after)}"
                yield Change(where, what, _is_stricter(word, before, after))


def _exception_changes(where: str, old: list[Node], new: list[Node], *, is_inbound: bool) -> Iterator[Change]:
    """What a schema cannot say: a new rule may refuse what passed."""
    for rule in new:
        if rule not in old:
            path = f"{where} {rule['path']}".rstrip()
            yield Change(path, f"new rule: {rule['rule']}", is_inbound and rule["server"] != "laxer")
    for rule in old:
        if rule not in new:
            path = f"{where} {rule['path']}".rstrip()
            yield Change(path, f"rule gone: {rule['rule']}", is_inbound and rule["server"] != "stricter")


def _is_stricter(word: str, old: Any, new: Any) -> bool:
    """Whether a changed option may refuse what passed, or keep from somebody what was his."""
    if word in ("permission", "subscribe", "publish", "bind", "accepts"):
        return not (new == "PUBLIC" or (word in ("bind", "accepts") and new is None))
    if word in ("max-bytes", "max-auth-age"):
        return new is not None and (old is None or new < old)
    if word == "cost":
        return (new or 1) > (old or 1)
    if word == "rate":
        return not _is_looser_rate(old or [], new or [])
    return word in ("signed", "binary")  # what comes in the one form is refused in the other


def _is_looser_rate(old: list[Node], new: list[Node]) -> bool:
    """Whether every part of the new rate lets through what some part of the old one let through."""
    return all(
        any(
            was["count"] <= part["count"] and was["count"] / was["seconds"] <= part["count"] / part["seconds"]
            for was in old
        )
        for part in new
    )


def _channel_changes(old: Node, new: Node) -> Iterator[Change]:
    before, after = (document.get(f"{EXTENSION}channels", {}) for document in (old, new))
    for pattern in before:
        if pattern not in after:
            yield Change(f"{pattern} (channel)", "is gone", True)
    for pattern, terms in after.items():
        if pattern not in before:
            yield Change(f"{pattern} (channel)", "is new", False)
            continue
        for word in sorted({*terms, *before[pattern]}):
            was, becomes = before[pattern].get(word), terms.get(word)
            if was != becomes:
                is_breaking = _is_stricter(word, was, becomes) or (word in ("history", "presence") and not becomes)
                yield Change(f"{pattern} (channel)", f"{word}: {_short(was)} → {_short(becomes)}", is_breaking)


class _Pair:
    """Two documents, and what has been compared in them so far."""

    def __init__(self, old: Node, new: Node) -> None:
        self._old = old["$defs"]
        self._new = new["$defs"]
        self.is_flat = TYPE_KEY in new
        self._seen: set[tuple[str, str]] = set()

    def steps(self, old: Any, new: Any, path: str) -> Iterator[_Step]:
        """Yield what differs between two schemas."""
        # What looks the same may refer to what has changed, so that only the innermost is compared as a whole.
        if isinstance(old, bool) and old is new:
            return
        if _refers(old) and _refers(new):
            refs = (str(old["$ref"]), str(new["$ref"]))
            if refs in self._seen:
                return
            self._seen.add(refs)
            yield from self.steps(_found(self._old, old), _found(self._new, new), path)
            self._seen.discard(refs)
            return
        old, new = _found(self._old, old), _found(self._new, new)
        if isinstance(old, bool) or isinstance(new, bool):
            yield _Step(path, "takes other things than before", old is not False, old is not True)
            return
        yield from self._kinds(old, new, path)
        yield from _limits(old, new, path)
        yield from _values(old, new, path)
        yield from self._fields(old, new, path)
        yield from self._parts(old, new, path)

    def _kinds(self, old: Node, new: Node, path: str) -> Iterator[_Step]:
        before, after = _kinds_of(old), _kinds_of(new)
        if before == after:
            return
        gone, come = before - after, after - before
        if "number" in after:
            gone -= {"integer"}
        if "number" in before:
            come -= {"integer"}
        what = f"is {_listed(after)}, was {_listed(before)}"
        yield _Step(path, what, bool(after and (gone or not before)), bool(before and (come or not after)))

    def _fields(self, old: Node, new: Node, path: str) -> Iterator[_Step]:
        before, after = old.get("properties", {}), new.get("properties", {})
        needed, needs = set(old.get("required", [])), set(new.get("required", []))
        for name in before:
            if name not in after:
                yield _Step(_below(path, name), "is gone", True, True)
        for name, node in after.items():
            here = _below(path, name)
            if name not in before:
                how = "is new and required" if name in needs else "is new"
                yield _Step(here, how, name in needs)
                continue
            if name in needs and name not in needed:
                yield _Step(here, "is required now", True)
            elif name in needed and name not in needs:
                yield _Step(here, "may be absent now", False, True)
            yield from self.steps(before[name], node, here)

    def _parts(self, old: Node, new: Node, path: str) -> Iterator[_Step]:
        for name in _INSIDE:
            before, after = old.get(name, True), new.get(name, True)
            suffix = {"items": "[]", "additionalProperties": "{}", "propertyNames": "{key}"}.get(name, "")
            if name == "not" and before != after:
                yield _Step(path, "refuses other values", True, True)
            elif name != "not":
                yield from self.steps(before, after, f"{path}{suffix}")
        for name in ("prefixItems", "anyOf", "oneOf", "allOf"):
            yield from self._lists(old.get(name), new.get(name), name, path)

    def _lists(self, old: Any, new: Any, name: str, path: str) -> Iterator[_Step]:
        if old is None and new is None:
            return
        if old is None or new is None or len(old) != len(new):
            yield _Step(path, "takes other things than before", True, True)
            return
        for place, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from self.steps(before, after, f"{path}[{place}]" if name == "prefixItems" else path)


def _refers(node: Any) -> bool:
    return isinstance(node, dict) and "$ref" in node


def _found(definitions: Node, node: Any) -> Any:
    """The schema that is referred to; itself where it refers to none."""
    if not _refers(node):
        return node
    name = unquote(str(node["$ref"]).removeprefix(REF)).replace("~1", "/").replace("~0", "~")
    if name not in definitions:
        raise ValueError(f"the export refers to {name!r}, which is not in it; make it anew")
    return definitions[name]


def _limits(old: Node, new: Node, path: str) -> Iterator[_Step]:
    for names, sign, open in ((_LEAST, 1, -math.inf), (_MOST, -1, math.inf)):
        for name in names:
            before, after = old.get(name, open), new.get(name, open)
            if before != after:
                is_narrower = sign * after > sign * before
                what = f"{name}: {_short(old.get(name))} → {_short(new.get(name))}"
                yield _Step(path, what, is_narrower, not is_narrower)


def _values(old: Node, new: Node, path: str) -> Iterator[_Step]:
    before, after = _values_of(old), _values_of(new)
    if before is None or after is None:
        if before is not after:
            told = "takes any value now" if after is None else f"takes {_listed(map(repr, after))} alone"
            yield _Step(path, told, after is not None, after is None)
    else:
        gone = [value for value in before if value not in after]
        come = [value for value in after if value not in before]
        if gone:
            yield _Step(path, f"takes no {_listed(map(repr, gone))} any more", True)
        if come:
            yield _Step(path, f"takes {_listed(map(repr, come))}, too", False, True)
    known = {*_LEAST, *_MOST, *_SILENT, *_INSIDE, "type", "enum", "const", "prefixItems", "anyOf", "oneOf", "allOf"}
    for name in sorted((old.keys() | new.keys()) - known - {f"{EXTENSION}exceptions"}):
        if old.get(name) != new.get(name) and not (path == "" and name.startswith(EXTENSION)):
            what = f"{name}: {_short(old.get(name))} → {_short(new.get(name))}"
            yield _Step(path, what, new.get(name) is not None, old.get(name) is not None)
    if old.get("default") != new.get("default"):
        yield _Step(path, f"default: {_short(old.get('default'))} → {_short(new.get('default'))}")


def _values_of(node: Node) -> list[Any] | None:
    if "const" in node:
        return [node["const"]]
    return node.get("enum")


def _kinds_of(node: Node) -> set[str]:
    kinds = node.get("type", [])
    return {kinds} if isinstance(kinds, str) else set(kinds)


def _listed(words: Any) -> str:
    return " or ".join(sorted(words)) or "anything"


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _short(value: Any) -> str:
    text = "none" if value is None else str(value)
    return text if len(text) <= _SHORT else f"{text[:_SHORT]}…"


_SHORT: Final = 60
