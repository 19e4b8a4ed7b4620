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
            _add(source, _length_faults(check), f"len({name})")
        elif runs(check, validate.Range):
            _add_range(source, check, name)
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


def _length_faults(check: Any) -> list[tuple[str, int]]:
    if check.equal is not None:
        return [("!=", check.equal)]
    return [(sign, bound) for sign, bound in (("<", check.min), (">", check.max)) if bound is not None]


def _add_range(source: Source, check: Any, name: str) -> None:
    least, most = ("<" if check.min_inclusive else "<="), (">" if check.max_inclusive else ">=")
    _add(source, [(sign, bound) for sign, bound in ((least, check.min), (most, check.max)) if bound is not None], name)


def _add(source: Source, faults: list[tuple[str, Any]], subject: str) -> None:
    """Give up where the subject stands so to one of the bounds."""
    for sign, bound in faults:
        source.add(f"if {subject} {sign} {source.literal(bound)}: {GIVE_UP}")
