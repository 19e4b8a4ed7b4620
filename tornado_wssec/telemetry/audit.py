"""The evidence: one JSON object a line, in the logger `tornado_wssec.audit`."""

import json
import logging
from typing import Final

from .redact import printable

LOGGER: Final = "tornado_wssec.audit"


class Audit:
    """Records what happened. It never blocks and never raises into the path that it observes."""

    def __init__(self) -> None:
        self._logger = logging.getLogger(LOGGER)

    def record(self, event: str, now: float, **facts: object) -> None:
        """Write one event.

        Args:
            event: its name, e.g. `handshake.refused`.
            now: wall seconds.
            facts: strings are made printable and cut; None is left out.
        """
        if not self._logger.isEnabledFor(logging.INFO):
            return
        known = {name: _fit(value) for name, value in facts.items() if value is not None}
        self._logger.info("%s", json.dumps({"at": round(now, 3), "event": event, **known}))


def _fit(value: object) -> object:
    return value if isinstance(value, (bool, int, float)) else printable(value)
