"""What a peer is told about invalid data: which fields, and why, in words that were known at the start.

Rules of this file:
1. A text is told only if it can be made without the value: what contains `{input}`, and what a
   validator of the application composes while it runs, becomes "Invalid value.".
2. A name is told only if it is declared, or plain; all others share one marker.
3. The audit is told declared names alone: any other is the peer's word, and could be a secret.
4. Count, depth and size are bounded, and equal faults give equal answers.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final

from marshmallow import fields

from .anatomy import Level, key_of
from .validators import flattened, is_known

INVALID: Final = "Invalid value."
UNPRINTABLE: Final = "Contains a character that is not allowed."
OTHER: Final = "(other)"
"""Stands for every name that is neither declared nor plain."""

SCHEMA: Final = "_schema"
"""Stands for the data as a whole."""

FAULTS_MOST: Final = 16
"""Names in one answer, those that hold others included."""

DEPTH_MOST: Final = 5
TEXTS_MOST: Final = 3
TEXT_LENGTH: Final = 120

_PLAIN: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}").fullmatch


@dataclass(frozen=True, slots=True)
class Reasons:
    """The closed vocabulary of one schema.

    Args:
        texts: what marshmallow may say → what the peer is told.
        names: the declared keys, of every level.
    """

    texts: Mapping[str, str]
    names: frozenset[str]

    @classmethod
    def of(cls, levels: Iterable[Level]) -> "Reasons":
        """Collect every text that can be made without a value."""
        texts: set[str] = {INVALID, UNPRINTABLE}
        names: set[str] = set()
        for level in levels:
            texts.update(_strings(level.schema.error_messages.values()))
            names.update(key_of(name, field) for name, field in level.schema.fields.items())
            for part in level.parts():
                texts.update(_texts_of_field(part.field))
        return cls({text: _cut(text) for text in texts}, frozenset(names))

    def told(self, messages: Any) -> dict[str, object]:
        """What the peer is told of marshmallow's error messages."""
        told = self._told(messages, DEPTH_MOST, iter(range(FAULTS_MOST)))
        return told if isinstance(told, dict) else {SCHEMA: told}

    def recorded(self, told: Mapping[str, object]) -> str:
        """Which fields were at fault, for the audit: any name that is not declared is the word of the peer."""
        return ", ".join(sorted({name if name in self.names or name == SCHEMA else OTHER for name in told}))

    def _told(self, messages: Any, depth: int, room: Iterator[int]) -> dict[str, object] | list[str]:
        if not isinstance(messages, dict) or not depth:
            return self._told_texts(messages)
        told: dict[str, object] = {}
        for name, key in sorted([(self._name(key), key) for key in messages], key=itemgetter(0)):
            if name in told:
                continue
            if next(room, None) is None:
                break
            told[name] = self._told(messages[key], depth - 1, room)
        return told

    def _told_texts(self, messages: Any) -> list[str]:
        texts = messages if isinstance(messages, list) else [messages]
        told = [self.texts.get(text, INVALID) if isinstance(text, str) else INVALID for text in texts[:TEXTS_MOST]]
        return list(dict.fromkeys(told))

    def _name(self, key: object) -> str:
        name = str(key) if isinstance(key, int) else key
        return name if isinstance(name, str) and (_PLAIN(name) or name in self.names) else OTHER


def _cut(text: str) -> str:
    return text if len(text) <= TEXT_LENGTH else f"{text[: TEXT_LENGTH - 1]}…"


def _strings(values: Iterable[object]) -> list[str]:
    return [value for value in values if isinstance(value, str)]


def _texts_of_field(field: fields.Field[Any]) -> Iterator[str]:
    """Yield what a field and its validators say that does not depend on the value."""
    known = {
        "obj_type": getattr(field, "OBJ_TYPE", ""),
        "awareness": getattr(field, "AWARENESS", ""),
        "choices": getattr(field, "choices_text", ""),
    }
    yield from _filled(_strings(field.error_messages.values()), known)
    length = [field.validate_length] if isinstance(field, fields.Tuple) else []
    for validator in flattened([*field.validators, *length]):
        if is_known(validator):
            yield from _texts_of_validator(validator)


def _texts_of_validator(validator: Any) -> Iterator[str]:
    """Yield what one of marshmallow's validators says: the text it was given, or any of its own."""
    own = [getattr(validator, name, None) for name in ("message_min", "message_max", "message_all", "message_equal")]
    known = {name: getattr(validator, name, None) for name in ("min", "max", "equal", "method")}
    known["other"] = getattr(validator, "comparable", None)
    known |= {name: getattr(validator, f"{name}_text", None) for name in ("choices", "labels", "values")}
    known["regex"] = getattr(getattr(validator, "regex", None), "pattern", None)
    yield from _filled(_strings([validator.error] if validator.error else own), known)


def _filled(templates: Iterable[str], known: Mapping[str, object]) -> Iterator[str]:
    """Yield the texts that need nothing beyond what is known at the start."""
    for template in templates:
        try:
            yield template.format(**known)
        except (AttributeError, LookupError, TypeError, ValueError):
            continue
