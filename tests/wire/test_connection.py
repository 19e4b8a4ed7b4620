"""What both framings answer to frames of every kind, over a real socket, and how they are held back."""

import os
import struct

import pytest

from tests.kits import GENEROUS, in_loop
from tests.talk import Script, talk_kit
from tornado_wssec import Limits
from tornado_wssec.settings import KiB
from tornado_wssec.testing import Client
from tornado_wssec.testing.raw import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Frame
from tornado_wssec.wire.outgoing import Outgoing

MESSAGE = b'{"type":"talk.do","id":"a","data":{"what":"\xc3\xa9"}}'


both_framings = pytest.mark.parametrize("framing", ["engine", "stock"])


async def frame_of(client: Client) -> Frame:
    """The next frame, of whatever kind."""
    frame = await client.socket.receive_frame()
    assert frame is not None, "the connection is gone"
    return frame


INVALID_UTF8 = {
    "lone continuation": b"\x80",
    "cut off": b"\xe2\x82",
    "overlong": b"\xc0\xaf",
    "overlong NUL": b"\xc0\x80",
    "surrogate": b"\xed\xa0\x80",
    "surrogate pair": b"\xed\xa0\xbd\xed\xb8\x80",
    "beyond Unicode": b"\xf4\x90\x80\x80",
    "never a byte": b"\xff",
    "behind a message": MESSAGE + b"\xfe",
}


@pytest.mark.parametrize("payload", INVALID_UTF8.values(), ids=INVALID_UTF8)
@pytest.mark.parametrize("is_split", [False, True])
@both_framings
@in_loop
async def test_f13_invalid_utf8(payload: bytes, is_split: bool, framing: str) -> None:
    """Text that is none closes with 1007, whole or in fragments, and is not handled."""
    script = Script()
    async with talk_kit(script, framing=framing) as kit:
        client = await kit.connect("/ws")
        if is_split:
            await client.socket.send_frame(TEXT, payload[:1], fin=False)
            await client.socket.send_frame(CONTINUATION, payload[1:])
        else:
            await client.socket.send_frame(TEXT, payload)

        assert "text is not UTF-8" == await client.assert_closed(1007)
        await script.left.wait()
        assert [("opened", "ann"), ("closed", 1007)] == script.told


@both_framings
@in_loop
async def test_f13_character_over_fragments(framing: str) -> None:
    """A valid character may be cut anywhere; pings in between are answered, and leave the message as it is."""
    script = Script(lambda socket, data: data)
    async with talk_kit(script, limits=GENEROUS, framing=framing) as kit:
        client = await kit.connect("/ws")
        for place in range(1, len(MESSAGE)):
            await client.socket.send_frame(TEXT, MESSAGE[:place], fin=False)
            await client.socket.send_frame(PING, b"between")
            await client.socket.send_frame(CONTINUATION, MESSAGE[place:])
            pong = await frame_of(client)
            assert (PONG, b"between") == (pong.opcode, pong.payload)
            assert {"type": "reply", "id": "a", "data": {"what": "é"}} == await client.receive()


GOOD_CODES = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999]
BAD_CODES = [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535]


@pytest.mark.parametrize("code", GOOD_CODES)
@both_framings
@in_loop
async def test_close_is_answered(code: int, framing: str) -> None:
    """A close that RFC 6455 §7.4 allows is echoed, and told to the handler."""
    script = Script()
    async with talk_kit(script, framing=framing) as kit:
        client = await kit.connect("/ws")
        await client.socket.send_frame(CLOSE, struct.pack("!H", code) + "Grüße".encode())
        answer = await frame_of(client)
        assert (CLOSE, struct.pack("!H", code)) == (answer.opcode, answer.payload[:2])
        await script.left.wait()


BAD_CLOSES = [*(struct.pack("!H", code) for code in BAD_CODES), b"\x03", b"\x03\xe8\xff", b"\x03\xe8\xed\xa0\x80"]


@pytest.mark.parametrize("payload", BAD_CLOSES, ids=lambda payload: payload.hex())
@both_framings
@in_loop
async def test_close_that_is_malformed(payload: bytes, framing: str) -> None:
    """A code that may not be sent, half a code, or a reason that is no UTF-8 is a protocol error: 1002."""
    script = Script()
    async with talk_kit(script, framing=framing) as kit:
        client = await kit.connect("/ws")
        await client.socket.send_frame(CLOSE, payload)
        await client.assert_closed(1002)
        await script.left.wait()

    assert [("opened", "ann"), ("closed", 1002)] == script.told


@both_framings
@in_loop
async def test_close_without_a_code(framing: str) -> None:
    """An empty close is a close."""
    script = Script()
    async with talk_kit(script, framing=framing) as kit:
        client = await kit.connect("/ws")
        await client.socket.send_frame(CLOSE)
        assert CLOSE == (await frame_of(client)).opcode
        await script.left.wait()


@pytest.mark.parametrize("size", [64 * KiB + 1, 2**31, 2**62])
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
@both_framings
@in_loop
async def test_f01_header_of_too_much(size: int, opcode: int, framing: str) -> None:
    """The header alone closes with 1009: no payload is waited for."""
    script = Script()
    async with talk_kit(script, framing=framing) as kit:
        client = await kit.connect("/ws")
        await client.socket.write(struct.pack("!BBQ", 0x80 | opcode, 0xFF, size) + os.urandom(4))
        code = 1003 if (opcode, framing) == (BINARY, "engine") else 1009  # one is known a byte before the other

        await client.assert_closed(code)
        await script.left.wait()
        assert [("opened", "ann"), ("closed", code)] == script.told


@both_framings
@in_loop
async def test_f01_exactly_the_cap(framing: str) -> None:
    """The largest message that may come is read."""
    async with talk_kit(framing=framing) as kit:
        client = await kit.connect("/ws")
        await client.send_text(MESSAGE.decode().ljust(Limits().message_bytes - 1))

        assert "reply" == (await client.answer("a"))["type"]


@both_framings
@in_loop
async def test_f03_fragments_of_too_much(framing: str) -> None:
    """Fragments that come to one byte more than the cap close with 1009."""
    async with talk_kit(limits=Limits(message_bytes=1_000), framing=framing) as kit:
        client = await kit.connect("/ws")
        await client.socket.send_frame(TEXT, b" " * 600, fin=False)
        await client.socket.send_frame(CONTINUATION, b" " * 401)

        await client.assert_closed(1009)


@both_framings
@in_loop
async def test_f09_interleaved_messages(framing: str) -> None:
    """A new message within another one, or a continuation of none, ends the connection; nothing is handled."""
    for frames in ([(TEXT, False), (TEXT, True)], [(CONTINUATION, True)]):
        script = Script()
        async with talk_kit(script, framing=framing) as kit:
            client = await kit.connect("/ws")
            for opcode, fin in frames:
                await client.socket.send_frame(opcode, MESSAGE, fin=fin)
            assert [] == [message async for message in client]
            await script.left.wait()
        assert ["opened", "closed"] == [event for event, _ in script.told]


@pytest.mark.parametrize("rsv", [1, 2, 4])
@both_framings
@in_loop
async def test_f05_reserved_bits(rsv: int, framing: str) -> None:
    """Compression is never negotiated, and a frame with a reserved bit ends the connection."""
    script = Script()
    async with talk_kit(script, framing=framing) as kit:
        offer = ("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits")
        socket, answer = await kit.handshake("/ws", token=kit.token(), extra=[offer])
        assert (101, None) == (answer.status, answer.headers.get("sec-websocket-extensions"))
        await socket.send_frame(TEXT, MESSAGE, rsv=rsv)
        while await socket.receive_frame() is not None:
            continue
        await socket.close()
        await script.left.wait()

    assert ["opened", "closed"] == [event for event, _ in script.told]


@both_framings
@in_loop
async def test_f16_data_after_the_close(framing: str) -> None:
    """What either side sends after a close is not dispatched."""
    script = Script(lambda socket, data: script.told.append("handled"))
    async with talk_kit(script, framing=framing) as kit:
        client = await kit.connect("/ws")
        await client.socket.send_frame(CLOSE, b"\x03\xe8")
        await client.socket.send_frame(TEXT, MESSAGE)
        await script.left.wait()

    assert [("opened", "ann"), ("closed", 1000)] == script.told


@both_framings
@in_loop
async def test_ping_of_the_largest_size(framing: str) -> None:
    """A ping comes back with its payload; one that is longer than a control frame may be ends the connection."""
    async with talk_kit(framing=framing) as kit:
        client = await kit.connect("/ws")
        await client.socket.send_frame(PING, b"x" * 125)
        pong = await frame_of(client)
        assert (PONG, b"x" * 125) == (pong.opcode, pong.payload)
        await client.socket.send_frame(PING, b"x" * 126)

        assert [] == [message async for message in client]


@both_framings
@in_loop
async def test_connection_paused(framing: str) -> None:
    """While it is paused nothing is read, however often that is asked for; after `resume` everything is there."""
    script = Script(lambda socket, data: {})
    async with talk_kit(script, limits=GENEROUS, framing=framing) as kit:
        client = await kit.connect("/ws")
        (live,) = kit.guard.hub
        live.connection.pause()
        live.connection.pause()
        assert not live.connection.is_reading
        for number in range(3):
            await client.send("talk.do", id=f"i{number}")
        if framing == "stock":
            assert "i0" == (await client.receive())["id"]  # Tornado had been waiting for it when reading paused
        live.connection.resume()
        live.connection.resume()

        assert live.connection.is_reading
        waiting = ["i0", "i1", "i2"][framing == "stock" :]
        assert waiting == [(await client.receive())["id"] for _ in waiting]


@pytest.mark.parametrize("how", ["close", "abort"])
@both_framings
@in_loop
async def test_connection_ended_while_paused(how: str, framing: str) -> None:
    """A paused connection can be ended: the peer's answer is read, or not waited for."""
    script = Script()
    async with talk_kit(script, framing=framing) as kit:
        client = await kit.connect("/ws")
        (live,) = kit.guard.hub
        live.connection.pause()
        if how == "close":
            await kit.guard.disconnect(subject="ann")
            await client.assert_closed(4403)
        else:
            live.connection.abort()
        await script.left.wait()

        assert 0 == live.connection.buffered_bytes


@both_framings
@in_loop
async def test_connection_after_its_end(framing: str) -> None:
    """Whatever is asked of a connection that is gone does nothing."""
    script = Script()
    async with talk_kit(script, framing=framing) as kit:
        client = await kit.connect("/ws")
        (live,) = kit.guard.hub
        client.socket.reset()
        await script.left.wait()
        live.connection.send(Outgoing("late"), 0.0)
        live.connection.ping(b"late")
        live.connection.pause()
        live.connection.resume()
        live.connection.abort()

        assert 0 == live.connection.buffered_bytes
