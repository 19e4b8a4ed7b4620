"""A hardened `HTTPServer`, and how it ends: what Tornado leaves open, this bounds and drains."""

import asyncio
import logging
import signal
import ssl
from typing import Final

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

from .settings import KiB, Limits, Timeouts

logger = logging.getLogger(__name__)

LOOPBACK: Final = "127.0.0.1"
BODY_BYTES: Final = 64 * KiB
"""What a login form or a ticket request needs; Tornado's own default is 100 MB."""


def tls_context(certificate: str, key: str) -> ssl.SSLContext:
    """A server's TLS as of today: 1.2 and later, current ciphers, no compression (R002).

    Raises:
        OSError, ssl.SSLError: the files cannot be read or do not fit each other.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    return context


def hardened(app: Application, limits: Limits, timeouts: Timeouts, context: ssl.SSLContext | None) -> HTTPServer:
    """An HTTPServer with caps and a header deadline, which believes no forwarding header by itself."""
    return HTTPServer(
        app,
        xheaders=False,
        ssl_options=context,
        idle_connection_timeout=timeouts.handshake,
        body_timeout=timeouts.handshake,
        max_header_size=limits.header_bytes,
        max_body_size=BODY_BYTES,
    )


class Listener:
    """One listening server.

    Args:
        server: as `hardened` makes it.
        port: 0 takes a free one; `port` then says which.
        address: where to bind.
    """

    def __init__(self, server: HTTPServer, port: int, address: str) -> None:
        self._server = server
        sockets = bind_sockets(port, address)
        server.add_sockets(sockets)
        self.port: int = sockets[0].getsockname()[1]

    def stop_accepting(self) -> None:
        """Accept nobody any more."""
        self._server.stop()

    async def close(self) -> None:
        """Close what speaks plain HTTP; upgraded sockets are the hub's."""
        await self._server.close_all_connections()


async def stop_signal() -> str:
    """Wait for SIGTERM or SIGINT; return which."""
    loop = asyncio.get_running_loop()
    stopped: asyncio.Future[str] = loop.create_future()

    def stop(name: str) -> None:
        if not stopped.done():
            stopped.set_result(name)

    signals = (signal.SIGTERM, signal.SIGINT)
    for number in signals:
        loop.add_signal_handler(number, stop, signal.Signals(number).name)
    try:
        return await stopped
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
