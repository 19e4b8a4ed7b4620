"""Z04, Z06 and Z07 where they are decided: a value from the wire is never a pattern, and never more than one segment.

The same lines run over a socket elsewhere; here every reader of names is asked directly.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_wssec.errors import PermissionDenied
from tornado_wssec.policy.channels import ChannelPattern, is_channel_name
from tornado_wssec.policy.permissions import Grants, PermissionTemplate

ORDERS = ChannelPattern.parse("tenant:{tenant}:{topic}")
READ = PermissionTemplate.parse("tenant:read:{tenant}")
EVERYTHING = Grants(["**"])
ACME = Grants(["tenant:read:acme", "tenant:*:acme", "tenant:read:acme:**"])

Z04_PATHS = [
    "tenant:acme:../evil",
    "tenant:acme:..",
    "tenant:..:orders",
    "tenant:acme:.",
    "tenant:acme:%2e%2e",
    "tenant:acme:%2E%2E%2Fevil",
    "tenant:acme:",
    "tenant:acme",
    "tenant:acme:orders:",
    "tenant::orders",
    "::",
    ":",
    ":tenant:acme:orders",
    "tenant:acme:orders ",
    " tenant:acme:orders",
    "tenant:acme :orders",
    "tenant:acme:orders\n",
    "tenant:acme:a/b",
    "tenant:acme:a\\b",
    "tenant:acme:a\x00b",
]
Z06_WILDCARDS = [
    "tenant:*:orders",
    "tenant:**",
    "tenant:acme:**",
    "**",
    "*",
    "*:*:*",
    "tenant:acm?:orders",
    "tenant:[a]cme:orders",
    "tenant:[^b]:orders",
    "tenant:{tenant}:orders",
    "tenant:a*:orders",
    "tenant:.*:orders",
    "tenant:(acme|evil):orders",
    "tenant:acme$:orders",
    "tenant:^acme:orders",
    "tenant:%:orders",
]
Z07_LOOK_ALIKES = [
    "tenant:\u0430cme:orders",
    "tenant:acme\u200b:orders",
    "tenant:ac\u200dme:orders",
    "tenant:acme\ufeff:orders",
    "tenant:Acme:orders",
    "TENANT:ACME:ORDERS",
    "tenant:ａcme:orders",
    "tenant:acmé:orders",
    "tenant:acme\u0301:orders",
    "tenant:acme\u202e:orders",
    "tenant：acme：orders",
    "tenant\u02d0acme:orders",
    "tenant:acm\u212a:orders",
    "tenant:١:orders",
    "tenant:acme:" + "a" * 117,
]


@pytest.mark.parametrize("name", Z04_PATHS, ids=ascii)
def test_z04_channel_that_climbs(name: str) -> None:
    """A path, an escape or an empty end is no segment: no pattern knows such a channel."""

    assert ORDERS.match(name) is None


@pytest.mark.parametrize("name", ["::", "..", ".", "", ":a", "a:", "a::b", " a", "a ", "a/../b", "%2e%2e"], ids=ascii)
def test_z04_name_that_is_none(name: str) -> None:
    """Nor is it a name at all, whatever patterns there are."""

    assert is_channel_name(name) is False


@pytest.mark.requirement("R044")
@pytest.mark.parametrize("value", ["..", ".", "../evil", "%2e%2e", "", ":", "acme:evil", " acme", "acme ", "acme\n"])
def test_z04_permission_value_that_climbs(value: str) -> None:
    """Filled into a permission, the same values are refused to those who may do everything."""

    assert READ.allowed(EVERYTHING, {"tenant": value}) is False


@pytest.mark.parametrize("name", Z06_WILDCARDS, ids=ascii)
def test_z06_channel_with_a_wildcard(name: str) -> None:
    """Patterns stand in declarations only; from a client they are no name."""

    assert ORDERS.match(name) is None
    assert is_channel_name(name) is False


@pytest.mark.requirement("R044")
@pytest.mark.parametrize("value", ["*", "**", "a*", "?", "[a]", "{tenant}", "(a|b)", "^", "$", "%", "acme,evil"])
def test_z06_permission_value_with_a_wildcard(value: str) -> None:
    """A wildcard in a field is denied with evidence, also to whoever holds that wildcard as a grant."""
    grants = Grants(["tenant:read:*", "tenant:**", "**"])

    assert READ.allowed(grants, {"tenant": value}) is False
    with pytest.raises(PermissionDenied, match="tenant"):
        READ.fill({"tenant": value})


@pytest.mark.parametrize("permission", ["tenant:read:*", "tenant:**", "*:*:*", "**"])
def test_z06_permission_that_is_a_pattern(permission: str) -> None:
    """Asked for as a permission, a pattern is nobody's, not even its holder's."""

    assert Grants([permission, "**"]).allows(permission) is False


@pytest.mark.parametrize("name", Z07_LOOK_ALIKES, ids=ascii)
def test_z07_channel_that_looks_like_another(name: str) -> None:
    """Nothing is folded, trimmed or normalised: another spelling is no name."""

    assert ORDERS.match(name) is None
    assert is_channel_name(name) is False


@pytest.mark.parametrize(
    "value", ["\u0430cme", "acme\u200b", "ａcme", "acme\u0301", "acmé", "\ud800", "acme\x00"], ids=ascii
)
def test_z07_permission_value_that_looks_like_another(value: str) -> None:
    """A look-alike is no segment."""

    assert READ.allowed(EVERYTHING, {"tenant": value}) is False


@pytest.mark.parametrize("value", ["Acme", "ACME", "acme.", "acm", "acmee"])
def test_z07_permission_value_in_another_case(value: str) -> None:
    """Well-formed and not the same is a sibling: it needs a grant of its own."""

    assert READ.allowed(ACME, {"tenant": value}) is False
    assert READ.allowed(EVERYTHING, {"tenant": value}) is True


VALUES = st.text(max_size=12) | st.text(alphabet="acme:*.{}%/ \n", max_size=8) | st.sampled_from(["acme", "*", "**"])


@given(VALUES)
def test_z06_no_value_widens_a_grant(value: str) -> None:
    """Of all values a client may send, only `acme` itself is what a grant for acme covers."""

    assert READ.allowed(ACME, {"tenant": value}) is (value == "acme")


@given(VALUES, VALUES)
def test_z06_no_value_moves_a_segment(tenant: str, topic: str) -> None:
    """A channel that matched has the values that were sent where they were sent."""
    fields = ORDERS.match(f"tenant:{tenant}:{topic}")

    assert fields in (None, {"tenant": tenant, "topic": topic})
