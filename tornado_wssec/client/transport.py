"""One WebSocket of a client, carried by Tornado."""

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import WebSocketClientConnection, WebSocketClosedError, WebSocketError, websocket_connect

from ..policy.binary import joined
from ..policy.codec import Envelope
from ..policy.far_side import spoken, understood
from .credentials import Shown, retry_after
from .states import HttpRefused

SUBPROTOCOL: Final = "wssec.v1"
MESSAGE_BYTES: Final = 16 * 1024 * 1024
"""What the server may say at once; more ends the connection."""

NO_ANSWER: Final = 599
"""Tornado's status for what is no HTTP answer."""


class Unreachable(Exception):
    """There is no connection, and no HTTP status that says why."""


class Transport:
    """An open WebSocket that speaks `wssec.v1`, in the envelope of the endpoint."""

    def __init__(self, socket: WebSocketClientConnection, envelope: Envelope) -> None:
        self._socket = socket
        self._envelope = envelope
        self._protocol: Any = socket.protocol

    async def read(self) -> dict[str, Any] | None:
        """The next message; None once the connection has ended, also by what is no message."""
        text = await self._socket.read_message()
        if text is None:
            return None
        with suppress(ValueError, RecursionError):
            message = json.loads(text)
            if isinstance(message, dict):
                message = understood(self._envelope, message)
                if isinstance(message.get("type"), str):
                    return message
        self.close()
        return None

    async def write(self, message: Mapping[str, Any], payload: bytes | None = None) -> None:
        """Send a message; returns once the system has taken it.

        Raises:
            Unreachable: the connection has ended.
        """
        text = json.dumps(spoken(self._envelope, message), separators=(",", ":"))
        try:
            if payload is None:
                await self._socket.write_message(text)
            else:
                await self._socket.write_message(joined(text, payload), binary=True)
        except (WebSocketClosedError, OSError):
            raise Unreachable("the connection has ended") from None

    @property
    def close_code(self) -> int:
        """1006 where no close frame came."""
        return self._socket.close_code or 1006

    @property
    def close_reason(self) -> str:
        """The server's words."""
        return self._socket.close_reason or ""

    def close(self) -> None:
        """Say goodbye, and wait for nothing: what is silent would not answer."""
        self._socket.close(1000)
        self._protocol.stream.close()


async def connect(url: str, shown: Shown, within: float, envelope: Envelope, **options: Any) -> Transport:
    """A connection to the URL that shows a credential.

    Args:
        url: of the socket.
        shown: the credential.
        within: seconds that it may take.
        envelope: how the endpoint's messages look.
        options: of Tornado's `HTTPRequest`.

    Raises:
        HttpRefused: the handshake was refused.
        Unreachable: there is no answer, or it is none of a WebSocket.
    """
    offered = [SUBPROTOCOL, *([shown.subprotocol] if shown.subprotocol else [])]
    options["headers"] = {**options.get("headers", {}), **shown.headers}
    request = HTTPRequest(
        url, **{"follow_redirects": False, "connect_timeout": within, "request_timeout": within, **options}
    )
    opening = asyncio.ensure_future(websocket_connect(request, subprotocols=offered, max_message_size=MESSAGE_BYTES))
    try:
        socket = await asyncio.shield(opening)
    except asyncio.CancelledError:
        opening.add_done_callback(_abandon)  # Tornado goes on opening it, for as long as the request may take
        raise
    except HTTPClientError as error:
        if error.code == NO_ANSWER:
            raise Unreachable(str(error)) from None
        raise HttpRefused(error.code, retry_after(error.response.headers if error.response else {})) from None
    except OSError as error:
        raise Unreachable(str(error)) from None
    except (WebSocketError, ValueError) as error:
        raise Unreachable(type(error).__name__) from None  # its text may hold what was shown
    if socket.selected_subprotocol != SUBPROTOCOL:
        Transport(socket, envelope).close()
        raise Unreachable(f"the server does not speak {SUBPROTOCOL}")
    return Transport(socket, envelope)


def _abandon(opening: "asyncio.Future[WebSocketClientConnection]") -> None:
    if not opening.cancelled() and opening.exception() is None:
        Transport(opening.result(), Envelope()).close()
