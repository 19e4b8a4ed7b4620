"""What hostile frames are thrown at: an endpoint with a field of every kind, and the claims about its answers."""

import json
from typing import Any, Final, NamedTuple

from marshmallow import Schema, ValidationError, fields, validate

from tests.kits import GENEROUS
from tornado_wssec import PUBLIC, Limits, Message, Registry, SecureWebSocketHandler, on
from tornado_wssec.errors import HandlerFailed
from tornado_wssec.policy.codec import ERROR_BYTES
from tornado_wssec.policy.fields import StrictBoolean, StrictDateTime, StrictFloat, StrictInteger
from tornado_wssec.settings import MiB
from tornado_wssec.testing import Client, GuardKit
from tornado_wssec.testing.raw import TEXT

CANARY: Final = "c4n4ry-of-the-peer"
"""A value that no answer and no log may repeat."""


class Point(Schema):
    x = StrictInteger(required=True)
    y = StrictInteger(required=True)


class Probe(Message):
    """A field of every kind."""

    class Meta:
        type = "target.probe"
        permission = PUBLIC

    text = fields.String(validate=validate.Length(max=32))
    word = fields.String(validate=validate.Regexp(r"[a-z]{1,16}\Z"))
    number = StrictInteger(allow_none=False)
    ratio = StrictFloat()
    flag = StrictBoolean()
    when = StrictDateTime()
    uuid = fields.UUID()
    point = fields.Nested(Point)
    path = fields.List(fields.Nested(Point), validate=validate.Length(max=8))
    tags = fields.List(fields.String(validate=validate.Length(max=16)), validate=validate.Length(max=8))
    counts = fields.Dict(
        keys=fields.String(validate=validate.Length(max=16)), values=StrictInteger(), validate=validate.Length(max=8)
    )
    places = fields.Dict(
        keys=fields.String(validate=validate.Length(max=16)),
        values=fields.Nested(Point),
        validate=validate.Length(max=8),
    )


class Needed(Message):
    """Fields that must be there."""

    class Meta:
        type = "target.needed"
        permission = PUBLIC

    text = fields.String(required=True, validate=validate.Length(max=32))


class Small(Message):
    """A type with a cap of its own."""

    class Meta:
        type = "target.small"
        permission = PUBLIC
        max_bytes = 256


FAULTS: Final = {
    "key": KeyError(CANARY),
    "recursion": RecursionError(CANARY),
    "zero": ZeroDivisionError(CANARY),
    "unicode": UnicodeDecodeError("utf-8", CANARY.encode(), 0, 1, CANARY),
    "ours": HandlerFailed(CANARY),
    "composed": ValidationError(CANARY),
}


def _fail_as_told(value: str) -> None:
    if value in FAULTS:
        raise FAULTS[value]


class Checked(Message):
    """A validator of the application's own, which fails."""

    class Meta:
        type = "target.checked"
        permission = PUBLIC

    how = fields.String(required=True, validate=[validate.Length(max=32), _fail_as_told])


class Elsewhere(Message):
    """A type that another endpoint handles."""

    class Meta:
        type = "target.elsewhere"
        permission = PUBLIC


class TargetSocket(SecureWebSocketHandler):
    """Keeps what it was given."""

    @on(Probe, Needed, Small, Checked)
    def keep(self, data: dict[str, Any]) -> None:
        self.settings["handled"].append(data)


class OtherSocket(SecureWebSocketHandler):
    """The other endpoint."""

    @on(Elsewhere)
    def keep(self, data: dict[str, Any]) -> None:
        self.settings["handled"].append(data)


LIMITS: Final = Limits(
    **{name: value for name, (value, _) in GENEROUS.changed().items()}, message_bytes=4 * MiB, frame_bytes=4 * MiB
)
"""Budgets that no list uses up, and a cap under which large inputs reach the parser."""


def target_kit(**options: Any) -> GuardKit:
    """The target at /ws, the other endpoint at /other."""
    registry = Registry(Probe, Needed, Small, Checked, Elsewhere)
    routes = [(r"/ws", TargetSocket), (r"/other", OtherSocket)]
    return GuardKit(routes, registry=registry, app_settings={"handled": []}, **{"limits": LIMITS, **options})


def handled(kit: GuardKit) -> list[dict[str, Any]]:
    """What has got through to a handler."""
    kept: list[dict[str, Any]] = kit.app.settings["handled"]
    return kept


class Hostile(NamedTuple):
    """A frame, what is wrong with it, and the code of the error that answers it."""

    what: str
    frame: str
    code: str


def probe(text: str, type: str = "target.probe") -> str:
    """A frame with these fields, written as they stand."""
    return f'{{"type":"{type}","id":"i1","data":{{{text}}}}}'


async def error_to(client: Client, frame: str) -> tuple[dict[str, Any], str]:
    """The answer to a frame, read and as it came."""
    await client.send_text(frame)
    while (received := await client.socket.receive_frame()) is not None:
        if received.opcode == TEXT:
            text = received.payload.decode()
            return json.loads(text), text
        assert received.opcode not in (0x8,), f"the connection closed: {received.payload!r}"
    raise AssertionError("the connection is gone")


async def assert_all_refused(*frames: Hostile) -> None:
    """Claim that each frame gets its error and nothing else: small, without a value of the peer's, nothing handled."""
    async with target_kit() as kit:
        client = await kit.connect("/ws")
        for hostile in frames:
            answer, text = await error_to(client, hostile.frame)

            assert (hostile.what, "error", hostile.code) == (hostile.what, answer["type"], answer.get("code"))
            assert (hostile.what, True) == (hostile.what, len(text.encode()) <= ERROR_BYTES)
            assert (hostile.what, False) == (hostile.what, CANARY in text)
            await client.assert_nothing_received()
        assert [] == handled(kit)


async def assert_all_handled(*frames: tuple[str, dict[str, Any]]) -> None:
    """Claim that what stands close to an attack and is none is handled, as this data."""
    async with target_kit() as kit:
        client = await kit.connect("/ws")
        for frame, data in frames:
            answer, _ = await error_to(client, frame)

            assert (frame[:80], "reply") == (frame[:80], answer["type"])
            assert data == handled(kit).pop()
