"""Which credential a request carries, and for whom: looked for without any I/O, and never two of them."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.kits import in_loop
from tests.naming import stable
from tornado_wssec.auth import Authenticator, BearerToken, Credential, RequestView, Ticket
from tornado_wssec.errors import CredentialRefused, HandshakeMalformed
from tornado_wssec.policy.assertions import Assertion
from tornado_wssec.policy.identity import Identity


def view(
    headers: Mapping[str, Sequence[str]] | None = None,
    query: Mapping[str, Sequence[str]] | None = None,
    offered: Sequence[str] = (),
) -> RequestView:
    """A request with these credentials in it."""
    return RequestView(
        path="/ws", headers=headers or {}, query=query or {}, offered=offered, address="192.0.2.1", origin=None
    )


def authorization(*values: str) -> RequestView:
    """A request with these Authorization headers."""
    return view({"authorization": values})


ALL = BearerToken(header=True, subprotocol=True, query=True)
FOUND: list[tuple[Authenticator, RequestView, tuple[str, str] | None]] = [
    (ALL, view(), None),
    (ALL, authorization("Bearer abc"), ("abc", "header")),
    (ALL, authorization("bearer abc"), ("abc", "header")),
    (ALL, authorization("BEARER  abc "), ("abc", "header")),
    (ALL, authorization("Bearer a b"), ("a b", "header")),
    (ALL, view(offered=["wssec.v1", "wssec.bearer.abc"]), ("abc", "subprotocol")),
    (ALL, view(offered=["wssec.bearer.abc", "wssec.v1"]), ("abc", "subprotocol")),
    (ALL, view(offered=["wssec.bearer."]), ("", "subprotocol")),
    (ALL, view(offered=["wssec.ticket.abc", "WSSEC.BEARER.abc", "xwssec.bearer.abc"]), None),
    (ALL, view(query={"token": ["abc"]}), ("abc", "query")),
    (ALL, view(query={"Token": ["abc"], "ticket": ["x"]}), None),
    (BearerToken(), view(query={"token": ["abc"]}), None),
    (BearerToken(header=False), authorization("Bearer abc"), None),
    (BearerToken(subprotocol=False), view(offered=["wssec.bearer.abc"]), None),
    (Ticket(), view(), None),
    (Ticket(), view(query={"ticket": ["abc"]}), ("abc", "query")),
    (Ticket(), view(offered=["wssec.v1", "wssec.ticket.abc"]), ("abc", "subprotocol")),
    (Ticket(), view(offered=["wssec.bearer.abc"]), None),
    (Ticket(), authorization("Bearer abc"), None),
    (Ticket(query=False), view(query={"ticket": ["abc"]}), None),
    (Ticket(subprotocol=False), view(offered=["wssec.ticket.abc"]), None),
]


@pytest.mark.parametrize(("way", "request_view", "expected"), FOUND, ids=stable)
def test_find(way: Authenticator, request_view: RequestView, expected: tuple[str, str] | None) -> None:
    """A credential is found where it may stand, by its prefix, and nowhere else."""
    found = way.find(request_view)

    assert expected == (found and (found.value, found.carried_by))


REFUSED: list[tuple[Authenticator, RequestView]] = [
    (ALL, authorization("Basic abc")),
    (ALL, authorization("Bearer")),
    (ALL, authorization("Bearer ")),
    (ALL, authorization("")),
    (ALL, authorization("abc")),
    (ALL, authorization("Bearer\tabc")),
    (ALL, authorization("Digest Bearer abc")),
    (ALL, view({"authorization": ["Bearer abc"]}, {"token": ["abc"]})),
    (ALL, view({"authorization": ["Bearer abc"]}, offered=["wssec.bearer.abc"])),
    (ALL, view(query={"token": ["abc"]}, offered=["wssec.bearer.abc"])),
    (ALL, view(query={"token": ["abc", "abc"]})),
    (ALL, view(offered=["wssec.bearer.a", "wssec.bearer.b"])),
    (Ticket(), view(query={"ticket": ["abc", "abd"]})),
    (Ticket(), view(query={"ticket": ["abc"]}, offered=["wssec.ticket.abc"])),
    (Ticket(), view(offered=["wssec.ticket.a", "wssec.ticket.b"])),
]


@pytest.mark.parametrize(("way", "request_view"), REFUSED, ids=stable)
def test_find_refuses(way: Authenticator, request_view: RequestView) -> None:
    """Another scheme is no bearer token, and two places are one too many; the evidence names places, not values."""
    with pytest.raises(CredentialRefused) as refused:
        way.find(request_view)

    assert "abc" not in str(refused.value)


def test_find_two_headers() -> None:
    """Two Authorization headers are a malformed request, whatever is in them."""
    with pytest.raises(HandshakeMalformed, match="two authorization headers"):
        ALL.find(authorization("Bearer abc", "Bearer abc"))


def test_view_shows_no_credential() -> None:
    """Neither a request nor a credential shows its secrets when it is printed."""
    shown = view({"cookie": ["s3cr3t"]}, {"token": ["s3cr3t"]}, ["wssec.bearer.s3cr3t"])

    assert "s3cr3t" not in repr(shown)
    assert "s3cr3t" not in repr(Credential("s3cr3t", "header"))


def test_view_header_by_any_case() -> None:
    """A header's name has no case; an absent one is None."""
    request = view({"x-key": ["a"]})

    assert ("a", "a", None) == (request.header("X-Key"), request.header("x-key"), request.header("y"))


class Remembering:
    """A desk that remembers what it was asked."""

    logins: Any = None

    def __init__(self) -> None:
        self.asked: list[Any] = []

    async def identify_token(self, token: str) -> Identity:
        self.asked.append(("token", token))
        return Identity(subject="ann")

    async def redeem_ticket(self, ticket: str, request: RequestView) -> Identity:
        self.asked.append(("ticket", ticket, request))
        return Identity(subject="bob")

    async def identify_api_key(self, key: str) -> Identity:
        self.asked.append(("api key", key))
        return Identity(subject="robot")

    def vouch(self, assertion: Assertion) -> Identity:
        self.asked.append(("vouch", assertion))
        return Identity(subject=assertion.subject)


@in_loop
async def test_verify_asks_the_desk() -> None:
    """An authenticator decides nothing by itself: the token as it came, and the ticket with its request."""
    desk, request = Remembering(), view()
    identities = [
        await BearerToken().verify(Credential("abc", "header"), request, desk),
        await Ticket().verify(Credential("abc", "query"), request, desk),
    ]

    assert ["ann", "bob"] == [identity.subject for identity in identities]
    assert [("token", "abc"), ("ticket", "abc", request)] == desk.asked


def test_authenticators_have_names() -> None:
    """What the log calls them."""

    assert ("bearer", "ticket") == (BearerToken().name, Ticket().name)
