"""What is kept of a secret that was made by chance: its SHA-256. Whoever reads the store learns nothing that opens.

Rules of this file:
1. It is for secrets of 128 bits and more from a random source alone: a password would need a slow function.
2. Two digests are compared in constant time.
"""

import hashlib
import hmac
import re
from typing import Final

_DIGEST: Final = re.compile("[0-9a-f]{64}").fullmatch


def digest_of(secret: str) -> str:
    """SHA-256, in hex. Any text has one, also a stranger's."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def is_digest(text: str) -> bool:
    """Whether it may be one."""
    return _DIGEST(text) is not None


def is_proven(kept: str, shown: str) -> bool:
    """Whether a digest is the one that was kept."""
    return hmac.compare_digest(kept, shown)
