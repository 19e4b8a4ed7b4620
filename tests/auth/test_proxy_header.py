"""A proxy's header counts from the proxy, and from nobody else."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.auth.test_authenticators import Remembering, view
from tests.kits import in_loop
from tests.naming import stable
from tornado_wssec.auth import Credential, ProxyHeader, RequestView
from tornado_wssec.errors import CredentialRefused, HandshakeMalformed
from tornado_wssec.policy.assertions import Assertion
from tornado_wssec.policy.identity import Identity

FULL = ProxyHeader(roles="X-Forwarded-Groups", tenant="X-Tenant")
ORIGIN = "https://app.example.com"


def through(headers: Mapping[str, Sequence[str]], **fields: Any) -> RequestView:
    """A request that a trusted proxy has handed on."""
    return replace(view(headers), **{"is_from_proxy": True, **fields})


class Dated(Remembering):
    """A desk whose identities have a moment of issue."""

    def vouch(self, assertion: Assertion) -> Identity:
        return replace(super().vouch(assertion), issued_at=1_000.0)


async def verified(way: ProxyHeader, request: RequestView) -> tuple[Identity, Assertion]:
    """Who the proxy says it is, and in what words the desk was asked."""
    desk, credential = Dated(), way.find(request)
    assert credential is not None
    identity = await way.verify(credential, request, desk)
    return identity, desk.asked[0][1]


@pytest.mark.parametrize("name", ["x-forwarded-user", "x-forwarded-groups", "x-tenant"])
@pytest.mark.parametrize("value", ["ann", ""])
def test_proxy_header_of_a_stranger_is_refused(name: str, value: str) -> None:
    """Any of them, empty or not: it is a forgery or a proxy that nobody has named; the remedy says so."""
    with pytest.raises(CredentialRefused) as refused:
        FULL.find(view({name: [value]}))

    assert f"the header {name} came from a peer that is no trusted proxy" == str(refused.value).lower()
    assert "WSSEC_TRUSTED_PROXIES" in refused.value.remedy


def test_proxy_header_of_a_stranger_is_refused_at_every_request() -> None:
    """In a browser's handshake, in a program's, and in a plain request."""
    for fields in ({"origin": ORIGIN}, {}, {"is_handshake": False}):
        with pytest.raises(CredentialRefused):
            ProxyHeader().find(through({"x-forwarded-user": ["ann"]}, is_from_proxy=False, **fields))


@pytest.mark.parametrize("name", ["x-forwarded-user", "x-forwarded-groups", "x-tenant"])
@pytest.mark.parametrize("is_from_proxy", [True, False])
def test_proxy_header_twice_is_malformed(name: str, is_from_proxy: bool) -> None:
    """A proxy that adds its header beside the client's says nothing."""
    headers = {"x-forwarded-user": ["ann"], name: ["ann", "root"]}
    with pytest.raises(HandshakeMalformed, match="two X-"):
        FULL.find(through(headers, is_from_proxy=is_from_proxy))


@pytest.mark.parametrize(
    ("way", "request_view", "found"),
    [
        (ProxyHeader(), through({}), None),
        (ProxyHeader(), view({}), None),
        (FULL, through({"x-forwarded-groups": ["admins"], "x-tenant": ["acme"]}), None),
        (ProxyHeader(), through({"x-forwarded-user": ["ann"]}), "ann"),
        (ProxyHeader(), through({"x-forwarded-user": [""]}), ""),
        (ProxyHeader("X-Remote-User"), through({"x-forwarded-user": ["ann"]}), None),
        (ProxyHeader("X-Remote-User"), through({"x-remote-user": ["ann"]}), "ann"),
        (ProxyHeader(), through({"x-forwarded-user": ["ann"]}, origin=ORIGIN), None),
        (ProxyHeader(), through({"x-forwarded-user": ["ann"]}, origin="null"), None),
        (ProxyHeader(), through({"x-forwarded-user": ["ann"]}, origin=ORIGIN, is_handshake=False), "ann"),
        (ProxyHeader(browsers=True), through({"x-forwarded-user": ["ann"]}, origin=ORIGIN), "ann"),
    ],
    ids=stable,
)
def test_proxy_header_is_found(way: ProxyHeader, request_view: RequestView, found: str | None) -> None:
    """From the proxy; a page's handshake needs a ticket, unless it is written otherwise."""
    credential = way.find(request_view)

    assert found == (credential and credential.value)


@in_loop
async def test_proxy_header_says_who_it_is() -> None:
    """Subject, roles and tenant; for an hour, or as long as is written."""
    headers = {"x-forwarded-user": ["ann@example.com"], "x-forwarded-groups": ["a, b,,\tc "], "x-tenant": ["acme"]}
    identity, asked = await verified(FULL, through(headers))
    short, _ = await verified(ProxyHeader(lifetime=60), through(headers))

    assert Assertion(subject="ann@example.com", roles=["a", "b", "c"], tenant="acme") == asked
    assert [4_600.0, 1_060.0] == [identity.expires_at, short.expires_at]


@in_loop
async def test_proxy_header_takes_only_what_is_named() -> None:
    """Headers that nobody has declared give no roles and no tenant."""
    headers = {"x-forwarded-user": ["ann"], "x-forwarded-groups": ["admins"], "x-tenant": ["acme"]}
    _, asked = await verified(ProxyHeader(), through(headers))
    _, absent = await verified(FULL, through({"x-forwarded-user": ["ann"]}))

    assert [Assertion(subject="ann", roles=[])] * 2 == [asked, absent]


@pytest.mark.parametrize(
    ("headers", "fault"),
    [
        ({"x-forwarded-user": ["root,ann"]}, "names several subjects"),
        ({"x-forwarded-user": ["ann"], "x-forwarded-groups": ["r," * 100]}, "more than 100 roles"),
    ],
)
@in_loop
async def test_proxy_header_that_says_too_much_is_refused(headers: dict[str, list[str]], fault: str) -> None:
    """Two headers joined on the way are two; and a list costs no more than it may."""
    with pytest.raises(CredentialRefused, match=fault):
        await verified(FULL, through(headers))


@in_loop
async def test_proxy_header_that_names_nobody_is_left_to_the_desk() -> None:
    """An empty header is shown as it is; no token could carry that name."""
    asked = Remembering()
    await ProxyHeader().verify(Credential("", "header"), through({}), asked)

    assert [("vouch", Assertion(subject="", roles=[]))] == asked.asked


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ({"subject": ""}, "no name of a header"),
        ({"subject": "X Forwarded User"}, "no name of a header"),
        ({"roles": "X-Groups:"}, "no name of a header"),
        ({"tenant": "x" * 65}, "no name of a header"),
        ({"roles": "x-forwarded-user"}, "one header cannot say two things"),
        ({"roles": "X-A", "tenant": "x-a"}, "one header cannot say two things"),
        ({"lifetime": 0}, "lets nobody in"),
        ({"lifetime": float("nan")}, "lets nobody in"),
    ],
)
def test_proxy_header_that_cannot_be_is_refused(arguments: dict[str, Any], fault: str) -> None:
    """When it is written."""
    with pytest.raises(ValueError, match=fault):
        ProxyHeader(**arguments)


def test_proxy_header_has_a_name() -> None:
    """What the log calls it."""
    assert "proxy_header" == ProxyHeader().name
