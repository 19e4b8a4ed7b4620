"""What a client shows, asked for anew before every attempt.

Rules of this file:
1. A credential is never part of a URL.
2. It is shown over TLS, or to this machine; anywhere else only where the caller says that it may be.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

from tornado.httpclient import HTTPRequest, HTTPResponse
from tornado.simple_httpclient import SimpleAsyncHTTPClient

from .states import HttpRefused

TICKET_WITHIN: Final = 10.0
ANSWER_BYTES: Final = 64 * 1024
SECURE: Final[Mapping[str, str]] = {"wss": "https", "ws": "http"}


@dataclass(frozen=True, slots=True)
class Shown:
    """What one handshake shows.

    Args:
        headers: of the handshake.
        subprotocol: beside `wssec.v1`.
        first: the data of a first message, `{"token": …}` or `{"ticket": …}`.
    """

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    subprotocol: str | None = field(default=None, repr=False)
    first: Mapping[str, str] | None = field(default=None, repr=False)


Credential = Callable[[], Awaitable[Shown]]
Text = str | Callable[[], str] | Callable[[], Awaitable[str]]
"""A secret, or what gives the present one."""


def bearer(token: Text) -> Credential:
    """Show an access token in the header `Authorization`."""

    async def show() -> Shown:
        return Shown(headers={"Authorization": f"Bearer {await present(token)}"})

    return show


def api_key(key: Text, *, header: str = "X-Api-Key") -> Credential:
    """Show an API key in a header of its own."""

    async def show() -> Shown:
        return Shown(headers={header: await present(key)})

    return show


def ticket(given: Text) -> Credential:
    """Show a ticket, which opens one handshake: what gives it must give another one each time."""

    async def show() -> Shown:
        return Shown(subprotocol=f"wssec.ticket.{await present(given)}")

    return show


def first_message(*, token: Text | None = None, ticket: Text | None = None) -> Credential:
    """Show a token or a ticket in the first message, where the handshake has no place for it."""
    name, text = ("token", token) if token is not None else ("ticket", ticket)
    if text is None:
        raise ValueError("a first message shows a token or a ticket; give one")

    async def show() -> Shown:
        return Shown(first={name: await present(text)})

    return show


def ticket_for(url: str, token: Text, *, at: str = "/wssec/ticket", **options: Any) -> Credential:
    """Buy a ticket for this socket with a token, as a page does.

    Args:
        url: of the socket.
        token: or what gives the present one.
        at: the path of the endpoint.
        options: of Tornado's `HTTPRequest`, such as `ca_certs=`.
    """
    parts = urlsplit(url)
    where = f"{SECURE[parts.scheme]}://{parts.netloc}{at}"

    async def buy() -> str:
        headers = {"Authorization": f"Bearer {await present(token)}", "Content-Type": "application/json"}
        request = HTTPRequest(
            where,
            "POST",
            headers,
            json.dumps({"path": parts.path or "/"}),
            **{"follow_redirects": False, "request_timeout": TICKET_WITHIN, **options},
        )
        answer = await fetched(request)
        return str(json.loads(answer.body)["ticket"])

    return ticket(buy)


async def fetched(request: HTTPRequest) -> HTTPResponse:
    """The answer to a request.

    Raises:
        HttpRefused: it is no success.
        OSError: there is none.
    """
    client = SimpleAsyncHTTPClient(force_instance=True, max_body_size=ANSWER_BYTES)
    try:
        answer = await client.fetch(request, raise_error=False)
    finally:
        client.close()
    if isinstance(answer.error, OSError):
        raise answer.error
    if answer.code == 599:  # Tornado's own, for what is no HTTP answer, such as a deadline
        raise TimeoutError(str(answer.error))
    if not 200 <= answer.code < 300:
        raise HttpRefused(answer.code, retry_after(answer.headers))
    return answer


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds of `Retry-After`; None where there are none, or a date."""
    text = headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


async def present(text: Text) -> str:
    """The secret, asked for where it has to be."""
    if isinstance(text, str):
        return text
    given = text()
    return given if isinstance(given, str) else await given


def ensure_private(url: str, *, insecure: bool) -> None:
    """Refuse a URL that would show a credential to strangers.

    Raises:
        ValueError: saying what and why.
    """
    parts = urlsplit(url)
    if parts.scheme not in SECURE or not parts.hostname:
        raise ValueError(f"{parts.scheme or 'no'}: is no scheme of a socket; write wss://host/path")
    if parts.username is not None or parts.fragment:
        raise ValueError("a user or a fragment in the URL of a socket means nothing; give a credential by credential=")
    if {name.partition("=")[0] for name in parts.query.split("&")} & {"token", "ticket"}:
        raise ValueError("a credential in a URL ends up in logs; give it by credential=")
    if parts.scheme == "ws" and not insecure and not _is_loopback(parts.hostname):
        raise ValueError(f"ws://{parts.hostname} is not encrypted; use wss://, or insecure=True while developing")


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
