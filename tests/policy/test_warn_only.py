"""Warn-only: what it lets pass, until when, and what it never does."""

import json
from dataclasses import replace

import pytest
from marshmallow import fields, validate

import tornado_wssec.policy.shapes as shapes
import tornado_wssec.policy.typed as typed
from tornado_wssec.errors import InvalidMessage, MessageTooBig, PermissionDenied, RateLimited, UnknownType
from tornado_wssec.policy.codec import Envelope
from tornado_wssec.policy.identity import Identity
from tornado_wssec.policy.leniency import Leniency
from tornado_wssec.policy.messages import Message
from tornado_wssec.policy.permissions import Grants
from tornado_wssec.policy.permitted import Permitted
from tornado_wssec.policy.pipeline import Pipeline
from tornado_wssec.policy.registry import MessageSpec, Registry
from tornado_wssec.policy.session import Account, Session
from tornado_wssec.policy.warn_only import WarnOnly
from tornado_wssec.settings import Limits

from .samples import TYPE, channel, message, text

NOON = 1_764_590_400.0
"""2025-12-01, 12:00 UTC."""
TOMORROW = WarnOnly(until="2025-12-02")
HALF_A_DAY = 43_200.0


class Say(Message):
    """One line to a room."""

    class Meta:
        type = "say"
        permission = "chat:write:{room}"
        rate = "3/second"
        max_bytes = 120

    room = fields.String(required=True, validate=validate.Length(1, 16))
    text = fields.String(required=True, validate=validate.Length(max=16))


class Talk:
    """A pipeline of `say` that is eased until second 100, and somebody who may write to the lobby."""

    def __init__(self, *, compiled: bool = True, envelope: Envelope | None = None) -> None:
        self.told: list[tuple[str, str, dict[str, object] | None]] = []
        spec = Registry(Say, compiled=compiled).resolve("say")
        leniency = Leniency(frozenset({"say"}), 100.0, self.tell)
        self.pipeline = Pipeline({"say": spec}, envelope or Envelope(), Limits(), leniency)
        identity = Identity(subject="ann", permissions=Grants(["chat:write:lobby"]))
        self.session = Session("s1", identity, Limits(), Account(Limits(), 0.0), 0.0)

    def tell(self, spec: MessageSpec, session: Session, fault: InvalidMessage) -> None:
        self.told.append((spec.type, session.id, fault.fields))

    def say(self, now: float = 1.0, **data: object) -> Permitted:
        """Admit one frame."""
        if self.pipeline.envelope.is_flat:
            return self.pipeline.admit(json.dumps({"action": "say", **data}), self.session, now)
        return self.pipeline.admit(json.dumps({"type": "say", "data": data}), self.session, now)


@pytest.fixture(params=["typed", "compiled", "marshmallow", "flat"])
def talk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Talk:
    """Each way that a message can take."""
    if request.param == "compiled":
        monkeypatch.setattr(shapes, "IS_THERE", False)
        monkeypatch.setattr(typed, "IS_THERE", False)
    envelope = Envelope.flat(type="action") if request.param == "flat" else None
    made = Talk(compiled=request.param != "marshmallow", envelope=envelope)
    assert (request.param in ("typed", "flat")) == (made.pipeline._swift is not None)
    return made


def test_valid_message_is_told_of_by_nobody(talk: Talk) -> None:
    """On no way."""
    permitted = talk.say(room="lobby", text="hello")

    assert {"room": "lobby", "text": "hello"} == permitted.data
    assert [] == talk.told


def test_message_that_does_not_fit_reaches_its_handler_and_is_told_of(talk: Talk) -> None:
    """With what came, and with the reasons that its sender would have got."""
    permitted = talk.say(room="lobby", text="much too long for it", ts=7)

    assert {"room": "lobby", "text": "much too long for it", "ts": 7} == permitted.data
    fault = {"text": ["Longer than maximum length 16."], "ts": ["Unknown field."]}
    assert [("say", "s1", fault)] == talk.told


def test_other_stages_refuse_as_ever(talk: Talk) -> None:
    """Permission, size, rate and type are asked of what does not fit, too, and nothing is told of it."""
    with pytest.raises(PermissionDenied):
        talk.say(room="attic", text=1)
    with pytest.raises(InvalidMessage):
        talk.say(room=["lobby"], text=1)
    with pytest.raises(MessageTooBig):
        talk.say(room="lobby", text="x" * 200)
    with pytest.raises(RateLimited):
        talk.say(room="lobby", text=1)
    with pytest.raises(UnknownType):
        talk.pipeline.admit(json.dumps({talk.pipeline.envelope.type_key: "shout"}), talk.session, 1.0)

    assert [] == talk.told


def test_leniency_ends_by_itself(talk: Talk) -> None:
    """To the second, in a process that runs on."""
    talk.say(99.0, room="lobby", text=1)
    with pytest.raises(InvalidMessage):
        talk.say(100.0, room="lobby", text=1)


def test_leniency_is_brought_nearer_and_never_put_off(talk: Talk) -> None:
    """Where the day comes earlier by a clock that was set, it is over earlier; where later, all the same."""
    leniency = Leniency(frozenset({"say"}), 100.0, talk.tell)
    ends = []
    for until in (150.0, 50.0, 70.0):
        leniency.end_by(until)
        ends.append(leniency.until)

    assert [100.0, 50.0, 50.0] == ends


def test_types_that_are_not_covered_are_refused() -> None:
    """As if there were no warn-only."""
    talk = Talk()
    talk.pipeline._leniency = Leniency(frozenset({"other"}), 100.0, talk.tell)
    with pytest.raises(InvalidMessage):
        talk.say(room="lobby", text=1)


def test_day_ends_at_its_beginning_in_utc() -> None:
    """`until` is the first day on which it is over."""
    assert HALF_A_DAY == TOMORROW.ends_at - NOON


@pytest.mark.parametrize("until", ["soon", "2026-02-30", "", None, 20260101])
def test_day_that_is_none_is_refused(until: object) -> None:
    """Where it is written down."""
    with pytest.raises(ValueError, match="is no day; write it as"):
        WarnOnly(until=until)  # type: ignore[arg-type]  # what a user may write


def test_one_name_in_the_place_of_several_is_refused() -> None:
    """Its letters would be names."""
    with pytest.raises(ValueError, match=r"write types=\('say',\)"):
        WarnOnly(until="2026-01-01", types="say")


def test_declarations_that_strict_mode_refuses_are_findings_until_the_day() -> None:
    """Then they are problems again, and for whoever asks without a clock they always are."""
    lenient = Registry(message(number=fields.Integer()), warn_only=TOMORROW)
    fault = 'takes "1_000" and 1.9 for integers'

    assert [] == lenient.problems(NOON)
    assert [fault] == [problem.fault for problem in lenient.findings(NOON)]
    for now in (NOON + HALF_A_DAY, None):
        assert [fault] == [problem.fault for problem in lenient.problems(now)]
    assert [] == lenient.findings(NOON + HALF_A_DAY)


def test_declarations_that_are_refused_always_are_no_findings() -> None:
    """Unknown fields, expressions without an end, a missing permission: warn-only is not about these."""
    lenient = Registry(
        message(
            {"unknown": "include", "permission": None},
            text=text(validate=[validate.Length(max=4), validate.Regexp("[a-z]+")]),
        ),
        warn_only=TOMORROW,
    )

    assert 3 == len(lenient.problems(NOON))
    assert [] == lenient.findings(NOON)


def test_channels_are_never_eased() -> None:
    """Permissions are filled from their names."""
    registry = Registry(channel(room=fields.String(required=True)), warn_only=TOMORROW)

    assert ["is a String without a maximum"] == [problem.fault for problem in registry.problems(NOON)]


def test_what_no_old_client_sends_is_never_eased() -> None:
    """What the server sends, what is signed, and what carries bytes."""
    declared = [
        message({"type": "in"}, number=fields.Integer()),
        message({"type": "both", "direction": "both"}),
        message({"type": "out", "direction": "out"}),
        message({"type": "signed", "signed": True}),
        message({"type": "binary", "binary": "png", "max_bytes": 9}),
    ]
    everything = Registry(*declared, warn_only=TOMORROW)
    named = Registry(*declared, warn_only=replace(TOMORROW, types=("both", "signed", "nobody")))

    assert {"in", "both"} == everything.eased_types()
    assert [] == everything.problems(NOON)
    assert {"both"} == named.eased_types()
    assert [
        "names nobody, which nobody declares",
        "names signed, which is sent by the server alone, signed or binary",
        'takes "1_000" and 1.9 for integers',
    ] == [problem.fault for problem in named.problems(NOON)]


def test_more_than_a_year_does_not_start() -> None:
    """It is for moving in."""
    registry = Registry(message(), warn_only=WarnOnly(until="2027-01-01"))

    assert ["lasts until 2027-01-01, which is more than a year away"] == [one.fault for one in registry.problems(NOON)]


@pytest.mark.parametrize(("before", "count"), [(0.0, 0), (1.0, 1)])
def test_year_is_the_longest_there_is(before: float, count: int) -> None:
    """366 days to the second."""
    found = TOMORROW.problems({}, TOMORROW.ends_at - 366 * 86_400.0 - before)

    assert count == len(list(found))


def test_registry_is_strict_unless_it_says_otherwise() -> None:
    """Nothing is eased by default."""
    registry = Registry(message(type=text()))

    assert (None, frozenset(), []) == (registry.warn_only, registry.eased_types(), registry.findings(NOON))
    assert TYPE in registry.messages
