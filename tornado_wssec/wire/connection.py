"""The small interface through which everything above speaks to a socket, over Tornado's stock framing.

A faster strict frame engine can take the place of `StockConnection` without a change above it.
"""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import Callable
from typing import Final, Protocol

from tornado.concurrent import Future
from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketHandler, WebSocketProtocol13, _WebSocketParams

from ..closing import Close, CloseCode

TEXT: Final = 0x1
BINARY: Final = 0x2
CLOSE: Final = 0x8
PING: Final = 0x9
PONG: Final = 0xA

LINGER_SECONDS: Final = 2.0
"""How long a peer whose message was too big may go on sending it; as long as a closing handshake may take."""
LINGER_BYTES: Final = 65_536


class Connection(Protocol):
    """One accepted socket."""

    def watch(
        self, saw_frame: Callable[[], None], saw_control: Callable[[], None], violated: Callable[[Close], None]
    ) -> None:
        """Report what the socket sees.

        Args:
            saw_frame: called for every frame that arrives, control frames included: a sign of life.
            saw_control: called for every ping and pong among them.
            violated: called with the close that a breach of the protocol asks for.
        """

    def send(self, text: str) -> None:
        """Queue one text message; never blocks. Nothing leaves once closing."""

    def ping(self, nonce: bytes) -> None:
        """Send a ping frame."""

    def close(self, close: Close) -> None:
        """Start the closing handshake."""

    def abort(self) -> None:
        """Drop the socket at once."""

    def pause(self) -> None:
        """Stop reading until `resume`; that the peer has gone is noticed all the same."""

    def resume(self) -> None:
        """Read on."""

    def set_message_cap(self, message_bytes: int) -> None:
        """Take messages of up to this size from now on; a larger one closes with 1009 from its header alone."""

    @property
    def buffered_bytes(self) -> int:
        """Written, but not yet taken by the kernel."""

    @property
    def is_reading(self) -> bool:
        """False between `pause` and `resume`."""


class StockProtocol(WebSocketProtocol13):
    """Tornado's framing, answering with the close codes of RFC 6455 where Tornado drops the connection."""

    saw_frame: Callable[[], None] = staticmethod(lambda: None)
    saw_control: Callable[[], None] = staticmethod(lambda: None)
    violated: Callable[[Close], None] = staticmethod(lambda close: None)
    _is_told = False
    _lingering: "asyncio.Task[None] | None" = None
    _unpaused: "Future[None] | None" = None

    def _handle_message(self, opcode: int, data: bytes) -> "Future[None] | None":
        self.saw_frame()
        if opcode in (PING, PONG):
            self.saw_control()
        if opcode != CLOSE and self.server_terminated:
            return None  # Tornado still delivers frames after close()
        if opcode == TEXT and not _is_utf8(data):
            self.violated(Close(CloseCode.INVALID_PAYLOAD))
            return None
        if opcode == CLOSE and not _is_close_payload(data):
            self.client_terminated = True
            self.violated(Close(CloseCode.PROTOCOL_ERROR))
            return None
        super()._handle_message(opcode, data)  # our on_message returns nothing to wait for
        return self._unpaused

    def close(self, code: int | None = None, reason: str | None = None) -> None:
        """Close, and report the one violation that Tornado answers by itself: a message over the cap."""
        if code == CloseCode.MESSAGE_TOO_BIG and not self.server_terminated and not self._is_told:
            self._is_told = True
            self.violated(Close(CloseCode.MESSAGE_TOO_BIG))
        super().close(code, reason)

    def _abort(self) -> None:
        """Drop the socket; after 1009 only when the peer has had time to read why."""
        if not self._is_told:
            super()._abort()
        elif self._lingering is None:
            self.client_terminated = True  # the receive loop reads nothing more
            self._lingering = asyncio.ensure_future(self._linger())

    async def _linger(self) -> None:
        """Throw away what still comes, then drop the socket.

        Closing over unread bytes is a reset, which overtakes the close frame: browsers then see 1006 and come back.
        """
        self._say_no_more()
        try:
            async with asyncio.timeout(LINGER_SECONDS):
                while True:
                    await self.stream.read_bytes(LINGER_BYTES, partial=True)
        except (StreamClosedError, TimeoutError):
            super()._abort()

    def _say_no_more(self) -> None:
        """End our half of the connection, so that the peer need not wait for the other half; TLS has no halves."""
        if not self.stream.writing() and not isinstance(self.stream.socket, ssl.SSLSocket):
            with contextlib.suppress(OSError):  # the peer was faster
                self.stream.socket.shutdown(socket.SHUT_WR)

    def pause(self) -> None:
        """Hold the receive loop back after this frame."""
        if self._unpaused is None:
            self._unpaused = Future()
            # Nobody reads, so nobody would notice that the peer has gone: with a callback, Tornado looks.
            self.stream.set_close_callback(self.resume)

    def resume(self) -> None:
        """Let the receive loop go on."""
        if self._unpaused is not None:
            waiting, self._unpaused = self._unpaused, None
            self.stream.set_close_callback(None)
            if not waiting.done():
                waiting.set_result(None)


class StockConnection:
    """A `Connection` over `StockProtocol`."""

    __slots__ = ("_protocol",)

    def __init__(self, protocol: StockProtocol) -> None:
        self._protocol = protocol

    def watch(
        self, saw_frame: Callable[[], None], saw_control: Callable[[], None], violated: Callable[[Close], None]
    ) -> None:
        self._protocol.saw_frame = saw_frame
        self._protocol.saw_control = saw_control
        self._protocol.violated = violated

    def send(self, text: str) -> None:
        # write_message() would cost a task and a future a message.
        self._write(TEXT, text.encode())

    def ping(self, nonce: bytes) -> None:
        self._write(PING, nonce)

    def close(self, close: Close) -> None:
        self.resume()  # else nobody reads the peer's answer
        try:
            self._protocol.close(int(close.code), close.reason)
        except StreamClosedError:
            return  # the peer was faster

    def abort(self) -> None:
        self.resume()
        self._protocol._abort()

    def pause(self) -> None:
        self._protocol.pause()

    def resume(self) -> None:
        self._protocol.resume()

    def set_message_cap(self, message_bytes: int) -> None:
        self._protocol.params.max_message_size = message_bytes

    @property
    def buffered_bytes(self) -> int:
        # None once a write has failed and Tornado has closed the stream.
        return len(self._protocol.stream._write_buffer or b"")

    @property
    def is_reading(self) -> bool:
        return self._protocol._unpaused is None

    def _write(self, opcode: int, payload: bytes) -> None:
        if self._protocol.is_closing():
            return
        try:
            self._protocol._write_frame(True, opcode, payload)
        except StreamClosedError:
            return  # the read loop notices and ends the connection


def stock_protocol(handler: WebSocketHandler, message_bytes: int) -> StockProtocol:
    """Tornado's protocol with our cap, without its pings (they count any pong as life) and without compression."""
    params = _WebSocketParams(ping_interval=0, ping_timeout=0, max_message_size=message_bytes, compression_options=None)
    return StockProtocol(handler, False, params)


_PEER_CODES: Final = frozenset({1000, 1001, 1002, 1003, *range(1007, 1015)})


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_close_payload(data: bytes) -> bool:
    """Whether a close frame's payload is one RFC 6455 §5.5.1 and §7.4 allow."""
    if not data:
        return True
    if len(data) == 1 or not _is_utf8(data[2:]):
        return False
    (code,) = struct.unpack("!H", data[:2])
    return 3000 <= code <= 4999 or code in _PEER_CODES
