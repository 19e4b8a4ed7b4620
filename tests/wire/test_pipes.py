"""Sockets as the engine uses them, over the kernel's own, in each event loop, with TLS and without."""

import asyncio
import errno
import select
import socket
import ssl
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any

import pytest

from tests.carriers import in_each_loop
from tests.certificates import Certified, certify
from tornado_wssec.certificates import tls_context
from tornado_wssec.wire.encrypted import EncryptedPipe
from tornado_wssec.wire.gathering import Gathering, Gatherings
from tornado_wssec.wire.pipe import Corked, Pipe
from tornado_wssec.wire.plain import PlainPipe

PATIENCE_SECONDS = 10.0
MUCH = b"0123456789abcdef" * 65_536


@pytest.fixture(scope="session")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Certified:
    """A certificate for loopback."""
    return certify(tmp_path_factory.mktemp("pipes"))


NAMED: ContextVar[str] = ContextVar("named", default="nobody")


class Line:
    """A pipe that feeds this object, and the blocking socket of its peer.

    Args:
        certified: what the server shows; None: there is no TLS.
        buffer_bytes: of the kernel, each way; None: its default.
        reader: has the plain socket read until then; None: nobody has.
        gathers: whether it is watched together with others once something has come.
    """

    def __init__(
        self,
        certified: Certified | None = None,
        buffer_bytes: int | None = None,
        reader: Callable[[], None] | None = None,
        *,
        gathers: bool = True,
    ) -> None:
        gatherings = Gatherings() if gathers else None
        self.heard, self.releases, self.is_short, self.lost_for = b"", 0, False, ""
        self.told: list[str] = []
        self.changed = asyncio.Event()
        self.pipe: Any = None
        loop = asyncio.get_running_loop()
        ours, self.peer = connected(buffer_bytes)
        if reader is not None:
            loop.add_reader(ours.fileno(), reader)
        if certified is None:
            PlainPipe(ours, loop, self, gatherings, is_watched=reader is not None)
        else:
            sock, self.peer = encrypted(ours, self.peer, certified)
            EncryptedPipe(sock, loop, self, gatherings)
        self.sock: Any = getattr(self.pipe, "_sock")  # noqa: B009 - mypy takes it for None

    def attach(self, pipe: Pipe) -> None:
        self.pipe = pipe

    def data_received(self, data: bytes, held: list[Corked] | None = None) -> None:
        self.heard += data
        if held is not None:
            held.append(self)
        self.changed.set()

    def uncork(self) -> None:
        """Let leave what the last read has made us say: what has come, behind which the connection ends."""
        self.releases += 1
        if self.is_short:
            self.pipe.write(self.heard[-3:])
            self.pipe.abort()

    def writable(self) -> None:
        self.told.append("writable")
        self.changed.set()

    def connection_lost(self) -> None:
        self.told.append("lost")
        self.lost_for = NAMED.get()
        self.changed.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something has come of what happens here."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not holds():
                await self.changed.wait()
                self.changed.clear()

    def arrived(self) -> None:
        """Return once something of the peer's is there to be read."""
        assert select.select([self.sock.fileno()], [], [], PATIENCE_SECONDS)[0]

    def until_deserted(self) -> None:
        """Return once it is seen that the peer has left."""
        late = time.monotonic() + PATIENCE_SECONDS
        while not self.pipe.is_deserted():
            assert time.monotonic() < late

    async def pass_time(self) -> None:
        """Let the loop look at its sockets a few times."""
        for _ in range(5):
            await asyncio.sleep(0)

    def reset(self) -> None:
        """Let the peer vanish."""
        self.peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.peer.close()

    def close(self) -> None:
        """Leave nothing open."""
        self.pipe.abort()
        self.peer.close()


def connected(buffer_bytes: int | None) -> tuple[socket.socket, socket.socket]:
    """Two ends of a connection over loopback; the first does not block."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        if buffer_bytes is not None:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer_bytes)
        peer = socket.socket()
        peer.settimeout(PATIENCE_SECONDS)
        if buffer_bytes is not None:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        peer.connect(listening.getsockname())
        ours, _ = listening.accept()
    ours.setblocking(False)
    return ours, peer


def encrypted(ours: socket.socket, peer: socket.socket, certified: Certified) -> tuple[ssl.SSLSocket, ssl.SSLSocket]:
    """The same two ends, with TLS between them."""
    context = tls_context(str(certified.certificate), str(certified.key))
    server = context.wrap_socket(ours, server_side=True, do_handshake_on_connect=False)
    peer.setblocking(False)
    client = certified.trusted().wrap_socket(peer, server_hostname="127.0.0.1", do_handshake_on_connect=False)
    waiting = [server, client]
    while waiting:
        for end in tuple(waiting):
            try:
                end.do_handshake()
                waiting.remove(end)
            except ssl.SSLWantReadError:
                continue
    client.setblocking(True)
    client.settimeout(PATIENCE_SECONDS)
    return server, client


@contextmanager
def line_of(kind: str, certified: Certified, buffer_bytes: int | None = None) -> Iterator[Line]:
    """A line with TLS or without; TLS has said everything of its own by then."""
    line = Line(certified if kind == "tls" else None, buffer_bytes)
    try:
        yield line
    finally:
        line.close()


each_kind = pytest.mark.parametrize("kind", ["plain", "tls"])


@each_kind
@in_each_loop
async def test_pipe_reads_when_it_is_told_to(kind: str, certified: Certified) -> None:
    """Nothing before, and nothing while it is paused; nothing is lost."""
    with line_of(kind, certified) as line:
        line.peer.sendall(b"one")
        line.arrived()
        await line.pass_time()
        assert b"" == line.heard
        line.pipe.resume()
        line.pipe.resume()
        await line.until(lambda: line.heard == b"one")
        line.pipe.pause()
        line.pipe.pause()
        line.peer.sendall(b"two")
        line.arrived()
        await line.pass_time()
        assert b"one" == line.heard
        line.pipe.resume()
        await line.until(lambda: line.heard == b"onetwo")


@pytest.mark.parametrize("comes_early", [True, False])
@in_each_loop
async def test_pipe_takes_a_reader_s_place(comes_early: bool) -> None:
    """Who has read before hears nothing more; what comes before it is told to read waits, and nothing spins."""
    others: list[str] = []
    line = Line(reader=lambda: others.append("heard"))
    try:
        if comes_early:
            line.peer.sendall(b"one")
            line.arrived()
            await line.pass_time()
            assert b"" == line.heard
            assert not asyncio.get_running_loop().remove_reader(line.sock.fileno())
        line.pipe.resume()
        if not comes_early:
            line.peer.sendall(b"one")
        await line.until(lambda: line.heard == b"one")
    finally:
        line.close()

    assert [] == others


@each_kind
@in_each_loop
async def test_pipe_gathered_ends_in_its_own_context(kind: str, certified: Certified) -> None:
    """What its reads have made it say is released with that of others, and what ends then is still its own."""
    named = NAMED.set("ann")
    with line_of(kind, certified) as line:
        line.peer.sendall(b"one")
        line.pipe.resume()
        NAMED.reset(named)
        await line.until(lambda: line.heard == b"one")
        assert 0 == line.releases  # the loop itself has told of the first
        line.is_short = True
        line.peer.sendall(b"two")
        await line.until(lambda: line.told == ["lost"])

        assert (1, "ann", b"two") == (line.releases, line.lost_for, await asyncio.to_thread(line.peer.recv, 9))


@in_each_loop
async def test_pipe_in_a_reader_s_place_that_is_aborted() -> None:
    """Nobody watches the descriptor any more, which may be another's next."""
    line = Line(reader=lambda: None)
    descriptor = line.sock.fileno()
    line.close()

    assert not asyncio.get_running_loop().remove_reader(descriptor)


@each_kind
@in_each_loop
async def test_pipe_reads_much(kind: str, certified: Certified) -> None:
    """Every byte, in order, whatever the records and buffers between."""
    with line_of(kind, certified) as line:
        line.pipe.resume()
        await asyncio.gather(
            asyncio.to_thread(line.peer.sendall, MUCH), line.until(lambda: len(line.heard) >= len(MUCH))
        )

        assert MUCH == line.heard


@each_kind
@in_each_loop
async def test_pipe_writes(kind: str, certified: Certified) -> None:
    """What fits is taken whole."""
    with line_of(kind, certified) as line:
        assert 5 == line.pipe.write(b"hello")
        assert b"hello" == await asyncio.to_thread(line.peer.recv, 100)


@each_kind
@in_each_loop
async def test_pipe_writes_on(kind: str, certified: Certified) -> None:
    """It tells when more is taken, and whoever goes on where it stopped loses nothing."""
    with line_of(kind, certified, 16_384) as line:
        left, received = MUCH, b""
        while taken := line.pipe.write(left):
            left = left[taken:]
        assert left
        while left or len(received) < len(MUCH):
            received += await asyncio.to_thread(line.peer.recv, 65_536)
            left = left[line.pipe.write(left) :] if left else left

        assert MUCH == received
        assert "writable" in line.told
        line.told.clear()
        await line.pass_time()
        assert [] == line.told


@each_kind
@in_each_loop
async def test_pipe_writes_on_when_more_has_been_added(kind: str, certified: Certified) -> None:
    """TLS wants the bytes that it has begun with again; more behind them does no harm."""
    with line_of(kind, certified, 16_384) as line:
        first = MUCH[:400_000]
        left = first[line.pipe.write(first) :] + b"behind"
        received = b""
        while left or len(received) < 400_006:
            received += await asyncio.to_thread(line.peer.recv, 65_536)
            left = left[line.pipe.write(left) :] if left else left

        assert first + b"behind" == received


@each_kind
@in_each_loop
async def test_pipe_told_of_the_end(kind: str, certified: Certified) -> None:
    """A peer that closes is one that is lost, once."""
    with line_of(kind, certified) as line:
        line.pipe.resume()
        line.peer.close()
        await line.until(lambda: bool(line.told))
        line.pipe.abort()
        line.pipe.resume()
        await line.pass_time()

        assert (["lost"], -1) == (line.told, line.sock.fileno())


@each_kind
@in_each_loop
async def test_pipe_told_of_a_reset(kind: str, certified: Certified) -> None:
    """By a read, or by a write: what nobody will read counts as taken."""
    for how in ("read", "write"):
        with line_of(kind, certified) as line:
            line.reset()
            if how == "read":
                line.pipe.resume()
            else:
                assert [5, 5] == [line.pipe.write(b"hello"), line.pipe.write(b"again")]
            await line.until(partial(bool, line.told))

            assert ["lost"] == line.told


@each_kind
@in_each_loop
async def test_pipe_aborted_while_it_writes_and_reads(kind: str, certified: Certified) -> None:
    """Nothing is left in the event loop, and whatever is asked of it afterwards does nothing."""
    with line_of(kind, certified, 16_384) as line:
        line.pipe.resume()
        line.pipe.write(MUCH)
        line.pipe.abort()
        assert [] == line.told
        line.pipe.pause()
        line.pipe.resume()
        line.pipe.finish()
        assert (5, True) == (line.pipe.write(b"hello"), line.pipe.is_deserted())
        await line.pass_time()

        assert ["lost"] == line.told


@each_kind
@in_each_loop
async def test_pipe_finished_reads_on(kind: str, certified: Certified) -> None:
    """The peer hears the end of what we say; what it still says is no reset, and its end is the end."""
    with line_of(kind, certified) as line:
        line.pipe.resume()
        line.pipe.write(b"bye")
        line.pipe.finish()
        assert [b"bye", b""] == [await asyncio.to_thread(line.peer.recv, 100) for _ in range(2)]
        for _ in range(4):
            await asyncio.to_thread(socket.socket.sendall, line.peer, MUCH[:65_536])
            await line.pass_time()
        assert [] == line.told
        line.peer.close()
        await line.until(lambda: bool(line.told))

        assert ["lost"] == line.told


@each_kind
@in_each_loop
async def test_pipe_finished_and_reset(kind: str, certified: Certified) -> None:
    """Whoever vanishes instead of leaving is gone, too."""
    with line_of(kind, certified) as line:
        line.pipe.resume()
        line.pipe.finish()
        line.reset()
        await line.until(lambda: bool(line.told))

        assert ["lost"] == line.told


@each_kind
@pytest.mark.parametrize(
    ("deed", "expected"),
    [("nothing", False), ("talk", False), ("talk and end", False), ("end", True), ("reset", True)],
)
@in_each_loop
async def test_pipe_deserted(kind: str, deed: str, expected: bool, certified: Certified) -> None:
    """Without reading: who has ended without a word, or vanished, has left; who has said something is heard first."""
    with line_of(kind, certified) as line:
        if deed.startswith("talk"):
            line.peer.sendall(b'{"type":"a"}' + b"maskhd")  # the smallest message in its frame
        if deed.endswith("end"):
            if isinstance(line.peer, ssl.SSLSocket):
                line.peer.setblocking(False)
                with pytest.raises(ssl.SSLWantReadError):
                    line.peer.unwrap()  # TLS's own goodbye
            socket.socket.shutdown(line.peer, socket.SHUT_WR)
        if deed == "reset":
            line.peer.sendall(b"unread")
            line.reset()

        if deed != "nothing":
            line.arrived()
        if expected:  # the end may come a moment behind TLS's goodbye
            line.until_deserted()
        assert expected is line.pipe.is_deserted()
        assert expected is line.pipe.is_deserted()


@each_kind
@in_each_loop
async def test_pipe_calls_later(kind: str, certified: Certified) -> None:
    """Not now."""
    with line_of(kind, certified) as line:
        line.pipe.later(line.writable)
        assert [] == line.told
        await line.until(lambda: bool(line.told))


class Stubborn:
    """A TLS socket that wants what it wants."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.sending: type[Exception] | None = None
        self.receiving: type[Exception] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sock, name)

    def send(self, data: bytes) -> int:
        if self.sending is not None:
            raise self.sending
        return self.sock.send(data)

    def recv(self, size: int) -> bytes:
        if self.receiving is not None:
            raise self.receiving
        return self.sock.recv(size)


@in_each_loop
async def test_pipe_tls_that_must_read_before_it_writes(certified: Certified) -> None:
    """While keys are changed a write waits for a read, and does not spin on a socket that could be written."""
    with line_of("tls", certified) as line:
        line.pipe._sock = stubborn = Stubborn(line.sock)
        line.pipe.resume()
        stubborn.sending = ssl.SSLWantReadError
        assert 0 == line.pipe.write(b"hello")
        await line.pass_time()
        assert [] == line.told
        stubborn.sending = None
        line.peer.sendall(b"the keys")
        await line.until(lambda: bool(line.told))
        assert ["writable"] == line.told
        await line.until(lambda: line.heard == b"the keys")


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("plain", BlockingIOError),
        ("plain", InterruptedError),
        ("tls", ssl.SSLWantReadError),
        ("tls", ssl.SSLWantWriteError),
    ],
)
@in_each_loop
async def test_pipe_read_that_finds_nothing(kind: str, error: type[Exception], certified: Certified) -> None:
    """An event without data is no end: the next one brings it."""
    with line_of(kind, certified) as line:
        line.pipe._sock = stubborn = Stubborn(line.sock)
        stubborn.receiving = error
        line.pipe.resume()
        line.peer.sendall(b"hello")
        line.arrived()
        await line.pass_time()
        assert (b"", []) == (line.heard, line.told)
        stubborn.receiving = None
        await line.until(lambda: line.heard == b"hello")


@each_kind
@in_each_loop
async def test_pipe_read_that_fails(kind: str, certified: Certified) -> None:
    """A socket that cannot be read is lost, and what it is asked for when it has nothing to say does no harm."""
    with line_of(kind, certified) as line:
        line.pipe._sock = stubborn = Stubborn(line.sock)
        stubborn.receiving = ConnectionResetError
        line.pipe.resume()
        line.peer.sendall(b"hello")
        await line.until(lambda: line.told == ["lost"])


@in_each_loop
async def test_pipe_tls_finished_and_told_of_nothing(certified: Certified) -> None:
    """An event without data is no end, also behind our goodbye."""
    with line_of("tls", certified) as line:
        line.pipe.finish()
        line.pipe._read()
        await line.pass_time()

        assert [] == line.told


@pytest.mark.parametrize("gathers", [False, True])
@in_each_loop
async def test_pipe_reads_on_after_each_pause(gathers: bool) -> None:
    """Whoever watches it, before its first byte and behind it; and nothing is read in between."""
    line = Line(gathers=gathers)
    for number in range(3):
        line.pipe.resume()
        line.peer.send(b"x")
        await line.until(lambda number=number: len(line.heard) == 2 * number + 1)  # type: ignore[misc]
        line.pipe.pause()
        line.peer.send(b"x")
        line.arrived()
        await line.pass_time()
        assert 2 * number + 1 == len(line.heard)
        line.pipe.resume()
        await line.until(lambda number=number: len(line.heard) == 2 * number + 2)  # type: ignore[misc]
    line.close()


@in_each_loop
async def test_pipe_is_read_where_the_system_watches_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the loop, as before its first byte; nothing is left open for it."""
    line, left = Line(), list[Gathering]()

    def none_left(gathering: Gathering, *_: Any) -> None:
        left.append(gathering)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Gathering, "add", none_left)
    line.pipe.resume()
    for number in range(2):
        line.peer.send(b"x")
        await line.until(lambda number=number: len(line.heard) == number + 1)  # type: ignore[misc]
    line.close()

    assert [0, 0] == [gathering.members for gathering in left]
