"""Carries frames between a socket and whoever talks over it: strict, bounded, one write for what one read caused.

Rules of this file:
1. Nothing is delivered before `start`, behind a violation, or once we have said goodbye.
2. A ping is answered at once and a pong heard at once, also while messages wait for their handler.
3. What waits for a reader is bounded by the outbox; beside it there is one chunk that has begun to leave.
4. No clock and no timer: whoever sweeps asks `overdue`.
"""

from collections import deque
from collections.abc import Callable
from typing import Any, Final, Protocol

from ..closing import Close, CloseCode
from ..settings import Limits, Timeouts
from .frames import CLOSE, PING, PONG, TEXT, echo_close, encode_close, encode_ping, encode_pong, read_close
from .masking import Unmask
from .outbox import Outbox
from .outgoing import Outgoing
from .reader import Frame, FrameReader, Patience

CHUNK_BYTES: Final = 65_536
"""What is handed to the kernel at once; a frame that has begun to leave cannot be dropped any more."""
EVERYTHING: Final = 1 << 62
TURN_MESSAGES: Final = 32
"""Messages of one client that are handled before others get their turn."""
SLOW: Final = Close(CloseCode.SLOW_CONSUMER)
FRAME_UNFINISHED: Final = Close(CloseCode.TIMED_OUT, "frame not finished in time")
MESSAGE_UNFINISHED: Final = Close(CloseCode.TIMED_OUT, "message not finished in time")


class Pipe(Protocol):
    """A socket, as the engine uses it."""

    def write(self, data: bytes) -> int:
        """Hand bytes over; return how many were taken. When fewer, the engine's `writable` is called in time."""

    def pause(self) -> None:
        """Stop reading."""

    def resume(self) -> None:
        """Read on."""

    def later(self, callback: Callable[[], None]) -> None:
        """Call soon, after others have had their turn."""

    def is_deserted(self) -> bool:
        """Whether the peer has left, as far as that can be seen without reading."""

    def finish(self) -> None:
        """Nothing more will be written: tell the peer, and go on reading until it leaves."""

    def abort(self) -> None:
        """Let go of the socket; the engine's `connection_lost` is called soon."""


def _ignore(*_: Any) -> None:
    """Nobody listens yet."""


class Engine:
    """One accepted socket by RFC 6455: a `Connection`.

    Args:
        limits: caps of both directions.
        timeouts: how long a frame, a message and a write that makes no progress may take.
        receive: called with each text message.
        lost: called once, when the socket is gone, with the code and the reason that the peer gave.
        unmask: a faster one than pure Python's.
    """

    __slots__ = (
        "_backlog",
        "_cork",
        "_corked_bytes",
        "_frame_patience",
        "_has_said_goodbye",
        "_is_finished",
        "_is_lost",
        "_is_paused",
        "_is_started",
        "_lost",
        "_message_patience",
        "_outbox",
        "_partial",
        "_peer_has_said_goodbye",
        "_peer_said",
        "_pipe",
        "_reader",
        "_receive",
        "_saw_control",
        "_saw_frame",
        "_taken",
        "_timeouts",
        "_violated",
        "_write_patience",
    )

    def __init__(
        self,
        limits: Limits,
        timeouts: Timeouts,
        *,
        receive: Callable[[str], None],
        lost: Callable[[int | None, str], None],
        unmask: Unmask,
    ) -> None:
        self._timeouts = timeouts
        self._receive = receive
        self._lost = lost
        self._saw_frame: Callable[[], None] = _ignore
        self._saw_control: Callable[[], None] = _ignore
        self._violated: Callable[[Close], None] = _ignore
        self._reader = FrameReader(limits, unmask=unmask)
        self._outbox = Outbox(limits)
        self._pipe: Pipe
        self._backlog: deque[Frame] = deque()
        self._cork: list[bytes] | None = None
        self._corked_bytes = 0
        self._partial = b""
        self._taken = 1  # bytes that the kernel took: a number that stands still says that it takes none
        self._peer_said: tuple[int | None, str] = (None, "")
        self._frame_patience: Patience | None = None
        self._message_patience: Patience | None = None
        self._write_patience: Patience | None = None
        self._is_started = self._is_paused = self._is_lost = False
        self._has_said_goodbye = self._peer_has_said_goodbye = self._is_finished = False

    # --- what the socket calls ---

    def attach(self, pipe: Pipe) -> None:
        """Use this socket. Nothing is read before `start`."""
        self._pipe = pipe

    def start(self, first: bytes = b"") -> None:
        """Begin to read.

        Args:
            first: what arrived behind the handshake.
        """
        self._is_started = True
        if first:
            self.data_received(first)
        if not self._is_paused and not self._is_lost:
            self._pipe.resume()

    def data_received(self, data: bytes) -> None:
        """Take in what was read."""
        self._saw_frame()
        frames = self._reader.feed(data)
        if self._backlog:
            self._keep(frames)
        else:
            self._deliver(frames)

    def writable(self) -> None:
        """Write on: the kernel takes more."""
        self._flush()

    def connection_lost(self) -> None:
        """End everything; a second call does nothing."""
        if not self._is_lost:
            self._is_lost = True
            self._backlog.clear()
            self._outbox.clear()
            self._partial = b""
            self._lost(*self._peer_said)

    # --- in ---

    def _deliver(self, frames: list[Frame]) -> None:
        """Hand on what was read; what it makes us say leaves in one write."""
        self._cork = []
        try:
            for index, frame in enumerate(frames):
                if self._is_paused or index >= TURN_MESSAGES:
                    self._keep(frames[index:])
                    return
                self._take(frame)
            if self._reader.violation is not None and not self._has_said_goodbye:
                self._violated(self._reader.violation)
        finally:
            self._uncork()

    def _take(self, frame: Frame) -> None:
        opcode, payload, _ = frame
        if self._has_said_goodbye and opcode != CLOSE:
            return  # frames still arrive behind our goodbye
        if opcode == TEXT:
            self._receive(payload.decode())
        elif opcode == CLOSE:
            self._take_close(payload)
        else:
            self._take_control(opcode, payload)

    def _take_control(self, opcode: int, payload: bytes) -> None:
        """A ping, a pong, or a fragment that does not end its message: each is charged for."""
        self._saw_control()
        if opcode == PING and not self._has_said_goodbye:
            self._write(encode_pong(payload))

    def _take_close(self, payload: bytes) -> None:
        self._peer_said = read_close(payload)
        self._peer_has_said_goodbye = True
        if not self._has_said_goodbye:
            self._has_said_goodbye = True
            self._outbox.clear()  # nobody reads behind a goodbye
            self._write(echo_close(payload))
        self._finish_when_written()

    def _keep(self, frames: list[Frame]) -> None:
        """Put frames aside until their handler has room; a ping or pong among them does not wait."""
        was_empty = not self._backlog
        for frame in frames:
            if frame[0] in (PING, PONG):
                self._take(frame)
            else:
                self._backlog.append(frame)
        if was_empty and not self._is_paused:
            self._pipe.pause()
            self._pipe.later(self._go_on)

    def _go_on(self) -> None:
        """Hand on what was put aside, a turn's worth at a time."""
        if self._is_lost or self._is_paused:
            return
        frames, self._backlog = list(self._backlog), deque()
        self._deliver(frames)
        if not self._backlog and not self._is_paused:
            self._pipe.resume()

    # --- a Connection ---

    def watch(
        self, saw_frame: Callable[[], None], saw_control: Callable[[], None], violated: Callable[[Close], None]
    ) -> None:
        self._saw_frame = saw_frame
        self._saw_control = saw_control
        self._violated = violated

    def send(self, message: Outgoing, now: float) -> bool:
        """Queue a message; False when the reader is too slow for it. Never blocks; nothing leaves once closing."""
        if self._has_said_goodbye or self._is_lost:
            return True
        frame = message.frame
        if self._partial or self._outbox:
            if message.is_reply:
                return self._outbox.put_reply(frame, now)
            return self._outbox.put_event(frame, message.overflow, message.key, now)
        self._write(frame)
        return True

    def ping(self, nonce: bytes) -> None:
        self._write(encode_ping(nonce))

    def close(self, close: Close) -> None:
        if self._has_said_goodbye or self._is_lost:
            return
        self._has_said_goodbye = True
        self._backlog.clear()
        if close.code is CloseCode.REVOKED:
            self._outbox.clear()  # whoever has lost the right to hear it hears no more
        self._write(self._outbox.take(EVERYTHING) + encode_close(close))
        if self._reader.is_done:
            self._finish_when_written()  # after a violation nothing of the peer's is read any more
        self.resume()  # else nobody reads the peer's answer

    def abort(self) -> None:
        self._pipe.abort()

    def pause(self) -> None:
        if not self._is_paused:
            self._is_paused = True
            self._pipe.pause()

    def resume(self) -> None:
        if self._is_paused:
            self._is_paused = False
            if self._backlog:
                self._pipe.later(self._go_on)
            elif self._is_started:
                self._pipe.resume()

    def set_message_cap(self, message_bytes: int) -> None:
        self._reader.message_bytes = message_bytes

    @property
    def buffered_bytes(self) -> int:
        return self._outbox.queued_bytes + len(self._partial)

    @property
    def is_reading(self) -> bool:
        return not self._is_paused

    def overdue(self, now: float) -> Close | None:
        """The close that a frame, a message or a reader deserves for taking too long; None nearly always."""
        reader = self._reader
        if self._is_paused or self._backlog:
            # Who is not read cannot finish anything: its time starts anew.
            self._frame_patience = self._message_patience = None
        elif reader.unfinished_frame or reader.unfinished_message:
            frame = self._frame_patience = self._frame_patience or Patience()
            message = self._message_patience = self._message_patience or Patience()
            if frame.seconds(reader.unfinished_frame, now) >= self._timeouts.frame:
                return FRAME_UNFINISHED
            if message.seconds(reader.unfinished_message, now) >= self._timeouts.message:
                return MESSAGE_UNFINISHED
        if self._is_paused and not self._is_lost and self._pipe.is_deserted():
            self._pipe.abort()
        if self._partial:
            if self._write_patience is None:
                self._write_patience = Patience()
            if self._write_patience.seconds(self._taken, now) >= self._timeouts.write_progress:
                return SLOW
            if not self._outbox.drop_older_than(now - self._timeouts.outbound_age):
                return SLOW
        return None

    # --- out ---

    def _write(self, frame: bytes) -> None:
        """Send a frame that no policy drops, behind what has begun to leave."""
        if self._cork is not None:
            self._cork.append(frame)
            self._corked_bytes += len(frame)
            if self._corked_bytes > CHUNK_BYTES:  # whoever says much meets the kernel, and then the outbox
                self._uncork()
                self._cork = []
        elif self._partial:
            self._partial += frame
        elif not self._is_lost:
            self._push(frame)

    def _uncork(self) -> None:
        frames, self._cork, self._corked_bytes = self._cork, None, 0
        if frames and not self._is_lost:
            joined = frames[0] if len(frames) == 1 else b"".join(frames)
            if self._partial:
                self._partial += joined
            else:
                self._push(joined)

    def _push(self, data: bytes) -> None:
        taken = self._pipe.write(data)
        self._taken += taken
        if taken < len(data):
            self._partial = data[taken:]
        elif self._is_finished:
            self._finish()

    def _flush(self) -> None:
        """Hand on what waits until the kernel takes no more."""
        while not self._is_lost:
            data = self._partial or self._outbox.take(CHUNK_BYTES)
            if not data:
                return
            self._partial = b""
            self._push(data)
            if self._partial:
                return

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
