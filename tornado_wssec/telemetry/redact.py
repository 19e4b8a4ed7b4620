"""Strings of strangers, made fit for a log.

Rules of this file:
1. A query never reaches a log: it may hold a token.
2. One event is one line: controls, C1 controls and bidirectional overrides are escaped.
3. Nobody fills a disk: everything is cut.
"""

from typing import Final

SHOWN_CHARS: Final = 256
MASK: Final = "[redacted]"


def printable(value: object, most: int = SHOWN_CHARS) -> str:
    """A stranger's string on one line, in printable ASCII, at most `most` characters."""
    text = str(value)
    if len(text) <= most and text.isascii() and text.isprintable():
        return text  # nearly always; the rest costs ten times as much
    cut = text[:most]
    shown = cut.encode("ascii", "backslashreplace").decode("ascii")
    line = "".join(char if " " <= char <= "~" else f"\\x{ord(char):02x}" for char in shown)
    return line[:most] + ("…" if len(text) > most or len(line) > most else "")


def redacted_uri(uri: str) -> str:
    """A request's URI as it may be logged: the path, and that there was a query."""
    path, question, _ = uri.partition("?")
    return printable(path) + (f"?{MASK}" if question else "")


def where_raised(error: BaseException, most: int = 6) -> str:
    """`ValueError at app.py:33 in send_line`: where, but not with what; messages of exceptions quote data."""
    places = []
    step = error.__traceback__
    while step is not None:
        code = step.tb_frame.f_code
        places.append(f"{code.co_filename.rpartition('/')[2]}:{step.tb_lineno} in {code.co_name}")
        step = step.tb_next
    return f"{type(error).__name__} at {' > '.join(places[-most:]) or 'an unknown place'}"
