"""Tokens as Keycloak, Entra ID and Auth0 issue them: claims and headers as their own documentation shows them.

Sources: Keycloak's server administration guide and its default client scopes; Microsoft's access token and ID token
claims references (v2.0); Auth0's access token profiles and ID token structure.
"""

from dataclasses import dataclass
from typing import Any, Final

from tornado_wssec import Issuer

TENANT: Final = "aaaabbbb-0000-cccc-1111-dddd2222eeee"
API: Final = "00001111-aaaa-2222-bbbb-3333cccc4444"
OBJECT: Final = "22223333-cccc-4444-dddd-5555eeee6666"
PERSON: Final = "36fa0f91-f94d-4a0c-afed-6b7d952e47da"
ROOM: Final = "chat:write:lobby"


@dataclass(frozen=True)
class Shape:
    """One provider's tokens.

    Args:
        issuer: the configuration, whose keys come from the tests' provider.
        access: the claims of an access token.
        others: of what the same keys sign, or may be made to, and is none.
        subject: who the access token is about.
        tenant: as its rules say.
        token_id: its claim; None: one is derived.
        headers: beside typ and kid.
    """

    issuer: Issuer
    access: dict[str, Any]
    others: dict[str, dict[str, Any]]
    subject: str
    tenant: str | None = None
    token_id: str | None = None


def times(now: float, seconds: int) -> dict[str, int]:
    """When it was issued and when it ends."""
    return {"iat": int(now), "exp": int(now) + seconds}


def keycloak(now: float, jwks_url: str) -> Shape:
    """A realm whose users have realm roles and roles of one client."""
    realm = "https://sso.example.com/realms/acme"
    common = {
        **times(now, 300),
        "iss": realm,
        "sub": PERSON,
        "azp": "web-app",
        "sid": "2a88c258-f73a-4103-b862-e1fbd8f4e04e",
        "acr": "1",
        "auth_time": int(now) - 60,
    }
    access = {
        **common,
        "jti": "onrtac:d58f5dc8-fd8f-462b-8a19-716f8f83985b",
        "aud": ["ws-api", "account"],
        "typ": "Bearer",
        "allowed-origins": ["https://app.example.com"],
        "realm_access": {"roles": ["default-roles-acme", "offline_access", "uma_authorization", "Sales Manager"]},
        "resource_access": {"ws.api": {"roles": ["writer"]}, "account": {"roles": ["manage-account"]}},
        "scope": "openid email profile",
        "email_verified": True,
        "name": "Zoë Ångström",
        "preferred_username": "zoe",
    }
    id_token = {**common, "jti": "id-1", "aud": "ws-api", "typ": "ID", "at_hash": "x" * 22, "nonce": "n-1"}
    refresh = {**common, "jti": "rt-1", "aud": "ws-api", "typ": "Refresh", "scope": "openid"}
    logout = {**access, "typ": "Logout", "events": {"http://schemas.openid.net/event/backchannel-logout": {}}}
    issuer = Issuer.keycloak(realm, audience="ws-api", clients=["ws.api"], jwks_url=jwks_url, insecure_url=True)
    others = {
        "ID token": id_token,
        "refresh token": refresh,
        "offline token": {**refresh, "typ": "Offline"},
        "logout token": logout,
        "bound to a key": {**access, "typ": "DPoP", "cnf": {"jkt": "x" * 43}},
        "bound to a key, as a bearer token": {**access, "cnf": {"jkt": "x" * 43}},
        "bound to a certificate": {**access, "cnf": {"x5t#S256": "x" * 43}},
        "without a payload typ": {name: value for name, value in access.items() if name != "typ"},
        "for another client": {**access, "aud": ["account"]},
        "of another realm": {**access, "iss": "https://sso.example.com/realms/evil"},
    }
    return Shape(issuer, access, others, PERSON, token_id="onrtac:d58f5dc8-fd8f-462b-8a19-716f8f83985b")


def entra(now: float, jwks_url: str) -> Shape:
    """A directory, and an API whose tokens are of version 2.0; page and API share one registration."""
    common = {
        **times(now, 4_500),
        "nbf": int(now),
        "iss": f"https://login.microsoftonline.com/{TENANT}/v2.0",
        "aud": API,
        "name": "Abe Lincoln",
        "oid": OBJECT,
        "preferred_username": "abe@example.com",
        "rh": "0.AAAA",
        "sub": "HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ",
        "tid": TENANT,
        "uti": "fqiBqXLPj0eQa82S-IYFAA",
        "ver": "2.0",
    }
    access = {
        **common,
        "aio": "AXQAi/8TAAAA",
        "azp": "11112222-bbbb-3333-cccc-4444dddd5555",
        "azpacr": "0",
        "roles": ["writer"],
        "scp": "Chat.Read Chat.Write",
    }
    issuer = Issuer.entra(TENANT, audience=API, jwks_url=jwks_url, insecure_url=True)
    others = {
        "ID token": {**common, "roles": ["writer"]},
        "ID token of a hybrid flow": {**common, "nonce": "12345", "c_hash": "x" * 22, "roles": ["writer"]},
        "ID token with azp": {**common, "azp": API, "nonce": "12345"},
        "of version 1.0": {**access, "ver": "1.0", "appid": API},
        "of another tenant": {**access, "tid": "99998888-0000-cccc-1111-dddd2222eeee"},
        "of another tenant's issuer": {**access, "iss": "https://login.microsoftonline.com/common/v2.0"},
        "for Graph": {**access, "aud": "00000003-0000-0000-c000-000000000000"},
        "without a person": {name: value for name, value in access.items() if name != "oid"},
    }
    return Shape(issuer, access, others, OBJECT, tenant=TENANT, token_id="fqiBqXLPj0eQa82S-IYFAA")


def auth0(now: float, jwks_url: str) -> Shape:
    """A tenant with role-based access control, and its own profile of tokens."""
    common = {**times(now, 86_400), "iss": "https://acme.eu.auth0.com/", "sub": "auth0|6553da60a54af58e29493993"}
    access = {
        **common,
        "aud": ["https://chat.example.com/api", "https://acme.eu.auth0.com/userinfo"],
        "azp": "K1AUPhZq8mRi0Q0pjhkfu1D7y6KjDQja",
        "scope": "openid profile read:chat",
        "permissions": ["read:chat", ROOM],
    }
    id_token = {
        **common,
        "aud": "K1AUPhZq8mRi0Q0pjhkfu1D7y6KjDQja",
        "sid": "s-1",
        "nonce": "n-1",
        "email": "ann@example.com",
        "updated_at": "2026-01-01T00:00:00.000Z",
    }
    issuer = Issuer.auth0(
        "acme.eu.auth0.com", audience="https://chat.example.com/api", jwks_url=jwks_url, insecure_url=True
    )
    others = {
        "ID token": id_token,
        "ID token for an audience like the API's": {**id_token, "aud": "https://chat.example.com/api"},
        "ID token without a nonce": {**common, "aud": "https://chat.example.com/api", "sid": "s-1"},
        "for userinfo alone": {**access, "aud": "https://acme.eu.auth0.com/userinfo"},
        "of another tenant": {**access, "iss": "https://evil.eu.auth0.com/"},
        "issuer without its slash": {**access, "iss": "https://acme.eu.auth0.com"},
    }
    return Shape(issuer, access, others, "auth0|6553da60a54af58e29493993")


SHAPES: Final = (keycloak, entra, auth0)
