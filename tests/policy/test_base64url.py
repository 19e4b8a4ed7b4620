"""Base64url that has one spelling only."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_wssec.policy.base64url import decode, encode


@given(st.binary(max_size=64))
def test_base64url_reads_what_it_writes(data: bytes) -> None:
    """Every value comes back, and is written as the standard library writes it, without padding."""

    assert data == decode(encode(data))
    assert base64.urlsafe_b64encode(data).decode().rstrip("=") == encode(data)


@given(st.text(alphabet="ABab01-_+/=. \n\u0430", max_size=12))
def test_base64url_has_one_spelling(text: str) -> None:
    """What is read is written again exactly as it was."""
    try:
        data = decode(text)
    except ValueError:
        return

    assert text == encode(data)


@pytest.mark.parametrize(
    "text", ["A", "AAAAA", "QQ==", "QR", "Q Q", "QQ\n", "\nQQ", "Q+/A", "QQ.", "QQ\x00", "ＱＱ", "é", "Zm9v!"]
)
def test_base64url_refuses(text: str) -> None:
    """Padding, strange characters, an impossible length and leftover bits are refused."""
    with pytest.raises(ValueError, match="is not") as caught:
        decode(text)

    assert text not in str(caught.value)
