"""Puts the lines of the audit into its files, in a thread of its own.

Rules of this file:
1. Whoever records something never waits: what does not fit into the queue is counted, and the count is a line.
2. What the disk does not take is kept and tried again; while it does not, `is_failing` says so.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from ..settings import Limits
from .audit import record_of
from .audit_chain import Chain, Head
from .audit_file import ChainFile, chain_name, pieces, too_many
from .audit_reading import heads_of, last_head
from .incidents import Incident

logger = logging.getLogger(__name__)

RETRY_SECONDS: Final = 1.0
"""How long a disk that has refused is left alone: it is asked again before a person could look."""

FLUSH_SECONDS: Final = 1.0
"""What a power cut may take."""

HEAD_SECONDS: Final = 600.0
"""How often the newest hash goes to the ordinary log, if there is a new one: whoever keeps that keeps a witness."""


class AuditWriter:
    """One process's chain, and the thread that writes it.

    Args:
        folder: as `made_folder` returned it.
        limits: how large files, folder and queue may become.
        wall: wall seconds.
        pid: of this process.

    Raises:
        OSError: the first file cannot be made.
    """

    def __init__(self, folder: Path, limits: Limits, wall: Callable[[], float], pid: int) -> None:
        self._folder = folder
        self._limits = limits
        self._wall = wall
        self._queue: deque[str] = deque()
        self._dropped = 0
        self._wake = threading.Condition()
        self._is_closing = False
        self.incident = Incident(logger, what="audit")
        self.is_failing = False
        """Whether the disk did not take what was written last."""
        self.dropped = 0
        """Lines lost since the start."""
        self._file = self._begun(pid)
        self._told = Head(0, "")
        self._make_room()
        self._thread = threading.Thread(target=self._run, name=f"audit {self._file.chain.name}", daemon=True)
        self._thread.start()

    @property
    def chain(self) -> str:
        """The name of the chain."""
        return self._file.chain.name

    def put(self, record: str) -> None:
        """Take a line. It is on the disk a little later, or counted as dropped."""
        with self._wake:
            if len(self._queue) >= self._limits.audit_queue:
                self._dropped += 1
                self.dropped += 1
                return
            self._queue.append(record)
            if len(self._queue) == 1:
                self._wake.notify()

    def close(self, patience: float) -> None:
        """Write what waits and a last line, and let go of the file.

        Args:
            patience: seconds; a disk that hangs for longer keeps the thread, and the chain stays without its end.
        """
        with self._wake:
            self._is_closing = True
            self._wake.notify()
        self._thread.join(patience)

    # --- in the thread ---

    def _run(self) -> None:
        flush_at = told_at = time.monotonic()
        while self._wait(flush_at):
            now = time.monotonic()
            self._write(self._taken())
            if now >= flush_at:
                flush_at = now + FLUSH_SECONDS
                self._attempt(self._file.flush)
            if now >= told_at:
                told_at = now + HEAD_SECONDS
                self._tell_head()
        self._write([*self._taken(), record_of("audit.ended", self._wall(), {})])
        self._tell_head()
        self._file.close()
        if self._queue or self._dropped:
            lost = len(self._queue) + self._dropped
            logger.error("%d lines of the audit are lost: the disk took none until the end", lost)

    def _wait(self, until: float) -> bool:
        """Wait for something to write; False when nothing more will come and nothing is left."""
        with self._wake:
            if self.is_failing:
                self._wake.wait_for(lambda: self._is_closing, RETRY_SECONDS)
            elif not self._queue and not self._is_closing:
                self._wake.wait(max(until - time.monotonic(), 0.05))
            return not self._is_closing

    def _taken(self) -> list[str]:
        with self._wake:
            records, self._queue = list(self._queue), deque()
            dropped, self._dropped = self._dropped, 0
        if dropped:
            records.append(record_of("audit.dropped", self._wall(), {"count": dropped}))
        return records

    def _write(self, records: list[str]) -> None:
        piece = self._file.piece
        if not records or self._attempt(lambda: self._file.write(records, self._wall())):
            if self._file.piece != piece:
                self._make_room()
            return
        with self._wake:
            room = max(self._limits.audit_queue - len(self._queue), 0)
            self._queue.extendleft(reversed(records[:room]))
            lost = max(len(records) - room, 0)
            self._dropped += lost
            self.dropped += lost

    def _attempt(self, work: Callable[[], None]) -> bool:
        """Whether the disk did it; told when it begins to refuse, and when it does again."""
        try:
            work()
        except OSError as error:
            self.is_failing = True
            self.incident.begin(
                "the audit cannot be written to %s: %s; see to the disk, what happens meanwhile is kept for %d lines",
                self._folder,
                error.strerror,
                self._limits.audit_queue,
            )
            return False
        self.is_failing = False
        self.incident.end("the audit is written to %s again", self._folder)
        return True

    # --- what a chain says of itself and of others ---

    def _begun(self, pid: int) -> ChainFile:
        at = self._wall()
        seen = heads_of(self._folder)
        file = ChainFile(self._folder, Chain(chain_name(at, pid)), 1, self._limits.audit_piece_bytes)
        records = [record_of("audit.began", at, {"pid": pid})]
        records += [
            record_of("audit.saw", at, {"other": name, "other_seq": head.seq, "other_hash": head.hash})
            for name, head in seen
        ]
        file.write(records, at)
        return file

    def _make_room(self) -> None:
        """Remove the oldest files where the folder holds too much, and say which."""
        with suppress(OSError):
            for piece in too_many(pieces(self._folder), self._limits.audit_folder_bytes):
                head = last_head(piece)
                piece.path.unlink()
                facts = {"other": piece.chain, "piece": piece.number, "other_seq": head.seq, "other_hash": head.hash}
                self._file.write([record_of("audit.removed", self._wall(), facts)], self._wall())

    def _tell_head(self) -> None:
        head = self._file.chain.head
        if head != self._told:
            self._told = head
            logger.info("audit chain %s is at line %d, hash %s", self.chain, head.seq, head.hash)
