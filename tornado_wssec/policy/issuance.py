"""Signing access tokens of our own.

What is signed here has been read by the very code that verifies it, so that no token is handed
out that a server would refuse.
"""

import secrets
from collections.abc import Iterable, Mapping
from typing import Any, Final

from ..errors import ConfigurationError, FrameError, TokenRefused
from ..settings import Limits, TokenRules
from .claims import ClaimReader
from .keys import KeyRing
from .permissions import Grants
from .signatures import read_signing_key
from .strict_json import decode_json, encode_json

_RESERVED: Final = frozenset(
    {"aud", "cnf", "exp", "iat", "iss", "jti", "nbf", "permissions", "roles", "scope", "sid", "sub", "tenant"}
)


def issue_token(
    ring: KeyRing,
    rules: TokenRules,
    *,
    subject: str,
    permissions: Iterable[str] = (),
    ttl: float | None = None,
    now: float,
    tenant: str | None = None,
    session_id: str | None = None,
    roles: Iterable[str] = (),
    claims: Mapping[str, Any] | None = None,
    cnf: Mapping[str, Any] | None = None,
    token_id: str | None = None,
) -> str:
    """Sign a token with the ring's current key.

    Args:
        subject: whom it is about; 1–128 printable ASCII characters.
        permissions: grants, patterns included.
        ttl: whole seconds it lives, at most `rules.max_lifetime`; None: `rules.ttl`.
        now: wall seconds.
        session_id: the `sid`; None: none, and whoever admits the connection makes one.
        roles: expanded by the table of the server that verifies.
        claims: others, for the application; none that has an argument here.
        cnf: what the token is bound to (RFC 7800); `{"jwk": …}` is the public half that its holder signs messages with.
        token_id: the `jti`; None: 128 random bits.

    Raises:
        ValueError: something cannot be in a token, or no key here can sign; says what and the remedy.
        ConfigurationError: the rules name no issuer or no audience.
    """
    payload, jti_claim = dict(claims or {}), rules.jti_claim or "jti"
    if taken := sorted((_RESERVED | {jti_claim}).intersection(payload)):
        raise ValueError(f"claims has {', '.join(taken)}; use the argument that is for it, or leave it out")
    life = rules.ttl if ttl is None else ttl
    if not 1 <= life <= rules.max_lifetime:
        raise ValueError(f"ttl is {life:g} s; a token lives from 1 to {rules.max_lifetime:g} s")
    payload |= {"iss": rules.issuer, "aud": rules.audience, "sub": subject, "iat": int(now)}
    payload |= {
        "exp": int(now) + int(life),
        jti_claim: token_id or secrets.token_urlsafe(16),
    }
    optional = {
        "permissions": list(Grants(permissions)),
        "roles": _list(roles),
        "tenant": tenant,
        "sid": session_id,
        "cnf": None if cnf is None else _confirmation(cnf),
    }
    payload |= {name: value for name, value in optional.items() if value not in (None, [])}
    return _signed(ring, rules, payload, now)


def _confirmation(cnf: Mapping[str, Any]) -> dict[str, Any]:
    """What the token says of its holder's key; of a JWK no member but those that are the key."""
    if "jwk" not in cnf:
        return dict(cnf)
    try:
        return {**cnf, "jwk": read_signing_key(cnf["jwk"], "cnf.jwk").public_jwk()}
    except ConfigurationError as error:
        problem = error.problems[0]
    raise ValueError(str(problem))


def _list(roles: Iterable[str]) -> list[str]:
    if isinstance(roles, str):
        raise ValueError(f"roles is one string, {roles!r}, where a list belongs; write [{roles!r}]")
    return list(roles)


def _signed(ring: KeyRing, rules: TokenRules, payload: dict[str, Any], now: float) -> str:
    """The token, once our own reader has accepted its payload."""
    key, limits = ring.current, Limits()
    text = encode_json(payload).encode()
    try:
        ClaimReader(rules).read(decode_json(text, limits), key.kid, now)
    except (TokenRefused, FrameError) as error:
        fault = error.evidence
    else:
        token = key.sign(text, rules.typ or "JWT")
        if len(token) <= limits.token_bytes:
            return token
        fault = (
            f"has {len(token)} bytes, above {limits.token_bytes}: use patterns or roles in place of many permissions"
        )
    raise ValueError(f"every server would refuse this token: {fault}")
