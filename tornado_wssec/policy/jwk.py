"""Keys out of JWK, PEM and raw secrets; what is weak, foreign or ambiguous is refused.

Rules of this file:
1. Nothing is guessed: a member that does not fit, a curve or an algorithm that is not ours is a fault.
2. A fault names the key's place and never a member's value.
3. What a library says about a key is dropped, since PyJWT quotes the key itself.
"""

from collections.abc import Mapping
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from jwt import PyJWTError, get_algorithm_by_name

from ..errors import ConfigurationError, Problem
from .base64url import decode
from .key_material import KeyMaterial, PrivateKey, PublicKey
from .key_strength import RSA_BITS, ed25519_fault, rsa_fault, secret_fault

_MEMBERS: Final[Mapping[str, tuple[str, ...]]] = {
    "OKP": ("x", "d"),
    "EC": ("x", "y", "d"),
    "RSA": ("n", "e", "d", "p", "q", "dp", "dq", "qi"),
    "oct": ("k",),
}
_ALGORITHMS: Final[Mapping[tuple[str, str | None], tuple[str, ...]]] = {
    ("OKP", "Ed25519"): ("EdDSA",),
    ("EC", "P-256"): ("ES256",),
    ("RSA", None): ("PS256", "RS256"),
    ("oct", None): ("HS256",),
}
_NEW_KEY: Final = "make one with `wssec keys generate`"


def read_jwk(
    jwk: Any, where: str, *, alg: str | None = None, rsa_alg: str | None = None, rsa_bits: int = RSA_BITS
) -> KeyMaterial:
    """Return the material of one JWK, private or public.

    Args:
        where: what the fault is reported of.
        alg: the algorithm it must be for; None: what the JWK says, or its type allows.
        rsa_alg: what an RSA key is for that does not say; None refuses it.
        rsa_bits: least size of an RSA key.

    Raises:
        ConfigurationError: with one problem.
    """
    members = _members(read_object(jwk, where), where)
    chosen = _algorithm(jwk, where, alg, rsa_alg)
    try:
        found = get_algorithm_by_name(chosen).from_jwk({"kty": jwk["kty"], "crv": jwk.get("crv"), **members})
    except (PyJWTError, KeyError, ValueError, TypeError, UnsupportedAlgorithm):
        found = None
    if found is None:
        raise _problem(
            where, f"is {jwk['kty']} with members that make no key", "export it again from where it was made"
        )
    return _judged(chosen, found, where, rsa_bits)


def read_pem(pem: bytes, where: str, *, alg: str | None = None, passphrase: bytes | None = None) -> KeyMaterial:
    """Return the material of a PEM: PKCS#8, PKCS#1, SEC1, or SubjectPublicKeyInfo.

    Args:
        where: what the fault is reported of.
        alg: needed for RSA, whose PEM does not say it.
        passphrase: opens an encrypted one.

    Raises:
        ConfigurationError: with one problem.
    """
    try:
        found: object = load_pem_private_key(pem, passphrase) if b" PRIVATE KEY-" in pem else load_pem_public_key(pem)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        found = None
    if found is None:
        raise _problem(
            where, "is no PEM that can be read", "check that it is whole, and its passphrase where it has one"
        )
    fitting = _algorithms_of(found)
    if (alg not in fitting if alg else len(fitting) != 1) or not isinstance(found, PrivateKey | PublicKey):
        raise _wrong_algorithm(where, f"is {_told(found)}", alg, fitting)
    return _judged(alg or fitting[0], found, where, RSA_BITS)


def read_secret(secret: bytes, where: str) -> KeyMaterial:
    """Return the material of an HS256 secret, given as its bytes.

    Raises:
        ConfigurationError: with one problem.
    """
    return _judged("HS256", secret, where, RSA_BITS)


def read_object(value: Any, where: str) -> Mapping[str, Any]:
    """Return the value if it is a JSON object.

    Raises:
        ConfigurationError: it is something else.
    """
    if not isinstance(value, Mapping):
        raise _problem(where, "is no JSON object", "give a JWK")
    return value


def _members(jwk: Mapping[str, Any], where: str) -> dict[str, str]:
    """The members that PyJWT shall see: known ones, each spelt strictly, which its own decoder does not ask for."""
    use, operations = jwk.get("use", "sig"), jwk.get("key_ops", ["verify"])
    if use != "sig" or not isinstance(operations, list) or not {"sign", "verify"}.intersection(map(str, operations)):
        raise _problem(where, "is not for signatures", "use a JWK whose `use` is sig")
    names = _MEMBERS.get(jwk["kty"], ()) if isinstance(jwk.get("kty"), str) else ()
    if not names:
        raise _problem(where, "has no kty of OKP, EC, RSA or oct", _NEW_KEY)
    members = {name: jwk[name] for name in names if name in jwk}
    for name, value in members.items():
        if not isinstance(value, str) or not _is_base64url(value):
            raise _problem(
                where, f"has a member {name} that is not strict base64url", "export it again from where it was made"
            )
    return members


def _is_base64url(text: str) -> bool:
    try:
        return bool(decode(text))
    except ValueError:
        return False


def _algorithm(jwk: Mapping[str, Any], where: str, wanted: str | None, rsa_alg: str | None) -> str:
    """The one algorithm that this JWK is for."""
    kty, crv, stated = jwk["kty"], jwk.get("crv"), jwk.get("alg")
    fitting = _ALGORITHMS.get((kty, crv if isinstance(crv, str) else None), ())
    stated = "EdDSA" if stated == "Ed25519" else stated  # the name RFC 9864 gives it
    known = [alg for alg in (wanted, stated) if alg is not None] or (
        [rsa_alg] if kty == "RSA" and rsa_alg else list(fitting)
    )
    if len(set(map(str, known))) != 1 or known[0] not in fitting:
        curve = f" on {ascii(crv)[:20]}" if crv is not None else ""
        raise _wrong_algorithm(where, f"is {kty}{curve}", wanted or stated, fitting)
    return str(known[0])


def _wrong_algorithm(where: str, what: str, wanted: object, fitting: tuple[str, ...]) -> ConfigurationError:
    fault = f"{what}, which is not for {ascii(wanted)[:20]}" if wanted else f"{what}, which does not say its algorithm"
    if not fitting:
        return _problem(where, f"{what}, which signs nothing here", "use Ed25519, P-256, RSA or a shared secret")
    return _problem(where, fault, f"name the algorithm that it is for: {' or '.join(fitting)}")


def _algorithms_of(key: object) -> tuple[str, ...]:
    match key:
        case Ed25519PrivateKey() | Ed25519PublicKey():
            return ("EdDSA",)
        case EllipticCurvePrivateKey(curve=SECP256R1()) | EllipticCurvePublicKey(curve=SECP256R1()):
            return ("ES256",)
        case RSAPrivateKey() | RSAPublicKey():
            return ("PS256", "RS256")
    return ()


def _told(key: object) -> str:
    """What kind of key this is, in a word or two."""
    if isinstance(key, (EllipticCurvePrivateKey, EllipticCurvePublicKey)):
        return f"EC on {key.curve.name}"
    return type(key).__name__.removesuffix("PrivateKey").removesuffix("PublicKey")


def _judged(alg: str, key: PrivateKey | PublicKey | bytes, where: str, rsa_bits: int) -> KeyMaterial:
    """The material, unless it is weak."""
    public = key.public_key() if isinstance(key, PrivateKey) else key
    fault = None
    if isinstance(public, bytes):
        fault = secret_fault(public)
    elif isinstance(public, RSAPublicKey):
        fault = rsa_fault(public, rsa_bits)
    elif isinstance(public, Ed25519PublicKey):
        fault = ed25519_fault(public)
    if fault:
        raise _problem(where, fault, _NEW_KEY)
    return KeyMaterial(alg, key)


def _problem(where: str, fault: str, remedy: str) -> ConfigurationError:
    return ConfigurationError([Problem(where, fault, remedy)])
