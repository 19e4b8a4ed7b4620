"""Access tokens: verified by the one key that the token names and that key's one algorithm (R016, R024).

Rules of this file:
1. Size, shape and header are judged before any cryptography; claims only after the signature.
2. The header holds `alg`, `typ`, `kid` and what the rules call ignorable; nothing in it is followed.
3. One token has one spelling: strict base64url, no name twice.
4. That a signature is good is remembered, and nothing else: what a token says is judged anew each time.
5. Every refusal is a TokenRefused, that of an unexpected failure too, which is logged once and without the token.

Source: RFC 7515 §4.1, §5.2, RFC 8725 §3, RFC 9068 §4.
"""

import logging
import math
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from ..errors import ConfigurationError, MalformedFrame, Problem, TokenRefused
from ..settings import Limits, TokenRules
from .base64url import decode
from .claims import NO_ROLES, ClaimReader, IssuedAhead, shown
from .identity import Identity
from .issuance import issue_token
from .keys import Key, KeyRing
from .strict_json import JsonReader, sized_text
from .verified_tokens import VerifiedToken, VerifiedTokens

__all__ = ["TokenVerifier", "issue_token", "read_unverified"]

logger = logging.getLogger("tornado_wssec.tokens")

_HEADERS: Final = frozenset({"alg", "typ", "kid"})
_NEVER_IGNORABLE: Final = frozenset({"jku", "x5u", "jwk", "x5c", "crit", "zip", "enc", "b64"})
"""Headers that would change what is verified, or by which key."""

_TOLD_AGAIN_SECONDS: Final = 600.0
"""A log that was rotated must not be silent about a clock that is wrong, and no client may fill it."""

_NO_TYP: Final = "jwt"
"""What a header says, or leaves out, that says nothing. Source: RFC 7519 §5.1."""


class TokenVerifier:
    """Judges one issuer's tokens.

    Args:
        rules: what they look like; issuer and audience must be set.
        roles: the grants of each role that a token may name.
        limits: the cap on a token, those on JSON, and how many tokens are known again; None: the defaults.
        is_foreign: whether they are another issuer's.

    Raises:
        ConfigurationError: the rules would accept what must not be accepted.
    """

    def __init__(
        self,
        rules: TokenRules,
        roles: Mapping[str, Iterable[str]] = NO_ROLES,
        limits: Limits | None = None,
        *,
        is_foreign: bool = False,
    ) -> None:
        if fatal := _NEVER_IGNORABLE & rules.ignorable_headers:
            fault = f"names {', '.join(sorted(fatal))}, which would change what is verified"
            raise ConfigurationError([Problem("TokenRules.ignorable_headers", fault, "leave them out")])
        self._rules = rules
        self._limits = _for_tokens(limits)
        self._json = JsonReader(self._limits)
        self._reader = ClaimReader(rules, roles, is_foreign=is_foreign)
        self._typ = None if rules.typ is None else _media_type(rules.typ)
        self._known = VerifiedTokens(self._limits.verified_tokens)
        self._has_warned = False
        self.ahead = 0
        """Tokens that were refused since they are from later than now; each had a good signature."""
        self._told_of_clocks_at = -math.inf
        self._headers = _HEADERS | rules.ignorable_headers

    def verify(self, token: str, ring: KeyRing, now: float, *, not_before: float = 0.0) -> Identity:
        """Return who the token speaks of. Whether it is revoked is asked elsewhere.

        Args:
            now: wall seconds.
            not_before: tokens issued in an earlier second are refused (the store's generation).

        Raises:
            TokenRefused: for every cause.
        """
        try:
            return self._verify(token, ring, now, not_before)
        except IssuedAhead as refusal:
            self._take_note_of_clocks(refusal.evidence, now)
            raise
        except TokenRefused:
            raise
        except Exception as error:
            logger.error("judging a token failed with %s in %s; it was refused", type(error).__name__, _place(error))
        raise TokenRefused("judging it failed unexpectedly", remedy="report what the log of tornado_wssec.tokens says")

    def recall(self, token: Any) -> VerifiedToken | None:
        """What has been accepted of this text before, if it is still known; it must be verified again all the same."""
        return self._known.recall(token)

    def _verify(self, token: str, ring: KeyRing, now: float, not_before: float) -> Identity:
        if (known := self._known.find(token, ring, now)) is not None:
            return self._reader.read(known.claims(), known.key.kid, now, not_before)
        header = _object(_parts(token, self._limits)[0], self._json)
        key = self._key(header, ring, now)
        opened = _opened(token, key)
        payload = _object(opened, self._json)
        identity = self._reader.read(payload, key.kid, now, not_before)
        self._known.add(token, VerifiedToken(header.get("kid"), key, opened.decode()))
        self._warn_of_long_life(payload["exp"] - payload["iat"])
        return identity

    def _take_note_of_clocks(self, evidence: str, now: float) -> None:
        """Count a token from later than now, and tell of it once in ten minutes: all tokens of its issuer may be so."""
        self.ahead += 1
        if abs(now - self._told_of_clocks_at) >= _TOLD_AGAIN_SECONDS:
            self._told_of_clocks_at = now
            logger.warning(
                "a token of %s was refused: %s, and more than %g s are no difference that clocks may have;"
                " set the clock of its issuer, or of this machine",
                self._rules.issuer,
                evidence,
                self._rules.leeway,
            )

    def _warn_of_long_life(self, lifetime: int) -> None:
        """Tell once that this issuer's tokens outlive what one wants to wait for."""
        if lifetime > self._rules.warn_lifetime and not self._has_warned:
            self._has_warned = True
            logger.warning(
                "tokens of %s live %d s; above %g s rights are hard to take back: shorten them at the issuer",
                self._rules.issuer,
                lifetime,
                self._rules.warn_lifetime,
            )

    def _key(self, header: Mapping[str, Any], ring: KeyRing, now: float) -> Key:
        """The one key that may have signed under this header."""
        if foreign := header.keys() - self._headers:
            raise TokenRefused(f"the header has {', '.join(sorted(map(shown, foreign)))[:120]}")
        typ, kid = header.get("typ", _NO_TYP if self._typ is None else None), header.get("kid")
        if not isinstance(typ, str) or _media_type(typ) != (self._typ or _NO_TYP):
            raise TokenRefused(f"typ is {shown(typ)}")
        if "kid" in header and not isinstance(kid, str):
            raise TokenRefused(f"kid is {shown(kid)}")
        key = ring.verifying(kid, now)
        if key is None:
            raise TokenRefused(
                f"no key {shown(kid)} verifies" + (": it is compromised" if kid in ring.compromised else "")
            )
        if header.get("alg") != key.alg:
            raise TokenRefused(f"alg is {shown(header.get('alg'))}, and the key is for {key.alg}")
        return key


def read_unverified(token: str, limits: Limits | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and payload of a token that nobody has verified: to show it, or to find its issuer's rules.

    Raises:
        TokenRefused: it is no compact JWS of JSON objects, or is too big.
    """
    limits = _for_tokens(limits)
    header, payload = _parts(token, limits)
    reader = JsonReader(limits)
    return _object(header, reader), _object(payload, reader)


def _for_tokens(limits: Limits | None) -> Limits:
    """Limits under which whatever fits in a token may be read, however short messages must be."""
    limits = limits or Limits()
    return replace(limits, message_bytes=limits.token_bytes)


def _parts(token: Any, limits: Limits) -> tuple[bytes, bytes]:
    """Header and payload of a compact JWS, if all three parts are strict base64url."""
    if not isinstance(token, str):
        raise TokenRefused(f"the token is of type {type(token).__name__}")
    if len(token) > limits.token_bytes:
        raise TokenRefused(f"the token has {len(token)} characters, above {limits.token_bytes}")
    parts = token.split(".")
    if len(parts) != 3 or not all(parts):
        raise TokenRefused("the token has not three parts")
    with suppress(ValueError):
        header, payload, _ = map(decode, parts)
        return header, payload
    raise TokenRefused("a part of the token is not strict base64url")


def _object(data: bytes, reader: JsonReader) -> dict[str, Any]:
    """A JSON object without a name twice, NaN, depth or excess."""
    fault = "no object"
    try:
        value = reader.read(sized_text(data, reader.limits)[0])
        if isinstance(value, dict):
            return value
    except MalformedFrame as error:
        fault = error.evidence
    raise TokenRefused(f"a part of the token is no JSON object as we accept it: {fault}")


def _opened(token: str, key: Key) -> bytes:
    """The payload, if the key signed it."""
    payload = key.verify(token)
    if payload is None:
        raise TokenRefused(f"the signature is not by key {shown(key.kid)}")
    return payload


def _media_type(typ: str) -> str:
    """A media type to compare: without case, and without "application/". Source: RFC 7515 §4.1.9, RFC 9068 §4."""
    return typ.lower().removeprefix("application/") if typ.isascii() else typ


def _place(error: BaseException) -> str:
    """The function and line that failed. Not the message: it might quote the token."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_qualname}:{trace.tb_lineno}" if trace is not None else "?"
