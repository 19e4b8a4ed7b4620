"""The files of an audit: one chain a process, in pieces of bounded size, in a folder that its owner alone may read.

Rules of this file:
1. A file is 0600 from the moment it exists, is only ever appended to, and is locked by whoever writes it.
2. What was not written whole is taken back, so that a full disk leaves whole lines. Where that fails, too, the torn
   line stays the last of its file, and the next file begins with what is known of it.
3. Nobody fills a disk: the oldest files go when the folder holds too much, and the chain says which.
"""

import fcntl
import hashlib
import os
import re
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple, Self

from ..errors import AuditError
from .audit import record_of
from .audit_chain import RECOVERED, Chain

OPERATORS: Final = "operators"
"""The chain that all commands share, one after the other: each writes a line or two, not a file."""

_NAME: Final = re.compile(r"([a-z0-9-]{1,64})\.([0-9]{4,9})\.jsonl").fullmatch
_APPEND: Final = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
_CREATE: Final = _APPEND | os.O_CREAT | os.O_EXCL
_PRIVATE: Final = stat.S_IRUSR | stat.S_IWUSR


class Piece(NamedTuple):
    """One file of a chain. They sort as they were written."""

    chain: str
    number: int
    path: Path

    @classmethod
    def of(cls, path: Path) -> Self | None:
        """What a file is by its name; None for a stranger's."""
        match = _NAME(path.name)
        return cls(match[1], int(match[2]), path) if match else None

    @classmethod
    def named(cls, folder: Path, chain: str, number: int) -> Self:
        """The piece of this number, which need not exist."""
        return cls(chain, number, folder / f"{chain}.{number:04d}.jsonl")


def pieces(folder: Path) -> list[Piece]:
    """Every file of an audit in a folder, chain by chain, in the order in which they were written."""
    return sorted(piece for path in folder.iterdir() if (piece := Piece.of(path)) is not None)


def chain_name(now: float, pid: int) -> str:
    """A name for the chain of a process that begins now; the names of a folder sort by time."""
    return f"{datetime.fromtimestamp(now, UTC):%Y%m%dt%H%M%Sz}-{pid}-{secrets.token_hex(4)}"


def made_folder(path: str | os.PathLike[str]) -> Path:
    """The folder of an audit, made if it is absent.

    Raises:
        AuditError: it cannot be made, is none, or others may write in it.
    """
    folder = Path(path).absolute()
    try:
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        found = folder.stat()
    except OSError as error:
        raise AuditError(
            f"{folder}: {error.strerror}; name a folder whose parent exists, or run as its owner"
        ) from None
    if not stat.S_ISDIR(found.st_mode):
        raise AuditError(f"{folder}: is no folder; WSSEC_AUDIT names the folder that the audit's files go into")
    if found.st_uid not in (os.geteuid(), 0) or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise AuditError(
            f"{folder}: others may write in it; `chmod go-w {folder}`, and let it belong to the server's user"
        )
    return folder


class ChainFile:
    """The writing end of a chain on a disk. Used by one thread at a time.

    Args:
        folder: as `made_folder` returned it.
        chain: what is written.
        number: of its first piece here, which is made.
        piece_bytes: a piece that has grown to this is followed by the next.

    Raises:
        OSError: the first piece cannot be made.
    """

    def __init__(self, folder: Path, chain: Chain, number: int, piece_bytes: int) -> None:
        piece = Piece.named(folder, chain.name, number)
        self._take(piece, chain, _opened(piece.path, _CREATE), piece_bytes)

    @classmethod
    def behind(cls, piece: Piece, chain: Chain, piece_bytes: int) -> Self:
        """Go on in a file that ends in a whole line.

        Args:
            piece: the newest of its chain.
            chain: at the head that this file ends with.

        Raises:
            OSError: it cannot be opened, or somebody writes in it.
        """
        file = cls.__new__(cls)
        file._take(piece, chain, _opened(piece.path, _APPEND), piece_bytes)
        return file

    def _take(self, piece: Piece, chain: Chain, descriptor: int, piece_bytes: int) -> None:
        self.piece = piece
        self.chain = chain
        self._piece_bytes = piece_bytes
        self._descriptor = descriptor
        self._size = os.fstat(descriptor).st_size
        self._is_torn = False

    def write(self, records: Iterable[str], at: float) -> None:
        """Seal and append records, all or none.

        Args:
            records: as `Chain.seal` takes them.
            at: wall seconds, for what there is to say of the file itself.

        Raises:
            OSError: none of them is in the file, and the chain is where it was.
        """
        if self._is_torn or self._size >= self._piece_bytes:
            self._go_on(at)
        head = self.chain.head
        lines = b"".join([self.chain.seal(record) for record in records])
        try:
            _append(self._descriptor, lines)
        except OSError:
            self.chain.head = head
            self._take_back()
            raise
        self._size += len(lines)

    def flush(self) -> None:
        """See everything on the disk."""
        os.fsync(self._descriptor)

    def close(self) -> None:
        """Let go of the file."""
        with suppress(OSError):
            os.fsync(self._descriptor)
        os.close(self._descriptor)

    def _take_back(self) -> None:
        try:
            os.ftruncate(self._descriptor, self._size)
        except OSError:
            self._is_torn = True

    def _go_on(self, at: float) -> None:
        """Begin the next piece."""
        torn = self.piece.path.read_bytes()[self._size :] if self._is_torn else b""
        piece = Piece.named(self.piece.path.parent, self.chain.name, self.piece.number + 1)
        descriptor = _opened(piece.path, _CREATE)
        self.close()
        self.piece, self._descriptor, self._size, self._is_torn = piece, descriptor, 0, False
        if torn:
            self.write([recovered(torn, at)], at)


def recovered(torn: bytes, at: float) -> str:
    """The record that goes on behind a torn line."""
    return record_of(RECOVERED, at, {"torn_bytes": len(torn), "torn_hash": hashlib.sha256(torn).hexdigest()})


def _opened(path: Path, flags: int) -> int:
    descriptor = os.open(path, flags, _PRIVATE)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return descriptor


def _append(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def is_being_written(path: Path) -> bool:
    """Whether the process that writes this file lives: its lock goes with it."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def too_many(found: Iterable[Piece], folder_bytes: int) -> Iterator[Piece]:
    """Yield the oldest pieces that must go for the rest to fit; never one that is being written."""
    sized = [(piece.path.stat(), piece) for piece in found]
    total = sum(status.st_size for status, _ in sized)
    for status, piece in sorted(sized, key=lambda pair: (pair[0].st_mtime_ns, pair[1])):
        if total <= folder_bytes:
            return
        if not is_being_written(piece.path):
            total -= status.st_size
            yield piece
