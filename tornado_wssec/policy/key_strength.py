"""What key material is too weak to be used, whoever hands it in.

Rules of this file:
1. A fault is a sentence for the operator and holds nothing of the key.
2. Public halves are judged too: a weak one lets a stranger sign.
3. A shared secret that looks like somebody's public key is refused: that is how RS256 was turned into HS256.
"""

import math
import re
from base64 import b64decode
from binascii import Error as NotBase64
from functools import partial
from itertools import pairwise
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_der_public_key

RSA_BITS: Final = 3072
"""Least size of an RSA key of ours: 128 bits of strength. Source: NIST SP 800-57 part 1, table 2."""

RSA_BITS_MOST: Final = 8192
"""A larger one costs the verifier more than it gives."""

SECRET_BYTES: Final = 32
"""Least size of an HS256 secret. Source: RFC 7518 §3.2."""

_DISTINCT_BYTES: Final = 8
"""A random secret of 32 bytes has about 30 different ones, one in hexadecimal 14, `changeme` repeated seven."""

_EXPONENTS: Final = range(65_537, 2**256, 2)
"""Odd and in this range. Source: FIPS 186-5 §A.1.1."""

_FIELD: Final = 2**255 - 19
_ORDER_8: Final = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
_SMALL_ORDER: Final = frozenset({0, 1, _FIELD - 1, _ORDER_8, _FIELD - _ORDER_8})
"""The y coordinates of the points of order 1, 2, 4 and 8. Under such a key anybody can sign anything."""

_KEY_TEXT: Final = re.compile(
    rb"-{4}[- ]*(?:begin|end) |\A\s*(?:ssh-|ecdsa-sha2-|sk-)|\A\s*[\[{].*\"kty\"", re.I | re.S
)
_SPACE: Final = b" \t\r\n\f\v"


def rsa_fault(key: RSAPublicKey, least_bits: int = RSA_BITS) -> str | None:
    """What makes this RSA key unfit, or None."""
    if not least_bits <= key.key_size <= RSA_BITS_MOST:
        return f"is RSA with {key.key_size} bits, outside {least_bits}–{RSA_BITS_MOST}"
    numbers = key.public_numbers()
    if numbers.e not in _EXPONENTS:
        return "is RSA with a public exponent outside 65,537–2²⁵⁶"
    if math.gcd(numbers.n, math.factorial(1_000)) != 1:
        return "is RSA with a modulus that has a small factor"
    return None


def ed25519_fault(key: Ed25519PublicKey) -> str | None:
    """What makes this Ed25519 key unfit, or None.

    Source: RFC 8032 §5.1.3; OpenSSL accepts the points of small order, as was tried.
    """
    y = int.from_bytes(key.public_bytes_raw(), "little") & (2**255 - 1)
    if y >= _FIELD:
        return "is an Ed25519 point that is not canonically encoded"
    return "is an Ed25519 point of small order, under which anybody can sign" if y in _SMALL_ORDER else None


def secret_fault(secret: bytes) -> str | None:
    """What makes these bytes unfit for HS256, or None. No test can tell a good secret from a well-known one."""
    if len(secret) < SECRET_BYTES:
        return f"is an HS256 secret of {len(secret)} bytes, below {SECRET_BYTES}"
    if secret.strip(_SPACE) != secret and secret.decode("latin-1").isascii():
        return "is an HS256 secret with white space around it, as from a file that ends in a newline"
    if len(set(secret)) < _DISTINCT_BYTES or _repeats(secret) or _counts(secret):
        return "is an HS256 secret that can be guessed: zeros, a repetition or a sequence"
    if _is_key_text(secret):
        return "is an HS256 secret that looks like a public key, a certificate or a JWK"
    return None


def _repeats(secret: bytes) -> bool:
    """Whether a shorter unit, at least twice, is all there is."""
    return (secret + secret).find(secret, 1) < len(secret)


def _counts(secret: bytes) -> bool:
    """Whether every byte is the one before plus the same step."""
    return len({(after - before) % 256 for before, after in pairwise(secret)}) == 1


def _is_key_text(secret: bytes) -> bool:
    """Whether this is a PEM in any case, its body alone, DER, an SSH key or a JWK."""
    if _KEY_TEXT.search(secret):
        return True
    body = bytes(byte for byte in secret if byte not in _SPACE).translate(bytes.maketrans(b"-_", b"+/"))
    try:
        decoded = b64decode(body + b"=" * (-len(body) % 4), validate=True)
    except NotBase64:
        decoded = b""
    return any(_is_der(found) or _KEY_TEXT.search(found) for found in (secret, decoded))


def _is_der(data: bytes) -> bool:
    """Whether a public key, a certificate or a private key can be read from `data`."""
    if not data.startswith(b"\x30"):  # every one of them is an ASN.1 SEQUENCE
        return False
    for load in (load_der_public_key, x509.load_der_x509_certificate, partial(load_der_private_key, password=None)):
        try:
            load(data)
        except ValueError:
            continue
        except (UnsupportedAlgorithm, TypeError):  # of a kind unknown here; encrypted
            return True
        return True
    return False
