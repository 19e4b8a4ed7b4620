"""Random streams of a client's frames: talk that is valid, talk with one fault in it, and bytes changed at random."""

from collections.abc import Iterator
from random import Random
from typing import Final

from tests.wire.clients import masked, unmasked
from tornado_wssec.wire.frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT

WORDS: Final = ("a", "{}", "é", "€uro", "日本", "𝄞", "\x00", "퟿", '{"type":"ping"}', "x" * 60)
NO_TEXT: Final = (
    b"\x80",
    b"\xc0\xaf",
    b"\xed\xa0\x80",
    b"\xed\xb0",
    b"\xf4\x90\x80\x80",
    b"\xff",
    b"\xe2\x82",
    b"\xf0\x9d",
)
SIZES: Final = (0, 1, 2, 3, 5, 20, 124, 125, 126, 127, 200, 255, 256, 257, 299, 300, 301, 399, 400, 401, 700)
RARE_SIZES: Final = (65_535, 65_536, 70_000, 70_001)
CLOSES: Final = (
    b"",
    b"\x03\xe8",
    b"\x0f\xa0bye",
    b"\x03\xf0",
    b"\x03\xed",
    b"\x03",
    b"\x03\xe8\xff",
    b"\x13\x88",
    b"\x0b\xb8\xc3\xa9",
)
MUTATION_BYTES: Final = 4


def random_stream(rng: Random) -> bytes:
    """A stream of a few messages, valid in about a third of the cases."""
    frames = [frame for _ in range(rng.randint(1, 4)) for frame in _message(rng)]
    if rng.random() < 0.4:
        frames.insert(rng.randint(0, len(frames)), _fault(rng))
    stream = b"".join(frames)
    if rng.random() < 0.3:
        stream = mutated(stream, rng)
    return stream


def mutated(stream: bytes, rng: Random) -> bytes:
    """The stream with a few bytes changed, lost, doubled or cut off."""
    start = rng.randrange(len(stream))
    stop = min(len(stream), start + rng.randint(1, MUTATION_BYTES))
    kind = rng.randrange(5)
    if kind == 0:
        return stream[:start]
    if kind == 1:
        return stream[:start] + stream[stop:]
    if kind == 2:
        return stream[:stop] + stream[start:]
    if kind == 3:
        return stream[:start] + rng.randbytes(stop - start) + stream[stop:]
    return stream[:start] + bytes((stream[start] ^ 1 << rng.randrange(8),)) + stream[start + 1 :]


def random_cuts(length: int, rng: Random) -> list[int]:
    """Where a stream is cut: rarely at each byte, often nowhere."""
    if rng.random() < 0.05:
        return list(range(length))
    return [rng.randrange(length + 1) for _ in range(rng.choice((0, 1, 2, 5, 20)))]


def _message(rng: Random) -> Iterator[bytes]:
    """The frames of one message, with control frames between them."""
    opcode = BINARY if rng.random() < 0.15 else TEXT
    payload = _payload(rng)
    pieces = rng.choice((1, 1, 1, 2, 3, 4, 6))
    cuts = [0, *sorted(rng.randrange(len(payload) + 1) for _ in range(pieces - 1)), len(payload)]
    for index in range(pieces):
        if rng.random() < 0.15:
            yield _control(rng)
        piece = payload[cuts[index] : cuts[index + 1]]
        yield masked(CONTINUATION if index else opcode, piece, fin=index == pieces - 1, key=rng.randbytes(4))


def _payload(rng: Random) -> bytes:
    roll = rng.random()
    if roll < 0.5:
        return "".join(rng.choices(WORDS, k=rng.randint(0, 6))).encode()
    if roll < 0.9:
        return b"x" * rng.choice(SIZES)
    if roll < 0.999:
        return "".join(rng.choices(WORDS, k=2)).encode() + rng.choice(NO_TEXT) + b"y" * rng.randint(0, 5)
    return b"x" * rng.choice(RARE_SIZES)


def _control(rng: Random) -> bytes:
    if rng.random() < 0.15:
        return masked(CLOSE, rng.choice(CLOSES), key=rng.randbytes(4))
    return masked(rng.choice((PING, PONG)), bytes(rng.choice((0, 1, 4, 125))), key=rng.randbytes(4))


def _fault(rng: Random) -> bytes:
    """A frame that is wrong by itself, or in most places."""
    opcode, payload = rng.choice((CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG)), b"x" * rng.choice(SIZES)
    kind = rng.randrange(6)
    if kind == 0:
        return unmasked(opcode, payload[:125])
    if kind == 1:
        return masked(opcode, payload, rsv=rng.randint(1, 7))
    if kind == 2:
        return masked(rng.choice((3, 4, 5, 6, 7, 11, 12, 13, 14, 15)), payload)
    if kind == 3:
        return masked(opcode, payload, fin=False)
    if kind == 4:
        return masked(opcode, payload, width=8 if len(payload) > 125 else rng.choice((2, 8)))
    return masked(opcode, payload)
