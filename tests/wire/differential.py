"""The frame reader beside the one of `websockets`: the same frames and the same verdicts, or a reason why not."""

import codecs
from collections import Counter
from itertools import pairwise
from random import Random
from typing import Final

from websockets.frames import Frame as PeerFrame
from websockets.protocol import OPEN, Protocol, Side

from tests.wire.clients import reader_of
from tests.wire.streams import random_cuts, random_stream
from tornado_wssec.wire import frames as rules
from tornado_wssec.wire.frames import BINARY, CLOSE, CONTINUATION, CONTROL_BIT, TEXT
from tornado_wssec.wire.reader import Frame, FrameReader

HEADER_OR_CONTROL_BYTES: Final = 14 + 125

DIFFERENCES: Final = {
    "header": "we refuse a frame from its header, websockets when the frame is whole",
    "two faults": "websockets looks at the size before reserved bits, opcode and order: 1009 where we say 1002",
    "minimal": "websockets takes a length in a longer form than it needs",
    "binary": "websockets has no switch that refuses binary messages",
    "fragments": "websockets has no cap on the number of fragments",
    "text": "websockets leaves UTF-8 to the layer above",
    "reason": "a close reason that is not UTF-8 is 1007 there, and 1002 here as every malformed close frame",
    "control": "websockets counts control frames against the message's cap",
    "close": "websockets refuses a close frame between fragments, which RFC 6455 §5.4 allows",
}
"""Every way in which the two may differ, and why. Anything else is a fault of one of them."""

_OURS_ALONE: Final = {
    rules.LENGTH_NOT_MINIMAL: "minimal",
    rules.BINARY_NOT_DECLARED: "binary",
    rules.TOO_MANY_FRAGMENTS: "fragments",
}


def compare_seeds(first: int, count: int) -> Counter[str]:
    """Compare on as many random streams; how often they differed, and by which of `DIFFERENCES`.

    Raises:
        AssertionError: another difference, or a bound that was passed; names the seed.
    """
    seen: Counter[str] = Counter()
    for seed in range(first, first + count):
        try:
            seen[_compare_seed(seed)] += 1
        except Exception as error:
            raise AssertionError(f"seed {seed}: {error!r}") from error
    return seen


def _compare_seed(seed: int) -> str:
    rng = Random(seed)
    stream, big = random_stream(rng), rng.random() < 0.02
    limits = {"message_bytes": 70_000, "frame_bytes": 66_000} if big else {"message_bytes": 400, "frame_bytes": 300}
    accepts_binary = rng.random() < 0.8
    return compare(stream, random_cuts(len(stream), rng), accepts_binary=accepts_binary, fragments=5, **limits)


def compare(stream: bytes, cuts: list[int], *, accepts_binary: bool, **limits: int) -> str:
    """Feed both with a stream; empty when they agree, else the key of the difference that explains it."""
    whole = reader_of(accepts_binary=accepts_binary, **limits)
    frames = bounded_feed(whole, stream, [])
    reader = reader_of(accepts_binary=accepts_binary, **limits)
    assert (frames, whole.violation) == (bounded_feed(reader, stream, cuts), reader.violation), "cuts change it"
    assert whole.unfinished_frame == reader.unfinished_frame, "cuts change which frame is unfinished"
    assert bool(whole.unfinished_message) == bool(reader.unfinished_message), "cuts change whether a message is"
    engines = reader_of(accepts_binary=accepts_binary, **limits)
    taken = texts_first(engines, stream, cuts)
    told = [(opcode, payload) for opcode, payload, _ in frames]
    assert (told, whole.violation) == (taken, engines.violation), "taking texts first changes it"
    assert whole.unfinished_frame == engines.unfinished_frame, "taking texts first changes which frame is unfinished"
    peer = Protocol(Side.SERVER, state=OPEN, max_size=(limits["message_bytes"], limits["frame_bytes"]))
    peer.receive_data(stream)
    return _explain(frames, whole, _frames_of(peer), _verdict_of(peer))


def bounded_feed(reader: FrameReader, stream: bytes, cuts: list[int]) -> list[Frame]:
    """The frames of a stream that is cut at these places; the reader must never hold more than it may."""
    frames: list[Frame] = []
    most = reader.message_bytes + HEADER_OR_CONTROL_BYTES
    for start, stop in pairwise([0, *sorted(cuts), len(stream)]):
        frames += reader.feed(stream[start:stop])
        assert reader.held_bytes <= most, "held more than the cap"
    assert not reader.is_done or reader.held_bytes == 0, "kept something after the end"
    assert sum(size for _, _, size in frames) <= len(stream), "told of more bytes than came"
    return frames


def texts_first(reader: FrameReader, stream: bytes, cuts: list[int]) -> list[tuple[int, bytes]]:
    """The frames of a stream as an engine takes them in: whole texts first, and the rest of each read as it comes."""
    taken: list[tuple[int, bytes]] = []
    for start, stop in pairwise([0, *sorted(cuts), len(stream)]):
        texts: list[str] = []
        end = reader.take_texts(stream[start:stop], texts)
        taken += [(TEXT, text.encode()) for text in texts]
        taken += [(opcode, payload) for opcode, payload, _ in reader.feed(stream[start + end : stop])]
    return taken


def _frames_of(peer: Protocol) -> list[PeerFrame]:
    return [event for event in peer.events_received() if isinstance(event, PeerFrame)]


def _verdict_of(peer: Protocol) -> int | None:
    return peer.close_sent.code if peer.parser_exc is not None and peer.close_sent is not None else None


def _explain(ours: list[Frame], reader: FrameReader, theirs: list[PeerFrame], verdict: int | None) -> str:
    both = min(len(ours), len(theirs))
    rest = _assert_same(ours[:both], theirs[:both])
    if len(ours) > both:
        return _explain_their_refusal(ours[both], rest, verdict)
    violation = reader.violation
    if violation is None:
        if verdict == 1009 and reader._rest and reader._rest[0] & CONTROL_BIT:
            return "control"  # not whole yet
        assert (both, None) == (len(theirs), verdict), "we took what they refused"
        return ""
    if violation in _OURS_ALONE:
        return _OURS_ALONE[violation]
    if violation is rules.TEXT_NOT_UTF8:
        _assert_no_text(rest, theirs[both:])
        return "text"
    if violation is rules.CONTROL_TOO_LONG and (len(theirs) > both or verdict == 1007):
        return "minimal"  # no longer form says what a control frame may have; its content they judge as ever
    assert len(theirs) == both, "we refused what they took"
    return _explain_verdicts(violation.code, verdict, is_close=violation is rules.CLOSE_MALFORMED)


def _explain_their_refusal(frame: Frame, rest: bytes | None, verdict: int | None) -> str:
    """Why they refused a frame that we took."""
    if verdict == 1009 and frame[0] & CONTROL_BIT:
        return "control"
    assert (CLOSE, 1002) == (frame[0], verdict), "they refused what we took"
    assert rest is not None, "they refused a close outside of a message"
    return "close"


def _explain_verdicts(ours: int, theirs: int | None, *, is_close: bool) -> str:
    """Why the same frame was refused with another code."""
    if ours == theirs:
        return ""
    if theirs is None:
        return "header"
    if is_close and theirs == 1007:
        return "reason"
    assert (1002, 1009) == (ours, theirs), "another code"
    return "two faults"


def _assert_same(ours: list[Frame], theirs: list[PeerFrame]) -> bytes | None:
    """Assert that frames agree one by one, and return what a message has that is not finished at their end.

    Ours tells a message's opcode and payload with its last frame.
    """
    begun: tuple[int, bytes] | None = None
    for (opcode, payload, _), frame in zip(ours, theirs, strict=True):
        if frame.opcode & CONTROL_BIT:
            assert (opcode, payload) == (frame.opcode, frame.data)
            continue
        begun = (begun[0], begun[1] + frame.data) if begun else (frame.opcode, bytes(frame.data))
        assert (opcode, payload) == (begun if frame.fin else (CONTINUATION, b""))
        if frame.fin:
            assert opcode == BINARY or payload.decode() is not None
            begun = None
    return begun[1] if begun else None


def _assert_no_text(rest: bytes | None, theirs: list[PeerFrame]) -> None:
    """Assert that the next frame of theirs, where it is whole, makes the message impossible as text."""
    if theirs:
        frame = theirs[0]
        assert frame.opcode == (TEXT if rest is None else CONTINUATION)
        try:
            codecs.utf_8_decode((rest or b"") + frame.data, "strict", frame.fin)
        except UnicodeDecodeError:
            return
        half = ((rest or b"") + frame.data)[-2:]  # the decoder waits for the third byte of a surrogate; we do not
        assert b"\xed\xa0" <= half <= b"\xed\xbf", "it is text"
