"""A hardened `HTTPServer`, and how it ends: what Tornado leaves open, this bounds and drains."""

import asyncio
import logging
import signal
import ssl
from typing import Final

from tornado.httpserver import HTTPServer
from tornado.log import access_log, gen_log
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from .settings import Limits, Timeouts
from .telemetry.redact import MASK, printable, redacted_uri

logger = logging.getLogger(__name__)

LOOPBACK: Final = "127.0.0.1"


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
    """An HTTPServer with caps and a header deadline, which believes no forwarding header by itself.

    The application's access log loses its queries, unless it has a `log_function` of its own.
    """
    app.settings.setdefault("log_function", log_access)
    return HTTPServer(
        app,
        xheaders=False,
        ssl_options=context,
        idle_connection_timeout=timeouts.handshake,
        body_timeout=timeouts.handshake,
        max_header_size=limits.header_bytes,
        max_body_size=limits.body_bytes,
    )


def log_access(handler: RequestHandler) -> None:
    """Tornado's line for a request, without the query: a token sent to a wrong path is a token still (R025)."""
    request, status = handler.request, handler.get_status()
    level = logging.INFO if status < 400 else logging.WARNING if status < 500 else logging.ERROR
    # With _request_summary() the query of a plain handler, and of every 404, would be in it.
    what = f"{printable(request.method)} {redacted_uri(request.uri or '')} ({printable(request.remote_ip)})"
    access_log.log(level, "%d %s %.2fms", status, what, 1000.0 * request.request_time())


class _WithoutTheLine(logging.Filter):
    """Takes out of Tornado's "Malformed HTTP message" what was malformed: it quotes headers with credentials."""

    def filter(self, record: logging.LogRecord) -> bool:
        if str(record.msg).startswith("Malformed HTTP message") and isinstance(record.args, tuple):
            record.args = (record.args[0], MASK)
        return True


class Listener:
    """One listening server.

    Args:
        server: as `hardened` makes it.
        port: 0 takes a free one; `port` then says which.
        address: where to bind.
    """

    def __init__(self, server: HTTPServer, port: int, address: str) -> None:
        self._server = server
        self._filter = _WithoutTheLine()
        gen_log.addFilter(self._filter)
        sockets = bind_sockets(port, address)
        server.add_sockets(sockets)
        self.port: int = sockets[0].getsockname()[1]

    def stop_accepting(self) -> None:
        """Accept nobody any more."""
        self._server.stop()

    async def close(self) -> None:
        """Close what speaks plain HTTP; upgraded sockets are the hub's."""
        await self._server.close_all_connections()
        gen_log.removeFilter(self._filter)


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
