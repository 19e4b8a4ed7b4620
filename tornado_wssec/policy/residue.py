"""What is left to do behind typed decoding: what types do not say is checked, and every quote is accounted for.

A decoder takes a key twice (the last wins) and leaves out keys that it does not know. Neither can hide: each key and
each string value has two quotes, so a text with exactly as many quotes as what was decoded from it holds nothing else.
An escaped quote makes one too many; then the slow way has its say.

Rules of this file:
1. Every key and every string of the decoded value is counted once, or the frame is not accepted.
2. It only accepts, and what it returns equals what marshmallow would.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Final

from marshmallow import missing

from .checks import GIVE_UP, add_checks
from .compiler import add_members, add_moment, add_read, add_value, default_of
from .plans import Kind, Member, Value, members_of
from .shapes import left_of
from .source import Source

_STRINGS: Final[frozenset[Kind]] = frozenset({"text", "uuid", "moment", "written", "member"})
"""What is one string in JSON."""


FAMILIAR_MOST: Final = 64
FAMILIAR_LENGTH: Final = 64


@dataclass(slots=True)
class _Work:
    """What is to be done about one value.

    Args:
        pairs: of quotes that it has wherever it stands.
        is_replaced: whether its name stands for another value in the end.
    """

    pairs: int
    is_replaced: bool


class Familiar(set[str]):
    """Texts that have passed the checks of one field, not many and none of them long."""

    __slots__ = ()

    def keep(self, text: str) -> None:
        """Keep one, and forget the others where there are too many."""
        if len(text) <= FAMILIAR_LENGTH:
            if len(self) >= FAMILIAR_MOST:
                self.clear()
            self.add(text)


class Residue:
    """Writes the lines for one type of message.

    Args:
        familiar: fields whose values are remembered once they have passed: those that a permission is filled from, of
            which grants remember as much. What else people write is not kept.
    """

    __slots__ = ("_familiar", "_keys", "_pairs", "_source")

    def __init__(self, source: Source, pairs: str, keys: int, familiar: Collection[str] = ()) -> None:
        self._source = source
        self._pairs = pairs
        self._keys = keys
        self._familiar = familiar

    def add_object(self, members: tuple[Member, ...], name: str) -> _Work:
        """Write what is left to do about a decoded dict."""
        if any([member.wire != member.key for member in members]):
            return self._rebuilt(members, lambda member: f"{name}.get({self._literal(member)}, {self._absent()})", name)
        source, fixed = self._source, 0
        for member in members:
            if member.is_required:
                fixed += 1
                if _is_idle(member.value):
                    fixed += _pairs(member.value)
                    continue
                own = source.name("value")
                source.add(f"{own} = {name}[{self._literal(member)}]")
                work = self._add_required(member, own)
                fixed += work.pairs
                if work.is_replaced:
                    source.add(f"{name}[{self._literal(member)}] = {own}")
            else:
                self._add_optional(member, name)
        return _Work(fixed, False)

    def _add_required(self, member: Member, own: str) -> _Work:
        value, source = member.value, self._source
        if member.key not in self._familiar or value.kind != "text" or value.is_nullable:
            return self.add_value(value, own)
        # What was found right once is right: the same few texts come again and again.
        familiar = Familiar()
        with source.inside(f"if {own} not in {source.bind('familiar', familiar)}"):
            work = self.add_value(value, own)
            source.add(f"{source.bind('keep', familiar.keep)}({own})")
        return work

    def _add_optional(self, member: Member, name: str) -> None:
        source, own = self._source, self._source.name("value")
        source.add(f"{own} = {name}.get({self._literal(member)}, {self._absent()})")
        with source.inside(f"if {own} is not {self._absent()}"):
            work = self.add_value(member.value, own)
            source.add(f"{self._pairs} += {1 + work.pairs}")
            if work.is_replaced:
                source.add(f"{name}[{self._literal(member)}] = {own}")
        if member.default is not missing:
            with source.inside("else"):
                source.add(f"{name}[{self._literal(member)}] = {default_of(source, member)}")

    def add_data(self, members: tuple[Member, ...], name: str) -> tuple[int, str]:
        """Write what is left to do about the data of a message: its pairs of quotes, and its name."""
        return self.add_object(members, name).pairs, name

    def add_fields(self, members: tuple[Member, ...], read: Callable[[Member], str]) -> tuple[int, str]:
        """Write how an object is put together of what is read one by one: its pairs of quotes, and its name."""
        name = self._source.name("data")
        return self._rebuilt(members, read, name).pairs, name

    def _rebuilt(self, members: tuple[Member, ...], read: Callable[[Member], str], name: str) -> _Work:
        """Write how an object is put together anew, under the names that its fields have in Python."""
        source, fixed, names = self._source, 0, {}
        for member in members:
            own = names[member] = source.name("value")
            source.add(f"{own} = {read(member)}")
            if member.is_required:
                fixed += 1 + self.add_value(member.value, own).pairs
                continue
            with source.inside(f"if {own} is not {self._absent()}"):
                source.add(f"{self._pairs} += {1 + self.add_value(member.value, own).pairs}")
        source.add(f"{name} = {add_members(source, members, names)}")
        return _Work(fixed, True)

    def add_value(self, value: Value, name: str) -> _Work:
        """Write what is left to do about one value."""
        if _is_idle(value):
            return _Work(_pairs(value), False)
        if not value.is_nullable:
            return self._ways(value, name)
        with self._source.inside(f"if {name} is not None"):
            work = self._ways(value, name)
            if work.pairs:
                self._source.add(f"{self._pairs} += {work.pairs}")
        return _Work(0, work.is_replaced)

    def _ways(self, value: Value, name: str) -> _Work:
        if value.kind == "object":
            work = self.add_object(value.members, name)
            add_checks(self._source, value.checks, name)
            return work
        if value.kind == "list":
            return self._list(value, name)
        if value.kind == "tuple":
            return self._tuple(value, name)
        if value.kind == "dict":
            return self._dict(value, name)
        return self._scalar(value, name)

    def _scalar(self, value: Value, name: str) -> _Work:
        source, is_string = self._source, int(value.kind in _STRINGS)
        if value.kind == "moment":
            add_moment(source, value, name)
        elif value.kind in ("written", "number"):
            add_read(source, value, name)
        elif value.kind == "member":
            field: Any = value.field
            source.add(f"{name} = {source.bind('members', members_of(field))}[{name}]")
            add_checks(source, value.checks, name)
        else:
            add_checks(source, left_of(value), name, is_text=value.kind == "text")
            return _Work(is_string, False)
        return _Work(is_string, True)

    def _list(self, value: Value, name: str) -> _Work:
        source, inner = self._source, value.parts[0]
        if _is_idle(inner):
            pairs = _pairs(inner)
            if pairs:
                source.add(f"{self._pairs} += {pairs} * len({name})")
        else:
            place, item = source.name("place"), source.name("item")
            with source.inside(f"for {place}, {item} in enumerate({name})"):
                work = self.add_value(inner, item)
                if work.is_replaced:
                    source.add(f"{name}[{place}] = {item}")
            if work.pairs:
                source.add(f"{self._pairs} += {work.pairs} * len({name})")
        add_checks(source, left_of(value), name)
        return _Work(0, False)

    def _tuple(self, value: Value, name: str) -> _Work:
        source, items, pairs = self._source, [], 0
        for place, part in enumerate(value.parts):
            items.append(source.name("item"))
            source.add(f"{items[-1]} = {name}[{place}]")
            pairs += self.add_value(part, items[-1]).pairs
        source.add(f"{name} = ({''.join([f'{item}, ' for item in items])})")
        add_checks(source, value.checks, name)
        return _Work(pairs, True)

    def _dict(self, value: Value, name: str) -> _Work:
        source, found = self._source, self._source.name("found")
        key, item = source.name("key"), source.name("item")
        source.add(f"if len({name}) > {self._keys}: {GIVE_UP}", f"{found} = {{}}")
        with source.inside(f"for {key}, {item} in {name}.items()"):
            # A key was decoded as any text; here it is read as its field reads it.
            add_value(source, value.parts[0], key)
            pairs = 1 + self.add_value(value.parts[1], item).pairs
            source.add(f"{found}[{key}] = {item}")
        source.add(f"{self._pairs} += {pairs} * len({name})", f"{name} = {found}")
        add_checks(source, value.checks, name)
        return _Work(0, True)

    def _absent(self) -> str:
        return self._source.bind("missing", missing)

    def _literal(self, member: Member) -> str:
        return self._source.literal(member.wire)


def _is_idle(value: Value) -> bool:
    """Whether the type has said all of it, and it always has as many quotes."""
    if value.kind in ("text", "uuid"):
        return not value.is_nullable and not left_of(value)
    if value.kind in ("integer", "real", "truth"):
        return not left_of(value)
    if value.kind != "object" or value.is_nullable or value.checks:
        return False
    return all([_is_idle(one.value) and one.is_required and one.wire == one.key for one in value.members])


def _pairs(value: Value) -> int:
    """Pairs of quotes of an idle value."""
    if value.kind == "object":
        return sum([1 + _pairs(member.value) for member in value.members])
    return int(value.kind in _STRINGS)
