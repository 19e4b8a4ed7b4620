"""What the payload of a verified token says, judged claim by claim, into an Identity.

Rules of this file:
1. A claim has one type. Times are integers: `true`, `"1"` and even `1.0` are refused, since every issuer writes
   integers, and two spellings of a time are one too many.
2. Names are compared as they are, never normalised; what is not printable ASCII is no name.
3. Expiry has no leeway. `iat` and `nbf` have that of the rules, for clocks that differ.
4. A malformed claim refuses the token; it is never dropped.
5. Evidence holds a claim's name and at most a few escaped characters of its value.
6. The keys that sign access tokens sign ID tokens and refresh tokens, too: another issuer's rules must say what
   tells them apart, and a token that is bound to a key of its holder is no bearer token.

Source: RFC 7519 §4.1, RFC 8725 §3.8–3.10, RFC 9068 §2.2, §4.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from ..errors import ConfigurationError, Problem, TokenRefused
from ..settings import TokenRules
from .base64url import encode
from .claim_sources import ClaimSources
from .grant_pool import GRANTS_KNOWN
from .identity import Identity
from .permissions import Grants, expand_roles, role_problems

NO_ROLES: Final[Mapping[str, Iterable[str]]] = MappingProxyType({})

_NAME: Final = re.compile(r"[\x21-\x7e]{1,128}").fullmatch

_BOUND: Final = frozenset({"jkt", "x5t#S256"})
"""How a token is bound to its holder's key, whose possession nobody proves here. Source: RFC 9449 §6, RFC 8705 §3."""


class IssuedAhead(TokenRefused):
    """A token from later than now, by more than the leeway: one of two clocks is wrong."""


class ClaimReader:
    """Reads the claims of one issuer's tokens.

    Args:
        rules: what they look like; issuer and audience must be set.
        roles: the grants of each role that a token may name; others give nothing.
        is_foreign: whether the tokens are another issuer's.

    Raises:
        ConfigurationError: the rules would accept anybody's tokens, or a role's grant is malformed.
    """

    def __init__(
        self, rules: TokenRules, roles: Mapping[str, Iterable[str]] = NO_ROLES, *, is_foreign: bool = False
    ) -> None:
        problems = [*_lenient(rules), *role_problems(roles)]
        if problems:
            raise ConfigurationError(problems)
        self._rules = rules
        self._is_foreign = is_foreign
        self._required = dict(rules.required_claims or {})
        self._sources = ClaimSources(rules, is_foreign=is_foreign)
        self._roles = {role: tuple(grants) for role, grants in roles.items()}
        self._known_grants: dict[tuple[str, ...], Grants] = {}

    def read(self, claims: Any, key_id: str, now: float, not_before: float = 0.0) -> Identity:
        """Return who the token speaks of.

        Args:
            claims: the payload, decoded strictly, after its signature was verified.
            key_id: the kid of the key that verified it.
            not_before: tokens issued in an earlier second are refused.

        Raises:
            TokenRefused: for every cause.
        """
        if not isinstance(claims, dict):
            raise TokenRefused("the payload is no JSON object")
        issued_at, expires_at = self._times(claims, now, not_before)
        if claims.get("iss") != self._rules.issuer:
            raise TokenRefused(f"iss is {shown(claims.get('iss'))}")
        self._audience(claims.get("aud"))
        self._kind(claims)
        jti_claim, tenant = self._rules.jti_claim, self._sources.tenant(claims)
        roles = tuple(self._sources.roles(claims))
        return Identity(
            issuer=self._rules.issuer,
            subject=_name(claims, self._rules.subject_claim),
            token_id=_derived_name(claims) if jti_claim is None else _name(claims, jti_claim),
            session_id=_optional_name(claims, "sid"),
            tenant=None if tenant is None else _checked_name("tenant", tenant),
            permissions=self._grants(claims, roles),
            roles=roles,
            claims=MappingProxyType(claims),
            key_id=key_id,
            # An issuer's clock that is ahead must not carry a token past a revocation of what was issued until now.
            issued_at=float(min(issued_at, now)),
            expires_at=float(expires_at),
        )

    def _times(self, claims: Mapping[str, Any], now: float, not_before: float) -> tuple[int, int]:
        """When it was issued and when it ends, if it is alive."""
        issued_at, expires_at = _time(claims, "iat"), _time(claims, "exp")
        if now >= expires_at:
            raise TokenRefused(f"expired {now - expires_at:.0f} s ago")
        if issued_at > now + self._rules.leeway:
            raise IssuedAhead(f"iat is {issued_at - now:.0f} s ahead")
        if expires_at <= issued_at:
            raise TokenRefused("exp is not after iat")
        if expires_at - issued_at > self._rules.max_lifetime:
            raise TokenRefused(f"lives {expires_at - issued_at} s, longer than {self._rules.max_lifetime:g}")
        if "nbf" in claims and _time(claims, "nbf") > now + self._rules.leeway:
            raise TokenRefused("nbf is ahead")
        if "auth_time" in claims and _time(claims, "auth_time") > now + self._rules.leeway:
            raise TokenRefused("auth_time is ahead")
        if issued_at < int(not_before):
            raise TokenRefused("issued before the store's generation was made")
        return issued_at, expires_at

    def _audience(self, found: Any) -> None:
        """Refuse an audience that is not ours. The strict rule also refuses a token that is for others too."""
        audiences = found if isinstance(found, list) else [found]
        if len(audiences) > self._rules.audiences or not all(isinstance(audience, str) for audience in audiences):
            raise TokenRefused(f"aud is neither a string nor a list of at most {self._rules.audiences}")
        if self._rules.audience not in audiences:
            raise TokenRefused(f"aud is {shown(found)}")
        if self._rules.only_our_audience and len(set(audiences)) != 1:
            raise TokenRefused("aud names others too")

    def _kind(self, claims: Mapping[str, Any]) -> None:
        """Refuse what the same keys sign and is no access token, or not one for whoever bears it."""
        bound = claims.get("cnf", {})
        if not isinstance(bound, dict):
            raise TokenRefused("cnf is no JSON object")
        if self._is_foreign and _BOUND.intersection(bound):
            raise TokenRefused("it is bound to a key of its holder, which nobody proves here")
        for name, wanted in self._required.items():
            found = claims.get(name)
            if not found if wanted is None else found != wanted:
                raise TokenRefused(f"{name} is {shown(found)}, so this is no access token for us")
        if strange := self._rules.forbidden_claims & claims.keys():
            raise TokenRefused(f"has {', '.join(sorted(strange))}, which no access token has")

    def _grants(self, claims: Mapping[str, Any], roles: tuple[str, ...]) -> Grants:
        """Everything that the permissions and the roles give."""
        named = (*self._sources.permissions(claims), *expand_roles(roles, self._roles))
        if (known := self._known_grants.get(named)) is not None:
            return known
        try:
            grants = Grants(named)
        except ValueError as error:
            fault = str(error)
        else:
            if len(self._known_grants) >= GRANTS_KNOWN:
                del self._known_grants[next(iter(self._known_grants))]
            self._known_grants[named] = grants
            return grants
        raise TokenRefused(f"holds a malformed grant: {ascii(fault)[1:120]}")


def shown(value: Any) -> str:
    """A value for evidence: escaped and short, and of a list or an object only its type."""
    return ascii(value)[:64] if isinstance(value, (str, int, float)) or value is None else f"a {type(value).__name__}"


def _lenient(rules: TokenRules) -> Iterator[Problem]:
    if not rules.issuer:
        yield Problem("TokenRules.issuer", "is not set, so that anybody's tokens would do", "set WSSEC_ISSUER")
    if not rules.audience:
        yield Problem("TokenRules.audience", "is not set, so that tokens for others would do", "set WSSEC_AUDIENCE")


def _time(claims: Mapping[str, Any], name: str) -> int:
    """Unix seconds; TokenRefused for anything but an integer that is not negative."""
    value = claims.get(name)
    if type(value) is not int or value < 0:
        raise TokenRefused(f"{name} is {shown(value)}, not integer seconds")
    return value


def _name(claims: Mapping[str, Any], name: str) -> str:
    return _checked_name(name, claims.get(name))


def _checked_name(name: str, value: Any) -> str:
    if not isinstance(value, str) or not _NAME(value):
        raise TokenRefused(f"{name} is {shown(value)}, not 1–128 printable ASCII characters without a space")
    return value


def _optional_name(claims: Mapping[str, Any], name: str) -> str | None:
    return _name(claims, name) if name in claims else None


def _derived_name(claims: Mapping[str, Any]) -> str:
    """A name for a token that has none: of what it says, not of its text, which may have several spellings."""
    said = json.dumps(claims, sort_keys=True, separators=(",", ":"))
    return encode(hashlib.sha256(said.encode("ascii")).digest())
