"""What Tornado knows of a request, and what of it may be believed.

Rules of this file:
1. The peer is who is at the other end of the socket; no header changes that.
2. Encrypted is what came through a TLS socket of ours; what a header says of it is for the proxy policy.
"""

import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from tornado.httputil import HTTPHeaders, HTTPServerRequest
from tornado.iostream import SSLIOStream

from .auth.base import RequestView
from .errors import HandshakeMalformed
from .settings import Limits

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
_FORWARDING: Final = ("\nforwarded\n", "\nx-real-ip\n", "\nx-forwarded-")


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
    arguments = request.query_arguments
    if arguments and sum(map(len, arguments.values())) > limits.query_arguments:
        raise HandshakeMalformed(f"more than {limits.query_arguments} query arguments")
    offered, origins = request.headers.get_list("Sec-WebSocket-Protocol"), request.headers.get_list("Origin")
    return RequestView(
        path=request.path,
        headers=Headers(request.headers),
        query={name: [value.decode("utf-8", "replace") for value in values] for name, values in arguments.items()},
        offered=offered_subprotocols(offered, limits.subprotocols) if offered else (),
        address=address,
        origin=origins[0] if origins else None,
        is_handshake=is_handshake,
        is_from_proxy=is_from_proxy,
        method=request.method or "",
    )


class Headers(Mapping[str, Sequence[str]]):
    """Tornado's headers as name in lower case → every value, in order. Nothing is copied: most are never looked at."""

    __slots__ = ("_headers",)

    def __init__(self, headers: HTTPHeaders) -> None:
        self._headers = headers

    def __getitem__(self, name: str) -> Sequence[str]:
        values = self._headers.get_list(name)
        if not values:
            raise KeyError(name)
        return values

    def get(self, name: str, default: Any = None) -> Any:
        """Its values, or the default."""
        return self._headers.get_list(name) or default

    def __iter__(self) -> Iterator[str]:
        return map(str.lower, self._headers)

    def __len__(self) -> int:
        return len(self._headers)


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
    names = "\n".join(["", *request.headers, ""]).lower()  # no name has a line end in it
    return any([mark in names for mark in _FORWARDING])


def is_loopback(address: str) -> bool:
    """Whether an address is this machine's own. What the kernel says of a socket need not be parsed for it."""
    if address == "127.0.0.1":
        return True
    try:
        read = ipaddress.ip_address(address)
    except ValueError:
        return False
    # A listener for both families sees IPv4 peers in IPv6 clothes, of which Python tells since 3.13.
    return (getattr(read, "ipv4_mapped", None) or read).is_loopback


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
