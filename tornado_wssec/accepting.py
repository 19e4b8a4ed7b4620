"""How connections are accepted: a few at a time, without spinning when descriptors run out, and not for ever.

Rules of this file:
1. What fails to be accepted is tried again after a pause; nothing that strangers do makes the loop spin.
2. Descriptors are kept for who is in: from the share on, one that has said nothing goes for one that comes, and where
   there is none the one that comes is turned away.
3. A connection that has not sent a whole request is on a list that is bounded, in all and per address.
"""

import asyncio
import errno
import logging
import resource
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from re import Pattern
from typing import Any, Final

from tornado.concurrent import Future
from tornado.http1connection import HTTP1ServerConnection
from tornado.httpserver import HTTPServer
from tornado.httputil import (
    HTTPConnection,
    HTTPHeaders,
    HTTPInputError,
    HTTPMessageDelegate,
    RequestStartLine,
    ResponseStartLine,
)
from tornado.ioloop import IOLoop
from tornado.iostream import IOStream, SSLIOStream

from .policy.pending import Pending
from .policy.proxies import quota_key
from .policy.request_head import body_fault, head_fault
from .settings import Limits, Timeouts
from .telemetry.redact import where_raised
from .telemetry.sampling import Refusals, Sampler

logger = logging.getLogger(__name__)

ACCEPTS_A_TURN: Final = 32
"""Then the connections that are there have their turn; Tornado takes 128."""
PAUSE_SECONDS: Final = 0.1
"""After a failure to accept: ten tries a second cost nothing, and nobody waits long once there is room."""
DESCRIPTORS_SHARE: Final = 0.9
"""Above it descriptors are for who is in, the store and the files; connections in all end below it."""
TURNED_AWAY: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nCache-Control: no-store\r\nContent-Length: 0\r\n"
    b"Connection: close\r\n\r\n"
)
UNREAD_BYTES: Final = 65_536
CHUNK_BYTES: Final = 4_096
"""What is read of a request at once: more than most heads are. Tornado's 64 KiB are zeroed for each read."""


class AcceptLoop:
    """Accepts from one listening socket.

    Args:
        listening: non-blocking.
        take: called with each accepted socket and its peer's address; False ends the turn.
        shed: frees some descriptors, where that is possible.
        sampler: which pauses are told, where one follows another.
    """

    def __init__(
        self,
        listening: socket.socket,
        take: Callable[[socket.socket, Any], bool],
        shed: Callable[[], None],
        sampler: Sampler,
    ) -> None:
        self._listening = listening
        self._take = take
        self._shed = shed
        self._sampler = sampler
        self._loop = IOLoop.current()
        self._retry: object | None = None
        self._is_stopped = False
        self._pauses = 0
        self._resume()

    def stop(self) -> None:
        """Accept nobody any more; the socket is the caller's to close."""
        self._is_stopped = True
        if self._retry is not None:
            self._loop.remove_timeout(self._retry)
        else:
            self._loop.remove_handler(self._listening)

    def _resume(self) -> None:
        self._retry = None
        self._loop.add_handler(self._listening, self._accept_some, IOLoop.READ)

    def _accept_some(self, listening: object, events: int) -> None:
        for _ in range(ACCEPTS_A_TURN):
            if self._is_stopped:
                return
            try:
                connection, address = self._listening.accept()
            except BlockingIOError:
                self._end_incident()
                return
            except ConnectionAbortedError:
                continue  # gone while it stood in the queue
            except OSError as error:
                self._pause(error)
                return
            if not self._take(connection, address):
                return

    def _pause(self, error: OSError) -> None:
        self._loop.remove_handler(self._listening)
        self._retry = self._loop.call_later(PAUSE_SECONDS, self._resume)
        self._pauses += 1
        if self._pauses == 1 and self._sampler.takes("pauses in accepting"):
            logger.error("accepting pauses: %s; who is connected is not touched; %s", *_told(error))
        self._shed()

    def _end_incident(self) -> None:
        """The queue is empty: whatever failed is over."""
        pauses, self._pauses = self._pauses, 0
        if pauses and self._sampler.takes("ends of pauses in accepting"):
            logger.warning("accepting again, after %d pauses of %g s", pauses, PAUSE_SECONDS)


def _told(error: OSError) -> tuple[str, str]:
    """What failed, and the remedy."""
    name = errno.errorcode.get(error.errno or 0, "an unknown error")
    if error.errno == errno.EMFILE:
        remedy = "raise `ulimit -n` (LimitNOFILE= of systemd), or lower Limits.connections"
        return f"out of descriptors ({name}, {_descriptors()} are allowed)", remedy
    return f"the system does not accept ({name})", "see what uses up its memory or its descriptors"


def _descriptors() -> float:
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return float("inf") if limit == resource.RLIM_INFINITY else limit


def is_above_share(descriptor: int) -> bool:
    """Whether a new descriptor says that nine tenths are in use: POSIX gives the lowest that is free."""
    return descriptor >= _descriptors() * DESCRIPTORS_SHARE


class _StrictHead:
    """A stream that refuses a request's head which Tornado would read leniently."""

    has_head = False
    header_lines: int

    def read_until_regex(self, regex: bytes | Pattern[bytes], max_bytes: int | None = None) -> Awaitable[bytes]:
        """As Tornado's; its server reads heads with it, and nothing else."""
        reading: Future[bytes] = super().read_until_regex(regex, max_bytes)  # type: ignore[misc]  # a mixin of IOStream
        judged: Future[bytes] = Future()  # a coroutine would be a task for each request
        if reading.done():
            self._judge(reading, judged)
        else:
            reading.add_done_callback(lambda reading: self._judge(reading, judged))
        return judged

    def _judge(self, reading: "Future[bytes]", judged: "Future[bytes]") -> None:
        """Hand a head on, or why there is none."""
        if reading.cancelled() or judged.cancelled():
            judged.cancel()
            return
        error = reading.exception()
        if error is None:
            self.has_head = True
            if fault := head_fault(reading.result(), self.header_lines):
                error = HTTPInputError(fault)  # which Tornado's server answers with 400
        if error is None:
            judged.set_result(reading.result())
        else:
            judged.set_exception(error)
            judged.exception()  # it is no news to the log when nobody waits any more


class PlainStream(_StrictHead, IOStream):
    """A connection without TLS."""


class TLSStream(_StrictHead, SSLIOStream):
    """A connection with TLS."""


class _Request(HTTPMessageDelegate):
    """One request on its way in; it stops being pending once it is whole."""

    def __init__(self, inner: HTTPMessageDelegate, whole: Callable[[], None], body_bytes: int) -> None:
        self._inner = inner
        self._whole = whole
        self._body_bytes = body_bytes
        self.is_judged = False

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> Awaitable[None] | None:
        lengths, encodings = headers.get_list("Content-Length"), headers.get_list("Transfer-Encoding")
        if fault := body_fault(str(start_line[0]), lengths, encodings, self._body_bytes):
            raise HTTPInputError(fault)
        reading = self._inner.headers_received(start_line, headers)
        self.is_judged = True
        return reading

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        return self._inner.data_received(chunk)

    def finish(self) -> None:
        self._whole()
        self._inner.finish()

    def on_connection_close(self) -> None:
        if self.is_judged:  # else Tornado's router does not know of it
            self._inner.on_connection_close()


class _Visit:
    """What the server remembers of one connection that speaks HTTP."""

    __slots__ = ("began", "is_shed", "request", "served", "waits_since")

    def __init__(self, began: float) -> None:
        self.began = self.waits_since = began
        self.is_shed = False
        self.served = 0
        self.request: _Request | None = None


class HardenedServer(HTTPServer):
    """Tornado's server with an accept loop, streams and a list of our own. `open_to` comes before `add_sockets`."""

    def open_to(self, limits: Limits, timeouts: Timeouts, refusals: Refusals, trusts: Callable[[str], bool]) -> None:
        """Say what is bounded, and where it is counted. Tornado's servers have no `__init__` of their own.

        Args:
            limits, timeouts: see `settings`.
            refusals: where what is turned away is counted.
            trusts: whether an address is that of a proxy, behind which everybody is.
        """
        self._limits = limits
        self._timeouts = timeouts
        self._refusals = refusals
        self._trusts = trusts
        self._pending: Pending[HTTP1ServerConnection] = Pending(
            limits.pending_requests, limits.pending_requests_per_address
        )
        self._visits: dict[HTTP1ServerConnection, _Visit] = {}
        # Tornado would make a timer and two futures for each request, of which hardly any comes to be used.
        self.conn_params.header_timeout = None
        self._next_look: asyncio.TimerHandle | None = None

    def add_sockets(self, sockets: Iterable[socket.socket]) -> None:
        """Accept from these."""
        for one in sockets:
            self._sockets[one.fileno()] = one
            self._handlers[one.fileno()] = AcceptLoop(one, self._take, self._shed_some, self._refusals.sampler).stop

    def _take(self, connection: socket.socket, address: Any) -> bool:
        try:
            return self._admit(connection, address)
        except Exception as error:  # whatever it is, it must not end the accept loop
            connection.close()
            if self._refusals.count("accepting", 0):
                logger.error("a connection was dropped as it came: %s", where_raised(error))
            return True

    def _admit(self, connection: socket.socket, address: Any) -> bool:
        """Serve a new connection, or turn it away; False where the next one must not come before this one is known."""
        if not is_above_share(connection.fileno()):
            self._handle_connection(connection, address)
            return True
        if self._shed_one():
            # Into the place of who went: a number above the share would stay in use, and those below tell nothing.
            with connection:
                moved = connection.dup()
            self._handle_connection(moved, address)
        else:
            self._turn_away(connection)
        return False

    def _handle_connection(self, connection: socket.socket, address: Any) -> None:
        with suppress(OSError):  # it is gone already
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        stream = self._stream_of(connection)
        if stream is not None:
            stream.header_lines = self._limits.header_lines
            self.handle_stream(stream, address)

    def _stream_of(self, connection: socket.socket) -> PlainStream | TLSStream | None:
        connection.setblocking(False)
        if not isinstance(self.ssl_options, ssl.SSLContext):
            return PlainStream(connection, read_chunk_size=CHUNK_BYTES)
        try:
            wrapped = self.ssl_options.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        except OSError:
            return None  # a port scan: gone before it began, and closed by the failure
        return TLSStream(wrapped, read_chunk_size=CHUNK_BYTES)

    def _turn_away(self, connection: socket.socket) -> None:
        is_tls = self.ssl_options is not None
        with suppress(OSError), connection:
            connection.setblocking(False)
            if not is_tls:  # where it is, plain text would be noise
                connection.send(TURNED_AWAY)
                connection.recv(UNREAD_BYTES)  # closing over unread bytes would be a reset, which overtakes the answer
        if self._refusals.count("descriptors", 0 if is_tls else 503):
            logger.error(
                "a connection was turned away: nine tenths of the %s descriptors are in use; raise `ulimit -n`"
                " (LimitNOFILE= of systemd), or lower Limits.connections",
                _descriptors(),
            )

    # --- who has not sent a whole request ---

    def start_request(self, server_conn: object, request_conn: HTTPConnection) -> HTTPMessageDelegate:
        """A connection waits for its next request."""
        delegate = super().start_request(server_conn, request_conn)
        if not isinstance(server_conn, HTTP1ServerConnection):
            raise TypeError(f"Tornado serves with a {type(server_conn).__name__}")
        server_conn.stream.has_head = False  # type: ignore[attr-defined]  # one of ours
        visit = self._visits.setdefault(server_conn, _Visit(server_conn.stream.io_loop.time()))
        address = str(getattr(server_conn.context, "remote_ip", ""))
        key = None if self._trusts(address) else quota_key(address)

        def whole() -> None:
            visit.served += 1
            self._pending.leave(server_conn)

        visit.request = _Request(delegate, whole, self._limits.body_bytes)
        visit.waits_since = server_conn.stream.io_loop.time()
        if self._next_look is None:
            self._look_in(self._timeouts.handshake)
        if (shed := self._pending.enter(server_conn, key)) is not None:
            self._end(shed)
        return visit.request

    def _look_in(self, seconds: float) -> None:
        self._next_look = asyncio.get_running_loop().call_later(seconds, self._end_late)

    def _end_late(self) -> None:
        """Close who has waited too long with a request's head, and look again when the next one will have."""
        self._next_look = None
        for server_conn in tuple(self._pending):
            stream = server_conn.stream
            if stream.has_head:  # type: ignore[attr-defined]  # one of ours
                continue  # Tornado has a timer for a body, which few requests have
            left = self._visits[server_conn].waits_since + self._timeouts.handshake - stream.io_loop.time()
            if left > 0:
                self._look_in(left)
                return
            stream.close()

    def on_close(self, server_conn: object) -> None:
        """A connection has ended, or is a WebSocket now."""
        super().on_close(server_conn)
        if isinstance(server_conn, HTTP1ServerConnection):
            self._pending.leave(server_conn)
            if (visit := self._visits.pop(server_conn, None)) is not None:
                self._count_end(server_conn, visit)
                visit.request = None  # it holds what was made of it, and the visit in turn: all of that for a collector

    def _count_end(self, server_conn: HTTP1ServerConnection, visit: _Visit) -> None:
        stream = server_conn.stream
        if visit.is_shed:
            return
        if isinstance(stream, _StrictHead) and stream.has_head and visit.request and not visit.request.is_judged:
            self._tell("request", 400, "a malformed request was refused with 400")
        elif not visit.served and isinstance(stream.error, ssl.SSLError):
            self._tell("tls", 0, "a TLS handshake failed")
        elif not visit.served and stream.io_loop.time() - visit.began >= self._timeouts.handshake:
            self._tell("deadline", 0, "a connection sent no whole request in time")

    def _tell(self, stage: str, status: int, what: str) -> None:
        if self._refusals.count(stage, status):
            logger.warning("%s", what)

    def _shed_one(self) -> bool:
        oldest = self._pending.shed()
        if oldest is not None:
            self._end(oldest)
        return oldest is not None

    def _shed_some(self) -> None:
        for _ in range(ACCEPTS_A_TURN):
            if not self._shed_one():
                return

    def _end(self, server_conn: HTTP1ServerConnection) -> None:
        visit = self._visits[server_conn]
        visit.is_shed = True
        if not visit.served:  # else nothing was refused: it had no request
            self._tell("pending", 0, "a connection that had sent no whole request was closed: there were too many")
        server_conn.stream.close()
