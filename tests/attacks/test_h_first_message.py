"""Line H27 over a real socket, and what stands close to it: a socket that is open and belongs to nobody yet."""

import asyncio
import contextlib
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.certificates import Certified
from tests.kits import GENEROUS, V1, audited, in_loop, settled
from tests.naming import stable
from tests.talk import REGISTRY, Script, TalkSocket, talk_kit
from tornado_wssec import BearerToken, Envelope, FirstMessage, Identity, Limits, Ticket, Timeouts
from tornado_wssec.auth import Credential, Desk, RequestView
from tornado_wssec.errors import ConfigurationError, StoreUnavailable
from tornado_wssec.policy.digests import digest_of
from tornado_wssec.stores.memory import MemoryStore
from tornado_wssec.testing import Client, GuardKit, RawSocket
from tornado_wssec.testing.clock import NOON
from tornado_wssec.testing.raw import BINARY, CONTINUATION, PING, TEXT, frame_bytes, handshake_headers

from .doors import Door

TIMES = Timeouts()
KEPT = Limits().first_message_bytes


def at(door: Door, script: Script | None = None, handler: type = TalkSocket, **options: Any) -> GuardKit:
    """Waits for first messages at /ws, behind this door."""
    given: dict[str, Any] = {"authenticators": [FirstMessage()], "app_settings": {"script": script or Script()}}
    return door.kit(handler, registry=REGISTRY, **{**given, **options})


def door_kit(script: Script | None = None, handler: type = TalkSocket, **options: Any) -> GuardKit:
    """Waits for first messages at /ws."""
    given: dict[str, Any] = {"authenticators": [FirstMessage()], "limits": GENEROUS, **options}
    return talk_kit(script, handler, **given)


async def knock(kit: GuardKit, **options: Any) -> Client:
    """A client whose handshake has shown nothing."""
    return await kit.connect("/ws", token="", **options)


async def waiting(kit: GuardKit, visitors: int) -> None:
    """Return once so many are waited for: each question to the server is a turn of its loop, and it looks around."""
    asking = await kit.raw()
    for _ in range(1_000):
        if len(kit.guard.doorstep) == visitors:
            return
        kit.guard.tick(kit.clock.monotonic)
        await asking.upgrade("/wssec/live", [("Host", kit.host)])
    raise AssertionError(f"expected {visitors} visitors, there are {len(kit.guard.doorstep)}")


async def assert_nobody_left(kit: GuardKit) -> None:
    """Claim that nobody is counted anywhere."""
    await waiting(kit, 0)
    await settled(kit, 0)
    assert 0 == kit.guard.doorstep.at_address("127.0.0.1")
    assert 0 == kit.guard.hub.at_address("127.0.0.1")


# --- the way in ---


@pytest.mark.parametrize("kind", ["token", "ticket"])
@pytest.mark.parametrize("offered", [(), V1], ids=["plain", "v1"])
@in_loop
async def test_h27_first_message_authenticates(kind: str, offered: tuple[str, ...], door: Door) -> None:
    """`wssec.ready` comes first, then the one reply, then whatever `opened` and the handlers say."""
    script = Script(lambda socket, data: {"who": socket.identity.subject})
    async with at(door, script) as kit:
        ann = await knock(kit, subprotocols=offered)
        credential = kit.token() if kind == "token" else await kit.ticket("/ws")
        assert (0, []) == (len(kit.guard.hub), script.told)
        await ann.send("wssec.auth", {kind: credential}, "a1")

        ready = await ann.assert_received("wssec.ready")
        assert {"session", "expires_in", "nonce", "heartbeat"} == ready.keys()
        assert {"type": "reply", "id": "a1", "data": {}} == await ann.receive()
        assert {"who": "ann"} == await ann.request("talk.do")
        assert ([("opened", "ann")], 1, 0) == (script.told, len(kit.guard.hub), len(kit.guard.doorstep))


@in_loop
async def test_h27_first_message_without_an_id() -> None:
    """`wssec.ready` is the answer, and there is no other."""
    async with door_kit() as kit:
        ann = await knock(kit)
        await ann.send("wssec.auth", {"token": kit.token()})
        await ann.assert_received("wssec.ready")
        await ann.assert_nothing_received()


@in_loop
async def test_h27_first_message_in_a_flat_envelope() -> None:
    """The message is read in the envelope of the endpoint, and answered in it."""

    class Flat(TalkSocket):
        envelope = Envelope.flat(type="action")

    async with door_kit(handler=Flat) as kit:
        ann = await knock(kit)
        await ann.send_text(json.dumps({"action": "wssec.auth", "id": "a", "token": kit.token()}))
        ready = await ann.receive()
        assert ("wssec.ready", True) == (ready["action"], "session" in ready)
        assert {"action": "reply", "id": "a"} == await ann.receive()


@in_loop
async def test_h27_a_second_one_after_success(door: Door) -> None:
    """It is an error, and changes nobody: neither one behind a first message, nor one behind a handshake."""
    script = Script(lambda socket, data: {"who": socket.identity.subject})
    async with at(door, script, authenticators=[FirstMessage(), BearerToken()]) as kit:
        ann = await knock(kit)
        await ann.send("wssec.auth", {"token": kit.token()})
        await ann.assert_received("wssec.ready")
        for client in (ann, await kit.connect("/ws")):
            await client.assert_refused("already_authenticated", "wssec.auth", {"token": kit.token("eve")})
            assert {"who": "ann"} == await client.request("talk.do")


@in_loop
async def test_h27_cap_of_the_endpoint_afterwards(door: Door) -> None:
    """The small cap is that of strangers: who is known may send what the endpoint takes, and no more."""
    limits = replace(GENEROUS, message_bytes=3 * KEPT, frame_bytes=3 * KEPT)
    async with at(door, limits=limits) as kit:
        ann = await knock(kit)
        await ann.send("wssec.auth", {"token": kit.token()})
        await ann.assert_received("wssec.ready")
        await ann.assert_refused("invalid", "talk.do", {"what": "x" * 2 * KEPT})
        await ann.send("talk.do", {"what": "x" * 3 * KEPT})
        await ann.assert_closed(1009)


# --- everything else ---


@pytest.mark.requirement("R021")
@in_loop
async def test_h27_nothing_in_time(door: Door) -> None:
    """Five seconds, then 4401: also for who has begun a message and never ends it; who does not answer is dropped."""
    async with at(door) as kit:
        silent, dripping = await knock(kit), await knock(kit)
        await dripping.socket.write(frame_bytes(TEXT, b'{"type":"wssec.auth"')[:-3])
        await kit.advance(TIMES.first_message - 0.1)
        assert 2 == len(kit.guard.doorstep)
        await kit.advance(0.1)
        await silent.assert_closed(4401)
        await waiting(kit, 1)
        await kit.advance(TIMES.close)
        await assert_nobody_left(kit)


@in_loop
async def test_h27_too_late(door: Door) -> None:
    """A good credential behind the deadline opens nothing."""
    script = Script()
    async with at(door, script) as kit:
        ann = await knock(kit)
        await kit.advance(TIMES.first_message)
        await ann.send("wssec.auth", {"token": kit.token()}, "a")
        await ann.assert_closed(4401)
        assert [] == script.told
        await assert_nobody_left(kit)


WRONG: list[tuple[str, str]] = [
    ("another type", '{"type":"talk.do"}'),
    ("a ping", '{"type":"ping","id":"p"}'),
    ("a refresh", '{"type":"wssec.refresh","data":{"token":"TOKEN"}}'),
    ("a type of nobody", '{"type":"nobody.knows"}'),
    ("no JSON", "hello"),
    ("nothing", ""),
    ("a list", '[{"type":"wssec.auth","data":{"token":"TOKEN"}}]'),
    ("a key twice", '{"type":"wssec.auth","type":"wssec.auth","data":{"token":"TOKEN"}}'),
    ("an unknown key", '{"type":"wssec.auth","data":{"token":"TOKEN"},"more":1}'),
    ("no credential", '{"type":"wssec.auth"}'),
    ("an empty one", '{"type":"wssec.auth","data":{"token":""}}'),
    ("null", '{"type":"wssec.auth","data":{"token":null}}'),
    ("a list of them", '{"type":"wssec.auth","data":{"token":["TOKEN"]}}'),
    ("two of them", '{"type":"wssec.auth","data":{"token":"TOKEN","ticket":"TICKET"}}'),
    ("one and an empty one", '{"type":"wssec.auth","data":{"token":"TOKEN","ticket":null}}'),
    ("something else beside it", '{"type":"wssec.auth","data":{"token":"TOKEN","subject":"root"}}'),
    ("a wrong token", '{"type":"wssec.auth","id":"a","data":{"token":"TOKENx"}}'),
    ("a wrong ticket", '{"type":"wssec.auth","id":"a","data":{"ticket":"TICKETx"}}'),
    ("a token as ticket", '{"type":"wssec.auth","data":{"ticket":"TOKEN"}}'),
    ("a ticket as token", '{"type":"wssec.auth","data":{"token":"TICKET"}}'),
    ("a long id", '{"type":"wssec.auth","id":"' + "i" * 65 + '","data":{"token":"TOKEN"}}'),
]


@pytest.mark.requirement("R021")
@in_loop
async def test_h27_anything_else_first(caplog: pytest.LogCaptureFixture, door: Door) -> None:
    """4401, with one reason for every cause and no word before it; nothing is handled, logged of it or spent."""
    caplog.set_level(logging.INFO)
    script = Script()
    async with at(door, script) as kit:
        token, ticket = kit.token(), await kit.ticket("/ws")
        endings = set()
        for what, text in WRONG:
            ann = await knock(kit)
            await ann.send_text(text.replace("TOKEN", token).replace("TICKET", ticket))
            heard = [message async for message in ann]
            endings.add((what, ann.close_code, ann.close_reason, len(heard)))

        assert {(what, 4401, "Authentication required.", 0) for what, _ in WRONG} == endings
        assert [] == script.told
        await assert_nobody_left(kit)
        lines = audited(caplog.records, "handshake.refused")
        assert [(4401, "credential", "127.0.0.1")] * len(WRONG) == [
            (line["close"], line["stage"], line["address"]) for line in lines
        ]
        assert (False, False) == (token in caplog.text, ticket in caplog.text)
        assert await kit.store.take_ticket(digest_of(ticket), NOON) is not None


@in_loop
async def test_h27_binary_first(door: Door) -> None:
    """A binary frame is no message: 4401."""
    async with at(door) as kit:
        ann = await knock(kit)
        await ann.socket.send_frame(BINARY, b'{"type":"wssec.auth"}')
        await ann.assert_closed(4401)


@pytest.mark.requirement("R021")
@pytest.mark.parametrize("shape", ["at once", "in its header alone", "in fragments"])
@in_loop
async def test_h27_more_than_may_come_before_it(shape: str, door: Door) -> None:
    """Over 8 KiB is 1009, known from the header alone and in fragments, too, and counts as a failed credential."""
    limits = replace(GENEROUS, failed_credentials=1)
    async with at(door, limits=limits) as kit:
        ann = await knock(kit)
        big = frame_bytes(TEXT, b" " * (KEPT + 1))
        if shape == "at once":
            await ann.socket.write(big)
        elif shape == "in its header alone":
            await ann.socket.write(big[:8])
        else:
            await ann.socket.send_frame(TEXT, b" " * KEPT, fin=False)
            await ann.socket.send_frame(CONTINUATION, b" ", fin=True)
        await ann.assert_closed(1009)
        await kit.advance(TIMES.close)
        await assert_nobody_left(kit)
        await kit.assert_handshake_refused(429, "/ws")


@in_loop
async def test_h27_exactly_what_may_come(door: Door) -> None:
    """A first message of 8 KiB is read."""
    async with at(door) as kit:
        ann = await knock(kit)
        text = json.dumps({"type": "wssec.auth", "data": {"token": kit.token()}})
        await ann.send_text(text + " " * (KEPT - len(text)))
        await ann.assert_received("wssec.ready")


@in_loop
async def test_h27_flood_of_control_frames(door: Door) -> None:
    """Pings are answered by the protocol, and a flood of them ends the visit."""
    async with at(door, limits=replace(GENEROUS, frames_burst=10, frames_per_second=1)) as kit:
        ann = await knock(kit)
        for _ in range(20):
            await ann.socket.send_frame(PING, b"x")
        await ann.assert_closed(4429)


@in_loop
async def test_h27_switched_off_kind() -> None:
    """A ticket where only tokens will do is refused and not spent; and the other way round."""
    async with door_kit(authenticators=[FirstMessage(ticket=False)]) as kit:
        ticket = await kit.ticket("/ws")
        ann = await knock(kit)
        await ann.send("wssec.auth", {"ticket": ticket})
        await ann.assert_closed(4401)
        assert await kit.store.take_ticket(digest_of(ticket), NOON) is not None
    async with door_kit(authenticators=[FirstMessage(token=False)]) as kit:
        ann = await knock(kit)
        await ann.send("wssec.auth", {"token": kit.token()})
        await ann.assert_closed(4401)
    with pytest.raises(ValueError, match="lets nobody in"):
        FirstMessage(token=False, ticket=False)


# --- what a handshake would have been refused for ---


class Board(TalkSocket):
    requires = "board:join:{board}"


async def _nothing(kit: GuardKit) -> None:
    """Nothing has happened."""


async def _revoked(kit: GuardKit) -> None:
    await kit.guard.revoke(subject="ann")


async def _connected(kit: GuardKit) -> None:
    await kit.connect("/ws/b1", permissions=["board:join:b1"])


async def _store_out_of_sight(kit: GuardKit) -> None:
    kit.clock.advance(TIMES.mirror_for_new + 1)


REFUSED: list[tuple[str, int, dict[str, int], list[str], Callable[[GuardKit], Awaitable[None]]]] = [
    ("credential", 4401, {}, ["board:join:b1"], _revoked),
    ("route", 4403, {}, ["board:join:b2"], _nothing),
    ("quota", 4429, {"connections_per_subject": 1}, ["board:join:b1"], _connected),
    ("quota", 4429, {"identity_attempts_burst": 1, "identity_attempts_per_second": 1}, ["board:join:b1"], _connected),
    ("ready", 1013, {}, ["board:join:b1"], _store_out_of_sight),
]


@pytest.mark.parametrize(("stage", "code", "limits", "grants", "before"), REFUSED, ids=lambda value: stable(value)[:30])
@in_loop
async def test_h27_same_checks_as_at_the_handshake(
    stage: str,
    code: int,
    limits: dict[str, int],
    grants: list[str],
    before: Callable[[GuardKit], Awaitable[None]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Revocation, quota, route and readiness stand behind a first message as they do behind a handshake."""
    caplog.set_level(logging.INFO)
    ways = [FirstMessage(), BearerToken()]
    options: dict[str, Any] = {"authenticators": ways, "limits": replace(GENEROUS, **limits)}
    script = Script()
    routes = [(r"/ws/(?P<board>[^/]*)", Board)]
    async with GuardKit(routes, registry=REGISTRY, app_settings={"script": script}, **options) as kit:
        visitor = await kit.connect("/ws/b1", token="")
        await before(kit)
        there = len(kit.guard.hub)
        await visitor.send("wssec.auth", {"token": kit.token("ann", grants, ttl=3_600)}, "a")
        heard = [message async for message in visitor]

        assert (code, []) == (visitor.close_code, heard)
        (line,) = audited(caplog.records, "handshake.refused")
        assert (stage, code) == (line["stage"], line["close"])
        assert (there, there) == (len(kit.guard.hub), script.told.count(("opened", "ann")))
        await waiting(kit, 0)


@in_loop
async def test_h27_ticket_is_bound_to_the_handshake() -> None:
    """A ticket for another path is refused here, and spent by that."""
    async with door_kit() as kit:
        ticket = await kit.ticket("/elsewhere")
        ann = await knock(kit)
        await ann.send("wssec.auth", {"ticket": ticket})
        await ann.assert_closed(4401)
        assert await kit.store.take_ticket(digest_of(ticket), NOON) is None


@in_loop
async def test_h27_store_that_does_not_answer() -> None:
    """A ticket that cannot be looked up is 1013, and no failed credential."""

    class Broken(MemoryStore):
        async def take_ticket(self, digest: str, now: float) -> str | None:
            raise StoreUnavailable("frozen")

    limits = replace(GENEROUS, failed_credentials=1)
    async with door_kit(store=Broken(wall=lambda: NOON), limits=limits) as kit:
        for _ in range(3):
            ann = await knock(kit)
            await ann.send("wssec.auth", {"ticket": "x"})
            await ann.assert_closed(1013)


@in_loop
async def test_h27_failures_are_charged_to_the_address() -> None:
    """As many as at the handshake, also on sockets that were open before: then nothing more is verified."""
    failures = 5
    async with door_kit(limits=replace(GENEROUS, failed_credentials=failures)) as kit:
        there = [await knock(kit) for _ in range(failures + 3)]
        for number, client in enumerate(there):
            await client.send("wssec.auth", {"token": f"wrong{number}"})
            await client.assert_closed(4401 if number < failures else 4429)
        await kit.assert_handshake_refused(429, "/ws")


@in_loop
async def test_h27_credential_in_the_handshake() -> None:
    """Where the handshake shows one it decides: good is in at once, bad is 401, and nothing falls back to a message."""
    async with door_kit(authenticators=[FirstMessage(), BearerToken()]) as kit:
        await kit.connect("/ws")
        assert (1, 0) == (len(kit.guard.hub), len(kit.guard.doorstep))
        await kit.assert_handshake_refused(401, "/ws", token="wrong")
        await kit.assert_handshake_refused(401, f"/ws?token={kit.token()}")
        await kit.assert_handshake_refused(401, f"/ws?ticket={await kit.ticket('/ws')}")
        await kit.assert_handshake_refused(401, "/ws", subprotocols=[*V1, "wssec.ticket.x"])
        assert 0 == len(kit.guard.doorstep)


@pytest.mark.requirement("R003")
@in_loop
async def test_h27_plain_requests(caplog: pytest.LogCaptureFixture) -> None:
    """FirstMessage proves nobody to a plain route: a ticket is given to who shows a token there."""

    class ForSockets(FirstMessage):
        def find(self, request: RequestView) -> Credential | None:
            raise AssertionError("asked about a plain request")

    async with door_kit(authenticators=[ForSockets()]) as kit:
        raw = await kit.raw()
        headers = [("Host", kit.host), ("Content-Type", "application/json"), ("Content-Length", "14")]
        await raw.write(
            "\r\n".join(["POST /wssec/ticket HTTP/1.1", *(f"{n}: {v}" for n, v in headers), "", ""]).encode()
            + b'{"path":"/ws"}'
        )
        assert 401 == (await raw.response()).status
    assert "unexpectedly" not in caplog.text


def test_h27_anonymous_beside_it_does_not_start() -> None:
    """Who shows nothing cannot be both nobody and waited for."""

    class Both(TalkSocket):
        anonymous = True

    kit = door_kit(handler=Both)
    with pytest.raises(ConfigurationError, match=r"Both\.anonymous.*FirstMessage"):
        kit.guard.check(kit.app)
    kit = door_kit(handler=TalkSocket, authenticators=[FirstMessage(), FirstMessage()])
    with pytest.raises(ConfigurationError, match="keep one"):
        kit.guard.check(kit.app)
    own = type("Own", (Both,), {"authenticators": (BearerToken(),)})
    door_kit(handler=own).guard.check(door_kit(handler=own).app)


# --- what a stranger's socket costs ---


@in_loop
async def test_h27_hears_nothing(door: Door) -> None:
    """What is published, and who is disconnected, does not concern a socket of nobody."""
    async with at(door, authenticators=[FirstMessage(), BearerToken()]) as kit:
        stranger = await knock(kit, subprotocols=V1)
        await kit.connect("/ws")
        assert 1 == await kit.guard.disconnect(subject="ann")
        await kit.advance(TIMES.first_message)
        heard = [message async for message in stranger]
        assert ([], 4401) == (heard, stranger.close_code)


@in_loop
async def test_h27_pending_cap() -> None:
    """They count as pending handshakes; a handshake that shows a credential is pending no longer than that takes."""
    limits = replace(GENEROUS, pending_handshakes=3)
    async with door_kit(limits=limits) as kit:
        there = [await knock(kit) for _ in range(3)]
        for _ in range(5):
            await kit.assert_handshake_refused(503, "/ws")
        await there[0].send("wssec.auth", {"token": kit.token()})
        await there[0].assert_received("wssec.ready")
        there[1].socket.reset()
        await waiting(kit, 1)
        for _ in range(2):
            await knock(kit)
        await kit.assert_handshake_refused(503, "/ws")


@in_loop
async def test_h27_silent_strangers_keep_nobody_out_who_is_known() -> None:
    """As many as may wait in silence: who shows a credential is let in all the same."""
    ways = [FirstMessage(), BearerToken()]
    async with door_kit(authenticators=ways, limits=replace(GENEROUS, pending_handshakes=3)) as kit:
        there = [await knock(kit) for _ in range(3)]
        await kit.assert_handshake_refused(503, "/ws")
        await kit.connect("/ws")
        await kit.assert_handshake_refused(401, "/ws", token="wrong")
        assert len(there) == len(kit.guard.doorstep)


@in_loop
async def test_h27_connections_of_the_address() -> None:
    """They count towards their address like everybody, once each, before and after."""
    ways = [FirstMessage(), BearerToken()]
    async with door_kit(authenticators=ways, limits=replace(GENEROUS, connections_per_address=3)) as kit:
        visitor, _ = await knock(kit), await knock(kit)
        await kit.connect("/ws")
        await kit.assert_handshake_refused(429, "/ws", token=kit.token())
        await visitor.send("wssec.auth", {"token": kit.token()})
        await visitor.assert_received("wssec.ready")
        await kit.assert_handshake_refused(429, "/ws", token=kit.token())


@in_loop
async def test_h27_shed_first(caplog: pytest.LogCaptureFixture) -> None:
    """When the server is full, the oldest stranger makes room for who is known; a stranger makes nobody go."""
    ways = [FirstMessage(), BearerToken()]
    async with door_kit(authenticators=ways, limits=replace(GENEROUS, connections=2)) as kit:
        oldest, other = await knock(kit), await knock(kit)
        await kit.assert_handshake_refused(503, "/ws")
        await kit.assert_handshake_refused(401, "/ws", token="wrong")
        assert 2 == len(kit.guard.doorstep)
        await kit.connect("/ws")
        await oldest.assert_closed(1013)
        await other.send("wssec.auth", {"token": kit.token()})
        await other.assert_received("wssec.ready")
        assert (2, 0) == (len(kit.guard.hub), len(kit.guard.doorstep))
        await kit.assert_handshake_refused(503, "/ws", token=kit.token())


@in_loop
async def test_h27_drain(door: Door) -> None:
    """A guard that stops waits for nobody it does not know."""
    async with at(door) as kit:
        stranger = await knock(kit)
        await kit.guard.stop()
        await stranger.assert_closed(1001)
        assert 0 == len(kit.guard.doorstep)


# --- while it is verified ---


class Slow(FirstMessage):
    """Verifies when it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.go_on, self.cancelled = asyncio.Event(), asyncio.Event(), 0

    async def verify(self, credential: Credential, request: RequestView, desk: Desk) -> Identity:
        self.asked.set()
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return await super().verify(credential, request, desk)


async def behind(raw: RawSocket, kit: GuardKit, *messages: dict[str, Any]) -> None:
    """Send a handshake with these messages right behind it, in one write."""
    head = [
        "GET /ws HTTP/1.1",
        *(f"{n}: {v}" for n, v in handshake_headers(kit.host, origin="https://app.example.com")),
    ]
    frames = b"".join(frame_bytes(TEXT, json.dumps(message).encode()) for message in messages)
    await raw.write("\r\n".join([*head, "", ""]).encode() + frames)
    assert 101 == (await raw.response()).status


@in_loop
async def test_h24_behind_a_first_message(door: Door) -> None:
    """What was sent behind it is handled when it has been verified and `opened` is over, in order."""
    slow, script, opened = Slow(), Script(), asyncio.Event()

    class Opening(TalkSocket):
        async def opened(self) -> None:
            opened.set()
            await script.go_on.wait()
            script.told.append("opened")

    script.do = lambda socket, data: script.told.append(data["what"])
    async with at(door, script, Opening, authenticators=[slow]) as kit:
        raw = await kit.raw()
        auth = {"type": "wssec.auth", "data": {"token": kit.token()}}
        early = [{"type": "talk.do", "id": what, "data": {"what": what}} for what in ("one", "two")]
        await behind(raw, kit, auth, *early)
        await slow.asked.wait()
        assert ([], 0, 1) == (script.told, len(kit.guard.hub), len(kit.guard.doorstep))
        slow.go_on.set()
        await opened.wait()
        assert [] == script.told
        script.go_on.set()
        client = Client(raw, None)
        await client.assert_received("wssec.ready")
        assert ["one", "two"] == [(await client.receive())["id"] for _ in range(2)]
        assert ["opened", "one", "two"] == script.told


@in_loop
async def test_h24_behind_a_refused_first_message(door: Door) -> None:
    """Never, whether a good first message or anything else lies behind the bad one."""
    script = Script(lambda socket, data: script.told.append("handled"))
    async with at(door, script) as kit:
        raw = await kit.raw()
        good = {"type": "wssec.auth", "id": "a", "data": {"token": kit.token()}}
        await behind(raw, kit, {"type": "wssec.auth", "data": {"token": "bad"}}, good, {"type": "talk.do", "id": "b"})
        client = Client(raw, None)
        heard = [message async for message in client]
        assert ([], [], 4401) == (script.told, heard, client.close_code)
        await assert_nobody_left(kit)


@in_loop
async def test_h22_client_that_leaves_while_its_message_is_verified() -> None:
    """It is never registered, no hook runs, and all is counted back at the next look, not at the deadline."""
    slow, script = Slow(), Script()
    async with door_kit(script, authenticators=[slow]) as kit:
        for leave in ("reset", "close"):
            slow.asked.clear()
            ann = await knock(kit)
            await ann.send("wssec.auth", {"token": kit.token()})
            await slow.asked.wait()
            if leave == "reset":
                ann.socket.reset()
            else:
                await ann.socket.close()
            await waiting(kit, 0)
        await assert_nobody_left(kit)
        assert ([], 2) == (script.told, slow.cancelled)


@in_loop
async def test_h22_client_that_is_gone_from_tls(certified: Certified) -> None:
    """The same through TLS, where nothing can be read meanwhile, and the socket alone tells."""
    slow, script = Slow(), Script()
    async with at(Door(certified), script, authenticators=[slow]) as kit:
        for _ in range(3):
            slow.asked.clear()
            ann = await knock(kit)
            await ann.send("wssec.auth", {"token": kit.token()})
            await slow.asked.wait()
            ann.socket.reset()
            await waiting(kit, 0)
        await assert_nobody_left(kit)
        assert ([], 3) == (script.told, slow.cancelled)


@in_loop
async def test_h23_first_message_whose_verification_hangs() -> None:
    """It is 1013 at the deadline; the deadline of the message itself does not run meanwhile."""
    async with door_kit(authenticators=[Slow()], timeouts=Timeouts(handshake=0.05)) as kit:
        ann = await knock(kit)
        await ann.send("wssec.auth", {"token": kit.token()})
        await ann.assert_closed(1013)
        await assert_nobody_left(kit)


@in_loop
async def test_h23_deadline_does_not_run_while_it_is_verified() -> None:
    """A back end that takes a while costs the client nothing but that while."""
    slow = Slow()
    async with door_kit(authenticators=[slow]) as kit:
        ann = await knock(kit)
        await ann.send("wssec.auth", {"token": kit.token()})
        await slow.asked.wait()
        await kit.advance(TIMES.first_message + 1)
        slow.go_on.set()
        await ann.assert_received("wssec.ready")


@in_loop
async def test_h27_shed_or_drained_while_it_is_verified(door: Door) -> None:
    """Who is dropped meanwhile stays out, whatever the verification would have said."""
    slow, script = Slow(), Script()
    async with at(door, script, authenticators=[slow]) as kit:
        ann = await knock(kit)
        await ann.send("wssec.auth", {"token": kit.token()})
        await slow.asked.wait()
        assert 1 == kit.guard.doorstep.shed(5)
        await ann.assert_closed(1013)
        slow.go_on.set()
        await assert_nobody_left(kit)
        assert [] == script.told


@in_loop
async def test_h27_race_for_the_last_place_of_an_identity() -> None:
    """Ten whose first messages are verified at once share the places there are."""
    slow = Slow()
    async with door_kit(authenticators=[slow], limits=replace(GENEROUS, connections_per_subject=2)) as kit:
        clients = [await knock(kit) for _ in range(10)]
        token = kit.token()
        for client in clients:
            slow.asked.clear()
            await client.send("wssec.auth", {"token": token})
            await slow.asked.wait()
        slow.go_on.set()
        await settled(kit, 2)
        await kit.advance(TIMES.close)
        await waiting(kit, 0)
        assert 2 == len(kit.guard.hub)


@in_loop
async def test_h27_revoked_while_it_is_verified() -> None:
    """A revocation that arrives meanwhile holds."""
    slow = Slow()
    async with door_kit(authenticators=[slow, Ticket()]) as kit:
        ann = await knock(kit)
        await ann.send("wssec.auth", {"token": kit.token()})
        await slow.asked.wait()
        await kit.guard.revoke(subject="ann")
        slow.go_on.set()
        await ann.assert_closed(4401)
        await assert_nobody_left(kit)


@in_loop
async def test_h27_verification_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    """A back end that raises what nobody foresaw is a refusal, and nothing that it quotes is logged."""

    class Failing(FirstMessage):
        async def verify(self, credential: Credential, request: RequestView, desk: Desk) -> Identity:
            raise KeyError(credential.value)

    async with door_kit(authenticators=[Failing()]) as kit:
        token = kit.token()
        ann = await knock(kit)
        await ann.send("wssec.auth", {"token": token})
        await ann.assert_closed(4401)
        await assert_nobody_left(kit)
    assert "authentication failed unexpectedly: KeyError" in caplog.text
    assert token not in caplog.text


@in_loop
async def test_h22_client_that_sends_its_message_and_is_gone() -> None:
    """Who does not wait for the answer is noticed at once, though the end had come with the message."""
    script = Script()
    async with door_kit(script, authenticators=[Slow()]) as kit:
        for _ in range(5):
            ann = await knock(kit)
            await ann.send("wssec.auth", {"token": kit.token()})
            await ann.socket.close()
        await assert_nobody_left(kit)
        assert [] == script.told


@in_loop
async def test_h27_dropped_while_a_stubborn_back_end_verifies() -> None:
    """A back end that does not let itself be cancelled lets nobody in who was dropped meanwhile."""

    class Stubborn(Slow):
        async def verify(self, credential: Credential, request: RequestView, desk: Desk) -> Identity:
            with contextlib.suppress(asyncio.CancelledError):
                await super().verify(credential, request, desk)
            return Identity(subject="ann", issuer="stubborn")

    stubborn, script = Stubborn(), Script()
    async with door_kit(script, authenticators=[stubborn]) as kit:
        ann = await knock(kit)
        await ann.send("wssec.auth", {"token": kit.token()})
        await stubborn.asked.wait()
        assert 1 == kit.guard.doorstep.shed(1)
        await ann.assert_closed(1013)
        await assert_nobody_left(kit)
        assert [] == script.told


def failing(*arguments: object) -> None:
    """Fail as nobody foresaw."""
    raise KeyError("nobody")


@in_loop
async def test_h27_opening_that_fails(monkeypatch: pytest.MonkeyPatch, door: Door) -> None:
    """A mistake of ours while it is let in ends the connection, and counts nobody."""
    async with at(door) as kit:
        monkeypatch.setattr(kit.guard.hub, "account", failing)
        ann = await knock(kit)
        await ann.send("wssec.auth", {"token": kit.token()})
        await ann.assert_closed(1011)
        await assert_nobody_left(kit)


@in_loop
async def test_h27_stall_is_forgiven() -> None:
    """The time in which the event loop stood still is not the stranger's."""
    async with door_kit() as kit:
        ann = await knock(kit)
        kit.clock.advance(60)
        kit.guard.doorstep.extend(60)
        kit.guard.tick(kit.clock.monotonic)
        await kit.advance(0)
        await ann.send("wssec.auth", {"token": kit.token()})
        await ann.assert_received("wssec.ready")


@in_loop
async def test_h27_stall_in_the_middle_of_it_is_forgiven() -> None:
    """Nor is it the stranger's who has begun to speak; a frame that he does not finish himself is 4401."""
    async with door_kit(timeouts=Timeouts(frame=1.0, first_message=5.0)) as kit:
        frame = frame_bytes(TEXT, json.dumps({"type": "wssec.auth", "data": {"token": kit.token()}}).encode())
        ann, eve = await knock(kit), await knock(kit)
        for client in (ann, eve):
            await client.socket.write(frame[:20])
        await (await kit.raw()).upgrade("/wssec/live", [("Host", kit.host)])  # they have arrived before it
        await kit.advance(0)
        kit.clock.advance(3)
        kit.guard.doorstep.extend(3)
        await kit.advance(0)
        await ann.socket.write(frame[20:])
        await ann.assert_received("wssec.ready")
        await kit.advance(2)
        await eve.assert_closed(4401)
