"""Lines N01 to N14 against the functions that decide them, on each way through a schema."""

import json

import pytest

from tornado_wssec.errors import FrameError
from tornado_wssec.policy.codec import ERROR_BYTES, Envelope
from tornado_wssec.policy.identity import Identity
from tornado_wssec.policy.pipeline import Pipeline
from tornado_wssec.policy.registry import Registry
from tornado_wssec.policy.session import Account, Session

from .hostile_json import LARGEST, LIMITS, MESSAGES, SECRET, Frame, aimed, frames

pytestmark = pytest.mark.usefixtures("way")
ENVELOPE = Envelope()


def admit(text: str) -> dict[str, object]:
    """What a handler would get of a frame, on the way that the test takes."""
    session = Session("s1", Identity(subject="eve"), LIMITS, Account(LIMITS, 0.0), 0.0)
    return Pipeline(Registry(*MESSAGES).messages, ENVELOPE, LIMITS).admit(text, session, 0.0).data


def assert_refused(frame: Frame) -> None:
    """The frame gets its code, in a small answer that repeats nothing of it, and leaves nothing in the evidence."""
    with pytest.raises(FrameError) as caught:
        admit(frame.text)
    error = caught.value
    answer = ENVELOPE.error(error, "x" * 64)

    assert frame.code == error.code == json.loads(answer)["code"]
    assert len(answer.encode()) <= ERROR_BYTES
    assert SECRET not in answer + error.evidence
    assert error.evidence


def every(*lines: str) -> pytest.MarkDecorator:
    """The frames of some lines, one test each."""
    found = frames(*lines)
    assert found
    return pytest.mark.parametrize("frame", found, ids=[ascii(frame.what)[:32] for frame in found])


def test_n00_messages_start() -> None:
    """What the frames are aimed at is declared well: they are refused for what they are."""

    assert [] == Registry(*MESSAGES).problems()
    assert {"n": 1, "word": "x"} == admit(aimed('{"n":1,"word":"x"}'))


@every("N01")
def test_n01_deep_nesting(frame: Frame) -> None:
    """More than 32 levels are refused before the parser recurses."""
    assert_refused(frame)


@every("N02")
def test_n02_large_integers(frame: Frame) -> None:
    """Beyond ±(2^53-1) nothing is an integer, however many digits it has."""
    assert_refused(frame)


@pytest.mark.parametrize("number", [LARGEST, -LARGEST, 0])
def test_n02_largest_integers(number: int) -> None:
    """The last ones that a browser can hold are let pass as they are."""

    assert {"n": number} == admit(aimed(f'{{"n":{number}}}'))


@every("N03")
def test_n03_numbers_that_are_none(frame: Frame) -> None:
    """NaN, infinities, and what would become one."""
    assert_refused(frame)


@pytest.mark.parametrize(("text", "data"), [('{"n":-0}', {"n": 0}), ('{"ratio":1e-400}', {"ratio": 0.0})])
def test_n03_documented_numbers(text: str, data: dict[str, object]) -> None:
    """`-0` is 0, and a number too small for a float is 0.0."""

    assert data == admit(aimed(text))


@pytest.mark.standard("RFC 7493")
@pytest.mark.requirement("R058")
@every("N04")
def test_n04_duplicate_keys(frame: Frame) -> None:
    """No reader takes the first and another the last."""
    assert_refused(frame)


@every("N05")
def test_n05_lone_surrogates(frame: Frame) -> None:
    """Half a character can be written nowhere."""
    assert_refused(frame)


@every("N07")
def test_n07_prototype_names(frame: Frame) -> None:
    """Names that mean something to a language are unknown fields like any other."""
    assert_refused(frame)


@every("N08")
def test_n08_nul(frame: Frame) -> None:
    """NUL ends no string of ours."""
    assert_refused(frame)


def test_n08_nul_where_a_field_lets_it_pass() -> None:
    """A field may ask for it."""

    assert {"binary": "a\0b"} == admit(aimed('{"binary":"a\\u0000b"}'))


@pytest.mark.requirement("R057")
@every("N09")
def test_n09_many_elements(frame: Frame) -> None:
    """They are counted before a schema sees them, and the answer stays small."""
    assert_refused(frame)


@pytest.mark.standard("RFC 8259")
@pytest.mark.requirement("R055")
@every("N11")
def test_n11_no_json(frame: Frame) -> None:
    """Blanks, trailing data, other dialects and what is no object."""
    assert_refused(frame)


@every("N12")
def test_n12_wrong_types(frame: Frame) -> None:
    """An integer, a float and a boolean are three things."""
    assert_refused(frame)


@every("N13")
def test_n13_long_strings(frame: Frame) -> None:
    """What is too long is not repeated."""
    assert_refused(frame)


@every("N14")
def test_n14_wrong_envelopes(frame: Frame) -> None:
    """JSON that is no message of ours."""
    assert_refused(frame)
