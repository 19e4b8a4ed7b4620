"""A message that has not arrived as a whole: the pieces so far, in the clear, judged as they come."""

from codecs import utf_8_decode

from .frames import TEXT, TEXT_NOT_UTF8, Violation


class PartialMessage:
    """One text or binary message in the making.

    Args:
        opcode: TEXT or BINARY.
    """

    __slots__ = ("_clear", "_undecided", "fragments", "opcode")

    def __init__(self, opcode: int) -> None:
        self.opcode = opcode
        self.fragments = 0
        self._clear = bytearray()  # grows with what arrives, never with what a header promises
        self._undecided = b""

    def __len__(self) -> int:
        return len(self._clear)

    def add(self, clear: bytes) -> None:
        """Append a piece, however small.

        Raises:
            Violation: no text can begin like this.
        """
        if self.opcode == TEXT:
            self._undecided = _cut_character(self._undecided + clear)
        self._clear += clear

    def whole(self) -> bytes:
        """The message, now that nothing more comes.

        Raises:
            Violation: the text ends within a character.
        """
        if self._undecided:
            raise Violation(TEXT_NOT_UTF8)
        return bytes(self._clear)


def _cut_character(text: bytes) -> bytes:
    """The beginning of a character at the end of `text`, at most 3 bytes; empty when none is cut.

    Raises:
        Violation: as soon as no continuation could make it UTF-8.
    """
    if text.isascii():
        return b""
    try:
        _, decided = utf_8_decode(text, "strict", False)
    except UnicodeDecodeError:
        raise Violation(TEXT_NOT_UTF8) from None
    cut = text[decided:]
    if cut[:1] == b"\xed" and cut[1:] >= b"\xa0":  # half a surrogate: CPython waits for its third byte
        raise Violation(TEXT_NOT_UTF8)
    return cut
