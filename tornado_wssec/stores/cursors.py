"""Cursors into a log: a place, and the life of the store in which it is one.

To the reader they are opaque. A cursor from another life, another store or nobody is the start:
to see an entry twice is harmless, to miss one is not.
"""


def make_cursor(life: str, place: int) -> str:
    """The cursor behind the entry at `place`, which counts from 1."""
    return f"{life}-{place}"


def place_of(cursor: str | None, life: str, last: int) -> int:
    """Where to read on in this life, whose last place is `last`; 0 for the start."""
    own, _, digits = (cursor or "").rpartition("-")
    is_number = digits.isascii() and digits.isdecimal() and len(digits) <= len(str(last))
    place = int(digits) if own == life and is_number else 0
    return place if place <= last else 0
