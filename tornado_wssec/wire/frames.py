"""Frames by the letter of RFC 6455: what may stand in one, which close a breach asks for, and the server's own.

Rules of this file:
1. A breach has a close code of RFC 6455 §7.4 and a fixed text; nothing of the peer's is echoed.
2. What we write is whole, minimal and unmasked (§5.1), so one broadcast is one frame for all its recipients.
"""

from typing import Final

from ..closing import Close, CloseCode

CONTINUATION: Final = 0x0
TEXT: Final = 0x1
BINARY: Final = 0x2
CLOSE: Final = 0x8
PING: Final = 0x9
PONG: Final = 0xA

FIN: Final = 0x80
RESERVED_BITS: Final = 0x70
CONTROL_BIT: Final = 0x08
MASKED: Final = 0x80
OPCODES: Final = frozenset({CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG})

CONTROL_BYTES: Final = 125
"""The most that a control frame carries, and that a length of seven bits can say (RFC 6455 §5.5)."""
TWO_BYTE_LENGTH: Final = 126
"""Stands for a length in the next two bytes; 127 for one in the next eight. Also the least that two bytes may say."""
EIGHT_BYTE_LENGTH_LEAST: Final = 0x10000

_SHORT_TEXT: Final = tuple([bytes((FIN | TEXT, length)) for length in range(TWO_BYTE_LENGTH)])
"""Headers of text messages of that many bytes."""

NO_CODE: Final = 1005
"""What a close frame without a code counts as; never on the wire (RFC 6455 §7.4.1)."""
PEER_CODES: Final = frozenset({1000, 1001, 1002, 1003, *range(1007, 1015), *range(3000, 5000)})
"""What a peer may say (RFC 6455 §7.4, and the registry that §11.7 opened)."""


class Violation(Exception):
    """The peer broke the protocol or one of our caps; `close` is the answer."""

    def __init__(self, close: Close) -> None:
        super().__init__(close.reason)
        self.close = close


RESERVED_BIT_SET: Final = Close(CloseCode.PROTOCOL_ERROR, "reserved bit set")
RESERVED_OPCODE: Final = Close(CloseCode.PROTOCOL_ERROR, "reserved opcode")
UNMASKED: Final = Close(CloseCode.PROTOCOL_ERROR, "frame is not masked")
LENGTH_NOT_MINIMAL: Final = Close(CloseCode.PROTOCOL_ERROR, "length is not minimal")
CONTROL_IN_FRAGMENTS: Final = Close(CloseCode.PROTOCOL_ERROR, "control frame in fragments")
CONTROL_TOO_LONG: Final = Close(CloseCode.PROTOCOL_ERROR, "control frame over 125 bytes")
NOTHING_TO_CONTINUE: Final = Close(CloseCode.PROTOCOL_ERROR, "nothing to continue")
MESSAGE_NOT_FINISHED: Final = Close(CloseCode.PROTOCOL_ERROR, "message before the last one has ended")
CLOSE_MALFORMED: Final = Close(CloseCode.PROTOCOL_ERROR, "close frame is malformed")
BINARY_NOT_DECLARED: Final = Close(CloseCode.UNSUPPORTED_DATA)
TEXT_NOT_UTF8: Final = Close(CloseCode.INVALID_PAYLOAD)
FRAME_TOO_BIG: Final = Close(CloseCode.MESSAGE_TOO_BIG, "frame too big")
MESSAGE_TOO_BIG: Final = Close(CloseCode.MESSAGE_TOO_BIG)
TOO_MANY_FRAGMENTS: Final = Close(CloseCode.MESSAGE_TOO_BIG, "too many fragments")


def is_utf8(data: bytes) -> bool:
    """Whether the whole of it is UTF-8: no overlong form, no surrogate, nothing beyond U+10FFFF (RFC 3629 §3)."""
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def read_close(payload: bytes) -> tuple[int, str]:
    """Code and reason of a peer's close frame; 1005 and nothing when it says nothing (RFC 6455 §5.5.1).

    Raises:
        Violation: half a code, one that may not be sent, or a reason that is not UTF-8.
    """
    if not payload:
        return NO_CODE, ""
    code, reason = int.from_bytes(payload[:2]), payload[2:]
    if len(payload) == 1 or code not in PEER_CODES or not is_utf8(reason):
        raise Violation(CLOSE_MALFORMED)
    return code, reason.decode()


def encode_text(payload: bytes) -> bytes:
    """A text message in one frame, the same for whoever gets it. `payload` must be UTF-8, and is not looked at."""
    length = len(payload)
    return _SHORT_TEXT[length] + payload if length < TWO_BYTE_LENGTH else _encode(FIN | TEXT, payload)


def encode_binary(payload: bytes) -> bytes:
    """A binary message in one frame, the same for whoever gets it."""
    return _encode(FIN | BINARY, payload)


def encode_close(close: Close) -> bytes:
    """A close frame; `Close` has seen to it that it fits."""
    return _encode(FIN | CLOSE, int(close.code).to_bytes(2) + close.reason.encode())


def echo_close(payload: bytes) -> bytes:
    """The answer to a peer's close frame: its code, or none, without its reason (RFC 6455 §5.5.1)."""
    return _encode(FIN | CLOSE, payload[:2])


def encode_ping(nonce: bytes) -> bytes:
    """A ping frame.

    Raises:
        ValueError: over 125 bytes.
    """
    return _encode_control(PING, nonce)


def encode_pong(payload: bytes) -> bytes:
    """The answer to a ping with this payload.

    Raises:
        ValueError: over 125 bytes.
    """
    return _encode_control(PONG, payload)


def _encode_control(opcode: int, payload: bytes) -> bytes:
    if len(payload) > CONTROL_BYTES:
        raise ValueError(f"{len(payload)} bytes do not fit a control frame; send at most {CONTROL_BYTES}")
    return _encode(FIN | opcode, payload)


def _encode(first: int, payload: bytes) -> bytes:
    length = len(payload)
    if length < TWO_BYTE_LENGTH:
        return bytes((first, length)) + payload
    if length < EIGHT_BYTE_LENGTH_LEAST:
        return bytes((first, TWO_BYTE_LENGTH)) + length.to_bytes(2) + payload
    return bytes((first, TWO_BYTE_LENGTH + 1)) + length.to_bytes(8) + payload
