"""Judges a folder of audit files: is every chain whole, and is every chain there that others have seen?

Rules of this file:
1. Nothing is mended, and nothing is believed that the chains do not prove.
2. A file that is gone is a fault, unless a chain says that it was removed to make room.
3. A chain without a last line is a fault, unless its process lives, or another chain has seen how far it came.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from .audit_chain import BEGINNING, RECOVERED, Entry, Fault, Head, Torn, checked
from .audit_file import OPERATORS, Piece, is_being_written, pieces


@dataclass(slots=True)
class ChainVerdict:
    """What is known of one chain.

    Args:
        name: of the chain.
        state: `ended`, `live`, `shared` (the commands' own), `crashed` (seen by a later chain) or `unended`.
        lines: how many of it stand where they belong.
        head: the newest line.
        faults: what is wrong, each with its place; empty when all is well.
        notes: what is worth knowing and proves nothing.
    """

    name: str
    state: str = "unended"
    lines: int = 0
    head: Head = BEGINNING
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Witnesses:
    """What the chains say of each other."""

    seen: dict[str, list[Head]] = field(default_factory=dict)
    removed: dict[tuple[str, int], Head] = field(default_factory=dict)

    def hear(self, facts: Mapping[str, Any]) -> None:
        event = facts.get("event")
        if event not in ("audit.saw", "audit.removed"):
            return
        other, seq, piece = str(facts.get("other")), facts.get("other_seq"), facts.get("piece")
        head = Head(seq if type(seq) is int else 0, str(facts.get("other_hash")))
        if event == "audit.saw":
            self.seen.setdefault(other, []).append(head)
        elif type(piece) is int:
            self.removed[other, piece] = head


def judged(folder: Path, heads: Iterable[tuple[str, Head]] = ()) -> list[ChainVerdict]:
    """Read every file of a folder and judge each chain.

    Args:
        heads: hashes that were kept elsewhere, as the ordinary log tells them.

    Raises:
        OSError: a file cannot be read.
    """
    witnesses = _Witnesses()
    for name, head in heads:
        witnesses.seen.setdefault(name, []).append(head)
    found = {name: list(group) for name, group in groupby(pieces(folder), key=lambda piece: piece.chain)}
    for chain in found.values():
        for facts in _facts(chain):
            witnesses.hear(facts)
    verdicts = [_Judge(name, witnesses).judge(chain) for name, chain in found.items()]
    return [*verdicts, *_missing(found.keys(), witnesses)]


def _facts(chain: list[Piece]) -> Iterator[Mapping[str, Any]]:
    for piece in chain:
        with piece.path.open("rb") as file:
            yield from (entry.facts for entry in checked(file, piece.chain) if isinstance(entry, Entry))


def _missing(names: Iterable[str], witnesses: _Witnesses) -> Iterator[ChainVerdict]:
    """Chains that others have seen and of which no file is left."""
    there, removed = set(names), {name for name, _ in witnesses.removed}
    for name in sorted(witnesses.seen.keys() - there):
        last = max((head for (of, _), head in witnesses.removed.items() if of == name), default=BEGINNING)
        verdict = ChainVerdict(name, "removed" if name in removed else "missing", head=last)
        if any(head.seq > last.seq for head in witnesses.seen[name]):
            verdict.faults.append("another chain has seen it, and nothing says that it was removed to make room")
        yield verdict


class _Judge:
    """Reads one chain, file by file."""

    def __init__(self, name: str, witnesses: _Witnesses) -> None:
        self._verdict = ChainVerdict(name)
        self._witnesses = witnesses
        self._hashes: dict[int, str] = {head.seq: "" for head in witnesses.seen.get(name, [])}
        self._last: Mapping[str, Any] = {}
        self._torn: Torn | None = None

    def judge(self, chain: list[Piece]) -> ChainVerdict:
        verdict = self._verdict
        head = self._before(chain[0])
        for piece, expected in zip(chain, range(chain[0].number, chain[-1].number + 1), strict=False):
            if piece.number != expected:
                verdict.faults.append(f"{piece.path.name}: the file before it is missing")
            head = self._read(piece, head)
        verdict.head = head or BEGINNING
        self._witness()
        self._end(chain[-1])
        return verdict

    def _before(self, first: Piece) -> Head | None:
        """What stands before the first file that is there."""
        if first.number == 1:
            return BEGINNING
        removed = self._witnesses.removed.get((first.chain, first.number - 1))
        if removed is None:
            self._verdict.faults.append(f"{first.path.name}: the files before it are missing")
        else:
            self._verdict.notes.append(f"begins at line {removed.seq + 1}; what was before was removed to make room")
        return removed

    def _read(self, piece: Piece, head: Head | None) -> Head | None:
        torn, self._torn = self._torn, None
        is_first = True
        with piece.path.open("rb") as file:
            for found in checked(file, piece.chain, head):
                if isinstance(found, Fault):
                    self._verdict.faults.append(f"{piece.path.name}: line {found.line} {found.what}")
                elif isinstance(found, Torn):
                    self._torn = found
                else:
                    if is_first and torn is not None:
                        self._recover(piece, torn, found.facts)
                    self._take(found)
                    head = found.head
                is_first = False
        if torn is not None and is_first:
            self._torn = torn
        return head

    def _recover(self, piece: Piece, torn: Torn, facts: Mapping[str, Any]) -> None:
        told = (facts.get("event"), facts.get("torn_bytes"), facts.get("torn_hash"))
        if told == (RECOVERED, torn.size, torn.hash):
            self._verdict.notes.append(f"{piece.path.name}: goes on behind a line that a crash has torn")
        else:
            self._verdict.faults.append(f"{piece.path.name}: does not say what tore the line before it")

    def _take(self, entry: Entry) -> None:
        self._verdict.lines += 1
        self._last = entry.facts
        if entry.head.seq in self._hashes:
            self._hashes[entry.head.seq] = entry.head.hash

    def _witness(self) -> None:
        """Compare with what others have seen of it."""
        for seen in self._witnesses.seen.get(self._verdict.name, []):
            if seen.seq > self._verdict.head.seq:
                self._verdict.faults.append(f"its end is missing: it once had {seen.seq} lines")
            elif self._hashes[seen.seq] and self._hashes[seen.seq] != seen.hash:
                self._verdict.faults.append(f"line {seen.seq} is not the one that was seen there: it was written anew")

    def _end(self, last: Piece) -> None:
        verdict = self._verdict
        is_seen = any(seen.seq == verdict.head.seq for seen in self._witnesses.seen.get(verdict.name, []))
        if self._torn is not None and not is_being_written(last.path):
            verdict.notes.append(f"{last.path.name}: ends in a torn line of {self._torn.size} bytes")
        if self._last.get("event") == "audit.ended":
            verdict.state = "ended"
        elif verdict.name == OPERATORS:
            verdict.state = "shared"
        elif is_being_written(last.path):
            verdict.state = "live"
        elif is_seen:
            verdict.state = "crashed"
        else:
            verdict.faults.append("has no last line: its process was killed, or its end was cut off")
