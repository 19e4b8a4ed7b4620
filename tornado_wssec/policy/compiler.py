"""The short way through a schema: one Python function, written for it, that reads and checks what came as JSON.

Rules of this file:
1. It only accepts, and what it returns equals what marshmallow would. Whatever else comes is for marshmallow to judge,
   and to word.
2. Fields of the application's own are asked last, when everything else has been accepted. Where one of them refuses,
   marshmallow asks it again: what validates must not change anything.
"""

import datetime as dt
import itertools
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final

from marshmallow import missing, validate

from .checks import GIVE_UP, add_checks, is_closed, texts_of
from .fields import LARGEST, RFC3339, StrictInteger
from .gates import Gate
from .plans import Kind, Member, Value, members_of
from .source import Source
from .validators import runs

Loader = Callable[[Any], dict[str, Any] | None]
"""What marshmallow would return; None where only marshmallow can say."""


def compile_loader(plan: Value, title: str) -> Loader:
    """Write the function for one schema.

    Args:
        plan: see `loading_plan`.
        title: what a traceback calls it.
    """
    source = Source(title, "load(data)")
    with source.inside("try"):
        result = _add_object(source, plan, "data")
        source.add(f"return {result}")
    with source.inside("except Exception"):
        source.add(GIVE_UP)
    return source.function()


def add_members(source: Source, members: tuple[Member, ...], names: Mapping[Member, str]) -> str:
    """Write how what was read becomes an object, with what stands for the absent; the name of the object.

    Args:
        names: of the values; that of an absent one is `missing`.
    """
    absent = source.bind("missing", missing)
    for member in members:
        if not member.is_required and member.default is not missing:
            source.add(f"if {names[member]} is {absent}: {names[member]} = {default_of(source, member)}")
    return assemble(source, [(one.key, names[one], one.is_always_there) for one in members], absent)


def default_of(source: Source, member: Member) -> str:
    """How what stands for an absent value is written; what can be called is called each time."""
    return source.literal(member.default) + ("()" if callable(member.default) else "")


def assemble(source: Source, entries: list[tuple[str, str, bool]], absent: str) -> str:
    """Write how a dict is put together, in this order; its name.

    Args:
        entries: each a key, the name of the value, and whether there always is one.
        absent: the name of what an absent value is.
    """
    result, first = source.name("whole"), list(itertools.takewhile(lambda entry: entry[2], entries))
    source.add(f"{result} = {{{', '.join([f'{source.literal(key)}: {name}' for key, name, _ in first])}}}")
    for key, name, is_there in entries[len(first) :]:
        line = f"{result}[{source.literal(key)}] = {name}"
        source.add(line if is_there else f"if {name} is not {absent}: {line}")
    return result


def _add_object(source: Source, plan: Value, name: str) -> str:
    """Write how an object is read; the name of what was."""
    source.add(f"if type({name}) is not dict: {GIVE_UP}")
    names = {member: source.name("value") for member in plan.members}
    required = [member for member in plan.members if member.is_required]
    optional = [member for member in plan.members if not member.is_required]
    known = str(len(required))
    if optional:
        known = source.name("known")
        source.add(f"{known} = {len(required)}")
    else:
        source.add(f"if len({name}) != {known}: {GIVE_UP}")
    absent = source.bind("missing", missing)
    own = [member for member in plan.members if member.value.kind == "own"]
    for member in required:
        source.add(f"{names[member]} = {name}[{source.literal(member.wire)}]")
        add_value(source, member.value, names[member])
    for member in optional:
        source.add(f"{names[member]} = {name}.get({source.literal(member.wire)}, {absent})")
        with source.inside(f"if {names[member]} is not {absent}"):
            source.add(f"{known} += 1")
            add_value(source, member.value, names[member])
    if optional:
        # marshmallow has seen to it that no two fields share a name, so that a count tells whether all are known.
        source.add(f"if len({name}) != {known}: {GIVE_UP}")
    for member in own:
        with source.inside(f"if {names[member]} is not {absent}"):
            read, wire = source.bind("read", member.value.field.deserialize), source.literal(member.wire)
            source.add(f"{names[member]} = {read}({names[member]}, {wire}, {name})")
    return add_members(source, plan.members, names)


def add_value(source: Source, value: Value, name: str) -> None:
    """Write how a value is read and checked; the name then stands for what was read."""
    if value.kind == "own":
        return
    if value.is_nullable:
        with source.inside(f"if {name} is not None"):
            _WAYS[value.kind](source, value, name)
    else:
        _WAYS[value.kind](source, value, name)


def _text(source: Source, value: Value, name: str) -> None:
    source.add(f"if type({name}) is not str: {GIVE_UP}")
    add_checks(source, value.checks, name, is_text=True)
    add_text_check(source, value, name)


def add_text_check(source: Source, value: Value, name: str) -> None:
    """Write what refuses NUL and lone surrogates; almost every text is ASCII, and is looked at by two fast scans."""
    if any([runs(check, validate.OneOf) and _are_plain(texts_of(check)) for check in value.checks]):
        return
    source.add(f'if "\\0" in {name} or not {name}.isascii(): {source.bind("check", gate_of(value).own_check)}({name})')


def _are_plain(texts: list[str]) -> bool:
    """Whether there are texts, and each could be of any gate's liking."""
    return bool(texts) and all([text.isascii() and "\0" not in text for text in texts])


def gate_of(value: Value) -> Gate:
    """The gate of a field that has been planned."""
    gate: Gate = vars(value.field)["_validate"]
    return gate


def _integer(source: Source, value: Value, name: str) -> None:
    source.add(f"if type({name}) is not int: {GIVE_UP}")
    add_integer_check(source, value, name)


def add_integer_check(source: Source, value: Value, name: str) -> None:
    """Write the checks of an integer."""
    if isinstance(value.field, StrictInteger):
        source.add(f"if not {-LARGEST} <= {name} <= {LARGEST}: {GIVE_UP}")
    add_checks(source, value.checks, name)


def _real(source: Source, value: Value, name: str) -> None:
    with source.inside(f"if type({name}) is not float"):
        source.add(f"if type({name}) is not int: {GIVE_UP}", f"{name} = float({name})")
    if not any([is_closed(check) for check in value.checks]):
        source.add(f"if {name} - {name}: {GIVE_UP}  # neither infinite nor NaN")
    add_checks(source, value.checks, name)


def _truth(source: Source, value: Value, name: str) -> None:
    source.add(f"if {name} is not True and {name} is not False: {GIVE_UP}")
    add_checks(source, value.checks, name)


def _uuid(source: Source, value: Value, name: str) -> None:
    source.add(f"if type({name}) is not str: {GIVE_UP}", f"{name} = {source.bind('uuid', uuid.UUID)}({name})")
    add_checks(source, value.checks, name)


def add_moment(source: Source, value: Value, name: str) -> None:
    """Write how the text of a moment is read and checked."""
    source.add(
        f"if {source.bind('match', RFC3339)}({name}) is None: {GIVE_UP}",
        f"{name} = {source.bind('moment', dt.datetime.fromisoformat)}({name})",
    )
    add_checks(source, value.checks, name)


def _moment(source: Source, value: Value, name: str) -> None:
    source.add(f"if type({name}) is not str: {GIVE_UP}")
    add_moment(source, value, name)


def add_read(source: Source, value: Value, name: str) -> None:
    """Write how a field of marshmallow's or ours reads for itself."""
    source.add(f"if {name} is None: {GIVE_UP}")
    source.add(f"{name} = {source.bind('read', value.field._deserialize)}({name}, None, None)")
    source.add(f"{source.bind('check', gate_of(value))}({name})")


def _member(source: Source, value: Value, name: str) -> None:
    source.add(f"if type({name}) is not str: {GIVE_UP}", f"{name} = {_members(source, value)}[{name}]")
    add_checks(source, value.checks, name)


def _members(source: Source, value: Value) -> str:
    field: Any = value.field
    return source.bind("members", members_of(field))


def _list(source: Source, value: Value, name: str) -> None:
    source.add(f"if type({name}) is not list: {GIVE_UP}")
    add_lengths(source, value, name)
    found, item = source.name("found"), source.name("item")
    source.add(f"{found} = []")
    with source.inside(f"for {item} in {name}"):
        add_value(source, value.parts[0], item)
        source.add(f"{found}.append({item})")
    source.add(f"{name} = {found}")
    _add_other_checks(source, value, name)


def _tuple(source: Source, value: Value, name: str) -> None:
    source.add(f"if type({name}) is not list or len({name}) != {len(value.parts)}: {GIVE_UP}")
    items = [source.name("item") for _ in value.parts]
    for place, (part, item) in enumerate(zip(value.parts, items, strict=True)):
        source.add(f"{item} = {name}[{place}]")
        add_value(source, part, item)
    source.add(f"{name} = ({''.join([f'{item}, ' for item in items])})")
    add_checks(source, value.checks, name)


def _dict(source: Source, value: Value, name: str) -> None:
    source.add(f"if type({name}) is not dict: {GIVE_UP}")
    add_lengths(source, value, name)
    found, key, item = source.name("found"), source.name("key"), source.name("item")
    source.add(f"{found} = {{}}")
    with source.inside(f"for {key}, {item} in {name}.items()"):
        add_value(source, value.parts[0], key)
        add_value(source, value.parts[1], item)
        source.add(f"{found}[{key}] = {item}")
    source.add(f"{name} = {found}")
    add_checks(source, value.checks, name)  # two keys may have become one


def _object(source: Source, value: Value, name: str) -> None:
    source.add(f"{name} = {_add_object(source, value, name)}")
    add_checks(source, value.checks, name)


def add_lengths(source: Source, value: Value, name: str) -> None:
    """Write what counts before anything inside is read."""
    add_checks(source, tuple([check for check in value.checks if runs(check, validate.Length)]), name)


def _add_other_checks(source: Source, value: Value, name: str) -> None:
    add_checks(source, tuple([check for check in value.checks if not runs(check, validate.Length)]), name)


_WAYS: Final[Mapping[Kind, Callable[[Source, Value, str], None]]] = {
    "text": _text,
    "integer": _integer,
    "real": _real,
    "truth": _truth,
    "uuid": _uuid,
    "moment": _moment,
    "written": add_read,
    "number": add_read,
    "member": _member,
    "list": _list,
    "tuple": _tuple,
    "dict": _dict,
    "object": _object,
}
