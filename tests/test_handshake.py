"""Everything that is decided before 101: which status, for what, in which order, and what it costs."""

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from tests.kits import CHAT, GENEROUS, V1, ChatSocket, audited, chat_kit, in_loop, settled
from tornado_wssec import BearerToken, Identity, Limits, Ticket, Timeouts
from tornado_wssec.auth import Credential, Desk, RequestView
from tornado_wssec.errors import StoreUnavailable
from tornado_wssec.policy.digests import digest_of
from tornado_wssec.stores.memory import MemoryStore
from tornado_wssec.testing import GuardKit, RawSocket, Response
from tornado_wssec.testing.clock import NOON
from tornado_wssec.testing.kit import ORIGIN
from tornado_wssec.testing.raw import handshake_headers

Headers = dict[str, str | None]


class BoardSocket(ChatSocket):
    """A route that asks for a permission."""

    requires = "board:join:{board}"


class CountingStore(MemoryStore):
    """Counts the tickets that are asked for."""

    asked = 0

    async def take_ticket(self, digest: str, now: float) -> str | None:
        self.asked += 1
        return await super().take_ticket(digest, now)


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with a handshake, and the answer to it.

    Args:
        status, stage: the answer, and where the audit says it was refused.
        method, version, headers: of the request; None takes a header away.
        before: what has happened to the guard by then.
        limits: under which the guard runs.
    """

    what: str
    status: int
    stage: str
    method: str = "GET"
    version: str = "HTTP/1.1"
    headers: Headers = field(default_factory=dict)
    before: Callable[[GuardKit], Awaitable[None]] | None = None
    limits: dict[str, int] = field(default_factory=dict)


async def somebody_is_connected(kit: GuardKit) -> None:
    """The subject that will ask has a connection from the same address."""
    await kit.connect("/ws/b1", permissions=["board:join:b1"])


async def nobody_looks_at_the_store(kit: GuardKit) -> None:
    """The mirror is older than a new connection may rely on."""
    kit.clock.advance(kit.guard.timeouts.mirror_for_new + 1)


# In the order in which they are looked at: cheapest first.
FAULTS = [
    Fault("method", 405, "handshake", method="POST"),
    Fault("HTTP version", 400, "handshake", version="HTTP/1.0"),
    Fault("version", 426, "handshake", headers={"Sec-WebSocket-Version": "8"}),
    Fault("upgrade", 400, "handshake", headers={"Upgrade": "h2c"}),
    Fault("host", 421, "host", headers={"Host": "evil.test"}),
    Fault("tls", 403, "tls", headers={"X-Forwarded-For": "192.0.2.1"}),
    Fault("origin", 403, "origin", headers={"Origin": "https://evil.test"}),
    Fault("ready", 503, "ready", before=nobody_looks_at_the_store),
    Fault("address", 429, "quota", before=somebody_is_connected, limits={"connections_per_address": 1}),
    Fault("subprotocol", 400, "handshake", headers={"Sec-WebSocket-Protocol": "a,,b"}),
    Fault("credential", 401, "credential", headers={"Authorization": "Bearer x"}),
    Fault("identity", 429, "quota", before=somebody_is_connected, limits={"connections_per_subject": 1}),
    Fault("route", 403, "route", headers={"Authorization": "unprivileged"}),
]


async def refused_by(kit: GuardKit, *faults: Fault, path: str = "/ws/b1", **given: Any) -> Response:
    """The answer to a correct handshake with these faults in it."""
    for before in dict.fromkeys(fault.before for fault in reversed(faults) if fault.before):
        await before(kit)
    headers: Headers = dict(handshake_headers(kit.host, **{"origin": ORIGIN, "token": privileged(kit), **given}))
    for fault in reversed(faults):
        headers |= fault.headers
    if headers.get("Authorization") == "unprivileged":
        headers["Authorization"] = f"Bearer {kit.token('ann')}"
    sent = [(name, value) for name, value in headers.items() if value is not None]
    method = next((fault.method for fault in faults if fault.method != "GET"), "GET")
    version = next((fault.version for fault in faults if fault.version != "HTTP/1.1"), "HTTP/1.1")
    return await (await kit.raw()).upgrade(path, sent, method=method, version=version)


def privileged(kit: GuardKit) -> str:
    """A token that opens the board."""
    return kit.token("ann", ["board:join:b1"])


def board_kit(*faults: Fault, **options: Any) -> GuardKit:
    """Boards at /ws/…, under the limits of these faults."""
    limits = replace(GENEROUS, **{name: most for fault in faults for name, most in fault.limits.items()})
    return GuardKit([(r"/ws/(?P<board>[^/]*)", BoardSocket)], registry=CHAT, **{"limits": limits, **options})


@pytest.mark.requirement("R003", "R004")
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.what)
@in_loop
async def test_handshake_refusal(fault: Fault, caplog: pytest.LogCaptureFixture) -> None:
    """Each fault has its status and its stage, is not to be cached, and its text tells nothing of the cause."""
    caplog.set_level(logging.INFO)
    async with board_kit(fault) as kit:
        answer = await refused_by(kit, fault)

    refusals = audited(caplog.records, "handshake.refused")
    assert (fault.status, fault.stage) == (refusals[-1]["status"], refusals[-1]["stage"])
    assert (fault.status, "no-store", "text/plain; charset=utf-8") == (
        answer.status,
        answer.headers["cache-control"],
        answer.headers["content-type"],
    )
    assert len(answer.body) < 64
    assert {"server", "set-cookie", "sec-websocket-accept"}.isdisjoint(answer.headers)


@pytest.mark.standard("WebSocket cheat sheet handshake")
@pytest.mark.requirement("R005", "R011")
@pytest.mark.parametrize(
    ("first", "second"),
    [pair for pair in itertools.combinations(FAULTS, 2) if pair[0].headers.keys().isdisjoint(pair[1].headers)],
    ids=lambda fault: fault.what,
)
@in_loop
async def test_handshake_order(first: Fault, second: Fault, caplog: pytest.LogCaptureFixture) -> None:
    """Of two faults the cheaper one is answered: nothing behind it has been looked at."""
    caplog.set_level(logging.INFO)
    async with board_kit(first, second) as kit:
        answer = await refused_by(kit, first, second)

    assert (first.status, first.stage) == (answer.status, audited(caplog.records, "handshake.refused")[-1]["stage"])


@pytest.mark.requirement("R005")
@pytest.mark.parametrize("fault", FAULTS[:10], ids=lambda fault: fault.what)
@in_loop
async def test_handshake_refused_burns_no_ticket(fault: Fault) -> None:
    """Whatever is refused before the credential asks no store, and the ticket in it still opens a connection."""
    store = CountingStore(wall=lambda: NOON)
    async with board_kit(fault, store=store) as kit:
        ticket = await kit.ticket("/ws/b1", "eve", ["board:join:b1"])
        await refused_by(kit, fault, path=f"/ws/b1?ticket={ticket}", token=None)

        assert 0 == store.asked
        assert await store.take_ticket(digest_of(ticket), NOON) is not None


CHALLENGES = {
    "method": ("allow", "GET"),
    "version": ("sec-websocket-version", "13"),
    "credential": ("www-authenticate", 'Bearer error="invalid_token"'),
}


@pytest.mark.standard("RFC 6750")
@pytest.mark.requirement("R004")
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.what)
@in_loop
async def test_handshake_challenge(fault: Fault) -> None:
    """405, 426 and 401 say what would do; 429 and 503 say when, in whole seconds of at least one."""
    async with board_kit(fault) as kit:
        answer = await refused_by(kit, fault)

    if fault.status in (429, 503):
        assert int(answer.headers["retry-after"]) >= 1
    else:
        assert "retry-after" not in answer.headers
    for what, (name, value) in CHALLENGES.items():
        assert (value if what == fault.what else None) == answer.headers.get(name)


MALFORMED: list[tuple[int, Headers]] = [
    (400, {"Upgrade": None}),
    (400, {"Upgrade": "websocket, h2c"}),
    (400, {"Upgrade": "websocket2"}),
    (400, {"Connection": None}),
    (400, {"Connection": "keep-alive"}),
    (400, {"Connection": "upgraded"}),
    (400, {"Sec-WebSocket-Key": None}),
    (400, {"Sec-WebSocket-Key": ""}),
    (400, {"Sec-WebSocket-Key": "AAAA"}),
    (400, {"Sec-WebSocket-Key": "A" * 10_240}),
    (400, {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ"}),
    (400, {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZ-=="}),
    (400, {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==,dGhlIHNhbXBsZSBub25jZQ=="}),
    (426, {"Sec-WebSocket-Version": None}),
    (426, {"Sec-WebSocket-Version": "13, 8"}),
    (426, {"Sec-WebSocket-Version": "013"}),
    (426, {"Sec-WebSocket-Version": "14"}),
    (400, {"Content-Length": "4"}),
    (400, {"Transfer-Encoding": "chunked"}),
    (400, {"Sec-WebSocket-Protocol": "a b"}),
    (400, {"Sec-WebSocket-Protocol": "a, a"}),
    (400, {"Sec-WebSocket-Protocol": "a,"}),
    (400, {"Sec-WebSocket-Protocol": "a/b"}),
    (400, {"Sec-WebSocket-Protocol": ", ".join(f"p{number}" for number in range(500))}),
    (400, {"Sec-WebSocket-Protocol": "b" + " " * 5_000}),
    (400, {"Sec-WebSocket-Protocol": "b,\t" * 2_000}),
]


@pytest.mark.requirement("R009")
@pytest.mark.parametrize(("status", "changed"), MALFORMED, ids=lambda value: str(value)[:60])
@in_loop
async def test_handshake_as_the_rfc_has_it(status: int, changed: Headers) -> None:
    """H14 to H16: what departs from RFC 6455 §4.2.1 never gets as far as a credential."""
    async with board_kit() as kit:
        body = b"0\r\n\r\n" if changed.get("Transfer-Encoding") else b"body"
        raw = await kit.raw()
        headers: Headers = {**dict(handshake_headers(kit.host, origin=ORIGIN, token=privileged(kit))), **changed}
        lines = [f"{name}: {value}" for name, value in headers.items() if value is not None]
        await raw.write("\r\n".join(["GET /ws/b1 HTTP/1.1", *lines, "", ""]).encode())
        await raw.write(body if {"Content-Length", "Transfer-Encoding"} & changed.keys() else b"")

        trimmed = changed.get("Sec-WebSocket-Protocol", "")
        expected = 101 if trimmed and trimmed.strip() == "b" else status
        assert expected == (await raw.response()).status
        assert (1 if expected == 101 else 0) == len(kit.guard.hub)


@pytest.mark.parametrize("name", ["Host", "Origin", "Authorization", "Sec-WebSocket-Key", "Sec-WebSocket-Version"])
@in_loop
async def test_handshake_header_twice(name: str) -> None:
    """A header that decides anything is there once; of two, two readers could take one each."""
    async with board_kit() as kit:
        headers = handshake_headers(kit.host, origin=ORIGIN, token=privileged(kit))
        twice = [*headers, *((each, value) for each, value in headers if each == name)]
        answer = await (await kit.raw()).upgrade("/ws/b1", twice)

    assert answer.status in (400, 401, 403, 426)


@in_loop
async def test_handshake_spelt_otherwise() -> None:
    """Header names and tokens have no case, and Connection may hold more: that is a handshake."""
    async with board_kit() as kit:
        changed: Headers = {"Upgrade": "WebSocket", "Connection": "keep-alive, Upgrade"}
        answer = await refused_by(kit, Fault("none", 101, "", headers=changed))

    assert 101 == answer.status


SUBPROTOCOLS = [
    ((), None),
    (("wssec.v1",), "wssec.v1"),
    (("chat", "wssec.v1"), "wssec.v1"),
    (("chat", "other"), "chat"),
    (("other",), None),
    (("wssec.bearer.{token}", "wssec.v1"), "wssec.v1"),
    (("wssec.bearer.{token}", "chat"), "chat"),
    (("WSSEC.V1",), None),
]


@pytest.mark.parametrize(("offered", "chosen"), SUBPROTOCOLS, ids=str)
@in_loop
async def test_handshake_subprotocol(offered: tuple[str, ...], chosen: str | None) -> None:
    """H17: `wssec.v1` or a name that the handler declares is chosen, wherever it stands; never a credential."""

    class NamedSocket(ChatSocket):
        subprotocols = ("chat",)

    async with GuardKit([("/ws", NamedSocket)], registry=CHAT) as kit:
        token = kit.token()
        shown = tuple(name.format(token=token) for name in offered)
        in_header = {} if any("bearer" in name for name in offered) else {"token": token}
        _, answer = await kit.handshake("/ws", subprotocols=shown, **in_header)

    assert (101, chosen) == (answer.status, answer.headers.get("sec-websocket-protocol"))
    assert token not in str(answer)


@pytest.mark.requirement("R020")
@pytest.mark.parametrize("prefix", ["bearer", "ticket"])
@in_loop
async def test_handshake_credential_beside_nothing(prefix: str) -> None:
    """Offered without a name that could be chosen, a browser could not connect: 400 says so, and nothing is spent."""
    async with chat_kit() as kit:
        credential = kit.token() if prefix == "bearer" else await kit.ticket("/ws")
        await kit.assert_handshake_refused(400, "/ws", subprotocols=[f"wssec.{prefix}.{credential}"])
        await kit.assert_handshake_refused(400, "/ws", subprotocols=["other", f"wssec.{prefix}.{credential}"])
        client = await kit.connect("/ws", token="", subprotocols=[*V1, f"wssec.{prefix}.{credential}"])

    assert "wssec.v1" == client.subprotocol


# --- credentials side by side ---


@in_loop
async def test_h26_two_credentials() -> None:
    """Two good credentials are none: nothing falls back from one to another, and neither is spent."""
    async with chat_kit(authenticators=[BearerToken(query=True), Ticket()]) as kit:
        token, other, ticket = kit.token("ann"), kit.token("bob"), await kit.ticket("/ws")
        shown: list[tuple[str, dict[str, Any]]] = [
            (f"/ws?ticket={ticket}", {"token": token}),
            (f"/ws?ticket={ticket}", {"token": "bad"}),
            (f"/ws?ticket={ticket}&ticket={ticket}", {}),
            (f"/ws?ticket={ticket}", {"subprotocols": [*V1, f"wssec.ticket.{ticket}"]}),
            (f"/ws?token={token}", {"token": other}),
            (f"/ws?token={token}&token={token}", {}),
            ("/ws", {"token": token, "subprotocols": [*V1, f"wssec.bearer.{other}"]}),
            ("/ws", {"token": token, "subprotocols": [*V1, f"wssec.bearer.{token}"]}),
            ("/ws", {"subprotocols": [*V1, f"wssec.bearer.{token}", f"wssec.ticket.{ticket}"]}),
        ]
        for path, options in shown:
            await kit.assert_handshake_refused(401, path, **options)
        await kit.connect(f"/ws?ticket={ticket}", token="")


@in_loop
async def test_h25_token_in_the_query() -> None:
    """It is not looked at unless it is switched on."""
    async with chat_kit() as kit:
        await kit.assert_handshake_refused(401, f"/ws?token={kit.token()}")
    async with chat_kit(authenticators=[BearerToken(query=True)]) as kit:
        await kit.connect(f"/ws?token={kit.token()}", token="")
        await kit.assert_handshake_refused(400, "/ws?" + "&".join(f"a{number}=" for number in range(1_001)))


@pytest.mark.parametrize(
    ("origin", "allow", "status"),
    [(None, False, 403), (None, True, 101), ("null", True, 403), ("null", False, 403), ("", True, 403)],
)
@in_loop
async def test_h11_missing_origin(origin: str | None, allow: bool, status: int) -> None:
    """No Origin passes only where the handler says so, and `null` nowhere."""

    class NativeSocket(ChatSocket):
        allow_missing_origin = allow

    async with GuardKit([("/ws", NativeSocket)], registry=CHAT) as kit:
        _, answer = await kit.handshake("/ws", origin=origin, token=kit.token())

    assert status == answer.status


@in_loop
async def test_h12_sec_fetch_site() -> None:
    """A browser's word that a request is its own does not replace the Origin."""
    async with chat_kit() as kit:
        for word in ("same-origin", "none"):
            evil = {"origin": "https://evil.test", "extra": [("Sec-Fetch-Site", word)], "token": kit.token()}
            await kit.assert_handshake_refused(403, "/ws", **evil)


@pytest.mark.requirement("R001")
@pytest.mark.parametrize(
    ("settings", "headers", "status"),
    [
        ({}, {"X-Forwarded-For": "192.0.2.1"}, 403),
        ({}, {"X-Forwarded-Proto": "https"}, 403),
        ({}, {"Forwarded": "proto=https"}, 403),
        ({}, {"X-Real-IP": "127.0.0.1"}, 403),
        ({"trusted_proxies": ("127.0.0.0/8",)}, {"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https"}, 101),
        ({"trusted_proxies": ("127.0.0.0/8",)}, {"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "http"}, 403),
        ({"trusted_proxies": ("10.0.0.0/8",)}, {"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https"}, 403),
        ({"insecure": True}, {"X-Forwarded-For": "192.0.2.1"}, 101),
        ({}, {}, 101),
    ],
    ids=str,
)
@in_loop
async def test_handshake_without_tls(settings: dict[str, Any], headers: dict[str, str], status: int) -> None:
    """ws:// is for loopback without a proxy, for development, and behind a trusted proxy that spoke TLS."""
    async with chat_kit(settings=settings) as kit:
        _, answer = await kit.handshake("/ws", token=kit.token(), extra=headers.items())

    assert status == answer.status


# --- quotas ---


@in_loop
async def test_handshake_attempts_of_an_address() -> None:
    """Over its rate an address gets 429 whatever it shows, and is let in again when the wait it was told is over."""
    async with chat_kit(limits=Limits(attempts_burst=3, attempts_per_second=0.5)) as kit:
        for _ in range(3):
            await kit.assert_handshake_refused(401, "/ws")
        refused = await kit.assert_handshake_refused(429, "/ws", token=kit.token())
        await kit.advance(float(refused.headers["retry-after"]))
        await kit.connect("/ws")


@in_loop
async def test_handshake_failed_credentials_of_an_address() -> None:
    """R06: 100 failures back off, a success does not wash them off, and an origin refused is no failed credential."""
    failures = 5
    limits = replace(GENEROUS, failed_credentials=failures, failed_credentials_window_seconds=50.0)
    async with chat_kit(limits=limits) as kit:
        for _ in range(20):
            await kit.assert_handshake_refused(403, "/ws", origin="https://evil.test")
        for number in range(failures):
            await kit.assert_handshake_refused(401, "/ws", token=f"wrong{number}")
            if number == failures - 2:
                await kit.connect("/ws")
        refused = await kit.assert_handshake_refused(429, "/ws", token=kit.token())
        await kit.advance(float(refused.headers["retry-after"]))
        await kit.connect("/ws")


@in_loop
async def test_t06_guessed_tickets() -> None:
    """A hundred wrong tickets from an address, and no further one is looked up."""
    store = CountingStore(wall=lambda: NOON)
    limits = replace(GENEROUS, failed_credentials=100)
    async with chat_kit(limits=limits, store=store) as kit:
        answers = [(await kit.handshake(f"/ws?ticket=guess{number}"))[1].status for number in range(120)]

    assert [401] * 100 + [429] * 20 == answers
    assert 100 == store.asked


@in_loop
async def test_handshake_connections_in_all() -> None:
    """The global cap is 503, and one who leaves makes room."""
    async with chat_kit(limits=replace(GENEROUS, connections=2)) as kit:
        first, _ = await kit.connect("/ws"), await kit.connect("/ws", subject="bob")
        await kit.assert_handshake_refused(503, "/ws", token=kit.token("eve"))
        await first.close()
        await settled(kit, 1)
        await kit.connect("/ws", subject="eve")


# --- slow and failing authentication ---


class Gate:
    """An authenticator that is asked, and answers when it is let go."""

    name = "gate"

    def __init__(self) -> None:
        self.asked, self.go_on, self.count = asyncio.Event(), asyncio.Event(), 0

    def find(self, request: RequestView) -> Credential | None:
        return Credential("x", "nowhere")

    async def verify(self, credential: Credential, request: RequestView, desk: Desk) -> Identity:
        self.count += 1
        self.asked.set()
        await self.go_on.wait()
        return Identity(subject="ann", issuer="gate", issued_at=0.0)


@in_loop
async def test_h23_authentication_that_hangs() -> None:
    """It is 503 at the deadline, and the connection is counted nowhere."""
    async with chat_kit(authenticators=[Gate()], timeouts=Timeouts(handshake=0.05)) as kit:
        answer = await kit.assert_handshake_refused(503, "/ws")

        assert int(answer.headers["retry-after"]) >= 1
        assert 0 == len(kit.guard.hub)


@in_loop
async def test_h23_pending_handshakes() -> None:
    """No more wait for an authentication than may; the others get 503 without being asked, and the cap is freed."""
    gate, most = Gate(), 3
    async with chat_kit(authenticators=[gate], limits=replace(GENEROUS, pending_handshakes=most)) as kit:
        waiting = [asyncio.create_task(kit.connect("/ws", token="")) for _ in range(most)]
        while gate.count < most:
            await gate.asked.wait()
            gate.asked.clear()
        for _ in range(20):
            await kit.assert_handshake_refused(503, "/ws")
        assert most == gate.count
        gate.go_on.set()
        await asyncio.gather(*waiting)
        await kit.connect("/ws", token="")


@pytest.mark.requirement("R067")
@pytest.mark.parametrize(
    ("limits", "status"),
    [({"connections_per_address": 2}, 429), ({"connections_per_subject": 2}, 429), ({"connections": 2}, 503)],
    ids=str,
)
@in_loop
async def test_handshake_race_for_the_last_place(limits: dict[str, int], status: int) -> None:
    """Ten who are identified at the same time share the places that there are, not the ones there were before."""
    gate = Gate()
    async with chat_kit(authenticators=[gate], limits=replace(GENEROUS, **limits)) as kit:
        racing = [asyncio.create_task(kit.handshake("/ws")) for _ in range(10)]
        while gate.count < 10:
            await gate.asked.wait()
            gate.asked.clear()
        gate.go_on.set()
        answers = sorted([response.status for _, response in await asyncio.gather(*racing)])

        assert [101] * 2 + [status] * 8 == answers
        assert 2 == len(kit.guard.hub)


@in_loop
async def test_h22_client_that_leaves_meanwhile() -> None:
    """Who is gone before the authentication has ended is never registered, and no hook runs for them."""
    gate = Gate()
    opened: list[str] = []

    class ToldSocket(ChatSocket):
        def opened(self) -> None:
            opened.append("opened")

    async with GuardKit([("/ws", ToldSocket)], registry=CHAT, authenticators=[gate]) as kit:
        raw: RawSocket = await kit.raw()
        head = "\r\n".join(["GET /ws HTTP/1.1", *(f"{n}: {v}" for n, v in handshake_headers(kit.host, origin=ORIGIN))])
        await raw.write(f"{head}\r\n\r\n".encode())
        await gate.asked.wait()
        raw.reset()
        await (await kit.raw()).upgrade("/wssec/live", [("Host", kit.host)])
        gate.go_on.set()
        await settled(kit, 0)
        await (await kit.raw()).upgrade("/wssec/live", [("Host", kit.host)])

        assert ([], 0) == (opened, len(kit.guard.hub))


class BrokenStore(MemoryStore):
    """Does not answer about tickets."""

    async def take_ticket(self, digest: str, now: float) -> str | None:
        raise StoreUnavailable("frozen")


@in_loop
async def test_handshake_store_that_does_not_answer() -> None:
    """A ticket cannot be looked up: 503, and it is no failed credential."""
    async with chat_kit(store=BrokenStore(wall=lambda: NOON), limits=replace(GENEROUS, failed_credentials=1)) as kit:
        for _ in range(5):
            await kit.assert_handshake_refused(503, "/ws?ticket=x")
        await kit.connect("/ws")


@pytest.mark.requirement("R028")
@in_loop
async def test_handshake_anonymous() -> None:
    """Where it is written out, nobody in particular may come in; a bad credential is refused there all the same."""

    class PublicSocket(ChatSocket):
        anonymous = True

    async with GuardKit([("/ws", PublicSocket)], registry=CHAT, limits=GENEROUS) as kit:
        clients = [await kit.connect("/ws", token="", subprotocols=V1) for _ in range(8)]
        for client in clients:
            assert (await client.assert_received("wssec.ready"))["expires_in"] is None
        await clients[0].assert_refused("permission_denied", "chat.send", {"room": "lobby", "text": "hi"})
        await kit.assert_handshake_refused(401, "/ws", token="bad")


@in_loop
async def test_handshake_refusals_are_logged_with_their_remedy(caplog: pytest.LogCaptureFixture) -> None:
    """The operator reads what was refused, the value and what to change; the peer reads none of it."""
    async with chat_kit() as kit:
        answer = await kit.assert_handshake_refused(403, "/ws", origin="https://new.example.com", token=kit.token())

    assert "Origin https://new.example.com; add it to origins= or WSSEC_ORIGINS" in caplog.text
    assert b"new.example.com" not in answer.body
    assert b"Forbidden.\n" == answer.body
