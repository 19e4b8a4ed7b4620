"""An API key is found in its header alone, and asked about where its shape says."""

import hashlib
from collections.abc import Mapping, Sequence

import pytest

from tests.auth.test_authenticators import Remembering, view
from tests.kits import in_loop
from tornado_wssec.auth import ApiKey, Credential
from tornado_wssec.errors import CredentialRefused, HandshakeMalformed, NotReady
from tornado_wssec.policy.api_keys import ApiKeyText
from tornado_wssec.policy.assertions import Assertion

OURS = ApiKeyText.new().text
THEIRS = "sk-live-0123456789abcdef"


class Registry:
    """Keys that an application gave out before, by their hashes."""

    def __init__(self, known: str = THEIRS) -> None:
        self._known = hashlib.sha256(known.encode()).hexdigest()
        self.asked: list[str] = []

    async def __call__(self, digest: str) -> Assertion | None:
        self.asked.append(digest)
        return Assertion(subject="customer") if digest == self._known else None


@pytest.mark.parametrize(
    ("headers", "query", "offered", "found"),
    [
        ({}, {}, [], None),
        ({"x-api-key": ["abc"]}, {}, [], "abc"),
        ({"x-api-key": [""]}, {}, [], ""),
        ({"authorization": [f"Bearer {OURS}"]}, {}, [], None),
        ({"x-apikey": ["abc"], "api-key": ["abc"], "cookie": ["x-api-key=abc"]}, {}, [], None),
        ({}, {"x-api-key": ["abc"], "api_key": ["abc"], "token": ["abc"], "key": ["abc"]}, [], None),
        ({}, {}, ["wssec.v1", "wssec.api_key.abc", "wssec.key.abc", OURS], None),
    ],
)
def test_api_key_is_found_in_its_header_alone(
    headers: Mapping[str, Sequence[str]],
    query: Mapping[str, Sequence[str]],
    offered: Sequence[str],
    found: str | None,
) -> None:
    """Never in the query, a subprotocol, a cookie or another header."""
    credential = ApiKey().find(view(headers, query, offered))

    assert found == (credential and credential.value)


def test_api_key_of_another_header() -> None:
    """An application may call it otherwise; then it is looked for there alone, in any case."""
    way = ApiKey(header="X-Partner-Key")

    assert [None, "abc"] == [
        credential and credential.value
        for credential in (way.find(view({name: ["abc"]})) for name in ("x-api-key", "x-partner-key"))
    ]


def test_api_key_shown_twice_is_malformed() -> None:
    """Two readers could take different ones."""
    with pytest.raises(HandshakeMalformed, match="two X-Api-Key headers"):
        ApiKey().find(view({"x-api-key": ["abc", "abc"]}))


@pytest.mark.parametrize("header", ["", "X Api Key", "X-Api-Key:", "Authorization", "cookie", "é", "x" * 65])
def test_api_key_needs_a_header_of_its_own(header: str) -> None:
    """What cannot be one, or belongs to somebody else, is refused when it is written."""
    with pytest.raises(ValueError, match="cannot be the header of API keys"):
        ApiKey(header=header)


@in_loop
async def test_api_key_of_ours_is_looked_up_by_the_guard() -> None:
    """Also where the application has keys of its own: the shape decides, and nobody is asked twice."""
    desk, registry = Remembering(), Registry(OURS)
    for way in (ApiKey(), ApiKey(lookup=registry)):
        await way.verify(Credential(OURS, "header"), view(), desk)

    assert ([("api key", OURS)] * 2, []) == (desk.asked, registry.asked)


@in_loop
async def test_api_key_of_another_shape_goes_to_the_application() -> None:
    """By its hash; without a lookup the guard refuses it."""
    desk, registry = Remembering(), Registry()
    identity = await ApiKey(lookup=registry).verify(Credential(THEIRS, "header"), view(), desk)
    await ApiKey().verify(Credential(THEIRS, "header"), view(), desk)

    assert "customer" == identity.subject
    assert [("vouch", Assertion(subject="customer")), ("api key", THEIRS)] == desk.asked
    assert [hashlib.sha256(THEIRS.encode()).hexdigest()] == registry.asked


@pytest.mark.parametrize(
    ("key", "asked"),
    [
        ("unknown-but-long-enough", 1),
        ("x" * 512, 1),
        ("", 0),
        ("short", 0),
        ("x" * 513, 0),
        ("x" * 100_000, 0),
        ("has spaces in it, and is long", 0),
        ("élan-vital-0123456789", 0),
        ("nul-0123456789abcdef\0", 0),
        ("\ud800" * 20, 0),
    ],
)
@in_loop
async def test_api_key_that_the_application_does_not_know_is_refused(key: str, asked: int) -> None:
    """It is asked only about what can be a key, and nothing of it is told."""
    registry = Registry()
    with pytest.raises(CredentialRefused) as refused:
        await ApiKey(lookup=registry).verify(Credential(key, "header"), view(), Remembering())

    assert asked == len(registry.asked)
    assert "unknown-but" not in str(refused.value)


@in_loop
async def test_api_key_lookup_may_say_not_now() -> None:
    """A database that does not answer is no wrong key."""

    async def broken(_: str) -> Assertion | None:
        raise NotReady("the customers' database does not answer")

    with pytest.raises(NotReady):
        await ApiKey(lookup=broken).verify(Credential(THEIRS, "header"), view(), Remembering())


def test_api_key_has_a_name() -> None:
    """What the log calls it."""
    assert "api_key" == ApiKey().name
