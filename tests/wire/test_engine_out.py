"""What an engine writes: one write for what one read causes, and a bounded queue where nobody reads."""

import pytest

from tests.wire.clients import masked, unmasked
from tests.wire.engines import Scene, said
from tornado_wssec.closing import Close, CloseCode
from tornado_wssec.policy.overflow import Overflow
from tornado_wssec.wire.frames import CLOSE, PING, PONG, TEXT, encode_close, encode_text
from tornado_wssec.wire.outgoing import Outgoing
from tornado_wssec.wire.speaking import CHUNK_BYTES


def text(content: str) -> bytes:
    """A text frame of ours."""
    return encode_text(content.encode())


def stuck(**settings: float) -> Scene:
    """A scene whose kernel took two bytes of the first message, and takes no more."""
    scene = Scene(None, **settings)  # type: ignore[arg-type]  # mypy takes them for the named ones, too
    scene.pipe.room = 2
    assert scene.say("first")
    return scene


def released(scene: Scene) -> bytes:
    """Everything that leaves once the kernel takes anything again."""
    scene.pipe.writes.clear()
    scene.pipe.room = None
    scene.engine.writable()
    return scene.written


# --- writes ---


def test_engine_joins_the_answers_to_one_read() -> None:
    """However many messages it held; what is said outside of a read leaves at once."""
    scene = Scene(lambda heard: scene.say(heard.upper()))
    scene.read(said("a", "b"), masked(PING, b"p"))
    scene.say("c")
    scene.engine.ping(b"n")

    expected = [text("A") + text("B") + unmasked(PONG, b"p"), text("c"), unmasked(PING, b"n")]
    assert expected == scene.pipe.writes


def test_engine_joins_the_answers_of_a_later_turn() -> None:
    """What waited is answered in one write, too."""
    scene = Scene(lambda heard: scene.say(heard))
    scene.read(said(*"x" * 40))
    scene.pipe.turns()

    assert [32, 8] == [len(write) // 3 for write in scene.pipe.writes]


def test_engine_holds_back_behind_the_head() -> None:
    """The answer to the handshake and the greeting are one write."""
    scene = Scene(started=False)
    scene.engine.cork(b"101\r\n\r\n")
    scene.say("ready")
    assert [] == scene.pipe.writes
    scene.engine.uncork()
    scene.say("later")

    assert [b"101\r\n\r\n" + text("ready"), text("later")] == scene.pipe.writes


def test_engine_writes_nothing_into_a_lost_socket() -> None:
    """What was held back when it was lost is dropped."""
    scene = Scene()
    scene.engine.cork(b"head")
    scene.engine.connection_lost()
    scene.engine.uncork()
    scene.engine.cork(b"head")
    scene.engine.uncork()

    assert [] == scene.pipe.writes


def test_engine_meets_the_kernel_when_it_says_much() -> None:
    """A turn that says more than a chunk does not hold it all back; then the outbox bounds it."""
    scene = Scene(lambda heard: [scene.say("x" * 30_000) for _ in range(8)], outbound_bytes=100_000)
    scene.pipe.room = 70_000
    scene.read(said("a"))

    assert (1, 70_000) == (len(scene.pipe.writes), len(scene.written))
    assert scene.engine.buffered_bytes < 100_000 + CHUNK_BYTES + 30_004


def test_engine_answers_as_it_sends() -> None:
    """Joined within a read, at once outside of one, and behind what the kernel has not taken."""
    scene = Scene(lambda heard: scene.engine.answer(heard.upper().encode(), 0.0))
    scene.read(said("a", "b"))
    scene.engine.answer(b"c", 0.0)
    scene.pipe.room = 1
    scene.read(said("d"))
    scene.read(said("e"))
    scene.pipe.room = 100
    scene.engine.writable()

    assert [text("A") + text("B"), text("c")] == scene.pipe.writes[:2]
    assert text("A") + text("B") + text("c") + text("D") + text("E") == scene.written


@pytest.mark.parametrize("is_answer", [True, False])
def test_engine_waits_for_a_kernel_that_takes_nothing(is_answer: bool) -> None:
    """What it does not take at all is handed to it again, whole, when it takes more."""
    scene = Scene(lambda heard: scene.engine.answer(b"a", 0.0))
    scene.pipe.room = 0
    if is_answer:
        scene.read(said("x"))
    else:
        scene.engine.send(Outgoing("a"), 0.0)
    waiting = scene.engine.buffered_bytes
    scene.pipe.room = None
    scene.engine.writable()

    assert (3, unmasked(TEXT, b"a"), 0) == (waiting, scene.written, scene.engine.buffered_bytes)


def test_engine_answers_meet_the_kernel_when_they_are_much() -> None:
    """As everything that is said in one turn."""
    scene = Scene(lambda heard: [scene.engine.answer(b"x" * 30_000, 0.0) for _ in range(8)], outbound_bytes=100_000)
    scene.pipe.room = 70_000
    scene.read(said("a"))

    assert (1, 70_000) == (len(scene.pipe.writes), len(scene.written))
    assert scene.engine.buffered_bytes < 100_000 + CHUNK_BYTES + 30_004


def test_engine_hands_texts_to_whoever_watches_for_them() -> None:
    """From then on, and no more to whom it was made with; nobody named leaves it as it was."""
    scene = Scene()
    heard: list[str] = []
    scene.engine.watch(lambda: None, lambda: None, lambda close: None, heard.append)
    scene.read(said("a"))
    scene.engine.watch(lambda: None, lambda: None, lambda close: None)
    scene.read(said("b"))

    assert (["a", "b"], []) == (heard, scene.heard)


# --- a kernel that takes no more ---


def test_engine_writes_on_where_it_stopped() -> None:
    """Bytes are neither lost nor doubled, however little is taken at a time; answers overtake events."""
    scene = stuck()
    scene.say("event")
    scene.say("answer", is_reply=True)
    assert 5 + len(text("event") + text("answer")) == scene.engine.buffered_bytes
    while scene.engine.buffered_bytes:
        scene.pipe.room = 3
        scene.engine.writable()

    assert text("first") + text("answer") + text("event") == scene.written
    scene.engine.writable()
    assert scene.say("again")


def test_engine_queue_is_bounded() -> None:
    """A message too many is refused; the caller ends the connection."""
    scene = stuck(outbound_messages=2)

    assert [True, True, False, False] == [
        scene.say("a"),
        scene.say("b", is_reply=True),
        scene.say("c"),
        scene.say("d", is_reply=True),
    ]


def test_engine_queue_keeps_the_newest_of_a_key() -> None:
    """What coalesces takes the place of the one that waits."""
    scene = stuck()
    for price in ("1", "2", "3"):
        scene.say(price, overflow=Overflow.COALESCE, key="ACME")

    assert text("first")[2:] + text("3") == released(scene)


def test_engine_lets_go_of_much_by_the_chunk() -> None:
    """What waits is handed over piece by piece, so that what has not begun to leave can still be dropped."""
    scene = stuck()
    for letter in "abc":
        scene.say(letter * 40_000)

    assert text("first")[2:] + b"".join(text(letter * 40_000) for letter in "abc") == released(scene)
    assert 3 == len(scene.pipe.writes)
    assert max(map(len, scene.pipe.writes)) <= CHUNK_BYTES + 40_004


def test_engine_control_frames_wait_behind_what_has_begun_to_leave() -> None:
    """A pong or a ping is never in the middle of a frame, and in front of what waits."""
    scene = stuck()
    scene.say("waits")
    scene.read(masked(PING, b"p"))
    scene.engine.ping(b"n")

    assert text("first")[2:] + unmasked(PONG, b"p") + unmasked(PING, b"n") + text("waits") == released(scene)


# --- goodbyes of a slow reader ---


def test_engine_says_everything_before_goodbye() -> None:
    """What waits was meant for it."""
    scene = stuck()
    scene.say("waits")
    scene.engine.close(Close(4000))
    assert scene.say("late")
    scene.engine.ping(b"late")

    assert text("first")[2:] + text("waits") + encode_close(Close(4000)) == released(scene)


def test_engine_says_nothing_more_to_who_was_revoked() -> None:
    """Whoever has lost the right to hear it hears no more, but the frame that has begun ends."""
    scene = stuck()
    scene.say("secret")
    scene.engine.close(Close(CloseCode.REVOKED))

    assert text("first")[2:] + encode_close(Close(CloseCode.REVOKED)) == released(scene)


def test_engine_lets_go_when_the_goodbyes_are_written() -> None:
    """Not before; what the peer did not read is not sent behind its goodbye."""
    scene = stuck()
    scene.say("waits")
    scene.read(masked(CLOSE, b"\x03\xe8"))
    assert not scene.pipe.is_aborted

    assert text("first")[2:] + unmasked(CLOSE, b"\x03\xe8") == released(scene)
    assert scene.pipe.is_aborted


def test_engine_ends_its_half_when_the_reason_is_written() -> None:
    """After a violation the peer is told why, even a slow one."""
    scene = stuck()
    scene.read(masked(TEXT, b"\xff"))
    assert not scene.pipe.is_finished
    released(scene)

    assert (True, False) == (scene.pipe.is_finished, scene.pipe.is_aborted)


# --- what takes too long ---


@pytest.mark.parametrize(
    ("begun", "reason"),
    [
        (masked(TEXT, b"whole")[:3], "frame not finished in time"),
        (masked(TEXT, b"whole")[:9], "frame not finished in time"),
        (masked(TEXT, b"whole", fin=False), "message not finished in time"),
    ],
)
def test_engine_unfinished(begun: bytes, reason: str) -> None:
    """A frame or a message that has begun is due after its time, counted from the sweep that saw it first."""
    scene = Scene(frame=10.0, message=20.0)
    assert None is scene.engine.overdue(0.0)
    scene.read(begun)
    patience = 20.0 if reason.startswith("message") else 10.0

    found = [scene.engine.overdue(100.0 + seconds) for seconds in (0.0, patience - 0.1, patience)]
    assert [None, None, Close(CloseCode.TIMED_OUT, reason)] == found


def test_engine_frame_after_frame_is_in_time() -> None:
    """Each has its own time; the message they belong to has one for all."""
    scene = Scene(frame=10.0, message=25.0)
    scene.read(masked(TEXT, b"a", fin=False))
    found = []
    for now in range(0, 40, 5):
        scene.read(masked(0, b"b", fin=False) + masked(0, b"c", fin=False)[:3])
        found.append(scene.engine.overdue(float(now)))
        scene.read(masked(0, b"c", fin=False)[3:])

    assert [None] * 5 + [Close(CloseCode.TIMED_OUT, "message not finished in time")] * 3 == found


def test_engine_that_is_not_read_cannot_be_late() -> None:
    """While it is paused no time passes; afterwards it starts anew."""
    scene = Scene(frame=10.0)
    scene.read(said("whole")[:3])
    scene.engine.overdue(0.0)
    scene.engine.pause()
    assert None is scene.engine.overdue(50.0)
    scene.engine.resume()
    scene.pipe.turns()

    assert [None, None] == [scene.engine.overdue(now) for now in (60.0, 69.0)]
    assert Close(CloseCode.TIMED_OUT, "frame not finished in time") == scene.engine.overdue(70.0)


def test_engine_that_nobody_asked_in_time_forgives() -> None:
    """The time in which the process stood still is nobody's fault."""
    scene = stuck(frame=10.0, write_progress=10.0, outbound_age=12.0)
    scene.say("waits", 0.0)
    scene.read(said("whole")[:3])
    assert None is scene.engine.overdue(0.0)
    scene.engine.extend(100.0)

    assert None is scene.engine.overdue(109.0)
    assert Close(CloseCode.TIMED_OUT, "frame not finished in time") == scene.engine.overdue(110.0)
    scene.read(said("whole")[3:])
    assert Close(CloseCode.SLOW_CONSUMER) == scene.engine.overdue(110.0)


@pytest.mark.parametrize("how", ["paused", "not started", "behind"])
def test_engine_notices_who_has_left_unread(how: str) -> None:
    """Nobody reads, so the sweep looks."""
    scene = Scene(started=how != "not started")
    if how == "paused":
        scene.engine.pause()
    elif how == "behind":
        scene.read(said(*"x" * 40))
    assert (None, False) == (scene.engine.overdue(0.0), scene.pipe.is_aborted)
    scene.pipe.is_empty_handed = True
    scene.engine.overdue(1.0)

    assert scene.pipe.is_aborted


def test_r09_no_write_progress() -> None:
    """Who takes nothing is too slow after its time; whoever takes a byte has time anew."""
    scene = stuck(write_progress=10.0)
    assert [None, None] == [scene.engine.overdue(now) for now in (0.0, 9.0)]
    scene.pipe.room = 1
    scene.engine.writable()
    assert [None, None] == [scene.engine.overdue(now) for now in (9.5, 19.0)]

    assert Close(CloseCode.SLOW_CONSUMER) == scene.engine.overdue(19.5)


@pytest.mark.parametrize(
    ("overflow", "expected"), [(Overflow.DISCONNECT, Close(CloseCode.SLOW_CONSUMER)), (Overflow.DROP_OLDEST, None)]
)
def test_engine_old_news(overflow: Overflow, expected: Close | None) -> None:
    """What has waited too long is dropped where it may be, and else it ends the connection."""
    scene = stuck(write_progress=100.0, outbound_age=30.0)
    scene.say("old", 0.0, overflow=overflow)

    assert [None, expected] == [scene.engine.overdue(now) for now in (30.0, 30.5)]


def test_engine_knows_what_was_sent() -> None:
    """What the kernel took, and not what waits."""
    scene = stuck()
    assert 2 == scene.engine.sent_bytes

    released(scene)
    assert len(text("first")) == scene.engine.sent_bytes


def test_engine_knows_what_came() -> None:
    """Messages and other frames, also in pieces, behind a handshake, and behind a full inbox."""
    scene = Scene(started=False)
    scene.engine.start(said("a"))
    scene.pipe.turns()
    scene.read(said("b", "c"), masked(PING, b""), masked(TEXT, b"d", fin=False), masked(0, b"e"))
    scene.engine.pause()
    scene.read(said("f"))

    assert 7 == scene.engine.heard_frames
