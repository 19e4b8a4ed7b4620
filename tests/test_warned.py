"""Warn-only over a real socket, and what the operators are told of it."""

import logging
from datetime import UTC, datetime
from typing import Any

import pytest
from marshmallow import fields, validate

from tests.kits import GENEROUS, audited, in_loop
from tests.test_metrics_route import sample
from tornado_wssec import PUBLIC, Envelope, Message, Registry, SecureWebSocketHandler, WarnOnly, on
from tornado_wssec.errors import ConfigurationError, InvalidMessage
from tornado_wssec.policy.high_water import SETTLING_SECONDS
from tornado_wssec.policy.identity import Identity
from tornado_wssec.policy.session import Account, Session
from tornado_wssec.settings import Limits
from tornado_wssec.telemetry.audit import Audit
from tornado_wssec.telemetry.measures import METRICS
from tornado_wssec.telemetry.metrics import Metrics
from tornado_wssec.telemetry.sampling import Sampler
from tornado_wssec.testing import GuardKit
from tornado_wssec.testing.clock import NOON, HandClock
from tornado_wssec.warned import FINDINGS_MOST, PAIRS_MOST, Warned, tell_warn_only

DAY = 86_400.0
TOMORROW = datetime.fromtimestamp(NOON + DAY, UTC).date().isoformat()
CANARY = "c4n4ry"


class Say(Message):
    """One line to a room."""

    class Meta:
        type = "say"
        permission = "chat:write:{room}"

    room = fields.String(required=True, validate=validate.Length(1, 16))
    text = fields.String(required=True, validate=validate.Length(max=16))


class Vote(Message):
    """A field that strict mode refuses."""

    class Meta:
        type = "vote"
        permission = PUBLIC

    number = fields.Integer(required=True)


class Socket(SecureWebSocketHandler):
    """Answers what it was given."""

    @on(Say, Vote)
    def repeat(self, data: dict[str, Any]) -> dict[str, Any]:
        return {"given": dict(data)}


class FlatSocket(Socket):
    """The same for clients of old."""

    envelope = Envelope.flat(type="action")


def kit_of(**options: Any) -> GuardKit:
    """Both endpoints, eased until tomorrow."""
    registry = Registry(Say, Vote, warn_only=WarnOnly(until=TOMORROW, **options))
    return GuardKit([("/ws", Socket), ("/flat", FlatSocket)], registry=registry, limits=GENEROUS)


@in_loop
async def test_message_that_does_not_fit_is_answered_until_the_day() -> None:
    """The client notices nothing; then it is refused on the open connection."""
    async with kit_of() as kit:
        ann = await kit.connect("/ws", permissions=["chat:write:lobby"])
        line = {"room": "lobby", "text": ["no"], "ts": 7}

        assert {"given": line} == await ann.request("say", line)
        await kit.advance(DAY - 600)
        ann = await kit.connect("/ws", permissions=["chat:write:lobby"])
        assert {"given": line} == await ann.request("say", line)
        await kit.advance(600)
        await ann.assert_refused("invalid", "say", line)


@in_loop
async def test_day_comes_where_the_clock_is_set_forward() -> None:
    """It read a week too little as the server started: what counts is the day, once that has stayed so for a while."""
    async with kit_of() as kit:
        ann = await kit.connect("/ws", permissions=["chat:write:lobby"])
        line = {"room": "lobby", "text": ["no"]}
        kit.clock.step_wall(7 * DAY)
        await kit.advance(1)

        assert {"given": line} == await ann.request("say", line)
        await kit.advance(SETTLING_SECONDS)
        await ann.assert_refused("invalid", "say", line)


@in_loop
async def test_flat_message_that_does_not_fit_is_answered() -> None:
    """As it came, beside its type."""
    async with kit_of() as kit:
        ann = await kit.connect("/flat", permissions=["chat:write:lobby"])
        await ann.send_text('{"action": "say", "id": "1", "room": "lobby", "text": "hi", "ts": 7}')

        given = {"room": "lobby", "text": "hi", "ts": 7}
        assert {"action": "reply", "id": "1", "given": given} == await ann.receive()


@in_loop
async def test_door_and_permissions_are_never_eased() -> None:
    """Origin, credential, permission and the field that it is asked of."""
    async with kit_of() as kit:
        await kit.assert_handshake_refused(401, "/ws")
        await kit.assert_handshake_refused(403, "/ws", token=kit.token(), origin="https://evil.example")
        ann = await kit.connect("/ws", permissions=["chat:write:*"])
        await ann.assert_refused("permission_denied", "say", {"room": "a:b", "text": 1})
        await ann.assert_refused("invalid", "say", {"room": {"a": 1}, "text": 1})
        await ann.assert_refused("unknown_type", "shout", {})


@in_loop
async def test_operators_are_told_names_and_never_values(caplog: pytest.LogCaptureFixture) -> None:
    """In the log, in the audit and by number."""
    caplog.set_level(logging.INFO)
    async with kit_of() as kit:
        ann = await kit.connect("/ws", permissions=["chat:write:lobby"])
        names = (f"{CANARY} a name", f"eyJ.{CANARY}.token", CANARY * 6, "ts")
        text = f"{CANARY} and much more of it"
        await ann.request("say", {"room": "lobby", "text": text, **dict.fromkeys(names, 1)})

        told = [one.getMessage() for one in caplog.records if "let pass with" in one.getMessage()]
        reasons = "(other): Unknown field.; text: Longer than maximum length 16.; ts: Unknown field."
        assert [f"say let pass with a warning: {reasons}"] == told
        (line,) = audited(caplog.records, "message.warned")
        assert ("say", "ann", "say: (other), text") == (line["type"], line["subject"], line["evidence"])
        assert CANARY not in caplog.text
        assert 1 == await sample(kit, "wssec_messages_warned_total", type="say")
        assert 0 == await sample(kit, "wssec_messages_refused_total", code="invalid")


@in_loop
async def test_flood_of_warnings_is_told_by_number(caplog: pytest.LogCaptureFixture) -> None:
    """The first ones, each new field, and how many more there were."""
    caplog.set_level(logging.INFO)
    registry = Registry(Vote, warn_only=WarnOnly(until=TOMORROW))
    async with GuardKit([("/ws", Ballot)], registry=registry, limits=Limits(refusals_logged=2)) as kit:
        ann = await kit.connect("/ws")
        for number in range(10):
            await ann.request("vote", {"number": number, "old": 1})
        await ann.request("vote", {"number": 1, "older": 1})
        assert 3 == len(audited(caplog.records, "message.warned"))
        assert 11 == await sample(kit, "wssec_messages_warned_total", type="vote")

    assert [("messages of vote let pass with a warning", 9)] == [
        (line["what"], line["count"]) for line in audited(caplog.records, "log.sampled")
    ]


class Ballot(SecureWebSocketHandler):
    """Only votes."""

    @on(Vote)
    def count(self, data: dict[str, Any]) -> None:
        """Do nothing."""


def test_names_that_are_remembered_are_bounded(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever makes up names gets no more than that into the log."""
    clock, metrics = HandClock().as_clock(), Metrics(METRICS)
    warned = Warned(Audit(), metrics, Sampler(0, 60.0, clock.monotonic), clock)
    spec = Registry(Say).resolve("say")
    session = Session("s1", Identity(subject="ann"), Limits(), Account(Limits(), 0.0), 0.0)
    for number in range(PAIRS_MOST + 10):
        warned.tell(spec, session, InvalidMessage("say: (other)", fields={f"made_up_{number}": ["Unknown field."]}))

    assert PAIRS_MOST == len([one for one in caplog.records if "made_up" in one.getMessage()])


def test_reason_of_what_is_nested_is_told_by_the_outer_name(caplog: pytest.LogCaptureFixture) -> None:
    """One name and one reason, however deep it is."""
    clock = HandClock().as_clock()
    warned = Warned(Audit(), Metrics(METRICS), Sampler(9, 60.0, clock.monotonic), clock)
    session = Session("s1", Identity(subject="ann"), Limits(), Account(Limits(), 0.0), 0.0)
    warned.tell(
        Registry(Say).resolve("say"),
        session,
        InvalidMessage("say: a, b", fields={"a": {"0": {"x": ["Not a valid string."]}}, "b": {}}),
    )

    assert "say let pass with a warning: a: Not a valid string.; b: Invalid value." in caplog.text


# --- at the start ---


@in_loop
async def test_start_says_what_is_eased_and_until_when(caplog: pytest.LogCaptureFixture) -> None:
    """With what strict mode would refuse of the declarations."""
    async with kit_of():
        said = [one.getMessage() for one in caplog.records if one.getMessage().startswith("warn-only")]

    assert f"warn-only until {TOMORROW}: what does not fit the schema of say, vote is let pass" == said[0]
    assert 2 == len(said)
    assert 'test_warned.Vote.number: takes "1_000" and 1.9 for integers' in said[1]


def test_start_lists_no_more_findings_than_somebody_reads(caplog: pytest.LogCaptureFixture) -> None:
    """And how many more there are."""
    many = {f"number_{place}": fields.Integer() for place in range(FINDINGS_MOST + 3)}
    options = {"type": "many", "permission": PUBLIC, "register": False}
    wide = type("Wide", (Message,), {"Meta": type("Meta", (), options), **many})
    tell_warn_only(Registry(wide, warn_only=WarnOnly(until=TOMORROW)), NOON)

    assert FINDINGS_MOST + 2 == len(caplog.records)
    assert "and 3 more; see `wssec check`" == caplog.records[-1].getMessage()


def test_start_says_nothing_where_nothing_is_eased(caplog: pytest.LogCaptureFixture) -> None:
    """Which is the default."""
    tell_warn_only(Registry(Say), NOON)

    assert [] == caplog.records


def test_server_does_not_start_with_findings_once_the_day_has_come(caplog: pytest.LogCaptureFixture) -> None:
    """Without any it starts, and says that the switch is of no use any more."""
    over = WarnOnly(until=datetime.fromtimestamp(NOON, UTC).date().isoformat())
    kit = GuardKit([("/ws", Socket)], registry=Registry(Say, Vote, warn_only=over))

    with pytest.raises(ConfigurationError, match="1_000"):
        kit.guard.check(kit.app)
    tell_warn_only(Registry(Say, warn_only=over), NOON)
    assert f"warn-only has ended on {over.until}" in caplog.text


@in_loop
async def test_what_a_handler_declares_itself_is_never_eased() -> None:
    """The guard's registry says what the application's old clients send; an endpoint of another's has none."""

    class Own(Socket):
        declares = Registry(Say, Vote, strict=False)

    registry = Registry(Say, Vote, warn_only=WarnOnly(until=TOMORROW))
    async with GuardKit([("/ws", Socket), ("/own", Own)], registry=registry) as kit:
        ann = await kit.connect("/own")
        await ann.assert_refused("invalid", "vote", {"number": 1, "old": 1})
