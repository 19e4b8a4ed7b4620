"""The chain that all commands of a folder share: each adds its lines behind those of the one before."""

import fcntl
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ..errors import AuditError
from .audit_chain import BEGINNING, Chain
from .audit_file import OPERATORS, ChainFile, Piece, pieces, recovered
from .audit_reading import last_head

LOCK_SECONDS: Final = 5.0
"""How long a command waits for another's line; a person can."""

_LOCK: Final = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
_RETRY_SECONDS: Final = 0.02


def append_shared(folder: Path, records: Iterable[str], at: float, piece_bytes: int) -> None:
    """Add lines to the commands' chain, and see them on the disk.

    Args:
        folder: as `made_folder` returned it.
        records: as `record_of` makes them.
        at: wall seconds.
        piece_bytes: a file that has grown to this is followed by the next.

    Raises:
        AuditError: the disk refuses, or another command holds the chain for too long.
    """
    try:
        with _locked(folder):
            file = _opened(folder, at, piece_bytes)
            try:
                file.write(records, at)
                file.flush()
            finally:
                file.close()
    except OSError as error:
        raise AuditError(f"{folder}: the audit cannot be written: {error.strerror}; see to the disk") from None


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder / f"{OPERATORS}.lock", _LOCK, 0o600)
    try:
        give_up_at = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= give_up_at:
                    raise AuditError(f"{folder}: another command holds the audit; run it again") from None
                time.sleep(_RETRY_SECONDS)
        yield
    finally:
        os.close(descriptor)


def _opened(folder: Path, at: float, piece_bytes: int) -> ChainFile:
    """The newest file of the chain, to go on in; a new one behind a torn line, a full one, or none."""
    ours = [piece for piece in pieces(folder) if piece.chain == OPERATORS]
    if not ours:
        return ChainFile(folder, Chain(OPERATORS), 1, piece_bytes)
    last = ours[-1]
    head = next((head for piece in reversed(ours) if (head := last_head(piece)) != BEGINNING), BEGINNING)
    chain = Chain(OPERATORS, head)
    torn = _torn(last)
    if not torn and last.path.stat().st_size < piece_bytes:
        return ChainFile.behind(last, chain, piece_bytes)
    file = ChainFile(folder, chain, last.number + 1, piece_bytes)
    if torn:
        file.write([recovered(torn, at)], at)
    return file


def _torn(piece: Piece) -> bytes:
    """What stands behind the last whole line."""
    return piece.path.read_bytes().rpartition(b"\n")[2]
