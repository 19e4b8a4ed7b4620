"""Lines H14 to H17 and H22 to H26 over a real socket: handshakes that are none, hang, leave or show too much."""

import asyncio
import json
import logging
from dataclasses import replace
from typing import Any

import pytest

from tests.kits import CHAT, GENEROUS, V1, ChatSocket, audited, chat_kit, in_loop, settled
from tests.talk import REGISTRY, Script, TalkSocket
from tornado_wssec import BearerToken, FirstMessage, Identity, Limits, Ticket, Timeouts
from tornado_wssec.auth import Credential, Desk, RequestView
from tornado_wssec.policy.digests import digest_of
from tornado_wssec.stores.memory import MemoryStore
from tornado_wssec.testing import GuardKit, RawSocket, Response
from tornado_wssec.testing.clock import NOON
from tornado_wssec.testing.kit import ORIGIN
from tornado_wssec.testing.raw import CLOSE, TEXT, frame_bytes, handshake_headers

from .doors import Door

Changes = dict[str, str | None]


class Watched(MemoryStore):
    """Counts what it is asked for."""

    asked = 0

    async def take_ticket(self, digest: str, now: float) -> str | None:
        self.asked += 1
        return await super().take_ticket(digest, now)


class Looker(BearerToken):
    """Counts how often anybody is looked for or verified."""

    def __init__(self) -> None:
        super().__init__()
        self.looked = 0

    def find(self, request: RequestView) -> Credential | None:
        self.looked += 1
        return super().find(request)


async def asked(
    kit: GuardKit, path: str, changes: Changes, *, method: str = "GET", version: str = "HTTP/1.1", **given: Any
) -> Response:
    """The answer to a good handshake with these headers in the place of its own; None takes one away."""
    headers: Changes = {**dict(handshake_headers(kit.host, **{"origin": ORIGIN, **given})), **changes}
    sent = [(name, value) for name, value in headers.items() if value is not None]
    return await (await kit.raw()).upgrade(path, sent, method=method, version=version)


NO_HANDSHAKES: list[tuple[str, Changes, int]] = [
    ("POST", {"Content-Length": "0"}, 405),
    ("PUT", {"Content-Length": "0"}, 405),
    ("HEAD", {}, 405),
    ("OPTIONS", {}, 405),
    ("DELETE", {}, 405),
    ("PATCH", {"Content-Length": "0"}, 405),
    ("BREW", {}, 405),
    ("get", {}, 405),
    ("GET", {"Upgrade": None}, 400),
    ("GET", {"Connection": None}, 400),
    ("GET", {"Upgrade": "h2c"}, 400),
    ("GET", {"Upgrade": "websocket, h2c"}, 400),
    ("GET", {"Connection": "close"}, 400),
    ("GET", {"Connection": "not-upgrade"}, 400),
]


@pytest.mark.standard("RFC 9110")
@in_loop
async def test_h14_other_methods_and_no_upgrade() -> None:
    """Refused before anything is looked up: no ticket is burned, nobody is looked for, no attempt is charged."""
    looker, store = Looker(), Watched(wall=lambda: NOON)
    limits = replace(GENEROUS, attempts_burst=1, attempts_per_second=1)
    async with chat_kit(authenticators=[looker, Ticket()], store=store, limits=limits) as kit:
        ticket = await kit.ticket("/ws")
        for method, changes, status in NO_HANDSHAKES:
            answer = await asked(kit, f"/ws?ticket={ticket}", changes, method=method)
            assert (method, changes, status) == (method, changes, answer.status)
            assert ("GET" if status == 405 else None) == answer.headers.get("allow")
        assert (0, 0) == (looker.looked, store.asked)
        await kit.connect(f"/ws?ticket={ticket}", token="")  # the one attempt that there is


RFC_6455: list[tuple[str, Changes, int]] = [
    ("HTTP/1.1", {"Sec-WebSocket-Version": "8"}, 426),
    ("HTTP/1.1", {"Sec-WebSocket-Version": "13, 8"}, 426),
    ("HTTP/1.1", {"Sec-WebSocket-Version": None}, 426),
    ("HTTP/1.1", {"Sec-WebSocket-Version": "+13"}, 426),
    ("HTTP/1.1", {"Sec-WebSocket-Version": "0x0d"}, 426),
    ("HTTP/1.1", {"Sec-WebSocket-Version": "１３".encode().decode("latin-1")}, 426),
    ("HTTP/1.0", {}, 400),
    ("HTTP/1.1", {"Sec-WebSocket-Key": None}, 400),
    ("HTTP/1.1", {"Sec-WebSocket-Key": ""}, 400),
    ("HTTP/1.1", {"Sec-WebSocket-Key": "AAAA"}, 400),
    ("HTTP/1.1", {"Sec-WebSocket-Key": "A" * 10_240}, 400),
    ("HTTP/1.1", {"Sec-WebSocket-Key": "A" * 24}, 400),  # 18 bytes
    ("HTTP/1.1", {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZ_=="}, 400),
    ("HTTP/1.1", {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSB ub25jZ=="}, 400),
]


@pytest.mark.standard("RFC 6455")
@pytest.mark.requirement("R009")
@in_loop
async def test_h15_versions_and_keys() -> None:
    """426 names the version that would do; HTTP/1.0 and a key that is not 16 bytes are 400."""
    async with chat_kit(limits=GENEROUS) as kit:
        for version, changes, status in RFC_6455:
            answer = await asked(kit, "/ws", changes, version=version, token=kit.token())
            assert (version, changes, status) == (version, changes, answer.status)
            assert ("13" if status == 426 else None) == answer.headers.get("sec-websocket-version")
        twice = [("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")]
        await kit.assert_handshake_refused(400, "/ws", token=kit.token(), extra=twice)
        await kit.assert_handshake_refused(426, "/ws", token=kit.token(), extra=[("Sec-WebSocket-Version", "13")])
        assert 0 == len(kit.guard.hub)


OFFERS: list[tuple[str, int, str | None]] = [
    (", ".join(f"p{number}" for number in range(500)), 400, None),
    ("wssec.v1, wssec.v1", 400, None),
    ("wssec.v1,", 400, None),
    (",wssec.v1", 400, None),
    ("wssec.v1,,chat", 400, None),
    ("wssec.v1, a b", 400, None),
    ("wssec.v1, a/b", 400, None),
    ('wssec.v1, "a"', 400, None),
    ("wssec.v1, a\x7f", 400, None),
    ("wssec.v1, ä".encode().decode("latin-1"), 400, None),
    ("wssec.v1, b" + " " * 12_000 + "c", 400, None),
    ("wssec.v1, b" + ",\t" * 6_000, 400, None),
    ("wssec.v1, " + "x" * 5_120, 101, "wssec.v1"),
    ("unknown", 101, None),
    ("unknown, wssec.v2", 101, None),
    ("wssec.V1", 101, None),
    ("unknown, wssec.v1", 101, "wssec.v1"),
]


@in_loop
async def test_h16_hostile_subprotocols() -> None:
    """No list of names, or too long a one, is 400; a name that the server does not know is never returned."""
    async with chat_kit(limits=GENEROUS) as kit:
        for offered, status, chosen in OFFERS:
            answer = await asked(kit, "/ws", {"Sec-WebSocket-Protocol": offered}, token=kit.token())
            shown = answer.headers.get("sec-websocket-protocol")
            assert (offered[:40], status, chosen) == (offered[:40], answer.status, shown)


@in_loop
async def test_h16_subprotocols_in_many_lines() -> None:
    """Lines of one header are one list: what is in none of them twice may not be in two of them either."""
    async with chat_kit(limits=GENEROUS) as kit:
        name = "Sec-WebSocket-Protocol"
        for lines, status in (
            ([(name, "a"), (name, "wssec.v1")], 101),
            ([(name, "wssec.v1"), (name, "wssec.v1")], 400),
            ([(name, f"p{number}") for number in range(40)], 400),
        ):
            _, answer = await kit.handshake("/ws", token=kit.token(), extra=lines)
            assert status == answer.status


@pytest.mark.requirement("R016")
@in_loop
async def test_h17_token_as_subprotocol(caplog: pytest.LogCaptureFixture) -> None:
    """Never echoed, never logged, wherever it stands; where it is switched off it is not looked at."""
    caplog.set_level(logging.DEBUG)
    async with chat_kit(limits=GENEROUS) as kit:
        token = kit.token()
        shown = f"wssec.bearer.{token}"
        for offered in ((shown, "wssec.v1"), ("wssec.v1", shown), ("a", shown, "wssec.v1", "b")):
            _, answer = await kit.handshake("/ws", subprotocols=offered)
            assert (101, "wssec.v1") == (answer.status, answer.headers["sec-websocket-protocol"])
            assert token not in str(answer)
        await kit.assert_handshake_refused(401, "/ws", subprotocols=[f"{shown}x", "wssec.v1"])
    async with chat_kit(limits=GENEROUS, authenticators=[BearerToken(subprotocol=False)]) as kit:
        token_off = kit.token()
        await kit.assert_handshake_refused(401, "/ws", subprotocols=[f"wssec.bearer.{token_off}", "wssec.v1"])
    assert (False, False) == (token in caplog.text, token_off in caplog.text)


# --- slow, gone and early ---


class Hanging:
    """Finds somebody in every request, and answers when it is let go."""

    name = "hanging"

    def __init__(self) -> None:
        self.go_on, self.count = asyncio.Event(), 0

    def find(self, request: RequestView) -> Credential | None:
        return Credential("x", "nowhere")

    async def verify(self, credential: Credential, request: RequestView, desk: Desk) -> Identity:
        self.count += 1
        await self.go_on.wait()
        return Identity(subject="ann", issuer="hanging")


async def turned(kit: GuardKit, until: Any) -> None:
    """Let the server turn until something holds."""
    asking = await kit.raw()
    for _ in range(2_000):
        if until():
            return
        await asking.upgrade("/wssec/live", [("Host", kit.host)])
    raise AssertionError("it never did")


async def begun(kit: GuardKit, path: str = "/ws", *, behind: bytes = b"") -> RawSocket:
    """A socket on which a whole handshake has been sent, with this behind it in one piece, and nothing read."""
    raw = await kit.raw()
    headers = handshake_headers(kit.host, origin=ORIGIN)
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    await raw.write("\r\n".join([*lines, "", ""]).encode() + behind)
    return raw


@in_loop
async def test_h22_clients_that_vanish_while_they_are_authenticated(door: Door) -> None:
    """None is registered, no hook runs, and every place they held can be had again."""
    hanging, most, script = Hanging(), 20, Script()
    limits = replace(GENEROUS, pending_handshakes=most, connections_per_address=most)
    given: dict[str, Any] = {"registry": REGISTRY, "app_settings": {"script": script}}
    async with door.kit(TalkSocket, authenticators=[hanging], limits=limits, **given) as kit:
        gone = [await begun(kit) for _ in range(most)]
        await turned(kit, lambda: hanging.count == most)
        for raw in gone:
            raw.reset()
        await (await kit.raw()).upgrade("/wssec/live", [("Host", kit.host)])
        hanging.go_on.set()
        await settled(kit, 0)
        assert ([], 0) == (script.told, kit.guard.hub.at_address("127.0.0.1"))
        for _ in range(most):
            await kit.connect("/ws", token="")
        assert most == len(kit.guard.hub)


@in_loop
async def test_h23_a_thousand_hung_handshakes() -> None:
    """No more of them wait than may; the rest is 503 at once and is never verified, and then all is as before."""
    hanging, most, thousand = Hanging(), 100, 1_000
    limits = replace(GENEROUS, pending_handshakes=most)
    async with chat_kit(authenticators=[hanging], limits=limits) as kit:
        racing = [await begun(kit) for _ in range(thousand)]
        answers = [asyncio.create_task(raw.response()) for raw in racing]
        await turned(kit, lambda: sum(answer.done() for answer in answers) == thousand - most)
        refused = [answer.result() for answer in answers if answer.done()]
        assert {503} == {answer.status for answer in refused}
        assert (most, 0) == (hanging.count, len(kit.guard.hub))
        hanging.go_on.set()
        statuses = [(await answer).status for answer in answers]
        assert (most, thousand - most) == (statuses.count(101), statuses.count(503))
        await kit.connect("/ws", token="")


@in_loop
async def test_h23_back_end_that_hangs() -> None:
    """It is 503 with Retry-After when the deadline ends, for sockets and for plain requests."""
    async with chat_kit(authenticators=[Hanging()], timeouts=Timeouts(handshake=0.05)) as kit:
        answer = await kit.assert_handshake_refused(503, "/ws")
        plain = await kit.raw()
        body = b'{"path":"/ws"}'
        head = f"POST /wssec/ticket HTTP/1.1\r\nHost: {kit.host}\r\nContent-Type: application/json\r\n"
        await plain.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        other = await plain.response()
        assert (503, 503) == (answer.status, other.status)
        assert {True} == {int(one.headers["retry-after"]) >= 1 for one in (answer, other)}


@in_loop
async def test_h23_store_that_is_lost_meanwhile() -> None:
    """Who was verified while the revocations grew too old comes in no more than who knocks now."""
    hanging = Hanging()
    async with chat_kit(authenticators=[hanging]) as kit:
        waiting = asyncio.create_task(kit.handshake("/ws"))
        await turned(kit, lambda: hanging.count == 1)
        kit.clock.advance(kit.guard.timeouts.mirror_for_new + 1)
        hanging.go_on.set()
        assert 503 == (await waiting)[1].status
        assert 0 == len(kit.guard.hub)


@pytest.mark.requirement("R003")
@in_loop
async def test_h24_frames_behind_a_handshake(door: Door) -> None:
    """They wait for the authentication and for `opened`; where either refuses, none is ever handled."""
    hanging = Hanging()
    script = Script(lambda socket, data: script.told.append("handled"))
    message = frame_bytes(TEXT, json.dumps({"type": "talk.do", "id": "a"}).encode())

    class Closing(TalkSocket):
        def opened(self) -> None:
            self.close(4100, "no")

    routes = [("/ws", TalkSocket), ("/closing", Closing)]
    given: dict[str, Any] = {"authenticators": [hanging], "limits": GENEROUS, "app_settings": {"script": script}}
    async with door.kit(handlers=routes, registry=REGISTRY, **given) as kit:
        raw = await begun(kit, behind=message)
        await turned(kit, lambda: hanging.count == 1)
        assert [] == script.told
        hanging.go_on.set()
        assert 101 == (await raw.response()).status
        assert await raw.receive_frame() is not None
        assert [("opened", "ann"), "handled"] == script.told

        script.told.clear()
        closing = await begun(kit, "/closing", behind=message * 3)
        assert 101 == (await closing.response()).status
        frame = await closing.receive_frame()
        assert (CLOSE, 4100) == (frame and frame.opcode, frame and int.from_bytes(frame.payload[:2]))
        await closing.send_frame(CLOSE, b"\x10\x04")
        await settled(kit, 1)
        assert "handled" not in script.told

        refused = await kit.raw()
        head = ["GET /ws HTTP/1.1", *(f"{n}: {v}" for n, v in handshake_headers(kit.host, origin="https://evil.test"))]
        await refused.write("\r\n".join([*head, "", ""]).encode() + message)
        assert 403 == (await refused.response()).status
        assert "handled" not in script.told


@in_loop
async def test_h24_handshake_behind_other_requests(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    """All in one piece: each is answered in turn, and behind 101 there is no HTTP any more."""
    caplog.set_level(logging.INFO)
    ping = frame_bytes(TEXT, b'{"type":"ping"}')
    async with door.kit() as kit:
        live = f"GET /wssec/live HTTP/1.1\r\nHost: {kit.host}\r\n\r\n".encode()
        good, bad = (handshake_bytes(kit, token) for token in (kit.token(), "none"))
        raw = await kit.raw()
        await raw.write(bad + live + good + ping * 2)
        assert [401, 200, 101] == [(await raw.response()).status for _ in range(3)]
        for _ in range(2):
            frame = await raw.receive_frame()
            assert b'{"type":"pong"}' == (frame and frame.payload)

        caplog.clear()
        smuggling = await kit.raw()
        await smuggling.write(good + live)
        assert 101 == (await smuggling.response()).status
        frame = await smuggling.receive_frame()
        assert (CLOSE, 1002) == (frame and frame.opcode, frame and int.from_bytes(frame.payload[:2]))
        assert "/wssec/live" not in caplog.text


def handshake_bytes(kit: GuardKit, token: str) -> bytes:
    """A handshake as it goes over the wire."""
    headers = handshake_headers(kit.host, origin=ORIGIN, token=token)
    return "\r\n".join(["GET /ws HTTP/1.1", *(f"{name}: {value}" for name, value in headers), "", ""]).encode()


# --- credentials in the wrong place, and too many ---


@pytest.mark.requirement("R016")
@in_loop
async def test_h25_token_in_the_query(caplog: pytest.LogCaptureFixture) -> None:
    """Switched off, twice, or among a thousand arguments: refused, and in no log."""
    caplog.set_level(logging.DEBUG)
    async with chat_kit(limits=GENEROUS) as kit:
        token = kit.token()
        await kit.assert_handshake_refused(401, f"/ws?token={token}")
    async with chat_kit(limits=GENEROUS, authenticators=[BearerToken(query=True)]) as kit:
        mine = kit.token()
        await kit.assert_handshake_refused(401, f"/ws?token={mine}&token={mine}")
        await kit.assert_handshake_refused(401, f"/ws?token={mine}&token=")
        await kit.assert_handshake_refused(400, f"/ws?token={mine}&" + "&".join(f"a{n}=" for n in range(1_000)))
        await kit.assert_handshake_refused(400, f"/ws?token={mine}&" + "&".join(["a=1"] * 1_000))
        for least in (101, 999):  # Tornado itself stops at a thousand
            await kit.assert_handshake_refused(400, f"/ws?token={mine}&" + "&".join(["a=1"] * least))
        await kit.connect(f"/ws?token={mine}&" + "&".join(["a=1"] * 99), token="")
    assert (False, False) == (token in caplog.text, mine in caplog.text)


@pytest.mark.parametrize("switched_off", ["?token=x", "?ticket=x"])
@in_loop
async def test_h25_credential_where_nobody_looks_beside_a_good_one(switched_off: str) -> None:
    """What the endpoint does not take is no less a second credential; the value of a cookie is none."""
    async with chat_kit(limits=GENEROUS, authenticators=[BearerToken(subprotocol=False)]) as kit:
        token = kit.token()
        await kit.assert_handshake_refused(401, f"/ws{switched_off}", token=token)
        await kit.assert_handshake_refused(401, "/ws", token=token, subprotocols=["wssec.v1", "wssec.bearer.x"])
        await kit.connect("/ws", token=token, subprotocols=["wssec.v1", "wssec.csrf.x"])


@in_loop
async def test_h26_mechanisms_do_not_fall_back(caplog: pytest.LogCaptureFixture) -> None:
    """A's good credential beside B's, or beside a bad one, is nobody's: neither the one nor the other is let in."""
    caplog.set_level(logging.INFO)
    store = Watched(wall=lambda: NOON)
    ways = [BearerToken(query=True), Ticket(), FirstMessage()]
    async with chat_kit(authenticators=ways, limits=GENEROUS, store=store) as kit:
        ann, bob, ticket = kit.token("ann"), kit.token("bob"), await kit.ticket("/ws", "bob")
        shown: list[tuple[str, dict[str, Any]]] = [
            ("/ws", {"token": ann, "subprotocols": [*V1, f"wssec.bearer.{bob}"]}),
            ("/ws", {"token": ann, "subprotocols": [*V1, f"wssec.ticket.{ticket}"]}),
            ("/ws", {"token": ann, "subprotocols": [*V1, "wssec.ticket.wrong"]}),
            ("/ws", {"token": "wrong", "subprotocols": [*V1, f"wssec.ticket.{ticket}"]}),
            ("/ws", {"token": ann, "subprotocols": [*V1, "wssec.bearer."]}),
            (f"/ws?ticket={ticket}", {"token": ann}),
            (f"/ws?ticket={ticket}", {"token": "wrong"}),
            (f"/ws?token={ann}", {"subprotocols": [*V1, f"wssec.ticket.{ticket}"]}),
            (f"/ws?token={ann}&ticket={ticket}", {}),
            (f"/ws?token=&ticket={ticket}", {}),
            ("/ws", {"token": "wrong"}),
            ("/ws?ticket=wrong", {}),
            ("/ws?ticket=", {}),
        ]
        for path, options in shown:
            answer = await kit.assert_handshake_refused(401, path, **options)
            assert b"Authentication required.\n" == answer.body
        assert (0, 0) == (len(kit.guard.hub), len(kit.guard.doorstep))
        assert {"credential"} == {line["stage"] for line in audited(caplog.records, "handshake.refused")}
        assert await store.take_ticket(digest_of(ticket), NOON) is not None

        visitor = await kit.connect("/ws", token="")
        await visitor.send("wssec.auth", {"token": ann, "ticket": ticket})
        await visitor.assert_closed(4401)


@in_loop
async def test_h26_a_way_that_another_endpoint_takes() -> None:
    """What one endpoint takes opens no other that does not."""

    class ByTicket(ChatSocket):
        authenticators = (Ticket(),)

    routes = [("/ws", ChatSocket), ("/tickets", ByTicket)]
    async with GuardKit(routes, registry=CHAT, limits=Limits(), authenticators=[BearerToken()]) as kit:
        await kit.assert_handshake_refused(401, "/tickets", token=kit.token())
        await kit.assert_handshake_refused(401, f"/ws?ticket={await kit.ticket('/ws')}")
        await kit.connect(f"/tickets?ticket={await kit.ticket('/tickets')}", token="")


@pytest.mark.requirement("R025")
@in_loop
async def test_h14_what_never_gets_as_far_as_the_handshake(door: Door) -> None:
    """A method that nobody knows, a path that is no text: Tornado refuses it, as quietly, and for no cache."""

    class BoardSocket(ChatSocket):
        requires = "board:join:{board}"

    async with door.kit(handlers=[("/ws/(?P<board>.*)", BoardSocket)]) as kit:
        answers = [
            await asked(kit, "/ws/b1", {}, method="BREW"),
            await asked(kit, "/ws/b%ff", {}, token=kit.token("ann", ["board:join:*"])),
        ]

    assert [(405, b"405\n"), (400, b"400\n")] == [(answer.status, answer.body) for answer in answers]
    for answer in answers:
        assert "no-store" == answer.headers["cache-control"]
        assert "server" not in answer.headers
