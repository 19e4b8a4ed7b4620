"""Equal rights are one object: most people may do what many others may.

Rules of this file:
1. Which object somebody gets says nothing: equal grants allow the same.
2. However many sets there are, so many are known again and no more.
"""

from collections.abc import Iterable
from typing import Final

from .permissions import Grants

GRANTS_KNOWN: Final = 1_024
"""Different sets of grants, the first to come the first to go. One takes about 1 KiB."""


class GrantPool:
    """The sets of grants that were made lately."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[frozenset[str], Grants] = {}

    def of(self, named: Iterable[str]) -> Grants:
        """The grants of these names, in whatever order.

        Raises:
            ValueError: one is no grant, or it is one string where a list belongs.
        """
        if isinstance(named, str):
            return Grants(named)  # says what is wrong
        every = frozenset(named)
        if (known := self._known.get(every)) is not None:
            return known
        grants = Grants(every)
        if len(self._known) >= GRANTS_KNOWN:
            del self._known[next(iter(self._known))]
        self._known[every] = grants
        return grants
