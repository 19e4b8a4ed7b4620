"""Finds the pattern of a channel's name segment by segment, however many patterns there are.

Rules of this file:
1. Nothing is decided here: what is found is asked whether the name fits, and every pattern that could fit is found.
"""

from collections.abc import Iterable, Iterator
from typing import Final, Generic, TypeVar

from .channels import NAME_LENGTH, ChannelPattern

T = TypeVar("T")

FIELD: Final = ""
"""Stands for a field of a pattern: no segment is empty."""


class _Branch(Generic[T]):
    """What follows the segments so far: by the next one, and what ends here."""

    __slots__ = ("ends", "next")

    def __init__(self) -> None:
        self.next: dict[str, _Branch[T]] = {}
        self.ends: list[T] = []


class ChannelIndex(Generic[T]):
    """Things by their patterns.

    Args:
        entries: each thing with its pattern.
    """

    def __init__(self, entries: Iterable[tuple[ChannelPattern, T]]) -> None:
        self._root: _Branch[T] = _Branch()
        for pattern, thing in entries:
            branch = self._root
            for segment in pattern.text.split(":"):
                known = FIELD if "{" in segment else segment
                branch = branch.next.setdefault(known, _Branch())
            branch.ends.append(thing)

    def candidates(self, name: str) -> Iterator[T]:
        """What may fit a name: as many segments, and the same literals. The literal comes before the field."""
        if len(name) <= NAME_LENGTH:
            yield from _within(self._root, name.split(":"), 0)


def _within(branch: _Branch[T], segments: list[str], depth: int) -> Iterator[T]:
    if depth == len(segments):
        yield from branch.ends
        return
    for known in dict.fromkeys((segments[depth], FIELD)):
        if (following := branch.next.get(known)) is not None:
            yield from _within(following, segments, depth + 1)
