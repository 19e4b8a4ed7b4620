"""What JSON Schema cannot say of a declaration, and on which side it then errs."""

from dataclasses import dataclass
from typing import Final, Literal

Side = Literal["stricter", "laxer", "either"]

EVERYWHERE: Final = (
    "a text holds neither NUL nor half of a surrogate pair",
    "an integer is written without a fraction and without an exponent: 1.0 is none",
    "an integer lies within ±(2^53 - 1)",
    "a name stands once in an object, and JSON is no deeper, and has no more values, than the limits of the server say",
)
"""Rules of the server that hold for every message, and that no schema of it repeats."""


@dataclass(frozen=True, slots=True, order=True)
class Gap:
    """A rule of one field that its schema does not say.

    Args:
        path: of the field in `data`: `text`, `points[].x`; empty: of the message as a whole.
        rule: in words.
        side: `"stricter"`: the server refuses some of what the schema allows; `"laxer"`: it takes some of what
            the schema refuses; `"either"`: both may be.
    """

    path: str
    rule: str
    side: Side
