"""Messages that carry bytes: a head of JSON, as any message has, and behind it the bytes.

On the wire it is one binary message: four bytes, the length of the head as an unsigned number, the first the most
significant; the head, an envelope as in a text message; and what is left is the payload.

Rules of this file:
1. A binary message goes through every stage that a text goes through, its payload as one more field.
2. A type is either for text or for bytes: to the other kind of message it is unknown.
3. Where no type is declared for bytes, a binary message ends the connection unread.
"""

from typing import Final

from ..closing import Close, CloseCode
from ..errors import Disconnect, MalformedFrame, MessageTooBig
from .binary_formats import PAYLOAD
from .pipeline import Permitted, Pipeline
from .session import Session

LENGTH_BYTES: Final = 4


class BinaryPipeline(Pipeline):
    """What one endpoint admits as bytes; its types are none of those that it admits as text."""

    __slots__ = ()

    def admit(self, frame: str | bytes, session: Session, now: float) -> Permitted:
        """Turn bytes from a stranger into a message we will act on.

        Raises:
            FrameError: it is answered with an `error`; carries the id to answer, where there was one.
            FrameDropped: it gets no answer.
            Disconnect: a budget is used up, or no type takes bytes.
        """
        session.ensure_open()
        if not self.accepted or isinstance(frame, str):
            raise Disconnect(Close(CloseCode.UNSUPPORTED_DATA), "binary frame")
        session.spend_frame(len(frame), now)
        if len(frame) > self.limits.message_bytes:
            raise MessageTooBig(f"{len(frame)} bytes; at most {self.limits.message_bytes}")
        head, payload = parted(frame)
        incoming = self.envelope.parse(head, self.limits)
        data = {PAYLOAD: payload, **incoming.data}  # a payload that the head names is no bytes, and refused for that
        return self._judge(incoming._replace(data=data, size=len(frame)), session, now)


def parted(frame: bytes) -> tuple[bytes, bytes]:
    """Head and payload of a binary message.

    Raises:
        MalformedFrame: it is shorter than it says.
    """
    end = LENGTH_BYTES + int.from_bytes(frame[:LENGTH_BYTES])
    if len(frame) < max(end, LENGTH_BYTES):
        raise MalformedFrame("a binary message shorter than its head")
    return frame[LENGTH_BYTES:end], frame[end:]


def joined(head: str, payload: bytes) -> bytes:
    """A binary message of a head and a payload, for clients and tests."""
    text = head.encode()
    return len(text).to_bytes(LENGTH_BYTES) + text + payload
