"""Lines T01 to T09 at the door: tickets over real sockets, plain and through TLS, of one server and of several.

What the stores themselves promise is asked in `test_t_tickets_store.py`.
"""

import asyncio
import json
from collections.abc import Sequence
from typing import Any, Final

import pytest

from tests.kits import V1, ChatSocket, in_loop, settled, uniform
from tornado_wssec import BearerToken, FirstMessage, Limits, Ticket
from tornado_wssec.stores.memory import MemoryStore
from tornado_wssec.testing import GuardKit, Response
from tornado_wssec.testing.clock import NOON
from tornado_wssec.testing.kit import ORIGIN
from tornado_wssec.testing.raw import handshake_headers

from .doors import Door

JSON: Final = ("Content-Type", "application/json")
FROM_US: Final = ("Origin", ORIGIN)
OUTSTANDING: Final = Limits().tickets_per_subject


class CountingStore(MemoryStore):
    """Counts the tickets that are asked for."""

    asked = 0

    async def take_ticket(self, digest: str, now: float) -> str | None:
        self.asked += 1
        return await super().take_ticket(digest, now)


async def shown(kit: GuardKit, ticket: str, path: str = "/ws", **options: Any) -> int:
    """The status of a handshake with this ticket in its query."""
    joint = "&" if "?" in path else "?"
    return (await kit.handshake(f"{path}{joint}ticket={ticket}", **options))[1].status


async def bought(
    kit: GuardKit, token: str, *headers: tuple[str, str], method: str = "POST", body: str = '{"path": "/ws"}'
) -> Response:
    """The answer to a request for a ticket."""
    given = headers or (JSON, FROM_US)
    lines = [("Host", kit.host), ("Authorization", f"Bearer {token}"), ("Content-Length", str(len(body))), *given]
    head = "\r\n".join([f"{method} /wssec/ticket HTTP/1.1", *(f"{name}: {value}" for name, value in lines), "", ""])
    raw = await kit.raw()
    await raw.write((head + body).encode())
    return await raw.response()


def ticket_in(answer: Response) -> str:
    """What was given."""
    assert 200 == answer.status, answer.body
    ticket: str = json.loads(answer.body)["ticket"]
    return ticket


# --- T01, T02: once ---


@pytest.mark.requirement("R019", "R020")
@in_loop
async def test_t01_second_use(door: Door) -> None:
    """Wherever it was shown first and is shown again, also when the first connection is gone: 401."""
    ways = [BearerToken(), Ticket(), FirstMessage()]
    async with door.kit(authenticators=ways) as kit:
        for first in ("query", "subprotocol", "message"):
            ticket = await kit.ticket("/ws")
            offered = [*V1, f"wssec.ticket.{ticket}"]
            if first == "message":
                client = await kit.connect("/ws", token="")
                await client.request("wssec.auth", {"ticket": ticket})
            elif first == "query":
                client = await kit.connect(f"/ws?ticket={ticket}", token="")
            else:
                client = await kit.connect("/ws", token="", subprotocols=offered)
            assert 401 == await shown(kit, ticket)
            await kit.assert_handshake_refused(401, "/ws", subprotocols=offered)
            await client.close()
            await settled(kit, 0)
            assert 401 == await shown(kit, ticket)
            again = await kit.connect("/ws", token="")
            await again.send("wssec.auth", {"ticket": ticket})
            await again.assert_closed(4401)


@in_loop
async def test_t01_other_spellings_are_other_tickets(door: Door) -> None:
    """Nothing that looks like a spent ticket is taken for it, and a ticket has one spelling."""
    async with door.kit() as kit:
        ticket = await kit.ticket("/ws")
        others = [ticket + "=", ticket + "%3D", ticket[:-1], ticket.swapcase(), ticket + "%00", "%20" + ticket]
        assert [401] * len(others) == [await shown(kit, other) for other in others]
        assert [101, 401] == [await shown(kit, ticket), await shown(kit, ticket)]


@in_loop
async def test_t02_simultaneous_handshakes(door: Door) -> None:
    """Twenty that come at once with one ticket, and it lets in one; ten times."""
    async with door.kit() as kit:
        for count in range(1, 11):
            ticket = await kit.ticket("/ws", f"u{count}")
            answers = await asyncio.gather(*(shown(kit, ticket) for _ in range(20)))
            assert (1, 19) == (answers.count(101), answers.count(401))
            assert count == len(kit.guard.hub)


@in_loop
async def test_t01_refusals_are_alike(door: Door) -> None:
    """Whatever is wrong with a ticket, the answer is the one that no credential at all gets."""
    async with door.kit(handlers=[("/ws", ChatSocket), ("/other", ChatSocket)]) as kit:
        nothing = uniform(await kit.assert_handshake_refused(401, "/ws"))
        spent, expired, elsewhere = [await kit.ticket("/ws", f"u{number}") for number in range(3)]
        revoked, stolen = await kit.ticket("/ws", "eve"), await kit.guard.issue_ticket("ann", address="192.0.2.1")
        await kit.connect(f"/ws?ticket={spent}", token="")
        await kit.guard.revoke(subject="eve")
        paths = [f"/ws?ticket={ticket}" for ticket in (spent, revoked, stolen, "", "x", "A" * 43, "A" * 4_000, "%ff")]
        paths += [f"/other?ticket={elsewhere}", f"/ws?ticket={elsewhere}", f"/ws?ticket={expired}&ticket={expired}"]
        for path in paths:
            assert nothing == uniform(await kit.assert_handshake_refused(401, path))
        await kit.advance(kit.guard.timeouts.ticket)
        assert nothing == uniform(await kit.assert_handshake_refused(401, f"/ws?ticket={expired}"))


# --- T03: not for ever ---


@in_loop
async def test_t03_expired(door: Door) -> None:
    """Good until its end, and not a second longer; no clock that steps back brings it to life again."""
    async with door.kit() as kit:
        first, second, third = [await kit.ticket("/ws", f"u{number}") for number in range(3)]
        seconds = kit.guard.timeouts.ticket
        await kit.advance(seconds - 1)
        assert 101 == await shown(kit, first)
        await kit.advance(2)
        assert 401 == await shown(kit, second)
        kit.clock.step_wall(-10)
        assert 401 == await shown(kit, second)
        kit.clock.step_wall(10)
        await kit.ticket("/ws", "u2")  # sweeps what has expired
        kit.clock.step_wall(-10)
        assert 401 == await shown(kit, third)


@in_loop
async def test_t03_token_behind_it_has_expired(door: Door) -> None:
    """It does not outlive the token that it was asked for with."""
    async with door.kit() as kit:
        ticket = await kit.ticket("/ws", ttl=10)
        await kit.advance(10)
        assert 401 == await shown(kit, ticket)


# --- T05: not elsewhere ---

ELSEWHERE: Final = ["/admin", "/ws/", "//ws", "/WS", "/%77s", "/ws%00", "/./ws", "/admin/../ws", "/ws;a", "/board/b2"]


@pytest.mark.requirement("R019")
@pytest.mark.parametrize("path", ELSEWHERE)
@in_loop
async def test_t05_another_path(path: str, door: Door) -> None:
    """A ticket for one path opens no other, however it is spelt and whichever handler is there; and is spent."""
    async with door.kit(handlers=[("/ws", ChatSocket), ("(?i)/.*", ChatSocket)]) as kit:
        ticket = await kit.ticket("/ws")
        assert 401 == await shown(kit, ticket, path)
        assert 401 == await shown(kit, ticket)


@in_loop
async def test_t05_same_path_and_another_query(door: Door) -> None:
    """What an application puts into its query is its own."""
    async with door.kit() as kit:
        assert 101 == await shown(kit, await kit.ticket("/ws"), "/ws?board=b1")


@pytest.mark.requirement("R019")
@in_loop
async def test_t05_another_of_our_pages(door: Door) -> None:
    """It is bound to the page that asked for it, and to the address where that was said."""
    other = "https://admin.example.com"

    class NativeSocket(ChatSocket):
        allow_missing_origin = True

    async with door.kit(NativeSocket, settings={"origins": (ORIGIN, other)}) as kit:
        for origin in (other, None):
            ticket = ticket_in(await bought(kit, kit.token()))
            assert [401, 401] == [await shown(kit, ticket, origin=origin), await shown(kit, ticket)]
        issue = kit.guard.issue_ticket
        theirs = await issue(kit.identity(), path="/ws", address="192.0.2.1")
        mine = await issue(kit.identity(), path="/ws", address="127.0.0.1")
        assert [401, 101] == [await shown(kit, theirs), await shown(kit, mine)]


# --- T06: guessing ---

PROXIED: Final = {"trusted_proxies": ("127.0.0.1",)}


def coming_from(address: str) -> list[tuple[str, str]]:
    """What the proxy in front says of a client."""
    return [("X-Forwarded-For", address), ("X-Forwarded-Proto", "https")]


async def guessed(kit: GuardKit, first: int, count: int, address: str) -> list[int]:
    """The statuses of so many guesses over one connection."""
    raw = await kit.raw()
    headers = handshake_headers(kit.host, origin=ORIGIN, extra=coming_from(address))
    return [(await raw.upgrade(f"/ws?ticket=guess{number}", headers)).status for number in range(first, first + count)]


@pytest.mark.requirement("R069")
@in_loop
async def test_t06_a_thousand_guesses(door: Door) -> None:
    """A hundred are looked up and the rest is 429; a good ticket from there waits, unspent, and nobody else does."""
    store = CountingStore(wall=lambda: NOON)
    async with door.kit(limits=Limits(), store=store, settings=PROXIED) as kit:
        guesser, other = "192.0.2.1", "192.0.2.2"
        good, others = await kit.ticket("/ws"), await kit.ticket("/ws", "bob")
        statuses = [status for first in range(0, 1_000, 100) for status in await guessed(kit, first, 100, guesser)]
        assert [401] * 100 + [429] * 900 == statuses
        assert 429 == await shown(kit, good, extra=coming_from(guesser))
        assert 100 == store.asked
        assert 101 == await shown(kit, others, extra=coming_from(other))
        await kit.advance(kit.guard.limits.failed_credentials_window_seconds / 100)
        assert 101 == await shown(kit, good, extra=coming_from(guesser))


@in_loop
async def test_t06_guesses_of_every_kind_are_one_account(door: Door) -> None:
    """Query, subprotocol and first message, and guesses at a token in between: together they are a hundred."""
    store = CountingStore(wall=lambda: NOON)
    ways = [BearerToken(), Ticket(), FirstMessage()]
    async with door.kit(limits=Limits(), store=store, authenticators=ways) as kit:
        for number in range(25):
            await kit.assert_handshake_refused(401, f"/ws?ticket=a{number}")
            await kit.assert_handshake_refused(401, "/ws", subprotocols=[*V1, f"wssec.ticket.b{number}"])
            await kit.assert_handshake_refused(401, "/ws", token=f"c{number}")
            client = await kit.connect("/ws", token="")
            await client.send("wssec.auth", {"ticket": f"d{number}"})
            await client.assert_closed(4401)
        refused = await kit.assert_handshake_refused(429, "/ws", token=kit.token())
        assert int(refused.headers["retry-after"]) >= 1
        assert 75 == store.asked


# --- T07: revoked in between ---

REVOKED: Final[list[dict[str, Any]]] = [
    {"subject": "ann"},
    {"session": "s1"},
    {"token": "t1"},
    {"tenant": "acme"},
]


@pytest.mark.parametrize("what", REVOKED, ids=str)
@in_loop
async def test_t07_revoked_before_it_is_used(what: dict[str, Any], door: Door) -> None:
    """Issued, revoked, redeemed: 401, and somebody else's ticket is good."""
    async with door.kit() as kit:
        ann = await kit.ticket("/ws", "ann", session="s1", token_id="t1", tenant="acme")
        bob = await kit.ticket("/ws", "bob", session="s2", token_id="t2", tenant="other")
        await kit.guard.revoke(**what)
        assert [401, 101] == [await shown(kit, ann), await shown(kit, bob)]


@in_loop
async def test_t07_key_compromised_before_it_is_used(door: Door) -> None:
    """A ticket bought with a token of a key that is compromised now is worth what the token is."""
    async with door.kit() as kit:
        ticket, old = await kit.ticket("/ws"), kit.keys.ring.current.kid
        ring = kit.keys.ring.rotate(kit.clock.wall, kit.guard.rules.max_lifetime)
        kit.keys.ring = ring.retire(old, kit.clock.wall, compromised=True)
        await kit.advance(1)
        assert [401, 101] == [await shown(kit, ticket), await shown(kit, await kit.ticket("/ws"))]


class Slow(MemoryStore):
    """Says that it has been asked for a ticket, and answers when it is let go."""

    def __init__(self) -> None:
        super().__init__(wall=lambda: NOON)
        self.asked, self.go_on = asyncio.Event(), asyncio.Event()

    async def take_ticket(self, digest: str, now: float) -> str | None:
        payload = await super().take_ticket(digest, now)
        self.asked.set()
        await self.go_on.wait()
        return payload


@in_loop
async def test_t07_revoked_while_it_is_looked_up(door: Door) -> None:
    """The store has answered already, and the revocation is younger than the answer: 401 all the same."""
    store = Slow()
    async with door.kit(store=store) as kit:
        ticket = await kit.ticket("/ws")
        redeeming = asyncio.create_task(shown(kit, ticket))
        await store.asked.wait()
        await kit.guard.revoke(subject="ann")
        store.go_on.set()
        assert 401 == await redeeming
        assert 0 == len(kit.guard.hub)


# --- T08: no more than a page needs ---


@in_loop
async def test_t08_flood_at_once(door: Door) -> None:
    """Of fifty asked for at once ten are given, and stay good; any token of the same person shares the ten."""
    async with door.kit() as kit:
        token = kit.token()
        answers = await asyncio.gather(*(bought(kit, token) for _ in range(50)))
        given = [ticket_in(answer) for answer in answers if answer.status == 200]
        refused = [answer for answer in answers if answer.status != 200]
        assert OUTSTANDING == len(given) == len(set(given))
        assert {(429, "no-store")} == {(answer.status, answer.headers["cache-control"]) for answer in refused}
        assert {True} == {int(answer.headers["retry-after"]) >= 30 for answer in refused}
        assert 429 == (await bought(kit, kit.token())).status
        assert [101] * OUTSTANDING == [await shown(kit, ticket) for ticket in given]
        assert 200 == (await bought(kit, token)).status


@in_loop
async def test_t08_room_comes_back(door: Door) -> None:
    """By an end as well as by a use; a refused use is a use."""
    async with door.kit(handlers=[("/ws", ChatSocket), ("/elsewhere", ChatSocket)]) as kit:
        given = [ticket_in(await bought(kit, kit.token())) for _ in range(OUTSTANDING)]
        assert 401 == await shown(kit, given[0], "/elsewhere")
        assert [200, 429] == [(await bought(kit, kit.token())).status for _ in range(2)]
        await kit.advance(kit.guard.timeouts.ticket)
        statuses = [(await bought(kit, kit.token())).status for _ in range(OUTSTANDING + 1)]
        assert [*[200] * OUTSTANDING, 429] == statuses


# --- T09: not for another site's page ---

FORM: Final = ("Content-Type", "application/x-www-form-urlencoded")
CROSS_SITE: Final[list[tuple[int, Sequence[tuple[str, str]]]]] = [
    (403, [("Content-Type", "text/plain")]),
    (403, [("Content-Type", "text/plain"), FROM_US]),
    (400, [("Content-Type", "multipart/form-data; boundary=x"), FROM_US]),  # no form, and Tornado says so first
    (403, [("Content-Type", "text/plain; application/json"), FROM_US]),
    (403, [("Content-Type", "application/jsonx"), FROM_US]),
    (403, [FORM, ("Origin", "https://evil.test")]),
    (403, [JSON, ("Origin", "https://evil.test")]),
    (403, [JSON, ("Origin", "https://evil.test"), ("Sec-Fetch-Site", "same-origin")]),
    (403, [JSON, ("Origin", "null")]),
    (403, [JSON, ("Origin", "")]),
    (403, [JSON, FROM_US, ("Origin", "https://evil.test")]),
    (403, [JSON, ("Origin", ORIGIN + ".evil.test")]),
    (200, [JSON, FROM_US]),
    (200, [JSON]),
]


@pytest.mark.standard("ASVS 5.0 4.4.4")
@pytest.mark.requirement("R018")
@pytest.mark.parametrize(("status", "headers"), CROSS_SITE, ids=str)
@in_loop
async def test_t09_cross_site_post(status: int, headers: Sequence[tuple[str, str]], door: Door) -> None:
    """What a foreign page can send is 403 with good credentials, too; no answer is kept, and none may be read there."""
    async with door.kit() as kit:
        answer = await bought(kit, kit.token(), *headers)
        assert (status, "no-store") == (answer.status, answer.headers["cache-control"])
        assert [] == [name for name in answer.headers if name.startswith("access-control-")]
        assert (b"ticket" in answer.body) is (status == 200)


@pytest.mark.parametrize("method", ["OPTIONS", "GET", "PUT", "DELETE"])
@in_loop
async def test_t09_other_methods(method: str, door: Door) -> None:
    """A preflight is answered with 405 and no leave; nothing but a POST gives a ticket."""
    preflight = [("Origin", "https://evil.test"), ("Access-Control-Request-Method", "POST")]
    async with door.kit() as kit:
        answer = await bought(kit, kit.token(), *preflight, method=method, body="")
        assert 405 == answer.status
        assert [] == [name for name in answer.headers if name.startswith("access-control-")]
        assert ("POST", "no-store") == (answer.headers["allow"], answer.headers["cache-control"])
