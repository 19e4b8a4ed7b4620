"""The most frequent of names that strangers choose, in bounded memory."""

from typing import Final

from ..telemetry.redact import printable

KEPT: Final = 256
"""Names that are counted; the newest takes the place of the rarest."""


class MostOften:
    """Counts names, of which there may be any number.

    A name that came late is counted with those of the one whose place it took: its number is at most too high by the
    rarest one that is kept. Source: Metwally, Agrawal, El Abbadi, "Efficient Computation of Frequent and Top-k
    Elements in Data Streams" (2005).

    Args:
        kept: how many names.
    """

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._counts: dict[str, int] = {}

    def add(self, name: str) -> None:
        """Count one; it is made printable and cut."""
        name = printable(name)
        if name not in self._counts and len(self._counts) >= self._kept:
            rarest = min(self._counts, key=self._counts.__getitem__)
            self._counts[name] = self._counts.pop(rarest)
        self._counts[name] = self._counts.get(name, 0) + 1

    def count(self, name: str) -> int:
        """How often a name came, at most; 0 where it is not among those that are kept."""
        return self._counts.get(name, 0)

    def top(self, most: int) -> list[tuple[str, int]]:
        """The most frequent ones, and how often they came."""
        return sorted(self._counts.items(), key=lambda item: (-item[1], item[0]))[:most]
