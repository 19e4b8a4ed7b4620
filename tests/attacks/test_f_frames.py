"""Group F: hostile frames, over a real socket, with TLS and without, in each event loop."""

import asyncio
import gc
import logging
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import pytest

from tests.attacks.doors import Door
from tests.attacks.talks import Talks, random_talk
from tests.carriers import in_each_loop
from tests.kits import GENEROUS, audited, in_loop, settled
from tests.talk import REGISTRY, Script, TalkSocket
from tornado_wssec import Limits, Timeouts
from tornado_wssec.settings import KiB, MiB
from tornado_wssec.testing import Client, GuardKit
from tornado_wssec.testing.raw import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, frame_bytes

TIMES = Timeouts()
CAP = Limits().message_bytes
MESSAGE = b'{"type":"talk.do","id":"a","data":{"what":"\xc3\xa9"}}'
SECRET = "s3cr3t-of-the-sender"
TOO_BIG, VIOLATION = {1009}, {1002, 1009}


class Target:
    """A client of a talk, and what its handlers do.

    Args:
        kit: the server.
        client: connected.
    """

    def __init__(self, kit: GuardKit, client: Client, script: Script) -> None:
        self.kit = kit
        self.client = client
        self.script = script

    async def send(self, *frames: bytes) -> None:
        """Send frames in one write."""
        await self.client.socket.write(b"".join(frames))

    async def closes(self, *codes: int) -> None:
        """Claim that the server ends it with one of these codes, and tells the application so."""
        async for _ in self.client:
            continue
        assert self.client.close_code in codes, f"closed with {self.client.close_code} {self.client.close_reason}"
        await self.script.left.wait()
        assert ("closed", self.client.close_code) == self.script.told[-1]

    async def turns(self) -> None:
        """Let the server look at its sockets: each question to it is a turn of its loop."""
        asking = await self.kit.raw()
        for _ in range(3):
            await asking.upgrade("/wssec/live", [("Host", self.kit.host)])

    async def answers(self) -> None:
        """Claim that it is still there, and handles messages."""
        assert {"what": "é"} == (await self.reply())["data"]

    async def reply(self) -> dict[str, Any]:
        """What is answered to a message."""
        await self.send(frame_bytes(TEXT, MESSAGE))
        return await self.client.answer("a")


def echo(socket: TalkSocket, data: dict[str, Any]) -> dict[str, Any]:
    """What handlers do unless a test says otherwise."""
    return data


@asynccontextmanager
async def target_at(
    door: Door, do: Callable[..., Any] = echo, script: Script | None = None, **options: Any
) -> AsyncIterator[Target]:
    """A client at a door, with budgets that nothing uses up unless `limits` says otherwise."""
    script = script or Script(do)
    given = {"registry": REGISTRY, "app_settings": {"script": script}, **options}
    async with door.kit(TalkSocket, **given) as kit:
        yield Target(kit, await kit.connect("/ws"), script)


def masked_header(opcode: int, size: int, *, fin: bool = True) -> bytes:
    """A header that promises so much, with its mask."""
    return struct.pack("!BBQ", fin << 7 | opcode, 0xFF, size) + b"mask"


# --- sizes ---


@pytest.mark.standard("WebSocket cheat sheet size")
@pytest.mark.parametrize("size", [CAP + 1, 2**31, 2**62, 2**63, 2**64 - 1])
@in_each_loop
async def test_f01_header_of_too_much(door: Door, size: int) -> None:
    """From the header alone: no payload is waited for, and none allocated."""
    async with target_at(door) as target:
        await target.send(masked_header(TEXT, size))
        await target.closes(*TOO_BIG)


@in_each_loop
async def test_f01_exactly_the_cap(door: Door) -> None:
    """The largest message that may come is read."""
    async with target_at(door) as target:
        await target.send(frame_bytes(TEXT, MESSAGE.ljust(CAP)))

        assert "reply" == (await target.client.answer("a"))["type"]


@in_each_loop
async def test_f02_sent_at_once(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever sends 5 MB without looking is ended, and recorded with 1009 whatever it has seen of that."""
    caplog.set_level(logging.INFO)
    async with target_at(door) as target:
        await target.send(frame_bytes(TEXT, b"x" * 5 * MiB))
        await target.client.socket.close()
        await target.script.left.wait()

        assert ("closed", 1009) == target.script.told[-1]
    assert [1009] == [line["code"] for line in audited(caplog.records, "session.closed")]


@in_each_loop
async def test_f03_fragments_of_too_much(door: Door) -> None:
    """Fragments that come to one byte more than the cap."""
    async with target_at(door) as target:
        await target.send(frame_bytes(TEXT, b" " * (CAP - 9), fin=False), masked_header(CONTINUATION, 10)[:2])
        await target.send(masked_header(CONTINUATION, 65_536)[2:])
        await target.closes(*TOO_BIG)


@in_each_loop
async def test_f03_frame_of_too_much(door: Door) -> None:
    """A frame has a cap of its own, below that of a message."""
    async with target_at(door, limits=Limits(frame_bytes=1 * KiB)) as target:
        await target.send(
            frame_bytes(TEXT, MESSAGE[:9], fin=False),
            frame_bytes(CONTINUATION, b" " * KiB, fin=False),
            frame_bytes(CONTINUATION, b" " * (KiB + 1)),
        )
        await target.closes(*TOO_BIG)


# --- the letter of RFC 6455 ---

UNMASKED = {
    "first": [frame_bytes(TEXT, MESSAGE, masked=False)],
    "later": [frame_bytes(TEXT, MESSAGE), frame_bytes(TEXT, MESSAGE, masked=False)],
    "fragment": [frame_bytes(TEXT, b"{", fin=False), frame_bytes(CONTINUATION, b"}", masked=False)],
    "ping": [frame_bytes(PING, b"", masked=False)],
    "close": [frame_bytes(CLOSE, b"\x03\xe8", masked=False)],
}


@pytest.mark.parametrize("frames", UNMASKED.values(), ids=UNMASKED)
@in_each_loop
async def test_f04_unmasked(door: Door, frames: list[bytes]) -> None:
    """A client masks every frame (RFC 6455 §5.1)."""
    async with target_at(door) as target:
        await target.send(*frames)
        await target.closes(1002)


FORBIDDEN = {
    **{f"reserved bits {rsv}": frame_bytes(TEXT, MESSAGE, rsv=rsv) for rsv in range(1, 8)},
    **{f"opcode {opcode:x}": frame_bytes(opcode, b"") for opcode in (*range(3, 8), *range(11, 16))},
    "long ping": frame_bytes(PING, b"x" * 126),
    "ping in fragments": frame_bytes(PING, fin=False),
    "length in two bytes": b"\x81\xfe\x00\x05mask" + b"hello",
    "length in eight bytes": b"\x81\xff" + (126).to_bytes(8) + b"mask" + b"x" * 126,
}


@pytest.mark.standard("RFC 6455")
@pytest.mark.parametrize("frame", FORBIDDEN.values(), ids=FORBIDDEN)
@in_each_loop
async def test_f05_forbidden_frames(door: Door, frame: bytes) -> None:
    """Nothing is negotiated that would use a reserved bit or opcode; control frames are short and whole."""
    async with target_at(door) as target:
        await target.send(frame)
        await target.closes(1002)


@pytest.mark.parametrize(("payload", "count"), [(b"x", 100_000), (b"", 500_000)], ids=["f06", "f07"])
@in_each_loop
async def test_f06_f07_endless_fragments(door: Door, payload: bytes, count: int) -> None:
    """However small, and though nothing of them is ever too big: they are too many."""
    async with target_at(door) as target:
        frame = frame_bytes(CONTINUATION, payload, fin=False)
        await target.send(frame_bytes(TEXT, b"", fin=False), frame * min(count, 100_000))
        await target.closes(*VIOLATION)


@in_each_loop
async def test_f06_as_many_fragments_as_may_be(door: Door) -> None:
    """A message in the most pieces is a message."""
    async with target_at(door) as target:
        most = Limits().fragments
        pieces = [MESSAGE[place : place + 1] for place in range(most - 1)] + [MESSAGE[most - 1 :]]
        frames = [
            frame_bytes(CONTINUATION if place else TEXT, piece, fin=place == most - 1)
            for place, piece in enumerate(pieces)
        ]
        await target.send(*frames)

        assert "reply" == (await target.client.answer("a"))["type"]


@in_each_loop
async def test_f09_interleaved(door: Door) -> None:
    """Control frames between fragments are answered, and the message is whole."""
    async with target_at(door) as target:
        for place in range(1, len(MESSAGE)):
            await target.send(
                frame_bytes(TEXT, MESSAGE[:place], fin=False),
                frame_bytes(PING, b"between"),
                frame_bytes(PONG),
                frame_bytes(CONTINUATION, MESSAGE[place:]),
            )
            pong = await target.client.socket.receive_frame()
            assert pong is not None
            assert (PONG, b"between") == (pong.opcode, pong.payload)
            assert {"what": "é"} == (await target.client.answer("a"))["data"]


@pytest.mark.parametrize(
    "frames",
    [
        [frame_bytes(TEXT, MESSAGE, fin=False), frame_bytes(TEXT, MESSAGE)],
        [frame_bytes(CONTINUATION, MESSAGE)],
        [frame_bytes(CONTINUATION, MESSAGE, fin=False)],
        [frame_bytes(TEXT, MESSAGE), frame_bytes(CONTINUATION, MESSAGE)],
    ],
    ids=["new message", "orphan", "orphan in fragments", "orphan behind a message"],
)
@in_each_loop
async def test_f09_interleaved_messages(door: Door, frames: list[bytes]) -> None:
    """A new message within another one, or a continuation of none."""
    async with target_at(door) as target:
        await target.send(*frames)
        await target.closes(1002)


INVALID_UTF8 = {
    "lone continuation": b"\x80",
    "cut off": b"\xe2\x82",
    "overlong": b"\xc0\xaf",
    "overlong NUL": b"\xc0\x80",
    "surrogate": b"\xed\xa0\x80",
    "CESU": b"\xed\xa0\xbd\xed\xb8\x80",
    "beyond Unicode": b"\xf4\x90\x80\x80",
    "behind a message": MESSAGE + b"\xfe",
}


@pytest.mark.standard("RFC 6455")
@pytest.mark.parametrize("payload", INVALID_UTF8.values(), ids=INVALID_UTF8)
@in_each_loop
async def test_f13_invalid_utf8(door: Door, payload: bytes) -> None:
    """Whole, or split over fragments."""
    for frames in (
        [frame_bytes(TEXT, payload)],
        [frame_bytes(TEXT, payload[:1], fin=False), frame_bytes(CONTINUATION, payload[1:])],
    ):
        async with target_at(door) as target:
            await target.send(*frames)
            await target.closes(1007)


@in_each_loop
async def test_f13_character_over_fragments(door: Door) -> None:
    """A valid character may be cut anywhere."""
    async with target_at(door) as target:
        for place in range(1, len(MESSAGE)):
            await target.send(frame_bytes(TEXT, MESSAGE[:place], fin=False), frame_bytes(CONTINUATION, MESSAGE[place:]))
            assert {"what": "é"} == (await target.client.answer("a"))["data"]


@pytest.mark.standard("WebSocket cheat sheet compression")
@in_each_loop
async def test_f14_compression(door: Door) -> None:
    """It is never negotiated, and a frame that claims to be compressed is a violation."""
    async with target_at(door) as target:
        offer = ("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits, x-webkit-deflate-frame")
        socket, answer = await target.kit.handshake("/ws", token=target.kit.token("bob"), extra=[offer])
        assert (101, None) == (answer.status, answer.headers.get("sec-websocket-extensions"))
        await socket.send_frame(TEXT, bytes(50 * KiB), rsv=4)
        client = Client(socket, None)
        await client.assert_closed(1002)


@pytest.mark.requirement("R061")
@pytest.mark.parametrize("payload", [b"", b"\x00\xff", MESSAGE], ids=["empty", "bytes", "a message"])
@in_each_loop
async def test_f18_binary(door: Door, payload: bytes) -> None:
    """Refused where nothing declares it, whatever is in it."""
    async with target_at(door) as target:
        await target.send(frame_bytes(BINARY, payload))
        await target.closes(1003)
        assert ["opened", "closed"] == [event for event, _ in target.script.told]


# --- time ---


@in_each_loop
async def test_f08_message_never_finished(door: Door) -> None:
    """Its time is counted from its beginning, whatever else arrives meanwhile."""
    async with target_at(door) as target:
        await target.send(frame_bytes(TEXT, b"{", fin=False), frame_bytes(PING))
        assert PONG == (await frame_of(target)).opcode
        for _ in range(int(TIMES.message)):
            await target.kit.advance(1)
            await target.send(frame_bytes(CONTINUATION, b" ", fin=False), frame_bytes(PING))
            assert PONG == (await frame_of(target)).opcode
        await target.kit.advance(1)

        await target.closes(4408)
        assert "message not finished in time" == target.client.close_reason


@in_each_loop
async def test_f20_byte_by_byte(door: Door) -> None:
    """One byte a second is a sign of life, and no frame in time."""
    async with target_at(door) as target:
        frame = frame_bytes(TEXT, MESSAGE)
        for second in range(int(TIMES.frame) + 1):
            await target.send(frame[second : second + 1])
            await target.turns()
            await target.kit.advance(1)

        await target.closes(4408)
        assert "frame not finished in time" == target.client.close_reason


@in_each_loop
async def test_f20_frame_in_time(door: Door) -> None:
    """A slow client whose frame ends in time is heard."""
    async with target_at(door) as target:
        frame = frame_bytes(TEXT, MESSAGE)
        for start in range(0, len(frame), 8):
            await target.send(frame[start : start + 8])
            await target.turns()
            await target.kit.advance(1)

        assert "reply" == (await target.client.answer("a"))["type"]


async def frame_of(target: Target) -> Any:
    """The next frame, of whatever kind."""
    frame = await target.client.socket.receive_frame()
    assert frame is not None, "the connection is gone"
    return frame


@in_each_loop
async def test_f12_pong_withheld(door: Door) -> None:
    """Closed at interval and timeout; the socket is gone a second later, though the peer never answers."""
    async with target_at(door) as target:
        await target.kit.advance(TIMES.ping_interval)
        assert PING == (await frame_of(target)).opcode
        await target.kit.advance(TIMES.pong)
        assert (CLOSE, b"\x11\x38no sign of life") == ((frame := await frame_of(target)).opcode, frame.payload)
        await target.kit.advance(1)

        assert None is await target.client.socket.receive_frame()
        await settled(target.kit, 0)


@pytest.mark.standard("WebSocket cheat sheet dead peers")
@in_each_loop
async def test_f12_half_open(door: Door) -> None:
    """A peer that is gone without a word, and whose kernel says nothing, is noticed in the same time."""
    async with target_at(door) as target:
        await target.kit.advance(TIMES.ping_interval)
        await target.kit.advance(TIMES.pong)
        await target.kit.advance(1)
        await settled(target.kit, 0)

        assert ("closed", 4408) == target.script.told[-1]


@in_each_loop
async def test_f12_any_byte_is_life(door: Door) -> None:
    """Also half a frame: what is on its way is not silence."""
    async with target_at(door) as target:
        await target.kit.advance(TIMES.ping_interval)
        frame = frame_bytes(TEXT, MESSAGE)
        await target.send(frame[:3])
        await target.turns()
        await target.kit.advance(TIMES.pong - 1)
        await target.send(frame[3:])

        assert "reply" == (await target.client.answer("a"))["type"]


@in_each_loop
async def test_f16_close_that_is_never_answered(door: Door) -> None:
    """Who does not answer ours is dropped when the time for it is over."""
    async with target_at(door) as target:
        await target.kit.guard.disconnect(subject="ann")
        assert CLOSE == (await frame_of(target)).opcode
        await target.kit.advance(TIMES.close - 0.1)
        assert 1 == len(target.kit.guard.hub)
        await target.kit.advance(0.1)

        assert None is await target.client.socket.receive_frame()
        await settled(target.kit, 0)


@pytest.mark.parametrize("side", ["ours", "theirs"])
@in_each_loop
async def test_f16_data_after_a_close(door: Door, side: str) -> None:
    """Whoever said goodbye, nothing behind it is dispatched."""
    async with target_at(door) as target:
        if side == "ours":
            await target.kit.guard.disconnect(subject="ann")
        else:
            await target.send(frame_bytes(CLOSE, b"\x03\xe8"))
        with_it = [frame_bytes(TEXT, MESSAGE), frame_bytes(PING, b"late"), frame_bytes(TEXT, b"\xff")]
        await target.send(*with_it)
        heard = []
        while (frame := await target.client.socket.receive_frame()) is not None and frame.opcode != CLOSE:
            heard.append(frame)
        await target.client.socket.close()
        await target.script.left.wait()

        assert [] == heard
        assert [("opened", "ann"), ("closed", 4403 if side == "ours" else 1000)] == target.script.told


# --- floods ---


@pytest.mark.parametrize("frame", [frame_bytes(PING, b"x"), frame_bytes(PONG)], ids=["ping", "pong"])
@in_each_loop
async def test_f11_flood_of_control_frames(door: Door, frame: bytes) -> None:
    """They use up the frame budget like anything else, cost no task each, and end with 4429."""
    async with target_at(door, limits=Limits()) as target:
        tasks = len(asyncio.all_tasks())
        flood = asyncio.create_task(target.send(frame * 300_000))
        await target.closes(4429)
        flood.cancel()

        assert len(asyncio.all_tasks()) <= tasks + 2  # the flood itself, and `closed`


@in_each_loop
async def test_f11_flood_of_fragments(door: Door) -> None:
    """Fragments of many small messages are charged for one by one."""
    async with target_at(door, limits=Limits()) as target:
        message = frame_bytes(TEXT, b"{", fin=False) + frame_bytes(CONTINUATION, b"}", fin=False) * 60
        flood = asyncio.create_task(target.send((message + frame_bytes(CONTINUATION)) * 1_000))
        await target.closes(4429)
        flood.cancel()


@in_each_loop
async def test_f11_ping_is_answered_with_what_it_said(door: Door) -> None:
    """Every ping, with its payload, in order."""
    async with target_at(door) as target:
        payloads = [b"", b"x" * 125, bytes(range(125))]
        await target.send(*(frame_bytes(PING, payload) for payload in payloads))

        assert [(PONG, payload) for payload in payloads] == [
            ((frame := await frame_of(target)).opcode, frame.payload) for _ in payloads
        ]


# --- handlers ---


@in_each_loop
async def test_f17_reset_while_a_handler_runs(door: Door) -> None:
    """What is buffered behind it is not handled, and `closed` is called once."""
    script = Script()
    script.do = script.wait
    async with target_at(door, script=script) as target:
        await target.send(frame_bytes(TEXT, MESSAGE) * 5)
        await script.entered.wait()
        target.client.socket.reset()
        await script.left.wait()
        script.go_on.set()
        await settled(target.kit, 0)
        await target.turns()

        assert [("opened", "ann"), ("closed", None), "é"] == script.told


@in_each_loop
async def test_f21_handler_that_raises(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    """`internal` for the id, then 1011, and one line that tells nothing of what was sent."""

    def fail(socket: TalkSocket, data: dict[str, Any]) -> None:
        raise ValueError(data["what"])

    async with target_at(door, fail) as target:
        await target.client.assert_refused("internal", "talk.do", {"what": SECRET})
        await target.closes(1011)

    lines = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert 1 == len(lines)
    assert SECRET not in caplog.text


@in_each_loop
async def test_f22_handler_that_hangs(door: Door) -> None:
    """Pings are answered meanwhile; at its deadline the id is answered, and the connection goes on."""
    script = Script()
    script.do = script.wait
    async with target_at(door, script=script, timeouts=Timeouts(handler=0.05)) as target:
        await target.send(frame_bytes(TEXT, MESSAGE), frame_bytes(PING, b"there?"))
        pong = await frame_of(target)
        assert (PONG, b"there?") == (pong.opcode, pong.payload)
        assert "timeout" == (await target.client.answer("a"))["code"]
        script.go_on.set()
        await target.answers()


# --- everything at once ---


@in_loop
async def test_f23_streams_of_any_kind() -> None:
    """50,000: no exception gets out, no more than the caps is held, all counters are back at nothing; ends vary."""
    talks = Talks()
    await talks.run(0, 50_000)

    assert {"None", "1000", "1002", "1003", "1007", "1009", "1011", "4400", "4408", "4413", "4429"} <= set(talks.ended)


@in_each_loop
async def test_f23_streams_of_any_kind_over_sockets(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is logged as a mistake of ours, and the counters come back to nothing."""
    rng = Random(24)
    async with target_at(door, limits=GENEROUS) as target:
        await target.client.close()
        for _ in range(100):
            client = await target.kit.connect("/ws")
            await client.socket.write(random_talk(rng))
            if rng.random() < 0.5:
                client.socket.reset()
            else:
                await client.socket.close()
        await settled(target.kit, 0)

        assert 0 == target.kit.guard.hub.at_address("127.0.0.1")
    assert [] == [record for record in caplog.records if record.levelno >= logging.ERROR]


@in_each_loop
async def test_f_ended_connections_leave_nothing(door: Door) -> None:
    """Not even for the collector: who comes and goes costs no memory."""
    async with target_at(door) as target:
        await target.client.close()
        await settled(target.kit, 0)
        gc.collect()
        before = live_objects()
        for _ in range(5):
            client = await target.kit.connect("/ws")
            await client.request("talk.do")
            await client.close()
        await settled(target.kit, 0)
        await target.turns()
        gc.collect()

        assert before == live_objects()


def live_objects() -> dict[str, int]:
    """How many parts of connections there are."""
    names = ["Engine", "PlainPipe", "EncryptedPipe", "Conversation", "Live", "TalkSocket", "Inbox", "Session"]
    found = [type(one).__name__ for one in gc.get_objects()]
    return {name: found.count(name) for name in names}
