"""Signing messages in Python; `static/signing.js` does the same in a browser."""

import itertools
import json
import time
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ..policy.key_material import KeyMaterial
from ..policy.signatures import TYP

SigningKey = Ed25519PrivateKey | EllipticCurvePrivateKey


class MessageSigner:
    """Signs what one connection sends; the next connection needs another, for it has another nonce.

    Args:
        private_key: Ed25519, or P-256 for ES256.
        nonce: as `wssec.ready` tells it.
        wall: the clock, in seconds; the server's may differ by `Timeouts.signature_window`.

    Raises:
        ValueError: for a key of another kind.
    """

    def __init__(self, private_key: SigningKey, nonce: str, *, wall: Callable[[], float] = time.time) -> None:
        self._material = _material(private_key)
        self._nonce = nonce
        self._wall = wall
        self._numbers = itertools.count(1)

    def sign(self, text: str) -> str:
        """Return the `jws` of a `wssec.signed` message.

        Args:
            text: of a whole message, envelope included. What was signed first must be sent first.
        """
        payload = {"nonce": self._nonce, "seq": next(self._numbers), "ts": int(self._wall()), "message": text}
        return self._material.sign(json.dumps(payload, separators=(",", ":")).encode(), {"typ": TYP})

    def __repr__(self) -> str:
        return f"<MessageSigner by {self._material!r}>"


def public_jwk(private_key: SigningKey) -> dict[str, Any]:
    """The public half, as the `jwk` of a token's `cnf` (RFC 7800 §3.2).

    Raises:
        ValueError: for a key of another kind.
    """
    return dict(_material(private_key).public_jwk())


def _material(private_key: SigningKey) -> KeyMaterial:
    match private_key:
        case Ed25519PrivateKey():
            return KeyMaterial("EdDSA", private_key)
        case EllipticCurvePrivateKey(curve=SECP256R1()):
            return KeyMaterial("ES256", private_key)
    raise ValueError(f"a {type(private_key).__name__} signs no messages; use Ed25519, or a key on P-256")
