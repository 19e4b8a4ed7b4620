"""What Tornado does before 101 that the design leans on, or guards against.

An upgrade that changes one says so here.
"""

import asyncio

import pytest
from tornado.web import RequestHandler

from .sockets import EchoHandler, handshake, play, served, text


def status_of(handler: type[RequestHandler], *requests: bytes) -> list[int]:
    """The status that each request is answered with, on a connection of its own."""

    async def scenario() -> list[int]:
        async with served(handler) as server:
            return [await (await server.connect()).ask(request) for request in requests]

    return play(scenario())


class RefusingHandler(EchoHandler):
    def prepare(self) -> None:
        self.set_status(418)
        self.finish()


def test_tornado_prepare_runs_before_every_check() -> None:
    """Method, Upgrade and Origin come after `prepare()`, so the first refusal can be ours."""
    post = b"POST /ws HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"
    evil = handshake({"Origin": "https://evil.example"})
    plain = handshake({"Upgrade": ""})

    assert [418, 418, 418] == status_of(RefusingHandler, post, evil, plain)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Host": "evil.example", "Origin": "http://evil.example"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "none"},
    ],
)
def test_tornado_does_not_ask_check_origin(headers: dict[str, str]) -> None:
    """No Origin, Origin equal to Host, or a header anybody may send: `check_origin` is never asked."""

    class Strict(EchoHandler):
        def check_origin(self, origin: str) -> bool:
            return False

    assert [101] == status_of(Strict, handshake(headers))
    assert [403] == status_of(Strict, handshake({"Origin": "https://other.example"}))


def test_tornado_crashes_on_an_unbalanced_origin() -> None:
    """`Origin: http://[x` is a 500 from Tornado's own parser."""

    assert [500] == status_of(EchoHandler, handshake({"Origin": "http://[x"}))


@pytest.mark.parametrize(
    "request_", [handshake({"Sec-WebSocket-Key": "AAAA"}), handshake(version="HTTP/1.0")], ids=["key", "version"]
)
def test_tornado_accepts_malformed_handshakes(request_: bytes) -> None:
    """A key that is not 16 bytes and HTTP/1.0 are accepted, against RFC 6455 §4.2.1."""

    assert [101] == status_of(EchoHandler, request_)


def test_tornado_crashes_on_a_subprotocol_not_offered() -> None:
    """Choosing a name the client did not offer is an assertion, not a refusal."""

    class Choosy(EchoHandler):
        def select_subprotocol(self, subprotocols: list[str]) -> str:
            return "not.offered"

    assert [500] == status_of(Choosy, handshake())


def test_tornado_does_not_compress_unless_asked() -> None:
    """Without `get_compression_options` the extension is not negotiated."""

    async def scenario() -> bytes:
        async with served(EchoHandler) as server:
            client = await server.connect()
            client.send(handshake({"Sec-WebSocket-Extensions": "permessage-deflate"}))
            return await client.reader.readuntil(b"\r\n\r\n")

    assert b"Sec-WebSocket-Extensions" not in play(scenario())


def test_tornado_opens_a_client_that_left_during_prepare() -> None:
    """`on_close` runs first, then `open`, and `on_close` never again: release must be idempotent."""

    async def scenario() -> tuple[list[str], bool]:
        async with served(Waiting) as server:
            client = await server.connect()
            client.send(handshake())
            first = await server.heard(1)
            client.leave()
            then = await server.heard(1)
            proceed.set()
            return first + then + await server.heard(1), server.told.empty()

    proceed = asyncio.Event()

    class Waiting(EchoHandler):
        async def prepare(self) -> None:
            self.told.put_nowait("prepare")
            await proceed.wait()

    assert (["prepare", "close None", "open"], True) == play(scenario())


def test_tornado_holds_messages_back_until_open_has_returned() -> None:
    """Frames pipelined behind the handshake wait for a coroutine `open`."""

    class SlowToOpen(EchoHandler):
        async def open(self) -> None:  # type: ignore[override]  # Tornado allows both
            await asyncio.sleep(0)
            self.told.put_nowait("open")

    async def scenario() -> list[str]:
        async with served(SlowToOpen) as server:
            client = await server.connect()
            client.send(handshake(), text("early"))
            return await server.heard(2)

    assert ["open", "message 'early'"] == play(scenario())
