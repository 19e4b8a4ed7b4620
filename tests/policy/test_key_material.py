"""Key material: one key, one algorithm, nothing printed."""

import copy
import hmac
import json
import pickle
import traceback
from collections.abc import Callable

import jwt
import pytest

from tornado_wssec.policy.base64url import decode, encode
from tornado_wssec.policy.jwk import read_jwk
from tornado_wssec.policy.key_material import ALGORITHMS, DEFAULT_ALGORITHM, PRIVATE_MEMBERS, KeyMaterial, generate

from .rings import material

SEVEN = b'{"n":7}'


def secrets_of(key: KeyMaterial) -> list[str]:
    """Every spelling of its private members that a leak might have."""
    values = [value for name, value in key.private_jwk().items() if name in PRIVATE_MEMBERS]
    raw = [decode(value) for value in values]
    return values + [repr(data)[2:-1] for data in raw] + [data.hex() for data in raw]


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_material_verifies_what_it_signed(alg: str) -> None:
    """A private half signs, and its public half gives the payload back."""
    key = material(alg)

    assert SEVEN == key.verify(key.sign(SEVEN, {"typ": "t", "kid": "k"}))
    assert SEVEN == key.public_half().verify(key.sign(SEVEN, {"typ": "t"}))


def test_material_writes_the_header_it_is_given() -> None:
    """The header is what the caller says, and the key's algorithm."""
    header = jwt.get_unverified_header(material("ES256").sign(SEVEN, {"typ": "at+jwt", "kid": "k"}))

    assert {"alg": "ES256", "typ": "at+jwt", "kid": "k"} == header


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_material_verifies_nothing_else(alg: str) -> None:
    """A token that another key of the same algorithm signed is refused."""
    other = material(alg) if alg in ("PS256", "RS256") else generate(alg)
    key = material({"PS256": "RS256", "RS256": "PS256"}.get(alg, alg))

    assert None is key.verify(other.sign(SEVEN, {}))


def test_material_has_one_algorithm() -> None:
    """The same RSA key under its other algorithm is another material, and verifies nothing of this one."""
    jwk = material("RS256").private_jwk()
    other = read_jwk(jwk, "key", alg="PS256")

    assert other.thumbprint == material("RS256").thumbprint
    assert None is other.verify(material("RS256").sign(SEVEN, {}))


def test_material_that_nobody_judged_neither_signs_nor_verifies() -> None:
    """A short secret that came past the readers is stopped by PyJWT, which by itself would merely warn."""
    secret = b"sixteen bytes..."
    weak, signed = KeyMaterial("HS256", secret), f"{encode(b'{}')}.{encode(SEVEN)}"
    token = f"{signed}.{encode(hmac.digest(secret, signed.encode(), 'sha256'))}"

    assert None is weak.verify(token)
    with pytest.raises(jwt.InvalidKeyError):
        weak.sign(SEVEN, {})


@pytest.mark.parametrize(
    "mend",
    [
        lambda token: token.rpartition(".")[0],
        lambda token: token + "=",
        lambda token: token + "\u00e9",
        lambda token: "\u00e9" + token,
        lambda token: "." + token,
        lambda token: token.replace(".", "", 1),
        lambda token: "",
    ],
    ids=["unsigned", "padded", "signature", "header", "more parts", "fewer parts", "nothing"],
)
def test_material_verifies_no_other_text(mend: Callable[[str], str]) -> None:
    """What is not the very text that was signed, with its signature in strict base64url, has no payload."""
    key = material("EdDSA")

    assert None is key.verify(mend(key.sign(SEVEN, {})))


def test_material_is_prepared_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyJWT looks through a shared secret for certificates, which takes far longer than to verify by it."""
    key = generate("HS256")
    token = key.sign(SEVEN, {})
    assert SEVEN == key.verify(token)
    monkeypatch.setattr(jwt.algorithms.HMACAlgorithm, "prepare_key", lambda *_: pytest.fail("prepared again"))

    assert SEVEN == key.verify(token)


def test_material_thumbprint_is_of_rfc_8037() -> None:
    """The example key of RFC 8037 appendix A has the thumbprint of appendix A.3."""
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}

    assert "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k" == read_jwk(jwk, "key").thumbprint


def test_material_thumbprint_is_of_rfc_7638() -> None:
    """The example key of RFC 7638 has the thumbprint of its section 3.1."""
    modulus = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhM"
        "stn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5"
        "hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    )
    jwk = {"kty": "RSA", "n": modulus, "e": "AQAB", "alg": "RS256"}

    assert "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs" == read_jwk(jwk, "key", rsa_bits=2048).thumbprint


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_material_public_jwk_holds_nothing_private(alg: str) -> None:
    """Not one private member, and not one private value, is in the public half."""
    public = json.dumps(material(alg).public_jwk())

    assert PRIVATE_MEMBERS.isdisjoint(json.loads(public))
    assert [] == [secret for secret in secrets_of(material(alg)) if secret in public]


def test_material_public_half_signs_nothing() -> None:
    """It says where to sign instead."""
    half = material("EdDSA").public_half()

    assert (False, half) == (half.can_sign, half.public_half())
    with pytest.raises(ValueError, match="is a public half, which signs nothing; sign where"):
        half.sign(SEVEN, {})


def test_material_of_a_shared_secret_has_no_half() -> None:
    """Who verifies by HS256 can sign, and there is nothing to publish."""
    shared = material("HS256")

    assert shared is shared.public_half()
    assert {"kty": "oct"} == shared.public_jwk()
    assert [False] * 4 + [True] == [material(alg).is_shared for alg in ALGORITHMS]


@pytest.mark.parametrize("alg", ALGORITHMS)
@pytest.mark.parametrize("spread", [pickle.dumps, copy.copy, copy.deepcopy], ids=["pickle", "copy", "deepcopy"])
def test_material_is_not_spread(alg: str, spread: object) -> None:
    """Pickles and copies are refused, so that neither a cache nor a worker process gets a key by accident."""
    assert callable(spread)

    with pytest.raises(TypeError, match="keys are not pickled or copied"):
        spread(material(alg))


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_material_is_not_printed(alg: str) -> None:
    """Neither its repr, its str nor a traceback with locals holds anything private."""
    key = material(alg)
    with pytest.raises(TypeError) as caught:
        pickle.dumps(key)
    shown = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    shown += f"{key!r} {key}"

    assert key.thumbprint in shown
    assert [] == [secret for secret in secrets_of(key) if secret in shown]


@pytest.mark.parametrize("alg", ["none", "HS512", "eddsa", "", "ES384"])
def test_generate_refuses_unknown_algorithm(alg: str) -> None:
    """The error names those that there are."""
    with pytest.raises(ValueError, match="is no algorithm for a key; choose one of EdDSA, ES256, PS256, RS256, HS256"):
        generate(alg)


def test_generate_makes_ed25519_by_default() -> None:
    """Nobody has to choose, and each key is another."""

    assert ("EdDSA", "EdDSA") == (DEFAULT_ALGORITHM, generate().alg)
    assert generate().thumbprint != generate().thumbprint
