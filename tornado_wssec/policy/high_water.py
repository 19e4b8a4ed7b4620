"""How far the wall clock has come: a clock that is set back would bring expired tokens to life.

Rules of this file:
1. The mark only rises. A clock that reads earlier than the mark, by more than a step, judges no credential.
2. A clock that jumps ahead raises nothing until it has stayed there: a glitch of a year must neither lock
   everybody out for a year afterwards nor make us forget what is revoked.
3. What has settled is what may be kept, and what may be forgotten by.
"""

from typing import Final

SETTLING_SECONDS: Final = 300.0
"""How long a clock must go on from where it jumped; time services correct a wrong one sooner."""


class HighWater:
    """The latest time that this process has gone by.

    Args:
        step: seconds by which a clock may be corrected without a word.
    """

    __slots__ = ("_ahead_offset", "_ahead_since", "_offset", "_settles_at", "_step", "mark", "settled")

    def __init__(self, step: float) -> None:
        self._step = step
        self._offset: float | None = None
        self._ahead_since: float | None = None
        self._ahead_offset = 0.0
        self._settles_at = 0.0
        self.mark = 0.0
        """Wall seconds; 0 before the first look."""
        self.settled = 0.0
        """As much of the mark as no glitch can have made; what was kept counts."""

    def recall(self, kept: float) -> None:
        """Take over a mark that an earlier process has kept."""
        self.settled = max(self.settled, kept)
        self.mark = max(self.mark, kept)

    def look(self, wall: float, monotonic: float) -> None:
        """Take note of what both clocks read. Costs nothing worth mentioning; call it often."""
        offset = wall - monotonic
        if self._offset is None:
            # What it read before, nobody knows: it counts at once, and is kept once it has settled.
            self._offset = offset
            self._settles_at = monotonic + SETTLING_SECONDS
        elif offset - self._offset > self._step:
            if not self._has_stayed_ahead(offset, monotonic):
                return
            self._settles_at = monotonic
        elif offset - self._offset < -self._step:
            self._settles_at = monotonic + SETTLING_SECONDS
        self._ahead_since = None
        self._offset = offset
        self.mark = max(self.mark, wall)
        if monotonic >= self._settles_at:
            self.settled = max(self.settled, wall)

    def behind(self, wall: float) -> float:
        """Seconds by which the clock is behind its mark, if that is more than a step; else 0."""
        lag = self.mark - wall
        return lag if lag > self._step else 0.0

    def accept(self, wall: float) -> None:
        """Begin anew from here: somebody who knows says that the clock is right."""
        self.mark = self.settled = wall
        self._offset = self._ahead_since = None

    def _has_stayed_ahead(self, offset: float, monotonic: float) -> bool:
        # Kept as where the clock was seen to jump to: if it jumps on, it begins anew.
        if self._ahead_since is None or abs(offset - self._ahead_offset) > self._step:
            self._ahead_since, self._ahead_offset = monotonic, offset
        return monotonic - self._ahead_since >= SETTLING_SECONDS
