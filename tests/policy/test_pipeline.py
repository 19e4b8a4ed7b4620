"""From a stranger's bytes to a message we act on: the order, and that no stage can be skipped."""

import json
from dataclasses import replace
from types import MappingProxyType

import pytest
from marshmallow import fields, validate

from tornado_wssec.closing import Close, CloseCode
from tornado_wssec.errors import (
    FrameDropped,
    FrameError,
    InvalidMessage,
    MalformedFrame,
    MessageTooBig,
    PermissionDenied,
    RateLimited,
    ReauthRequired,
    SignatureInvalid,
    Unavailable,
    UnknownType,
)
from tornado_wssec.policy.codec import Envelope
from tornado_wssec.policy.identity import Identity, claim_of
from tornado_wssec.policy.messages import Message
from tornado_wssec.policy.permissions import PUBLIC, Grants
from tornado_wssec.policy.pipeline import Permitted, Pipeline, authorise, readmit, reauthorise, size_of
from tornado_wssec.policy.pipeline import validate as check
from tornado_wssec.policy.registry import Registry
from tornado_wssec.policy.session import Account, Session
from tornado_wssec.settings import Limits

LIMITS = Limits()


class Draw(Message):
    """Draw on a board."""

    class Meta:
        type = "board.draw"
        permission = "board:draw:{board}"
        max_bytes = 200

    board = fields.String(required=True, validate=validate.Length(1, 64))


class Order(Message):
    """Buy something for oneself."""

    class Meta:
        type = "order.place"
        permission = PUBLIC
        bind = MappingProxyType({"userId": "sub", "tenant": "tenant"})

    userId = fields.String(required=True, validate=validate.Length(1, 64))
    tenant = fields.String(required=True, validate=validate.Length(1, 64))


REGISTRY = Registry(Draw, Order)
PIPELINE = Pipeline({name: REGISTRY.resolve(name) for name in ("board.draw", "order.place")}, Envelope(), LIMITS)
ANN = Identity(subject="ann", tenant="acme", permissions=Grants(["board:draw:b1"]))


def session(identity: Identity = ANN, limits: Limits = LIMITS) -> Session:
    """A fresh session of an identity."""
    return Session("s1", identity, limits, Account(limits, 0.0), 0.0)


def frame(type: str, **data: object) -> str:
    """A frame with the id a1."""
    return json.dumps({"type": type, "id": "a1", "data": data})


def admit(text: str, identity: Identity = ANN) -> Permitted:
    """Admit a frame of an identity's fresh session."""
    return PIPELINE.admit(text, session(identity), 0.0)


def refusal(text: str, identity: Identity = ANN) -> FrameError:
    """The error with which a frame is answered."""
    with pytest.raises(FrameError) as refused:
        admit(text, identity)
    return refused.value


def test_pipeline_permits_what_is_valid_and_allowed() -> None:
    """A good frame becomes a message with its data, its id and who was asked."""
    permitted = admit(frame("board.draw", board="b1"))

    assert ("board.draw", "a1", {"board": "b1"}, ANN) == (
        permitted.spec.type,
        permitted.id,
        permitted.data,
        permitted.identity,
    )


def test_pipeline_sender_is_not_told_after_too_many_mistakes() -> None:
    """The next mistake ends the connection: what was wrong with it would be found out for nobody."""
    erring = session()
    for _ in range(LIMITS.error_budget):
        erring.spend_error(0.0)

    for one, expected in ((session(), {"board": ["Missing data for required field."]}), (erring, None)):
        with pytest.raises(InvalidMessage) as refused:
            PIPELINE.admit(frame("board.draw"), one, 0.0)
        assert expected == refused.value.fields


@pytest.mark.requirement("R041", "R094")
@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("{", MalformedFrame),
        (frame("board.burn"), UnknownType),
        (frame("board.draw"), InvalidMessage),
        (frame("board.draw", board="b2"), PermissionDenied),
        (frame("board.draw", board="b1" + " " * 300), MessageTooBig),
    ],
)
def test_pipeline_refuses_each_fault_with_its_own_error(text: str, error: type[FrameError]) -> None:
    """Every stage has its own answer."""

    assert error is type(refusal(text))


@pytest.mark.parametrize("text", [frame("board.burn"), frame("board.draw"), frame("board.draw", board="b2")])
def test_pipeline_answers_the_id_of_what_it_refuses(text: str) -> None:
    """An id always gets an answer, also from the stages behind the parser."""

    assert "a1" == refusal(text).message_id


def test_pipeline_resolves_before_it_validates() -> None:
    """An unknown type says nothing about its data."""

    assert UnknownType is type(refusal(frame("board.burn", board="b1")))


def test_pipeline_validates_before_it_authorises() -> None:
    """Data that does not fit is not asked a permission of."""

    assert InvalidMessage is type(refusal(frame("board.draw", board=7)))


def test_pipeline_charges_a_frame_before_it_is_parsed() -> None:
    """Garbage uses up the frame budget like anything else."""
    limits = Limits(frames_burst=1, frames_per_second=1)
    spent = session(limits=limits)
    with pytest.raises(MalformedFrame):
        PIPELINE.admit("{", spent, 0.0)

    with pytest.raises(RateLimited):
        PIPELINE.admit("{", spent, 0.0)


def test_pipeline_charges_a_message_before_it_is_validated() -> None:
    """Invalid messages pay the identity's budget, too."""
    limits = Limits(identity_messages_burst=1, identity_messages_per_second=1)
    spent = session(limits=limits)
    with pytest.raises(InvalidMessage):
        PIPELINE.admit(frame("board.draw"), spent, 0.0)

    with pytest.raises(RateLimited):
        PIPELINE.admit(frame("board.draw"), spent, 0.0)


def test_pipeline_admits_nothing_after_the_close() -> None:
    """A closing session drops even a perfect frame."""
    closing = session()
    closing.close = Close(CloseCode.REVOKED)

    with pytest.raises(FrameDropped):
        PIPELINE.admit(frame("board.draw", board="b1"), closing, 0.0)


def test_g08_unsigned_message_of_a_signed_type_is_refused() -> None:
    """A type that must be signed is never accepted bare."""
    spec = replace(REGISTRY.resolve("board.draw"), signed=True)
    signed = Pipeline({"board.draw": spec}, Envelope(), LIMITS)

    with pytest.raises(SignatureInvalid):
        signed.admit(frame("board.draw", board="b1"), session(), 0.0)


def test_g08_validation_takes_nobodys_word_for_a_signature() -> None:
    """Whoever asks it alone has signed nothing, and is told what is wrong."""
    spec = REGISTRY.resolve("board.draw")
    incoming = Envelope().parse(frame("board.draw"), LIMITS)

    with pytest.raises(SignatureInvalid):
        check(replace(spec, signed=True), incoming, ANN)
    with pytest.raises(InvalidMessage) as refused:
        check(spec, incoming, ANN)
    assert {"board": ["Missing data for required field."]} == refused.value.fields


@pytest.mark.parametrize(
    ("text", "size"), [("", 0), ("ab", 2), ("aé", 3), ("€", 3), ("😀", 4), ("\ud800", 3), (b"ab", 2), (b"\xff\x00", 2)]
)
def test_size_is_what_stood_on_the_wire(text: str | bytes, size: int) -> None:
    """Of a text its bytes in UTF-8, of bytes their number; half a character counts too."""

    assert size == size_of(text)


def test_pipeline_takes_a_type_up_to_its_own_cap() -> None:
    """Of 200 bytes the 200th is taken, and the next one is not."""
    text = frame("board.draw", board="b1")

    assert "a1" == admit(text + " " * (200 - len(text))).id
    assert MessageTooBig is type(refusal(text + " " * (201 - len(text))))
    incoming = Envelope().parse(text, LIMITS)
    assert {"board": "b1"} == check(REGISTRY.resolve("board.draw"), incoming._replace(size=200), ANN).data


# --- bound fields ---


def test_z01_bound_fields_that_differ_are_denied() -> None:
    """A userId or a tenant of somebody else is permission_denied."""
    for other in ({"userId": "bob", "tenant": "acme"}, {"userId": "ann", "tenant": "evil"}):
        assert PermissionDenied is type(refusal(frame("order.place", **other)))


def test_bound_fields_are_filled_in() -> None:
    """An absent bound field becomes the identity's."""

    assert {"userId": "ann", "tenant": "acme"} == admit(frame("order.place")).data


def test_bound_fields_that_agree_pass() -> None:
    """Naming oneself is allowed."""

    assert {"userId": "ann", "tenant": "acme"} == admit(frame("order.place", userId="ann", tenant="acme")).data


def test_bound_claim_that_is_absent_denies() -> None:
    """An identity without the claim cannot send a message bound to it, whatever it writes."""
    stranger = replace(ANN, tenant=None)

    assert PermissionDenied is type(refusal(frame("order.place", userId="ann", tenant="acme"), stranger))


class Note(Message):
    """A field that may be null, and is bound nevertheless."""

    class Meta:
        type = "note.keep"
        permission = PUBLIC
        bind = MappingProxyType({"tenant": "tenant"})

    tenant = fields.String(required=True, allow_none=True, validate=validate.Length(1, 64))


def test_bound_claim_that_is_absent_equals_no_null() -> None:
    """Where a field may be null, null is nobody's claim: not of an identity that has none either."""
    notes = Pipeline({"note.keep": Registry(Note).resolve("note.keep")}, Envelope(), LIMITS)
    stranger = replace(ANN, tenant=None)

    for text in (frame("note.keep", tenant=None), frame("note.keep")):
        with pytest.raises(PermissionDenied):
            notes.admit(text, session(stranger), 0.0)


@pytest.mark.parametrize(("claim", "value"), [("sub", "ann"), ("iss", "us"), ("tenant", "acme"), ("desk", 7)])
def test_claims_are_found_by_their_names(claim: str, value: object) -> None:
    """sub, iss and tenant are the verified ones; others come from the claims."""
    identity = Identity(
        subject="ann", issuer="us", tenant="acme", claims={"desk": 7, "sub": "forged", "tenant": "forged"}
    )

    assert value == claim_of(identity, claim)


# --- Permitted ---


def test_permitted_is_made_by_authorise_alone() -> None:
    """Building a Permitted message by hand is refused: no stage can be skipped."""
    made = admit(frame("board.draw", board="b1"))

    with pytest.raises(TypeError, match="authorise alone"):
        Permitted(made.spec, made.id, made.data, made.wire, made.identity, object())


def test_message_without_a_permission_is_denied() -> None:
    """A specification that lost its permission denies everybody, should it ever get this far."""
    spec = replace(REGISTRY.resolve("board.draw"), permission=None)
    valid = check(spec, Envelope().parse(frame("board.draw", board="b1"), LIMITS), ANN)

    with pytest.raises(PermissionDenied):
        authorise(valid, ANN)


def test_reauthorise_keeps_what_the_same_identity_was_permitted() -> None:
    """While the identity is the one that was asked, nothing is asked again."""
    permitted = admit(frame("board.draw", board="b1"))

    assert permitted is reauthorise(permitted, ANN)


def test_z11_rights_that_shrank_before_handling_deny() -> None:
    """Between admission and handling the identity may change; it is asked again."""
    permitted = admit(frame("board.draw", board="b1"))

    with pytest.raises(PermissionDenied):
        reauthorise(permitted, replace(ANN, permissions=Grants([])))


def test_reauthorise_asks_a_fresh_identity_and_permits() -> None:
    """A refreshed identity with the same rights may go on, as itself."""
    fresh = replace(ANN, token_id="t2")

    assert fresh is reauthorise(admit(frame("board.draw", board="b1")), fresh).identity


class Delete(Message):
    """Delete a board: for whoever has just proven who it is."""

    class Meta:
        type = "board.delete"
        permission = "board:draw:{board}"
        max_auth_age = 300

    board = fields.String(required=True, validate=validate.Length(1, 64))


STEP_UP = Pipeline({"board.delete": Registry(Delete).resolve("board.delete")}, Envelope(), LIMITS)


@pytest.mark.requirement("R042")
def test_pipeline_asks_for_a_recent_authentication() -> None:
    """Once it is allowed at all: who may not delete learns nothing of what else it would take."""
    held = session()
    held.authenticated_at = 0.0
    text = frame("board.delete", board="b1")

    assert "board.delete" == STEP_UP.admit(text, held, 300.0).spec.type
    with pytest.raises(ReauthRequired) as refused:
        STEP_UP.admit(text, held, 300.5)
    assert "a1" == refused.value.message_id
    with pytest.raises(PermissionDenied):
        STEP_UP.admit(frame("board.delete", board="b2"), held, 300.5)


def test_pipeline_does_nothing_in_doubt_that_needs_a_right() -> None:
    """Whether it is still held, nobody can tell: not no, but not now."""
    doubtful = session()
    doubtful.is_in_doubt = True

    for board in ("b1", "b2"):
        with pytest.raises(Unavailable):
            PIPELINE.admit(frame("board.draw", board=board), doubtful, 0.0)
    assert "order.place" == PIPELINE.admit(frame("order.place"), doubtful, 0.0).spec.type


def test_readmit_keeps_what_nothing_has_happened_to() -> None:
    """The same identity, open and not in doubt: the same message."""
    held = session()
    permitted = PIPELINE.admit(frame("board.draw", board="b1"), held, 0.0)

    assert permitted is readmit(permitted, held, 1.0)


def test_readmit_asks_again_whatever_has_changed() -> None:
    """A close, a doubt, rights that shrank, an authentication that is not recent any more: each is found."""
    held = session()
    held.authenticated_at = 0.0
    permitted = STEP_UP.admit(frame("board.delete", board="b1"), held, 0.0)
    held.is_in_doubt = True
    with pytest.raises(Unavailable):
        readmit(permitted, held, 1.0)
    held.is_in_doubt = False
    held.identity = replace(ANN, token_id="t2")
    assert held.identity is readmit(permitted, held, 1.0).identity
    held.authenticated_at = -1_000.0
    with pytest.raises(ReauthRequired):
        readmit(permitted, held, 1.0)
    held.identity = replace(ANN, permissions=Grants([]))
    with pytest.raises(PermissionDenied):
        readmit(permitted, held, 1.0)
    held.close = Close(CloseCode.REVOKED)
    with pytest.raises(FrameDropped):
        readmit(permitted, held, 1.0)


def test_validate_lets_nothing_pass_unless_it_is_told_to() -> None:
    """What clients publish is asked without a word about warn-only, and is refused as ever."""
    incoming = Envelope().parse(frame("board.draw", board="b1", other=1), LIMITS)

    with pytest.raises(InvalidMessage):
        check(REGISTRY.resolve("board.draw"), incoming, ANN)
    assert {"board": "b1", "other": 1} == check(REGISTRY.resolve("board.draw"), incoming, ANN, is_eased=True).data
