"""What a client writes, well formed or not, and a reader that is fed with it in pieces."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from tornado_wssec import Limits
from tornado_wssec.wire.masking import unmask
from tornado_wssec.wire.reader import Frame, FrameReader

KEY = b"\x37\xfa\x21\x3d"
"""The key of the examples in RFC 6455 §5.7."""


def masked(
    opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, key: bytes = KEY, width: int | None = None
) -> bytes:
    """A client's frame; `width` asks for a length of 0, 2 or 8 further bytes, needed or not."""
    return header(opcode, len(payload), fin=fin, rsv=rsv, width=width) + key + unmask(key, payload)


def header(opcode: int, length: int, *, fin: bool = True, rsv: int = 0, width: int | None = None) -> bytes:
    """A masked frame's header without its key; it may promise anything."""
    if width is None:
        width = 0 if length < 126 else 2 if length < 65_536 else 8
    short, longer = (length, b"") if width == 0 else ({2: 126, 8: 127}[width], length.to_bytes(width))
    return bytes((fin << 7 | rsv << 4 | opcode, 0x80 | short)) + longer


def unmasked(opcode: int, payload: bytes = b"", *, fin: bool = True) -> bytes:
    """A frame as only a server may write it; up to 125 bytes."""
    return bytes((fin << 7 | opcode, len(payload))) + payload


def reader_of(*, accepts_binary: bool = False, **limits: Any) -> FrameReader:
    """A reader with these limits."""
    return FrameReader(Limits(**limits), accepts_binary=accepts_binary)


def feed_cut(reader: FrameReader, stream: bytes, cuts: Iterable[int]) -> list[Frame]:
    """The frames of a stream that arrives cut at these places."""
    places = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    return [frame for start, stop in pairwise(places) for frame in reader.feed(stream[start:stop])]


def feed_each_byte(reader: FrameReader, stream: bytes) -> list[Frame]:
    """The frames of a stream that arrives byte by byte."""
    return feed_cut(reader, stream, range(len(stream)))


def messages_of(frames: Sequence[Frame]) -> list[tuple[int, bytes]]:
    """Opcodes and payloads without the sizes, and without the fragments that end no message."""
    return [(opcode, payload) for opcode, payload, _ in frames if opcode]
