"""A chat whose guard trusts other issuers."""

from typing import Any, Final

from tests.kits import GENEROUS, chat_kit
from tornado_wssec import Issuer, Timeouts, TokenRules
from tornado_wssec.testing import GuardKit

from .provider import Provider
from .shapes import ROOM, times

ROLES: Final = {"writer": [ROOM]}
SSO: Final = "https://sso.example.com"
RULES: Final = TokenRules(
    issuer=SSO,
    audience="chat",
    typ="JWT",
    permission_claims=("permissions",),
    required_claims={"azp": None},
)
BRISK: Final = Timeouts(jwks_fetch=1.0)
"""A bound that a test can wait for, and a busy machine can keep."""

ENDLESS: Final = ("dripping", "silent")
"""How a provider behaves whom nothing but the clock stops."""


def sso(provider: Provider, place: str = "", **rules: Any) -> Issuer:
    """An issuer whose keys are at this place of the provider."""
    changed = {item: getattr(RULES, item) for item in ("issuer", "audience", "typ", "permission_claims")}
    given = {**changed, "required_claims": RULES.required_claims, **rules}
    return Issuer(jwks_url=f"{provider.url}{place}/keys", rules=TokenRules(**given), insecure_url=True)


def trusting(*issuers: Issuer, **options: Any) -> GuardKit:
    """A chat at /ws whose guard trusts these."""
    return chat_kit(**{"issuers": issuers, "limits": GENEROUS, "roles": ROLES, **options})


def claims(now: float, **changed: Any) -> dict[str, Any]:
    """Claims that the rules of `sso` accept."""
    given = {"iss": SSO, "aud": "chat", "sub": "ann", "azp": "page", "jti": "id-1", "permissions": [ROOM]}
    return {**times(now, 600), **given, **changed}
