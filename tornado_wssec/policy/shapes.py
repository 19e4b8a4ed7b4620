"""A plan as types that msgspec decodes into, where they take nothing that the plan does not.

Rules of this file:
1. A shape may take less than its plan, and never more: what is left to check is checked behind it, see `residue.py`.
2. No integer beyond the budget passes, not even as a float, which msgspec would round.
"""

import math
import sys
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Literal, NotRequired, TypedDict
from uuid import UUID

from marshmallow import validate

from .checks import bounds_of, texts_of
from .fields import LARGEST
from .plans import Kind, Member, Value, members_of
from .validators import runs

MSGSPEC: Any
"""The library; None where it is not installed, and nothing is decoded by types."""
try:
    import msgspec as MSGSPEC
except ImportError:
    MSGSPEC = None

IS_THERE: Final = MSGSPEC is not None
"""Whether msgspec is installed."""


class NoShape(Exception):
    """What a plan holds that no type of msgspec's says."""


def shape_of(value: Value, largest: int) -> Any:
    """The type of one value.

    Args:
        largest: integer that JSON may hold here.

    Raises:
        NoShape: there is none.
    """
    way = _WAYS.get(value.kind)
    if way is None:
        raise NoShape(value.kind)
    shape = way(value, min(largest, LARGEST))
    return shape | None if value.is_nullable else shape


def members_shape(members: tuple[Member, ...], largest: int) -> Any:
    """The type of an object."""
    found = {}
    for member in members:
        shape = shape_of(member.value, largest)
        found[member.wire] = shape if member.is_required else NotRequired[shape]
    return TypedDict("Data", found)  # type: ignore[operator]  # made at run time


def left_of(value: Value) -> tuple[Any, ...]:
    """The checks that the type of a value does not make."""
    return tuple([check for check in value.checks if not _is_made(value, check)])


def _is_made(value: Value, check: Any) -> bool:
    if value.kind == "text" and (listing := _listing(value)) is not None:
        return check is listing
    if runs(check, validate.Length):
        return value.kind in ("text", "list")
    return value.kind in ("integer", "real") and runs(check, validate.Range) and _fits(check)


def _fits(check: Any) -> bool:
    bounds = bounds_of(check)
    return bounds is not None and all([bound is None or abs(bound) <= LARGEST for bound in bounds])


def _text(value: Value, largest: int) -> Any:
    listing = _listing(value)
    return Annotated[str, _lengths(value)] if listing is None else Literal[tuple(texts_of(listing))]


def _listing(value: Value) -> Any:
    """The check that lists all that a text may be; None where none does."""
    return next((check for check in value.checks if runs(check, validate.OneOf) and texts_of(check)), None)


def _lengths(value: Value) -> Any:
    least, most = [0], [sys.maxsize]
    for check in value.checks:
        if runs(check, validate.Length):
            least += [bound for bound in (check.min, check.equal) if bound is not None]
            most += [bound for bound in (check.max, check.equal) if bound is not None]
    return MSGSPEC.Meta(min_length=min(max(least), sys.maxsize), max_length=min(most))


def _integer(value: Value, largest: int) -> Any:
    least, most = _bounds(value, largest)
    return Annotated[int, MSGSPEC.Meta(ge=math.ceil(least), le=math.floor(most))]


def _real(value: Value, largest: int) -> Any:
    least, most = _bounds(value, largest)
    return Annotated[float, MSGSPEC.Meta(ge=float(least), le=float(most))]


def _bounds(value: Value, largest: int) -> tuple[Any, Any]:
    least, most = [-largest], [largest]
    for check in value.checks:
        if runs(check, validate.Range) and _fits(check):
            least += [check.min] if check.min is not None else []
            most += [check.max] if check.max is not None else []
    return max(least), min(most)


def _list(value: Value, largest: int) -> Any:
    return Annotated[list[shape_of(value.parts[0], largest)], _lengths(value)]  # type: ignore[misc]  # made at run time


def _tuple(value: Value, largest: int) -> Any:
    return tuple[tuple([shape_of(part, largest) for part in value.parts])]  # type: ignore[misc]  # likewise


def _dict(value: Value, largest: int) -> Any:
    return Annotated[dict[str, shape_of(value.parts[1], largest)], _lengths(value)]  # type: ignore[misc]  # likewise


def _member(value: Value, largest: int) -> Any:
    field: Any = value.field
    return Literal[tuple(members_of(field))]


_WAYS: Final[Mapping[Kind, Callable[[Value, int], Any]]] = {
    "text": _text,
    "integer": _integer,
    "real": _real,
    "truth": lambda value, largest: bool,
    "uuid": lambda value, largest: UUID,
    "moment": lambda value, largest: str,
    "written": lambda value, largest: str,
    "number": lambda value, largest: Annotated[float, MSGSPEC.Meta(ge=-float(largest), le=float(largest))],
    "member": _member,
    "list": _list,
    "tuple": _tuple,
    "dict": _dict,
    "object": lambda value, largest: members_shape(value.members, largest),
}
