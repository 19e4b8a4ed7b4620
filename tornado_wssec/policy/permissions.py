"""Permissions that messages require, and the grants that identities hold.

A permission is colon-separated segments, `chat:write:lobby`. A grant is a permission, or a
pattern: `*` stands for one segment, a final `**` for the rest, which is one segment or more
(`chat:**` does not grant `chat`). Case matters.

Rules of this file:
1. A value from the wire is never a pattern, and never more than one segment.
2. No match means no; so does anything that is not well-formed.
3. A grant for one resource says nothing about its siblings.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, NoReturn, Self, final
from uuid import UUID

from ..errors import PermissionDenied, Problem

PUBLIC: Final = "(public)"
"""The permission that everybody has. No segment has parentheses, so that no other permission can be spelt like it."""

KNOWN_MOST: Final = 16
KNOWN_CHARACTERS: Final = 256
"""Permissions whose answer a set of grants remembers, and how long they are. It never changes, nor does the answer."""

PASSED_MOST: Final = 16
"""Values with which a template has let these grants pass, of which each set remembers so many."""

# A dot or two alone are refused, since an application may well build a path from the same value.
_SEGMENT: Final = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9_.@+=~|-]{1,128}").fullmatch
_FIELD: Final = re.compile(r"\{[A-Za-z_][A-Za-z0-9_]*\}").fullmatch
_FIELDS: Final = re.compile(r"\{(\w+)\}").split
# Wider than a segment: the scopes of other people's issuers are URLs as often as words.
_GRANT: Final = re.compile(r"[!-z|~]+").fullmatch
_WILDCARDS: Final = ("*", "**")
_PERMISSION: Final = re.compile(r"[!-)+-9;-~]+(?::[!-)+-9;-~]+)*").fullmatch


@final
class Grants:
    """What an identity may do: an immutable set of grants, compiled once.

    Equal ones are interchangeable, so that thousands of connections can share one. Iterates over
    the grants in sorted order; `in` asks for a grant as written, `allows` for what it permits.

    Raises:
        ValueError: for a grant that is no permission and no pattern, with the remedy.
    """

    __slots__ = ("_all", "_families", "_heads", "_known", "_literals", "_shapes", "passed")

    _all: frozenset[str]
    _literals: frozenset[str]
    _heads: frozenset[str]
    _families: tuple[str, ...]
    _shapes: "tuple[_Shape, ...]"
    _known: dict[str, bool]
    passed: dict[str, set[str]]
    """Text of a template with one field → values with which these grants were found to cover it; see `remember`."""

    def __init__(self, grants: Iterable[str] = ()) -> None:
        if isinstance(grants, str):
            shown = repr(grants[:80])
            raise ValueError(f"{shown} is one string where a list of grants belongs; write [{shown}]")
        every = frozenset([_checked_grant(grant) for grant in grants])
        patterns = sorted(grant for grant in every if "*" in grant)
        set_once = object.__setattr__
        set_once(self, "_all", every)
        set_once(self, "_literals", every.difference(patterns) if patterns else every)
        set_once(self, "_known", {})
        set_once(self, "passed", {})
        self._compile(patterns)

    def _compile(self, patterns: list[str]) -> None:
        """Sort patterns into `a:b:*` (heads), `a:b:**` (families) and the others (shapes)."""
        heads, families, shapes = [], [], []
        for pattern in patterns:
            head, _, last = pattern.rpartition(":")
            if "*" in head or not head:
                shapes.append(_Shape(pattern))
            elif last == "*":
                heads.append(head)
            else:
                families.append(head + ":")
        object.__setattr__(self, "_heads", frozenset(heads))
        object.__setattr__(self, "_families", tuple(families))
        object.__setattr__(self, "_shapes", tuple(shapes))

    def allows(self, permission: str) -> bool:
        """Whether one of the grants covers `permission`, which is taken literally: `*` in it matches nothing."""
        return _PERMISSION(permission) is not None and self._cover(permission)

    def _cover(self, permission: str) -> bool:
        """Whether a grant covers a permission that is known to be well-formed."""
        if permission in self._literals:
            return True
        if self._literals is self._all:
            return False
        known = self._known.get(permission)
        if known is None:
            known = self._fits(permission)
            if len(permission) <= KNOWN_CHARACTERS:
                if len(self._known) >= KNOWN_MOST:
                    self._known.clear()
                self._known[permission] = known
        return known

    def _fits(self, permission: str) -> bool:
        """Whether a pattern covers it."""
        if permission.rpartition(":")[0] in self._heads or permission.startswith(self._families):
            return True
        segments = permission.split(":")
        return any([shape.fits(segments) for shape in self._shapes])

    def remember(self, template: str, value: str) -> None:
        """Keep that a template, filled with this value, is covered. The answer never changes, since they never do."""
        if sum(map(len, self.passed.values())) >= PASSED_MOST:
            self.passed.clear()
        self.passed.setdefault(template, set()).add(value)

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._all))

    def __len__(self) -> int:
        return len(self._all)

    def __contains__(self, grant: object) -> bool:
        return grant in self._all

    def __eq__(self, other: object) -> bool:
        return self._all == other._all if isinstance(other, Grants) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._all)

    def __repr__(self) -> str:
        return f"Grants({sorted(self._all)})"

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"Grants do not change; build new ones instead of setting {name}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"Grants do not change; build new ones instead of deleting {name}")

    def __reduce__(self) -> tuple[type["Grants"], tuple[list[str]]]:
        return Grants, (sorted(self._all),)


NO_GRANTS: Final = Grants()
"""What somebody holds who was given nothing."""


@dataclass(frozen=True, slots=True)
class PermissionTemplate:
    """The permission that a declaration requires, with `{fields}` to be filled in: `chat:write:{room}`.

    A field is a whole segment, so that two values can never be cut at another place than was meant.
    Two templates of the same text are equal.

    Raises:
        ValueError: for text that is no template, with the remedy.
    """

    text: str
    fields: tuple[str, ...] = field(init=False, compare=False)
    is_public: bool = field(init=False, compare=False)
    _start: str = field(init=False, compare=False, repr=False)
    _slots: tuple[tuple[str, str], ...] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        is_public = self.text == PUBLIC
        # "a:{b}:c" is "a:", then b and ":c".
        start, *rest = [self.text] if is_public else _FIELDS(_checked_template(self.text))
        slots = tuple(zip(rest[::2], rest[1::2], strict=True))
        set_once = object.__setattr__
        set_once(self, "fields", tuple(dict.fromkeys(name for name, _ in slots)))
        set_once(self, "is_public", is_public)
        set_once(self, "_start", start)
        set_once(self, "_slots", slots)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a template.

        Raises:
            ValueError: naming the fault and the remedy.
        """
        return cls(text)

    def fill(self, values: Mapping[str, object]) -> str:
        """Return the permission that these values require.

        A value is a str of 1–128 of `A-Z a-z 0-9 _ . @ + = ~ | -` (not `.` or `..`), an int that is
        no bool, a UUID, or an Enum member with such a value.

        Raises:
            PermissionDenied: a value is absent or cannot be one segment; the evidence says which.
        """
        permission = self._start
        for name, following in self._slots:
            value = values.get(name)
            # The first two tests are the hot path; _segment settles everything else.
            permission += (value if type(value) is str and _SEGMENT(value) else _segment(name, value)) + following
        return permission

    def allowed(self, grants: Grants, values: Mapping[str, object]) -> bool:
        """Whether `grants` cover the permission; what cannot be filled in is covered by nothing."""
        if self.is_public:
            return True
        try:
            return grants._cover(self.fill(values))
        except PermissionDenied:
            return False


def names_resource(resource: str, names: Iterable[str]) -> bool:
    """Whether a grant, or the name of a channel, may be about a resource: rather too often than too seldom.

    Args:
        resource: one segment or several, `b7` or `board:b7`; in a name they may have others before, between and behind.
        names: a wildcard in one stands for any segment.
    """
    wanted = resource.split(":")
    return any([_holds(name.split(":"), wanted) for name in names])


def _holds(segments: list[str], wanted: list[str]) -> bool:
    found = 0
    for segment in segments:
        if segment == "**":
            return True
        if segment == "*" or segment == wanted[found]:
            found += 1
            if found == len(wanted):
                return True
    return False


def expand_roles(roles: Iterable[str], table: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """Return the grants of these roles, each once, in order; an unknown role gives nothing."""
    named = (roles,) if isinstance(roles, str) else roles
    return tuple(dict.fromkeys(grant for role in named for grant in table.get(role, ())))


def role_problems(table: Mapping[str, Iterable[str]]) -> Iterator[Problem]:
    """Yield what is wrong in a table of roles, for a start that lists everything."""
    for role, grants in table.items():
        for listed in [grants] if isinstance(grants, str) else [[grant] for grant in grants]:
            try:
                Grants(listed)
            except ValueError as error:
                fault, _, remedy = str(error).partition("; ")
                yield Problem(f"roles[{role!r}]", fault, remedy)


def _checked_grant(grant: Any) -> str:
    """The grant itself; ValueError with the remedy where it is malformed."""
    if not isinstance(grant, str):
        raise ValueError(f"a grant is a string, not {type(grant).__name__}; write it as 'chat:read:*'")
    shown = repr(grant[:80])
    if not _GRANT(grant):
        raise ValueError(f"grant {shown} has a space, a brace or a character beyond ASCII; use * for any value")
    segments = grant.split(":")
    if "" in segments:
        raise ValueError(f"grant {shown} has an empty segment; drop a colon or write *")
    if "**" in segments[:-1]:
        raise ValueError(f"grant {shown} has ** before its end; use one * for each segment")
    if any("*" in segment and segment not in _WILDCARDS for segment in segments):
        raise ValueError(f"grant {shown} mixes * with other characters; * stands for a whole segment")
    return grant


class _Shape:
    """A pattern with a wildcard before its last segment, or of one segment only."""

    __slots__ = ("_has_rest", "_length", "_wanted")

    def __init__(self, pattern: str) -> None:
        segments = pattern.split(":")
        self._has_rest = segments[-1] == "**"
        self._length = len(segments)
        self._wanted = tuple((place, segment) for place, segment in enumerate(segments) if segment not in _WILDCARDS)

    def fits(self, segments: list[str]) -> bool:
        """Whether these segments are as many, or more before a `**`, and equal where the pattern is literal."""
        if len(segments) < self._length if self._has_rest else len(segments) != self._length:
            return False
        return all([segments[place] == segment for place, segment in self._wanted])


def _segment(name: str, value: object) -> str:
    """The value as one segment; PermissionDenied where it cannot be one."""
    plain = value.value if isinstance(value, Enum) else value
    if isinstance(plain, UUID) or (isinstance(plain, int) and not isinstance(plain, bool) and plain.bit_length() <= 64):
        plain = str(plain)
    if isinstance(plain, str) and (match := _SEGMENT(plain)):
        return match[0]
    shown = ascii(plain[:64]) if isinstance(plain, str) else f"of type {type(plain).__name__}"
    raise PermissionDenied(f"the value of {{{name}}}, {shown}, cannot be one segment of a permission")


def _checked_template(text: Any) -> str:
    """The template itself; ValueError with the remedy where a segment is neither a literal nor one `{field}`."""
    if not isinstance(text, str):
        raise ValueError(f"a permission is a string, not {type(text).__name__}; write PUBLIC if everybody has it")
    for segment in text.split(":"):
        if not _SEGMENT(segment) and not _FIELD(segment):
            raise ValueError(f"permission {text!r} {_fault(segment)}")
    return text


def _fault(segment: str) -> str:
    """What is wrong with a segment of a template, and the remedy."""
    if not segment:
        return "has an empty segment; drop a colon, or write PUBLIC if everybody has it"
    if "*" in segment:
        return f"has a wildcard in {segment!r}; wildcards belong in grants, a template names one {{field}}"
    if segment.count("{") != segment.count("}"):
        return f"has an unclosed brace in {segment!r}; write {{field}}, without a format"
    if segment.startswith("{") and segment.endswith("}") and segment.count("{") == 1:
        return f"has {segment!r}, which is no plain field; write the field's name alone, such as {{room}}"
    if "{" in segment:
        return f"mixes {segment!r}; a {{field}} is a whole segment, so put a colon between"
    return f"has {segment!r}, which no value can equal; use 1–128 of A-Z a-z 0-9 _ . @ + = ~ | -"
