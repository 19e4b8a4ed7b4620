"""Lines H19, H20 and H21: what is sent in the place of a request, plain and through TLS.

Deadlines are a twentieth of a second, or far away where something else must come first.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from tornado.web import RequestHandler

from tests.attacks.doors import Door
from tests.certificates import certify
from tests.kits import GENEROUS, ChatSocket, in_loop
from tornado_wssec import Limits, Timeouts
from tornado_wssec.testing import GuardKit, RawSocket
from tornado_wssec.testing.kit import ORIGIN
from tornado_wssec.testing.raw import handshake_headers

SOON = Timeouts(handshake=0.05)
FAR = Timeouts(handshake=600.0)
PATIENCE_SECONDS = 20.0


@pytest.fixture(params=["plain", "tls"])
def door(request: pytest.FixtureRequest, tmp_path: Path) -> Door:
    """A plain door and one of TLS."""
    return Door(None if request.param == "plain" else certify(tmp_path))


def live(kit: GuardKit, *lines: str, method: str = "GET", end: str = "\r\n") -> bytes:
    """A request with these header lines, for a route that answers 200."""
    return end.join([f"{method} /wssec/live HTTP/1.1", f"Host: {kit.host}", *lines, "", ""]).encode()


async def answer(kit: GuardKit, *parts: bytes) -> int:
    """The status that these parts are answered with; 0 where the server hangs up."""
    raw = await kit.raw()
    try:
        for part in parts:
            await raw.write(part)
        return (await raw.response()).status
    except (ConnectionError, EOFError):
        return 0


async def plain_socket(kit: GuardKit) -> RawSocket:
    """A socket without TLS that has said nothing yet, whatever the door; the kit closes it."""
    socket = await RawSocket.open(kit.port)
    kit._open.append(socket)
    return socket


async def until_gone(raw: RawSocket, line: bytes = b"") -> None:
    """Wait until the server hangs up, dripping a line as fast as its loop turns."""
    reading = asyncio.ensure_future(raw.receive_frame())
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not reading.done():
            await raw.write(line)
            await asyncio.sleep(0.005)
    assert None is reading.result()


# --- H19: what never comes ---


@in_loop
async def test_h19_silence(door: Door) -> None:
    """A connection that says nothing is closed at the deadline, and counted."""
    async with door.kit(timeouts=SOON) as kit:
        await until_gone(await kit.raw())
        await answer(kit, live(kit))

        assert 1 == kit.guard.refusals["deadline", 0]


@pytest.mark.requirement("R012")
@in_loop
async def test_h19_header_drip(door: Door) -> None:
    """One line after another: the deadline is over all of them, not over each."""
    async with door.kit(timeouts=SOON, limits=Limits(header_lines=1_000_000, header_bytes=10**9)) as kit:
        raw = await kit.raw()
        await raw.write(b"GET /wssec/live HTTP/1.1\r\n")
        await until_gone(raw, b"X: y\r\n")


@in_loop
async def test_h19_header_drip_of_a_second_request(door: Door) -> None:
    """Whoever has been answered once has no more time for his next request."""
    async with door.kit(timeouts=SOON, limits=Limits(header_lines=1_000_000, header_bytes=10**9)) as kit:
        raw = await kit.raw()
        await raw.write(live(kit))
        assert 200 == (await raw.response()).status
        await raw.write(b"GET /wssec/live HTTP/1.1\r\n")
        await until_gone(raw, b"X: y\r\n")

        assert ("deadline", 0) not in kit.guard.refusals


@in_loop
async def test_h19_body_drip(door: Door) -> None:
    """A body that comes byte by byte has one deadline, too."""
    async with door.kit(timeouts=SOON) as kit:
        raw = await kit.raw()
        await raw.write(live(kit, "Content-Length: 60000", method="POST"))
        await until_gone(raw, b"x")


HELLO = bytes.fromhex("16030100c8010000c40303")


@pytest.mark.requirement("R012")
@pytest.mark.parametrize("begun", [b"", HELLO[:1], HELLO], ids=["nothing", "a byte", "half a hello"])
@in_loop
async def test_h19_stalled_tls_hello(begun: bytes, tmp_path: Path) -> None:
    """A TLS handshake that does not go on is cut off at the same deadline."""
    async with Door(certify(tmp_path)).kit(timeouts=SOON) as kit:
        raw = await plain_socket(kit)
        await raw.write(begun)
        await until_gone(raw)
        assert 200 == await answer(kit, live(kit))

        assert 1 == kit.guard.refusals["deadline", 0]


@in_loop
async def test_h19_connected_sockets_have_no_such_deadline(door: Door) -> None:
    """Once it is a WebSocket, silence is the heartbeat's business."""
    async with door.kit(timeouts=SOON) as kit:
        client = await kit.connect("/ws")
        await until_gone(await kit.raw())
        await client.assert_nothing_received()


# --- too many of them ---


@asynccontextmanager
async def silent(kit: GuardKit, count: int) -> AsyncIterator[list[RawSocket]]:
    """So many connections that say nothing; the server has seen each of them."""
    sockets = []
    for _ in range(count):
        sockets.append(await RawSocket.open(kit.port))
        await asyncio.sleep(0)
    try:
        yield sockets
    finally:
        for one in sockets:
            with suppress(OSError):
                await one.close()


PILED = [
    ("pending_requests", {"pending_requests": 10}),
    ("pending_requests_per_address", {"pending_requests_per_address": 10}),
]


@pytest.mark.requirement("R012")
@pytest.mark.parametrize(("what", "caps"), PILED, ids=[what for what, _ in PILED])
@in_loop
async def test_h19_silent_crowd_keeps_nobody_out(what: str, caps: dict[str, int], door: Door) -> None:
    """However many hold still, whoever knows what it wants comes in; the oldest of the silent go for it."""
    async with door.kit(timeouts=FAR, limits=Limits(**caps)) as kit:
        stays = await kit.connect("/ws")
        async with silent(kit, 50) as sockets:
            clients = [await kit.connect("/ws", subject=f"u{number}") for number in range(5)]
            for client in [stays, *clients]:
                await client.assert_nothing_received()
            assert None is await sockets[0].receive_frame()

        assert 40 < kit.guard.refusals["pending", 0] <= 55


@in_loop
async def test_h19_crowd_of_one_address_leaves_others_alone() -> None:
    """An address over its own cap does not cost another its place."""
    caps = Limits(pending_requests_per_address=5)
    async with Door(None).kit(timeouts=FAR, limits=caps) as kit:
        other = await asyncio.open_connection("127.0.0.1", kit.port, local_addr=("127.0.0.2", 0))
        async with silent(kit, 50):
            assert 200 == await answer(kit, live(kit))
            other[1].write(live(kit))
            assert b"200" in await other[0].readline()
            other[1].close()


@in_loop
async def test_h19_trusted_proxy_is_not_one_address() -> None:
    """Everybody is behind it, so the cap of an address is not for it."""
    caps = Limits(pending_requests_per_address=5)
    settings = {"trusted_proxies": ("127.0.0.1",)}
    async with Door(None).kit(timeouts=FAR, limits=caps, settings=settings) as kit, silent(kit, 50) as sockets:
        for one in sockets:
            await one.write(live(kit))
        assert {200} == {(await one.response()).status for one in sockets}


class Slow(RequestHandler):
    """Answers once it is told to."""

    def initialize(self, may_go: asyncio.Event, is_there: asyncio.Event) -> None:
        """Take what it waits for, and what it sets."""
        self.may_go = may_go
        self.is_there = is_there

    async def get(self) -> None:
        """Wait, and answer."""
        self.is_there.set()
        await self.may_go.wait()
        self.finish("late")


@in_loop
async def test_h19_crowd_does_not_displace_who_is_being_answered(door: Door) -> None:
    """Whoever has sent a whole request is no longer on the list, however long the answer takes."""
    events = {"may_go": asyncio.Event(), "is_there": asyncio.Event()}
    routes = [("/ws", ChatSocket), ("/slow", Slow, events)]
    async with door.kit(timeouts=FAR, limits=Limits(pending_requests=5), handlers=routes) as kit:
        raw = await kit.raw()
        await raw.write(live(kit).replace(b"/wssec/live", b"/slow"))
        await events["is_there"].wait()
        async with silent(kit, 20):
            assert 200 == await answer(kit, live(kit))
            events["may_go"].set()
            assert b"late" == (await raw.response()).body


@in_loop
async def test_h19_served_connections_that_end_are_no_refusals(door: Door) -> None:
    """Neither one that its client closes, nor one that goes for others: it had no request that could be refused."""
    async with door.kit(timeouts=FAR, limits=Limits(pending_requests=5)) as kit:
        sockets = [await kit.raw() for _ in range(5)]
        for _ in range(4):
            for raw in sockets:
                await raw.write(live(kit))
                assert 200 == (await raw.response()).status
        await sockets[0].close()
        for _ in range(10):
            assert 200 == await answer(kit, live(kit))
        assert 200 == await answer(kit, live(kit))

        assert {} == dict(kit.guard.refusals)


# --- H20: heads that are too large ---


@in_loop
async def test_h20_large_head(door: Door) -> None:
    """70 KB in one line, in its name, in the path; what a token and cookies need passes."""
    async with door.kit() as kit:
        assert 200 == await answer(kit, live(kit, "X: " + "x" * 12_000))
        for sent in (live(kit, "X: " + "x" * 70_000), live(kit, "X" * 70_000 + ": x"), b"GET /" + b"x" * 70_000):
            assert 0 == await answer(kit, sent)


@in_loop
async def test_h20_many_lines(door: Door) -> None:
    """60 KB in 5,000 lines, and the fewest lines that are too many, however short."""
    async with door.kit() as kit:
        assert 200 == await answer(kit, live(kit, *["X: y"] * 99))
        assert 0 == await answer(kit, live(kit, *[f"X{number}: 12345" for number in range(5_000)]))
        assert 400 == await answer(kit, live(kit, *["X: y"] * 100))
        assert 400 == await answer(kit, live(kit, *["a:"] * 4_000))

        assert 2 == kit.guard.refusals["request", 400]


# --- H21: what two parsers would read differently, and bodies nobody asked for ---

HEADS: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("bare LF", lambda sent: sent.replace(b"\r\n", b"\n")),
    ("bare LF once", lambda sent: sent.replace(b"\r\n", b"\n", 1)),
    ("bare LF at the end", lambda sent: sent[:-2] + b"\n"),
    ("bare CR", lambda sent: sent.replace(b"HTTP/1.1\r\n", b"HTTP/1.1\r\nX: a\rb\r\n")),
    ("smuggled by bare LF", lambda sent: sent.replace(b"HTTP/1.1\r\n", b"HTTP/1.1\r\nX: a\nOrigin: b\r\n")),
    ("folded", lambda sent: sent.replace(b"HTTP/1.1\r\n", b"HTTP/1.1\r\nX: a\r\n b\r\n")),
    ("space before the colon", lambda sent: sent.replace(b"Host:", b"Host :")),
    ("no colon", lambda sent: sent.replace(b"HTTP/1.1\r\n", b"HTTP/1.1\r\nX\r\n")),
    ("NUL", lambda sent: sent.replace(b"HTTP/1.1\r\n", b"HTTP/1.1\r\nX: \x00\r\n")),
    ("no host", lambda sent: sent.replace(b"Host:", b"X:")),
    ("two hosts", lambda sent: sent.replace(b"Host:", b"Host: a\r\nHost:")),
    ("no version", lambda sent: sent.replace(b" HTTP/1.1", b"")),
    ("empty lines", lambda sent: b"\r\n\r\n" + sent),
]


@pytest.mark.standard("RFC 9112")
@pytest.mark.parametrize(("what", "change"), HEADS, ids=[what for what, _ in HEADS])
@in_loop
async def test_h21_malformed_head(what: str, change: Callable[[bytes], bytes], door: Door) -> None:
    """Each is answered with 400 and counted, at a plain route and at a handshake; the same without it is not."""
    async with door.kit() as kit:
        headers = handshake_headers(kit.host, origin=ORIGIN, token=kit.token())
        lines = ["GET /ws HTTP/1.1", *(f"{name}: {value}" for name, value in headers), "", ""]
        good = [live(kit), "\r\n".join(lines).encode()]
        assert [200, 101] == [await answer(kit, sent) for sent in good]
        assert [400, 400] == [await answer(kit, change(sent)) for sent in good]

        assert {("request", 400): 2} == dict(kit.guard.refusals)


BODIES = [
    ("GET", ["Content-Length: 104857600"]),
    ("GET", ["Content-Length: 1"]),
    ("GET", ["Transfer-Encoding: chunked"]),
    ("HEAD", ["Content-Length: 1"]),
    ("POST", ["Content-Length: 104857600"]),
    ("POST", ["Content-Length: 3", "Transfer-Encoding: chunked"]),
    ("POST", ["Content-Length: 3", "Content-Length: 3"]),
    ("POST", ["Content-Length: 3, 3"]),
    ("POST", ["Content-Length: +3"]),
    ("POST", ["Transfer-Encoding: gzip"]),
    ("POST", ["Transfer-Encoding: chunked", "Transfer-Encoding: identity"]),
]


@pytest.mark.parametrize(("method", "lines"), BODIES, ids=str)
@in_loop
async def test_h21_body_is_refused_by_its_head(method: str, lines: list[str], door: Door) -> None:
    """400, before any byte of a body has been sent, let alone kept."""
    async with door.kit(timeouts=FAR) as kit:
        assert 400 == await answer(kit, live(kit, *lines, method=method))

        assert {("request", 400): 1} == dict(kit.guard.refusals)


@in_loop
async def test_h21_handshake_with_a_body(door: Door) -> None:
    """The same at the door of a socket, though everything else about the handshake is right."""
    async with door.kit(timeouts=FAR, limits=GENEROUS) as kit:
        for length in (("Content-Length", "104857600"), ("Transfer-Encoding", "chunked")):
            await kit.assert_handshake_refused(400, "/ws", token=kit.token(), extra=[length])


# --- what the answers tell, and what the other protocol gets ---


@in_loop
async def test_server_names_nobody(door: Door) -> None:
    """No answer says which server it is, and which version: not 101, not a refusal, not an error of Tornado's."""
    async with door.kit(app_settings={}) as kit:
        answers = [(await kit.handshake("/ws", token=kit.token()))[1]]
        answers += [(await kit.handshake("/ws", token="none"))[1], (await kit.handshake("/nowhere"))[1]]
        for sent in (live(kit), live(kit, method="BREW"), live(kit, method="POST"), live(kit, end="\n")):
            raw = await kit.raw()
            await raw.write(sent)
            answers.append(await raw.response())

    assert [101, 401, 404, 200, 405, 405, 400] == [one.status for one in answers]
    assert [] == [one.status for one in answers if "server" in one.headers or b"ornado" in one.body]


@in_loop
async def test_server_plain_http_at_the_tls_port(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It ends at once, costs a line, and nobody else anything."""
    caplog.set_level(logging.INFO)
    async with Door(certify(tmp_path)).kit(timeouts=FAR, limits=Limits()) as kit:
        stays = await kit.connect("/ws")
        for _ in range(50):
            raw = await plain_socket(kit)
            await raw.write(live(kit, "Authorization: Bearer s3cr3t"))
            await until_gone(raw)
        await stays.assert_nothing_received()

    assert {("tls", 0): 50} == dict(kit.guard.refusals)
    assert 20 == sum(line.startswith("SSL Error on") for line in caplog.messages)
    assert "30 more lines of tornado.general like 'SSL Error on" in caplog.text
    assert "s3cr3t" not in caplog.text


@in_loop
async def test_server_tls_at_the_plain_port() -> None:
    """It is no request: it ends, at the latest at the deadline."""
    async with Door(None).kit(timeouts=SOON) as kit:
        raw = await plain_socket(kit)
        await raw.write(HELLO + bytes(200) + b"\r\n\r\n")
        with suppress(EOFError, ConnectionError):
            assert 400 == (await raw.response()).status
        await until_gone(raw)
