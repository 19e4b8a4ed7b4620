"""One message on its way out: encoded once, however many get it."""

from ..policy.overflow import Overflow
from .frames import encode_text


class Outgoing:
    """A message that has been validated and encoded.

    Args:
        text: JSON, fit for the wire.
        is_reply: whether it answers a message of its recipient; replies leave before events.
        overflow: what a full queue does with it.
        key: with `Overflow.COALESCE`, what it is the newest of.
    """

    __slots__ = ("frame", "is_reply", "key", "overflow", "text")

    frame: bytes
    """The whole frame."""

    def __init__(
        self, text: str, *, is_reply: bool = False, overflow: Overflow = Overflow.DISCONNECT, key: str | None = None
    ) -> None:
        self.text = text
        self.is_reply = is_reply
        self.overflow = overflow
        self.key = key
        self.frame = encode_text(text.encode())
