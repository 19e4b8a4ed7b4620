"""What Tornado knows of a request, and what of it may be believed.

Rules of this file:
1. The peer is who is at the other end of the socket; no header changes that.
2. Encrypted is what came through a TLS socket of ours; what a header says of it is for the proxy policy.
"""

import ipaddress
import re
from collections.abc import Sequence

from tornado.httputil import HTTPServerRequest
from tornado.iostream import SSLIOStream

from .auth.base import RequestView
from .errors import HandshakeMalformed
from .settings import Limits

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
_FORWARDING = frozenset({"forwarded", "x-real-ip"})


def view_of(
    request: HTTPServerRequest, address: str, limits: Limits, *, is_handshake: bool, is_from_proxy: bool
) -> RequestView:
    """The request as authenticators see it.

    Args:
        address: the client's, behind trusted proxies.
        is_handshake: whether it is to become a socket.
        is_from_proxy: whether the socket's other end is a trusted proxy.

    Raises:
        HandshakeMalformed: the subprotocols are not a list of tokens, or the query is absurd.
    """
    if sum(len(values) for values in request.query_arguments.values()) > limits.query_arguments:
        raise HandshakeMalformed(f"more than {limits.query_arguments} query arguments")
    headers: dict[str, list[str]] = {}
    for name, value in request.headers.get_all():
        headers.setdefault(name.lower(), []).append(value)
    query = {
        name: [value.decode("utf-8", "replace") for value in values] for name, values in request.query_arguments.items()
    }
    origins = headers.get("origin")
    return RequestView(
        path=request.path,
        headers=headers,
        query=query,
        offered=offered_subprotocols(headers.get("sec-websocket-protocol", ()), limits.subprotocols),
        address=address,
        origin=origins[0] if origins else None,
        is_handshake=is_handshake,
        is_from_proxy=is_from_proxy,
        method=request.method or "",
    )


def offered_subprotocols(values: Sequence[str], most: int) -> list[str]:
    """The items of every Sec-WebSocket-Protocol line.

    Raises:
        HandshakeMalformed: too many, not tokens (RFC 9110 §5.6.2), or one twice.
    """
    items = [item.strip(" \t") for value in values for item in value.split(",")]
    if len(items) > most or len(set(items)) != len(items) or not all(_TOKEN.match(item) for item in items):
        raise HandshakeMalformed("Sec-WebSocket-Protocol is not a short list of different tokens")
    return items


def is_encrypted(request: HTTPServerRequest) -> bool:
    """Whether it came through TLS of ours. `request.protocol` may be a header's word, with `xheaders`."""
    return isinstance(getattr(request.connection, "stream", None), SSLIOStream)


def is_forwarded(request: HTTPServerRequest) -> bool:
    """Whether any header says that there is a proxy in between."""
    names = {name.lower() for name in request.headers}
    return not _FORWARDING.isdisjoint(names) or any(name.startswith("x-forwarded-") for name in names)


def is_loopback(address: str) -> bool:
    """Whether an address is this machine's own. What the kernel says of a socket need not be parsed for it."""
    if address == "127.0.0.1":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def peer_address(request: HTTPServerRequest) -> str:
    """The address of the socket's other end; Tornado's `remote_ip` may be a header's word."""
    context = getattr(request.connection, "context", None)
    address = getattr(context, "address", None)
    return str(address[0]) if isinstance(address, tuple) else "127.0.0.1"


def local_address(request: HTTPServerRequest) -> str:
    """The address on which the request arrived; empty where that is no IP."""
    stream = getattr(request.connection, "stream", None)
    try:
        name = stream.socket.getsockname()  # type: ignore[union-attr]
    except (AttributeError, OSError):
        return ""
    return str(name[0]) if isinstance(name, tuple) else ""
