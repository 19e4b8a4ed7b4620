"""What PyJWT does that the token policy leans on, or guards against.

An upgrade that changes one says so here.
"""

import json
import warnings
from base64 import urlsafe_b64encode
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SECRET = b"a secret of more than thirty-two bytes"
CLAIMS = {"sub": "u1", "exp": 4_000_000_000}


def signed(payload: bytes, header: dict[str, Any] | None = None) -> str:
    """A token over exactly these bytes, as an attacker with a key might make one."""
    return jwt.api_jws.encode(payload, SECRET, algorithm="HS256", headers=header)


def read(token: str, **options: Any) -> Any:
    """The claims, as a naive caller would have them verified."""
    return jwt.decode(token, SECRET, algorithms=["HS256"], options=options)  # type: ignore[arg-type]  # any name is the point


def test_pyjwt_ignores_unknown_options() -> None:
    """A misspelt option is silence, not an error."""

    assert read(jwt.encode(CLAIMS, SECRET), verify_everything_please=True) == CLAIMS


@pytest.mark.parametrize("name", ["jku", "zip", "enc", "x5u"])
def test_pyjwt_ignores_header(name: str) -> None:
    """Headers that would redirect, decompress or decrypt are accepted and ignored: policy refuses them."""

    assert read(jwt.encode(CLAIMS, SECRET, headers={name: "x"})) == CLAIMS


def test_pyjwt_ignores_typ() -> None:
    """An ID token passes for an access token unless the caller compares `typ`."""

    assert read(jwt.encode(CLAIMS, SECRET, headers={"typ": "id+jwt"})) == CLAIMS


def test_pyjwt_last_duplicate_claim_wins() -> None:
    """Two `sub` are one, and the second is believed."""

    assert read(signed(b'{"sub":"u","sub":"admin"}')) == {"sub": "admin"}


@pytest.mark.parametrize("expiry", ["4000000000", 10**400])
def test_pyjwt_takes_strange_expiry(expiry: object) -> None:
    """`exp` may be a string, or a number no clock will reach."""

    assert read(signed(json.dumps({"exp": expiry}).encode())) == {"exp": expiry}


def test_pyjwt_one_token_has_several_spellings() -> None:
    """Padding behind the signature verifies too, so a token is revoked by its jti and never by its text.

    2.15.0 alone refuses it, which is nothing to rely on.
    """
    padded = jwt.encode(CLAIMS, SECRET) + "="
    if jwt.__version__ == "2.15.0":
        with pytest.raises(jwt.DecodeError, match="padding"):
            read(padded)
    else:
        assert read(padded) == CLAIMS


def test_pyjwt_short_secret_only_warns() -> None:
    """An HMAC key of 16 bytes signs, with a warning."""
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        token = jwt.encode(CLAIMS, b"sixteen bytes...")

    with pytest.warns(jwt.InsecureKeyLengthWarning):
        assert jwt.decode(token, b"sixteen bytes...", algorithms=["HS256"]) == CLAIMS


def test_pyjwt_short_secret_is_refused_when_asked() -> None:
    """`enforce_minimum_key_length` makes an error of the warning."""
    with pytest.raises(jwt.InvalidKeyError):
        jwt.PyJWT({"enforce_minimum_key_length": True}).encode(CLAIMS, b"sixteen bytes...")


def test_pyjwt_some_errors_are_no_invalid_token() -> None:
    """`except InvalidTokenError` alone would let a key error through: verification catches everything."""

    assert not issubclass(jwt.InvalidKeyError, jwt.InvalidTokenError)
    assert not issubclass(jwt.PyJWKClientError, jwt.InvalidTokenError)


@pytest.mark.parametrize(("token", "error"), [(None, jwt.DecodeError), ("\ud800", UnicodeEncodeError)])
def test_pyjwt_raises_what_a_stranger_chooses(token: Any, error: type[Exception]) -> None:
    """What is no token at all raises whatever comes."""
    with pytest.raises(error):
        read(token)


def test_pyjwt_decode_binds_a_key_to_its_algorithm() -> None:
    """A PyJWK verifies with its own algorithm, and no header can change that."""
    key = jwt.PyJWK({"kty": "oct", "k": urlsafe_b64encode(SECRET).decode().rstrip("="), "alg": "HS256"})
    token = jwt.encode(CLAIMS, SECRET * 2, algorithm="HS512")

    with pytest.raises(jwt.InvalidAlgorithmError):
        jwt.decode(token, key, algorithms=["HS256", "HS512"])


@pytest.mark.parametrize("algorithm", ["none", "None", "nOnE", ""])
def test_pyjwt_refuses_unsigned_tokens(algorithm: str) -> None:
    """An `alg` that is not among the allowed is refused before any key is touched."""
    header = urlsafe_b64encode(json.dumps({"alg": algorithm}).encode()).decode().rstrip("=")
    body = urlsafe_b64encode(json.dumps(CLAIMS).encode()).decode().rstrip("=")

    with pytest.raises(jwt.InvalidTokenError):
        read(f"{header}.{body}.")


def test_pyjwt_calls_ed25519_eddsa() -> None:
    """The algorithm's newer name (RFC 9864) is unknown to it."""
    key = Ed25519PrivateKey.generate()

    assert jwt.get_unverified_header(jwt.encode(CLAIMS, key, algorithm="EdDSA"))["alg"] == "EdDSA"
    with pytest.raises(NotImplementedError):
        jwt.encode(CLAIMS, key, algorithm="Ed25519")


def test_pyjwt_is_quiet_about_good_keys() -> None:
    """Nothing warns where the key is long enough, so that warnings can be errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")

        assert read(jwt.encode(CLAIMS, SECRET)) == CLAIMS
