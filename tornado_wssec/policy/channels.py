"""Names of channels, and the patterns that declare them.

A name is colon-separated segments of `a-z 0-9 _ . -`, at most 128 characters in all. A pattern is
a name in which whole segments may be `{fields}`: `room:{room}`.

Rules of this file:
1. A name from the wire is never a pattern, is never normalised, and either fits as it is or not at all.
2. `.` and `..` are no segments, since an application may well build a path from one.
3. No name fits two patterns of a registry; `overlaps` is how it finds out.
"""

import re
from dataclasses import dataclass, field
from typing import Any, Final, Self, TypeGuard

NAME_LENGTH: Final = 128
"""Characters of the longest name; it is a dictionary key on every node and stands in every event."""

_ONE: Final = r"(?!\.{1,2}(?::|\Z))[a-z0-9_.-]+"
_NAME: Final = re.compile(rf"{_ONE}(?::{_ONE})*").fullmatch
_SEGMENT: Final = re.compile(_ONE).fullmatch
_FIELD: Final = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}").fullmatch


def is_channel_name(name: object) -> TypeGuard[str]:
    """Whether this is a name that a channel could have."""
    return isinstance(name, str) and len(name) <= NAME_LENGTH and _NAME(name) is not None


@dataclass(frozen=True, slots=True)
class ChannelPattern:
    """Which names a kind of channel has. Two patterns of the same text are equal.

    Raises:
        ValueError: for text that is no pattern, with the remedy.
    """

    text: str
    fields: tuple[str, ...] = field(init=False, compare=False)
    _expression: re.Pattern[str] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        fields = _checked_fields(self.text)
        expression = ":".join(_expression_of(segment) for segment in self.text.split(":"))
        object.__setattr__(self, "fields", fields)
        object.__setattr__(self, "_expression", re.compile(expression))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a pattern.

        Raises:
            ValueError: naming the fault and the remedy.
        """
        return cls(text)

    def match(self, name: str) -> dict[str, str] | None:
        """Return the segments that stand for the fields, as they are; None where the name does not fit."""
        if len(name) > NAME_LENGTH:
            return None
        match = self._expression.fullmatch(name)
        return match.groupdict() if match else None

    def overlaps(self, other: "ChannelPattern") -> bool:
        """Whether some name fits both."""
        ours, theirs = self.text.split(":"), other.text.split(":")
        if len(ours) != len(theirs):
            return False
        shared = [_shared(one, another) for one, another in zip(ours, theirs, strict=True)]
        return all(shared) and len(":".join(shared)) <= NAME_LENGTH


def _expression_of(segment: str) -> str:
    """The regular expression of a segment that has been checked."""
    match = _FIELD(segment)
    return f"(?P<{match[1]}>{_ONE})" if match else re.escape(segment)


def _shared(one: str, other: str) -> str:
    """The shortest segment that fits both segments of patterns, or an empty string."""
    if _FIELD(one):
        return "a" if _FIELD(other) else other
    return one if one == other or _FIELD(other) else ""


def _checked_fields(text: Any) -> tuple[str, ...]:
    """The fields of a pattern, in order; ValueError with the remedy where it is none."""
    if not isinstance(text, str):
        raise ValueError(f"a pattern is a string, not {type(text).__name__}; write it as 'room:{{room}}'")
    segments = text.split(":")
    for segment in segments:
        if not _SEGMENT(segment) and not _FIELD(segment):
            raise ValueError(f"pattern {text!r} {_fault(segment)}")
    fields = tuple(match[1] for segment in segments if (match := _FIELD(segment)))
    if len(set(fields)) < len(fields):
        raise ValueError(f"pattern {text!r} names a field twice; give each segment a field of its own")
    if len(re.sub(r"\{\w+\}", "a", text)) > NAME_LENGTH:
        raise ValueError(f"pattern {text!r} fits no name of at most {NAME_LENGTH} characters; shorten it")
    return fields


def _fault(segment: str) -> str:
    """What is wrong with a segment of a pattern, and the remedy."""
    if not segment:
        return "has an empty segment; drop a colon"
    if "*" in segment:
        return f"has a wildcard in {segment!r}; name what stands there, such as {{room}}"
    if "{" in segment or "}" in segment:
        return f"has {segment!r}, which is no plain field; a segment is one {{field}} by its name alone, or none"
    return f"has {segment!r}, which no name can have; use a-z 0-9 _ . -"
