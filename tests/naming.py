"""Names of parametrised cases that are the same in every process, as running them in several needs it."""

import re


def stable(value: object) -> str:
    """A value in words: sets in order, and nothing of where in memory an object lies."""
    if isinstance(value, (set, frozenset)):
        return "{" + ", ".join(sorted(map(repr, value))) + "}"
    text = str(value).encode("ascii", "backslashreplace").decode()
    return re.sub(r" at 0x[0-9a-f]+", "", text)
