"""Other issuers, as a configuration names them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jwt import get_algorithm_by_name

from tests.attacks.forgery import forge, good_claims, good_header
from tornado_wssec import Issuer
from tornado_wssec.errors import ConfigurationError, TokenRefused
from tornado_wssec.policy.issuers import issuer_problems, named_issuer
from tornado_wssec.settings import Limits, TokenRules

from .rings import NOW, RULES, key, material, rsa_of

URL = "https://sso.example.com/keys"
SSO = TokenRules(issuer="https://sso.example.com", audience="chat")
TENANT = "aaaabbbb-0000-cccc-1111-dddd2222eeee"


def issuer(**changed: Any) -> Issuer:
    """One that is as it should be."""
    return Issuer(**{"jwks_url": URL, "rules": SSO, **changed})


def problems(**changed: Any) -> list[str]:
    """What is wrong with it, as an operator reads it."""
    with pytest.raises(ConfigurationError) as caught:
        issuer(**changed)
    return [str(problem) for problem in caught.value.problems]


def test_issuers_that_are_equal_are_one() -> None:
    """Also where roles are given, of which no hash can be made."""
    assert 1 == len({issuer(roles={"editor": ["board:*"]}) for _ in range(2)})


def test_issuer_lists_everything_at_once() -> None:
    """Where the keys are, and each of its rules."""
    assert [
        "Issuer.jwks_url: 'http://sso.example.com' is not https, so that whoever is on the way chooses the keys; write"
        " it as in https://sso.example.com/keys; insecure_url=True allows http:// on loopback",
        "Issuer.rules.issuer: is not set, so that tokens of others would do; set it",
        "Issuer.rules.audience: is not set, so that tokens of others would do; set it",
        "Issuer.rules: accept typ JWT, which ID tokens and refresh tokens have, too; name in required_claims what only"
        ' access tokens have, such as {"azp": None}',
    ] == problems(jwks_url="http://sso.example.com", rules=TokenRules(typ=None))


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("https://ann@sso.example.com/keys", "has a name or a password in it"),
        ("https://:secret@sso.example.com/keys", "has a name or a password in it"),
        ("https://sso.example.com:0/keys", "is no URL to fetch from"),
        ("https://sso.example.com:99999/keys", "is no URL to fetch from"),
        ("https://[sso.example.com/keys", "is no URL to fetch from"),
        ("https://sso.example.com/two words", "is no URL to fetch from"),
        ("https://sso.example.com/kéys", "is no URL to fetch from"),
        (7, "is no URL to fetch from"),
        ("http://sso.example.com/keys", "is not https"),
        ("ftp://127.0.0.1/keys", "is not https"),
    ],
)
def test_issuer_is_asked_at_no_such_url(url: Any, fault: str) -> None:
    """Not even where http:// is allowed on loopback."""
    assert fault in " ".join(problems(jwks_url=url, insecure_url=True))


def test_issuer_is_asked_at_any_port() -> None:
    """From the first one on."""
    assert "https://sso.example.com:1/keys" == issuer(jwks_url="https://sso.example.com:1/keys").jwks_url


@pytest.mark.parametrize("url", ["http://127.0.0.1:80/keys", "http://[::1]/keys", "http://localhost:8080/keys", URL])
def test_issuer_on_loopback_may_be_plain_where_it_is_said(url: str) -> None:
    """Nobody is on the way there."""
    assert url == issuer(jwks_url=url, insecure_url=True).jwks_url


@pytest.mark.parametrize("typ", ["at+jwt", "AT+JWT", "application/at+jwt"])
def test_issuer_of_rfc_9068_needs_no_more(typ: str) -> None:
    """Its header says what the token is; two of the same fields are equal."""
    rules = TokenRules(issuer="https://sso.example.com", audience="chat", typ=typ)

    assert issuer(rules=rules) == issuer(rules=rules)
    assert "https://sso.example.com" == issuer(rules=rules).name


def test_issuers_presets_know_where_keys_are() -> None:
    """Each `iss` and each key set is where its provider's documentation says."""
    made = [
        Issuer.keycloak("https://sso.example.com/realms/acme/", audience="ws-api"),
        Issuer.entra(TENANT, audience="api"),
        Issuer.auth0("acme.eu.auth0.com", audience="https://api"),
    ]

    assert [
        ("https://sso.example.com/realms/acme", "https://sso.example.com/realms/acme/protocol/openid-connect/certs"),
        (
            f"https://login.microsoftonline.com/{TENANT}/v2.0",
            f"https://login.microsoftonline.com/{TENANT}/discovery/v2.0/keys",
        ),
        ("https://acme.eu.auth0.com/", "https://acme.eu.auth0.com/.well-known/jwks.json"),
    ] == [(one.name, one.jwks_url) for one in made]


def test_issuers_presets_can_be_changed() -> None:
    """Rules and places alike; a name that is neither is a mistake."""
    made = Issuer.auth0("login.example.com", audience="a", typ="at+jwt", required_claims=None, ca_file="x.pem")

    assert ("at+jwt", None, "x.pem") == (made.rules.typ, made.rules.required_claims, made.ca_file)
    with pytest.raises(TypeError, match="colour"):
        Issuer.keycloak("https://sso.example.com/realms/acme", audience="a", colour="red")


@pytest.mark.parametrize("tenant", ["common", "organizations", "consumers", "acme.onmicrosoft.com", TENANT.upper(), ""])
def test_entra_wants_one_directory(tenant: str) -> None:
    """The shared endpoints would vouch for anybody's."""
    with pytest.raises(ConfigurationError, match="is no GUID"):
        Issuer.entra(tenant, audience="api")


@pytest.mark.parametrize("domain", ["https://acme.auth0.com", "acme", "acme.auth0.com/", "a b.com", "", "x@y.com"])
def test_auth0_wants_a_host(domain: str) -> None:
    """What is no name would make another URL."""
    with pytest.raises(ConfigurationError, match="is no name of a host"):
        Issuer.auth0(domain, audience="api")


# --- key sets ---


def test_ring_has_the_keys_of_this_issuer() -> None:
    """Entra's set is shared: a key may say whose it is, and be another's."""
    one = Issuer.entra(TENANT, audience="api")
    said = {
        "silent": None,
        "ours": one.name,
        "template": "https://login.microsoftonline.com/{tenantid}/v2.0",
        "theirs": "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0",
        "elsewhere": "https://login.example/{tenantid}/v2.0",
        "start": "https://login.microsoftonline.com/",
    }
    entries = [{**material("ES256").public_jwk(), "kid": kid, "issuer": whose} for kid, whose in said.items()]
    ring, ignored = one.ring({"keys": entries})

    assert (["silent", "ours", "template"], ()) == ([found.kid for found in ring.keys], ignored)


@pytest.mark.parametrize("document", [{"keys": []}, {}, [], None, "x", {"keys": {}}, {"keys": [None, 7]}])
def test_ring_without_keys_is_none(document: Any) -> None:
    """An empty answer takes nobody's keys away."""
    with pytest.raises(ConfigurationError):
        issuer().ring(document)


def test_ring_has_keys_of_the_size_that_the_rules_ask_for() -> None:
    """2,048 bits by default, never fewer."""
    algorithm = {"kty": "RSA", "alg": "RS256", "kid": "r"}
    numbers = rsa_of(2048).public_key()
    jwk = {**get_algorithm_by_name("RS256").to_jwk(numbers, as_dict=True), **algorithm}
    strict = TokenRules(issuer="i", audience="a", issuer_rsa_bits=3072)

    assert ["r"] == [found.kid for found in issuer().ring({"keys": [jwk]})[0].keys]
    with pytest.raises(ConfigurationError, match="is RSA with 2048 bits"):
        issuer(rules=strict).ring({"keys": [jwk]})
    with pytest.raises(ConfigurationError, match="1024 bits are fewer than 2048"):
        TokenRules(issuer="i", audience="a", issuer_rsa_bits=1024)


# --- together ---


def test_issuers_do_not_share_a_name() -> None:
    """Neither with each other nor with us."""
    own = TokenRules(issuer="https://us.example", audience="a")
    ours = issuer(rules=TokenRules(issuer="https://us.example", audience="a"))
    found = [str(problem) for problem in issuer_problems(own, [issuer(), ours, issuer()])]

    assert [
        "issuer https://us.example: has the same iss as our own; give each issuer an iss of its own",
        "issuer https://sso.example.com: has the same iss as another issuer's; give each issuer an iss of its own",
    ] == found
    assert [] == list(issuer_problems(TokenRules(), [issuer()]))


def test_rules_that_only_others_need_are_not_for_our_own_tokens() -> None:
    """A guard issues by its rules what it must accept."""
    own = TokenRules(issuer="i", audience="a", typ=None, jti_claim=None, subject_claim="oid")

    assert ["TokenRules.typ", "TokenRules.jti_claim", "TokenRules.subject_claim"] == [
        problem.where for problem in issuer_problems(own, [])
    ]


# --- whose token ---


def test_named_issuer_is_read_without_being_believed() -> None:
    """Who the token says it is from, and by which key."""
    signed = forge(key("ES256"), good_header(key("ES256"), RULES), good_claims(RULES, NOW))
    nameless = forge(key("ES256"), {"alg": "none", "kid": 7}, {"iss": "x"})

    assert (RULES.issuer, key("ES256").kid) == named_issuer(signed, Limits())
    assert ("x", None) == named_issuer(nameless, Limits())


@pytest.mark.parametrize("iss", [None, 7, ["https://sso.example.com"], {}, True])
def test_named_issuer_is_a_string(iss: Any) -> None:
    """Nothing else is looked up."""
    with pytest.raises(TokenRefused, match="iss is"):
        named_issuer(forge(key("ES256"), {"alg": "ES256"}, {"iss": iss}), Limits())


@given(st.text() | st.none() | st.integers() | st.binary())
def test_named_issuer_refuses_anything_else(token: Any) -> None:
    """By a TokenRefused, whatever it is."""
    with pytest.raises(TokenRefused):
        named_issuer(token, Limits())


@given(st.text(max_size=60))
def test_issuer_url_is_https_or_refused(url: str) -> None:
    """Whatever is configured."""
    for text in (url, f"https://{url}", f"http://127.0.0.1{url}"):
        try:
            made = issuer(jwks_url=text)
        except ConfigurationError:
            continue
        assert made.jwks_url.lower().startswith("https://")
