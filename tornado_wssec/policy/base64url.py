"""Base64url without padding, read so strictly that a value has exactly one spelling.

Python's own decoder skips characters it does not know and takes any leftover bits, so that one
token or key would have several spellings.

Source: RFC 7515 §2, RFC 4648 §3.5, §5.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

_ALPHABET: Final = re.compile(r"[A-Za-z0-9_-]*").fullmatch


def encode(data: bytes) -> str:
    """Return `data` in base64url without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode(text: str) -> bytes:
    """Return the bytes of `text`.

    Raises:
        ValueError: for padding, a character outside the alphabet, an impossible length, or leftover
            bits that are not zero. The message holds nothing of the text.
    """
    if not _ALPHABET(text) or len(text) % 4 == 1:
        raise ValueError("is not base64url without padding")
    data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if encode(data) != text:
        raise ValueError("is not canonical base64url: its last character has bits that mean nothing")
    return data
