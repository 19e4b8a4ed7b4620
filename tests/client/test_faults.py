"""What can break between a Python client and its server, each with a real one, and the state that it leads to."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest

from tests.client.kit import LINE, RIGHTS, Chat, Waits, in_loop, start
from tests.faults.cut import wire_to
from tests.kits import GENEROUS
from tests.signing import Desk, ed25519
from tornado_wssec import Close, CloseCode, Limits, Timeouts
from tornado_wssec.client import (
    Client,
    Event,
    HttpRefused,
    MessageSigner,
    Refused,
    Stopped,
    bearer,
    connection,
    public_jwk,
    ticket_for,
)
from tornado_wssec.client.signing import SigningKey
from tornado_wssec.testing.clock import NOON
from tornado_wssec.wire.outgoing import Outgoing


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that soon gives up."""
    for name in ("LIFE_WITHIN", "HANDLED_WITHIN", "READY_WITHIN"):
        monkeypatch.setattr(connection, name, 0.3)


@in_loop
async def test_server_that_was_killed_is_tried_again() -> None:
    """Its connections are cut, nobody listens, and then somebody does."""
    waits = Waits()
    async with Chat() as kit, wire_to(kit.port) as wire, at(kit, wire.port, waits) as client:
        waits.is_held, wire.is_open = True, False
        wire.cut()
        lost = await waits.until("waiting", "lost")
        waits.release()
        await waits.until("waiting", "unreachable", times=2)
        wire.is_open = True
        await waits.until("open", times=2)

        assert (1006, 1.5) == (lost.code, lost.seconds)
        assert {"delivered": True} == await client.request("chat.send", LINE)


@in_loop
async def test_server_that_stops_in_order_is_come_back_to() -> None:
    """1001, over the seconds that it names; while it drains, 503."""
    waits = Waits()
    kit = Chat()
    async with kit:
        client = kit.client(waits)
        await client.__aenter__()
        waits.is_held = True
    state = await waits.until("waiting", "going_away")
    waits.release()
    await waits.until("waiting", "unreachable")
    await client.close()

    assert (1001, 1.0) == (state.code, state.seconds)


@pytest.mark.usefixtures("impatient")
@in_loop
async def test_network_that_was_cut_is_noticed() -> None:
    """No word, no end: the client asks, and is not answered."""
    waits = Waits()
    async with Chat() as kit, wire_to(kit.port) as wire, at(kit, wire.port, waits) as client:
        waits.is_held = True
        wire.delay = 3_600.0
        asked = start(client.request("chat.send", LINE, within=60))
        await client.check()

        assert "silent" == (await waits.until("waiting", "silent")).reason
        with pytest.raises(Refused, match="disconnected"):
            await asked


@pytest.mark.requirement("R091")
@pytest.mark.usefixtures("impatient")
@in_loop
async def test_silence_is_asked_about_once_a_heartbeat() -> None:
    """A server that answers is not left, however little it says; nor is one that is cut off kept."""
    waits = Waits()
    timeouts = Timeouts(ping_interval=0.2, pong=10.0)
    async with Chat(timeouts=timeouts) as kit, wire_to(kit.port) as wire, at(kit, wire.port, waits) as client:
        waits.is_held = True
        await asyncio.sleep(0.5)  # a heartbeat and a half, by the client's own clock
        assert "open" == client.state.name
        wire.delay = 3_600.0
        await waits.until("waiting", "silent")


@pytest.mark.usefixtures("impatient")
@in_loop
async def test_server_that_accepts_and_says_nothing_is_given_up() -> None:
    """The handshake has its time, too."""
    waits = Waits()
    silent: list[asyncio.StreamWriter] = []
    async with await asyncio.start_server(lambda _, writer: silent.append(writer), "127.0.0.1", 0) as server:
        waits.is_held = True
        port = server.sockets[0].getsockname()[1]
        client = Client(f"ws://127.0.0.1:{port}/ws", on_state=waits.told, pause=waits.pause)
        entering = start(client.__aenter__())

        assert "Timeout" in (await waits.until("waiting", "unreachable")).text
        entering.cancel()
        with suppress(asyncio.CancelledError):
            await entering
        for writer in silent:
            writer.close()


@in_loop
async def test_token_that_expired_while_it_slept_is_replaced() -> None:
    """4001 when it wakes; then a new token, and it is open again."""
    waits = Waits()
    async with Chat() as kit, kit.client(waits) as client:
        await kit.advance(700)
        state = await waits.until("waiting", "token_expired")
        await waits.until("open", times=2)

        assert 4001 == state.code
        assert {"delivered": True} == await client.request("chat.send", LINE)


@in_loop
async def test_token_that_expired_for_good_ends_it() -> None:
    """Where the credential gives the same one again, somebody has to log in."""
    waits = Waits()
    async with Chat() as kit:
        token = kit.token("ann", RIGHTS)
        async with kit.client(waits, credential=bearer(token)):
            await kit.advance(700)
            await waits.until("stopped", "token_expired")

    assert ["connecting", "open", "waiting:token_expired", "connecting", "stopped:token_expired"] == waits.names


@pytest.mark.requirement("R039")
@in_loop
async def test_token_is_renewed_on_the_open_connection() -> None:
    """A minute before it ends, and nothing reconnects."""
    waits = Waits()
    async with Chat() as kit:

        async def renew() -> str:
            return kit.token("ann", RIGHTS)

        async with kit.client(waits, renew=renew) as client:
            await kit.advance(541)
            renewed = await waits.until("open", times=2)
            await kit.advance(120)

            assert (600.0, "open") == (renewed.expires_in, client.state.name)
            assert {"delivered": True} == await client.request("chat.send", LINE)


@in_loop
async def test_faults_of_the_caller_are_raised() -> None:
    """A credential that is wrongly written is not waited out; nor is what renews it."""

    async def broken() -> Any:
        raise KeyError("token")

    waits = Waits()
    async with Chat() as kit:
        with pytest.raises(KeyError):
            async with kit.client(waits, credential=broken):
                raise AssertionError("it is not open")
        client = kit.client(waits, renew=broken)
        await client.__aenter__()
        await kit.advance(541)
        await waits.until("stopped", "fault", times=2)
        with pytest.raises(KeyError):
            await client.close()


@in_loop
async def test_clock_that_is_wrong_only_spoils_signatures(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it signs is `replayed`; by the right clock it is taken. The connection does not mind either."""
    key = ed25519()
    async with Desk(limits=GENEROUS) as kit:
        async with desk_client(kit, key) as client:
            with pytest.raises(Refused, match="replayed"):
                await client.request("desk.order", {"symbol": "A"})
            assert "open" == client.state.name
            assert {"symbol": "A"} == await client.request("desk.look", {"symbol": "A"})
        monkeypatch.setattr(MessageSigner.__init__, "__kwdefaults__", {"wall": lambda: NOON})
        async with desk_client(kit, key) as client:
            assert [{"ordered": "A"}, {"ordered": "B"}] == await asyncio.gather(
                *(client.request("desk.order", {"symbol": symbol}) for symbol in "AB")
            )


def desk_client(kit: Desk, key: SigningKey) -> Client:
    """Somebody who signs orders."""
    token = kit.token("ann", ("desk:order:*", "desk:look:*"), cnf={"jwk": public(key)})
    url = f"ws://{kit.host}/ws"
    return Client(url, credential=bearer(token), signing_key=key, signed=["desk.order"])


def public(key: SigningKey) -> dict[str, Any]:
    """Its public half."""
    return public_jwk(key)


@in_loop
async def test_type_that_is_signed_needs_a_key() -> None:
    """It is refused here, and the connection stays."""
    async with Chat() as kit, kit.client(signed=["chat.send"]) as client:
        with pytest.raises(Refused, match="signing_failed"):
            await client.request("chat.send", LINE)


@in_loop
async def test_reader_that_is_slow_costs_itself_a_gap() -> None:
    """A thousand events wait; of what found no room a gap is told, and then it goes on."""
    async with Chat(limits=GENEROUS) as kit, kit.client() as client:
        await client.subscribe("room:lobby")
        for _ in range(connection.EVENTS + 2):
            client._hear(Event("chat.posted", {}, "room:lobby"))
        events = client.events()
        types = [(await anext(events)).type for _ in range(connection.EVENTS + 1)]
        await client.request("chat.send", LINE)

        assert ["chat.posted"] * connection.EVENTS + ["wssec.gap"] == types
        assert "chat.posted" == (await anext(events)).type


@in_loop
async def test_handshake_that_was_refused_tells_when_to_come_back() -> None:
    """429 with Retry-After: not before that, with the jitter on top."""
    waits = Waits()
    async with Chat(limits=Limits(connections_per_subject=1)) as kit, kit.client():
        waits.is_held = True
        entering = start(kit.client(waits).__aenter__())
        state = await waits.until("waiting", "rate_limited")
        entering.cancel()

    assert state.seconds is not None
    assert state.seconds > 1.5
    assert "HTTP 429" == state.text


@in_loop
async def test_ticket_is_bought_for_each_attempt() -> None:
    """By HTTP, with a token; a refusal there is one of the handshake."""
    waits = Waits()
    async with Chat() as kit:
        bought = ticket_for(kit.url, lambda: kit.token("ann", RIGHTS))
        async with kit.client(waits, credential=bought) as client:
            assert {"delivered": True} == await client.request("chat.send", LINE)
        with pytest.raises(HttpRefused, match="401"):
            await ticket_for(kit.url, "wrong")()
        with pytest.raises(Stopped, match="unauthenticated"):
            await kit.client(credential=ticket_for(kit.url, "wrong")).__aenter__()
    with pytest.raises(OSError, match="refused"):
        await bought()


@pytest.mark.parametrize(
    "url",
    ["http://a/ws", "a/ws", "ws://a.example/ws", "wss://u:p@a.example/", "wss://a.example/?ticket=x", "wss:///x"],
)
def test_url_that_would_give_something_away_is_refused(url: str) -> None:
    """Before anything is connected to."""
    with pytest.raises(ValueError, match=r"socket|encrypted|credential"):
        Client(url)


@in_loop
async def test_client_shows_nothing_of_its_credential() -> None:
    """Not in its repr, nor in that of what is shown."""
    shown = await bearer("secret-token")()

    assert "secret" not in repr(shown) + repr(Client("wss://a.example/ws", credential=bearer("secret-token")))
    assert "Bearer secret-token" == shown.headers["Authorization"]


def at(kit: Chat, port: int, waits: Waits) -> Client:
    """A client behind a wire: its Host is that of the wire, which the server does not know."""
    return kit.client(waits, url=f"ws://127.0.0.1:{port}/ws", headers={"Host": kit.host})


@in_loop
async def test_subscription_that_is_taken_back_keeps_nobody_waiting() -> None:
    """Nor does one that is asked for twice, or of a client that has stopped."""
    waits = Waits()
    async with Chat() as kit:
        client = kit.client(waits)
        with pytest.raises(Refused, match="stopped"):
            await client.subscribe("room:lobby")
        async with client:
            waits.is_held = True
            kit.guard.hub.end_where(lambda live: True, Close(CloseCode.TIMED_OUT))
            await waits.until("waiting", "timed_out")
            first, second = start(client.subscribe("room:lobby")), start(client.subscribe("room:lobby"))
            await first
            await client.unsubscribe("room:lobby")
            await second


@pytest.mark.parametrize("said", ["nonsense", "[]", '{"type": 1}', "[" * 100_000], ids=range(4))
@in_loop
async def test_server_that_says_no_message_is_left(said: str) -> None:
    """It is not one of ours; the client backs off."""
    waits = Waits()
    async with Chat() as kit, kit.client(waits):
        waits.is_held = True
        for live in tuple(kit.guard.hub):
            live.send(Outgoing(said), kit.clock.monotonic)
        await waits.until("waiting", "lost")
