"""The evidence: one JSON object a line, in the logger `tornado_wssec.audit` and, where there is one, in a file.

What can be in a line, by the name of its event, stands in `audit_events`.
"""

import json
import logging
from collections.abc import Mapping
from json.encoder import encode_basestring_ascii
from typing import Final, Protocol

from .pseudonyms import Pseudonyms
from .redact import printable

LOGGER: Final = "tornado_wssec.audit"

VERSION: Final = 1
"""Of the lines: it rises when a reader of older ones could misread them."""


class Sink(Protocol):
    """Where lines go beside the logger."""

    def put(self, record: str) -> None:
        """Take a record as `record_of` makes it; must neither wait nor raise."""


class Audit:
    """Records what happened. It never blocks and never raises into the path that it observes.

    Attributes:
        sink: what keeps the lines; None: the logger alone.
        watcher: what shows the newest lines to operators; None: nobody looks.
        pseudonyms: in the place of people's names; None: they are told.
    """

    def __init__(self) -> None:
        self._logger = logging.getLogger(LOGGER)
        self.sink: Sink | None = None
        self.watcher: Sink | None = None
        self.pseudonyms: Pseudonyms | None = None

    def named(self, subject: str, issuer: str | None) -> str:
        """Somebody, as lines name him."""
        return subject if self.pseudonyms is None else self.pseudonyms.of(subject, issuer)

    def told(self, text: str, about: tuple[str, str | None] | None) -> str:
        """A sentence as lines may tell it.

        Args:
            about: (subject, issuer) of whom it names.
        """
        return text if about is None or self.pseudonyms is None else self.pseudonyms.in_text(text, *about)

    def record(self, event: str, now: float, **facts: object) -> None:
        """Write one event.

        Args:
            event: its name, e.g. `handshake.refused`.
            now: wall seconds.
            facts: strings are made printable and cut; None is left out.
        """
        logger, sink, watcher = self._logger, self.sink, self.watcher
        is_logged = logger.isEnabledFor(logging.INFO)
        if not is_logged and sink is None and watcher is None:
            return
        record = record_of(event, now, facts if self.pseudonyms is None else self.pseudonyms.applied(facts))
        if sink is not None:
            sink.put(record)
        if watcher is not None:
            watcher.put(record)
        if is_logged:
            # Not `info()`: a third of its cost is to look for the caller, which is always this line.
            known = logger.makeRecord(LOGGER, logging.INFO, __file__, 0, "%s", (record + "}",), None, "record")
            logger.handle(known)


def record_of(event: str, now: float, facts: Mapping[str, object]) -> str:
    """An event as one line of JSON in ASCII, without its closing brace: a chain has something to add."""
    line = f'{{"v": {VERSION}, "at": {now:.3f}, "event": {_fit(event)}'
    for name, value in facts.items():
        if value is not None:
            line += f', "{name}": {_fit(value)}'
    return line


def _fit(value: object) -> str:
    """A value as JSON: numbers as they are, all else as a string that is fit for a log."""
    if type(value) is int:
        return str(value)
    if type(value) is not str and isinstance(value, (bool, int, float)):
        return json.dumps(value)
    return encode_basestring_ascii(printable(value))
