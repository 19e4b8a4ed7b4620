"""What is too weak to be a key, private or public."""

import base64
import datetime
import secrets
from collections.abc import Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers
from cryptography.hazmat.primitives.asymmetric.x448 import X448PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from tornado_wssec.policy.key_material import PublicKey
from tornado_wssec.policy.key_strength import ed25519_fault, rsa_fault, secret_fault
from tornado_wssec.settings import RSA_BITS_OF_ISSUERS

from .rings import material, rsa_of

EC = generate_ec_key(SECP256R1())
PRIME_FIELD = 2**255 - 19


def rsa_public(n: int, e: int) -> RSAPublicKey:
    """A public half of these numbers."""
    return RSAPublicNumbers(e, n).public_key()


def rsa_modulus() -> int:
    """The product of two real primes."""
    public = material("RS256")._public
    assert isinstance(public, RSAPublicKey)
    return public.public_numbers().n


def pem(key: PublicKey) -> bytes:
    """The key as text."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def der(key: PublicKey) -> bytes:
    """The key as bytes."""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def certificate() -> x509.Certificate:
    """A real certificate, of the test's own making."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "issuer.example")])
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    built = x509.CertificateBuilder(name, name, EC.public_key(), 1, start, start + datetime.timedelta(days=1))
    return built.sign(EC, SHA256())


# --- RSA ---


def test_rsa_fault_of_good_key() -> None:
    """3,072 bits and 65,537 are what we make; every odd exponent above it will do."""

    assert [None] * 3 == [rsa_fault(rsa_public(rsa_modulus(), exponent)) for exponent in (65_537, 65_539, 65_541)]


@pytest.mark.parametrize(
    ("bits", "fault"),
    [
        (1024, "is RSA with 1024 bits, outside 3072–8192"),
        (2048, "is RSA with 2048 bits, outside 3072–8192"),
    ],
)
def test_rsa_fault_of_short_key(bits: int, fault: str) -> None:
    """What others still use is below what we sign with."""
    key = rsa_of(bits).public_key()

    assert fault == rsa_fault(key)


def test_rsa_fault_of_issuers() -> None:
    """2,048 bits are taken from an external issuer, 1,024 are not."""

    assert None is rsa_fault(rsa_of(2048).public_key(), RSA_BITS_OF_ISSUERS)
    assert rsa_fault(rsa_of(1024).public_key(), RSA_BITS_OF_ISSUERS)


def test_rsa_fault_of_enormous_key() -> None:
    """A key that costs the verifier more than it gives is refused."""

    assert "is RSA with 8193 bits, outside 3072–8192" == rsa_fault(rsa_public(2**8192 + 1, 65_537))


@pytest.mark.parametrize("exponent", [3, 17, 65_535, 2**256 + 1])
def test_rsa_fault_of_exponent(exponent: int) -> None:
    """A small exponent has forged signatures before; a huge one is a way to be slow."""

    assert "is RSA with a public exponent outside 65,537–2²⁵⁶" == rsa_fault(rsa_public(rsa_modulus(), exponent))


@pytest.mark.parametrize("factor", [3, 5, 997])
def test_rsa_fault_of_small_factor(factor: int) -> None:
    """OpenSSL takes a modulus that a child can factor."""

    assert "is RSA with a modulus that has a small factor" == rsa_fault(rsa_public(rsa_modulus() * factor, 65_537))


# --- Ed25519 ---


def test_ed25519_fault_of_good_key() -> None:
    """A generated key is fit."""

    assert None is ed25519_fault(Ed25519PrivateKey.generate().public_key())


@pytest.mark.parametrize("sign", [0, 2**255])
@pytest.mark.parametrize(
    "y",
    [
        0,
        1,
        PRIME_FIELD - 1,
        0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7,
        PRIME_FIELD - 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7,
    ],
)
def test_ed25519_fault_of_small_order(y: int, sign: int) -> None:
    """Under a point of small order anybody can sign; cryptography accepts every one of them."""
    key = Ed25519PublicKey.from_public_bytes((y | sign).to_bytes(32, "little"))

    assert "is an Ed25519 point of small order, under which anybody can sign" == ed25519_fault(key)


@pytest.mark.parametrize("y", [PRIME_FIELD, PRIME_FIELD + 1, PRIME_FIELD + 18])
def test_ed25519_fault_of_second_spelling(y: int) -> None:
    """A coordinate beyond the field is another spelling of a small one, of zero or one for example."""
    key = Ed25519PublicKey.from_public_bytes(y.to_bytes(32, "little"))

    assert "is an Ed25519 point that is not canonically encoded" == ed25519_fault(key)


def test_ed25519_small_order_forges_without_a_key() -> None:
    """Why the check is there: an identity point verifies one signature over every message."""
    key = Ed25519PublicKey.from_public_bytes((1).to_bytes(32, "little"))
    forged = (1).to_bytes(32, "little") + bytes(32)

    assert [None, None] == [key.verify(forged, message) for message in (b"u1", b"admin")]


# --- shared secrets ---


@given(st.integers(32, 96))
def test_secret_fault_of_random_secret(size: int) -> None:
    """Random bytes, and their usual spellings, are fit."""
    secret = secrets.token_bytes(size)

    assert [None, None, None] == [
        secret_fault(secret),
        secret_fault(base64.b64encode(secret)),
        secret_fault(base64.urlsafe_b64encode(secret).rstrip(b"=")),
    ]


@pytest.mark.parametrize("size", [0, 1, 16, 31])
def test_secret_fault_of_short_secret(size: int) -> None:
    """PyJWT merely warns below 32 bytes."""

    assert f"is an HS256 secret of {size} bytes, below 32" == secret_fault(secrets.token_bytes(size))


@pytest.mark.parametrize(
    "secret",
    [
        bytes(32),
        b"\xff" * 64,
        b"0" * 32,
        b"changeme" * 4,
        b"secret12345" * 3,
        b"a secret unit of its own," * 2,
        bytes(range(32)),
        bytes(range(255, 200, -1)),
        bytes(range(0, 240, 3)),
        bytes((200 + 3 * place) % 256 for place in range(40)),
        b"0101010101010101010101010101010101010110",
    ],
)
def test_secret_fault_of_guessable_secret(secret: bytes) -> None:
    """Zeros, repetitions and sequences are the first that anybody tries."""

    assert "is an HS256 secret that can be guessed: zeros, a repetition or a sequence" == secret_fault(secret)


def test_secret_fault_counts_different_bytes() -> None:
    """Seven are a word that is repeated, eight may be chance."""
    seven, eight = b"bcadefgaabbccddeeffggacegbdfacbd", b"bcadefghaabbccddeeffgghhacegbdfh"

    assert (32, 7, 32, 8) == (len(seven), len(set(seven)), len(eight), len(set(eight)))
    assert (False, True) == (secret_fault(seven) is None, secret_fault(eight) is None)


@pytest.mark.parametrize("edge", [b"\n", b"\r\n", b" ", b"\t"])
def test_secret_fault_of_white_space(edge: bytes) -> None:
    """A newline that a file or a shell left behind makes two machines disagree on the key."""
    text = secrets.token_urlsafe(32).encode()
    fault = "is an HS256 secret with white space around it, as from a file that ends in a newline"

    assert [fault, fault, None] == [secret_fault(text + edge), secret_fault(edge + text), secret_fault(text)]


def test_secret_fault_of_random_bytes_that_end_in_newline() -> None:
    """In bytes that are no text a newline is a byte like any other."""

    assert None is secret_fault(b"\xfe" + secrets.token_bytes(40) + b"\n")


def public_halves() -> list[PublicKey]:
    """One of each family."""
    return [Ed25519PrivateKey.generate().public_key(), EC.public_key(), rsa_of(3072).public_key()]


def body(text: bytes) -> bytes:
    """A PEM without its first and last line."""
    return b"\n".join(line for line in text.splitlines() if not line.startswith(b"--"))


@pytest.mark.parametrize(
    "spell",
    [
        pem,
        der,
        lambda key: pem(key).strip(),
        lambda key: pem(key).lower(),
        lambda key: body(pem(key)),
        lambda key: body(pem(key)).replace(b"\n", b""),
        lambda key: body(pem(key)).replace(b"\n", b"").rstrip(b"="),
        lambda key: base64.urlsafe_b64encode(der(key)),
        lambda key: base64.b64encode(pem(key)),
        lambda key: pem(key).replace(b"-----", b"---- -"),
    ],
    ids=["pem", "der", "stripped", "lower", "body", "line", "unpadded", "urlsafe", "base64-of-pem", "odd-dashes"],
)
def test_secret_fault_of_public_key(spell: Callable[[PublicKey], bytes]) -> None:
    """A public key in any spelling is no secret: everybody has it."""
    fault = "is an HS256 secret that looks like a public key, a certificate or a JWK"

    # A DER may end in a byte that looks like white space; without it, it would be no DER.
    secrets = [spell(key) if spell is der else spell(key).strip() for key in public_halves()]

    assert {fault} == {secret_fault(secret) for secret in secrets}


@pytest.mark.parametrize(
    "text",
    [
        b'{"kty":"oct","k":"c2VjcmV0IHNlY3JldCBzZWNyZXQ"}',
        b'[{"kty":"OKP","crv":"Ed25519","x":"c2VjcmV0IHNlY3JldCBzZWNyZXQ"}]',
        b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0 me@example",
        b"ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAA",
        b"-----BEGIN CERTIFICATE-----\nMIIBcDCCARagAwIBAgIBATAKBggq",
    ],
)
def test_secret_fault_of_key_text(text: bytes) -> None:
    """So are a JWK, an SSH key and the beginning of a PEM."""

    assert "is an HS256 secret that looks like a public key, a certificate or a JWK" == secret_fault(text)


def test_secret_fault_of_certificate_and_private_keys() -> None:
    """A certificate, and private keys, sealed ones and those of algorithms that are not ours, are no secrets."""
    raw, sealed = NoEncryption(), BestAvailableEncryption(b"x")
    x448 = X448PrivateKey.generate().public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    found = [
        certificate().public_bytes(Encoding.DER),
        EC.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, raw),
        EC.private_bytes(Encoding.DER, PrivateFormat.PKCS8, raw),
        EC.private_bytes(Encoding.DER, PrivateFormat.PKCS8, sealed),
        x448,
        x448.replace(b"\x2b\x65\x6f", b"\x2b\x65\x7f"),  # an algorithm that nobody has registered
    ]

    assert {"is an HS256 secret that looks like a public key, a certificate or a JWK"} == set(map(secret_fault, found))


def test_secret_fault_of_sequence_of_another_kind() -> None:
    """Bytes that begin as DER does are judged by whether a key can be read from them."""

    assert None is secret_fault(b"\x30\x1e" + secrets.token_bytes(40))
