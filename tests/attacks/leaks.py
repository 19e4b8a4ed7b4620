"""A server and its clients in one process, in which a secret passes through every place that a log could repeat.

`python -m tests.attacks.leaks` logs everything to standard error, and at its end prints the secrets and what the other
sinks have kept as JSON to standard output. `test_l_secrets.py` searches the one for the other.
"""

import asyncio
import itertools
import json
import logging
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

from marshmallow import fields, validate
from tornado.web import RequestHandler

from tests.attacks import leak_sinks, leak_talk
from tests.attacks.leak_secrets import SECRETS, secret
from tests.kits import V1
from tests.receivers import receiving
from tornado_wssec import (
    PUBLIC,
    Authenticator,
    BearerToken,
    FirstMessage,
    Identity,
    Message,
    Registry,
    SecureWebSocketHandler,
    SessionCookie,
    Ticket,
    on,
)
from tornado_wssec.auth import Credential, Desk, RequestView
from tornado_wssec.settings import Secret
from tornado_wssec.testing import Client, GuardKit, RawSocket


def _refuse(value: str) -> None:
    if "validator" in value:
        raise KeyError(secret("exception of a validator") + value)


class Say(Message):
    """Says something, and how the handler shall fail."""

    class Meta:
        type = "leak.say"
        permission = PUBLIC

    how = fields.String(required=True, validate=[validate.Length(max=64), _refuse])
    text = fields.String(validate=validate.Length(max=64))


class Admin(Message):
    """Nobody may send it."""

    class Meta:
        type = "leak.admin"
        permission = "nobody"

    text = fields.String(validate=validate.Length(max=64))


class Said(Message):
    """Something was said."""

    class Meta:
        type = "leak.said"
        direction = "out"
        permission = PUBLIC

    text = fields.String(required=True, validate=validate.Length(max=8))


class Telltale:
    """An object whose repr is a secret."""

    def __repr__(self) -> str:
        return secret("repr of a reply")


class LeakySocket(SecureWebSocketHandler):
    """Fails as it is told to, each time with a secret in its hand."""

    authenticators: ClassVar[Sequence[Authenticator]] = (BearerToken(query=True), Ticket())

    @on(Say, Admin)
    async def say(self, data: dict[str, Any]) -> Any:
        kept = secret("local of a handler")
        if data["how"] == "raise":
            raise ValueError(secret("exception of a handler") + kept)
        if data["how"] == "group":
            raise ExceptionGroup(secret("group of exceptions"), [ValueError(secret("exception in a group"))])
        if data["how"] == "chain":
            try:
                raise KeyError(secret("cause of an exception"))
            except KeyError as error:
                raise RuntimeError(secret("exception with a cause")) from error
        if data["how"] == "note":
            noted = ValueError("plain")
            noted.add_note(secret("note of an exception"))
            raise noted
        if data["how"] == "cancel":
            raise asyncio.CancelledError(secret("cancellation"))
        if data["how"] == "reply":
            return {"value": Telltale()}
        if data["how"] == "no dict":
            return secret("reply that is no dict")
        if data["how"] == "send":
            await self.send(Said, {"text": secret("message that does not fit")})
        if data["how"] == "write":
            self.write_message(secret("message around the guard"))
        return {}


class OpenedSocket(LeakySocket):
    """Fails as it opens."""

    def opened(self) -> None:
        raise ValueError(secret("exception of opened"))


class ClosedSocket(LeakySocket):
    """Fails as it closes."""

    async def closed(self, close: object) -> None:
        raise ValueError(secret("exception of closed"))


class HeaderSocket(LeakySocket):
    """Takes no token from the query."""

    authenticators = (BearerToken(), Ticket(query=False))


class FirstSocket(LeakySocket):
    """Hears who it is from the first message."""

    authenticators = (FirstMessage(),)


class Crash:
    """An authenticator with a fault."""

    name = "crash"

    def find(self, request: RequestView) -> Credential | None:
        return Credential(secret("credential of an authenticator"), "nowhere")

    async def verify(self, credential: Credential, request: RequestView, desk: Desk) -> Identity:
        raise OSError(secret("exception of an authenticator"))


class CrashSocket(LeakySocket):
    """Cannot authenticate."""

    authenticators = (Crash(),)


class PlainHandler(RequestHandler):
    """An ordinary handler of the application."""

    def get(self) -> None:
        self.finish("hello")


ROUTES = [
    ("/ws", LeakySocket),
    ("/opened", OpenedSocket),
    ("/closed", ClosedSocket),
    ("/header", HeaderSocket),
    ("/crash", CrashSocket),
    ("/first", FirstSocket),
    ("/plain", PlainHandler),
]


async def main() -> None:
    """Pass every secret through its place."""
    logging.basicConfig(level=logging.DEBUG, format="%(levelname)s %(name)s %(message)s %(args)r")
    with TemporaryDirectory() as folder:
        place = leak_sinks.Place(Path(folder))
        sinks = await fill(place)
        sinks["audit files"] = place.audited()
    sys.stdout.write(json.dumps({"secrets": SECRETS, "sinks": sinks}))


async def fill(place: leak_sinks.Place) -> dict[str, str]:
    """Run a server until its end; return what it has said to whoever may look."""
    async with receiving() as receiver:
        heard = leak_sinks.Heard(receiver)
        kit = GuardKit(
            [*ROUTES, *leak_talk.ROUTES],
            registry=Registry(Say, Admin, Said, *leak_talk.MESSAGES),
            limits=leak_talk.NERVOUS,
            authenticators=(BearerToken(), Ticket(), SessionCookie()),
            store=await place.store(),
            settings=place.settings(),
            alerts=heard.tell,
            alert_webhook=receiver.url,
            alert_secret=Secret(secret("key of the webhook") + "-long"),
        )
        kit.app.add_handlers(r".*", kit.guard.routes(ops=True))
        kit.clock.wall = time.time()  # the commands look at the same store, and go by the real clock
        async with kit:
            kit.guard.audit.record("leaks.started", kit.clock.wall)
            await show_credentials(kit)
            await say_who_it_is(kit)
            await ask_plainly(kit)
            await fail_in_handlers(kit)
            await say_wrong_things(kit)
            await leak_talk.show_keys_and_cookies(kit)
            await leak_talk.say_everything(kit)
            await leave_abruptly(kit)
            sinks = await leak_sinks.looked_at(kit, place)
        return {**sinks, **heard.told(), **await traced()}


async def traced() -> dict[str, str]:
    """The same with OpenTelemetry told of it; return what that was told."""
    watching = leak_sinks.Watching()
    ways, limits = (BearerToken(), Ticket(), SessionCookie()), leak_talk.NERVOUS
    providers: dict[str, Any] = {"tracer_provider": watching.tracers, "meter_provider": watching.meters}
    registry = Registry(Say, Admin, Said)
    kit = GuardKit(ROUTES, registry=registry, limits=limits, authenticators=ways, **providers)
    async with kit:
        state = [("traceparent", leak_sinks.PARENT), ("tracestate", f"v={secret('state of a trace')}")]
        await expect(kit, 101, "/ws", token=good_token(kit, "token beside a trace"), extra=state)
        await show_credentials(kit)
        await fail_in_handlers(kit)
        await say_wrong_things(kit)
        return watching.told()


def good_token(kit: GuardKit, name: str) -> str:
    """A token that opens a connection; its signature is the secret."""
    token = kit.token("ann", ["leak"])
    SECRETS[_once(name)] = token.rpartition(".")[2]
    return token


async def good_ticket(kit: GuardKit, path: str, name: str) -> str:
    """A ticket that opens a connection."""
    ticket = SECRETS[_once(name)] = await kit.ticket(path, "ann")
    return ticket


def _once(name: str) -> str:
    """A name under which no other secret is remembered."""
    return f"{name} ({len(SECRETS)})" if name in SECRETS else name


async def show_credentials(kit: GuardKit) -> None:
    """Good and bad, in every place that may carry one, and in those that may not."""
    for status, path in ((101, "/ws"), (401, "/header")):
        token = good_token(kit, f"good token in the query of {path}")
        await expect(kit, status, f"{path}?token={token}")
    ticket = await good_ticket(kit, "/ws", "ticket in the query")
    await expect(kit, 101, f"/ws?ticket={ticket}")
    await expect(kit, 401, f"/ws?ticket={ticket}")
    await expect(kit, 401, f"/ws?ticket={await good_ticket(kit, '/elsewhere', 'ticket for another path')}")
    await expect(kit, 101, "/ws", token=good_token(kit, "good token in the header"))
    in_subprotocol = good_token(kit, "good token as subprotocol")
    await expect(kit, 101, "/ws", subprotocols=[*V1, f"wssec.bearer.{in_subprotocol}"])
    await expect(kit, 400, "/ws", subprotocols=[f"wssec.bearer.{secret('subprotocol without wssec.v1')}"])
    await expect(kit, 401, "/ws", subprotocols=[*V1, f"wssec.bearer.{secret('token as subprotocol')}"])
    await expect(kit, 401, "/ws", subprotocols=[*V1, f"wssec.ticket.{secret('ticket as subprotocol')}"])
    await expect(kit, 401, f"/ws?token={secret('token in the query')}")
    await expect(kit, 401, f"/ws?token={secret('token beside another')}&token={secret('token beside the first')}")
    await expect(kit, 401, f"/ws?ticket={secret('ticket beside a token')}", token=secret("token beside a ticket"))
    browser = [("User-Agent", "x" * 2_000 + secret("User-Agent")), ("Referer", f"/?t={secret('Referer of who is in')}")]
    await expect(kit, 101, "/ws", token=good_token(kit, "good token of a browser"), extra=browser)
    await expect(kit, 401, "/crash")
    for header, value in headers():
        await expect(kit, None, "/ws", extra=[(header, value)])
    long = ",".join(f"wssec.bearer.{secret('one of many subprotocols')}{number}" for number in range(40))
    await expect(kit, 400, "/ws", extra=[("Sec-WebSocket-Protocol", long)])


async def say_who_it_is(kit: GuardKit) -> None:
    """First messages: good ones, wrong ones, and such as are none."""
    for kind, good in (
        ("token", good_token(kit, "token of a first message")),
        ("ticket", await good_ticket(kit, "/first", "ticket of a first message")),
    ):
        client = await kit.connect("/first", token="")
        await client.request("wssec.auth", {kind: good})
        await client.assert_refused("already_authenticated", "wssec.auth", {kind: secret(f"second {kind}")})
        await client.close()
    for number, text in enumerate(
        (
            '{"type":"wssec.auth","data":{"token":"%s"}}',
            '{"type":"wssec.auth","data":{"ticket":"%s"}}',
            '{"type":"wssec.auth","data":{"token":"%s.x.x"}}',
            '{"type":"wssec.auth","data":{"password":"%s"}}',
            '{"type":"wssec.auth","%s":1}',
            '{"type":"%s"}',
            '{"type":"leak.say","data":{"how":"x","text":"%s"}}',
            '{"type":"wssec.auth","data":{"token":"%s',
        )
    ):
        client = await kit.connect("/first", token="")
        await client.send_text(text.replace("%s", secret(f"first message {number}")))
        await client.assert_closed(4401)
    client = await kit.connect("/first", token="")
    await client.send_text('{"type":"wssec.auth","data":{"token":"' + secret("long first message") + "x" * 9_000)
    await client.assert_closed(1009)


def headers() -> Iterator[tuple[str, str]]:
    """Headers that hold a secret, each of which is refused or ignored."""
    yield "Authorization", f"Bearer {secret('token in the header')}"
    yield "Authorization", f"Basic {secret('password in the header')}"
    yield "Authorization", secret("header without a scheme")
    yield "Authorization", f"Bearer {secret('token with NUL')}\x00"
    yield "Authorization", f"Bearer {secret('token with a control')}\x7f\x01"
    yield "Authorization", f"Bearer {secret('token of many')}{'x' * 9_000}"
    yield "Authorization", f"Bearer {secret('token of too many')}{'x' * 90_000}"
    yield "Cookie", f"session={secret('cookie')}; other={secret('other cookie')}"
    yield "Cookie", f'session="\\012{secret("cookie with an escape")}"'
    yield "User-Agent", f"{secret('begin of a long User-Agent')}{'x' * 10_000}{secret('end of a long User-Agent')}"
    yield "Referer", f"https://app.example.com/?token={secret('token in the Referer')}"
    yield f"Bearer {secret('name of a header')}", "x"
    yield "X-Api-Key", secret("API key")
    yield "Sec-WebSocket-Key", secret("handshake key")
    yield "Proxy-Authorization", f"Basic {secret('password for a proxy')}"


async def ask_plainly(kit: GuardKit) -> None:
    """Requests that are no handshake, each with a secret in its query."""
    number = itertools.count()

    def query() -> str:
        return f"?token={secret(f'query of plain request {next(number)}')}"

    for method, path in (("POST", "/ws"), ("PUT", "/ws"), ("OPTIONS", "/ws"), ("GET", "/plain"), ("POST", "/plain")):
        await plainly(kit, method, path + query())
    for path in ("/nowhere", "/wssec/live", "/wssec/ready", "/wssec/ticket", "/.well-known/jwks.json", "//ws", "/ws/"):
        await plainly(kit, "GET", path + query())
        await plainly(kit, "POST", path + query())
    for status, options in ((403, {"origin": "https://evil.test"}), (421, {"host": "evil.test"})):
        await expect(kit, status, "/ws" + query(), **options)
    await expect(kit, 426, "/ws" + query(), extra=[("Sec-WebSocket-Version", "8")])
    body = json.dumps({"path": "/ws", "extra": secret("body of a ticket request")})
    for content in (body, body[:-1], json.dumps({"path": f"/ws{secret('path of a ticket request')}"}), "x" * 60_000):
        await plainly(kit, "POST", "/wssec/ticket", body=content, token=good_token(kit, f"token for {content[:40]}"))
    for line in ("GET /ws?{} HTTP/9.9", "GET /ws?{}", "GET http://[?{} HTTP/1.1", "\x16\x03{}"):
        raw = await kit.raw()
        await raw.write(f"{line.format(secret(f'line {line!r}'))}\r\nHost: {kit.host}\r\n\r\n".encode("latin-1"))
        await hung_up(raw)


async def plainly(kit: GuardKit, method: str, path: str, *, body: str = "", token: str = "") -> None:
    """Send one plain request."""
    extra = [("Authorization", f"Bearer {token}")] if token else []
    length = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))] if method != "GET" else []
    raw = await kit.raw()
    lines = [
        f"{method} {path} HTTP/1.1",
        *(f"{name}: {value}" for name, value in [("Host", kit.host), *length, *extra]),
    ]
    await raw.write(("\r\n".join([*lines, "", ""]) + body).encode())
    await hung_up(raw)


async def fail_in_handlers(kit: GuardKit) -> None:
    """Every way in which an application's code fails."""
    for how in ("raise", "group", "chain", "note", "cancel", "reply", "no dict", "send", "write"):
        client = await connected(kit, "/ws")
        await client.send("leak.say", {"how": how, "text": secret(f"message of {how}")}, "i1")
        assert "code" in await client.answer("i1")
        await client.socket.close()
    client = await connected(kit, "/ws")
    await client.assert_refused("invalid", "leak.say", {"how": f"validator {secret('value of a validator')}"})
    await (await connected(kit, "/opened")).assert_closed(1011)
    await (await connected(kit, "/closed")).close()


async def say_wrong_things(kit: GuardKit) -> None:
    """Every way in which a message is refused, and a refresh that is."""
    client = await connected(kit, "/ws")
    await client.assert_refused("permission_denied", "leak.admin", {"text": secret("message that is denied")})
    await client.assert_refused("invalid", "leak.say", {"how": "x", "text": secret("text too long") * 9})
    await client.assert_refused("unknown_type", secret("type"), {})
    await client.assert_refused("permission_denied", "wssec.subscribe", {"channel": secret("channel")})
    for text in (f'{{"{secret("no JSON")}', f'{{"type":"leak.say","{secret("key of an envelope")}":1}}', '"{}"'):
        await client.send_text(text)
        await client.assert_refused("malformed")
    fresh = good_token(kit, "token of a refresh")
    await client.request("wssec.refresh", {"token": fresh})
    await client.send("wssec.refresh", {"token": secret("bad token of a refresh")})
    await client.assert_closed(4401)
    binary = await connected(kit, "/ws")
    await binary.socket.send_frame(0x2, secret("binary frame").encode())
    await binary.assert_closed(1003)
    invalid = await connected(kit, "/ws")
    await invalid.socket.send_frame(0x1, secret("text that is no UTF-8").encode() + b"\xff")
    await invalid.assert_closed(1007)


async def leave_abruptly(kit: GuardKit) -> None:
    """Close with a reason, in the middle of a frame, and by a reset."""
    client = await connected(kit, "/ws")
    await client.socket.send_frame(0x8, b"\x0f\xa0" + secret("reason of a close").encode())
    await hung_up(client.socket)
    client = await connected(kit, "/ws")
    await client.socket.write(b"\x81\xfe\x10\x00" + secret("half a frame").encode())
    client.socket.reset()
    client = await connected(kit, "/ws")
    await client.send("leak.say", {"how": "raise", "text": secret("message before a reset")})
    client.socket.reset()
    await kit.guard.disconnect(subject="ann", reason="over")
    await kit.advance(5)


async def connected(kit: GuardKit, path: str) -> Client:
    """A connected client, its token a secret too."""
    return await kit.connect(path, token=good_token(kit, f"token {len(SECRETS)}"))


async def expect(kit: GuardKit, status: int | None, path: str, **options: Any) -> None:
    """Claim that a handshake is answered with this status; None: with anything but 101."""
    try:
        _, response = await kit.handshake(path, **options)
    except (ConnectionError, EOFError):
        return
    assert status == response.status if status else response.status != 101, (path, response)


async def hung_up(raw: RawSocket) -> None:
    """Read what there is to read, and close."""
    with suppress(ConnectionError, EOFError, TimeoutError, ValueError):
        await raw.response()
    await raw.close()


if __name__ == "__main__":
    asyncio.run(main())
