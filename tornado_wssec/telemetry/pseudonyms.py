"""Names of people that only the holder of a key can tell from the names that they go by.

Rules of this file:
1. One person has one pseudonym, so that what somebody did can be followed without knowing who it was.
2. Without the key nobody can find out by guessing: it is an HMAC, not a hash.
"""

import hmac
import re
from collections.abc import Mapping
from typing import Final

from ..settings import Secret

MARK: Final = "p:"
HEX_CHARS: Final = 32
"""128 bits: two people of a billion billion share one."""

NAMED: Final = (("subject", "issuer"), ("operator", "operator_issuer"))
"""The facts that name a person, and whose name for him it is."""


class Pseudonyms:
    """Makes them.

    Args:
        key: who has it can tell whether a pseudonym is somebody's.
        issuer: whose names they are where nothing else is said.
    """

    def __init__(self, key: Secret, issuer: str | None) -> None:
        self._key = key.reveal().encode("utf-8", "surrogatepass")
        self._issuer = issuer or ""

    def of(self, subject: str, issuer: str | None = None) -> str:
        """The pseudonym of a subject."""
        known = issuer or self._issuer
        named = f"{len(known)}:{known}{subject}".encode("utf-8", "surrogatepass")
        return MARK + hmac.digest(self._key, named, "sha256").hex()[:HEX_CHARS]

    def applied(self, facts: Mapping[str, object]) -> dict[str, object]:
        """Facts of the audit, the people in them under their pseudonyms."""
        told = dict(facts)
        for name, of in NAMED:
            if (subject := facts.get(name)) is not None:
                issuer = facts.get(of)
                told[name] = self.of(str(subject), None if issuer is None else str(issuer))
        return told

    def in_text(self, text: str, subject: str, issuer: str | None) -> str:
        """A sentence that names somebody, with the pseudonym instead."""
        return re.sub(rf"(?<!\w){re.escape(subject)}(?!\w)", self.of(subject, issuer), text)
