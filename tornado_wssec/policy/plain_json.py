"""JSON of what nearly all answers are, written by msgspec where it is installed (the extra `fast`).

Rules of this file:
1. What it writes stands for the same as what `encode_json` writes, and it refuses nothing: whatever it does not
   write is for `encode_json` to write or to refuse.
"""

from collections.abc import Callable
from typing import Any, Final

from .shapes import IS_THERE, MSGSPEC

_write: Callable[[Any], bytes] | None = MSGSPEC.json.Encoder().encode if IS_THERE else None
_PLAIN: Final = frozenset({str, int, bool, type(None)})
"""Exactly these. msgspec writes NaN as null, and has forms for moments and sets, for which JSON has none."""


def encode_plain(head: str, value: dict[str, Any]) -> tuple[bytes, bytes] | None:
    """Write a text, and an object of plain texts, integers and truths.

    Returns:
        Both in UTF-8; None where `encode_json` has to see to it.
    """
    if _write is None:
        return None
    for key, one in value.items():
        if type(one) not in _PLAIN or type(key) is not str:
            return None
    try:
        return _write(head), _write(value)
    except ValueError:  # a lone surrogate
        return None
