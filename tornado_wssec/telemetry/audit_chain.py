"""The chain of an audit: each line carries a hash over itself and the hash of the line before.

Rules of this file:
1. A line that was changed, removed, added or moved breaks the chain at that place, and `checked` says where.
2. The hash has no key: whoever may write the whole folder can make a new chain from any place on. So the newest
   hash, the head, is also told to others: to the ordinary log, and to every chain that begins later in the folder.
3. A line that a crash has torn is never mended. It stays the last of its file, and whoever goes on in the next one says
   how long it is and what its hash is.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

GENESIS: Final = "0" * 64
"""What stands for the hash before the first line."""

RECOVERED: Final = "audit.recovered"
"""The event that goes on behind a torn line; its `torn_bytes` and `torn_hash` are those of that line."""

_SEAL: Final = ', "hash": "'
_HASH_CHARS: Final = len(GENESIS) + len('"}\n')
_END_CHARS: Final = len(_SEAL) + _HASH_CHARS


class Head(NamedTuple):
    """How far a chain has come.

    Args:
        seq: number of the newest line; 0 before the first.
        hash: of that line, in hexadecimal.
    """

    seq: int
    hash: str


BEGINNING: Final = Head(0, GENESIS)


class Chain:
    """The writing end of a chain.

    Args:
        name: of the chain; printable ASCII without quotes.
        head: where it goes on; None: at the beginning.
    """

    __slots__ = ("head", "name")

    def __init__(self, name: str, head: Head | None = None) -> None:
        self.name = name
        self.head = head or BEGINNING

    def seal(self, record: str) -> bytes:
        """Number a record, add its hash, and return the line with its end.

        Args:
            record: a JSON object in ASCII on one line, without its closing brace.
        """
        seq = self.head.seq + 1
        body = f'{record}, "chain": "{self.name}", "seq": {seq}'
        digest = hash_of(self.head.hash, body)
        self.head = Head(seq, digest)
        return f'{body}{_SEAL}{digest}"}}\n'.encode("ascii")


def hash_of(before: str, body: str) -> str:
    """SHA-256 over the hash before and a line without its own hash (FIPS 180-4), in hexadecimal."""
    return hashlib.sha256(f"{before}{body}".encode("ascii", "surrogateescape")).hexdigest()


@dataclass(frozen=True, slots=True)
class Entry:
    """One line that stands where it belongs."""

    facts: dict[str, Any]
    head: Head


@dataclass(frozen=True, slots=True)
class Fault:
    """A place where a chain is broken.

    Args:
        line: its number, from 1.
        what: is wrong with it.
    """

    line: int
    what: str


@dataclass(frozen=True, slots=True)
class Torn:
    """The last line, without an end: what a crash left, or what has been cut off.

    Args:
        size: bytes that stand there.
        hash: SHA-256 over them, in hexadecimal.
    """

    size: int
    hash: str


def checked(lines: Iterable[bytes], name: str, head: Head | None = None) -> Iterator[Entry | Fault | Torn]:
    """Read a chain line by line; behind a fault it goes on from the line that is there.

    Args:
        lines: as a file gives them, with their ends.
        name: the chain that they belong to.
        head: of what stands before them; None where that is not known: the first line is then believed.
    """
    for number, line in enumerate(lines, 1):
        if not line.endswith(b"\n"):
            yield Torn(len(line), hashlib.sha256(line).hexdigest())
            return
        read = _read(line)
        if read is None:
            yield Fault(number, "is no line of an audit")
            continue
        body, entry = read
        if (what := _fault(body, entry, name, head)) is not None:
            yield Fault(number, what)
        head = entry.head
        yield entry


def _read(line: bytes) -> tuple[str, Entry] | None:
    """A line of the form that `seal` gives, and what its hash covers of it; None for anything else."""
    text = line.decode("ascii", "surrogateescape")
    body, seal, end = text[:-_END_CHARS], text[-_END_CHARS:-_HASH_CHARS], text[-3:]
    if seal != _SEAL or end != '"}\n':
        return None
    try:
        facts = json.loads(f"{body}}}")
        return body, Entry(facts, Head(int(facts["seq"]), text[-_HASH_CHARS:-3]))
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None


def _fault(body: str, entry: Entry, name: str, head: Head | None) -> str | None:
    if entry.facts.get("chain") != name:
        return "belongs to another chain"
    if head is None:
        return None
    if entry.head.seq != head.seq + 1:
        return f"has number {entry.head.seq} where {head.seq + 1} comes next: lines are missing, added or moved"
    if hash_of(head.hash, body) != entry.head.hash:
        return "does not fit its hash: it was changed, or the one before"
    return None
