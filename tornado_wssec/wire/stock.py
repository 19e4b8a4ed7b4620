"""Tornado's own framing behind our interface, for whoever prefers it: `Guard(framing="stock")`.

It accepts some frames that RFC 6455 forbids, and it bounds neither fragments nor the time that a frame takes.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable
from typing import Final

from tornado.concurrent import Future
from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketHandler, WebSocketProtocol13, _WebSocketParams

from ..closing import Close, CloseCode
from .frames import CLOSE, PING, PONG, TEXT, Violation, is_utf8, read_close
from .outgoing import Outgoing

LINGER_SECONDS: Final = 2.0
"""How long a peer whose message was too big may go on sending it; as long as a closing handshake may take."""
LINGER_BYTES: Final = 65_536


class StockProtocol(WebSocketProtocol13):
    """Tornado's framing, answering with the close codes of RFC 6455 where Tornado drops the connection."""

    saw_frame: Callable[[], None] = staticmethod(lambda: None)
    saw_control: Callable[[], None] = staticmethod(lambda: None)
    violated: Callable[[Close], None] = staticmethod(lambda close: None)
    _is_told = False
    _lingering: "asyncio.Task[None] | None" = None
    _unpaused: "Future[None] | None" = None
    heard_frames = 0

    def _handle_message(self, opcode: int, data: bytes) -> "Future[None] | None":
        self.saw_frame()
        self.heard_frames += 1
        if opcode in (PING, PONG):
            self.saw_control()
        if opcode != CLOSE and self.server_terminated:
            return None  # Tornado still delivers frames after close()
        if opcode == TEXT and not is_utf8(data):
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
    """A `Connection` over `StockProtocol`.

    Args:
        protocol: of the handler.
        outbound_bytes: what may wait for a reader; there is one policy, which is to disconnect.
    """

    __slots__ = ("_outbound_bytes", "_protocol", "_sent")

    def __init__(self, protocol: StockProtocol, outbound_bytes: int) -> None:
        self._protocol = protocol
        self._outbound_bytes = outbound_bytes
        self._sent = 0

    def watch(
        self,
        saw_frame: Callable[[], None],
        saw_control: Callable[[], None],
        violated: Callable[[Close], None],
        receive: Callable[[str], None] | None = None,
        receive_all: Callable[[list[str]], int] | None = None,
    ) -> None:
        self._protocol.saw_frame = saw_frame
        self._protocol.saw_control = saw_control
        self._protocol.violated = violated

    def send(self, message: Outgoing, now: float) -> bool:
        # write_message() would cost a task and a future a message.
        self._write(TEXT, message.text.encode())
        return self.buffered_bytes <= self._outbound_bytes

    def answer(self, text: bytes, now: float) -> bool:
        self._write(TEXT, text)
        return self.buffered_bytes <= self._outbound_bytes

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

    def overdue(self, now: float) -> Close | None:
        return None

    def extend(self, lag: float) -> None:
        """Nothing is counted here that could be forgiven."""

    @property
    def buffered_bytes(self) -> int:
        # None once a write has failed and Tornado has closed the stream.
        return len(self._protocol.stream._write_buffer or b"")

    @property
    def sent_bytes(self) -> int:
        return self._sent  # handed to Tornado: what waits there is small beside what left

    @property
    def heard_frames(self) -> int:
        return self._protocol.heard_frames

    @property
    def is_reading(self) -> bool:
        return self._protocol._unpaused is None

    def _write(self, opcode: int, payload: bytes) -> None:
        if self._protocol.is_closing():
            return
        try:
            self._protocol._write_frame(True, opcode, payload)
            self._sent += len(payload)
        except StreamClosedError:
            return  # the read loop notices and ends the connection


def stock_protocol(handler: WebSocketHandler, message_bytes: int) -> StockProtocol:
    """Tornado's protocol with our cap, without its pings (they count any pong as life) and without compression."""
    params = _WebSocketParams(ping_interval=0, ping_timeout=0, max_message_size=message_bytes, compression_options=None)
    return StockProtocol(handler, False, params)


def _is_close_payload(data: bytes) -> bool:
    """Whether a close frame's payload is one RFC 6455 §5.5.1 and §7.4 allow."""
    try:
        read_close(data)
    except Violation:
        return False
    return True
