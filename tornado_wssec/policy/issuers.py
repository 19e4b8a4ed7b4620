"""Other issuers whose access tokens are accepted: where their keys are, and what their tokens look like.

Rules of this file:
1. Where keys come from stands in the configuration. Nothing in a token names a place to fetch from.
2. One `iss` is one issuer: nobody else's keys, and never ours, verify in its name.
3. An issuer signs more than access tokens. Its rules say what tells them apart, or the start is refused.

Source: RFC 8725 §3.8–3.12, RFC 9068 §4, OpenID Connect Core §2.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self
from urllib.parse import SplitResult, urlsplit

from ..errors import ConfigurationError, Problem, TokenRefused
from ..settings import Limits, TokenRules
from .claims import shown
from .keys import KeyRing
from .tokens import read_unverified

_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_URL: Final = re.compile(r"[\x21-\x7e]+").fullmatch
_HOST: Final = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+").fullmatch
_GUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch
_ACCESS_TYP: Final = "at+jwt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """An identity provider whose access tokens a guard accepts beside its own.

    `keycloak`, `entra` and `auth0` make one by what one knows of such a deployment.

    Args:
        jwks_url: where its public keys are, an https URL; it is never taken from a token, and no redirect is followed.
        rules: what its tokens look like; issuer and audience must be set, and what is not named is not taken.
        roles: the grants of each role in its tokens; None: those of the guard.
        ca_file: certificates (PEM) that its server may be vouched for by; None: those of the system.
        insecure_url: whether http:// is meant; on loopback alone.

    Raises:
        ConfigurationError: listing everything that must not be so.
    """

    jwks_url: str
    rules: TokenRules
    roles: Mapping[str, Sequence[str]] | None = field(default=None, hash=False)
    ca_file: str | None = None
    insecure_url: bool = False

    def __post_init__(self) -> None:
        problems = [*self._url_problems(), *self._rule_problems()]
        if problems:
            raise ConfigurationError(problems)

    @property
    def name(self) -> str:
        """Its `iss`."""
        return self.rules.issuer or ""

    # --- what one knows of a deployment ---

    @classmethod
    def keycloak(cls, realm_url: str, *, audience: str, clients: Sequence[str] = (), **changed: Any) -> Self:
        """A realm of Keycloak.

        Its roles are expanded by the guard's table. Access tokens say `"typ": "Bearer"` in their payload; what says
        ID, Refresh, Offline or Logout is refused.

        Args:
            realm_url: such as `https://sso.example.com/realms/acme`, as it stands in `iss`.
            audience: what an audience mapper of the realm puts into `aud`.
            clients: whose client roles count, beside the realm's.
            changed: fields of `TokenRules` or of this class.
        """
        realm_url = realm_url.rstrip("/")
        roles = (("realm_access", "roles"), *(("resource_access", client, "roles") for client in clients))
        rules = {
            "issuer": realm_url,
            "audience": audience,
            "typ": "JWT",
            "role_claims": roles,
            "required_claims": {"typ": "Bearer"},
        }
        return cls._made(f"{realm_url}/protocol/openid-connect/certs", rules, changed)

    @classmethod
    def entra(cls, tenant: str, *, audience: str, **changed: Any) -> Self:
        """A directory of Microsoft Entra ID; its v2.0 tokens, of work and school accounts.

        People are named by `oid`, which is the same for every application. `scp` gives permissions; app roles, in
        `roles`, are expanded by the guard's table. An ID token has no `azp`, and may have the very same `aud`.

        Args:
            tenant: the directory's GUID; `common` would accept anybody's directory.
            audience: the application id of the API that the tokens are for.
            changed: fields of `TokenRules` or of this class.

        Raises:
            ConfigurationError: the tenant is no GUID.
        """
        if not _GUID(tenant):
            remedy = "give the directory's own, in lower case: `iss` and `tid` are compared with it"
            raise ConfigurationError([Problem("Issuer.entra(tenant)", f"{tenant[:64]!r} is no GUID", remedy)])
        rules = {
            "issuer": f"https://login.microsoftonline.com/{tenant}/v2.0",
            "audience": audience,
            "typ": "JWT",
            "jti_claim": "uti",
            "subject_claim": "oid",
            "tenant_claim": "tid",
            "permission_claims": ("scp",),
            "role_claims": ("roles",),
            "required_claims": {"ver": "2.0", "tid": tenant, "azp": None},
            "forbidden_claims": _ONLY_IN_ID_TOKENS,
            "ignorable_headers": frozenset({"x5t"}),
        }
        return cls._made(f"https://login.microsoftonline.com/{tenant}/discovery/v2.0/keys", rules, changed)

    @classmethod
    def auth0(cls, domain: str, *, audience: str, **changed: Any) -> Self:
        """A tenant of Auth0, with its own profile of access tokens.

        `scope` and `permissions` give permissions. An ID token has no `azp`. For an API with the profile of RFC 9068,
        add `typ="at+jwt", required_claims=None`.

        Args:
            domain: such as `acme.eu.auth0.com`, or your own.
            audience: the identifier of the API.
            changed: fields of `TokenRules` or of this class.

        Raises:
            ConfigurationError: the domain is none.
        """
        if not _HOST(domain):
            fault = f"{domain[:64]!r} is no name of a host"
            raise ConfigurationError([Problem("Issuer.auth0(domain)", fault, "write it as in acme.eu.auth0.com")])
        rules = {
            "issuer": f"https://{domain}/",
            "audience": audience,
            "typ": "JWT",
            "jti_claim": None,
            "permission_claims": ("permissions", "scope"),
            "required_claims": {"azp": None},
            "forbidden_claims": _ONLY_IN_ID_TOKENS,
        }
        return cls._made(f"https://{domain}/.well-known/jwks.json", rules, changed)

    @classmethod
    def _made(cls, jwks_url: str, rules: Mapping[str, Any], changed: Mapping[str, Any]) -> Self:
        own = {name: value for name, value in changed.items() if name in cls.__slots__}
        rest = {name: value for name, value in changed.items() if name not in own}
        return cls(**{"jwks_url": jwks_url, "rules": TokenRules(**{**rules, **rest}), **own})

    # --- keys ---

    def ring(self, document: Any) -> tuple[KeyRing, tuple[Problem, ...]]:
        """The keys of a JWK Set that verify this issuer's tokens, and why the others do not.

        A set may be shared: a key that says it is another issuer's, as Entra's do, is left out.

        Raises:
            ConfigurationError: it is no JWK Set, has one name for two keys, or has no key that can be used.
        """
        if isinstance(document, dict) and isinstance(document.get("keys"), list):
            document = {"keys": [entry for entry in document["keys"] if self._is_ours(entry)]}
        ring, problems = KeyRing.from_issuer(document, self.rules.issuer_rsa_bits)
        if not ring.keys:
            nothing = Problem("JWKS", "has no key that can be used", "see what the issuer publishes there")
            raise ConfigurationError([*problems, nothing])
        return ring, problems

    def _is_ours(self, entry: Any) -> bool:
        said = entry.get("issuer") if isinstance(entry, dict) else None
        if not isinstance(said, str):
            return True
        before, _, after = said.partition("{tenantid}")
        return said == self.name or (before != said and self.name.startswith(before) and self.name.endswith(after))

    # --- what must not be so ---

    def _url_problems(self) -> Iterator[Problem]:
        url = _split(self.jwks_url)
        shown_url = "it" if "@" in str(self.jwks_url) else f"{self.jwks_url!a:.200}"  # a password may stand before @
        remedy = "write it as in https://sso.example.com/keys"
        if url is None or not url.hostname or url.fragment:
            yield Problem("Issuer.jwks_url", f"{shown_url} is no URL to fetch from", remedy)
        elif url.username is not None or url.password is not None:
            yield Problem("Issuer.jwks_url", "has a name or a password in it", "public keys need none; drop it")
        elif url.scheme != "https" and not (self.insecure_url and _is_plain_loopback(url)):
            fault = f"{shown_url} is not https, so that whoever is on the way chooses the keys"
            yield Problem("Issuer.jwks_url", fault, f"{remedy}; insecure_url=True allows http:// on loopback")

    def _rule_problems(self) -> Iterator[Problem]:
        for name in ("issuer", "audience"):
            if not getattr(self.rules, name):
                yield Problem(f"Issuer.rules.{name}", "is not set, so that tokens of others would do", "set it")
        says_access = (self.rules.typ or "").lower().removeprefix("application/") == _ACCESS_TYP
        if not says_access and not self.rules.required_claims:
            fault = f"accept typ {self.rules.typ or 'JWT'}, which ID tokens and refresh tokens have, too"
            remedy = 'name in required_claims what only access tokens have, such as {"azp": None}'
            yield Problem("Issuer.rules", fault, remedy)


_ONLY_IN_ID_TOKENS: Final = frozenset({"nonce", "at_hash", "c_hash", "s_hash"})
"""Source: OpenID Connect Core §3.1.3.6, §3.3.2.11; FAPI 1.0 part 2 §5.1."""


def issuer_problems(own: TokenRules, issuers: Iterable[Issuer]) -> Iterator[Problem]:
    """Yield what is wrong with these issuers together, and with rules for our own tokens that only others can need."""
    names = [own.issuer] if own.issuer else []
    for issuer in issuers:
        if issuer.name in names:
            whose = "our own" if issuer.name == own.issuer else "another issuer's"
            yield Problem(f"issuer {issuer.name}", f"has the same iss as {whose}", "give each issuer an iss of its own")
        names.append(issuer.name)
    ours = TokenRules()
    for name in ("typ", "jti_claim"):
        if getattr(own, name) is None:
            yield Problem(f"TokenRules.{name}", "is None, which our own tokens have", f"use {getattr(ours, name)!r}")
    if own.subject_claim != ours.subject_claim:
        fault = f"is {own.subject_claim!r}, and our own tokens are issued with {ours.subject_claim!r}"
        yield Problem("TokenRules.subject_claim", fault, "give such rules to an Issuer")


def named_issuer(token: Any, limits: Limits) -> tuple[str, str | None]:
    """Whom a token that nobody has verified says it is from, and which key: enough to choose what to judge it by.

    Raises:
        TokenRefused: it is no token, or does not say.
    """
    header, payload = read_unverified(token, limits)
    name, kid = payload.get("iss"), header.get("kid")
    if not isinstance(name, str):
        raise TokenRefused(f"iss is {shown(name)}")
    return name, kid if isinstance(kid, str) else None


def _split(url: Any) -> SplitResult | None:
    try:
        found = urlsplit(url) if isinstance(url, str) and _URL(url) else None
        return found if found is None or found.port is None or found.port > 0 else None
    except ValueError:
        return None


def _is_plain_loopback(url: SplitResult) -> bool:
    return url.scheme == "http" and url.hostname in _LOOPBACK
