"""What the server writes, byte for byte, and what it takes for a close."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.clients import KEY
from tornado_wssec import Close, CloseCode
from tornado_wssec.wire import frames, masking
from tornado_wssec.wire.frames import Violation, read_close


def test_frames_text_of_the_rfc() -> None:
    """The unmasked "Hello" of RFC 6455 §5.7."""

    assert bytes.fromhex("81 05 48 65 6c 6c 6f") == frames.encode_text(b"Hello")


@pytest.mark.parametrize(
    ("size", "header"),
    [
        (0, "81 00"),
        (125, "81 7d"),
        (126, "81 7e 007e"),
        (65_535, "81 7e ffff"),
        (65_536, "81 7f 0000000000010000"),
    ],
)
def test_frames_text_has_the_shortest_header(size: int, header: str) -> None:
    """The length takes as few bytes as it can, and there is no mask (RFC 6455 §5.1, §5.2)."""

    assert bytes.fromhex(header) + b"x" * size == frames.encode_text(b"x" * size)


def test_frames_close_is_code_and_reason() -> None:
    """A close frame holds both, also a code of the application's own."""

    assert b"\x88\x06\x03\xe8done" == frames.encode_close(Close(CloseCode.NORMAL))
    assert b"\x88\x04\x0f\xa0\xc3\xa9" == frames.encode_close(Close(4000, "é"))


def test_frames_close_of_the_longest_reason_fits() -> None:
    """The longest reason that `Close` lets through makes a control frame of 125 bytes."""

    assert 2 + 125 == len(frames.encode_close(Close(CloseCode.NORMAL, "x" * 1_000)))


@pytest.mark.parametrize(
    ("payload", "answer"),
    [(b"", b"\x88\x00"), (b"\x03\xe8", b"\x88\x02\x03\xe8"), (b"\x03\xe9bye", b"\x88\x02\x03\xe9")],
)
def test_frames_close_is_echoed_without_its_reason(payload: bytes, answer: bytes) -> None:
    """The peer's code goes back, or none where it sent none; its text does not."""

    assert answer == frames.echo_close(payload)


def test_frames_ping_and_pong() -> None:
    """Both carry what they are given, up to 125 bytes."""

    assert b"\x89\x05Hello" == frames.encode_ping(b"Hello")
    assert b"\x8a\x05Hello" == frames.encode_pong(b"Hello")
    assert b"\x8a\x7d" + bytes(125) == frames.encode_pong(bytes(125))


@pytest.mark.parametrize("encode", [frames.encode_ping, frames.encode_pong])
def test_frames_control_over_125_bytes_is_an_error(encode: type[bytes]) -> None:
    """What fits no control frame is refused, with the size and the most there may be."""
    with pytest.raises(ValueError, match="126 bytes do not fit a control frame; send at most 125"):
        encode(bytes(126))


def test_frames_close_that_says_nothing() -> None:
    """An empty close frame reads as 1005, which is never on the wire."""

    assert (1005, "") == read_close(b"")


@pytest.mark.parametrize(
    "code", [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999]
)
def test_frames_close_codes_of_a_peer(code: int) -> None:
    """Every code that may be sent is read, with its reason."""

    assert (code, "Grüße") == read_close(code.to_bytes(2) + "Grüße".encode())


BAD_CODES = [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535]
BAD_REASONS = [b"\xff", b"\xed\xa0\x80", b"\xc0\xaf", b"ok\xe2\x82"]


@pytest.mark.parametrize(
    "payload",
    [b"\x03", *(code.to_bytes(2) for code in BAD_CODES), *(b"\x03\xe8" + reason for reason in BAD_REASONS)],
    ids=bytes.hex,
)
def test_frames_close_that_is_none(payload: bytes) -> None:
    """Half a code, a code that may not be sent, or a reason that is not UTF-8 is a protocol error."""
    with pytest.raises(Violation) as caught:
        read_close(payload)

    assert frames.CLOSE_MALFORMED is caught.value.close


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 5, 125, 126, masking.WIDE, masking.WIDE + 1, 65_537])
def test_frames_mask_of_every_size(size: int) -> None:
    """Each byte is combined with the byte of the key that its place asks for (RFC 6455 §5.3)."""
    data = bytes(index * 7 % 256 for index in range(size))

    assert bytes(byte ^ KEY[index % 4] for index, byte in enumerate(data)) == masking.unmask(KEY, data)


@given(st.binary(min_size=4, max_size=4), st.binary(max_size=3 * masking.WIDE))
def test_frames_mask_is_its_own_inverse(key: bytes, data: bytes) -> None:
    """Masking twice gives back what there was."""

    assert data == masking.unmask(key, masking.unmask(key, data))


@given(st.binary())
def test_frames_utf8_is_what_python_decodes(data: bytes) -> None:
    """The check agrees with the strict decoder."""
    try:
        data.decode("utf-8", "strict")
    except UnicodeDecodeError:
        is_text = False
    else:
        is_text = True

    assert is_text == frames.is_utf8(data)


def test_frames_of_bytes() -> None:
    """A binary message has its own opcode, and the same lengths."""

    assert b"\x82\x02\x00\xff" == frames.encode_binary(b"\x00\xff")
