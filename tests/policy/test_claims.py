"""Claims of a verified token, into an Identity."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.attacks.forgery import good_claims
from tornado_wssec.errors import ConfigurationError, TokenRefused
from tornado_wssec.policy.claims import ClaimReader, shown
from tornado_wssec.policy.identity import Identity
from tornado_wssec.policy.permissions import Grants
from tornado_wssec.settings import TokenRules

from .rings import NOW, RULES

READER = ClaimReader(RULES, {"editor": ["board:*:draw", "chat:read:*"], "viewer": ["board:*:see"]})


def read(now: float = NOW, not_before: float = 0.0, **claims: Any) -> Identity:
    """The identity of good claims, with these in their place."""
    return READER.read(good_claims(RULES, NOW) | claims, "kid", now, not_before)


def refusal(now: float = NOW, not_before: float = 0.0, **claims: Any) -> str:
    """The evidence of the refusal; the test fails where there is none."""
    with pytest.raises(TokenRefused) as caught:
        read(now, not_before, **claims)
    return caught.value.evidence


def test_claims_give_the_identity() -> None:
    """Every field comes from its claim, and from nowhere else."""
    identity = read(sid="s-1", tenant="acme", colour="red", cnf={"jkt": "x"})

    assert (
        Identity(
            issuer="https://issuer.example",
            subject="u1",
            permissions=Grants(["chat:read:*"]),
            claims=good_claims(RULES, NOW) | {"sid": "s-1", "tenant": "acme", "colour": "red", "cnf": {"jkt": "x"}},
            tenant="acme",
            token_id="id-1",
            session_id="s-1",
            key_id="kid",
            issued_at=NOW,
            expires_at=NOW + 600,
        )
        == identity
    )


def test_claims_that_may_be_absent() -> None:
    """No tenant, no session and no rights: None, None and none."""
    claims = {name: value for name, value in good_claims(RULES, NOW).items() if name != "permissions"}
    identity = READER.read(claims, "kid", NOW)

    assert (None, None, Grants(), False) == (
        identity.tenant,
        identity.session_id,
        identity.permissions,
        identity.anonymous,
    )


def test_claims_cannot_be_changed() -> None:
    """What was verified stays what it was."""
    with pytest.raises(TypeError):
        read().claims["sub"] = "admin"  # type: ignore[index]  # that it is refused is the point


def test_claims_grant_by_permissions_scope_and_roles() -> None:
    """All three together; a role that nobody knows gives nothing."""
    identity = read(permissions=["a:b"], scope="c:d  e:*", roles=["editor", "unknown"])

    assert Grants(["a:b", "c:d", "e:*", "board:*:draw", "chat:read:*"]) == identity.permissions
    assert ("editor", "unknown") == identity.roles


def test_claims_say_when_somebody_was_authenticated() -> None:
    """By `auth_time`, else by when the token was issued."""
    assert (NOW - 900, NOW) == (read(auth_time=int(NOW) - 900).authenticated_at, read().authenticated_at)


def test_claims_with_an_empty_scope() -> None:
    """Some issuers write one where there is none."""

    assert Grants() == read(permissions=[], scope="").permissions


def test_claims_roles_are_taken_over_at_the_start() -> None:
    """Who changes the table afterwards changes nothing."""
    table = {"editor": ["a:b"]}
    reader = ClaimReader(RULES, table)
    table["editor"].append("**")
    table["admin"] = ["**"]

    assert (
        Grants(["a:b", "chat:read:*"])
        == reader.read(good_claims(RULES, NOW) | {"roles": ["editor", "admin"]}, "kid", NOW).permissions
    )


@pytest.mark.parametrize(
    ("claims", "evidence"),
    [
        ({"iss": "https://evil.example"}, "iss is 'https://evil.example'"),
        ({"iss": ["https://issuer.example"]}, "iss is a list"),
        ({"aud": "other"}, "aud is 'other'"),
        ({"aud": ["a", "b"]}, "aud is a list"),
        ({"aud": ["wss", 7]}, "aud is neither a string nor a list of at most 32"),
        ({"sub": "a b"}, "sub is 'a b', not 1–128 printable ASCII characters without a space"),
        ({"sub": None}, "sub is None, not 1–128 printable ASCII characters without a space"),
        ({"exp": True}, "exp is True, not integer seconds"),
        ({"iat": -1}, "iat is -1, not integer seconds"),
        ({"iat": int(NOW) + 9, "exp": int(NOW) + 9}, "exp is not after iat"),
        ({"scope": 7}, "scope is no string"),
        ({"roles": "editor"}, "roles is no list of strings"),
        ({"permissions": [7]}, "permissions is no list of strings"),
        ({"cnf": "key"}, "cnf is no JSON object"),
        ({"auth_time": "yesterday"}, "auth_time is 'yesterday', not integer seconds"),
        ({"auth_time": True}, "auth_time is True, not integer seconds"),
        ({"auth_time": int(NOW) + 31}, "auth_time is ahead"),
    ],
)
def test_claims_that_are_refused(claims: dict[str, Any], evidence: str) -> None:
    """The evidence names the claim and what is wrong with it; the corpus has many more of each."""

    assert evidence == refusal(**claims)


def test_claims_with_a_malformed_grant() -> None:
    """The whole token is refused, and the evidence is ASCII."""

    assert refusal(permissions=["a:b", "caf\u00e9"]).startswith(r"holds a malformed grant: grant 'caf\xe9' has")


# --- times ---


@pytest.mark.parametrize(
    ("now", "evidence"),
    [
        (NOW + 599.999, None),
        (NOW + 600, "expired 0 s ago"),
        (NOW + 660, "expired 60 s ago"),
        (NOW - 30, None),
        (NOW - 31, "iat is 31 s ahead"),
    ],
)
def test_claims_are_alive_between_issue_and_expiry(now: float, evidence: str | None) -> None:
    """The leeway is before; there is none after."""
    found = refusal(now) if evidence else None

    assert (evidence, "u1" if evidence is None else None) == (found, read(now).subject if not evidence else None)


def test_claims_begin_at_nbf_less_the_leeway() -> None:
    """`nbf` may be absent; where it is, it counts."""

    assert "u1" == read(nbf=int(NOW) + 30).subject
    assert "nbf is ahead" == refusal(nbf=int(NOW) + 31)


def test_claims_are_not_too_old_unless_something_says_so() -> None:
    """Not even those of the first second that is counted."""
    assert "u1" == READER.read(good_claims(RULES, 0.0), "kid", 5.0).subject


def test_claims_live_no_longer_than_the_rules_allow() -> None:
    """The cap is on the whole life, not on what is left of it."""

    assert "u1" == read(exp=int(NOW) + 86_400).subject
    assert "lives 86401 s, longer than 86400" == refusal(exp=int(NOW) + 86_401)
    assert "lives 90000 s, longer than 86400" == refusal(iat=int(NOW) - 89_000, exp=int(NOW) + 1_000)


def test_claims_issued_ahead_count_as_issued_now() -> None:
    """So that `issued before` takes what was issued before, whatever the issuer's clock says."""

    assert [NOW, NOW - 5] == [read(iat=int(NOW) + 20).issued_at, read(iat=int(NOW) - 5).issued_at]


def test_claims_of_another_generation() -> None:
    """Whole seconds are compared, as `iat` has them."""

    assert "u1" == read(not_before=NOW + 0.999).subject
    assert "issued before the store's generation was made" == refusal(not_before=NOW + 1)


# --- audience ---


@pytest.mark.parametrize("audience", ["wss", ["wss"], ["wss", "wss"]])
def test_claims_for_us_alone(audience: object) -> None:
    """Strict rules take what names nobody else."""
    strict = ClaimReader(TokenRules(issuer=RULES.issuer, audience="wss", only_our_audience=True))

    assert "u1" == strict.read(good_claims(RULES, NOW) | {"aud": audience}, "kid", NOW).subject
    with pytest.raises(TokenRefused, match="aud names others too"):
        strict.read(good_claims(RULES, NOW) | {"aud": ["wss", "other"]}, "kid", NOW)


def test_claims_for_a_crowd() -> None:
    """The number of audiences is bounded."""

    assert "u1" == read(aud=["wss", *map(str, range(31))]).subject
    assert "aud is neither a string nor a list of at most 32" == refusal(aud=["wss", *map(str, range(32))])


# --- other issuers ---


def test_claims_of_another_issuer_by_its_rules() -> None:
    """The name of the token's id is the issuer's, as Entra's `uti`."""
    rules = TokenRules(issuer="https://login.example", audience="api", jti_claim="uti", max_lifetime=90_000)
    claims = good_claims(rules, NOW) | {"exp": int(NOW) + 90_000}
    identity = ClaimReader(rules).read(claims, "kid", NOW)

    assert ("https://login.example", "id-1") == (identity.issuer, identity.token_id)
    with pytest.raises(TokenRefused, match="uti is None"):
        ClaimReader(rules).read({name: value for name, value in claims.items() if name != "uti"}, "kid", NOW)


def test_claims_of_equal_rights_share_their_grants() -> None:
    """Whether they come from permissions, a scope or a role; others have their own."""
    first = read(permissions=["chat:read:a", "chat:read:b"]).permissions
    second = read(sub="u2", permissions=["chat:read:a"], scope="chat:read:b").permissions
    other = read(permissions=["chat:read:a"], scope="chat:read:c").permissions

    assert first is second
    assert Grants(["chat:read:a", "chat:read:c"]) == other


def test_claims_of_ever_new_rights_take_no_more_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first set goes for the newest, and is right when it comes back."""
    monkeypatch.setattr("tornado_wssec.policy.claims.GRANTS_KNOWN", 2)
    reader = ClaimReader(RULES)
    sets = [["a:b"], ["a:c"], ["a:d"], ["a:b"]]
    found = [reader.read(good_claims(RULES, NOW) | {"permissions": each}, "kid", NOW).permissions for each in sets]

    assert [Grants(each) for each in sets] == found
    assert 2 == len(reader._known_grants)


def test_claim_reader_does_not_start_without_issuer_and_audience() -> None:
    """It would accept anybody's tokens, and for anybody; the error says all that is missing."""
    with pytest.raises(ConfigurationError) as caught:
        ClaimReader(TokenRules(issuer=""), {"editor": ["a b"], "viewer": ["ok"]})

    assert ["TokenRules.issuer", "TokenRules.audience", "roles['editor']"] == [p.where for p in caught.value.problems]


# --- evidence ---


@given(st.none() | st.text() | st.integers() | st.floats() | st.lists(st.text()))
def test_shown_is_short_and_printable(value: object) -> None:
    """Whatever it is, one line of ASCII."""

    assert len(shown(value)) <= 64
    assert shown(value).isascii()
    assert shown(value).isprintable()


@given(
    st.dictionaries(
        st.sampled_from(
            ["iss", "aud", "sub", "iat", "exp", "nbf", "jti", "sid", "tenant", "roles", "scope", "permissions", "cnf"]
        ),
        st.recursive(
            st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats() | st.text(max_size=8),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
            max_leaves=6,
        ),
    )
)
def test_claims_are_read_or_refused(changed: dict[str, Any]) -> None:
    """Any JSON gives an identity that is ours and alive, or a refusal, and nothing else."""
    try:
        identity = read(**changed)
    except TokenRefused:
        return

    assert ("https://issuer.example", "kid") == (identity.issuer, identity.key_id)
    assert identity.expires_at is not None
    assert NOW < identity.expires_at <= NOW + 86_400 + 30


@pytest.mark.parametrize("payload", [None, [], "x", 7])
def test_claims_of_no_object(payload: object) -> None:
    """A payload that is no object says nothing."""
    with pytest.raises(TokenRefused, match="the payload is no JSON object"):
        READER.read(payload, "kid", NOW)


@pytest.mark.parametrize(
    ("claims", "evidence"),
    [
        ({"cnf": {"jkt": "x"}}, "bound to a key of its holder"),
        ({"token_use": "id"}, "token_use is 'id', so this is no access token for us"),
        ({"nonce": "n"}, "has nonce, which no access token has"),
    ],
)
def test_claims_of_another_issuer_that_are_no_access_token(claims: dict[str, Any], evidence: str) -> None:
    """Bound to a key that nobody proves, of another use, or with what only other tokens have."""
    rules = TokenRules(
        issuer=RULES.issuer,
        audience=RULES.audience,
        jti_claim=None,
        required_claims={"token_use": "access"},
        forbidden_claims=frozenset({"nonce"}),
    )
    foreign, good = ClaimReader(rules, is_foreign=True), good_claims(RULES, NOW) | {"token_use": "access"}
    names = [foreign.read(good | more, "kid", NOW).token_id for more in ({}, {}, {"colour": "red"})]

    assert [True, False] == [names[0] == names[1], names[0] == names[2]]
    with pytest.raises(TokenRefused, match=evidence):
        foreign.read(good | claims, "kid", NOW)


def test_claims_auth_time_as_far_ahead_as_clocks_may_differ() -> None:
    """The leeway counts to its last second, and a token may say that somebody signed in at the beginning of time."""
    ahead = int(NOW + RULES.leeway)

    assert (ahead, 0) == (read(auth_time=ahead).authenticated_at, read(auth_time=0).authenticated_at)
    assert "auth_time is ahead" in refusal(auth_time=ahead + 1)
