"""A TLS socket, driven as a plain one is: a transport of asyncio's would cost 280 KiB a connection.

Rules of this file:
1. What OpenSSL has begun to write, and could not, is handed to it again with the same bytes first (SSL_write(3)).
2. One read takes one record whole, so nothing stays behind in OpenSSL of which no event would tell.
3. Behind our goodbye nothing is decrypted any more.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from .gathering import Gatherings
from .pipe import Fed
from .plain import ENDED, READ_BYTES, RESET, PlainPipe

GOODBYE_BYTES: Final = 31
"""The longest that TLS's own goodbye is on the wire; the smallest record with a message of JSON is longer."""


class EncryptedPipe(PlainPipe):
    """The `Pipe` of one non-blocking TLS socket whose handshake is done.

    Args:
        sock: is closed by this pipe.
        loop: whose callbacks it uses.
        engine: what it feeds.
        gatherings: where those meet that have something to read.
    """

    __slots__ = ("_is_finished", "_writes_after_read")

    _sock: ssl.SSLSocket

    def __init__(
        self,
        sock: ssl.SSLSocket,
        loop: asyncio.AbstractEventLoop,
        engine: Fed,
        gatherings: Gatherings | None = None,
    ) -> None:
        self._is_finished = self._writes_after_read = False
        super().__init__(sock, loop, engine, gatherings)

    def write(self, data: bytes) -> int:
        try:
            taken = self._sock.send(data)
        except ssl.SSLWantWriteError:
            taken = 0
        except ssl.SSLWantReadError:
            # Its keys are being changed. The socket may well be writable all the while.
            self._writes_after_read = True
            self._follow_writing(False)
            return 0
        except OSError:
            self.abort()
            return len(data)
        self._follow_writing(taken < len(data))
        return taken

    def sender(self) -> Callable[[bytes], int]:
        return self.write  # OpenSSL has to be asked again for the same bytes, and may want to read first

    def is_deserted(self) -> bool:
        events = self._events()
        if events & ENDED and not events & RESET:
            peeked = self._peeked(GOODBYE_BYTES + 1)
            return peeked is not None and len(peeked) <= GOODBYE_BYTES
        return bool(events & RESET)

    def finish(self) -> None:
        with suppress(OSError, ValueError):  # the peer has not said goodbye yet, is still sending, or is gone
            self._sock.unwrap()
        with suppress(OSError):
            socket.socket.shutdown(self._sock, socket.SHUT_WR)
        self._is_finished = True

    def _read(self) -> None:
        if self._is_finished:
            self._throw_away()
            return
        try:
            data = self._sock.recv(READ_BYTES)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            data = None
        except OSError:
            data = b""
        if self._writes_after_read:
            self._writes_after_read = False
            self._loop.call_soon(self._engine.writable)
        if data:
            self._engine.data_received(data, self._held)
        elif data is not None:
            self.abort()

    def _throw_away(self) -> None:
        """Read on until the peer leaves: a reset would overtake what we have said."""
        try:
            data = socket.socket.recv(self._sock, READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.abort()
