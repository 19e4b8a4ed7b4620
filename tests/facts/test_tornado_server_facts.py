"""What Tornado's server, log and cookies do that the design leans on, or guards against.

An upgrade that changes one says so here.
"""

import logging
import subprocess
import sys
from collections.abc import Callable

import pytest
from tornado.httpserver import HTTPServer
from tornado.httputil import parse_cookie
from tornado.web import RequestHandler, create_signed_value, decode_signed_value
from tornado.websocket import WebSocketHandler

from .sockets import EchoHandler, Server, close, handshake, play, served, text


def test_tornado_believes_forwarding_headers_of_anybody() -> None:
    """With `xheaders=True` any peer chooses its own address: ours come from `ProxyPolicy`."""

    class Address(EchoHandler):
        def prepare(self) -> None:
            self.told.put_nowait(self.request.remote_ip or "")

    async def scenario() -> list[str]:
        async with served(Address, xheaders=True) as server:
            client = await server.connect()
            client.send(handshake({"X-Real-Ip": "203.0.113.9", "X-Forwarded-For": "198.51.100.7"}))
            return await server.heard(1)

    assert ["203.0.113.9"] == play(scenario())


def test_tornado_waits_an_hour_for_headers() -> None:
    """The default header deadline is 3,600 s, and a server may set it."""
    usual, set_ = HTTPServer(lambda request: None), HTTPServer(lambda request: None, idle_connection_timeout=10)

    assert 3_600 == usual.conn_params.header_timeout
    assert 10 == set_.conn_params.header_timeout


def test_tornado_buffers_a_body_before_prepare() -> None:
    """A handshake may have a body, and the handler hears of it once all of that is in memory."""

    class Telling(EchoHandler):
        def prepare(self) -> None:
            self.told.put_nowait(self.request.body.decode())

    async def scenario() -> list[str]:
        async with served(Telling) as server:
            slow, quick = await server.connect(), await server.connect()
            slow.send(handshake({"Content-Length": "4"}), b"slo")
            quick.send(handshake({"Content-Length": "5"}), b"quick")
            first = await server.heard(1)
            slow.send(b"w")
            return first + [told for told in await server.heard(2) if told != "open"]

    assert ["quick", "slow"] == play(scenario())


def test_tornado_refuses_a_body_by_its_header_when_told_to() -> None:
    """`max_body_size` answers 400 before any of the body has come."""

    async def scenario() -> int:
        async with served(EchoHandler, max_body_size=5) as server:
            return await (await server.connect()).ask(handshake({"Content-Length": "6"}))

    assert 400 == play(scenario())


@pytest.mark.parametrize("ending", ["stop", "close_all_connections"])
def test_tornado_server_leaves_websockets_open(ending: str) -> None:
    """Neither `stop()` nor `close_all_connections()` ends a WebSocket: draining is ours."""

    async def end(server: Server) -> None:
        server.http.stop()
        if ending == "close_all_connections":
            await server.http.close_all_connections()

    async def scenario() -> list[str]:
        async with served(EchoHandler) as server:
            client = await server.upgraded()
            await end(server)
            client.send(text("still here"))
            return await server.heard(2)

    assert ["open", "message 'still here'"] == play(scenario())


def rewrite(handler: RequestHandler) -> None:
    """Redact the URI as our handler does."""
    handler.request.uri = "/ws?token=[redacted]"


@pytest.mark.parametrize(
    ("change", "is_told"), [(lambda handler: None, True), (rewrite, False)], ids=["bare", "redacted"]
)
def test_tornado_access_log_has_the_uri(
    change: Callable[[RequestHandler], None], is_told: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """The access log prints a token in the query at 101, and what `prepare()` puts in its place."""

    class Changed(EchoHandler):
        def prepare(self) -> None:
            change(self)

    async def scenario() -> None:
        async with served(Changed) as server:
            client = await server.connect()
            await client.ask(handshake(path="/ws?token=s3cret"))
            await server.heard(1)
            client.send(close(1000))
            await server.heard(1)

    with caplog.at_level(logging.INFO):
        play(scenario())

    assert is_told == ("s3cret" in caplog.text)
    assert "/ws?token=" in caplog.text


def test_tornado_signed_cookie_takes_version_1() -> None:
    """A SHA-1 cookie is accepted unless `min_version=2` is asked for."""
    value = create_signed_value("secret", "name", "user", version=1)

    assert b"user" == decode_signed_value("secret", "name", value)
    assert None is decode_signed_value("secret", "name", value, min_version=2)


def test_tornado_signed_cookie_crashes_on_garbage_with_several_keys() -> None:
    """With a dict of secrets, a value that looks like version 1 is an assertion."""
    with pytest.raises(AssertionError):
        decode_signed_value({1: "secret"}, "name", "garbage|1|x")


@pytest.mark.parametrize(("secret", "version"), [("secret", "1:0"), ({7: "secret"}, "1:7"), ({12: "secret"}, "2:12")])
def test_tornado_signed_cookie_says_when(secret: str | dict[int, str], version: str) -> None:
    """The third field is the time stamp in whole seconds, which no public function tells; one of tomorrow passes."""
    key = None if isinstance(secret, str) else max(secret)
    value = create_signed_value(secret, "name", "user", version=2, clock=lambda: 1_700_000_000.9, key_version=key)

    assert value.decode().startswith(f"2|{version}|10:1700000000|4:name|")
    assert b"user" == decode_signed_value(secret, "name", value, clock=lambda: 1_000_000_000.0, min_version=2)


def test_tornado_cookies_of_one_name() -> None:
    """The last wins, and what is no blank of HTTP is trimmed from a name: `__Host-` can be forged by it."""

    assert {"a": "2"} == parse_cookie("a=1; a=2")
    assert {"__Host-a": "1"} == parse_cookie("\x85__Host-a=1")


def test_tornado_websocket_must_be_imported() -> None:
    """`import tornado` does not bring `tornado.websocket`."""
    program = "import tornado\ntornado.websocket"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert "AttributeError" in ended.stderr


def test_tornado_overridden_names_exist() -> None:
    """Every method that a subclass of ours may not override is one that Tornado calls."""
    names = (
        "on_message open on_close prepare get check_origin select_subprotocol get_compression_options"
        " get_websocket_protocol write_message ping on_connection_close log_exception"
    )

    assert [] == [name for name in names.split() if not callable(getattr(WebSocketHandler, name, None))]
