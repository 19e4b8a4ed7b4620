"""What an engine hands on of what it reads, when, and how a connection ends."""

import pytest

from tests.wire.clients import header, masked, unmasked
from tests.wire.engines import Scene, said
from tornado_wssec.closing import Close, CloseCode
from tornado_wssec.wire.engine import TURN_MESSAGES
from tornado_wssec.wire.frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, encode_close
from tornado_wssec.wire.pipe import Corked
from tornado_wssec.wire.speaking import GONE

BAD = masked(TEXT, b"\xff")
BYE = masked(CLOSE, b"\x03\xe8")
ECHO = b"\x88\x02\x03\xe8"


def test_engine_delivers_texts_in_order() -> None:
    """Each once, as text, whatever arrives together."""
    scene = Scene()
    scene.read(said("a", "b"))
    scene.read(said("é"))

    assert ["a", "b", "é"] == scene.heard
    assert (2, 0) == (scene.frames_seen, scene.controls_seen)


def test_engine_holds_back_what_it_says() -> None:
    """Until it is released, where whoever feeds it feeds others, too; then all of it leaves in one write."""
    scene, held = Scene(), list[Corked]()
    scene.engine.data_received(said("a") + masked(PING, b"p"), held)
    scene.engine.ping(b"q")
    before = scene.pipe.writes[:]
    held.pop().uncork()

    assert ([], [unmasked(PONG, b"p") + unmasked(PING, b"q")], []) == (before, scene.pipe.writes, held)


def test_engine_delivers_binary_where_it_is_declared() -> None:
    """An endpoint that takes bytes gets them as bytes."""
    heard: list[bytes] = []
    scene = Scene(receive_binary=heard.append)
    scene.read(masked(BINARY, b"\x00\xff"))

    assert ([b"\x00\xff"], []) == (heard, scene.heard)


def test_engine_reads_nothing_before_it_starts() -> None:
    """The socket is not read, and what came behind the handshake is handed on a turn later, before the rest."""
    scene = Scene(started=False)
    assert not scene.pipe.is_reading
    scene.engine.start(said("first"))
    assert ([], False) == (scene.heard, scene.pipe.is_reading)
    scene.pipe.turn()

    assert (["first"], True, 1) == (scene.heard, scene.pipe.is_reading, scene.frames_seen)


def test_engine_starts_with_half_a_frame() -> None:
    """What came of a frame behind the handshake is not lost."""
    scene = Scene(started=False)
    scene.engine.start(said("whole")[:4])
    scene.pipe.turn()
    scene.read(said("whole")[4:])

    assert ["whole"] == scene.heard


def test_engine_starts_with_a_violation() -> None:
    """A breach behind the handshake is one."""
    scene = Scene(started=False)
    scene.engine.start(said("a") + BAD)
    scene.pipe.turn()

    assert ["a", Close(CloseCode.INVALID_PAYLOAD)] == scene.heard


def test_engine_that_is_lost_does_not_start() -> None:
    """The peer left while `opened` ran."""
    scene = Scene(started=False)
    scene.engine.connection_lost()
    scene.engine.start(said("a"))

    assert (0, [("lost", None, "")]) == (scene.pipe.turns(), scene.heard)


def test_engine_paused_does_not_start_to_read() -> None:
    """Nor what came behind the handshake; it starts where it is resumed."""
    for first in (b"", said("a")):
        scene = Scene(started=False)
        scene.engine.pause()
        scene.engine.start(first)
        scene.pipe.turn()
        assert ([], False) == (scene.heard, scene.pipe.is_reading)
        scene.engine.resume()
        scene.pipe.turn()

        assert (["a"][: len(first)], True) == (scene.heard, scene.pipe.is_reading)


def test_engine_resumed_before_it_starts_does_not_read() -> None:
    """Only `start` begins."""
    scene = Scene(started=False)
    scene.engine.pause()
    scene.engine.resume()
    scene.pipe.turn()

    assert not scene.pipe.is_reading


# --- turns ---


def test_engine_gives_others_their_turn() -> None:
    """So many messages a turn, in order, and the socket is not read meanwhile."""
    scene = Scene()
    texts = [str(number) for number in range(3 * TURN_MESSAGES + 5)]
    scene.read(said(*texts))
    counts = []
    while scene.pipe.waiting:
        counts.append(len(scene.heard))
        assert not scene.pipe.is_reading
        scene.pipe.turn()

    assert [TURN_MESSAGES, 2 * TURN_MESSAGES, 3 * TURN_MESSAGES] == counts
    assert (texts, True) == (scene.heard, scene.pipe.is_reading)


def test_engine_pause_and_resume_give_no_turn_away() -> None:
    """However often it is paused and resumed in between, one turn stays one turn."""
    scene = Scene()
    scene.read(said(*"x" * 3 * TURN_MESSAGES))
    for _ in range(5):
        scene.engine.pause()
        scene.engine.pause()
        scene.engine.resume()
        scene.engine.resume()
    scene.pipe.turn()

    assert 2 * TURN_MESSAGES == len(scene.heard)


def test_engine_paused_in_the_middle_of_a_read() -> None:
    """What came with it waits; the order is kept, and what is read later waits behind it."""
    scene = Scene(lambda text: scene.engine.pause() if text == "b" else None)
    scene.read(said("a", "b", "c"))
    scene.read(said("d"))
    assert (["a", "b"], False, False) == (scene.heard, scene.pipe.is_reading, scene.engine.is_reading)
    scene.engine.resume()
    scene.pipe.turn()

    assert (["a", "b", "c", "d"], True, True) == (scene.heard, scene.pipe.is_reading, scene.engine.is_reading)


def test_engine_paused_in_the_middle_of_a_turn() -> None:
    """The same where what waited is handed on."""
    scene = Scene(lambda text: scene.engine.pause() if text == "p" else None)
    scene.read(said(*"x" * TURN_MESSAGES, "p", "q"))
    scene.pipe.turn()
    assert ("p", 0) == (scene.heard[-1], scene.pipe.turns())
    scene.engine.resume()
    scene.pipe.turn()

    assert ("q", True) == (scene.heard[-1], scene.pipe.is_reading)


def test_engine_paused_before_what_waits_has_its_turn() -> None:
    """A turn that has been asked for finds it paused, and does nothing."""
    scene = Scene()
    scene.read(said(*"x" * (TURN_MESSAGES + 1)))
    scene.engine.pause()
    scene.pipe.turn()

    assert (TURN_MESSAGES, False) == (len(scene.heard), scene.pipe.is_reading)


def test_engine_answers_pings_while_messages_wait() -> None:
    """A ping behind messages that wait is answered at once; a pong is heard."""
    scene = Scene(lambda text: scene.engine.pause())
    scene.read(said("a", "b"), masked(PING, b"there?"), masked(PONG), said("c"))

    assert (["a"], unmasked(PONG, b"there?"), 2) == (scene.heard, scene.written, scene.controls_seen)


def test_engine_charges_for_fragments_and_control_frames() -> None:
    """Whatever is no message by itself is told, one by one."""
    scene = Scene()
    scene.read(masked(TEXT, b"a", fin=False), masked(CONTINUATION, fin=False), masked(PING), masked(CONTINUATION, b"b"))

    assert (["ab"], 3) == (scene.heard, scene.controls_seen)


def test_engine_that_is_closed_for_a_ping_does_not_answer_it() -> None:
    """A flood that ends the connection is not answered any more."""
    scene = Scene()
    close = Close(CloseCode.RATE_LIMITED)
    scene.engine.watch(lambda: None, lambda: scene.engine.close(close), lambda close: None)
    scene.read(masked(PING, b"1"), masked(PING, b"2"), said("a"))

    assert ([], encode_close(close)) == (scene.heard, scene.written)


# --- violations ---


def test_engine_tells_a_violation_behind_what_was_well() -> None:
    """Messages before it are handed on, nothing behind it; then our half ends, and the peer is read on."""
    scene = Scene()
    scene.read(said("a"), BAD, said("b"))
    scene.read(said("c"))

    assert ["a", Close(CloseCode.INVALID_PAYLOAD)] == scene.heard
    assert encode_close(Close(CloseCode.INVALID_PAYLOAD)) == scene.written
    assert (True, False, True) == (scene.pipe.is_finished, scene.pipe.is_aborted, scene.pipe.is_reading)


def test_engine_tells_a_violation_in_its_turn() -> None:
    """Not before the messages that wait in front of it."""
    scene = Scene()
    scene.read(said(*"x" * (TURN_MESSAGES + 1)), BAD)
    assert TURN_MESSAGES == len(scene.heard)
    scene.pipe.turns()

    assert ["x", Close(CloseCode.INVALID_PAYLOAD)] == scene.heard[-2:]


def test_engine_violation_of_a_closed_connection_is_nothing() -> None:
    """The first reason stays."""
    scene = Scene()
    scene.engine.close(Close(CloseCode.REVOKED))
    scene.read(BAD)

    assert ([], encode_close(Close(CloseCode.REVOKED))) == (scene.heard, scene.written)


def test_engine_cap_can_change() -> None:
    """Who is known may send more than who is not."""
    scene = Scene(message_bytes=4)
    scene.engine.set_message_cap(8)
    scene.read(said("12345678"), header(TEXT, 9))

    assert ["12345678", Close(CloseCode.MESSAGE_TOO_BIG)] == scene.heard


# --- goodbyes ---


@pytest.mark.parametrize(
    ("payload", "told", "echo"),
    [(b"\x03\xe8bye", (1000, "bye"), ECHO), (b"", (1005, ""), b"\x88\x00")],
)
def test_engine_answers_a_goodbye(payload: bytes, told: tuple[int, str], echo: bytes) -> None:
    """With its code, without its reason; then the socket is let go, and what the peer said is told."""
    scene = Scene()
    scene.read(said("a"), masked(CLOSE, payload), said("b"))
    assert (["a"], echo, True) == (scene.heard, scene.written, scene.pipe.is_aborted)
    scene.pipe.turns()

    assert ["a", ("lost", *told)] == scene.heard


def test_engine_goodbye_of_ours_is_answered() -> None:
    """Nothing is handed on any more, and the socket is let go once the peer has answered."""
    scene = Scene()
    scene.engine.close(Close(4000, "enough"))
    scene.engine.close(Close(4001))
    scene.read(said("late"), masked(PING))
    assert (encode_close(Close(4000, "enough")), False) == (scene.written, scene.pipe.is_aborted)
    scene.read(masked(CLOSE, b"\x0f\xa0"))
    scene.pipe.turns()

    assert ([("lost", 4000, "")], True) == (scene.heard, scene.pipe.is_aborted)


def test_engine_goodbyes_that_cross() -> None:
    """The peer's stands behind messages that wait: they are dropped, and the socket is let go at once."""
    scene = Scene(lambda text: scene.engine.pause())
    scene.read(said("a", "b"), BYE)
    scene.engine.close(Close(4000))
    scene.pipe.turns()

    assert (encode_close(Close(4000)), True) == (scene.written, scene.pipe.is_aborted)
    assert ["a", ("lost", None, "")] == scene.heard


def test_engine_goodbye_while_messages_wait() -> None:
    """Ours drops them; the peer's answer is read although reading was paused."""
    scene = Scene(lambda text: scene.engine.pause())
    scene.read(said("a", "b"))
    scene.engine.close(Close(4000))
    scene.pipe.turns()

    assert (["a"], True, True) == (scene.heard, scene.pipe.is_reading, scene.engine.is_reading)


def test_engine_close_from_within_a_turn() -> None:
    """A handler that ends the connection is the last one; its answer leaves in front of the goodbye."""

    def receive(text: str) -> None:
        scene.say("bye")
        scene.engine.close(Close(4000))

    scene = Scene(receive)
    scene.read(said("a", "b"))

    assert (["a"], [unmasked(TEXT, b"bye") + encode_close(Close(4000))]) == (scene.heard, scene.pipe.writes)


def test_engine_aborted_within_a_turn() -> None:
    """What stands behind is not handed on."""
    scene = Scene(lambda text: scene.engine.abort())
    scene.read(said("a", "b"))
    scene.pipe.turns()

    assert ["a", ("lost", None, "")] == scene.heard


def test_engine_lost_is_told_once() -> None:
    """Whatever is asked of it afterwards does nothing."""
    scene = Scene(lambda text: scene.engine.pause())
    scene.read(said("a", "b"))
    scene.engine.connection_lost()
    scene.engine.connection_lost()
    for _ in range(2):
        scene.engine.close(Close(4000))
        scene.engine.ping(b"late")
        scene.engine.resume()
        scene.engine.pause()
        scene.engine.writable()
        scene.engine.extend(1.0)
        assert scene.say("late")
        assert None is scene.engine.overdue(99.0)
        scene.engine.abort()
    scene.pipe.turns()

    assert (["a", ("lost", None, "")], b"", 0) == (scene.heard, scene.written, scene.engine.buffered_bytes)


def test_engine_nobody_watches() -> None:
    """Without anybody to tell it still keeps to the protocol."""
    scene = Scene()
    scene.engine.watch(lambda: None, lambda: None, lambda close: None)
    scene.read(BAD)

    assert ([], b"") == (scene.heard, scene.written)


def test_engine_that_is_gone_takes_everything() -> None:
    """What stands in the place of its pipe does nothing, whatever it is asked for."""
    GONE.pause()
    GONE.resume()
    GONE.finish()
    GONE.abort()
    GONE.later(lambda: None)

    assert (5, True) == (GONE.write(b"hello"), GONE.is_deserted())


def many(scene: Scene, *taken: int) -> list[list[str]]:
    """Have an engine offer several texts at once, and take so many of each offer; return what was offered."""
    offered, left = list[list[str]](), list(taken)

    def receive_all(texts: list[str]) -> int:
        offered.append(list(texts))
        return left.pop(0)

    scene.engine.watch(scene._see_frame, scene._see_control, scene._see_violation, scene._hear, receive_all=receive_all)
    return offered


def test_engine_offers_what_came_together() -> None:
    """What is not taken is handed over one by one, and what is behind it after that."""
    scene = Scene()
    offered = many(scene, 3, 1)
    scene.read(*[masked(TEXT, text) for text in (b"aa", b"bb", b"cc")])
    scene.read(*[masked(TEXT, text) for text in (b"dd", b"ee")], masked(PING, b""), masked(TEXT, b"ff"))

    assert [["aa", "bb", "cc"], ["dd", "ee"]] == offered
    assert (["ee", "ff"], 0, 1) == (scene.heard, scene.frames_seen, scene.controls_seen)


def test_engine_offers_no_more_than_a_turn() -> None:
    """The rest waits until others have had theirs."""
    scene = Scene()
    offered = many(scene, TURN_MESSAGES)
    texts = [f"t{number}" for number in range(TURN_MESSAGES + 2)]
    scene.read(*[masked(TEXT, text.encode()) for text in texts])
    before = list(scene.heard)
    scene.pipe.turns()

    assert [texts[:TURN_MESSAGES]] == offered
    assert ([], texts[TURN_MESSAGES:]) == (before, scene.heard)


def test_engine_offers_nothing_while_something_waits() -> None:
    """Nor behind a goodbye; that the peer lives is told all the same."""
    scene = Scene()
    offered = many(scene)
    scene.engine.pause()
    scene.read(masked(TEXT, b"a"))
    scene.engine.resume()
    scene.read(masked(TEXT, b"b"))
    scene.pipe.turns()
    scene.engine.close(Close(CloseCode.NORMAL))
    scene.read(masked(TEXT, b"c"))

    assert ([], ["a", "b"], 3) == (offered, scene.heard, scene.frames_seen)
