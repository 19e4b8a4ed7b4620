"""How a socket leaves Tornado: what is answered, what came behind the handshake, and what is left of it."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tornado.ioloop import IOLoop

from tests.attacks.conftest import certified, door
from tests.attacks.doors import Door
from tests.carriers import in_each_loop
from tests.kits import GENEROUS, V1, chat_kit, in_loop, settled
from tests.talk import REGISTRY, Script, TalkSocket, talk_kit
from tornado_wssec import ConfigurationError
from tornado_wssec.testing.kit import ORIGIN
from tornado_wssec.testing.raw import TEXT, frame_bytes, handshake_headers
from tornado_wssec.wire.engine import Engine
from tornado_wssec.wire.plain import PlainPipe
from tornado_wssec.wire.stock import StockConnection

__all__ = ["certified", "door"]


@in_loop
async def test_handover_answer() -> None:
    """The head says what RFC 6455 asks for and nothing of what we are; credentials are not echoed."""
    async with chat_kit() as kit:
        offered = ["wssec.bearer." + kit.token(), *V1]
        _, answer = await kit.handshake("/ws", subprotocols=offered)

    assert 101 == answer.status
    del answer.headers["sec-websocket-accept"]
    assert {"upgrade": "websocket", "connection": "Upgrade", "sec-websocket-protocol": "wssec.v1"} == answer.headers


@in_loop
async def test_handover_answer_and_greeting_are_one_write(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that speaks the protocol is greeted with the packet that lets it in."""
    writes: list[bytes] = []
    sender = PlainPipe.sender

    def counting(pipe: PlainPipe) -> Callable[[bytes], int]:
        send = sender(pipe)

        def counted(data: bytes) -> int:
            writes.append(data)
            return send(data)

        return counted

    monkeypatch.setattr(PlainPipe, "sender", counting)
    async with chat_kit() as kit:
        client = await kit.connect("/ws", subprotocols=V1)
        await client.assert_received("wssec.ready")
        assert 1 == len(writes)


@in_loop
async def test_handover_keeps_the_descriptor_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system is told of a plain socket once, and Tornado's loop knows nothing of it any more."""
    taken: list[tuple[bool, bool]] = []
    init = PlainPipe.__init__

    def seen(pipe: PlainPipe, sock: Any, *args: Any, is_watched: bool) -> None:
        taken.append((is_watched, sock.fileno() in getattr(IOLoop.current(), "handlers")))  # noqa: B009 - of its kind
        init(pipe, sock, *args, is_watched=is_watched)

    monkeypatch.setattr(PlainPipe, "__init__", seen)
    async with chat_kit() as kit:
        client = await kit.connect("/ws", subprotocols=V1)
        await client.assert_received("wssec.ready")

    assert [(True, False)] == taken


@in_each_loop
async def test_h24_messages_behind_the_handshake(door: Door) -> None:
    """Whatever was sent with it, however much, is handled in order once `opened` has ended, and not before."""
    count = 1_500
    script = Script(lambda socket, data: script.told.append(data["what"]))

    class Opened(TalkSocket):
        async def opened(self) -> None:
            script.told.append("opened")
            script.entered.set()
            await script.go_on.wait()

    async with door.kit(Opened, registry=REGISTRY, app_settings={"script": script}) as kit:
        raw = await kit.raw()
        headers = handshake_headers(kit.host, origin=ORIGIN, token=kit.token())
        head = "\r\n".join(["GET /ws HTTP/1.1", *(f"{name}: {value}" for name, value in headers), "", ""])
        messages = [json.dumps({"type": "talk.do", "id": str(n), "data": {"what": str(n)}}) for n in range(count)]
        await raw.write(head.encode() + b"".join(frame_bytes(TEXT, message.encode()) for message in messages))
        await script.entered.wait()
        assert 101 == (await raw.response()).status
        await (await kit.raw()).upgrade("/wssec/live", [("Host", kit.host)])
        assert ["opened"] == script.told
        script.go_on.set()
        frames = [await raw.receive_frame() for _ in range(count)]

    assert [str(n) for n in range(count)] == [json.loads(frame.payload)["id"] for frame in frames if frame]
    assert ["opened", *(str(n) for n in range(count))] == script.told[: count + 1]


@in_each_loop
async def test_handover_leaves_no_descriptor_open(door: Door) -> None:
    """Who came, in whatever way, and went: each number is free again."""
    async with door.kit() as kit:
        await (await kit.connect("/ws")).close()
        await settled(kit, 0)
        before = open_descriptors()
        for number in range(12):
            client = await kit.connect("/ws")
            if number % 3 == 0:
                await client.close()
            elif number % 3 == 1:
                client.socket.reset()
            else:
                await kit.guard.disconnect(subject="ann")
                await client.assert_closed(4403)
            await settled(kit, 0)
        for socket in kit._open:
            await socket.close()
        await (raw := await kit.raw()).upgrade("/wssec/live", [("Host", kit.host)])
        await raw.close()

        assert open_descriptors() <= before + 2  # what the last question has left behind


def open_descriptors() -> int:
    """How many files and sockets this process has open."""
    return len(os.listdir("/dev/fd"))


@pytest.mark.parametrize(("framing", "kind"), [("engine", Engine), ("stock", StockConnection)])
@in_loop
async def test_handover_framing_is_a_setting(framing: str, kind: type) -> None:
    """Both carry the same conversation."""
    async with talk_kit(framing=framing) as kit:
        client = await kit.connect("/ws")
        assert {} == await client.request("talk.do")
        (live,) = kit.guard.hub

        assert (framing, kind) == (kit.guard.framing, type(live.connection))


@pytest.mark.parametrize("framing", ["", "Engine", None, True])
def test_handover_framing_that_is_none(framing: Any) -> None:
    """Anything else does not start."""
    with pytest.raises(ConfigurationError, match=r'framing: is .*; write "engine" or "stock"'):
        chat_kit(framing=framing)


@in_loop
async def test_handover_cap_of_an_endpoint() -> None:
    """Its own limits hold, not the guard's."""

    class Narrow(TalkSocket):
        limits = replace(GENEROUS, message_bytes=100)

    async with talk_kit(handler=Narrow) as kit:
        client = await kit.connect("/ws")
        await client.send("talk.do", {"what": "x" * 101})
        await client.assert_closed(1009)
