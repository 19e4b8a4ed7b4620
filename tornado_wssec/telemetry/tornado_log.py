"""Tornado's own lines, without what strangers can put into them, and not as many as strangers would like.

Rules of this file:
1. Tornado quotes header lines, and URIs with their queries: either may hold a credential.
2. One event is one line, cut, and told by number once there are too many.
"""

import logging
import re
from typing import Final

from .redact import MASK, printable
from .sampling import Sampler

LOGGERS: Final = ("tornado.general", "tornado.application")
LINE_CHARS: Final = 1_024
KIND_CHARS: Final = 32
_QUERY: Final = re.compile(r"\?[^\s'\",)]+")


class TornadoLog(logging.Filter):
    """Masks and samples the lines of Tornado's loggers while it is installed.

    The loggers are the process's: lines of other servers in it are masked, too.

    Args:
        sampler: which lines pass.
    """

    def __init__(self, sampler: Sampler) -> None:
        super().__init__()
        self._sampler = sampler

    def install(self) -> None:
        """Begin; once more changes nothing."""
        for name in LOGGERS:
            logging.getLogger(name).addFilter(self)

    def remove(self) -> None:
        """Leave the loggers as they were."""
        for name in LOGGERS:
            logging.getLogger(name).removeFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is told; what is, is masked."""
        kind = printable(record.msg, KIND_CHARS)
        if not self._sampler.takes(f"lines of {record.name} like {kind!r}"):
            return False
        record.msg, record.args = _masked(record), ()
        return True


def _masked(record: logging.LogRecord) -> str:
    if str(record.msg).startswith("Malformed HTTP message") and isinstance(record.args, tuple) and record.args:
        # What was malformed is quoted, and may be the line with the token.
        return f"Malformed HTTP message from {printable(record.args[0])}: {MASK}"
    try:
        message = record.getMessage()
    except Exception:  # the application's objects print themselves in it
        return f"a line of {record.name} that cannot be written"
    return printable(_QUERY.sub(f"?{MASK}", message), LINE_CHARS)
