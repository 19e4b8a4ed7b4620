"""What an issuer's access tokens look like, and how long they may live."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from ..errors import Problem
from .documented import Documented, default

LEEWAY_MOST: Final = 60.0
"""A leeway above this would accept tokens of clocks that are wrong (RFC 7519 §4.1.4: "a few minutes" at most)."""

ASSERTED_SECONDS: Final = 3_600.0
"""An hour: how long what a proxy's header said still counts. When its session ends, nobody tells us."""

RSA_BITS_OF_ISSUERS: Final = 2048
"""Least size of another issuer's RSA key: what Keycloak, Entra and Auth0 sign with. Source: RFC 7518 §3.3."""


ClaimPath = str | tuple[str, ...]
"""Where in a payload a claim stands: `"realm_access.roles"`, or, where a name has a dot, the names one by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRules(Documented):
    """What one issuer's access tokens look like. The defaults are our own (RFC 9068).

    Args:
        issuer: the `iss`, compared as it is.
        audience: what must be in `aud`.
        typ: of the header; None: "JWT", or none at all, for issuers that do not tell kinds of tokens apart there.
        jti_claim: the token's name, by which it can be revoked; None: one is derived from its claims.
        subject_claim: who it is about.
        tenant_claim, permission_claims, role_claims: where these stand, each of the latter two as a list of strings or
            as one string with spaces. None: as in our own tokens; of another issuer's nothing is taken unnamed.
        required_claims: what tells an access token from the ID tokens and refresh tokens that the same keys sign: a
            claim at the top and its value; None: any.
        forbidden_claims: what an access token never has.
        ignorable_headers: such as `x5t`; those that would change what is verified are refused.
        only_our_audience: whether a token that is for others, too, is refused.
    """

    issuer: str | None = None
    audience: str | None = None
    typ: str | None = "at+jwt"
    jti_claim: str | None = "jti"
    subject_claim: str = "sub"
    tenant_claim: ClaimPath | None = None
    permission_claims: tuple[ClaimPath, ...] | None = None
    role_claims: tuple[ClaimPath, ...] | None = None
    required_claims: Mapping[str, str | None] | None = field(default=None, hash=False)
    forbidden_claims: frozenset[str] = frozenset()
    ignorable_headers: frozenset[str] = frozenset()
    only_our_audience: bool = False

    audiences: int = default(32, "a longer aud list is there to cost, not to address")
    issuer_rsa_bits: int = default(RSA_BITS_OF_ISSUERS, "what identity providers sign with; keys of our own have 3,072")
    ttl: float = default(600.0, "10 minutes; ASVS asks for short-lived (R024)")
    max_lifetime: float = default(86_400.0, "24 h: a longer one is refused, so revocations can end")
    warn_lifetime: float = default(3_600.0, "longer is accepted and warned of")
    leeway: float = default(30.0, "on iat and nbf; none on exp", or_zero=True)

    def _contradictions(self) -> Iterator[Problem]:
        if self.leeway > LEEWAY_MOST:
            yield Problem(
                "TokenRules.leeway", f"{self.leeway:g} s is above {LEEWAY_MOST:g} s", "mend the clocks instead"
            )
        if self.ttl > self.max_lifetime:
            remedy = f"lower it, or raise max_lifetime above {self.max_lifetime:g} s"
            yield Problem("TokenRules.ttl", f"{self.ttl:g} s is longer than tokens may live", remedy)
        if self.issuer_rsa_bits < RSA_BITS_OF_ISSUERS:
            fault = f"{self.issuer_rsa_bits} bits are fewer than {RSA_BITS_OF_ISSUERS} (RFC 7518 §3.3)"
            yield Problem("TokenRules.issuer_rsa_bits", fault, "have the issuer make larger keys")
