"""What an application exposes, and what keeps it from starting: each fault with its place and its remedy."""

import logging
from typing import Any

import pytest
from marshmallow import fields, validate
from tornado.httpserver import HTTPServer
from tornado.routing import HostMatches, PathMatches, Rule, RuleRouter
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler

from schemas import chat
from tests.kits import CHAT, ChatSocket, chat_kit, in_loop
from tests.naming import stable
from tornado_wssec import (
    PUBLIC,
    BearerToken,
    ConfigurationError,
    Envelope,
    Limits,
    Message,
    Registry,
    SecureWebSocketHandler,
    Ticket,
    on,
)
from tornado_wssec.exposure import application_problems, routes_of
from tornado_wssec.testing import GuardKit


class Ask(Message):
    class Meta:
        type = "exposed.ask"
        permission = PUBLIC

    action = fields.String(validate=validate.Length(max=8))


class Undeclared(Message):
    class Meta:
        type = "exposed.undeclared"
        permission = PUBLIC


class AskSocket(SecureWebSocketHandler):
    @on(Ask)
    def ask(self, data: dict[str, Any]) -> None: ...


class ForeignSocket(AskSocket):
    @on(Undeclared)
    def other(self, data: dict[str, Any]) -> None: ...


class OutboundSocket(ChatSocket):
    @on(chat.Posted)
    def posted(self, data: dict[str, Any]) -> None: ...


class GroupSocket(AskSocket):
    requires = "board:join:{board}"


class TemplateSocket(AskSocket):
    requires = "board:{board"


class FlatSocket(AskSocket):
    envelope = Envelope.flat(type="action")


class PlainHandler(RequestHandler):
    """No socket at all."""


def problems_of(*routes: Any, registry: Registry | None = None) -> list[str]:
    """What `guard.check` says, a line each."""
    kit = GuardKit(routes, registry=registry or Registry(Ask))
    try:
        kit.guard.check(kit.app)
    except ConfigurationError as error:
        return [str(problem) for problem in error.problems]
    return []


FAULTY = [
    (
        [("/ws", ForeignSocket)],
        "ForeignSocket.other: handles Undeclared, which the registry does not hold",
        "Registry.scan(",
    ),
    ([("/ws", GroupSocket)], "GroupSocket.requires: names {board}, which is no named group", "write (?P<board>…)"),
    ([(r"/ws/(.*)", GroupSocket)], "GroupSocket.requires: names {board}, which is no named group", "(?P<board>…)"),
    (
        [(r"/ws/(?P<board>.*)", GroupSocket), ("/all", GroupSocket)],
        "GroupSocket.requires: names {board}, which is no named group",
        "(?P<board>…)",
    ),
    ([("/ws", TemplateSocket)], "TemplateSocket.requires: ", 'requires = "board:join:{board}"'),
    ([("/ws", PlainHandler)], "Ask: no handler on any route handles exposed.ask", "add @on(Ask)"),
    ([], "Ask: no handler on any route handles exposed.ask", 'or direction = "out"'),
]


@pytest.mark.parametrize(("routes", "fault", "remedy"), FAULTY, ids=lambda value: str(value)[:60])
def test_check_refuses(routes: list[Any], fault: str, remedy: str) -> None:
    """A fault is named with its place, and the remedy can be typed."""
    told = [line for line in problems_of(*routes) if fault in line]

    assert [True] == [remedy in line for line in told]


MISTAKEN: dict[str, list[Any]] = {
    "authenticators": [BearerToken(), BearerToken, [BearerToken], "bearer", ["bearer"], {}, 7],
    "subprotocols": ["chat", None, ["a b"], [""], ["a,b"], ["ä"], [7], ["wssec.v2"], ["wssec.bearer.x"]],
    "limits": [{"message_bytes": 1}, Limits, 7],
    "envelope": [Envelope, None, "flat"],
    "anonymous": ["no", 1, None],
    "allow_missing_origin": ["no", 1, None],
    "newest_wins": ["no", 1],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in MISTAKEN.items() for value in values], ids=stable
)
def test_check_refuses_attributes_of_another_kind(name: str, value: Any) -> None:
    """A string for a list, a class for an object, a dict for Limits: named with its place, and nothing starts."""
    told = problems_of(("/ws", type("MistakenSocket", (AskSocket,), {name: value})))

    assert [f"MistakenSocket.{name}"] == [line.partition(":")[0] for line in told]


def test_check_passes_attributes_as_they_must_be() -> None:
    """Lists and tuples, empty ones too."""
    for own in (
        {},
        {"authenticators": (), "subprotocols": ()},
        {"authenticators": [Ticket()], "subprotocols": ["a.b"]},
    ):
        assert [] == problems_of(("/ws", type("GoodSocket", (AskSocket,), {**own, "limits": Limits()})))


def test_check_refuses_a_handler_of_what_only_the_server_sends() -> None:
    """Clients may not send it, so nobody would ever call the method."""
    told = problems_of(("/ws", OutboundSocket), registry=CHAT)

    assert [True] == ["OutboundSocket.posted: handles Posted, which clients may not send" in line for line in told]


def test_check_refuses_a_field_that_the_envelope_needs() -> None:
    """In a flat format a field cannot have the name of the type's key: found at the start, not at the first message."""

    class Flat(Message):
        class Meta:
            type = "exposed.flat"
            permission = PUBLIC
            direction = "out"

        action = fields.String(validate=validate.Length(max=8))

    class Plain(SecureWebSocketHandler):
        envelope = Envelope.flat(type="action")

    told = problems_of(("/ws", Plain), registry=Registry(Flat))

    assert [True] == ["needs 'action' for itself, and exposed.flat has a field of that name" in line for line in told]


@pytest.mark.parametrize(
    "routes",
    [
        [("/ws", AskSocket)],
        [(r"/ws/(?P<board>.*)", GroupSocket)],
        [(r"/a/(?P<board>.*)", GroupSocket), (r"/b/(?P<board>.*)/(?P<more>.*)", GroupSocket)],
        [("/ws", "tests.test_exposure.AskSocket")],
        [("/plain", PlainHandler), ("/ws", AskSocket), ("/again", AskSocket)],
    ],
    ids=str,
)
def test_check_passes(routes: list[Any]) -> None:
    """What is sound starts, wherever and however often it is routed."""
    assert [] == problems_of(*routes)


@pytest.mark.parametrize("where", ["host", "nested", "matcher"])
def test_routes_are_found_wherever_they_are(where: str) -> None:
    """A handler behind a host, in a nested router, or under another matcher is looked at as well."""
    app = Application([("/plain", PlainHandler)])
    if where == "host":
        app.add_handlers(r"admin\.example\.com", [("/ws", ForeignSocket)])
    elif where == "nested":
        app.wildcard_router.add_rules(
            [Rule(PathMatches("/in/.*"), RuleRouter([Rule(PathMatches("/in/ws"), ForeignSocket)]))]
        )
    else:
        app.wildcard_router.add_rules([Rule(HostMatches("admin.example.com"), ForeignSocket)])
    kit = GuardKit([], registry=Registry(Ask))

    assert ForeignSocket in [route.handler for route in routes_of(app)]
    with pytest.raises(ConfigurationError, match="ForeignSocket"):
        kit.guard.check(app)


def test_check_lists_everything_at_once() -> None:
    """Faults of the registry, of handlers and of routes come in one refusal."""

    class Bad(Message):
        class Meta:
            type = "exposed.bad"
            direction = "out"

        text = fields.String()

    told = "\n".join(problems_of(("/a", ForeignSocket), ("/b", GroupSocket), registry=Registry(Ask, Bad)))

    parts = ["Bad.text", "permission", "ForeignSocket.other", "GroupSocket.requires"]
    assert parts == [part for part in parts if part in told]


@in_loop
async def test_listen_refuses_to_start() -> None:
    """`guard.listen` checks before it binds."""
    kit = GuardKit([("/ws", ForeignSocket)], registry=Registry(Ask))

    with pytest.raises(ConfigurationError, match=r"ForeignSocket\.other"):
        kit.guard.listen(kit.app, 0)


async def served_by_the_application(kit: GuardKit) -> HTTPServer:
    """Serve it without `guard.listen`, as `app.listen` does."""
    listener, kit.port = bind_unused_port()
    server = HTTPServer(kit.app)
    server.add_sockets([listener])
    return server


@in_loop
async def test_unchecked_application(caplog: pytest.LogCaptureFixture) -> None:
    """Behind `app.listen` the check runs at the first handshake: 503 until it is mended, and one line in the log."""
    kit = GuardKit([("/ws", ForeignSocket)], registry=Registry(Ask))
    await kit.guard.start(following=False)
    server = await served_by_the_application(kit)
    for _ in range(5):
        await kit.assert_handshake_refused(503, "/ws", token=kit.token())
    server.stop()
    await kit.__aexit__(None, None, None)

    told = [record for record in caplog.records if record.name == "tornado_wssec.exposure"]
    assert [logging.ERROR] == [record.levelno for record in told]
    assert "ForeignSocket.other: handles Undeclared" in told[0].getMessage()


@in_loop
async def test_unchecked_application_that_is_sound() -> None:
    """A sound one needs no `guard.listen`."""
    async with chat_kit() as kit:
        server = await served_by_the_application(kit)
        client = await kit.connect("/ws")
        await client.assert_nothing_received()
        server.stop()


@in_loop
async def test_l03_query_behind_a_server_of_the_applications_own(caplog: pytest.LogCaptureFixture) -> None:
    """Without `guard.listen` the handlers still keep the query of their requests out of the access log."""
    caplog.set_level(logging.INFO)
    kit = chat_kit()
    await kit.guard.start(following=False)
    server = await served_by_the_application(kit)
    await kit.connect(f"/ws?ticket={await kit.ticket('/ws')}", token="")
    for path in ("/ws?token=s3cr3t", "/wssec/live?token=s3cr3t"):
        await (await kit.raw()).upgrade(path, [("Host", kit.host)])
        await (await kit.raw()).upgrade(path, [("Host", kit.host)], method="PROPFIND")
    server.stop()
    await kit.__aexit__(None, None, None)

    assert caplog.text.count("?[redacted]") >= 4
    assert "s3cr3t" not in caplog.text


@in_loop
async def test_handler_added_after_the_check(caplog: pytest.LogCaptureFixture) -> None:
    """What would not have passed is not served, and brings nobody else down."""
    async with chat_kit() as kit:
        kit.app.add_handlers(".*", [("/late", ForeignSocket)])
        await kit.assert_handshake_refused(503, "/late", token=kit.token())
        await kit.connect("/ws")


def test_mixin_that_keeps_the_seals_from_being_asked() -> None:
    """A mixin whose __init_subclass__ calls nobody gets past the import, and no further."""

    class Silent:
        def __init_subclass__(cls, **kwargs: object) -> None:
            """Ask nobody."""

        def on_message(self, message: str | bytes) -> None:
            """Take every frame unread."""

    class Sneaky(Silent, SecureWebSocketHandler):
        pass

    problems = list(application_problems(Application([(r"/ws", Sneaky)]), Registry(), (), lambda ways: (), Limits()))

    assert ["Sneaky"] == [problem.where for problem in problems]
    assert "handle each declared message with @on(Message)" in str(problems[0])
