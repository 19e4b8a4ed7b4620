"""Carries frames between a socket and whoever talks over it: strict, bounded, one write for what one read caused.

Rules of this file:
1. Nothing is delivered before `start`, behind a violation, or once we have said goodbye.
2. A ping is answered at once and a pong heard at once, also while messages wait for their handler.
3. No clock and no timer: whoever sweeps asks `overdue`.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

from ..closing import Close, CloseCode
from ..settings import Limits, Timeouts
from .frames import BINARY, CLOSE, PING, PONG, TEXT, echo_close, encode_close, encode_pong, read_close
from .masking import Unmask, unmask
from .pipe import Corked
from .reader import Frame, FrameReader, Patience
from .speaking import GONE, Speaker

EVERYTHING: Final = 1 << 62
TURN_MESSAGES: Final = 32
"""Messages of one client that are handled before others get their turn."""
SLOW: Final = Close(CloseCode.SLOW_CONSUMER)
FRAME_UNFINISHED: Final = Close(CloseCode.TIMED_OUT, "frame not finished in time")
MESSAGE_UNFINISHED: Final = Close(CloseCode.TIMED_OUT, "message not finished in time")


def _ignore(*_: Any) -> None:
    """Nobody listens."""


class Engine(Speaker):
    """One accepted socket by RFC 6455: a `Connection`.

    Args:
        limits: caps of both directions.
        timeouts: how long a frame, a message and a write that makes no progress may take.
        receive: called with each text message; raises nothing.
        receive_binary: likewise with each binary message; None refuses them.
        lost: called once, when the socket is gone, with the code and the reason that the peer gave.
        unmask: a faster one than pure Python's.
    """

    __slots__ = (
        "_backlog",
        "_frame_patience",
        "_heard",
        "_is_going_on",
        "_is_paused",
        "_is_started",
        "_lost",
        "_message_patience",
        "_peer_said",
        "_reader",
        "_receive",
        "_receive_all",
        "_receive_binary",
        "_saw_control",
        "_saw_frame",
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
        receive_binary: Callable[[bytes], None] | None = None,
        lost: Callable[[int | None, str], None],
        unmask: Unmask = unmask,
    ) -> None:
        super().__init__(limits)
        self._timeouts = timeouts
        self._receive = receive
        self._receive_all: Callable[[list[str]], int] | None = None
        self._receive_binary = receive_binary or _ignore
        self._lost = lost
        self._saw_frame: Callable[[], None] = _ignore
        self._saw_control: Callable[[], None] = _ignore
        self._violated: Callable[[Close], None] = _ignore
        self._reader = FrameReader(limits, accepts_binary=receive_binary is not None, unmask=unmask)
        self._backlog: deque[Frame] | None = None  # an empty one is larger than all the rest of this
        self._heard = 0  # messages and other frames
        self._peer_said: tuple[int | None, str] = (None, "")
        self._frame_patience: Patience | None = None
        self._message_patience: Patience | None = None
        self._write_patience: Patience | None = None
        self._is_started = self._is_paused = self._is_going_on = False

    # --- what the socket calls ---

    def start(self, first: bytes = b"") -> None:
        """Begin to read.

        Args:
            first: what arrived behind the handshake; it is handed on soon, not now.
        """
        if self._is_lost:
            return
        self._is_started = True
        if first:
            self._saw_frame()
            self._keep(self._feed(first))
        elif not self._is_paused:
            self._pipe.resume()

    def data_received(self, data: bytes, held: list[Corked] | None = None) -> None:
        """Take in what was read, and hand it on; what that makes us say leaves in one write.

        Args:
            held: where whoever feeds several finds whom to uncork; None: it leaves at once.
        """
        texts: list[str] = []
        end = self._reader.take_texts(data, texts)
        count = len(texts)
        self._heard += count
        self._cork = []
        try:
            taken = 0
            if (
                count
                and self._receive_all is not None
                and not (self._is_paused or self._backlog or self._has_said_goodbye)
            ):
                taken = self._receive_all(texts if count <= TURN_MESSAGES else texts[:TURN_MESSAGES])
            else:
                self._saw_frame()
            if taken < count and not self._take_texts(texts, taken):
                frames = [(TEXT, text.encode(), 0) for text in texts]
                self._keep([*frames, *self._feed(data[end:])])
            elif end < len(data):
                self._hand_over(self._feed(data[end:]), TURN_MESSAGES - count)
        finally:
            if held is None:
                self.uncork()
            else:
                held.append(self)

    def _take_texts(self, texts: list[str], taken: int) -> bool:
        """Hand over the texts behind those that were taken; False: those that are left have to wait."""
        for index in range(taken, len(texts)):
            if self._is_paused or self._backlog or index == TURN_MESSAGES:
                del texts[:index]
                return False
            if not self._has_said_goodbye:  # else frames still arrive behind it
                self._receive(texts[index])
        return True

    def _feed(self, data: bytes) -> list[Frame]:
        frames = self._reader.feed(data)
        self._heard += len(frames)
        return frames

    def _hand_over(self, frames: list[Frame], turn: int) -> None:
        for index, frame in enumerate(frames):
            if self._is_paused or self._backlog or index >= turn:
                self._keep(frames[index:])
                return
            self._take(frame)
        self._tell_violation()

    def connection_lost(self) -> None:
        """End everything; a second call does nothing."""
        if self._is_lost:
            return
        self._is_lost = True
        self._backlog = self._outbox = None
        self._partial = b""
        lost, self._lost = self._lost, _ignore
        self.attach(GONE)  # its own pipe holds this engine
        self._receive = self._receive_binary = self._saw_frame = self._saw_control = self._violated = _ignore
        self._receive_all = None
        lost(*self._peer_said)

    # --- in ---

    def _take(self, frame: Frame) -> None:
        opcode, payload, _ = frame
        if self._has_said_goodbye and opcode != CLOSE:
            return  # frames still arrive behind our goodbye
        if opcode == TEXT:
            self._receive(payload.decode())
        elif opcode == CLOSE:
            self._take_close(payload)
        elif opcode == BINARY:
            self._receive_binary(payload)
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
            self._outbox = None  # nobody reads behind a goodbye
            self._write(echo_close(payload))
        self._finish_when_written()

    def _tell_violation(self) -> None:
        if self._reader.violation is not None and not self._has_said_goodbye:
            self._violated(self._reader.violation)

    def _keep(self, frames: Sequence[Frame]) -> None:
        """Put frames aside until their handler has room; a ping or pong among them does not wait."""
        for frame in frames:
            if frame[0] in (PING, PONG):
                self._take(frame)
            else:
                if self._backlog is None:
                    self._backlog = deque()
                self._backlog.append(frame)
        self._pipe.pause()
        if not self._is_paused:
            self._go_on_soon()

    def _go_on_soon(self) -> None:
        if not self._is_going_on:
            self._is_going_on = True
            self._pipe.later(self._go_on)

    def _go_on(self) -> None:
        """Hand on what was put aside, a turn's worth at a time, and then read on."""
        self._is_going_on = False
        if self._is_lost or self._is_paused:
            return
        self._cork = []
        try:
            left = TURN_MESSAGES
            while self._backlog and left and not self._is_paused:
                left -= 1
                self._take(self._backlog.popleft())
            if not self._backlog:
                self._backlog = None
                self._tell_violation()
        finally:
            self.uncork()
        if self._backlog and not self._is_paused:
            self._go_on_soon()
        elif not self._is_paused:
            self._pipe.resume()

    # --- a Connection ---

    def watch(
        self,
        saw_frame: Callable[[], None],
        saw_control: Callable[[], None],
        violated: Callable[[Close], None],
        receive: Callable[[str], None] | None = None,
        receive_all: Callable[[list[str]], int] | None = None,
    ) -> None:
        self._receive = receive or self._receive
        self._receive_all = receive_all
        self._saw_frame = saw_frame
        self._saw_control = saw_control
        self._violated = violated

    def close(self, close: Close) -> None:
        if self._has_said_goodbye or self._is_lost:
            return
        self._has_said_goodbye = True
        if self._backlog and self._backlog[-1][0] == CLOSE:
            self._peer_has_said_goodbye = True  # it said so behind what is not handled any more
        self._backlog = None
        if close.code == CloseCode.REVOKED:
            self._outbox = None  # whoever has lost the right to hear it hears no more
        self._write(self._queued(EVERYTHING) + encode_close(close))
        if self._reader.is_done:
            self._finish_when_written()  # after a violation nothing of the peer's is read any more
        self.resume()  # else nobody reads the peer's answer

    def abort(self) -> None:
        self._has_said_goodbye = True
        self._pipe.abort()

    def pause(self) -> None:
        if not self._is_paused:
            self._is_paused = True
            self._pipe.pause()

    def resume(self) -> None:
        if self._is_paused:
            self._is_paused = False
            if self._is_started:
                self._go_on_soon()

    def set_message_cap(self, message_bytes: int) -> None:
        self._reader.message_bytes = message_bytes

    def overdue(self, now: float) -> Close | None:
        if self._is_paused or self._backlog or not self._is_started:
            # Who is not read cannot finish anything: its time starts anew.
            self._frame_patience = self._message_patience = None
            if self._pipe.is_deserted():
                self._pipe.abort()
        elif not self._reader.is_between_messages and (close := self._unfinished(now)) is not None:
            return close
        return SLOW if self._partial and self._is_slow(now) else None

    def extend(self, lag: float) -> None:
        for patience in (self._frame_patience, self._message_patience, self._write_patience):
            if patience is not None:
                patience.extend(lag)
        if self._outbox is not None:
            self._outbox.extend(lag)

    @property
    def heard_frames(self) -> int:
        return self._heard

    @property
    def is_reading(self) -> bool:
        return not self._is_paused

    def _unfinished(self, now: float) -> Close | None:
        frame = self._frame_patience = self._frame_patience or Patience()
        message = self._message_patience = self._message_patience or Patience()
        if frame.seconds(self._reader.unfinished_frame, now) >= self._timeouts.frame:
            return FRAME_UNFINISHED
        if message.seconds(self._reader.unfinished_message, now) >= self._timeouts.message:
            return MESSAGE_UNFINISHED
        return None

    def _is_slow(self, now: float) -> bool:
        progress = self._write_patience = self._write_patience or Patience()
        if progress.seconds(self._taken, now) >= self._timeouts.write_progress:
            return True
        return self._outbox is not None and not self._outbox.drop_older_than(now - self._timeouts.outbound_age)
