"""Close codes as the contract lists them, and closes that cannot be malformed."""

import copy
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tornado_wssec.closing import REASON_BYTES, Advice, Close, CloseCode, going_away, retry_within

CONTRACT = {
    1000: ("NORMAL", Advice.STOP),
    1001: ("GOING_AWAY", Advice.RECONNECT_SPREAD),
    1002: ("PROTOCOL_ERROR", Advice.STOP),
    1003: ("UNSUPPORTED_DATA", Advice.STOP),
    1007: ("INVALID_PAYLOAD", Advice.STOP),
    1009: ("MESSAGE_TOO_BIG", Advice.STOP),
    1011: ("INTERNAL_ERROR", Advice.BACK_OFF),
    1013: ("TRY_AGAIN_LATER", Advice.BACK_OFF),
    4001: ("TOKEN_EXPIRED", Advice.NEW_TOKEN),
    4400: ("BAD_MESSAGES", Advice.STOP),
    4401: ("UNAUTHENTICATED", Advice.NEW_CREDENTIAL),
    4403: ("REVOKED", Advice.LOG_IN_AGAIN),
    4408: ("TIMED_OUT", Advice.RECONNECT),
    4409: ("REPLACED", Advice.STOP),
    4413: ("SLOW_CONSUMER", Advice.BACK_OFF),
    4429: ("RATE_LIMITED", Advice.BACK_OFF),
}
FORBIDDEN = [-1, 0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1999, 2000, 2999, 5000, 65535, 65536, 10**30]


def test_close_codes_are_those_of_the_contract() -> None:
    """Clients decide by these numbers: a change here breaks every one of them."""

    assert CONTRACT == {int(code): (code.name, code.advice) for code in CloseCode}


@pytest.mark.parametrize("code", list(CloseCode))
def test_close_code_has_a_text_that_fits(code: CloseCode) -> None:
    """Each says in plain ASCII what happened, within a control frame."""

    assert code.text
    assert code.text.isascii()
    assert len(code.text) <= REASON_BYTES


@pytest.mark.parametrize("code", list(CloseCode))
def test_close_takes_its_text_from_the_code(code: CloseCode) -> None:
    """Without a reason of its own a close says the code's, also where only the number was given."""

    assert Close(code) == Close(int(code)) == Close(code, code.text)
    assert code.advice == Close(int(code)).advice
    assert isinstance(Close(int(code)).code, CloseCode)


@pytest.mark.parametrize("code", [3000, 3999, 4000, 4002, 4999])
def test_close_takes_codes_of_the_application(code: int) -> None:
    """3000–4999 may be anybody's; what we do not know means stop, and says nothing."""
    close = Close(code)

    assert (code, "", Advice.STOP) == (close.code, close.reason, close.advice)


@pytest.mark.parametrize("code", [*FORBIDDEN, True, 3000.5, "1000", None])
def test_close_refuses_codes_that_may_not_be_sent(code: Any) -> None:
    """RFC 6455 §7.4: reserved, undefined, or no code at all; the error says which may be used."""
    with pytest.raises(ValueError, match="use 1000 or 3000–4999"):
        Close(code)


@pytest.mark.parametrize(
    ("reason", "sent"),
    [
        ("bye", "bye"),
        ("a" * 123, "a" * 123),
        ("a" * 124, "a" * 123),
        ("a" * 122 + "é", "a" * 122),
        ("a" * 121 + "é", "a" * 121 + "é"),
        ("a" * 120 + "😀", "a" * 120),
        ("€" * 100, "€" * 41),
        ("lone \ud800", "lone ?"),
    ],
    ids=ascii,
)
def test_close_cuts_its_reason(reason: str, sent: str) -> None:
    """At most 123 bytes of UTF-8, never in the middle of a character, and never what UTF-8 cannot say."""

    assert sent == Close(4400, reason).reason


@given(st.text(st.characters(), max_size=200))
@example("\udfff" * 130)
def test_close_fits_a_control_frame(reason: str) -> None:
    """Whatever the reason: two bytes of code and valid UTF-8, 125 in all."""
    close = Close(CloseCode.NORMAL, reason)

    assert len(close.reason.encode()) <= REASON_BYTES
    assert close.reason.encode().decode() == close.reason
    assert close == Close(close.code, close.reason)


@given(st.integers())
def test_close_codes_are_sendable_or_refused(code: int) -> None:
    """An integer is a close, exactly as RFC 6455 §7.4 has it, or a ValueError."""
    try:
        taken = Close(code).code
    except ValueError:
        taken = None

    assert (code if code in CONTRACT or 3000 <= code <= 4999 else None) == taken


def test_close_code_survives_a_copy() -> None:
    """A copied member is the member."""

    assert CloseCode.REVOKED is copy.deepcopy(CloseCode.REVOKED)
    assert CloseCode.REVOKED is CloseCode["REVOKED"]


@pytest.mark.parametrize(("seconds", "told"), [(1.0, 1.0), (0.2, 1.0), (19.01, 20.0), (30, 30.0)])
def test_close_of_a_drain_names_its_seconds(seconds: float, told: float) -> None:
    """In whole ones, rounded up; the client reads what the server wrote."""
    close = going_away(seconds)

    assert (1001, told) == (close.code, retry_within(close.code, close.reason))


@pytest.mark.parametrize(
    "close",
    [
        Close(CloseCode.GOING_AWAY),
        Close(CloseCode.GOING_AWAY, "; retry within 5 s, or so"),
        Close(CloseCode.GOING_AWAY, "; retry within 5000 s"),
        Close(CloseCode.GOING_AWAY, "; retry within -5 s"),
        Close(CloseCode.GOING_AWAY, "; retry within \u0665 s"),
        Close(CloseCode.TIMED_OUT, "; retry within 5 s"),
    ],
    ids=lambda close: ascii(close.reason),
)
def test_close_of_anything_else_names_none(close: Close) -> None:
    """A reason is text for a person; only a drain's end of it is read."""

    assert None is retry_within(close.code, close.reason)
