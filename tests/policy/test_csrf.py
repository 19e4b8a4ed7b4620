"""The value beside a cookie: bound to it, and right or refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_wssec.errors import CsrfRefused
from tornado_wssec.policy.csrf import csrf_value, ensure_meant

COOKIE = "id.secret"


def test_csrf_value_is_an_hmac_of_the_cookie() -> None:
    """It is HMAC-SHA256 under the cookie of a fixed purpose: what a page was given holds in every process."""
    assert "7q0Y9uz-zzs660KdyOQcvo3BMiy2AJQ8_DfMzXT3oh4" == csrf_value(COOKIE)


@given(st.text(), st.text())
def test_csrf_value_is_of_one_cookie(one: str, other: str) -> None:
    """Two cookies never share one, and it fits into a subprotocol."""
    values = {csrf_value(one), csrf_value(other)}

    assert len({one, other}) == len(values)
    assert {43} == {len(value) for value in values}
    assert all(char.isascii() and (char.isalnum() or char in "-_") for value in values for char in value)


@pytest.mark.parametrize("is_required", [True, False])
def test_csrf_value_that_is_right(is_required: bool) -> None:
    """It is let through, whether it was asked for or not."""
    ensure_meant(COOKIE, [csrf_value(COOKIE)], is_required=is_required)


def test_csrf_value_that_is_missing() -> None:
    """It is refused where it is asked for, with where a page gets it."""
    ensure_meant(COOKIE, [], is_required=False)
    with pytest.raises(CsrfRefused) as refused:
        ensure_meant(COOKIE, [], is_required=True)

    assert ("a cookie without its CSRF value", True) == (refused.value.evidence, "/wssec/csrf" in refused.value.remedy)


RIGHT = csrf_value(COOKIE)
WRONG = [
    [""],
    [RIGHT[:-1]],
    [RIGHT + "="],
    [RIGHT.lower()],
    [csrf_value("id.other")],
    ["é" * 43],
    ["\udcff"],
    [RIGHT, RIGHT],
    [RIGHT, "x"],
    ["x", RIGHT],
]


@pytest.mark.parametrize("shown", WRONG, ids=ascii)
@pytest.mark.parametrize("is_required", [True, False])
def test_csrf_value_that_is_wrong(shown: list[str], is_required: bool) -> None:
    """Anything else is refused, also where none is asked for, and is not repeated."""
    with pytest.raises(CsrfRefused) as refused:
        ensure_meant(COOKIE, shown, is_required=is_required)

    assert RIGHT not in refused.value.evidence
