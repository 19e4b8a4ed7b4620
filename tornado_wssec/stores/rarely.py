"""What the log is told once, however often it happens: who causes it must not fill the disk."""

import logging
import math
import time
from collections.abc import Callable
from typing import Final

AGAIN_SECONDS: Final = 600.0
TEXTS_MOST: Final = 100
"""Texts that are told apart; of further ones nothing is said until one of these may be said again."""


class Rarely:
    """Tells each text once in ten minutes, and then how often that was not.

    Args:
        logger: of whoever has something to say.
        monotonic: seconds.
    """

    def __init__(self, logger: logging.Logger, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._logger = logger
        self._monotonic = monotonic
        self._told: dict[str, tuple[float, int]] = {}

    def error(self, text: str) -> None:
        """Tell it, unless that was done of late."""
        now = self._monotonic()
        at, untold = self._told.get(text, (-math.inf, 0))
        if now - at < AGAIN_SECONDS:
            self._told[text] = at, untold + 1
            return
        self._told = {one: known for one, known in self._told.items() if now - known[0] < AGAIN_SECONDS}
        if len(self._told) < TEXTS_MOST:
            self._told[text] = now, 0
            self._logger.error("%s%s", text, f" ({untold} more times in between)" if untold else "")
