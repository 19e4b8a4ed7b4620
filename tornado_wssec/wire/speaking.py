"""What leaves a connection: one write for what one read caused, a bounded queue for who does not keep up.

Rules of this file:
1. What waits for a reader is bounded by the outbox; beside it there is one chunk that has begun to leave.
2. Behind our goodbye nothing leaves but what was said before it.
"""

from collections.abc import Callable
from typing import Final

from ..settings import Limits
from .frames import encode_ping, encode_text
from .outbox import Outbox
from .outgoing import Outgoing
from .pipe import Pipe

CHUNK_BYTES: Final = 65_536
"""What is handed to the kernel at once; a frame that has begun to leave cannot be dropped any more."""
SHORT_TEXTS: Final = 126
"""Texts of fewer bytes have heads of two."""
_HEADS: Final = tuple([encode_text(bytes(size))[:2] for size in range(SHORT_TEXTS)])


class _Gone:
    """The `Pipe` of a socket that is gone; it has no state."""

    def write(self, data: bytes) -> int:
        return len(data)

    def sender(self) -> Callable[[bytes], int]:
        return self.write

    def pause(self) -> None:
        return

    def resume(self) -> None:
        return

    def later(self, callback: Callable[[], None]) -> None:
        return

    def is_deserted(self) -> bool:
        return True

    def finish(self) -> None:
        return

    def abort(self) -> None:
        return


GONE: Final = _Gone()


class Speaker:
    """The half of an engine that writes.

    Args:
        limits: caps of what waits for a reader.
    """

    __slots__ = (
        "_cork",
        "_corked_bytes",
        "_transmit",
        "_has_said_goodbye",
        "_is_finished",
        "_is_lost",
        "_limits",
        "_outbox",
        "_partial",
        "_peer_has_said_goodbye",
        "_pipe",
        "_taken",
    )

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._pipe: Pipe
        self._transmit: Callable[[bytes], int]
        self._outbox: Outbox | None = None  # a queue is none while nothing waits
        self._cork: list[bytes] | None = None
        self._corked_bytes = 0
        self._partial = b""
        self._taken = 1  # bytes that the kernel took: a number that stands still says that it takes none
        self._is_lost = self._has_said_goodbye = self._peer_has_said_goodbye = self._is_finished = False

    def attach(self, pipe: Pipe) -> None:
        """Use this socket. Nothing is read before `start`."""
        self._pipe, self._transmit = pipe, pipe.sender()

    def send(self, message: Outgoing, now: float) -> bool:
        if self._has_said_goodbye or self._is_lost:
            return True
        frame = message.frame
        if self._partial or self._outbox:
            outbox = self._outbox = self._outbox or Outbox(self._limits)
            if message.is_reply:
                return outbox.put_reply(frame, now)
            return outbox.put_event(frame, message.overflow, message.key, now)
        if self._cork is not None:
            self._write(frame)
            return True
        # As _push, without its calls: this is what a fan-out costs for each listener.
        try:
            taken = self._transmit(frame)
        except OSError:
            taken = 0
        self._taken += taken
        if taken < len(frame):
            self._push(frame[taken:])
        return True

    def answer(self, text: bytes, now: float) -> bool:
        if self._cork is None or self._partial or self._outbox or self._has_said_goodbye or self._is_lost:
            return self.send(Outgoing(text.decode(), is_reply=True), now)
        size = len(text)
        frame = _HEADS[size] + text if size < SHORT_TEXTS else encode_text(text)  # as that does, without its call
        self._cork.append(frame)
        self._corked_bytes += size
        if self._corked_bytes > CHUNK_BYTES:
            self._flush()
        return True

    def ping(self, nonce: bytes) -> None:
        if not self._has_said_goodbye:
            self._write(encode_ping(nonce))

    def writable(self) -> None:
        """Hand on what waits until the kernel takes no more."""
        while not self._is_lost:
            data = self._partial or self._queued(CHUNK_BYTES)
            if not data:
                return
            self._partial = b""
            self._push(data)
            if self._partial:
                return

    @property
    def buffered_bytes(self) -> int:
        return (0 if self._outbox is None else self._outbox.queued_bytes) + len(self._partial)

    @property
    def sent_bytes(self) -> int:
        return self._taken - 1

    def cork(self, head: bytes) -> None:
        """Hold back what is said until `uncork`, so that it leaves in one write.

        Args:
            head: leaves before it: the answer to the handshake.
        """
        self._cork = [head]

    def uncork(self) -> None:
        """Let go of what was held back."""
        frames, self._cork, self._corked_bytes = self._cork, None, 0
        if frames and not self._is_lost:
            joined = frames[0] if len(frames) == 1 else b"".join(frames)
            if self._partial:
                self._partial += joined
                return
            # As _push, without its calls: every read that is answered ends here.
            try:
                taken = self._transmit(joined)
            except OSError:
                taken = 0
            self._taken += taken
            if taken < len(joined):
                self._push(joined[taken:])
            elif self._is_finished:
                self._finish()

    def _flush(self) -> None:
        """Whoever says much meets the kernel, and then the outbox."""
        self.uncork()
        self._cork = []

    def _queued(self, most_bytes: int) -> bytes:
        """What waits, as much as leaves at once; empty when nothing does."""
        if self._outbox is None:
            return b""
        taken = self._outbox.take(most_bytes)
        if not self._outbox:
            self._outbox = None
        return taken

    def _write(self, frame: bytes) -> None:
        """Send a frame that no policy drops, behind what has begun to leave."""
        if self._cork is not None:
            self._cork.append(frame)
            self._corked_bytes += len(frame)
            if self._corked_bytes > CHUNK_BYTES:
                self._flush()
        elif self._partial:
            self._partial += frame
        elif not self._is_lost:
            self._push(frame)

    def _push(self, data: bytes) -> None:
        taken = self._pipe.write(data)
        self._taken += taken
        if taken < len(data):
            self._partial = data[taken:]
        elif self._is_finished:
            self._finish()

    def _finish_when_written(self) -> None:
        self._is_finished = True
        if not self._partial and not self._cork:
            self._finish()

    def _finish(self) -> None:
        """Everything is said. Whoever has not said goodbye is read on: a reset would overtake our close frame."""
        if self._peer_has_said_goodbye:
            self._pipe.abort()
        else:
            self._pipe.finish()
