"""What the frame reader takes, what it refuses and when: each attack on frames that needs no socket."""

import pytest

from tests.wire.clients import KEY, feed_each_byte, header, masked, messages_of, reader_of, unmasked
from tornado_wssec import Close, Limits
from tornado_wssec.settings import KiB
from tornado_wssec.wire import frames as rules
from tornado_wssec.wire.frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT
from tornado_wssec.wire.reader import FrameReader, Patience

CHUNKS = [True, False]


def verdict(stream: bytes, *, at_once: bool = True, accepts_binary: bool = False, **limits: int) -> Close | None:
    """How a reader with these limits judges a stream, whole or byte by byte."""
    reader = reader_of(accepts_binary=accepts_binary, **limits)
    if at_once:
        reader.feed(stream)
    else:
        feed_each_byte(reader, stream)
    return reader.violation


def test_reader_text_of_the_rfc() -> None:
    """The masked "Hello" of RFC 6455 §5.7."""

    assert [(TEXT, b"Hello", 11)] == reader_of().feed(bytes.fromhex("81 85 37fa213d 7f9f4d5158"))


@pytest.mark.parametrize("size", [0, 1, 2, 124, 125, 126, 127, 65_534, 65_535, 65_536])
@pytest.mark.parametrize("at_once", CHUNKS)
def test_reader_text_of_every_length(size: int, at_once: bool) -> None:
    """Each form of the length is read, and the frame's whole size is told."""
    reader, stream = reader_of(), masked(TEXT, b"x" * size)

    assert [(TEXT, b"x" * size, len(stream))] == (reader.feed(stream) if at_once else feed_each_byte(reader, stream))


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_reader_takes_any_bytes(kind: type[bytes]) -> None:
    """A transport's buffer may be handed in as it is; what comes out does not depend on it."""
    reader, stream = reader_of(), bytearray(masked(TEXT, b"one") + masked(TEXT, b"two"))
    first, second = kind(stream[:12]), kind(stream[12:])
    frames = [*reader.feed(first), *reader.feed(second)]
    stream[:] = bytes(len(stream))

    assert [(TEXT, b"one"), (TEXT, b"two")] == messages_of(frames)


def test_reader_many_messages_in_one_read() -> None:
    """Messages that come together come out in order, with the first bytes of the next one kept."""
    reader = reader_of()
    stream = b"".join(masked(TEXT, b"%d" % index * 5) for index in range(100))

    frames = reader.feed(stream + masked(TEXT, b"later")[:3])

    assert [b"%d" % index * 5 for index in range(100)] == [payload for _, payload, _ in frames]
    assert 3 == reader.held_bytes


def test_reader_unmasks_with_what_it_is_given() -> None:
    """A compiled function takes the place of the pure one."""
    reader = FrameReader(Limits(), unmask=lambda key, data: data.upper() if key == KEY else b"?" * len(data))

    assert [(TEXT, b"AB", 8), (PING, b"C", 7)] == reader.feed(
        header(TEXT, 2) + KEY + b"ab" + header(PING, 1) + KEY + b"c"
    )


@pytest.mark.parametrize("size", [64 * KiB + 1, 2**31, 2**62, 2**63, 2**64 - 1])
@pytest.mark.parametrize("at_once", CHUNKS)
def test_f01_header_of_too_much(size: int, at_once: bool) -> None:
    """The length alone closes with 1009, before there is a key; a length with the forbidden top bit is one of them."""

    assert rules.MESSAGE_TOO_BIG == verdict(header(TEXT, size), at_once=at_once)


def test_f01_header_keeps_nothing() -> None:
    """What a header promises, refused or not, is not kept room for."""
    refused, accepted = reader_of(), reader_of()
    refused.feed(header(TEXT, 2**62) + KEY)
    accepted.feed(header(TEXT, 64 * KiB) + KEY)

    assert (0, 0) == (refused.held_bytes, accepted.held_bytes)


@pytest.mark.parametrize("at_once", CHUNKS)
@pytest.mark.parametrize("cap", [1, 100, 125, 126, 4_000])
def test_f01_exactly_the_cap(cap: int, at_once: bool) -> None:
    """The largest message is read, one byte more is not, whichever form its length has."""

    assert None is verdict(masked(TEXT, b"x" * cap), at_once=at_once, message_bytes=cap)
    assert rules.MESSAGE_TOO_BIG == verdict(masked(TEXT, b"x" * (cap + 1)), at_once=at_once, message_bytes=cap)


@pytest.mark.parametrize("cap", [1, 100, 125, 126, 4_000])
def test_f01_frame_cap(cap: int) -> None:
    """A frame has a cap of its own, below that of the message; a control frame is no part of it."""

    assert None is verdict(masked(TEXT, b"x" * cap) + masked(PING, bytes(125)), frame_bytes=cap)
    assert rules.FRAME_TOO_BIG == verdict(masked(TEXT, b"x" * (cap + 1)), frame_bytes=cap)


def test_f01_caps_may_be_narrowed() -> None:
    """A stranger's first message has a smaller cap, which is lifted between two reads."""
    reader = reader_of()
    reader.message_bytes = 10
    frames = reader.feed(masked(TEXT, b"x" * 10))
    reader.message_bytes = 20
    frames += reader.feed(masked(TEXT, b"x" * 20))

    assert [10, 20] == [len(payload) for _, payload, _ in frames]
    reader.feed(masked(TEXT, b"x" * 21))
    assert rules.MESSAGE_TOO_BIG == reader.violation


def test_f02_flood_over_the_cap() -> None:
    """Five megabytes at once over a cap of 64 KiB are refused from the header and not kept."""
    reader = reader_of()

    assert [] == reader.feed(masked(TEXT, bytes(5_000_000)))
    assert (rules.MESSAGE_TOO_BIG, 0) == (reader.violation, reader.held_bytes)


@pytest.mark.parametrize("at_once", CHUNKS)
def test_f03_fragments_of_too_much(at_once: bool) -> None:
    """Fragments that come to the cap are a message; one byte more is refused."""
    start = masked(TEXT, b"x" * 600, fin=False)

    assert None is verdict(start + masked(CONTINUATION, b"x" * 400), at_once=at_once, message_bytes=1_000)
    assert rules.MESSAGE_TOO_BIG == verdict(
        start + masked(CONTINUATION, b"x" * 401), at_once=at_once, message_bytes=1_000
    )


@pytest.mark.parametrize(
    "stream",
    [
        unmasked(TEXT, b"first"),
        masked(TEXT, b"first") + unmasked(TEXT, b"later"),
        masked(TEXT, b"first", fin=False) + unmasked(CONTINUATION, b"fragment"),
        unmasked(PING),
        unmasked(CLOSE),
    ],
    ids=["first", "later", "fragment", "ping", "close"],
)
@pytest.mark.parametrize("at_once", CHUNKS)
def test_f04_unmasked(stream: bytes, at_once: bool) -> None:
    """A client that does not mask is none (RFC 6455 §5.1)."""

    assert rules.UNMASKED == verdict(stream, at_once=at_once)


@pytest.mark.parametrize("opcode", [CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG])
@pytest.mark.parametrize("rsv", range(1, 8))
def test_f05_reserved_bits(opcode: int, rsv: int) -> None:
    """No extension is negotiated, so every reserved bit is refused, from the first byte alone."""

    assert rules.RESERVED_BIT_SET == verdict(masked(opcode, rsv=rsv)[:1])


@pytest.mark.parametrize("opcode", [*range(3, 8), *range(11, 16)])
@pytest.mark.parametrize("fin", [True, False])
def test_f05_reserved_opcodes(opcode: int, fin: bool) -> None:
    """An opcode without a meaning is refused, from the first byte alone."""

    assert rules.RESERVED_OPCODE == verdict(masked(opcode, fin=fin)[:1])


@pytest.mark.parametrize("payload", [b"", b"x"], ids=["f07", "f06"])
@pytest.mark.parametrize("at_once", CHUNKS)
def test_f06_f07_endless_fragments(payload: bytes, at_once: bool) -> None:
    """However little they carry, fragments end at the cap: with the 65th, whatever follows it."""
    reader = reader_of()
    stream = masked(TEXT, payload, fin=False) + masked(CONTINUATION, payload, fin=False) * 10_000
    frames = reader.feed(stream) if at_once else feed_each_byte(reader, stream[:2_000])

    assert 64 == len(frames)
    assert (rules.TOO_MANY_FRAGMENTS, 0) == (reader.violation, reader.held_bytes)


def test_f06_message_of_the_most_fragments() -> None:
    """A message of exactly as many frames as may be is read, and the next one may have as many."""
    reader = reader_of(fragments=3)
    message = masked(TEXT, b"a", fin=False) + masked(CONTINUATION, b"b", fin=False) + masked(CONTINUATION, b"c")

    assert [(TEXT, b"abc")] * 2 == messages_of(reader.feed(message * 2))


def test_f08_message_that_never_ends_is_seen() -> None:
    """A sweep can tell how long a message has been unfinished, and the next one starts anew."""
    reader, patience = reader_of(), Patience()
    reader.feed(masked(TEXT, b"a", fin=False))

    assert 0.0 == patience.seconds(reader.unfinished_message, 100.0)
    reader.feed(masked(CONTINUATION, b"b", fin=False) + masked(PING))
    assert 10.0 == patience.seconds(reader.unfinished_message, 110.0)
    reader.feed(masked(CONTINUATION, b"c") + masked(TEXT, b"d", fin=False))
    assert 0.0 == patience.seconds(reader.unfinished_message, 111.0)
    reader.feed(masked(CONTINUATION, b"c"))
    assert 0.0 == patience.seconds(reader.unfinished_message, 200.0)
    assert 0 == reader.unfinished_message


@pytest.mark.parametrize("at_once", CHUNKS)
def test_f09_control_frames_within_a_message(at_once: bool) -> None:
    """Pings and pongs between fragments come out at once, and leave the message as it is."""
    reader = reader_of()
    parts = [
        masked(TEXT, b"Hel", fin=False),
        masked(PING, b"1"),
        masked(CONTINUATION, b"l", fin=False),
        masked(PONG, b"2"),
        masked(CONTINUATION, b"o"),
    ]
    frames = reader.feed(b"".join(parts)) if at_once else feed_each_byte(reader, b"".join(parts))

    contents = [(CONTINUATION, b""), (PING, b"1"), (CONTINUATION, b""), (PONG, b"2"), (TEXT, b"Hello")]
    assert [(*content, len(part)) for content, part in zip(contents, parts, strict=True)] == frames


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
@pytest.mark.parametrize("fin", [True, False])
def test_f09_message_within_a_message(opcode: int, fin: bool) -> None:
    """A new message before the last one has ended is refused, from its first byte alone."""
    stream = masked(TEXT, b"one", fin=False) + masked(opcode, b"two", fin=fin)[:1]

    assert rules.MESSAGE_NOT_FINISHED == verdict(stream, accepts_binary=True)


@pytest.mark.parametrize("before", [b"", masked(TEXT, b"whole"), masked(TEXT, fin=False) + masked(CONTINUATION)])
@pytest.mark.parametrize("fin", [True, False])
def test_f09_orphan(before: bytes, fin: bool) -> None:
    """A continuation of nothing is refused, also behind a message that has ended."""

    assert rules.NOTHING_TO_CONTINUE == verdict(before + masked(CONTINUATION, fin=fin)[:1])


@pytest.mark.parametrize("opcode", [PING, PONG])
def test_f11_each_control_frame_can_be_charged(opcode: int) -> None:
    """A flood comes out as one frame each, with its size on the wire."""
    frames = reader_of().feed(masked(opcode, b"x") * 1_000 + masked(opcode) * 1_000)

    assert [(opcode, b"x", 7)] * 1_000 + [(opcode, b"", 6)] * 1_000 == frames


@pytest.mark.parametrize("opcode", [CLOSE, PING, PONG])
@pytest.mark.parametrize("at_once", CHUNKS)
def test_f11_control_frame_that_is_too_long(opcode: int, at_once: bool) -> None:
    """125 bytes are read; a length in any longer form is refused before the length is there."""
    longest = b"\x03\xe8" + b"x" * 123

    assert None is verdict(masked(opcode, longest), at_once=at_once)
    assert rules.CONTROL_TOO_LONG == verdict(header(opcode, 126)[:2], at_once=at_once)
    assert rules.CONTROL_TOO_LONG == verdict(header(opcode, 70_000)[:2], at_once=at_once)
    assert rules.CONTROL_TOO_LONG == verdict(header(opcode, 5, width=2)[:2], at_once=at_once)


@pytest.mark.parametrize("opcode", [CLOSE, PING, PONG])
def test_f11_control_frame_in_fragments(opcode: int) -> None:
    """A control frame without FIN is refused, from its first byte alone (RFC 6455 §5.5)."""

    assert rules.CONTROL_IN_FRAGMENTS == verdict(masked(opcode, fin=False)[:1])


INVALID_UTF8 = {
    "lone continuation": b"\x80",
    "overlong": b"\xc0\xaf",
    "overlong NUL": b"\xe0\x80\x80",
    "surrogate": b"\xed\xa0\x80",
    "surrogate pair": b"\xed\xa0\xbd\xed\xb8\x80",
    "beyond Unicode": b"\xf4\x90\x80\x80",
    "never a byte": b"\xff",
    "another character in it": b"\xe2\x82a",
}


@pytest.mark.parametrize("bad", [*INVALID_UTF8.values(), b"\xe2\x82"], ids=[*INVALID_UTF8, "cut off"])
@pytest.mark.parametrize("before", [b"", b"{", "é".encode()], ids=["alone", "ascii", "accent"])
@pytest.mark.parametrize("at_once", CHUNKS)
def test_f13_invalid_utf8(bad: bytes, before: bytes, at_once: bool) -> None:
    """Text that is none is refused, in one frame or cut anywhere into two."""
    text = before + bad

    assert rules.TEXT_NOT_UTF8 == verdict(masked(TEXT, text), at_once=at_once)
    for cut in range(len(text) + 1):
        fragments = masked(TEXT, text[:cut], fin=False) + masked(CONTINUATION, text[cut:])
        assert rules.TEXT_NOT_UTF8 == verdict(fragments, at_once=at_once)


@pytest.mark.parametrize(
    ("bad", "decided"),
    [
        (b"\x80", 1),
        (b"\xc0", 1),
        (b"\xc3a", 2),
        (b"\xe0\x80", 2),
        (b"\xed\xa0", 2),
        (b"\xed\xbf", 2),
        (b"\xf0\x80", 2),
        (b"\xf4\x90", 2),
        (b"\xf5", 1),
        (b"\xf1\x80\x80a", 4),
    ],
    ids=lambda value: value.hex() if isinstance(value, bytes) else None,
)
@pytest.mark.parametrize("before", [b"", b"ok", "ß".encode()])
def test_f13_refused_with_the_byte_that_decides(bad: bytes, decided: int, before: bytes) -> None:
    """Nobody waits for the rest of a text that cannot become one: not for the fragment's, nor the frame's."""
    long = header(TEXT, 1_000) + masked(TEXT, before + bad)[2:]
    reader = reader_of()
    feed_each_byte(reader, long[: 8 + len(before) + decided - 1])

    assert None is reader.violation
    reader.feed(long[8 + len(before) + decided - 1 :])
    assert rules.TEXT_NOT_UTF8 == reader.violation
    assert rules.TEXT_NOT_UTF8 == verdict(masked(TEXT, before + bad, fin=False))


@pytest.mark.parametrize("character", ["é", "€", "퟿", "", "𝄞", "\U0010ffff"], ids=ascii)
def test_f13_character_over_fragments(character: str) -> None:
    """A valid character may be cut anywhere, with a ping in the cut."""
    data = f"a{character}z".encode()
    for cut in range(len(data) + 1):
        parts = masked(TEXT, data[:cut], fin=False), masked(PING), masked(CONTINUATION, data[cut:])
        assert [(PING, b""), (TEXT, data)] == messages_of(reader_of().feed(b"".join(parts)))
        assert [(PING, b""), (TEXT, data)] == messages_of(feed_each_byte(reader_of(), b"".join(parts)))


def test_f13_binary_is_not_text() -> None:
    """What is no text may be binary, whole and in fragments."""
    stream = masked(BINARY, b"\xff\xc0") + masked(BINARY, b"\xff", fin=False) + masked(CONTINUATION, b"\x80")

    assert [(BINARY, b"\xff\xc0"), (BINARY, b"\xff\x80")] == messages_of(reader_of(accepts_binary=True).feed(stream))


def test_f14_compressed_frame() -> None:
    """A frame that says it is compressed is refused by its reserved bit: there is no inflater to attack."""

    assert rules.RESERVED_BIT_SET == verdict(masked(TEXT, b"x" * 50, rsv=4))


@pytest.mark.parametrize("at_once", CHUNKS)
def test_f16_data_after_the_close(at_once: bool) -> None:
    """Nothing behind a close frame is read, be it valid or not; and nothing is kept."""
    stream = masked(TEXT, b"before") + masked(CLOSE, b"\x03\xe8") + masked(TEXT, b"after") + unmasked(TEXT)
    reader = reader_of()
    frames = reader.feed(stream) if at_once else feed_each_byte(reader, stream)

    assert [(TEXT, b"before", 12), (CLOSE, b"\x03\xe8", 8)] == frames
    assert (True, None, 0) == (reader.is_done, reader.violation, reader.held_bytes)
    assert [] == reader.feed(masked(TEXT, b"later"))


def test_f16_data_after_a_violation() -> None:
    """What came before a violation counts, what comes after it does not."""
    reader = reader_of()

    assert [(TEXT, b"before", 12)] == reader.feed(masked(TEXT, b"before") + unmasked(TEXT) + masked(TEXT, b"after"))
    assert [] == reader.feed(masked(TEXT, b"later"))
    assert (True, rules.UNMASKED, 0) == (reader.is_done, reader.violation, reader.held_bytes)


def test_f16_close_within_a_message() -> None:
    """A close frame may come between fragments; the message is never told of."""
    reader = reader_of()

    assert [(CLOSE, b"")] == messages_of(reader.feed(masked(TEXT, b"half", fin=False) + masked(CLOSE)))
    assert (True, None, 0, 0) == (reader.is_done, reader.violation, reader.unfinished_message, reader.held_bytes)


@pytest.mark.parametrize("payload", [b"\x03", b"\x03\xed", b"\x03\xe8\xff"])
def test_f16_malformed_close(payload: bytes) -> None:
    """A close frame that says what none may say is a violation like any other, and no frame."""
    reader = reader_of()

    assert [] == reader.feed(masked(CLOSE, payload))
    assert rules.CLOSE_MALFORMED == reader.violation


@pytest.mark.parametrize("payload", [b"\xff\xfe", b'{"type":"ping"}'], ids=["binary", "json"])
@pytest.mark.parametrize("fin", [True, False])
def test_f18_binary_that_is_not_declared(payload: bytes, fin: bool) -> None:
    """A binary frame is refused with 1003 from its first byte, whatever is in it and however long it claims to be."""

    assert rules.BINARY_NOT_DECLARED == verdict(masked(BINARY, payload, fin=fin)[:1])
    assert rules.BINARY_NOT_DECLARED == verdict(header(BINARY, 2**40, fin=fin))


def test_f20_frame_that_never_ends_is_seen() -> None:
    """A sweep can tell how long one frame has been unfinished, though a byte comes now and then."""
    reader, patience = reader_of(), Patience()
    stream = masked(TEXT, b"slow")

    assert 0.0 == patience.seconds(reader.unfinished_frame, 0.0)
    for second, byte in enumerate(stream[:-1]):
        reader.feed(bytes((byte,)))
        assert float(second) == patience.seconds(reader.unfinished_frame, 100.0 + second)
    reader.feed(stream[-1:] + stream[:1])
    assert 0.0 == patience.seconds(reader.unfinished_frame, 200.0)
    reader.feed(stream[1:])
    assert (0, 0.0) == (reader.unfinished_frame, patience.seconds(reader.unfinished_frame, 300.0))


def test_f20_control_frame_that_never_ends_is_seen() -> None:
    """The same for a ping, and for a header of which one byte has come."""
    for stream in (masked(PING, b"slow")[:-1], masked(TEXT)[:1]):
        reader = reader_of()
        reader.feed(masked(TEXT, b"whole") + stream)
        assert 2 == reader.unfinished_frame


@pytest.mark.parametrize(("size", "width"), [(0, 2), (125, 2), (0, 8), (125, 8), (126, 8), (65_535, 8)])
@pytest.mark.parametrize("at_once", CHUNKS)
def test_reader_length_that_is_not_minimal(size: int, width: int, at_once: bool) -> None:
    """A length in a longer form than it needs is refused (RFC 6455 §5.2), before there is a key."""

    assert rules.LENGTH_NOT_MINIMAL == verdict(header(TEXT, size, width=width), at_once=at_once)
    assert rules.LENGTH_NOT_MINIMAL == verdict(masked(TEXT, b"x" * size, width=width), at_once=at_once)


def test_reader_closes_have_the_codes_of_the_design() -> None:
    """Each breach has one of four codes, and a text of its own that fits the frame."""
    closes = {name: value for name, value in vars(rules).items() if isinstance(value, Close)}

    assert {1002, 1003, 1007, 1009} == {int(close.code) for close in closes.values()}
    assert len(closes) == len({close.reason for close in closes.values()})
    assert "text is not UTF-8" == rules.TEXT_NOT_UTF8.reason
    assert "binary is not declared" == rules.BINARY_NOT_DECLARED.reason
    assert "message too big" == rules.MESSAGE_TOO_BIG.reason
