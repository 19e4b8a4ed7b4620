"""Lines that check a value as marshmallow's own validators do. Whatever they refuse is left to marshmallow."""

import math
from typing import Any, Final

from marshmallow import validate

from .source import Source
from .validators import runs

GIVE_UP: Final = "return None"
_CONTAINERS: Final = (list, tuple, set, frozenset)


def add_checks(source: Source, checks: tuple[Any, ...], name: str, *, is_text: bool = False) -> None:
    """Write what ends the function where a value is refused.

    Args:
        name: of the value.
        is_text: whether it is known to be a string.
    """
    for check in checks:
        if runs(check, validate.Length):
            _add_length(source, check, f"len({name})")
        elif runs(check, validate.Range):
            signs = ("<=" if check.min_inclusive else "<"), ("<=" if check.max_inclusive else "<")
            _add_span(source, name, (check.min, check.max), signs)
        elif runs(check, validate.OneOf):
            choices = frozenset(check.choices) if is_text and texts_of(check) else check.choices
            source.add(f"if {name} not in {source.bind('choices', choices)}: {GIVE_UP}")
        elif runs(check, validate.Equal):
            source.add(f"if {name} != {source.literal(check.comparable)}: {GIVE_UP}")
        elif runs(check, validate.Regexp):
            source.add(f"if {source.bind('match', check.regex.match)}({name}) is None: {GIVE_UP}")
        else:
            source.add(f"{source.bind('check', check)}({name})")


def texts_of(check: Any) -> list[str]:
    """The choices of a `OneOf`, where each is a string that stands for itself; else none."""
    if not isinstance(check.choices, _CONTAINERS) or not all([type(one) is str for one in check.choices]):
        return []
    return list(check.choices)


def bounds_of(check: Any) -> tuple[float | None, float | None] | None:
    """The inclusive bounds of a `Range` over exact, finite numbers; None where it has others."""
    if not check.min_inclusive or not check.max_inclusive or not all([_is_plain(check.min), _is_plain(check.max)]):
        return None
    return check.min, check.max


def _is_plain(bound: object) -> bool:
    return bound is None or type(bound) is int or (type(bound) is float and math.isfinite(bound))


def is_closed(check: Any) -> bool:
    """Whether a check is a `Range` that nothing infinite is in, and NaN neither."""
    bounds = bounds_of(check) if runs(check, validate.Range) else None
    return bounds is not None and None not in bounds


def _add_length(source: Source, check: Any, subject: str) -> None:
    if check.equal is not None:
        source.add(f"if {subject} != {source.literal(check.equal)}: {GIVE_UP}")
    else:
        _add_span(source, subject, (check.min, check.max), ("<=", "<="))


def _add_span(source: Source, subject: str, bounds: tuple[Any, Any], signs: tuple[str, str]) -> None:
    """Give up where the subject is not between the bounds, None of which is no bound."""
    (least, most), (low, high) = bounds, signs
    left = "" if least is None else f"{source.literal(least)} {low} "
    right = "" if most is None else f" {high} {source.literal(most)}"
    if left or right:
        source.add(f"if not {left}{subject}{right}: {GIVE_UP}")
