"""A hardened `HTTPServer`, and how it ends: what Tornado leaves open, this bounds and drains."""

import logging
import ssl
from collections.abc import Callable
from typing import Final

from tornado.httputil import HTTPHeaders
from tornado.log import access_log
from tornado.netutil import bind_sockets
from tornado.web import Application, OutputTransform, RequestHandler

from .accepting import HardenedServer
from .certificates import Certificate
from .settings import Limits, Timeouts
from .telemetry.redact import printable, redacted_uri
from .telemetry.sampling import Refusals, Sampler

logger = logging.getLogger(__name__)

LOOPBACK: Final = "127.0.0.1"
BACKLOG: Final = 1_024
"""Of connections not yet accepted: a crowd that comes back at once; over Tornado's 128 each waits a second (TCP)."""


def hardened(
    app: Application,
    limits: Limits,
    timeouts: Timeouts,
    context: ssl.SSLContext | None,
    *,
    refusals: Refusals,
    trusts: Callable[[str], bool],
) -> HardenedServer:
    """An HTTPServer with caps and a header deadline, which believes no forwarding header by itself.

    The application's access log loses its queries, unless it has a `log_function` of its own, and its answers
    lose the name and version of Tornado.

    Args:
        refusals: where what is turned away is counted.
        trusts: whether an address is that of a proxy of ours.
    """
    app.settings.setdefault("log_function", AccessLog(refusals.sampler))
    if Unnamed not in app.transforms:
        app.add_transform(Unnamed)
    server = HardenedServer(
        app,
        xheaders=False,
        ssl_options=context,
        body_timeout=timeouts.handshake,
        max_header_size=limits.header_bytes,
        max_body_size=limits.body_bytes,
    )
    server.open_to(limits, timeouts, refusals, trusts)
    return server


class Unnamed(OutputTransform):
    """Does not tell strangers which version of Tornado they speak to; a name of the application's own stays."""

    def transform_first_chunk(
        self, status_code: int, headers: HTTPHeaders, chunk: bytes, finishing: bool
    ) -> tuple[int, HTTPHeaders, bytes]:
        """Called by Tornado as the head of an answer is written, 101 included."""
        if headers.get("Server", "").startswith("TornadoServer/"):
            del headers["Server"]
        return status_code, headers, chunk


class AccessLog:
    """Tornado's line for a request, without the query: a token sent to a wrong path is a token still (R025).

    Args:
        sampler: which of the requests that were not served are told.
    """

    def __init__(self, sampler: Sampler) -> None:
        self._sampler = sampler

    def __call__(self, handler: RequestHandler) -> None:
        """Write the line, or count it."""
        request, status = handler.request, handler.get_status()
        if status >= 400 and not self._sampler.takes(f"requests answered with {status}"):
            return
        level = logging.INFO if status < 400 else logging.WARNING if status < 500 else logging.ERROR
        if not access_log.isEnabledFor(level):
            return
        # With _request_summary() the query of a plain handler, and of every 404, would be in it.
        what = f"{printable(request.method)} {redacted_uri(request.uri or '')} ({printable(request.remote_ip)})"
        access_log.log(level, "%d %s %.2fms", status, what, 1000.0 * request.request_time())


class Listener:
    """One listening server.

    Args:
        server: as `hardened` makes it.
        port: 0 takes a free one; `port` then says which.
        address: where to bind.
        certificate: is followed, where it is given.
        is_shared: whether other processes of this program listen there, too.
        is_for_metrics: whether it goes on while the server drains, for whoever watches that.
    """

    def __init__(
        self,
        server: HardenedServer,
        port: int,
        address: str,
        certificate: Certificate | None = None,
        *,
        is_shared: bool = False,
        is_for_metrics: bool = False,
    ) -> None:
        self._server = server
        self._is_for_metrics = is_for_metrics
        self.certificate = certificate
        sockets = bind_sockets(port, address, backlog=BACKLOG, reuse_port=is_shared)
        server.add_sockets(sockets)
        self.port: int = sockets[0].getsockname()[1]

    def look(self, now: float) -> None:
        """Show a renewed certificate to whoever connects from now on; `now` in wall seconds."""
        if self.certificate is not None and self.certificate.look(now):
            # Another context, not another certificate in this one: that could be left without its key.
            self._server.ssl_options = self.certificate.context

    def stop_accepting(self) -> None:
        """Accept nobody any more who comes to be served."""
        if not self._is_for_metrics:
            self._server.stop()

    async def close(self) -> None:
        """Close what speaks plain HTTP; upgraded sockets are the hub's."""
        self._server.stop()
        await self._server.close_all_connections()
