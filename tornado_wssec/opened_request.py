"""What an open connection remembers of the request that it came by: a fraction of it, and no credential.

Tornado's own would hold the HTTP connection, its stream and their buffers for as long as the socket is open.
"""

from collections.abc import Collection
from typing import Any, Final

from tornado.escape import parse_qs_bytes
from tornado.httputil import HTTPHeaders, HTTPServerRequest, split_host_and_port

FORGOTTEN: Final = frozenset(
    {
        *("authorization", "proxy-authorization", "cookie", "x-api-key"),
        *("sec-websocket-key", "sec-websocket-protocol", "sec-websocket-extensions", "sec-websocket-version"),
        *("connection", "upgrade"),
    }
)
"""Headers that show who one is, and those that have done their work with 101."""
_KEPT: Final = ("method", "uri", "version", "host", "path", "query", "remote_ip", "protocol")


class OpenedRequest(HTTPServerRequest):
    """A request whose connection speaks WebSocket now; what is seldom asked for is read anew when it is.

    Args:
        request: as Tornado made it.
        secrets: names of further headers that show who one is.
    """

    def __init__(self, request: HTTPServerRequest, secrets: Collection[str] = ()) -> None:
        # Not the base's: it would read everything that has been read.
        for name in _KEPT:
            setattr(self, name, getattr(request, name))
        self._start_time = request._start_time
        secret = FORGOTTEN.union(map(str.lower, secrets))
        lines = [f"{name}: {value}\r\n" for name, value in request.headers.get_all() if name.lower() not in secret]
        self._head = "".join(lines)

    def __getattr__(self, name: str) -> Any:
        """What is not kept."""
        if name == "headers":
            return HTTPHeaders.parse(self._head)
        if name in ("arguments", "query_arguments"):
            return parse_qs_bytes(self.query, keep_blank_values=True)
        if name in ("body_arguments", "files"):
            return {}
        if name == "body":
            return b""
        if name == "host_name":
            return split_host_and_port(self.host.lower())[0]
        if name in ("connection", "server_connection", "_finish_time"):
            return None
        raise AttributeError(f"an open connection keeps no {name} of its request; read it in an Authenticator")
