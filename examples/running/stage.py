"""Where a story is told: a running system, and how people and strangers reach it."""

import asyncio
import json
import ssl
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from tornado.httpclient import HTTPRequest, HTTPResponse
from tornado.simple_httpclient import SimpleAsyncHTTPClient

from tornado_wssec.client import Client, HttpRefused, Refused, bearer, ticket
from tornado_wssec.client.credentials import Credential
from tornado_wssec.testing import Client as BareClient
from tornado_wssec.testing import RawSocket
from tornado_wssec.testing.raw import handshake_headers

PATIENCE_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Stage:
    """A running system.

    Args:
        url: of its page, and the Origin that it accepts: `http://127.0.0.1:PORT`, or `https://…` behind nginx.
        env: what a `wssec` command on this deployment has.
        certificate: what the edge shows, where it has TLS.
        logs: what the servers say on standard error, one file each.
    """

    url: str
    env: Mapping[str, str]
    certificate: Path | None = None
    logs: tuple[Path, ...] = ()

    def socket_url(self, path: str) -> str:
        """The same place for a WebSocket."""
        return self.url.replace("http", "ws", 1) + path

    async def wssec(self, *arguments: str) -> str:
        """Run a `wssec` command in a process of its own; return what it printed.

        Raises:
            RuntimeError: it failed; with its words.
        """
        command = (sys.executable, "-m", "tornado_wssec", *arguments)
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*command, env=self.env, stdout=pipe, stderr=pipe)
        out, err = await process.communicate()
        if process.returncode:
            raise RuntimeError(f"wssec {' '.join(arguments[:2])} … exited with {process.returncode}: {err.decode()}")
        return out.decode().strip()

    async def token(self, subject: str, *permissions: str, **options: str) -> str:
        """An access token made by `wssec token issue`; `options` are its options, such as `ttl="1s"`."""
        named = [word for permission in permissions for word in ("--permission", permission)]
        others = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", value)]
        return await self.wssec("token", "issue", "--subject", subject, *named, *others)

    async def sign_in(self, name: str, **said: Any) -> "Visitor":
        """Somebody who has signed in by `POST /sign-in`, as the page does."""
        visitor = Visitor(self, name)
        await visitor.ask("POST", "/sign-in", {"name": name, **said})
        return visitor

    def client(self, path: str, credential: Credential | str | None, **options: Any) -> Client:
        """The Python client; use it by `async with`. A text is an access token. Options are the client's."""
        shown = bearer(credential) if isinstance(credential, str) else credential
        headers = {"Origin": self.url, **options.pop("headers", {})}
        tls: dict[str, Any] = {"ca_certs": str(self.certificate)} if self.certificate else {}
        return Client(self.socket_url(path), credential=shown, headers=headers, **tls, **options)

    async def raw(self, path: str, **shown: Any) -> BareClient:
        """A client that says whatever it is told to.

        Args:
            shown: `origin=` (None: none), `token=`, `subprotocols=`, `extra=` headers.

        Raises:
            HttpRefused: the handshake was.
        """
        parts = urlsplit(self.url)
        context = ssl.create_default_context(cafile=str(self.certificate)) if self.certificate else None
        socket = await RawSocket.open(parts.port or 443, tls=context)
        answer = await socket.upgrade(path, handshake_headers(parts.netloc, **{"origin": self.url, **shown}))
        if answer.status != 101:
            await socket.close()
            raise HttpRefused(answer.status)
        return BareClient(socket, answer.headers.get("sec-websocket-protocol"))

    async def handshake(self, path: str, **shown: Any) -> str:
        """What a handshake is answered, as `HTTP 403`; arguments as those of `raw`."""
        try:
            client = await self.raw(path, **shown)
        except HttpRefused as refused:
            return f"HTTP {refused.status}"
        await client.close()
        return "HTTP 101"

    async def fetch(self, method: str, path: str, headers: Mapping[str, str], body: object = None) -> HTTPResponse:
        """One plain request, whatever comes of it."""
        tls: dict[str, Any] = {"ca_certs": str(self.certificate)} if self.certificate else {}
        sent = None if method in ("GET", "HEAD") else json.dumps({} if body is None else body)
        asked = HTTPRequest(self.url + path, method, dict(headers), sent, request_timeout=PATIENCE_SECONDS, **tls)
        client = SimpleAsyncHTTPClient(force_instance=True)
        try:
            return await client.fetch(asked, raise_error=False)
        finally:
            client.close()


@dataclass(slots=True)
class Visitor:
    """Somebody at the page: with its Origin, and the cookie that signing in has set."""

    stage: Stage
    name: str
    cookie: str = field(default="", repr=False)

    async def ask(self, method: str, path: str, body: object = None, *, origin: str | None = None) -> Any:
        """What the server answers, as JSON; None where it says nothing.

        Args:
            origin: another than the page's own.

        Raises:
            HttpRefused: it is no success.
        """
        headers = {"Origin": origin or self.stage.url, "Content-Type": "application/json", "Cookie": self.cookie}
        answer = await self.stage.fetch(method, path, headers, body)
        if not 200 <= answer.code < 300:
            raise HttpRefused(answer.code)
        for line in answer.headers.get_list("Set-Cookie"):
            self.cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in SimpleCookie(line).items())
        return json.loads(answer.body) if answer.body else None

    async def ticket(self, path: str) -> str:
        """A ticket for one handshake at this path, bought by the cookie."""
        return str((await self.ask("POST", "/wssec/ticket", {"path": path}))["ticket"])

    def connect(self, path: str, **options: Any) -> Client:
        """The Python client, which buys a ticket for each attempt; use it by `async with`."""
        return self.stage.client(path, ticket(lambda: self.ticket(path)), **options)

    async def raw(self, path: str) -> BareClient:
        """A client that says whatever it is told to, let in by a ticket. It has heard `wssec.ready` already."""
        client = await self.stage.raw(path, subprotocols=["wssec.v1", f"wssec.ticket.{await self.ticket(path)}"])
        await client.assert_received("wssec.ready")
        return client


async def refusal(asked: Awaitable[Any]) -> str:
    """What something awaitable is refused with: `HTTP 403`, `error permission_denied`, or `nothing refused`."""
    try:
        await asked
    except HttpRefused as refused:
        return f"HTTP {refused.status}"
    except Refused as refused:
        return f"error {refused.code}"
    return "nothing refused"


async def answer(client: BareClient, frame: str) -> str:
    """What a server says to one frame: `error malformed`, `reply`, or `close 1009`."""
    await client.send_text(frame)
    async for message in client:
        if message["type"] == "error":
            return f"error {message['code']}"
        if "id" in message:
            return str(message["type"])
    return f"close {client.close_code}"


async def within_a_second(ask: Callable[[], Awaitable[str]], expected: str) -> str:
    """What is answered in the end: other nodes may take as long to hear of a change."""
    for _ in range(20):
        if (said := await ask()) == expected:
            return said
        await asyncio.sleep(0.05)
    return await ask()
