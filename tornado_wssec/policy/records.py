"""Small JSON records that are given to a store, and read back as if a stranger had put them there.

Rules of this file:
1. What comes back is checked field by field; every fault is a ValueError, no other exception leaves.
2. No value of a record is echoed: the fault names the field.
"""

import json
import math
from collections.abc import Mapping
from typing import Any, Final, Self

TEXT_BYTES: Final = 1024
"""The longest text in a record that no other rule bounds; a name or a reason needs no more."""


def dump_record(fields: Mapping[str, Any]) -> str:
    """The record as compact ASCII JSON; fields that are None are left out.

    Raises:
        ValueError: a value is no JSON.
    """
    given = {name: value for name, value in fields.items() if value is not None}
    try:
        return json.dumps(given, separators=(",", ":"), allow_nan=False)
    except (TypeError, RecursionError) as error:
        raise ValueError(f"the record cannot be written as JSON: {error}") from None


def ensure_text(name: str, value: object, most_bytes: int = TEXT_BYTES) -> str:
    """The value when it is text of at most `most_bytes` in UTF-8.

    Raises:
        ValueError: naming the field, the fault and the remedy.
    """
    if not isinstance(value, str):
        raise ValueError(f"{name} is no text; give a string")
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        raise ValueError(f"{name} holds half a surrogate pair; give text that UTF-8 can hold") from None
    if size > most_bytes:
        raise ValueError(f"{name} is {size} bytes long; shorten it to {most_bytes}")
    return value


def ensure_seconds(name: str, value: object) -> float:
    """The value as finite seconds.

    Raises:
        ValueError: naming the field, the fault and the remedy.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{name} is no number; give seconds")
    try:
        seconds = float(value)
    except OverflowError:
        seconds = math.inf
    if not math.isfinite(seconds):
        raise ValueError(f"{name} is not finite; give seconds since 1970")
    return seconds


class Record:
    """The fields of one record, handed out by the type that is expected."""

    __slots__ = ("_fields", "_most_bytes")

    def __init__(self, fields: Mapping[str, Any], most_bytes: int) -> None:
        self._fields = fields
        self._most_bytes = most_bytes

    @classmethod
    def parse(cls, text: object, most_bytes: int) -> Self:
        """Read one JSON object.

        Raises:
            ValueError: it is none, or longer than `most_bytes`.
        """
        try:
            fields = json.loads(ensure_text("the record", text, most_bytes))
        except json.JSONDecodeError:  # its message quotes nothing, but it carries the whole document
            raise ValueError("the record is no JSON") from None
        except RecursionError:
            raise ValueError("the record is nested too deeply") from None
        if not isinstance(fields, dict):
            raise ValueError("the record is no JSON object")
        return cls(fields, most_bytes)

    def ensure_known(self, names: frozenset[str]) -> None:
        """Refuse fields beside these; ValueError. They may bind what we would not check."""
        if not names.issuperset(self._fields):
            raise ValueError("the record has fields that are not ours")

    def text(self, name: str) -> str:
        """A text that must be there, as long as the record at most; ValueError."""
        return ensure_text(name, self._fields.get(name), self._most_bytes)

    def optional_text(self, name: str) -> str | None:
        """A text, or None where the field is absent; ValueError."""
        return self.text(name) if name in self._fields else None

    def seconds(self, name: str) -> float:
        """Finite seconds that must be there; ValueError."""
        return ensure_seconds(name, self._fields.get(name))

    def optional_seconds(self, name: str) -> float | None:
        """Finite seconds, or None where the field is absent; ValueError."""
        return self.seconds(name) if name in self._fields else None

    def flag(self, name: str) -> bool:
        """A truth value, False where the field is absent; ValueError."""
        value = self._fields.get(name, False)
        if not isinstance(value, bool):
            raise ValueError(f"{name} is neither true nor false")
        return value

    def texts(self, name: str) -> list[str]:
        """A list of texts, empty where the field is absent; ValueError."""
        items = self._fields.get(name, [])
        if not isinstance(items, list):
            raise ValueError(f"{name} is no list")
        return [ensure_text(name, item, self._most_bytes) for item in items]

    def mapping(self, name: str) -> dict[str, Any]:
        """An object, empty where the field is absent; ValueError."""
        value = self._fields.get(name, {})
        if not isinstance(value, dict):
            raise ValueError(f"{name} is no object")
        return value
