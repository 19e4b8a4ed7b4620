"""Secrets come in by file or standard input, never as an argument.

Rules of this file:
1. No more is read than the secret may have.
2. What is refused is not repeated.
3. At a terminal the secret is asked for and not echoed.
"""

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO, Final

import click

from .commands import Refused, WrongUsage

STANDARD_INPUT: Final = "-"
PASSPHRASE_BYTES: Final = 4 * 1024


def read_bytes(path: str, most: int, what: str) -> bytes:
    """What the file, or standard input for "-", holds; at most `most` bytes.

    Raises:
        WrongUsage: it holds more.
        Refused: it cannot be read.
    """
    with opened(path) as stream:
        found = _bounded(stream, most)
    if len(found) > most:
        raise WrongUsage(f"{what} is longer than {most:,} bytes; give one alone")
    return found


def read_passphrase(path: str) -> bytes:
    """The passphrase that the file holds, without the line end behind it."""
    return read_bytes(path, PASSPHRASE_BYTES, "the passphrase").rstrip(b"\r\n")


@contextmanager
def opened(path: str) -> Iterator[BinaryIO]:
    """The file, or standard input for "-", to be read as bytes.

    Raises:
        Refused: it cannot be opened or read.
    """
    try:
        with _stdin() if path == STANDARD_INPUT else Path(path).open("rb") as stream:
            yield stream
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no path"
        raise Refused(f"cannot read {path}: {reason}; name a readable file, or - for standard input") from None


def _stdin() -> AbstractContextManager[BinaryIO]:
    if sys.stdin is None:
        raise Refused("standard input is closed; name a file, or give it one")
    return nullcontext(sys.stdin.buffer)  # it stays open: it is not ours


def _bounded(stream: BinaryIO, most: int) -> bytes:
    """At most one byte more than allowed, in however many pieces it comes."""
    pieces: list[bytes] = []
    left = most + 1
    while left and (piece := stream.read(left)):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


def read_line(path: str, most: int, what: str) -> str:
    """The one line of printable ASCII that the file or standard input holds; asked for at a terminal.

    Raises:
        WrongUsage: it is empty, several lines, too long, or not printable ASCII.
    """
    if path == STANDARD_INPUT and sys.stdin is not None and sys.stdin.isatty():
        text = str(click.prompt(what, hide_input=True, err=True))
    else:
        text = _decode(read_bytes(path, most + 2, what), what)
    line = text.removesuffix("\n").removesuffix("\r")
    if not line or len(line) > most:
        raise WrongUsage(f"{what} has {len(line)} characters; 1 to {most:,} are possible")
    if not line.isascii() or not line.isprintable():
        raise WrongUsage(f"{what} is not one line of printable ASCII")
    return line


def _decode(data: bytes, what: str) -> str:
    try:
        return data.decode("ascii")
    except UnicodeDecodeError:
        raise WrongUsage(f"{what} is not one line of printable ASCII") from None
