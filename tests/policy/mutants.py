"""Texts of messages that are nearly right: what a client that errs, or one that means harm, might send.

A message is kept as pairs while it is changed, so that a key can stand in it twice.
"""

import json
from collections.abc import Mapping
from random import Random
from typing import Any, Final


class Pairs(list[list[Any]]):
    """An object: keys and values in their order, a key as often as it comes."""


class Spelt(str):
    """A piece of JSON that is written as it is."""

    __slots__ = ()


SPELT: Final = tuple(
    map(
        Spelt,
        (
            *("-0", "-0.0", "0.0", "1.0", "1e0", "1E+2", "1e400", "-1e400", "1e-400", "NaN", "Infinity", "-Infinity"),
            *("9007199254740991", "9007199254740992", "9007199254740993", "-9007199254740993", "9007199254740993.0"),
            *("18446744073709551616", "1" * 40, "01", "+1", ".5", "1.", "0x1", "1_0", '"\\ud800"', '"\\udc00x"'),
            *('"\\ud83d\\ude00"', '"\\u0000"', '"\\u0061"', '"\\""', '"\\\\u0000"', '"a\\/b"', '"\\x"', '"\t"', "'a'"),
            *("[[[[[[]]]]]]", '{"a":{"a":{}}}', "tru", "null", "[" * 40 + "]" * 40, "[1,]", '{"a":1,}', "/**/1", ""),
        ),
    )
)
VALUES: Final[tuple[Any, ...]] = (
    *(None, True, False, 0, 1, -1, 64, 65, 2**53, -(2**53), 0.5, -0.5, 1e300, "", " ", "a", "A", "abc", "x" * 65),
    *("\u00e9", "e\u0301", "\u202e", "\U0001f600", "\x7f", "\u2028", "a\nb", "1", "1.0", "1.50", "-0", "true", "NaN"),
    *("__proto__", "2026-01-31T12:00:00Z", "2026-01-31t12:00:00z", "2026-01-31 12:00:00Z", "2026-02-30T12:00:00Z"),
    *("2026-01-31T12:00:00.1234567Z", "2026-01-31T12:00:00+0100", "2026-01-31T12:00:00-00:00", "2026-01-31T12:00:00"),
    *("2026-01-31", "12:00:00", "12:00:00+01:00", "20260131", "2026-W05-6", "127.0.0.1", "::1", "fe80::1%eth0"),
    *("0f8fad5b-d9cb-469f-a165-70867728950e", "0F8FAD5BD9CB469FA16570867728950E"),
    *("{0f8fad5b-d9cb-469f-a165-70867728950e}", "urn:uuid:0f8fad5b-d9cb-469f-a165-70867728950e"),
)
KEYS: Final = ("type", "id", "data", "extra", "", "__proto__", "__class__", "a", "\u00e9", "x.y")


def tree_of(value: Any) -> Any:
    """The same value, its objects as pairs."""
    if isinstance(value, Mapping):
        return Pairs([[key, tree_of(one)] for key, one in value.items()])
    return [tree_of(one) for one in value] if isinstance(value, list) else value


def mutated_text(message: Mapping[str, Any], rng: Random) -> str:
    """A message changed in a few places, as text."""
    tree = tree_of(message)
    for _ in range(rng.choice((0, 1, 1, 1, 1, 2, 2, 3))):
        _change(tree, rng)
    text = _written(tree, rng, is_plain=rng.random() < 0.6)
    return _damaged(text, rng) if rng.random() < 0.08 else text


def _places(value: Any, found: list[tuple[list[Any], int]]) -> list[tuple[list[Any], int]]:
    """Every value that stands in something: what it stands in, and where."""
    for place, one in enumerate(value):
        holder, at = (one, 1) if isinstance(value, Pairs) else (value, place)
        found.append((holder, at))
        if isinstance(holder[at], list):
            _places(holder[at], found)
    return found


def _change(tree: Pairs, rng: Random) -> None:
    places = _places(tree, [])
    if not places or rng.random() < 0.25:
        objects = [tree, *[holder[at] for holder, at in places if isinstance(holder[at], Pairs)]]
        _change_object(rng.choice(objects), rng)
        return
    holder, at = rng.choice(places)
    holder[at] = _changed(holder[at], rng, [one[where] for one, where in places])


def _changed(value: Any, rng: Random, others: list[Any]) -> Any:
    roll = rng.random()
    if roll < 0.25:
        return rng.choice(VALUES)
    if roll < 0.4:
        return rng.choice(SPELT)
    if roll < 0.5:
        return tree_of(rng.choice(others))
    if isinstance(value, str):
        return _changed_text(value, rng)
    if isinstance(value, bool) or value is None:
        return rng.choice((True, False, 0, 1, "true"))
    if isinstance(value, int):
        return rng.choice((value + 1, value - 1, -value, float(value), value * 1000, str(value)))
    if isinstance(value, float):
        return rng.choice((-value, int(value), value * 1000, value + 1, 0.0, -0.0))
    return _changed_list(value, rng)


def _changed_text(value: str, rng: Random) -> str:
    at = rng.randrange(len(value) + 1)
    odd = rng.choice(("\0", "\ud800", '"', "\\", "\n", "\u00e9", "\u202e", "a", " ", "-", "0", "\U0001f600", "Z"))
    return rng.choice(
        (value[:at] + odd + value[at:], value[:at], value[at:], value + odd, value * 3, value.upper(), odd + value, "")
    )


def _changed_list(value: list[Any], rng: Random) -> Any:
    if isinstance(value, Pairs):
        return rng.choice((Pairs(), [], Pairs([*value, *value]), list(value)))
    return rng.choice(([], value * 2, value * 12, value[1:], [*value, None], Pairs([["a", 1]]), [value]))


def _change_object(pairs: Pairs, rng: Random) -> None:
    roll = rng.random()
    if roll < 0.25 or not pairs:
        pairs.insert(rng.randrange(len(pairs) + 1), [rng.choice(KEYS), rng.choice((*VALUES, *SPELT))])
    elif roll < 0.5:
        pairs.pop(rng.randrange(len(pairs)))
    elif roll < 0.7:
        key, value = rng.choice(pairs)
        pairs.insert(rng.randrange(len(pairs) + 1), [key, rng.choice((value, *VALUES))])
    elif roll < 0.85:
        rng.choice(pairs)[0] = rng.choice((*KEYS, rng.choice(pairs)[0]))
    else:
        rng.shuffle(pairs)


def _written(value: Any, rng: Random, *, is_plain: bool) -> str:
    if isinstance(value, Spelt):
        return value
    if isinstance(value, Pairs):
        inner = [
            f"{_written(key, rng, is_plain=is_plain)}{_gap(rng, is_plain)}:{_gap(rng, is_plain)}"
            f"{_written(one, rng, is_plain=is_plain)}"
            for key, one in value
        ]
        return "{" + f",{_gap(rng, is_plain)}".join(inner) + "}"
    if isinstance(value, list):
        return "[" + f"{_gap(rng, is_plain)},".join([_written(one, rng, is_plain=is_plain) for one in value]) + "]"
    if isinstance(value, str) and not is_plain and value and rng.random() < 0.2:
        at = rng.randrange(len(value))
        escaped = "".join([f"\\u{ord(one):04x}" if ord(one) < 0x10000 else one for one in value[at]])
        return f"{json.dumps(value[:at])[:-1]}{escaped}{json.dumps(value[at + 1 :])[1:]}"
    return json.dumps(value, ensure_ascii=is_plain)


def _gap(rng: Random, is_plain: bool) -> str:
    return "" if is_plain or rng.random() < 0.7 else rng.choice((" ", "\n", "\t", "\r", "  ", "\u00a0", "\v"))


def _damaged(text: str, rng: Random) -> str:
    at = rng.randrange(len(text))
    odd = rng.choice(('"', "\\", "{", "}", "[", "]", ",", ":", "\0", "\ufeff", "\ud800", "a", "-", "0", " ", "\u00e9"))
    return rng.choice((text[:at] + odd + text[at:], text[:at] + text[at + 1 :], text[:at], text + odd, odd + text))
