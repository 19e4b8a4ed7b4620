"""A key as PyJWT takes it, bound to the one algorithm that it is for.

Rules of this file:
1. The key chooses the algorithm; what a token says about itself is only compared with it.
2. Private halves and shared secrets are never printed, pickled or copied; `private_jwk` alone gives them out.
3. Material is parsed once and kept; nobody builds it but `generate` and the readers of jwk.py, which judge it.
"""

import hashlib
import json
import secrets
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final, NoReturn, final

from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa_key
from jwt import InvalidKeyError, PyJWS, PyJWTError, get_algorithm_by_name

from .base64url import decode, encode
from .key_strength import RSA_BITS, SECRET_BYTES

PrivateKey = Ed25519PrivateKey | EllipticCurvePrivateKey | RSAPrivateKey
PublicKey = Ed25519PublicKey | EllipticCurvePublicKey | RSAPublicKey

ALGORITHMS: Final = ("EdDSA", "ES256", "PS256", "RS256", "HS256")
"""What keys may be for; the first is the default."""

DEFAULT_ALGORITHM: Final = ALGORITHMS[0]

_IDENTIFYING: Final[Mapping[str, tuple[str, ...]]] = {
    "OKP": ("crv", "kty", "x"),
    "EC": ("crv", "kty", "x", "y"),
    "RSA": ("e", "kty", "n"),
    "oct": ("k", "kty"),
}

PRIVATE_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
"""What a published JWK must not have. Source: RFC 7518 §6, RFC 8037 §2."""


@final
class KeyMaterial:
    """One key and its algorithm.

    Args:
        alg: one of `ALGORITHMS`.
        key: a private half, a public half, or the bytes of a shared secret.
    """

    __slots__ = ("_algorithm", "_jws", "_prepared", "_private", "_public", "alg", "thumbprint")

    def __init__(self, alg: str, key: PrivateKey | PublicKey | bytes) -> None:
        self.alg = alg
        self._private: PrivateKey | bytes | None = key if isinstance(key, PrivateKey | bytes) else None
        self._public: PublicKey | bytes = key.public_key() if isinstance(key, PrivateKey) else key
        self._algorithm = get_algorithm_by_name(alg)
        self._prepared: Any = None
        self._jws = PyJWS(algorithms=[alg], options={"verify_signature": True, "enforce_minimum_key_length": True})
        self.thumbprint = self._thumbprint()

    def _thumbprint(self) -> str:
        """SHA-256 over the members that make the key what it is. Source: RFC 7638 §3, RFC 8037 §2."""
        jwk = _jwk(self.alg, self._public)
        identifying = {name: jwk[name] for name in _IDENTIFYING[jwk["kty"]]}
        canonical = json.dumps(identifying, separators=(",", ":"), sort_keys=True)
        return encode(hashlib.sha256(canonical.encode("ascii")).digest())

    @property
    def can_sign(self) -> bool:
        """Whether the private half, or the shared secret, is here."""
        return self._private is not None

    @property
    def is_shared(self) -> bool:
        """Whether who verifies can sign too, so that nothing of it may be published."""
        return isinstance(self._public, bytes)

    def sign(self, payload: bytes, header: dict[str, Any]) -> str:
        """Return a compact JWS over `payload`; `alg` is added to the header.

        Raises:
            ValueError: this is a public half.
        """
        if self._private is None:
            raise ValueError(
                f"key {self.thumbprint} is a public half, which signs nothing; sign where the key was made"
            )
        return self._jws.encode(payload, self._private, algorithm=self.alg, headers=header)

    def verify(self, token: str) -> bytes | None:
        """Return the payload of a compact JWS, or None where this key did not sign it.

        What its header says is for the caller to judge. PyJWT's own exceptions end here: their frames hold a shared
        secret.
        """
        signed, _, signature = token.rpartition(".")
        with suppress(PyJWTError, ValueError):
            if self._algorithm.verify(signed.encode("ascii"), self._verifying_key(), decode(signature)):
                return decode(signed.partition(".")[2])
        return None

    def _verifying_key(self) -> Any:
        """The key as the algorithm takes it. To prepare a shared secret costs thirty times what verifying does."""
        if self._prepared is None:
            prepared = self._algorithm.prepare_key(self._public)
            if fault := self._algorithm.check_key_length(prepared):
                raise InvalidKeyError(fault)
            self._prepared = prepared
        return self._prepared

    def public_jwk(self) -> dict[str, str]:
        """The members of the public half; of a shared secret only `kty`."""
        return {name: value for name, value in _jwk(self.alg, self._public).items() if name not in PRIVATE_MEMBERS}

    def private_jwk(self) -> dict[str, str]:
        """All members that are here: for the key file, and for nothing else."""
        return _jwk(self.alg, self._public if self._private is None else self._private)

    def public_half(self) -> "KeyMaterial":
        """The same key without its private half. A shared secret has no half to give."""
        return self if self.is_shared or self._private is None else KeyMaterial(self.alg, self._public)

    def __repr__(self) -> str:
        return f"<{self.alg} key {self.thumbprint}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("keys are not pickled or copied: that would spread them; hand on the key file's path")


def generate(alg: str = DEFAULT_ALGORITHM) -> KeyMaterial:
    """Return new random material. RSA takes about 0.2 s.

    Raises:
        ValueError: for an algorithm that is not one of `ALGORITHMS`.
    """
    match alg:
        case "EdDSA":
            return KeyMaterial(alg, Ed25519PrivateKey.generate())
        case "ES256":
            return KeyMaterial(alg, generate_private_key(SECP256R1()))
        case "PS256" | "RS256":
            return KeyMaterial(alg, generate_rsa_key(public_exponent=65_537, key_size=RSA_BITS))
        case "HS256":
            return KeyMaterial(alg, secrets.token_bytes(SECRET_BYTES))
    raise ValueError(f"{alg!r} is no algorithm for a key; choose one of {', '.join(ALGORITHMS)}")


def _jwk(alg: str, key: PrivateKey | PublicKey | bytes) -> dict[str, str]:
    """The members of a JWK, each a string, as PyJWT spells them."""
    members: dict[str, Any] = get_algorithm_by_name(alg).to_jwk(key, as_dict=True)
    return {name: value for name, value in sorted(members.items()) if isinstance(value, str)}
