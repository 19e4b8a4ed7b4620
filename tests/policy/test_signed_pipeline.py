"""Signed messages in the pipeline: opened once, admitted like any other, answered under one id."""

import json
from dataclasses import replace
from typing import Any, Final

import pytest

from tests.signing import MESSAGES, RIGHTS, ed25519, order, signed
from tornado_wssec.client import public_jwk
from tornado_wssec.errors import (
    FrameError,
    InvalidMessage,
    MalformedFrame,
    MessageReplayed,
    MessageTooBig,
    PermissionDenied,
    RateLimited,
    SignatureInvalid,
    Unavailable,
    UnknownType,
)
from tornado_wssec.policy.codec import Envelope
from tornado_wssec.policy.identity import Identity
from tornado_wssec.policy.permissions import Grants
from tornado_wssec.policy.pipeline import Permitted, Pipeline, readmit
from tornado_wssec.policy.registry import MessageSpec, Registry
from tornado_wssec.policy.reserved import Ping, Signed
from tornado_wssec.policy.session import Account, Session
from tornado_wssec.policy.signatures import SignedMessages, signing_key_of
from tornado_wssec.settings import Limits

LIMITS: Final = Limits()
KEY: Final = ed25519()
WALL: Final = 1_767_225_600.0
ANN: Final = Identity(subject="ann", permissions=Grants(RIGHTS), claims={"cnf": {"jwk": public_jwk(KEY)}})
OWN: Final = {spec.type: spec for spec in map(MessageSpec.of, (Signed, Ping))}
PIPELINE: Final = Pipeline({**Registry(*MESSAGES).messages, **OWN}, Envelope(), LIMITS)


def session(identity: Identity = ANN, limits: Limits = LIMITS) -> Session:
    """A session that opened at 0."""
    return Session("s1", identity, limits, Account(limits, 0.0), 0.0)


def jws(message: str, **changes: Any) -> str:
    """The text, signed."""
    return signed(KEY, {"nonce": "n", "seq": 1, "ts": WALL, "message": message, **changes})


def admitted(text: str, at: Session, id: str | None = None) -> Permitted:
    """What becomes of a signed envelope, on a connection that has signed nothing yet."""
    named = {} if id is None else {"id": id}
    outer = PIPELINE.admit(json.dumps({"type": "wssec.signed", **named, "data": {"jws": text}}), at, 0.0)
    opened = PIPELINE.open_signed(outer, SignedMessages("n", LIMITS), at, WALL, 30.0)
    return PIPELINE.admit_signed(opened, outer.id, at, 0.0)


@pytest.mark.parametrize(
    ("outer", "inner", "answered"), [(None, None, None), ("e", None, "e"), (None, "m", "m"), ("e", "m", "m")]
)
def test_signed_message_is_admitted(outer: str | None, inner: str | None, answered: str | None) -> None:
    """Under its own id, or that of its envelope where it has none; and by which key is known from then on."""
    found = admitted(jws(order(id=inner)), session(), outer)

    assert ("desk.order", {"symbol": "ABC"}) == (found.spec.type, found.data)
    assert (answered, signing_key_of(ANN).thumbprint) == (found.id, found.signed_by)


def test_signed_message_of_a_type_that_needs_no_signature() -> None:
    """It has been verified: that is more than was asked for."""
    found = admitted(jws('{"type":"ping"}'), session())

    assert found.spec.message is Ping


@pytest.mark.parametrize(
    ("message", "error", "answered"),
    [
        ("{", MalformedFrame, "e"),
        ('{"id":"m"}', MalformedFrame, "m"),
        ('{"type":"nothing"}', UnknownType, "e"),
        (order("x", id="m"), InvalidMessage, "m"),
        (order() + " " * 256, MessageTooBig, "e"),
        ('{"type":"wssec.signed","data":{"jws":"a.b.c"}}', SignatureInvalid, "e"),
    ],
)
def test_signed_message_is_judged_like_any_other(message: str, error: type[FrameError], answered: str) -> None:
    """And refused under the id that is its."""
    with pytest.raises(error) as refusal:
        admitted(jws(message), session(), "e")

    assert answered == refusal.value.message_id


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("a.b.c", SignatureInvalid),
        (jws(order(id="m"), nonce="other"), MessageReplayed),
        (jws("", ts=0), MessageReplayed),
    ],
)
def test_signed_envelope_is_refused_under_its_own_id(text: str, error: type[FrameError]) -> None:
    """What it holds is not looked at."""
    with pytest.raises(error) as refusal:
        admitted(text, session(), "e")

    assert "e" == refusal.value.message_id


def test_signed_message_needs_the_right_all_the_same() -> None:
    """A signature says who, not that he may."""
    with pytest.raises(PermissionDenied):
        admitted(jws(order()), session(replace(ANN, permissions=Grants(["desk:look:*"]))))


def test_signed_message_pays_for_its_envelope_and_for_itself() -> None:
    """Of the identity's budget each of the two."""
    at = session(limits=Limits(identity_messages_per_second=1, identity_messages_burst=3))
    admitted(jws(order()), at)
    with pytest.raises(RateLimited) as refusal:
        admitted(jws(order(id="m")), at, "e")

    assert "m" == refusal.value.message_id


def test_signed_envelope_waits_for_who_knows_the_keys() -> None:
    """While the application does not answer, no key is known to be in force, whatever the message needs."""
    at = session()
    at.is_in_doubt = True
    with pytest.raises(Unavailable) as refusal:
        admitted(jws('{"type":"ping"}'), at, "e")

    assert "e" == refusal.value.message_id


def test_signed_message_is_not_handled_once_its_key_is_gone() -> None:
    """The same key under another identity object is as good; another key, none, or a doubt is not."""
    at = session()
    found = admitted(jws('{"type":"ping"}'), at)
    at.identity = replace(ANN, tenant="acme")
    assert found.signed_by == readmit(found, at, 0.0).signed_by

    for jwk in ({}, public_jwk(ed25519())):
        at.identity = replace(ANN, signing_key=jwk)
        with pytest.raises(SignatureInvalid):
            readmit(found, at, 0.0)
    at.is_in_doubt = True
    with pytest.raises(Unavailable):
        readmit(found, at, 0.0)


def test_signed_message_waits_for_the_application() -> None:
    """Even one that needs no right: its key may be about to go."""
    at = session()

    assert not PIPELINE.admit('{"type":"ping"}', at, 0.0).needs_standing
    assert admitted(jws('{"type":"ping"}'), at).needs_standing
    assert PIPELINE.admit('{"type":"desk.look","data":{"symbol":"A"}}', at, 0.0).needs_standing
