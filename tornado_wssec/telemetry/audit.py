"""The evidence: one JSON object a line, in the logger `tornado_wssec.audit`."""

import json
import logging
from json.encoder import encode_basestring_ascii
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
        logger = self._logger
        if not logger.isEnabledFor(logging.INFO):
            return
        line = f'{{"at": {now:.3f}, "event": {_fit(event)}'
        for name, value in facts.items():
            if value is not None:
                line += f', "{name}": {_fit(value)}'
        # Not `info()`: a third of its cost is to look for the caller, which is always this line.
        known = logger.makeRecord(LOGGER, logging.INFO, __file__, 0, "%s", (line + "}",), None, "record")
        logger.handle(known)


def _fit(value: object) -> str:
    """A value as JSON: numbers as they are, all else as a string that is fit for a log."""
    if type(value) is int:
        return str(value)
    if type(value) is not str and isinstance(value, (bool, int, float)):
        return json.dumps(value)
    return encode_basestring_ascii(printable(value))
