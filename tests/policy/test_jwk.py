"""Keys out of JWK, PEM and raw secrets, and what is refused."""

import base64
import secrets
from collections.abc import Mapping
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st
from jwt import get_algorithm_by_name

from tornado_wssec.errors import ConfigurationError
from tornado_wssec.policy.base64url import encode
from tornado_wssec.policy.jwk import read_jwk, read_pem, read_secret
from tornado_wssec.policy.key_material import ALGORITHMS, generate

from .rings import material, rsa_of

P384 = ec.generate_private_key(ec.SECP384R1())
K256 = ec.generate_private_key(ec.SECP256K1())
AMBIGUOUS = "is RSA, which does not say its algorithm; name the algorithm that it is for: PS256 or RS256"


def refusal_of_jwk(jwk: Any, **options: Any) -> str:
    """What the refusal says; the test fails where there is none."""
    with pytest.raises(ConfigurationError) as caught:
        read_jwk(jwk, "it", **options)
    [problem] = caught.value.problems
    return str(problem).removeprefix("it: ")


def refusal_of_pem(pem: bytes, **options: Any) -> str:
    """The same of a PEM."""
    with pytest.raises(ConfigurationError) as caught:
        read_pem(pem, "it", **options)
    [problem] = caught.value.problems
    return str(problem).removeprefix("it: ")


def jwk(of: str, /, **members: Any) -> dict[str, Any]:
    """A private JWK with other members; None takes one away."""
    changed = {"alg": of, **material(of).private_jwk(), **members}
    return {name: value for name, value in changed.items() if value is not None}


def private_pem(key: Any, passphrase: bytes | None = None, form: PrivateFormat = PrivateFormat.PKCS8) -> bytes:
    """A private half, as PEM."""
    sealed = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    pem: bytes = key.private_bytes(Encoding.PEM, form, sealed)
    return pem


def public_pem(key: Any) -> bytes:
    """Its public half, as PEM."""
    pem: bytes = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem


# --- JWK ---


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_read_jwk_gives_the_key(alg: str) -> None:
    """A private JWK is the key it was made from, and its public members are the public half."""
    public = {"alg": alg, **material(alg).public_half().private_jwk()}

    assert material(alg).private_jwk() == read_jwk(jwk(alg), "it").private_jwk()
    assert material(alg).thumbprint == read_jwk(public, "it").thumbprint
    assert (alg == "HS256") is read_jwk(public, "it").can_sign


@pytest.mark.parametrize("alg", ["EdDSA", "ES256", "HS256"])
def test_read_jwk_finds_the_one_algorithm(alg: str) -> None:
    """Where the type leaves one, it need not be said."""

    assert alg == read_jwk(jwk(alg, alg=None), "it").alg


def test_read_jwk_takes_the_new_name_of_ed25519() -> None:
    """RFC 9864 calls it Ed25519."""

    assert "EdDSA" == read_jwk(jwk("EdDSA", alg="Ed25519"), "it").alg


def test_read_jwk_asks_what_rsa_is_for() -> None:
    """The same key would sign by either; nothing is guessed unless the caller says how."""
    silent = jwk("RS256", alg=None)

    assert AMBIGUOUS == refusal_of_jwk(silent)
    assert "PS256" == read_jwk(silent, "it", alg="PS256").alg
    assert "RS256" == read_jwk(silent, "it", rsa_alg="RS256").alg
    assert "PS256" == read_jwk({**silent, "alg": "PS256"}, "it", rsa_alg="RS256").alg


@pytest.mark.parametrize(
    ("changed", "wanted", "said"),
    [
        (jwk("RS256", alg="HS256"), None, "is RSA, which is not for 'HS256'; name"),
        (jwk("RS256"), "PS256", "is RSA, which is not for 'PS256'; name"),
        (jwk("RS256", alg="RS512"), None, "is RSA, which is not for 'RS512'; name"),
        (jwk("RS256", alg=["RS256"]), None, "is RSA, which is not for ['RS256']; name"),
        (jwk("EdDSA", alg="none"), None, "is OKP on 'Ed25519', which is not for 'none'; name"),
        (jwk("EdDSA", alg="HS256"), None, "is OKP on 'Ed25519', which is not for 'HS256'; name"),
        (jwk("HS256", alg="EdDSA"), None, "is oct, which is not for 'EdDSA'; name"),
        (jwk("HS256", crv="Ed25519"), None, "is oct on 'Ed25519', which signs nothing here; use"),
        (jwk("ES256", alg="ES384"), None, "is EC on 'P-256', which is not for 'ES384'; name"),
        (jwk("ES256", crv="P-384"), None, "is EC on 'P-384', which signs nothing here; use"),
        (jwk("ES256", crv="secp256k1"), None, "is EC on 'secp256k1', which signs nothing here; use"),
        (jwk("ES256", crv=None), None, "is EC, which signs nothing here; use"),
        (jwk("ES256", crv=["P-256"]), None, "is EC on ['P-256'], which signs nothing here; use"),
        (jwk("EdDSA", crv="Ed448"), None, "is OKP on 'Ed448', which signs nothing here; use"),
        (jwk("EdDSA", crv="X25519"), None, "is OKP on 'X25519', which signs nothing here; use"),
    ],
)
def test_read_jwk_refuses_another_algorithm(changed: Mapping[str, Any], wanted: str | None, said: str) -> None:
    """One key is for one algorithm of its own family."""

    assert refusal_of_jwk(changed, alg=wanted).startswith(said)


@pytest.mark.parametrize("value", [None, 7, "key", [jwk("EdDSA")]])
def test_read_jwk_refuses_what_is_no_object(value: object) -> None:
    """JSON of another shape is no key."""

    assert "is no JSON object; give a JWK" == refusal_of_jwk(value)


@pytest.mark.parametrize("kty", [None, "rsa", "DSA", 7, ["RSA"], ""])
def test_read_jwk_refuses_unknown_type(kty: object) -> None:
    """Names are exact."""

    assert refusal_of_jwk(jwk("RS256", kty=kty)).startswith("has no kty of OKP, EC, RSA or oct; ")


@pytest.mark.parametrize(
    "members", [{"use": "enc"}, {"use": 7}, {"key_ops": ["encrypt"]}, {"key_ops": "verify"}, {"key_ops": []}]
)
def test_read_jwk_refuses_other_uses(members: Mapping[str, Any]) -> None:
    """A key for encryption signs nothing."""

    assert "is not for signatures; use a JWK whose `use` is sig" == refusal_of_jwk(jwk("EdDSA", **members))


@pytest.mark.parametrize("members", [{"use": "sig"}, {"key_ops": ["sign", "verify"]}, {"key_ops": ["verify"]}])
def test_read_jwk_takes_signature_uses(members: Mapping[str, Any]) -> None:
    """What says that it is for signatures is taken."""

    assert material("EdDSA").thumbprint == read_jwk(jwk("EdDSA", **members), "it").thumbprint


@pytest.mark.parametrize("alg", ALGORITHMS)
@pytest.mark.parametrize(
    "spoil", [lambda v: v + "=", lambda v: f" {v}", lambda v: "", lambda v: [v], lambda v: "!" + v]
)
def test_read_jwk_refuses_second_spellings(alg: str, spoil: Any) -> None:
    """Every member is strict base64url; PyJWT alone would skip what it does not know."""
    for name, value in material(alg).private_jwk().items():
        if name not in ("kty", "crv"):
            said = f"has a member {name} that is not strict base64url; export it again from where it was made"

            assert said == refusal_of_jwk(jwk(alg, **{name: spoil(value)}))


@pytest.mark.parametrize(
    "changed",
    [
        jwk("EdDSA", x=None),
        jwk("EdDSA", x=generate("EdDSA").public_jwk()["x"]),
        jwk("EdDSA", x="AAAA"),
        jwk("ES256", y=None),
        jwk("ES256", x=generate("ES256").public_jwk()["x"]),
        jwk("ES256", d=generate("ES256").private_jwk()["d"]),
        jwk("ES256", d="AAAA"),
        jwk("RS256", n=None),
        jwk("RS256", p=None),
        jwk("RS256", p=jwk("RS256")["n"]),
        jwk("RS256", d="AAAA"),
        jwk("HS256", k=None),
    ],
)
def test_read_jwk_refuses_members_that_do_not_fit(changed: Mapping[str, Any]) -> None:
    """A public half of another key, a point off the curve, a missing member: no key."""

    assert refusal_of_jwk(changed).startswith(f"is {changed['kty']} with members that make no key; ")


def test_read_jwk_ignores_what_it_does_not_know() -> None:
    """RFC 7517 §4: other members do not matter; a certificate chain is not looked at."""

    assert material("EdDSA").thumbprint == read_jwk(jwk("EdDSA", x5c=["x"], kid="any", more=1), "it").thumbprint


def test_read_jwk_refuses_weak_rsa() -> None:
    """1,024 bits are refused everywhere, 2,048 unless an issuer has them."""
    short, older = (
        {**get_algorithm_by_name("RS256").to_jwk(rsa_of(bits), as_dict=True), "key_ops": ["verify"]}
        for bits in (1024, 2048)
    )

    assert refusal_of_jwk(short, alg="RS256").startswith("is RSA with 1024 bits, outside 3072–8192; make one")
    assert refusal_of_jwk(older, alg="RS256").startswith("is RSA with 2048 bits, outside 3072–8192; make one")
    assert "RS256" == read_jwk(older, "it", alg="RS256", rsa_bits=2048).alg


def test_read_jwk_refuses_weak_secret() -> None:
    """16 bytes are too few."""
    short = {"kty": "oct", "k": encode(secrets.token_bytes(16))}

    assert refusal_of_jwk(short).startswith("is an HS256 secret of 16 bytes, below 32; make one")


def test_read_jwk_refuses_small_order_point() -> None:
    """A public half under which anybody can sign."""
    point = {"kty": "OKP", "crv": "Ed25519", "x": encode(b"\x01" + bytes(31))}

    assert refusal_of_jwk(point).startswith("is an Ed25519 point of small order, under which anybody can sign; make")


@given(
    st.dictionaries(
        st.sampled_from(["kty", "crv", "alg", "use", "key_ops", "x", "y", "d", "n", "e", "k", "p"]),
        st.sampled_from(["OKP", "EC", "RSA", "oct", "Ed25519", "P-256", "EdDSA", "ES256", "AQAB", "sig", "A" * 43])
        | st.integers()
        | st.none()
        | st.lists(st.text(max_size=3), max_size=2),
    )
)
def test_read_jwk_refuses_with_one_error(value: dict[str, Any]) -> None:
    """Whatever it is given, it gives a key or a ConfigurationError."""
    try:
        found = read_jwk(value, "it")
    except ConfigurationError:
        return

    assert found.alg in ALGORITHMS


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_read_jwk_does_not_quote_the_key(alg: str) -> None:
    """PyJWT's own errors hold the whole JWK; ours hold no value, and carry no other error with them."""
    spoilt = jwk(alg, alg="none")
    with pytest.raises(ConfigurationError) as caught:
        read_jwk(spoilt, "it")

    values = [value for name, value in spoilt.items() if name not in ("kty", "crv", "alg", "e")]
    assert [] == [value for value in values if value in str(caught.value)]
    assert (None, None) == (caught.value.__cause__, caught.value.__context__)


def test_read_jwk_leaves_no_trace_of_pyjwt() -> None:
    """The same where PyJWT refused it."""
    with pytest.raises(ConfigurationError) as caught:
        read_jwk(jwk("EdDSA", x=generate("EdDSA").public_jwk()["x"]), "it")

    assert (None, None) == (caught.value.__cause__, caught.value.__context__)


# --- PEM ---


def test_read_pem_takes_private_and_public_halves() -> None:
    """PKCS#8, SEC1, PKCS#1 and SubjectPublicKeyInfo are read."""
    okp, p256 = ed25519.Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP256R1())
    rsa_key = material("RS256")._private
    traditional = PrivateFormat.TraditionalOpenSSL

    assert ("EdDSA", True) == ((key := read_pem(private_pem(okp), "it")).alg, key.can_sign)
    assert ("EdDSA", False) == ((key := read_pem(public_pem(okp), "it")).alg, key.can_sign)
    assert "ES256" == read_pem(private_pem(p256, form=traditional), "it").alg
    assert "ES256" == read_pem(public_pem(p256), "it", alg="ES256").alg
    assert "PS256" == read_pem(private_pem(rsa_key, form=traditional), "it", alg="PS256").alg
    assert material("RS256").thumbprint == read_pem(private_pem(rsa_key), "it", alg="RS256").thumbprint


def test_read_pem_opens_a_sealed_one() -> None:
    """With its passphrase; without, with another, or where none is needed, it says so."""
    key = ed25519.Ed25519PrivateKey.generate()
    sealed = private_pem(key, b"open sesame")
    said = "is no PEM that can be read; check that it is whole, and its passphrase where it has one"

    assert "EdDSA" == read_pem(sealed, "it", passphrase=b"open sesame").alg
    assert {said} == {
        refusal_of_pem(sealed),
        refusal_of_pem(sealed, passphrase=b"another"),
        refusal_of_pem(private_pem(key), passphrase=b"open sesame"),
    }


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n",
        b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        base64.b64encode(secrets.token_bytes(64)),
        public_pem(P384)[:-40],
    ],
    ids=["nothing", "empty private", "short public", "noise", "cut"],
)
def test_read_pem_refuses_what_is_none(text: bytes) -> None:
    """Torn, empty or something else."""

    assert refusal_of_pem(text).startswith("is no PEM that can be read; ")


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (P384, "is EC on secp384r1, which signs nothing here; use"),
        (K256, "is EC on secp256k1, which signs nothing here; use"),
        (ed448.Ed448PrivateKey.generate(), "is Ed448, which signs nothing here; use"),
        (x25519.X25519PrivateKey.generate(), "is X25519, which signs nothing here; use"),
        (dsa.generate_private_key(2048), "is DSA, which signs nothing here; use"),
    ],
)
def test_read_pem_refuses_other_kinds(key: Any, said: str) -> None:
    """A curve or a kind that is not ours, private or public."""

    assert [True, True] == [refusal_of_pem(pem).startswith(said) for pem in (private_pem(key), public_pem(key))]


def test_read_pem_asks_what_rsa_is_for() -> None:
    """A PEM does not say it."""
    pem = private_pem(material("RS256")._private)

    assert AMBIGUOUS == refusal_of_pem(pem)
    assert refusal_of_pem(pem, alg="HS256").startswith("is RSA, which is not for 'HS256'; name")


def test_read_pem_refuses_weak_rsa() -> None:
    """1,024 bits are refused in whatever form."""
    key = rsa_of(1024)

    assert refusal_of_pem(private_pem(key), alg="RS256").startswith("is RSA with 1024 bits")


# --- raw secrets ---


def test_read_secret_gives_the_key() -> None:
    """The bytes are the secret, as they are."""
    secret = secrets.token_bytes(32)

    assert {"kty": "oct", "k": encode(secret)} == read_secret(secret, "it").private_jwk()


def test_read_secret_refuses_weak_ones() -> None:
    """The reader judges as all do."""
    with pytest.raises(ConfigurationError, match="it: is an HS256 secret of 5 bytes, below 32; make one"):
        read_secret(b"hello", "it")
