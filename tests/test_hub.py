"""Heartbeat, deadlines and numbers of live connections, with the clock turned by hand."""

from dataclasses import replace
from typing import Any

import pytest

from schemas import chat
from tests.kits import GENEROUS, V1, chat_kit, in_loop, settled
from tests.talk import Heard, Script, TalkSocket, talk_kit
from tornado_wssec import Identity, Limits, Timeouts
from tornado_wssec.hub import ACCOUNTS_A_NEWCOMER, Hub
from tornado_wssec.policy.session import Account
from tornado_wssec.testing import Client, GuardKit
from tornado_wssec.testing.raw import CLOSE, PING, PONG, Frame
from tornado_wssec.wire.outgoing import Outgoing

TIMES = Timeouts()


async def frame_of(client: Client) -> Frame:
    """The next frame, of whatever kind."""
    frame = await client.socket.receive_frame()
    assert frame is not None, "the connection is gone"
    return frame


@pytest.mark.requirement("R036")
@in_loop
async def test_hub_ping() -> None:
    """A quiet peer is pinged after the interval, with a nonce; its answer is life for another interval."""
    async with chat_kit() as kit:
        client = await kit.connect("/ws")
        for _ in range(5):
            await kit.advance(TIMES.ping_interval)
            ping = await frame_of(client)
            assert (PING, True) == (ping.opcode, len(ping.payload) >= 8)
            await client.socket.send_frame(PONG, ping.payload)
            await client.assert_nothing_received()


def test_hub_looks_at_few_accounts_for_each_newcomer(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many are in debt, and for however long; and in the end at each of them."""
    looked: list[Account] = []

    def is_idle(account: Account, now: float) -> bool:
        looked.append(account)
        return False

    monkeypatch.setattr(Account, "is_idle", is_idle)
    hub = Hub(Limits(tracked_keys=100), TIMES, lambda: 0.0)
    for number in range(150):
        hub.account(Identity(subject=f"u{number}"))

    assert 50 * ACCOUNTS_A_NEWCOMER == len(looked)
    assert 150 == len(hub._accounts)
    assert len(set(looked)) >= 100


@pytest.mark.requirement("R036")
@pytest.mark.parametrize("life", ["pong", "ping", "message", "unknown"])
@in_loop
async def test_hub_any_frame_is_life(life: str) -> None:
    """A peer that sends anything is there, though it never answers the ping itself."""
    async with talk_kit() as kit:
        client = await kit.connect("/ws")
        await kit.advance(TIMES.ping_interval)
        assert PING == (await frame_of(client)).opcode
        if life in ("pong", "ping"):
            await client.socket.send_frame(PONG if life == "pong" else PING, b"something else")
        else:
            await client.send("talk.do" if life == "message" else "talk.none")
        await client.assert_refused("unknown_type") if life == "unknown" else await client.request("talk.do")
        await kit.advance(TIMES.pong + 1)

        await client.assert_nothing_received()


@in_loop
async def test_f12_pong_withheld() -> None:
    """No sign of life after a ping: 4408 when the time for it is over, and not before."""
    async with chat_kit() as kit:
        client = await kit.connect("/ws")
        await kit.advance(TIMES.ping_interval)
        await kit.advance(TIMES.pong - 0.1)
        (live,) = kit.guard.hub
        assert not live.session.is_closing
        await kit.advance(0.1)

        assert PING == (await frame_of(client)).opcode
        assert "no sign of life" == await client.assert_closed(4408)
        await settled(kit, 0)


@in_loop
async def test_f16_close_that_is_never_answered() -> None:
    """Who does not answer our close is dropped when the time for it is over; the socket is gone."""
    async with chat_kit() as kit:
        client = await kit.connect("/ws")
        await kit.guard.disconnect(subject="ann")
        assert CLOSE == (await frame_of(client)).opcode
        await kit.advance(TIMES.close - 0.1)
        assert 1 == len(kit.guard.hub)
        await kit.advance(0.1)

        assert None is await client.socket.receive_frame()
        await settled(kit, 0)


async def kept_alive(kit: GuardKit, client: Client, seconds: float) -> None:
    """Let time pass for a peer that answers every ping."""
    for _ in range(int(seconds // TIMES.ping_interval)):
        await kit.advance(TIMES.ping_interval)
        await client.socket.send_frame(PONG, b"")
        await (await kit.raw()).upgrade("/wssec/live", [("Host", kit.host)])


@pytest.mark.requirement("R035")
@in_loop
async def test_hub_idle() -> None:
    """Without data either way it is over after the idle time, however well pings are answered."""
    async with chat_kit() as kit:
        client = await kit.connect("/ws", token=kit.token(ttl=3_600))
        await kept_alive(kit, client, TIMES.idle - 1)
        (live,) = kit.guard.hub
        assert not live.session.is_closing
        await kit.advance(TIMES.ping_interval)

        assert "idle" == await client.assert_closed(4408)


@pytest.mark.parametrize("way", ["in", "out"])
@in_loop
async def test_hub_data_either_way_is_not_idle(way: str) -> None:
    """A message in either direction begins the idle time anew."""

    async def say(socket: TalkSocket, data: dict[str, Any]) -> None:
        await socket.send(Heard, {"text": "hi"})

    async with talk_kit(Script(say)) as kit:
        client = await kit.connect("/ws", token=kit.token(ttl=3_600, permissions=["talk:hear"]))
        for _ in range(3):
            await kept_alive(kit, client, TIMES.idle - 50)
            if way == "in":
                await client.request("talk.do")
            else:
                (live,) = kit.guard.hub
                live.send(Outgoing('{"type":"x"}'), kit.clock.monotonic)
        (live,) = kit.guard.hub

        assert not live.session.is_closing


@pytest.mark.requirement("R035", "R037")
@in_loop
async def test_hub_ping_message_is_no_data() -> None:
    """The application's `ping` proves life, as a ping frame does, and leaves an idle connection idle."""
    async with talk_kit(Script()) as kit:
        client = await kit.connect("/ws", token=kit.token(ttl=3_600))
        await kept_alive(kit, client, TIMES.idle - 1)
        await client.assert_nothing_received()  # by a ping and its pong
        await kit.advance(TIMES.ping_interval)

        assert "idle" == await client.assert_closed(4408)


@pytest.mark.requirement("R040")
@in_loop
async def test_hub_age() -> None:
    """No connection outlives its age by more than the jitter, however busy it is."""
    times = Timeouts(age=1_000, age_jitter=0.1)
    async with talk_kit(timeouts=times) as kit:
        client = await kit.connect("/ws", token=kit.token(ttl=3_600))
        await kit.advance(800)
        await client.request("talk.do")
        await kit.advance(99)
        (live,) = kit.guard.hub
        assert not live.session.is_closing
        await kit.advance(202)

        assert "connection reached its age" == await client.assert_closed(4408)


@pytest.mark.standard("WebSocket cheat sheet session end")
@pytest.mark.requirement("R029")
@in_loop
async def test_j24_expiry_without_traffic() -> None:
    """The token's end is told before, and closes with 4001 at the end of the grace, with no traffic needed."""
    async with chat_kit() as kit:
        client = await kit.connect("/ws", subprotocols=V1)
        assert 600 == (await client.assert_received("wssec.ready"))["expires_in"]
        await kit.advance(600 - TIMES.token_warning)
        assert {"expires_in": 60.0, "grace": 25.0} == await client.assert_received("wssec.expiring")
        await client.assert_nothing_received()
        await kept_alive(kit, client, TIMES.token_warning)
        await kit.advance(10)
        (live,) = kit.guard.hub
        await kit.advance(TIMES.token_grace - 0.5)
        assert not live.session.is_closing
        await kit.advance(0.5)

        assert "token expired" == await client.assert_closed(4001)


@pytest.mark.requirement("R032")
@in_loop
async def test_j24_refresh_in_the_grace() -> None:
    """A fresh token of the same subject replaces the old one, also in the grace, and is warned of in its turn."""
    async with chat_kit() as kit:
        client = await kit.connect("/ws", subprotocols=V1)
        await client.assert_received("wssec.ready")
        await kit.advance(610)
        await client.assert_received("wssec.expiring")
        assert {"expires_in": 600.0} == await client.request("wssec.refresh", {"token": kit.token()})
        await kit.advance(545)

        assert {"expires_in": 55.0, "grace": 25.0} == await client.assert_received("wssec.expiring")


@pytest.mark.requirement("R031")
@pytest.mark.parametrize(
    "other",
    [{"subject": "bob"}, {"subject": "ann", "tenant": "acme"}, {"subject": "ann", "session_id": "another-session"}],
    ids=str,
)
@in_loop
async def test_j24_refresh_by_somebody_else(other: dict[str, str]) -> None:
    """A token of another subject, tenant or session ends the connection: 4401."""
    async with chat_kit() as kit:
        client = await kit.connect("/ws", token=kit.token("ann", session_id="this-session"))
        await client.send("wssec.refresh", {"token": kit.token(**other)})

        assert "not authenticated" == await client.assert_closed(4401)


@pytest.mark.requirement("R036")
@in_loop
async def test_hub_stall_is_forgiven() -> None:
    """The time in which we did not look is nobody's silence."""
    async with chat_kit() as kit:
        client = await kit.connect("/ws")
        await kit.advance(TIMES.ping_interval)
        assert PING == (await frame_of(client)).opcode
        kit.clock.advance(60)
        kit.guard.hub.extend(60)
        await kit.guard.watcher.catch_up()
        kit.guard.tick(kit.clock.monotonic)
        (live,) = kit.guard.hub
        assert not live.session.is_closing
        await kit.advance(TIMES.pong)

        await client.assert_closed(4408)


# --- numbers ---


@in_loop
async def test_hub_connections_of_a_subject() -> None:
    """As many as allowed, then 429; who leaves makes room, and another subject is not counted."""
    async with chat_kit(limits=Limits(connections_per_subject=2)) as kit:
        first, _ = await kit.connect("/ws"), await kit.connect("/ws")
        await kit.assert_handshake_refused(429, "/ws", token=kit.token())
        await kit.connect("/ws", subject="bob")
        await first.close()
        await settled(kit, 2)
        await kit.connect("/ws")
        await kit.assert_handshake_refused(429, "/ws", token=kit.token())


@in_loop
async def test_hub_counters_return_to_nothing() -> None:
    """After comings and goings of every kind nobody is counted anywhere."""
    async with chat_kit(limits=GENEROUS) as kit:
        clients = [await kit.connect("/ws", subject=f"u{number % 3}") for number in range(9)]
        identities = [live.session.identity for live in kit.guard.hub]
        for number, client in enumerate(clients):
            if number % 3 == 0:
                await client.close()
            elif number % 3 == 1:
                client.socket.reset()
            else:
                await client.send_text("{" * 9)
        await kit.guard.disconnect(subject="u2")
        await kit.advance(TIMES.close)
        await settled(kit, 0)

        assert [0] * 9 == [kit.guard.hub.of_identity(identity) for identity in identities]
        assert 0 == kit.guard.hub.at_address("127.0.0.1")
        assert [] == list(kit.guard.hub)


@in_loop
async def test_hub_add_and_remove_are_idempotent() -> None:
    """Tornado may report a close twice, or before the opening: nothing is counted twice."""
    async with chat_kit() as kit:
        await kit.connect("/ws")
        (live,) = kit.guard.hub
        kit.guard.hub.add(live)
        assert (1, 1, 1) == counted(kit, live)
        kit.guard.hub.remove(live)
        kit.guard.hub.remove(live)
        assert (0, 0, 0) == counted(kit, live)
        kit.guard.hub.add(live)
        assert (1, 1, 1) == counted(kit, live)


def counted(kit: GuardKit, live: Any) -> tuple[int, int, int]:
    """Connections in all, of the address and of the identity."""
    hub = kit.guard.hub
    return len(hub), hub.at_address(live.address), hub.of_identity(live.session.identity)


@in_loop
async def test_hub_budget_survives_a_reconnect() -> None:
    """Who leaves and comes back finds the budget as it was left."""
    async with talk_kit() as kit:
        client = await kit.connect("/ws")
        await client.request("talk.rare")
        await client.request("talk.rare")
        await client.close()
        await settled(kit, 0)

        await (await kit.connect("/ws")).assert_refused("rate_limited", "talk.rare")


# --- slow readers ---


@in_loop
async def test_r08_slow_reader() -> None:
    """Who reads nothing is dropped once its queue is over the limit, and is recorded as a slow consumer."""
    script = Script()

    async def flood(socket: TalkSocket, data: dict[str, Any]) -> None:
        for _ in range(200):
            await socket.send(Heard, {"text": "x" * 100_000})

    script.do = flood
    async with talk_kit(script, limits=replace(GENEROUS, outbound_bytes=200_000)) as kit:
        client = await kit.connect("/ws", permissions=["talk:hear"])
        (live,) = kit.guard.hub
        await client.send("talk.do")
        await settled(kit, 0)
        await script.left.wait()

        assert [("opened", "ann"), ("closed", 4413)] == script.told
        assert 0 == live.connection.buffered_bytes


@in_loop
async def test_r10_slow_reader_costs_only_itself() -> None:
    """The others hear what is published, in order, before and after the slow one is dropped."""
    async with chat_kit(limits=replace(GENEROUS, outbound_bytes=100_000)) as kit:
        slow, quick = await kit.connect("/ws", permissions=["**"]), await kit.connect("/ws", permissions=["**"])
        for client in (slow, quick):
            await client.request("wssec.subscribe", {"channel": "room:lobby"})
        for number in range(5_000):
            line = {"room": "lobby", "text": f"{number:04}" + "x" * 1_900, "author": "x"}
            await kit.guard.publish("room:lobby", chat.Posted, line)
            assert f"{number:04}" == (await quick.assert_received("chat.posted"))["text"][:4]
            if len(kit.guard.hub) == 1:
                break

        assert 1 == len(kit.guard.hub)
        await quick.assert_nothing_received()
