"""A server's reader of frames: bytes in, frames out; it neither waits nor reads a clock (RFC 6455 §5).

Rules of this file:
1. A frame is judged from its header, byte by byte, before one byte of its payload is kept.
2. Held are one message of at most the cap, and one incomplete header or control frame; never what a header promises.
3. Each byte is handled a bounded number of times, however the stream is cut, and the cuts never change the outcome.
4. After a violation or a close frame nothing is read any more.
"""

from typing import Final

from ..closing import Close
from ..settings import Limits
from . import frames as rules
from .frames import BINARY, CLOSE, CONTINUATION, CONTROL_BIT, FIN, MASKED, TEXT, TWO_BYTE_LENGTH, Violation
from .masking import Unmask, unmask
from .partial import PartialMessage

Frame = tuple[int, bytes, int]
"""Opcode, payload, and bytes on the wire; a plain tuple, as one is made for each frame.

There is exactly one for each frame, so that each can be charged for: a frame that leaves its message
unfinished is `(CONTINUATION, b"", size)`, and the last one carries the whole message under the
opcode of the first. Text is UTF-8, proved, and stays bytes: decoders of JSON read bytes, and it is
the cheaper form to prove, count and keep.
"""

WHOLE_TEXT: Final = FIN | TEXT
SHORT_HEADER: Final = 6
"""Bytes before a masked payload whose length seven bits can say; two more where two bytes say it."""
SHORTEST_RUN: Final = 7
"""A frame of more bytes than this has the header that the fast path looks at, whatever its length."""


class FrameReader:
    """Reads what one client sends.

    Args:
        limits: `message_bytes`, `frame_bytes` and `fragments` hold; each may be changed between two feeds.
        accepts_binary: whether a binary message is declared; else its first byte closes with 1003.
        unmask: a faster one than pure Python's.
    """

    __slots__ = (
        "_count",
        "_is_last",
        "_key",
        "_left",
        "_message",
        "_messages",
        "_rest",
        "_size",
        "_unmask",
        "accepts_binary",
        "fragments",
        "frame_bytes",
        "is_done",
        "message_bytes",
        "violation",
    )

    def __init__(self, limits: Limits, *, accepts_binary: bool = False, unmask: Unmask = unmask) -> None:
        self.message_bytes = limits.message_bytes
        self.frame_bytes = limits.frame_bytes
        self.fragments = limits.fragments
        self.accepts_binary = accepts_binary
        self.violation: Close | None = None
        self.is_done = False
        self._unmask = unmask
        self._rest = b""  # an incomplete header, or control frame
        self._message: PartialMessage | None = None
        self._left = 0  # of the payload of the data frame that is arriving
        self._key = b""  # of that frame, turned to its next byte
        self._size = 0
        self._is_last = False
        self._count = 0
        self._messages = 0

    def feed(self, data: bytes | bytearray | memoryview) -> list[Frame]:
        """Every frame that these bytes complete, in order.

        Then look at `violation`: the close that a breach asks for, None while there is none. The frames
        before it still count.
        """
        frames: list[Frame] = []
        if self.is_done:
            return frames
        try:
            self._read(self._rest + data if self._rest else bytes(data), frames)
        except Violation as violation:
            self.violation = violation.close
            self._stop()
        self._count += len(frames)
        return frames

    def take_texts(self, data: bytes, texts: list[str], position: int = 0) -> int:
        """The fast path: a run of text messages of one frame each.

        It only accepts: whatever it does not know, down to what is over a cap or no UTF-8, it leaves to `feed`.

        Args:
            texts: the messages are put here.
            position: where in the data the run may begin.

        Returns:
            Where it ends; the rest is for `feed`.
        """
        if self._message is not None or self._rest or self.is_done:
            return position
        clear, end = self._unmask, len(data)
        cap = self.message_bytes if self.message_bytes < self.frame_bytes else self.frame_bytes
        while end - position > SHORTEST_RUN and data[position] == WHOLE_TEXT:
            length, start = data[position + 1] - MASKED, position + 6
            if length == TWO_BYTE_LENGTH:
                length, start = data[position + 2] << 8 | data[position + 3], position + 8
                if length < TWO_BYTE_LENGTH:
                    break
            elif not 0 <= length < TWO_BYTE_LENGTH:
                break
            stop = start + length
            if length > cap or stop > end:
                break
            try:
                texts.append(clear(data[start - 4 : start], data[start:stop]).decode())
            except UnicodeDecodeError:
                break
            position = stop
        self._count += len(texts)
        return position

    @property
    def is_between_messages(self) -> bool:
        """Whether nothing has begun that has not ended. Cheap: a sweep asks it of everybody."""
        return self._message is None and not self._rest

    @property
    def unfinished_frame(self) -> int:
        """The number of the frame that has begun and not ended; 0 when there is none. See `Patience`."""
        return self._count + 1 if self._rest or self._left else 0

    @property
    def unfinished_message(self) -> int:
        """The number of the message that has begun and not ended; 0 when there is none."""
        return self._messages if self._message is not None else 0

    @property
    def held_bytes(self) -> int:
        """What is kept of frames and messages that are not whole."""
        return len(self._rest) + len(self._message or b"")

    def _stop(self) -> None:
        self.is_done = True
        self._rest = b""
        self._message = None
        self._left = 0

    def _read(self, data: bytes, frames: list[Frame]) -> None:
        self._rest = b""
        end = len(data)
        position = 0
        if self._left and self._message is not None:
            position = self._take_payload(self._message, data, 0, frames)
        while position < end:
            if self._message is None:
                position = self._take_whole_texts(data, position, frames)
            if position < end:
                position = self._take_frame(data, position, frames)

    def _take_whole_texts(self, data: bytes, position: int, frames: list[Frame]) -> int:
        """The same run as frames. Returns where it ends."""
        texts: list[str] = []
        position = self.take_texts(data, texts, position)
        self._count -= len(texts)  # `feed` counts all of its frames
        for payload in [text.encode() for text in texts]:
            header = SHORT_HEADER if len(payload) < TWO_BYTE_LENGTH else SHORT_HEADER + 2
            frames.append((TEXT, payload, header + len(payload)))
        return position

    def _take_frame(self, data: bytes, position: int, frames: list[Frame]) -> int:
        """One frame of any kind, or what there is of it. Returns where it ends."""
        header = self._judge_header(data, position)
        if header is None:
            self._rest = data[position:]
            return len(data)
        start, length = header
        if data[position] & CONTROL_BIT:
            return self._take_control(data, position, start, length, frames)
        self._key, self._left, self._size = data[start - 4 : start], length, start - position + length
        message = self._begin(data[position])
        return self._take_payload(message, data, start, frames)

    def _judge_header(self, data: bytes, position: int) -> tuple[int, int] | None:
        """Where the payload begins and how long it is; None while the header is not whole.

        Raises:
            Violation: as soon as the bytes that are there allow no frame that we would take.
        """
        self._judge_first_byte(data[position])
        header = data[position + 1 : position + 10]
        if not header:
            return None
        if header[0] < MASKED:
            raise Violation(rules.UNMASKED)
        length, start = header[0] - MASKED, position + 6
        if length >= TWO_BYTE_LENGTH:
            width, least = (2, TWO_BYTE_LENGTH) if length == TWO_BYTE_LENGTH else (8, rules.EIGHT_BYTE_LENGTH_LEAST)
            if data[position] & CONTROL_BIT:
                raise Violation(rules.CONTROL_TOO_LONG)
            if len(header) <= width:
                return None
            length, start = int.from_bytes(header[1 : width + 1]), start + width
            if length < least:
                raise Violation(rules.LENGTH_NOT_MINIMAL)
        if not data[position] & CONTROL_BIT:
            self._judge_length(length)
        return (start, length) if start <= len(data) else None

    def _judge_first_byte(self, first: int) -> None:
        opcode = first & 0x0F
        if first & rules.RESERVED_BITS:
            raise Violation(rules.RESERVED_BIT_SET)
        if opcode not in rules.OPCODES:
            raise Violation(rules.RESERVED_OPCODE)
        if opcode & CONTROL_BIT:
            if not first & FIN:
                raise Violation(rules.CONTROL_IN_FRAGMENTS)
        elif opcode == CONTINUATION:
            self._judge_continuation()
        elif self._message is not None:
            raise Violation(rules.MESSAGE_NOT_FINISHED)
        elif opcode == BINARY and not self.accepts_binary:
            raise Violation(rules.BINARY_NOT_DECLARED)

    def _judge_continuation(self) -> None:
        if self._message is None:
            raise Violation(rules.NOTHING_TO_CONTINUE)
        if self._message.fragments >= self.fragments:
            raise Violation(rules.TOO_MANY_FRAGMENTS)

    def _judge_length(self, length: int) -> None:
        """Ask both caps. A length with the forbidden top bit (RFC 6455 §5.2) is over any cap."""
        held = len(self._message) if self._message is not None else 0
        if held + length > self.message_bytes:
            raise Violation(rules.MESSAGE_TOO_BIG)
        if length > self.frame_bytes:
            raise Violation(rules.FRAME_TOO_BIG)

    def _take_control(self, data: bytes, position: int, start: int, length: int, frames: list[Frame]) -> int:
        stop = start + length
        if stop > len(data):
            self._rest = data[position:]
            return len(data)
        opcode = data[position] & 0x0F
        payload = self._unmask(data[start - 4 : start], data[start:stop])
        if opcode == CLOSE:
            rules.read_close(payload)
            self._stop()
        frames.append((opcode, payload, stop - position))
        return len(data) if self.is_done else stop

    def _begin(self, first: int) -> PartialMessage:
        """The message that a data frame with this first byte belongs to."""
        if self._message is None:
            self._message = PartialMessage(first & 0x0F)
            self._messages += 1
        self._message.fragments += 1
        self._is_last = first & FIN != 0
        return self._message

    def _take_payload(self, message: PartialMessage, data: bytes, position: int, frames: list[Frame]) -> int:
        """What there is of the data frame's payload. Returns where it ends."""
        masked = data[position : position + self._left]
        message.add(self._unmask(self._key, masked))
        self._left -= len(masked)
        if self._left:
            turn = len(masked) % 4
            self._key = self._key[turn:] + self._key[:turn]
        elif self._is_last:
            self._message = None
            frames.append((message.opcode, message.whole(), self._size))
        else:
            frames.append((CONTINUATION, b"", self._size))
        return position + len(masked)


class Patience:
    """How long a reader has been at one thing. Asked by a sweep, so that reading itself needs no clock.

    A thing is known by its number (`unfinished_frame`, `unfinished_message`), and its time starts
    when the sweep first sees it: at most one sweep late.
    """

    __slots__ = ("_number", "_since")

    def __init__(self) -> None:
        self._number = 0
        self._since = 0.0

    def seconds(self, number: int, now: float) -> float:
        """How long this number has been seen; 0.0 for a new one, and for 0, which is nothing."""
        if number != self._number:
            self._number, self._since = number, now
        return now - self._since if number else 0.0

    def extend(self, lag: float) -> None:
        """Forgive the time in which nobody was looking."""
        self._since += lag
