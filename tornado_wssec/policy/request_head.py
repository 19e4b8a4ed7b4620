"""What may stand in front of a request's body, where Tornado is more lenient than the RFC.

Rules of this file:
1. A line ends in CRLF and nowhere else: what two parsers split differently, an attacker can hide in.
2. What says how long the body is says it once, and before a byte of it is read.

Source: RFC 9112 §2.2 (line ends), §5.2 (folding), §6.1 and §6.3 (length of the body); RFC 9110 §9.3.1 (GET).
"""

from collections.abc import Sequence
from typing import Final

_BODILESS: Final = frozenset({"GET", "HEAD"})
_DIGITS_MOST: Final = 16


def head_fault(head: bytes, most_lines: int) -> str | None:
    """What is wrong with a request's head, in words that quote none of it; None where nothing is.

    Args:
        head: from the request line to the empty line.
        most_lines: how many header lines it may have.
    """
    ends = head.count(b"\r\n")
    if head.count(b"\n") != ends or head.count(b"\r") != ends:
        return "a line that does not end in CRLF"
    if ends - 2 > most_lines:
        return f"more than {most_lines} header lines"
    if b"\r\n " in head or b"\r\n\t" in head:
        return "a folded header"
    return None


def body_fault(method: str, lengths: Sequence[str], encodings: Sequence[str], most_bytes: int) -> str | None:
    """What is wrong with the body that a head announces; None where nothing is.

    Args:
        lengths: the values of all Content-Length lines.
        encodings: those of all Transfer-Encoding lines.
        most_bytes: how long it may be.
    """
    if not lengths and not encodings:
        return None
    if len(lengths) + len(encodings) > 1:
        return "a body of two lengths"
    if encodings:
        length: int | None = None if encodings[0].strip().lower() == "chunked" else -1
    else:
        length = _length(lengths[0].strip())
    if length == -1:
        return "a body of no length that can be known"
    if method in _BODILESS and length != 0:
        return f"{method} with a body"
    return "a body that is too long" if length is not None and length > most_bytes else None


def _length(text: str) -> int:
    """The length in a Content-Length; -1 where it is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS_MOST else -1
