"""Tokens whose signature has been found good, so that a reconnect storm does not verify each of them again.

Rules of this file:
1. What is remembered is that one key signed one text. Expiry, revocation, the rules and the state of the key are
   asked again each time, so that a cached token is never accepted longer than another.
2. A token is known by the SHA-256 of its exact text, which is not kept; two spellings are two tokens.
3. A refusal is never remembered: strangers cannot fill this.
4. An answer holds for the very key object that is in force: a ring that was read anew has other ones.
"""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from .keys import Key, KeyRing


@dataclass(frozen=True, slots=True)
class VerifiedToken:
    """A payload, and the key that signed it.

    Args:
        kid: what its header calls the key; None: nothing.
        key: of the ring that was in force.
        payload: its text, which has been read strictly; what is made of it may be changed by its reader.
    """

    kid: str | None
    key: Key
    payload: str = field(repr=False)

    def claims(self) -> dict[str, Any]:
        """The claims, made anew: nobody can change those of the next one."""
        claims: dict[str, Any] = json.loads(self.payload)
        return claims


class VerifiedTokens:
    """The last `most` tokens that were accepted; each takes about the size of its payload and 0.4 KiB."""

    __slots__ = ("_by_digest", "_most")

    def __init__(self, most: int) -> None:
        self._most = most
        self._by_digest: dict[bytes, VerifiedToken] = {}

    def __len__(self) -> int:
        return len(self._by_digest)

    def find(self, token: Any, ring: KeyRing, now: float) -> VerifiedToken | None:
        """What is known of this text, if the key still verifies; else it is forgotten."""
        if not self._by_digest or not isinstance(token, str):
            return None
        digest = _digest(token)
        known = self._by_digest.pop(digest, None)
        if known is None or ring.verifying(known.kid, now) is not known.key:
            return None
        self._by_digest[digest] = known  # at the end: who was asked for last is forgotten last
        return known

    def recall(self, token: Any) -> VerifiedToken | None:
        """What was found of this text, whether or not it still counts: enough to choose who is asked."""
        return self._by_digest.get(_digest(token)) if self._by_digest and isinstance(token, str) else None

    def add(self, token: str, verified: VerifiedToken) -> None:
        """Remember a token that has just been accepted, in the place of the one that was not asked for longest."""
        if len(self._by_digest) >= self._most:
            del self._by_digest[next(iter(self._by_digest))]
        self._by_digest[_digest(token)] = verified


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
