"""Names of types in other languages, made from those on the wire.

Rules of this file:
1. Two types never share a name, and a name does not depend on what is declared behind it.
"""

import re
from typing import Final

from .frames import OBJECT, Contract, Frame

_WORDS: Final = re.compile(r"[A-Za-z0-9]+").findall


def pascal_case(text: str) -> str:
    """`chat.send` as `ChatSend`; a name that would begin with a digit begins with `T`."""
    name = "".join(word[:1].upper() + word[1:] for word in _WORDS(text))
    return name if name[:1].isalpha() else f"T{name}"


class Names:
    """The names of a contract's frames, and of what is nested in them.

    Args:
        contract: what is to be named.
        taken: names that mean something else already.
    """

    def __init__(self, contract: Contract, taken: frozenset[str] = frozenset()) -> None:
        self._taken = set(taken)
        self._frames = {(one.type, one.view): self._free(self._wanted(one, contract)) for one in contract.frames}
        self._objects = {name: self._free(pascal_case(name.removeprefix(OBJECT))) for name in contract.objects}

    def of(self, frame: Frame) -> str:
        """The name of a frame; that of its data is the same with `Data` behind it."""
        return self._frames[frame.type, frame.view]

    def of_object(self, name: str) -> str:
        """The name of something nested, by its name in `$defs`."""
        return self._objects[name]

    def _wanted(self, frame: Frame, contract: Contract) -> str:
        if frame.type == "error":
            return "ErrorFrame"  # every language has an `Error` of its own
        both = [one for one in contract.frames if one.type == frame.type]
        return pascal_case(frame.type) + ("Event" if len(both) > 1 and frame.view == "out" else "")

    def _free(self, wanted: str) -> str:
        name, count = wanted, 2
        while not self._taken.isdisjoint({name, f"{name}Data"}):
            name, count = f"{wanted}{count}", count + 1
        self._taken |= {name, f"{name}Data"}
        return name
