"""What an attacker, or a careless issuer, can make of a key: tokens of any header, payload and signature."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt import get_algorithm_by_name

from tornado_wssec.policy.key import Key, KeyState
from tornado_wssec.policy.key_material import generate
from tornado_wssec.policy.keys import KeyRing
from tornado_wssec.settings import TokenRules

ABSENT: Final = object()
"""In the place of a value: the name is left out."""

Made = Iterator[tuple[str, str, str]]
"""Line of the corpus, what is wrong, token."""


def b64(data: bytes | str) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data.encode() if isinstance(data, str) else data).rstrip(b"=").decode()


def good_header(key: Key, rules: TokenRules) -> dict[str, Any]:
    """The header of a token that is accepted."""
    return {"alg": key.alg, "typ": rules.typ, "kid": key.kid}


def good_claims(rules: TokenRules, now: float) -> dict[str, Any]:
    """The payload of a token that is accepted."""
    return {
        "iss": rules.issuer,
        "aud": rules.audience,
        "sub": "u1",
        "iat": int(now),
        "exp": int(now) + 600,
        rules.jti_claim or "jti": "id-1",
        "permissions": ["chat:read:*"],
    }


def without(mapping: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The mapping without this name."""
    return {key: value for key, value in mapping.items() if key != name}


def signature(key: Key, signed: str, alg: str | None = None) -> bytes:
    """What the private half of `key` makes of these characters, by its own algorithm or another of its family."""
    assert key.material is not None
    algorithm = get_algorithm_by_name(key.alg)
    private = algorithm.from_jwk(key.material.private_jwk())
    made: bytes = get_algorithm_by_name(alg or key.alg).sign(signed.encode(), private)
    return made


def forge(key: Key, header: Mapping[str, Any] | str, claims: Any, alg: str | None = None) -> str:
    """A token that `key` really signed, of whatever header and payload; text is taken as it is."""
    parts = [value if isinstance(value, str) else json.dumps(value) for value in (header, claims)]
    signed = ".".join(b64(part.encode("utf-8", "surrogatepass")) for part in parts)
    return f"{signed}.{b64(signature(key, signed, alg))}"


def forge_by_hmac(secret: bytes, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    """A token signed with HS256 by bytes that PyJWT would refuse as a secret."""
    signed = f"{b64(json.dumps(header))}.{b64(json.dumps(claims))}"
    return f"{signed}.{b64(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


def key_of(ring: KeyRing, alg: str) -> Key:
    """The ring's key for this algorithm, its private half here."""
    return next(key for key in ring.keys if key.alg == alg and key.can_sign)


def public_spellings(key: Key) -> dict[str, bytes]:
    """What an attacker has of a public key, as bytes that a naive verifier would take for an HMAC secret."""
    assert key.material is not None
    jwk = key.material.public_jwk()
    public = get_algorithm_by_name(key.alg).from_jwk(jwk)
    pem: bytes = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    body = b"".join(line for line in pem.splitlines() if not line.startswith(b"--"))
    return {
        "PEM": pem,
        "stripped PEM": pem.strip(),
        "lower-cased PEM": pem.lower(),
        "PEM of one line": pem.replace(b"\n", b""),
        "DER": public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        "base64 body": body,
        "JWK": json.dumps(jwk).encode(),
        "compact JWK": json.dumps(jwk, separators=(",", ":"), sort_keys=True).encode(),
        "kid": key.kid.encode(),
        "nothing": b"",
    }


def told(value: object) -> str:
    """A value, short enough for the name of a test."""
    return "missing" if value is ABSENT else ascii(value)[:32]


class Forger:
    """Makes variations of one token that would be accepted.

    Args:
        ring: the verifier's; its private halves are here, for EdDSA, ES256, RS256 and HS256 at least.
        rules: the verifier's.
        now: wall seconds at which the tokens are judged.
    """

    def __init__(self, ring: KeyRing, rules: TokenRules, now: float) -> None:
        self.ring = ring
        self.rules = rules
        self.now = int(now)
        self.key = ring.current
        self.header = good_header(self.key, rules)
        self.claims = good_claims(rules, now)
        self.good = forge(self.key, self.header, self.claims)
        made = generate(self.key.alg)
        # A key of the same kind that nobody knows.
        self.stranger = Key(kid=made.thumbprint, alg=made.alg, state=KeyState.CURRENT, created_at=0.0, material=made)

    def with_header(self, **changed: Any) -> str:
        """The good token, really signed, with other header members; ABSENT takes one away."""
        header = {name: value for name, value in {**self.header, **changed}.items() if value is not ABSENT}
        return forge(self.key, header, self.claims)

    def with_claim(self, name: str, value: Any) -> str:
        """The good token, really signed, with another claim; ABSENT takes it away."""
        claims = without(self.claims, name) if value is ABSENT else {**self.claims, name: value}
        return forge(self.key, self.header, claims)

    def with_raw_claim(self, name: str, text: str) -> str:
        """The same, of a value that is text as it stands in the JSON."""
        rest = json.dumps(without(self.claims, name))[1:]
        return forge(self.key, self.header, f'{{"{name}":{text},{rest}')
