"""Where tenant and rights stand: ours by their names, another issuer's where its rules say."""

from typing import Any

import pytest

from tornado_wssec.errors import TokenRefused
from tornado_wssec.policy.claim_sources import ClaimSources
from tornado_wssec.settings import TokenRules

CLAIMS = {"tenant": "acme", "permissions": ["a"], "scope": "b c", "roles": ["r"]}


def sources(*, is_foreign: bool = True, **rules: Any) -> ClaimSources:
    """Those of such rules."""
    return ClaimSources(TokenRules(issuer="i", audience="a", **rules), is_foreign=is_foreign)


def found(made: ClaimSources, claims: dict[str, Any]) -> tuple[str | None, list[str], list[str]]:
    """Tenant, permissions and roles."""
    return made.tenant(claims), made.permissions(claims), made.roles(claims)


def test_our_own_are_where_we_write_them() -> None:
    """Without being named."""
    assert ("acme", ["a", "b", "c"], ["r"]) == found(sources(is_foreign=False), CLAIMS)
    assert (None, [], []) == found(sources(is_foreign=False), {})


def test_of_another_issuer_nothing_is_taken_unnamed() -> None:
    """Also where it uses our words."""
    assert (None, [], []) == found(sources(), CLAIMS)


def test_named_claims_are_taken_and_no_others() -> None:
    """Ours or another's."""
    rules: dict[str, Any] = {"tenant_claim": "tid", "permission_claims": ("scp",), "role_claims": ("groups",)}
    claims = {**CLAIMS, "tid": "t-1", "scp": "x y", "groups": ["g"]}

    assert ("t-1", ["x", "y"], ["g"]) == found(sources(**rules), claims)
    assert ("t-1", ["x", "y"], ["g"]) == found(sources(is_foreign=False, **rules), claims)
    assert ("acme", [], []) == found(sources(is_foreign=False, permission_claims=(), role_claims=()), claims)


def test_paths_lead_into_objects() -> None:
    """By dots, or name by name where a name has dots of its own."""
    claims = {
        "realm_access": {"roles": ["a"]},
        "resource_access": {"my.client": {"roles": ["b"]}},
        "https://example.com/roles": ["c"],
        "org": {"id": "o-1"},
    }
    paths = ("realm_access.roles", ("resource_access", "my.client", "roles"), ("https://example.com/roles",))
    made = sources(role_claims=(*paths, "resource_access.other.roles", "absent.roles"), tenant_claim="org.id")

    assert ("o-1", [], ["a", "b", "c"]) == found(made, claims)


@pytest.mark.parametrize("value", [7, None, True, {"a": 1}, ["a", 7], [None]])
def test_a_claim_of_the_wrong_type_refuses(value: Any) -> None:
    """It is never dropped."""
    made = sources(permission_claims=("permissions", "scope"))
    for name, what in (("permissions", "list of strings"), ("scope", "string")):
        with pytest.raises(TokenRefused, match=f"{name} is no {what}"):
            made.permissions({name: value})
    with pytest.raises(TokenRefused, match="tid is no string"):
        sources(tenant_claim="tid").tenant({"tid": value})


@pytest.mark.parametrize("value", ["roles", ["roles"], 7, None])
def test_what_should_hold_a_claim_and_is_no_object_refuses(value: Any) -> None:
    """A path does not end early."""
    with pytest.raises(TokenRefused, match=r"realm_access\.roles is not in an object"):
        sources(role_claims=("realm_access.roles",)).roles({"realm_access": value})


def test_ours_have_one_spelling_and_others_two() -> None:
    """Okta's `scp` is a list, Entra's a string; our own writer writes one of them."""
    both: dict[str, Any] = {"permission_claims": ("scp", "permissions")}
    taken: list[dict[str, Any]] = [{"scp": ["a", "b"]}, {"scp": "a b"}]
    refused: list[dict[str, Any]] = [{"scp": ["a", "b"]}, {"scp": []}, {"permissions": "a b"}]
    for claims in (*taken, {"permissions": "a  b "}, {"permissions": ["a", "b"]}):
        assert ["a", "b"] == sources(**both).permissions(claims)
    for claims in refused:
        with pytest.raises(TokenRefused):
            sources(is_foreign=False, **both).permissions(claims)


def test_permissions_of_another_issuer_are_literals() -> None:
    """What no permission can equal gives nothing, and never more; our own patterns stay patterns."""
    words = ["*", "**", "chat:*", "chat:**", "a*", "a b", "a::b", "", "{x}", "caf\u00e9", "chat:read", "read:chat/x"]
    claims = {"permissions": words}

    assert ["chat:read", "read:chat/x"] == sources(permission_claims=("permissions",)).permissions(claims)
    assert words == sources(is_foreign=False).permissions(claims)
