"""The handshake as RFC 6455 §4.2.1 has it: what a request must look like before anything else is asked.

Rules of this file:
1. Nothing here costs more than a comparison, and nothing looks at who asks.
2. A credential is never chosen as the subprotocol, so that it is never echoed.
"""

import re
from collections.abc import Sequence
from typing import Final

from tornado.httputil import HTTPServerRequest

from .auth.base import CREDENTIAL_PREFIXES, SUBPROTOCOL
from .errors import HandshakeMalformed, MethodRefused, VersionRefused
from .telemetry.redact import printable

_KEY: Final = re.compile(r"[A-Za-z0-9+/]{22}==").fullmatch
"""16 bytes in base64."""


def check_method(request: HTTPServerRequest) -> None:
    """GET, HTTP/1.1, version 13, and no body."""
    if request.method != "GET":
        raise MethodRefused(f"method {printable(request.method)}", headers={"Allow": "GET"})
    if request.version != "HTTP/1.1":
        raise HandshakeMalformed(f"version {printable(request.version)}")
    versions = request.headers.get_list("Sec-WebSocket-Version")
    if versions != ["13"]:
        headers = {"Sec-WebSocket-Version": "13"}
        raise VersionRefused(f"Sec-WebSocket-Version {printable(versions)}", headers=headers)
    if request.body or "Transfer-Encoding" in request.headers or request.headers.get("Content-Length", "0") != "0":
        raise HandshakeMalformed("a handshake with a body")


def check_upgrade(request: HTTPServerRequest) -> None:
    """The Upgrade and Connection headers, and a key of 16 bytes."""
    if request.headers.get("Upgrade", "").strip().lower() != "websocket":
        raise HandshakeMalformed("Upgrade is not websocket")
    if "upgrade" not in [part.strip().lower() for part in request.headers.get("Connection", "").split(",")]:
        raise HandshakeMalformed("Connection does not say upgrade")
    keys = request.headers.get_list("Sec-WebSocket-Key")
    if len(keys) != 1 or not _KEY(keys[0]):
        raise HandshakeMalformed("Sec-WebSocket-Key is not 16 bytes")


def choose_subprotocol(offered: Sequence[str], own: Sequence[str]) -> str | None:
    """`wssec.v1` or one of the handler's own; a credential is never chosen.

    Raises:
        HandshakeMalformed: a credential was offered with nothing that could be chosen, so the browser would fail.
    """
    for name in (SUBPROTOCOL, *own):
        if name in offered:
            return name
    if any(item.startswith(CREDENTIAL_PREFIXES) for item in offered):
        raise HandshakeMalformed("a credential was offered as subprotocol without wssec.v1")
    return None
