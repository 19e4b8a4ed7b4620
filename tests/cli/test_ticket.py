"""`wssec ticket issue` prints a ticket once and leaves its digest in the store."""

import asyncio
import time
from pathlib import Path

import pytest

from tests.cli.conftest import Terminal
from tornado_wssec.policy.digests import digest_of
from tornado_wssec.policy.identity import Identity
from tornado_wssec.policy.permissions import Grants
from tornado_wssec.policy.tickets import TicketRecord
from tornado_wssec.settings import Timeouts
from tornado_wssec.stores.url import open_store


def taken(wssec: Terminal, ticket: str) -> TicketRecord | None:
    """Take the ticket out of the store, as a server does."""

    async def take() -> str | None:
        store = open_store(wssec.environment["WSSEC_STORE"], timeouts=Timeouts())
        await store.open()
        try:
            return await store.take_ticket(digest_of(ticket), time.time())
        finally:
            await store.close()

    payload = asyncio.run(take())
    return None if payload is None else TicketRecord.from_json(payload)


def redeemed(wssec: Terminal, *options: str, path: str = "/ws/chat") -> Identity:
    """Who a ticket with these options lets in."""
    ticket = wssec.done("ticket", "issue", "--subject", "u42", *options).removesuffix("\n")
    record = taken(wssec, ticket)
    assert record is not None
    return record.redeem(path=path, origin=None, address="192.0.2.1", now=time.time())


def test_ticket_issue_prints_the_ticket_alone(wssec: Terminal) -> None:
    """Standard output is one ticket of 256 bits and a line end."""
    outcome = wssec("ticket", "issue", "--subject", "u42")

    assert (0, 44, "") == (outcome.code, len(outcome.out), outcome.err)


def test_ticket_issue_stores_no_ticket(wssec: Terminal, place: Path) -> None:
    """Only the digest is kept."""
    ticket = wssec.done("ticket", "issue", "--subject", "u42").strip()

    kept = b"".join(path.read_bytes() for path in place.iterdir())

    assert ticket.encode() not in kept
    assert digest_of(ticket).encode() in kept


def test_ticket_lets_in_as_it_was_told(wssec: Terminal) -> None:
    """The identity is that of a token with the same options, claims too."""
    identity = redeemed(
        wssec,
        *("--permission", "chat:**", "--tenant", "acme", "--session", "s1", "--claim", "name=Ada", "--path", "/ws/b"),
        path="/ws/b",
    )

    assert ("u42", "https://auth.example.com", "acme", "s1") == (
        identity.subject,
        identity.issuer,
        identity.tenant,
        identity.session_id,
    )
    assert Grants(["chat:**"]) == identity.permissions
    assert {"name": "Ada", "sub": "u42", "tenant": "acme", "sid": "s1"}.items() <= identity.claims.items()


def test_ticket_lets_in_for_as_long_as_a_token(wssec: Terminal) -> None:
    """Ten minutes by default, and --lifetime otherwise."""
    assert [600, 90] == [
        round((identity.expires_at or 0) - identity.issued_at)
        for identity in (redeemed(wssec), redeemed(wssec, "--lifetime", "90s"))
    ]


def test_ticket_is_spent_by_the_first(wssec: Terminal) -> None:
    """The second who presents it gets nothing."""
    ticket = wssec.done("ticket", "issue", "--subject", "u42").strip()

    assert [True, False] == [taken(wssec, ticket) is not None for _ in range(2)]


def test_ticket_issue_stops_at_ten_outstanding(wssec: Terminal) -> None:
    """A subject has as many as servers allow, whoever issues them."""
    outcomes = [wssec("ticket", "issue", "--subject", "u42") for _ in range(11)]

    assert [0] * 10 + [1] == [outcome.code for outcome in outcomes]
    assert "10 tickets of u42 are outstanding" in outcomes[-1].err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--lifetime", "25h"], "is not within 1 s and 86400 s"),
        (["--lifetime", "0s"], "is not within"),
        (["--ttl", "0s"], "waits 0 s"),
        (["--ttl", "11m"], "waits 660 s and lets in for 600 s"),
        (["--claim", "sub=root"], "--claim cannot set sub"),
        (["--permission", "a::b"], "empty segment"),
        (["--claim", "big=" + "x" * 40_000], "the ticket's record is"),
        (["--path", "ws/chat"], "begin it with /"),
        (["--origin", "app.example.com"], "https://app.example.com"),
        (["--origin", "https://*.example.com"], "no browser sends"),
    ],
)
def test_ticket_issue_refuses_what_cannot_be(wssec: Terminal, options: list[str], told: str) -> None:
    """A usage error of one line, and no ticket."""
    outcome = wssec("ticket", "issue", "--subject", "u42", *options)

    assert (2, "", 1) == (outcome.code, outcome.out, outcome.err.count("\n"))
    assert told in outcome.err


def test_ticket_issue_refuses_a_store_in_memory(wssec: Terminal) -> None:
    """No server would see it."""
    outcome = wssec("ticket", "issue", "--subject", "u42", WSSEC_STORE="memory://")

    assert (1, "") == (outcome.code, outcome.out)
    assert "memory:// lives in one process" in outcome.err
