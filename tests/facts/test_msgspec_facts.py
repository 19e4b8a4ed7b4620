"""What msgspec does that typed decoding leans on, or guards against.

An upgrade that changes one says so here.
"""

from typing import Annotated, Any, TypedDict
from uuid import UUID

import msgspec
import pytest


def decoded(text: str, kind: Any) -> object:
    """What a text is decoded to; None where it is refused."""
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


class Point(TypedDict):
    x: int


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        *(("1.0", int), ("1e2", int), ("true", int), ("1", bool), ('"1"', int), ("null", int), ("NaN", float)),
        *(("1e400", float), ("01", int), ("1.", float), ("+1", int), ('"\\ud800"', str), ('"\ud800"', str)),
        *(('"a\nb"', str), ('"\\x"', str), ("{} x", dict), ("\ufeff{}", dict), ('{"x":1}\0', Point)),
        *(
            ("9007199254740992", Annotated[int, msgspec.Meta(le=2**53 - 1)]),
            ("1" * 40, Annotated[int, msgspec.Meta(le=5)]),
        ),
        ("9007199254740993", Annotated[float, msgspec.Meta(le=float(2**53 - 1))]),
        ("[" * 100_000, list),
    ],
)
def test_msgspec_refuses(text: str, kind: Any) -> None:
    """What nothing behind it would find out."""

    assert None is decoded(text, kind)


def test_msgspec_takes_keys_twice_and_keys_that_it_does_not_know() -> None:
    """Which is why quotes are counted."""

    assert {"x": 2} == decoded('{"x":"no, 1","x":2}'.replace('"no, 1"', "1"), Point)
    assert {"x": 1} == decoded('{"x":1,"y":[[[]]]}', Point)


def test_msgspec_rounds_integers_to_floats() -> None:
    """Which is why floats have bounds; and minus nothing is nothing, as for Python."""

    assert 9007199254740992.0 == decoded("9007199254740993", float)
    assert "0.0" == repr(decoded("-0", float))
    assert "-0.0" == repr(decoded("-0.0", float))


def test_msgspec_asks_for_a_tag_among_several_only() -> None:
    """Alone a type is taken without its tag; which is why there always is another."""
    kind, other = [msgspec.defstruct(name, [], tag=name, tag_field="type") for name in ("one", "other")]

    assert None is not decoded("{}", kind)
    assert None is decoded("{}", kind | other)


def test_msgspec_counts_code_points() -> None:
    """A length is that of the text, as for Python."""

    assert None is not decoded('"\u00e9\u20ac\U0001d11e"', Annotated[str, msgspec.Meta(max_length=3)])


def test_msgspec_makes_the_uuid_that_python_makes() -> None:
    """Equal, and with the same hash."""
    text = "0F8FAD5B-d9cb-469f-a165-70867728950e"

    assert {UUID(text)} == {decoded(f'"{text}"', UUID)}
