"""JSON as strictly as it can be read, and written."""

import json
import math
import sys
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tornado_wssec.errors import FrameError, MalformedFrame, MessageTooBig
from tornado_wssec.policy.codec import decode_json, encode_json
from tornado_wssec.settings import Limits

LIMITS = Limits()
SMALL = Limits(json_depth=3, json_nodes=8, json_keys=2, json_integer=99, message_bytes=64)
LARGEST = 2**53 - 1

texts = st.text(st.characters(exclude_categories=["Cs"]))
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-LARGEST, LARGEST)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(texts, inner, max_size=5))


def refusal(text: str | bytes, limits: Limits = LIMITS) -> str:
    """The evidence with which a text is refused."""
    with pytest.raises(FrameError) as caught:
        decode_json(text, limits)
    return caught.value.evidence


@given(values)
def test_json_survives_a_round_trip(value: Any) -> None:
    """What is written is read again as it was, from text and from UTF-8."""
    text = encode_json(value)

    assert value == decode_json(text, LIMITS)
    assert value == decode_json(text.encode(), LIMITS)


@given(st.text() | st.binary())
@example("[" * 70_000)
@example('{"a":' * 9_000)
@example(b"\xff\xfe[\x00]\x00")
@example("\ud800")
@example('["\\ud800"]')
@example("9" * 5_000)
@example('"\\"' * 20_000)
def test_json_fails_in_no_other_way(frame: str | bytes) -> None:
    """Arbitrary text and bytes are read, or are MalformedFrame or MessageTooBig."""
    try:
        decode_json(frame, LIMITS)
    except (MalformedFrame, MessageTooBig) as error:
        refused = error
    else:
        return

    assert refused.evidence


@given(values)
def test_json_agrees_with_the_standard_library(value: Any) -> None:
    """Whatever is accepted means the same to `json.loads`."""
    text = json.dumps(value)

    assert json.loads(text) == decode_json(text, LIMITS)


@given(st.recursive(st.just(0), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3)))
def test_json_counts_depth_as_a_person_would(value: Any) -> None:
    """The scan of the text agrees with walking the value: neither misses a level nor invents one."""
    text = json.dumps(value, ensure_ascii=False)
    limits = Limits(json_depth=2)

    assert (depth_of(value) <= 2) is ("nested" not in evidence_of(text, limits))


def depth_of(value: Any) -> int:
    """How many lists and objects stand inside one another."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth_of, inner), default=0)


def evidence_of(text: str, limits: Limits) -> str:
    """The evidence of a refusal; empty where there is none."""
    try:
        decode_json(text, limits)
    except MalformedFrame as error:
        return error.evidence
    return ""


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("-0", 0),
        ("1e2", 100.0),
        ("1.0", 1.0),
        ("1e-400", 0.0),
        (str(LARGEST), LARGEST),
        (str(-LARGEST), -LARGEST),
        (r'"\ud83d\ude00"', "😀"),
        (r'"\\ud800"', r"\ud800"),
        (r'"\uD83D\uDE00"', "😀"),
        (r'"\u0000"', "\x00"),
        (" \r\n\t1 ", 1),
        ("null", None),
        ('"' + "[" * 60 + '"', "[" * 60),
        ('["' + "\\\\" * 40 + '", "[[[["]', ["\\" * 40, "[[[["]),
    ],
)
def test_json_accepts(text: str, value: object) -> None:
    """What is documented as accepted, with the value that it has."""
    found = decode_json(text, LIMITS)

    assert (value, type(value)) == (found, type(found))


def test_json_keeps_the_sign_of_a_float_zero() -> None:
    """`-0.0` is a float and stays negative; `-0` is the integer 0."""

    assert -1.0 == math.copysign(1.0, decode_json("-0.0", LIMITS))


@pytest.mark.parametrize(
    ("text", "evidence"),
    [
        ("NaN", "NaN is no JSON"),
        ("[Infinity]", "Infinity is no JSON"),
        ("-Infinity", "-Infinity is no JSON"),
        ("1e400", "a number is too large for a float"),
        ("-1e400", "a number is too large for a float"),
        (str(LARGEST + 1), f"an integer is beyond ±{LARGEST}"),
        (str(-LARGEST - 1), f"an integer is beyond ±{LARGEST}"),
        ("9" * 4_301, f"an integer is beyond ±{LARGEST}"),
        ('{"a":1,"a":1}', "an object names a key twice"),
        ('{"type":1,"typ\\u0065":1}', "an object names a key twice"),
        (r'["\ud800"]', "a string holds a lone surrogate"),
        (r'{"\uDC00":1}', "a string holds a lone surrogate"),
        ("\ud800", "the frame is not UTF-8"),
        (b'"\xed\xa0\x80"', "the frame is not UTF-8"),
        (b"\xff\xfe1\x00", "the frame is not UTF-8"),
        ("1".encode("utf-16-be"), "Expecting value at character 0"),
        ("\ufeff1", "Expecting value at character 0"),
        ("", "Expecting value at character 0"),
        ("1 2", "Extra data at character 2"),
        ('"\x01"', "Invalid control character at at character 1"),
    ],
)
def test_json_refuses(text: str | bytes, evidence: str) -> None:
    """Each departure is refused; the evidence names the fault."""

    assert evidence == refusal(text)


@pytest.mark.parametrize(
    "text", ["[1,]", "{'a':1}", "// x\n1", "01", "+1", ".5", "1.", "0x1", "１", '"', "tRue", "{1:2}"]
)
def test_json_refuses_other_dialects(text: str) -> None:
    """No comments, no trailing commas, no single quotes, no other spellings of a number."""

    assert refusal(text).startswith(("Expecting", "Extra data", "Unterminated", "Illegal trailing comma"))


@pytest.mark.parametrize(
    ("fits", "exceeds", "evidence"),
    [
        ("[[[0]]]", "[[[[0]]]]", "nested deeper than 3, or unbalanced"),
        ('{"a":[{}]}', '{"a":[{"b":[]}]}', "nested deeper than 3, or unbalanced"),
        ("[1,2,3,4,5,6,7]", "[1,2,3,4,5,6,7,8]", "more than 8 nodes"),
        ("[[],[],[]]", "[[],[],[],[]]", "more than 8 nodes"),
        ('["a,b,[",1,2,3,4,5,6]', '["a,b,[",1,2,3,4,5,6,7]', "more than 8 nodes"),
        ('{"a":1,"b":2}', '{"a":1,"b":2,"c":3}', "an object has more than 2 keys"),
        ("99", "100", "an integer is beyond ±99"),
        ('"' + "[" * 60 + '"', "[" * 60 + '"', "more than 8 nodes"),
        ('"' + "a" * 62 + '"', '"' + "a" * 63 + '"', "more than 64 bytes"),
        ('"' + "é" * 31 + '"', '"' + "é" * 32 + '"', "66 bytes; at most 64"),
    ],
)
def test_json_budgets(fits: str, exceeds: str, evidence: str) -> None:
    """Each budget admits what it says, and not one more."""

    assert decode_json(fits, SMALL) == json.loads(fits)
    assert evidence == refusal(exceeds, SMALL)


def test_json_is_refused_for_its_size_unread() -> None:
    """A frame over the cap is MessageTooBig, whatever is in it."""
    for frame in ("[" * 65, b"\xff" * 65):
        with pytest.raises(MessageTooBig):
            decode_json(frame, SMALL)


def test_json_survives_a_stack_that_is_nearly_used_up() -> None:
    """Where a deep budget meets the end of the stack, the frame is malformed, and nothing falls over."""
    limits = Limits(json_depth=100_000, json_nodes=1_000_000, message_bytes=2**20)
    text = "[" * (sys.getrecursionlimit() * 50)

    assert "nested deeper than the stack allows" == refusal(text + "]" * len(text), limits)


def test_json_refusals_keep_no_frame() -> None:
    """Nothing that a traceback holds on to contains the peer's text."""
    for frame in ("[secret", b"\xffsecret", r'["\ud800 secret"]', "[NaN, 1]"):
        with pytest.raises(MalformedFrame) as caught:
            decode_json(frame, LIMITS)

        assert (None, None) == (caught.value.__context__, caught.value.__cause__)
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize("value", [math.nan, math.inf, {"a": [-math.inf]}, "\ud800", {"\udfff": 1}])
def test_json_writes_nothing_that_it_would_not_read(value: object) -> None:
    """NaN, infinities and lone surrogates are ValueError."""
    with pytest.raises(ValueError, match=r"."):
        encode_json(value)


@pytest.mark.parametrize("value", [object(), {1, 2}, b"x", {(1,): 2}])
def test_json_writes_no_objects(value: object) -> None:
    """What JSON has no form for is TypeError; nothing falls back to `repr`."""
    with pytest.raises(TypeError):
        encode_json(value)


def test_json_is_written_compactly() -> None:
    """No spaces, and text as it is rather than escaped."""

    assert '{"a":[1,"é"]}' == encode_json({"a": [1, "é"]})
