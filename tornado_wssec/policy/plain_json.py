"""JSON of what nearly all answers are, written by msgspec where it is installed (the extra `fast`).

Rules of this file:
1. What it writes stands for the same as what `encode_json` writes, of a text or of an object of `PLAIN` values by
   texts; nothing else is given to it.
"""

from collections.abc import Callable
from typing import Any, Final

from .shapes import IS_THERE, MSGSPEC

PLAIN: Final = frozenset({str, int, bool, type(None)} if IS_THERE else ())
"""Exactly these. msgspec writes NaN as null, and has forms for moments and sets, for which JSON has none."""


def _refuse(value: Any) -> bytes:
    """Write nothing.

    Raises:
        ValueError: always, as for a lone surrogate.
    """
    raise ValueError("without msgspec")


write_plain: Final[Callable[[Any], bytes]] = MSGSPEC.json.Encoder().encode if IS_THERE else _refuse
"""In UTF-8; ValueError for a lone surrogate."""
