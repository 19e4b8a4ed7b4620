"""What holds for every stream: cuts change nothing, what was written is read, and neither memory nor work runs away."""

import tracemalloc
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.clients import KEY, feed_cut, feed_each_byte, header, masked, messages_of, reader_of
from tests.wire.differential import bounded_feed
from tornado_wssec import Limits
from tornado_wssec.settings import KiB
from tornado_wssec.wire.frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT
from tornado_wssec.wire.masking import unmask
from tornado_wssec.wire.reader import FrameReader

keys = st.binary(min_size=4, max_size=4)
payloads = st.one_of(st.binary(max_size=140), st.text(max_size=60).map(str.encode))
loose_frames = st.builds(
    masked,
    st.sampled_from([CONTINUATION, TEXT, TEXT, BINARY, CLOSE, PING, PONG]),
    payloads,
    fin=st.sampled_from([True, True, False]),
    rsv=st.sampled_from([0, 0, 0, 0, 0, 0, 0, 4]),
    key=keys,
)
streams = st.one_of(
    st.lists(loose_frames, max_size=8).map(b"".join),
    st.tuples(st.lists(loose_frames, max_size=4).map(b"".join), st.binary(max_size=40)).map(b"".join),
)
messages = st.lists(
    st.tuples(st.just(TEXT), st.text(max_size=300).map(str.encode)) | st.tuples(st.just(BINARY), payloads)
)


@given(streams, st.lists(st.integers(0, 2_000)))
def test_frames_cuts_change_nothing(stream: bytes, cuts: list[int]) -> None:
    """However a stream is cut, the same frames come out, with the same verdict and the same state."""
    whole, cut, single = (reader_of(accepts_binary=True, message_bytes=200, fragments=4) for _ in range(3))
    frames = whole.feed(stream)

    assert frames == feed_cut(cut, stream, cuts) == feed_each_byte(single, stream)
    assert whole.violation == cut.violation == single.violation
    assert whole.is_done == cut.is_done == single.is_done
    assert whole.unfinished_frame == cut.unfinished_frame == single.unfinished_frame
    assert bool(whole.unfinished_message) == bool(cut.unfinished_message) == bool(single.unfinished_message)


@given(streams)
def test_frames_are_told_of_once_they_are_whole(stream: bytes) -> None:
    """Fed byte by byte, the sizes of the frames add up to the bytes that came before the unfinished one."""
    reader, told, ends = reader_of(accepts_binary=True), 0, []
    for end in range(1, len(stream) + 1):
        for _, _, size in reader.feed(stream[end - 1 : end]):
            told += size
            ends.append((told, end))

    assert all(told == end for told, end in ends)


@given(messages, st.lists(st.integers(0, 50), max_size=4), keys, st.lists(st.integers(0, 5_000)))
def test_frames_round_trip(talk: list[tuple[int, bytes]], sizes: list[int], key: bytes, cuts: list[int]) -> None:
    """What a client writes, whole or in fragments with pings between, is what is read, in order."""
    stream = b"".join(_fragments(opcode, payload, sizes, key) for opcode, payload in talk)
    frames = feed_cut(reader_of(accepts_binary=True), stream, cuts)

    assert talk == [(opcode, payload) for opcode, payload in messages_of(frames) if opcode != PING]
    assert len(stream) == sum(size for _, _, size in frames)


def _fragments(opcode: int, payload: bytes, sizes: list[int], key: bytes) -> bytes:
    places = [0, *(place for place in accumulate(sizes) if place < len(payload)), len(payload)]
    last = len(places) - 2
    parts = [
        masked(
            CONTINUATION if index else opcode, payload[places[index] : places[index + 1]], fin=index == last, key=key
        )
        for index in range(last + 1)
    ]
    return masked(PING, key, key=key).join(parts)


@given(streams, st.lists(st.integers(0, 2_000)))
def test_f23_memory_is_bounded(stream: bytes, cuts: list[int]) -> None:
    """No stream makes a reader hold more than a message at the cap and one header or control frame."""
    reader = reader_of(accepts_binary=True, message_bytes=100, frame_bytes=60)

    bounded_feed(reader, stream, [cut % (len(stream) + 1) for cut in cuts])


@pytest.mark.parametrize("step", [1, 3, 1_000, 100_000])
def test_f20_each_byte_is_worked_on_once(step: int) -> None:
    """However slowly a large message comes, no byte of it is unmasked twice."""
    worked: list[int] = []

    def counting(key: bytes, data: bytes) -> bytes:
        worked.append(len(data))
        return unmask(key, data)

    reader = FrameReader(Limits(), unmask=counting)
    text = "é€𝄞".encode() * 7_000
    stream = masked(TEXT, text[:20_000], fin=False) + masked(PING, b"ping") + masked(CONTINUATION, text[20_000:])

    assert [(PING, b"ping"), (TEXT, text)] == messages_of(feed_cut(reader, stream, range(0, len(stream), step)))
    assert len(text) + 4 == sum(worked)


def test_f01_promises_cost_no_memory() -> None:
    """A thousand headers that promise the most there may be cost what their readers cost."""
    readers = [reader_of() for _ in range(1_000)]
    promise = header(TEXT, 64 * KiB) + KEY
    tracemalloc.start()
    try:
        for reader in readers:
            reader.feed(promise)
        grown, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert grown < 1_000 * KiB


def test_f23_memory_of_the_largest_message() -> None:
    """A message at the cap, byte by byte, takes its size and an eighth, and as much again when it is handed out."""
    reader, stream = reader_of(), masked(TEXT, b"x" * 64 * KiB)
    tracemalloc.start()
    try:
        feed_each_byte(reader, stream[:-1])
        held, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        reader.feed(stream[-1:])
        left, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert held < 80 * KiB
    assert peak < 150 * KiB
    assert left < 2 * KiB
