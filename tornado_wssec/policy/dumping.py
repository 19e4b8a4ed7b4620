"""The short way out: one Python function, written for a schema, that makes a dict ready for JSON and checks it.

marshmallow would write the message, and then read what it has written to see whether it fits.

Rules of this file:
1. It only accepts, and what it returns equals what marshmallow would. Whatever else is sent takes the slow way.
2. Fields of the application's own are asked last, as on the way in.
"""

import datetime as dt
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final

from marshmallow import missing, validate

from .checks import GIVE_UP, add_checks
from .compiler import add_lengths, add_value, assemble, default_of, gate_of
from .fields import RFC3339
from .gates import own_value
from .plans import Kind, Member, Value, members_of
from .source import Source
from .validators import runs

Dumper = Callable[[Any], dict[str, Any] | None]
"""What is ready for JSON; None where only marshmallow can say."""


def compile_dumper(plan: Value, title: str) -> Dumper:
    """Write the function for one schema.

    Args:
        plan: see `dumping_plan`.
        title: what a traceback calls it.
    """
    source = Source(title, "dump(data)")
    with source.inside("try"):
        source.add(f"return {_add_object(source, plan, 'data', is_outermost=True)}")
    with source.inside("except Exception"):
        source.add(GIVE_UP)
    return source.function()


def _add_object(source: Source, plan: Value, name: str, *, is_outermost: bool = False) -> str:
    """Write how an object is written; the name of what was.

    Args:
        is_outermost: whether it may hold nothing else. Of a nested one marshmallow leaves out what it does not know.
    """
    source.add(f"if type({name}) is not dict: {GIVE_UP}")
    absent, known, names = source.bind("missing", missing), source.name("known"), {}
    plain = [one for one in plan.members if one.is_required and one.default is missing and one.value.kind != "own"]
    if is_outermost:
        source.add(f"{known} = {len(plan.members)}")
    for member in plan.members:
        own = names[member] = source.name("value")
        if member in plain:
            source.add(f"{own} = {name}[{source.literal(member.key)}]")
            _add_value(source, member.value, own)
            continue
        source.add(f"{own} = {name}.get({source.literal(member.key)}, {absent})")
        if is_outermost:
            source.add(f"if {own} is {absent}: {known} -= 1")
        _add_optional(source, member, own, absent)
    if is_outermost:
        source.add(f"if len({name}) != {known}: {GIVE_UP}")
    own_ones = [(member, names[member]) for member in plan.members if member.value.kind == "own"]
    for member, own in own_ones:
        _add_own(source, member, own, name)
        if member.is_required:  # and there was nothing, or the field has written nothing
            source.add(f"if {own} is {absent}: {GIVE_UP}")
    entries = [(one.wire, names[one], one.is_always_there and one.value.kind != "own") for one in plan.members]
    result = assemble(source, entries, absent)
    for member, own in own_ones:
        read = source.bind("read", member.value.field.deserialize)
        source.add(f"if {own} is not {absent}: {read}({own}, {source.literal(member.wire)}, {result})")
    return result


def _add_optional(source: Source, member: Member, own: str, absent: str) -> None:
    """Write what becomes of a value that may be absent, or is written by a field of the application's."""
    if member.default is not missing:
        source.add(f"if {own} is {absent}: {own} = {default_of(source, member)}")
    if member.value.kind != "own":
        with source.inside(f"if {own} is not {absent}"):
            _add_value(source, member.value, own)


def _add_own(source: Source, member: Member, own: str, name: str) -> None:
    """Write that a field of the application's writes its own value."""
    write, accessor = source.bind("write", member.value.field.serialize), source.bind("own_value", own_value)
    source.add(f"{own} = {write}({source.literal(member.key)}, {name}, {accessor})")


def _add_value(source: Source, value: Value, name: str) -> None:
    """Write how a value is written and checked; the name then stands for what was written."""
    way = _read_back if _is_read_back(value) else _WAYS[value.kind]
    if value.is_nullable:
        with source.inside(f"if {name} is not None"):
            way(source, value, name)
    else:
        way(source, value, name)


def _is_read_back(value: Value) -> bool:
    """Whether what is checked is not what is written, so that it has to be read again."""
    if value.kind not in ("list", "tuple", "dict", "object"):
        return False
    if value.kind == "dict" and value.parts[0].kind != "text":
        return True
    return (value.kind == "object" and bool(value.checks)) or not all(
        [runs(one, validate.Length) for one in value.checks]
    )


def _read_back(source: Source, value: Value, name: str) -> None:
    read = source.name("read")
    source.add(f"if {name} is None: {GIVE_UP}")
    source.add(f"{name} = {source.bind('write', value.field._serialize)}({name}, None, None)")
    source.add(f"{read} = {source.bind('read', value.field._deserialize)}({name}, None, None)")
    source.add(f"{source.bind('check', gate_of(value))}({read})")


def _same(source: Source, value: Value, name: str) -> None:
    """What JSON has a form for is read, and so checked, as it is written."""
    add_value(source, value, name)


def _uuid(source: Source, value: Value, name: str) -> None:
    source.add(f"if type({name}) is not {source.bind('uuid', uuid.UUID)}: {GIVE_UP}")
    add_checks(source, value.checks, name)
    source.add(f"{name} = {source.bind('str', str)}({name})")


def _moment(source: Source, value: Value, name: str) -> None:
    source.add(f"if type({name}) is not {source.bind('moment', dt.datetime)}: {GIVE_UP}")
    add_checks(source, value.checks, name)
    source.add(f"{name} = {name}.isoformat()", f"if {source.bind('match', RFC3339)}({name}) is None: {GIVE_UP}")


def _member(source: Source, value: Value, name: str) -> None:
    field: Any = value.field
    texts = {member: member.value if field.by_value else member.name for member in members_of(field).values()}
    source.add(f"if type({name}) is not {source.bind('enum', field.enum)}: {GIVE_UP}")
    add_checks(source, value.checks, name)
    source.add(f"{name} = {source.bind('texts', texts)}[{name}]")


def _list(source: Source, value: Value, name: str) -> None:
    source.add(f"if type({name}) is not list: {GIVE_UP}")
    add_lengths(source, value, name)
    found, item = source.name("found"), source.name("item")
    source.add(f"{found} = []")
    with source.inside(f"for {item} in {name}"):
        _add_value(source, value.parts[0], item)
        source.add(f"{found}.append({item})")
    source.add(f"{name} = {found}")


def _tuple(source: Source, value: Value, name: str) -> None:
    kinds = source.bind("kinds", (list, tuple))
    source.add(f"if type({name}) not in {kinds} or len({name}) != {len(value.parts)}: {GIVE_UP}")
    add_lengths(source, value, name)
    items = [source.name("item") for _ in value.parts]
    for place, (part, item) in enumerate(zip(value.parts, items, strict=True)):
        source.add(f"{item} = {name}[{place}]")
        _add_value(source, part, item)
    source.add(f"{name} = ({''.join([f'{item}, ' for item in items])})")


def _dict(source: Source, value: Value, name: str) -> None:
    source.add(f"if type({name}) is not dict: {GIVE_UP}")
    add_lengths(source, value, name)
    found, key, item = source.name("found"), source.name("key"), source.name("item")
    source.add(f"{found} = {{}}")
    with source.inside(f"for {key}, {item} in {name}.items()"):
        _add_value(source, value.parts[0], key)
        _add_value(source, value.parts[1], item)
        source.add(f"{found}[{key}] = {item}")
    source.add(f"{name} = {found}")


def _object(source: Source, value: Value, name: str) -> None:
    source.add(f"{name} = {_add_object(source, value, name)}")


_WAYS: Final[Mapping[Kind, Callable[[Source, Value, str], None]]] = {
    "text": _same,
    "integer": _same,
    "real": _same,
    "truth": _same,
    "uuid": _uuid,
    "moment": _moment,
    "written": _read_back,
    "number": _read_back,
    "member": _member,
    "list": _list,
    "tuple": _tuple,
    "dict": _dict,
    "object": _object,
}
