"""The echo server that the Autobahn testsuite talks to, and what bare Tornado fails of that suite.

Tornado takes close codes that may not be sent (cases 7.9.1 to 7.9.9), and looks at UTF-8 when a message is
whole (6.4.1 to 6.4.4).
"""

import ast
import resource
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.kits import in_loop
from tests.ports import free_port
from tests.wire.clients import header, masked, unmasked
from tornado_wssec.settings import MiB
from tornado_wssec.testing.raw import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    Frame,
    RawSocket,
    handshake_headers,
)

SERVER: Final = Path(__file__).resolve().parents[1] / "autobahn_server.py"
PATIENCE_SECONDS: Final = 60.0
"""For a machine with much else to do."""
MOST_CPU_SECONDS: Final = 2.0

NOT_TO_BE_SENT: Final = (0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999)
"""Cases 7.9.1 to 7.9.9."""
TO_BE_SENT: Final = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999)
"""Cases 7.7.1 to 7.7.13."""

GREEK: Final = "κόσμε".encode()
BEYOND: Final = b"\xf4\x90\x80\x80"
"""U+110000: no text, from its second byte on."""
CUT: Final = len(GREEK) + 1
NO_TEXT: Final = {
    "6.4.1": masked(TEXT, GREEK, fin=False) + masked(CONTINUATION, BEYOND, fin=False),
    "6.4.2": masked(TEXT, GREEK + BEYOND[:1], fin=False) + masked(CONTINUATION, BEYOND[1:2], fin=False),
    "6.4.3": masked(TEXT, GREEK + BEYOND + b"edited")[: -len(b"edited")],
    "6.4.4": masked(TEXT, GREEK + BEYOND + b"edited")[: -len(BEYOND[2:] + b"edited")],
}
"""Messages that cannot become text any more, up to where that shows; their end is never sent."""

VIOLATIONS: Final = {
    "reserved bit": masked(TEXT, b"a", rsv=4),
    "reserved opcode": masked(3),
    "reserved control opcode": masked(11),
    "not masked": unmasked(TEXT, b"a"),
    "length not minimal": masked(BINARY, b"a", width=8),
    "ping too long": masked(PING, bytes(126)),
    "ping in fragments": masked(PING, fin=False),
    "nothing to continue": masked(CONTINUATION, b"a"),
    "message within a message": masked(TEXT, b"a", fin=False) + masked(BINARY, b"b"),
    "half a close code": masked(CLOSE, b"\x03"),
}


@contextmanager
def serving() -> Iterator[int]:
    """The port of a server that listens, started as a user of the suite starts it."""
    port = free_port()
    server = subprocess.Popen([sys.executable, str(SERVER), str(port)], cwd=SERVER.anchor)
    try:
        wait_for(port, server)
        yield port
    finally:
        server.terminate()
        server.wait(PATIENCE_SECONDS)


def wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    """Return once the server listens."""
    until = time.monotonic() + PATIENCE_SECONDS
    while not listens(port):
        assert server.poll() is None, "the server has ended"
        assert time.monotonic() < until, "waited in vain for the server"
        time.sleep(0.02)


def listens(port: int) -> bool:
    """Whether somebody accepts connections there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """The port of one server for all of these tests."""
    with serving() as port:
        yield port


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[RawSocket]:
    """A socket after its handshake."""
    client = await RawSocket.open(port)
    try:
        assert 101 == (await client.upgrade("/", handshake_headers("localhost"))).status
        yield client
    finally:
        await client.close()


async def code_of(client: RawSocket) -> int:
    """The code with which the server closes now, after which nothing comes."""
    frame = await client.receive_frame()
    assert frame is not None
    assert CLOSE == frame.opcode
    assert await client.receive_frame() is None
    return int.from_bytes(frame.payload[:2])


def test_server_starts_within_two_seconds() -> None:
    """The suite does not wait for longer. Measured is what the start costs, whatever else the machine does."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with serving():
        pass
    after = resource.getrusage(resource.RUSAGE_CHILDREN)

    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < MOST_CPU_SECONDS


def test_server_stands_on_the_package_alone() -> None:
    """What is judged is our engine: nothing of Tornado's, and nothing else that is installed."""
    tree = ast.parse(SERVER.read_text())
    modules = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    modules += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]

    assert {"tornado_wssec"} == {module.partition(".")[0] for module in modules} - sys.stdlib_module_names


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 1 * MiB, 16 * MiB])
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
@in_loop
async def test_server_echoes_every_size(port: int, opcode: int, size: int) -> None:
    """Up to 16 MiB come back as they went, in one frame of the same kind."""
    payload = b"*" * (size % 4) + "𝄞".encode() * (size // 4)
    async with connected(port) as client:
        await client.write(masked(opcode, payload))

        assert Frame(opcode, payload) == await client.receive_frame()


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
@pytest.mark.parametrize("count", [1, 2, 3, 65, 5_000])
@in_loop
async def test_server_joins_fragments(port: int, opcode: int, count: int) -> None:
    """However many fragments come back as one message; a ping between them is answered before it."""
    pieces = ["κ".encode() if index % 2 else b"" for index in range(count)]
    first = masked(opcode, pieces[0], fin=count == 1)
    rest = [masked(CONTINUATION, piece, fin=index == count) for index, piece in enumerate(pieces[1:], 2)]
    async with connected(port) as client:
        await client.write(b"".join([first, masked(PING, b"between"), *rest]))
        answers = [await client.receive_frame(), await client.receive_frame()]

        wanted = [Frame(PONG, b"between"), Frame(opcode, b"".join(pieces))]
        assert (wanted if count > 1 else wanted[::-1]) == answers


@in_loop
async def test_server_refuses_more_than_its_cap(port: int) -> None:
    """One byte over 16 MiB is refused from the header, before any of it has come."""
    async with connected(port) as client:
        await client.write(header(BINARY, 16 * MiB + 1))

        assert 1009 == await code_of(client)


@in_loop
async def test_server_hears_what_comes_with_the_request(port: int) -> None:
    """A client may talk before it has read the answer; a byte at a time, too."""
    client = await RawSocket.open(port)
    headers = "".join(f"{name}: {value}\r\n" for name, value in handshake_headers("localhost"))
    for byte in f"GET / HTTP/1.1\r\n{headers}\r\n".encode() + masked(TEXT, b"early"):
        await client.write(bytes([byte]))

    assert 101 == (await client.response()).status
    assert Frame(TEXT, b"early") == await client.receive_frame()
    await client.close()


@pytest.mark.parametrize("head", ["GET / HTTP/1.1\r\nHost: localhost", "hello"])
@in_loop
async def test_server_refuses_what_is_no_handshake(port: int, head: str) -> None:
    """Without a key there is no echo."""
    client = await RawSocket.open(port)
    await client.write(f"{head}\r\n\r\n".encode())

    assert 400 == (await client.response()).status
    await client.close()


@pytest.mark.parametrize("code", TO_BE_SENT)
@in_loop
async def test_server_echoes_the_close_code(port: int, code: int) -> None:
    """The closing handshake ends with the client's code, without its reason."""
    async with connected(port) as client:
        await client.write(masked(CLOSE, code.to_bytes(2) + "Tschüß".encode()))

        assert Frame(CLOSE, code.to_bytes(2)) == await client.receive_frame()
        assert await client.receive_frame() is None


@in_loop
async def test_server_echoes_an_empty_close(port: int) -> None:
    """Nobody's code is answered with none (case 7.3.1)."""
    async with connected(port) as client:
        await client.write(masked(CLOSE))

        assert Frame(CLOSE, b"") == await client.receive_frame()
        assert await client.receive_frame() is None


@pytest.mark.parametrize("code", NOT_TO_BE_SENT)
@in_loop
async def test_server_refuses_a_code_that_may_not_be_sent(port: int, code: int) -> None:
    """It is not echoed, as bare Tornado does, but named as a breach."""
    async with connected(port) as client:
        await client.write(masked(CLOSE, code.to_bytes(2)))

        assert 1002 == await code_of(client)


@pytest.mark.parametrize("case", NO_TEXT)
@in_loop
async def test_server_fails_fast_on_utf8(port: int, case: str) -> None:
    """What cannot become text closes at once: bare Tornado waits for its end, which never comes here."""
    async with connected(port) as client:
        await client.write(NO_TEXT[case])

        assert 1007 == await code_of(client)


@pytest.mark.parametrize("violation", VIOLATIONS)
@in_loop
async def test_server_names_each_violation(port: int, violation: str) -> None:
    """Behind what was fine before comes a close frame with 1002, and then the end; bare Tornado drops the socket."""
    async with connected(port) as client:
        await client.write(masked(TEXT, b"fine") + VIOLATIONS[violation] + masked(TEXT, b"never read"))

        assert Frame(TEXT, b"fine") == await client.receive_frame()
        assert 1002 == await code_of(client)


@in_loop
async def test_server_keeps_the_others_when_one_breaks_off(port: int) -> None:
    """A reset in the middle of a handshake, of a message or of an answer ends that connection alone."""
    async with connected(port) as stays:
        for sent in (b"GET / HT", masked(TEXT, bytes(70_000))[:40_000], masked(BINARY, bytes(4 * MiB))):
            leaves = await RawSocket.open(port)
            if sent[:3] != b"GET":
                await leaves.upgrade("/", handshake_headers("localhost"))
            await leaves.write(sent)
            leaves.reset()
        await stays.write(masked(TEXT, b"still here"))

        assert Frame(TEXT, b"still here") == await stays.receive_frame()
