"""R060: what the server says is declared, validated and written once, whoever asks for it, on each way."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

import pytest
from marshmallow import ValidationError, fields, validate

from tests.kits import in_loop
from tests.ways import WAYS, take
from tornado_wssec import (
    PUBLIC,
    Channel,
    ConfigurationError,
    Envelope,
    Message,
    OutboundInvalid,
    PermissionDenied,
    PlainText,
    Registry,
    SecureWebSocketHandler,
    on,
)
from tornado_wssec.policy.codec import encode_json
from tornado_wssec.policy.fields import StrictInteger
from tornado_wssec.testing import GuardKit

Word = fields.String(required=True, validate=validate.Length(1, 500))


class Say(Message):
    """Make the server say something."""

    class Meta:
        type = "out.say"
        permission = PUBLIC


class Said(Message):
    """What is said."""

    class Meta:
        type = "out.said"
        direction = "out"
        permission = "out:hear:{room}"
        max_bytes = 300

    room = fields.String(required=True, validate=validate.Regexp(r"[a-z]{1,8}\Z"))
    text = Word
    count = StrictInteger()
    note = PlainText(max_length=40)


class Odd(Message):
    """A message that marshmallow alone can judge."""

    class Meta:
        type = "out.odd"
        direction = "out"
        permission = PUBLIC

    even = StrictInteger(required=True, validate=lambda number: _ensure_even(number))


class Undeclared(Message):
    """A message of no registry."""

    class Meta:
        type = "out.undeclared"
        direction = "out"
        permission = PUBLIC


class Room(Channel):
    """A room."""

    class Meta:
        pattern = "room:{room}"
        subscribe = PUBLIC

    room = fields.String(required=True, validate=validate.Regexp(r"[a-z]{1,8}\Z"))


def _ensure_even(number: int) -> None:
    if number % 2:
        raise ValidationError("odd")


class OutSocket(SecureWebSocketHandler):
    """Says what the test tells it to."""

    @on(Say)
    async def say(self, data: dict[str, Any]) -> None:
        await self.settings["say"](self)


class FlatSocket(OutSocket):
    """The same in a flat format."""

    envelope = Envelope.flat(type="action")


@pytest.fixture(params=WAYS, autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each way through a schema in turn."""
    take(request.param, monkeypatch)


How = Callable[[GuardKit, OutSocket, type[Message], dict[str, Any]], Awaitable[Any]]
HOWS: Final[dict[str, How]] = {
    "send": lambda kit, socket, message, data: socket.send(message, data),
    "publish": lambda kit, socket, message, data: socket.publish("room:a", message, data),
    "guard.publish": lambda kit, socket, message, data: kit.guard.publish("room:a", message, data),
}
GOOD: Final = {"room": "a", "text": "hi", "count": 1}
WRONG: Final[dict[str, tuple[type[Message], dict[Any, Any]]]] = {
    "a field missing": (Said, {"room": "a"}),
    "a field too many": (Said, {**GOOD, "secret": 1}),
    "another type": (Said, {**GOOD, "text": 5}),
    "a text for a number": (Said, {**GOOD, "count": "1"}),
    "a float for an integer": (Said, {**GOOD, "count": 1.0}),
    "true for a number": (Said, {**GOOD, "count": True}),
    "an integer that browsers round": (Said, {**GOOD, "count": 2**53}),
    "too long": (Said, {**GOOD, "text": "x" * 501}),
    "NUL": (Said, {**GOOD, "text": "a\0"}),
    "half a character": (Said, {**GOOD, "text": "\ud800"}),
    "a pattern that it does not match": (Said, {**GOOD, "room": "a\n"}),
    "null": (Said, {**GOOD, "text": None}),
    "text that turns": (Said, {**GOOD, "note": "a\u202eb"}),
    "larger than its type may be": (Said, {**GOOD, "text": "x" * 300}),
    "what a validator refuses": (Odd, {"even": 3}),
    "what a validator crashes on": (Odd, {"even": "x"}),
    "a list": (Said, [GOOD]),  # type: ignore[dict-item]  # an application may do that
}


class Heard(NamedTuple):
    """What one heard who listens and may hear it, and what the application was told instead."""

    said: list[dict[str, Any]]
    raised: list[type[Exception]]
    words: str


@asynccontextmanager
async def hearing(how: str, path: str = "/ws") -> AsyncIterator[Callable[[type[Message], Any], Awaitable[Heard]]]:
    """A server that can be made to say something, and what is heard of it."""
    kind = "action" if path == "/flat" else "type"
    asked: list[tuple[type[Message], Any]] = []
    raised: list[Exception] = []

    async def say(socket: OutSocket) -> None:
        try:
            await HOWS[how](kit, socket, *asked[-1])
        except Exception as error:
            raised.append(error)

    async def hear(message: type[Message], data: Any) -> Heard:
        asked.append((message, data))
        raised.clear()
        await client.send_text(f'{{"{kind}":"out.say","id":"b"}}')
        heard = [await client.receive()]
        while heard[-1].get("id") != "b":
            heard.append(await client.receive())
        return Heard(heard[:-1], [type(error) for error in raised], str(raised))

    kit = GuardKit(
        [("/ws", OutSocket), ("/flat", FlatSocket)],
        registry=Registry(Say, Said, Odd, Room),
        app_settings={"say": say},
    )
    async with kit:
        client = await kit.connect(path, permissions=["out:hear:a"])
        channel = '"channel":"room:a"'
        data = channel if path == "/flat" else f'"data":{{{channel}}}'
        await client.send_text(f'{{"{kind}":"wssec.subscribe","id":"a",{data}}}')
        assert "reply" == (await client.receive())[kind]
        yield hear


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("path", ["/ws", "/flat"])
@in_loop
async def test_r060_what_is_declared_leaves(how: str, path: str) -> None:
    """As it was declared, in the format of the endpoint."""
    async with hearing(how, path) as hear:
        heard = await hear(Said, {**GOOD, "note": "Zoe\u0308"})
    (said,) = heard.said

    assert [] == heard.raised
    assert {**GOOD, "note": "Zo\u00eb"} == (
        {name: said[name] for name in (*GOOD, "note")} if path == "/flat" else said["data"]
    )


@pytest.mark.requirement("R060")
@pytest.mark.parametrize("how", HOWS)
@in_loop
async def test_r060_what_does_not_fit_does_not_leave(how: str) -> None:
    """It is the application's mistake, told to it without a value, and to nobody else."""
    async with hearing(how) as hear:
        for what, (message, data) in WRONG.items():
            heard = await hear(message, data)

            assert (what, [], [OutboundInvalid]) == (what, heard.said, heard.raised)
            assert "xxx" not in heard.words


@pytest.mark.requirement("R060")
@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("message", [Undeclared, Say], ids=lambda message: message.__name__)
@in_loop
async def test_r060_what_is_not_declared_does_not_leave(how: str, message: type[Message]) -> None:
    """A message of no registry, and one that only clients send."""
    async with hearing(how) as hear:
        heard = await hear(message, {})

    assert ([], [ConfigurationError]) == (heard.said, heard.raised)


@pytest.mark.parametrize("how", HOWS)
@in_loop
async def test_r060_what_one_may_not_hear_does_not_leave(how: str) -> None:
    """`send` says so; a publication goes to the others."""
    async with hearing(how) as hear:
        heard = await hear(Said, {**GOOD, "room": "b"})

    assert ([], [PermissionDenied] if how == "send" else []) == (heard.said, heard.raised)


@pytest.mark.requirement("R060")
@pytest.mark.parametrize("how", ["publish", "guard.publish"])
@in_loop
async def test_r060_publication_is_written_once(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many hear it."""
    written: list[Any] = []

    def counted(value: Any) -> str:
        written.append(value)
        return encode_json(value)

    async def say(socket: OutSocket) -> None:
        monkeypatch.setattr("tornado_wssec.outbound.encode_json", counted)
        await HOWS[how](kit, socket, Said, GOOD)

    kit = GuardKit([("/ws", OutSocket)], registry=Registry(Say, Said, Room), app_settings={"say": say})
    async with kit:
        clients = [await kit.connect("/ws", subject=f"u{number}", permissions=["out:hear:a"]) for number in range(5)]
        for client in clients:
            await client.request("wssec.subscribe", {"channel": "room:a"})
        await clients[0].request("out.say")
        for client in clients:
            await client.assert_received("out.said")

        assert [GOOD] == written


@pytest.mark.requirement("R054")
@pytest.mark.parametrize("how", HOWS)
@in_loop
async def test_r060_message_as_large_as_its_type_may_be(how: str) -> None:
    """The whole frame counts; one byte more does not leave."""
    rest = {"room": "a", "text": ""}
    head = {"type": "out.said"} if how == "send" else {"type": "out.said", "channel": "room:a"}
    room = 300 - len(encode_json({**head, "data": rest}))
    async with hearing(how) as hear:
        fits = await hear(Said, {**rest, "text": "x" * room})
        over = await hear(Said, {**rest, "text": "x" * (room - 1) + "é"})

    assert (1, []) == (len(fits.said), fits.raised)
    assert (0, [OutboundInvalid]) == (len(over.said), over.raised)
