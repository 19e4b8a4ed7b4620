"""A passphrase's seal on private keys: scrypt makes the key, AES-256-GCM seals.

    {"format": "wssec-seal-1", "salt": "…", "nonce": "…", "sealed": "…"}     base64url, without padding

Rules of this file:
1. The cost is part of the format's name and not written beside the seal, so that nobody can lower it or raise it
   until memory runs out.
2. Each seal has a salt of its own, hence a key of its own, and no nonce is ever used twice.
3. What does not open is one error, wrong passphrase and damage alike; nothing of the content is given out before.

Source: RFC 7914; OWASP Password Storage Cheat Sheet (scrypt N=2^17, r=8, p=1); NIST SP 800-38D.
"""

import json
import secrets
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from ..policy.base64url import decode, encode
from ..settings import Secret

FORMAT: Final = "wssec-seal-1"

SCRYPT_N: Final = 2**17
"""With r = 8 a try costs 128 MiB and about half a second. PKCS#8's PBKDF2, of 2,048 rounds, costs next to nothing."""

SCRYPT_R: Final = 8
SCRYPT_P: Final = 1

_SALT_BYTES: Final = 16
_NONCE_BYTES: Final = 12


def seal(plain: bytes, passphrase: Secret) -> bytes:
    """Return `plain`, sealed, as JSON text."""
    salt, nonce = secrets.token_bytes(_SALT_BYTES), secrets.token_bytes(_NONCE_BYTES)
    sealed = AESGCM(_key(passphrase, salt)).encrypt(nonce, plain, FORMAT.encode())
    document = {"format": FORMAT, "salt": encode(salt), "nonce": encode(nonce), "sealed": encode(sealed)}
    return json.dumps(document, indent=1).encode() + b"\n"


def is_sealed(document: Any) -> bool:
    """Whether this is a seal, of this format or a later one."""
    return isinstance(document, Mapping) and "sealed" in document


def unseal(document: Mapping[str, Any], passphrase: Secret) -> bytes:
    """Return what was sealed.

    Raises:
        ValueError: the passphrase is another, the seal is damaged, or its format is not ours.
    """
    if document.get("format") != FORMAT:
        raise ValueError(f"is sealed in a format other than {FORMAT}")
    parts = [document.get(name) for name in ("salt", "nonce", "sealed")]
    with suppress(InvalidTag, ValueError):
        salt, nonce, sealed = [decode(part) for part in parts if isinstance(part, str)]
        return AESGCM(_key(passphrase, salt)).decrypt(nonce, sealed, FORMAT.encode())
    raise ValueError("does not open: its passphrase is another, or it is damaged")


def _key(passphrase: Secret, salt: bytes) -> bytes:
    derive = Scrypt(salt=salt, length=32, n=SCRYPT_N, r=SCRYPT_R, p=SCRYPT_P)
    return derive.derive(passphrase.reveal().encode())
