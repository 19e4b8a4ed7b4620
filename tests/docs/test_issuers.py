"""The page on other issuers: its configurations are those that are tried against tokens of each shape."""

import re
from typing import Any

from tests.docs.pages import DOCS, blocks
from tests.issuers.shapes import SHAPES
from tornado_wssec import Issuer, TokenRules
from tornado_wssec.testing.clock import NOON

PAGE = DOCS / "issuers.md"
KEYS = "http://127.0.0.1/keys"


def configured() -> dict[str, Issuer]:
    """File on the page → the issuer that it makes."""
    found: dict[str, Issuer] = {}
    for block in blocks(PAGE):
        if block.file_name:
            names: dict[str, Any] = {}
            exec(block.text, names)  # noqa: S102 - the page's own code
            (found[block.file_name],) = [made for made in names.values() if isinstance(made, Issuer)]
    return found


def test_issuers_are_configured_as_on_the_page() -> None:
    """Keycloak, Entra and Auth0 have the very rules by which their tokens are judged in the tests."""
    found = configured()

    assert {"keycloak.py", "entra.py", "auth0.py", "okta.py"} == set(found)
    for make in SHAPES:
        assert make(NOON, KEYS).issuer.rules == found[f"{make.__name__}.py"].rules


def test_issuers_tables_say_what_the_rules_say() -> None:
    """Whom, by what, and what tells an access token apart."""
    text = PAGE.read_text()
    for make in SHAPES:
        rules = make(NOON, KEYS).issuer.rules
        row = re.search(rf"^\| `Issuer.{make.__name__}` \| (.*) \|$", text, re.MULTILINE)
        assert row is not None
        subject, tenant, permissions, roles, name = row[1].split(" | ")
        assert f"`{rules.subject_claim}`" == subject
        assert ("none" if rules.tenant_claim is None else f"`{rules.tenant_claim}`") == tenant
        assert ("none" if not rules.permission_claims else listed(rules.permission_claims)) == permissions
        assert (not rules.role_claims) == (roles == "none")
        assert ("made of its claims" if rules.jti_claim is None else f"`{rules.jti_claim}`") == name
        for claim in {*(rules.required_claims or ())}:
            assert f'`"{claim}"' in text or f"`{claim}`" in text or f'`"{claim}": ' in text


def listed(claims: Any) -> str:
    """Claims as a cell lists them."""
    return ", ".join(f"`{claim}`" for claim in claims)


def test_issuers_other_ways_are_ways() -> None:
    """What is said beside the blocks of code."""
    rfc = Issuer.auth0("acme.eu.auth0.com", audience="a", typ="at+jwt", required_claims=None)

    assert ("at+jwt", None) == (rfc.rules.typ, rfc.rules.required_claims)
    assert TokenRules(role_claims=(("https://example.com/roles",),)).role_claims
