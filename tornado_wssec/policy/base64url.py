"""Base64url without padding, read so strictly that a value has exactly one spelling.

Python's own decoder skips characters it does not know and takes any leftover bits, so that one
token or key would have several spellings.

Source: RFC 7515 §2, RFC 4648 §3.5, §5.
"""

import re
from base64 import urlsafe_b64encode
from binascii import a2b_base64
from collections.abc import Mapping
from typing import Final

_ALPHABET: Final = re.compile(r"[A-Za-z0-9_-]*").fullmatch
# Four characters are three bytes. What ends two or three more has four or two bits that mean nothing: they are zero.
_LAST: Final[Mapping[int, str]] = {0: "", 1: "", 2: "AQgw", 3: "AEIMQUYcgkosw048"}


def encode(data: bytes) -> str:
    """Return `data` in base64url without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode(text: str) -> bytes:
    """Return the bytes of `text`.

    Raises:
        ValueError: for padding, a character outside the alphabet, an impossible length, or leftover
            bits that are not zero. The message holds nothing of the text.
    """
    rest = len(text) % 4
    if not _ALPHABET(text) or (rest and text[-1] not in _LAST[rest]):
        raise ValueError("is not base64url without padding, or its last character has bits that mean nothing")
    return a2b_base64(text.replace("-", "+").replace("_", "/") + "=" * (-rest % 4))
