"""`wssec check` names the issuers that a guard trusts beside itself."""

from tests.issuers.scenes import RULES, SSO
from tests.kits import chat_kit
from tornado_wssec import Issuer
from tornado_wssec.cli.application_audit import audit
from tornado_wssec.cli.audit_lines import Level

ENTRA = Issuer.entra("aaaabbbb-0000-cccc-1111-dddd2222eeee", audience="api", max_lifetime=7_200.0)


def lines(*issuers: Issuer) -> dict[tuple[Level, str], str]:
    """What the audit says of them."""
    kit = chat_kit(issuers=issuers)
    return {(one.level, one.where): one.what for one in audit(kit.app, kit.guard) if one.where.startswith("issuer ")}


def test_check_tells_where_keys_come_from_and_how_long_they_count() -> None:
    """Of each issuer, and whether anything is weaker than need be."""
    plain = Issuer(jwks_url="http://127.0.0.1:8080/keys", rules=RULES, insecure_url=True)

    assert {
        (Level.DECLARED, f"issuer {SSO}: insecure_url"): "its keys may come over http:// on loopback",
        (Level.IN_FORCE, f"issuer {SSO}"): "accepted for chat; keys from http://127.0.0.1:8080/keys every 300 s, kept"
        " for 86400 s while it is out of reach, then 503",
        (Level.DECLARED, f"issuer {ENTRA.name}: ignorable_headers"): "headers x5t are ignored",
        (Level.CHANGED, f"issuer {ENTRA.name}: max_lifetime"): "7200, by default 86400",
        (Level.IN_FORCE, f"issuer {ENTRA.name}"): f"accepted for api; keys from {ENTRA.jwks_url} every 300 s, kept"
        " for 86400 s while it is out of reach, then 503",
    } == lines(plain, ENTRA)


def test_check_says_nothing_of_issuers_where_there_are_none() -> None:
    """Our own tokens are no issuer beside us."""
    assert {} == lines()
