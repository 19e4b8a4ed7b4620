"""Messages that carry bytes go through every stage that texts go through."""

import json
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import fields, validate

from tornado_wssec.closing import Close, CloseCode
from tornado_wssec.errors import (
    Disconnect,
    FrameDropped,
    FrameError,
    InvalidMessage,
    MalformedFrame,
    MessageTooBig,
    PermissionDenied,
    RateLimited,
    UnknownType,
)
from tornado_wssec.policy.binary import BinaryPipeline, joined, parted
from tornado_wssec.policy.binary_formats import NOTHING
from tornado_wssec.policy.codec import Envelope
from tornado_wssec.policy.messages import Message
from tornado_wssec.policy.pipeline import Permitted, readmit
from tornado_wssec.policy.registry import Registry
from tornado_wssec.policy.specs import compile_message
from tornado_wssec.settings import Limits

from .samples import message, said, text
from .test_pipeline import ANN, session

LIMITS = Limits(message_bytes=1_000, frame_bytes=1_000)
PNG = b"\x89PNG\r\n\x1a\n"


class Snapshot(Message):
    """A picture of a board."""

    class Meta:
        type = "board.snapshot"
        permission = "board:draw:{board}"
        rate = "2/second"
        max_bytes = 400
        binary = "png"
        bind = MappingProxyType({"author": "sub"})

    board = fields.String(required=True, validate=validate.Length(1, 16))
    author = fields.String(validate=validate.Length(1, 16))


SPEC = Registry(Snapshot).resolve("board.snapshot")
PIPELINE = BinaryPipeline({SPEC.type: SPEC}, Envelope(), LIMITS)


def frame(payload: bytes = PNG, type: str = "board.snapshot", **data: Any) -> bytes:
    """A binary message with the id a1."""
    return joined(json.dumps({"type": type, "id": "a1", "data": {"board": "b1", **data}}), payload)


def admit(message: bytes) -> Permitted:
    """Admit a message of a fresh session."""
    return PIPELINE.admit(message, session(limits=LIMITS), 0.0)


def test_binary_message_begins_with_the_length_of_its_head() -> None:
    """In four bytes, the largest first."""
    assert b"\0\0\0\2{}PNG" == joined("{}", b"PNG")
    assert (b"{}", b"PNG") == parted(b"\0\0\0\2{}PNG")


def test_binary_message_needs_its_bytes() -> None:
    """Its fields alone are no message."""
    with pytest.raises(InvalidMessage):
        SPEC.load({"board": "b1"})


def test_binary_message_is_permitted_with_its_payload() -> None:
    """The handler finds the bytes among the data, as they came."""
    permitted = admit(frame(PNG + b"\0\xff"))

    assert ("board.snapshot", "a1", ANN) == (permitted.spec.type, permitted.id, permitted.identity)
    assert {"board": "b1", "author": "ann", "payload": PNG + b"\0\xff"} == permitted.data


@pytest.mark.parametrize(
    ("hostile", "error"),
    [
        (b"", MalformedFrame),
        (b"\0\0\0", MalformedFrame),
        (b"\0\0\0\0", MalformedFrame),
        (b"\xff\xff\xff\xff{}", MalformedFrame),
        (b"\0\0\0\3{}", MalformedFrame),
        (joined("[]", PNG), MalformedFrame),
        (b"\0\0\0\2\xff\xfe", MalformedFrame),
        (b'{"type":"board.snapshot"}', MalformedFrame),
        (frame(type="board.other"), UnknownType),
        (frame(type="ping"), UnknownType),
        (frame(PNG + bytes(400)), MessageTooBig),
        (frame(PNG + bytes(1_000)), MessageTooBig),
        (frame(b"\xff\xd8\xff"), InvalidMessage),
        (frame(b""), InvalidMessage),
        (frame(other=1), InvalidMessage),
        (frame(board=""), InvalidMessage),
        (frame(board="b2"), PermissionDenied),
        (frame(author="bob"), PermissionDenied),
    ],
)
def test_binary_message_is_refused_by_each_stage(hostile: bytes, error: type[FrameError]) -> None:
    """Each fault has its own answer, and no value of the peer's is in the evidence."""
    with pytest.raises(error) as refused:
        admit(hostile)

    assert "b2" not in refused.value.evidence


@pytest.mark.parametrize("named", ["x", None, [], {}, 1])
def test_binary_payload_cannot_be_named_in_the_head(named: object) -> None:
    """It is what stands behind the head and nothing else; the type's rate is paid before that is found."""
    one = session(limits=LIMITS)
    head = {"type": "board.snapshot", "id": "a1", "data": {"board": "b1", "payload": named}}
    for error in (InvalidMessage, InvalidMessage, RateLimited):
        with pytest.raises(error) as refused:
            PIPELINE.admit(joined(json.dumps(head), PNG), one, 0.0)

        assert "a1" == refused.value.message_id


def test_binary_message_of_another_format_is_told_so() -> None:
    """In fixed words."""
    with pytest.raises(InvalidMessage) as refused:
        admit(frame(b"<svg onload=alert(1)>"))

    assert {"payload": ["Not in the declared format."]} == refused.value.fields


def test_binary_message_pays_for_all_its_bytes() -> None:
    """Before anything of it is looked at."""
    limits = Limits(message_bytes=1_000, frame_bytes=1_000, bytes_burst=1_000, bytes_per_second=1.0)
    one, large = session(limits=limits), b"\0\0\0\2{}" + bytes(900)
    with pytest.raises(MalformedFrame):
        PIPELINE.admit(large, one, 0.0)

    with pytest.raises(RateLimited):
        PIPELINE.admit(large, one, 0.0)


def test_binary_message_where_none_is_declared() -> None:
    """It ends the connection; one that is closing already hears nothing more."""
    nothing, one = BinaryPipeline({}, Envelope(), LIMITS), session(limits=LIMITS)
    with pytest.raises(Disconnect) as ended:
        nothing.admit(frame(), one, 0.0)
    one.close = Close(CloseCode.NORMAL)

    assert CloseCode.UNSUPPORTED_DATA == ended.value.close.code
    with pytest.raises(FrameDropped):
        nothing.admit(frame(), one, 0.0)
    with pytest.raises(Disconnect):
        PIPELINE.admit("text", session(limits=LIMITS), 0.0)


def test_binary_message_is_asked_for_again() -> None:
    """As any other when its sender's rights have changed meanwhile."""
    one = session(limits=LIMITS)
    permitted = PIPELINE.admit(frame(), one, 0.0)
    one.identity = type(ANN)(subject="ann", tenant="acme")

    with pytest.raises(PermissionDenied):
        readmit(permitted, one, 0.0)


@given(st.binary(max_size=80), st.binary(max_size=40))
def test_binary_parts_are_what_was_joined(head: bytes, payload: bytes) -> None:
    """And whatever else arrives is refused, or is two parts of what arrived."""
    assert (b"{}", payload) == parted(joined("{}", payload))
    try:
        first, second = parted(head)
    except MalformedFrame:
        assert len(head) < 4 or int.from_bytes(head[:4]) > len(head) - 4
    else:
        assert head == len(first).to_bytes(4) + first + second


# --- what does not start ---


def test_binary_declared_well() -> None:
    """A format, a cap, and that is all."""

    assert "" == said(message({"binary": "png", "max_bytes": 100}, x=text()))
    assert "" == said(message({"binary": b"MAGIC", "max_bytes": 100}))


@pytest.mark.requirement("R061")
@pytest.mark.parametrize(
    ("meta", "fault"),
    [
        ({"binary": "image/png", "max_bytes": 9}, "Meta.binary: is 'image/png'; write one of any,"),
        ({"binary": "", "max_bytes": 9}, "Meta.binary: is ''; write one of any,"),
        ({"binary": "png"}, "Meta.binary: comes without a cap; write max_bytes"),
        ({"binary": "png", "max_bytes": 9, "direction": "out"}, "which is text; drop it"),
        ({"binary": "png", "max_bytes": 9, "direction": "both"}, "which is text; drop it"),
        ({"binary": "png", "max_bytes": 9, "signed": True}, "cannot be signed: what is signed is text"),
        ({"binary": "png", "max_bytes": 9, "permission": "a:{payload}"}, "names {payload}, which is no field"),
    ],
)
def test_binary_that_does_not_start(meta: dict[str, Any], fault: str) -> None:
    """Each with its remedy."""

    assert fault in said(message(meta))


def test_binary_that_cannot_be_read_takes_nothing() -> None:
    """It grants nothing meanwhile, and is none of the texts either."""
    spec, _ = compile_message(message({"binary": "image/png"}))

    assert spec is not None
    assert NOTHING == spec.binary


@pytest.mark.parametrize(
    "members",
    [
        {"payload": text()},
        {"x": text(data_key="payload")},
        {"x": text(attribute="payload")},
    ],
)
def test_binary_field_of_the_payloads_name(members: dict[str, Any]) -> None:
    """A field cannot stand where the bytes do; of a text it may be called so."""

    assert "is called payload, as the bytes of a binary message are; name it otherwise" in said(
        message({"binary": "png", "max_bytes": 9}, **members)
    )
    assert "" == said(message(**members))


def test_binary_message_as_large_as_the_connection_takes() -> None:
    """Its cap counts where the type's is larger; one byte more is too big."""
    narrow = Limits(message_bytes=300, frame_bytes=300)
    pipeline, rest = BinaryPipeline({SPEC.type: SPEC}, Envelope(), narrow), len(frame())

    assert "board.snapshot" == pipeline.admit(frame(PNG + bytes(300 - rest)), session(limits=narrow), 0.0).spec.type
    with pytest.raises(MessageTooBig):
        pipeline.admit(frame(PNG + bytes(301 - rest)), session(limits=narrow), 0.0)
