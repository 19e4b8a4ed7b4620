"""What is kept of a secret."""

import hashlib

import pytest

from tornado_wssec.policy.digests import digest_of, is_digest, is_proven


def test_digest_is_a_sha_256_in_hex() -> None:
    """Of the text in UTF-8; what is no text of a peer's has one, too."""

    assert hashlib.sha256("ä".encode()).hexdigest() == digest_of("ä")
    assert is_digest(digest_of("\ud800"))


@pytest.mark.parametrize("text", ["", "a" * 63, "a" * 65, "A" * 64, "g" * 64, "a" * 64 + "\n"])
def test_digest_has_one_spelling(text: str) -> None:
    """64 small hexadecimal digits, and nothing behind them."""

    assert not is_digest(text)


def test_digest_proves_its_own_secret_alone() -> None:
    """Not another one's, nor the beginning of itself."""
    kept = digest_of("secret")

    assert [True, False, False] == [is_proven(kept, shown) for shown in (kept, digest_of("other"), kept[:-1])]
