"""What one connection, one handler or one look at the store does wrong costs nobody else anything."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from marshmallow import fields, validate
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from tests.waiting import until_turned
from tornado_wssec import (
    PUBLIC,
    Channel,
    Close,
    CloseCode,
    FrameError,
    InvalidMessage,
    Limits,
    Message,
    Registry,
    SecureWebSocketHandler,
    StoreError,
    on,
)
from tornado_wssec.auth.base import Credential
from tornado_wssec.closing import going_away
from tornado_wssec.errors import StoreUnavailable
from tornado_wssec.hub import Live
from tornado_wssec.policy.revocations import Kind, LogEntry, make_revocation, make_undo
from tornado_wssec.settings import TokenRules
from tornado_wssec.stores.base import Generation
from tornado_wssec.stores.memory import MemoryStore
from tornado_wssec.testing import Client, GuardKit
from tornado_wssec.testing.clock import NOON
from tornado_wssec.testing.raw import TEXT

PATIENCE_SECONDS = 10.0


class Do(Message):
    """Ask the handler to do something."""

    class Meta:
        type = "do"
        permission = PUBLIC

    what = fields.String(required=True, validate=validate.Length(1, 64))


class Told(Message):
    """Something was done."""

    class Meta:
        type = "told"
        direction = "out"
        permission = PUBLIC

    text = fields.String(required=True, validate=validate.Length(max=8))


class News(Channel):
    """What everybody hears."""

    class Meta:
        pattern = "news:{topic}"
        subscribe = PUBLIC

    topic = fields.String(required=True, validate=validate.Length(1, 16))


class Doer(SecureWebSocketHandler):
    """Does what it is asked for; `gate` holds a handler until the test lets it go on."""

    gate: asyncio.Event
    entered: asyncio.Event
    ended: list[Close | None]

    @on(Do)
    async def do(self, data: dict[str, Any]) -> dict[str, Any]:
        deed: Callable[[], Awaitable[None]] = getattr(self, data["what"])
        await deed()
        return {"done": data["what"]}

    async def nothing(self) -> None:
        """Do nothing."""

    async def wait(self) -> None:
        self.entered.set()
        await self.gate.wait()

    async def wait_and_subscribe(self) -> None:
        await self.wait()
        await self.subscribe("news:sport")

    async def tell(self) -> None:
        await self.publish("news:sport", Told, {"text": "goal"})

    async def tell_too_much(self) -> None:
        await self.send(Told, {"text": "far too long"})

    async def be_cancelled(self) -> None:
        raise asyncio.CancelledError

    async def raise_nameless(self) -> None:
        raise FrameError("without a code")

    async def raise_wrong_fields(self) -> None:
        raise InvalidMessage(fields=["text"])  # type: ignore[arg-type]

    def closed(self, close: Close | None) -> None:
        self.ended.append(close)


REGISTRY = Registry(Do, Told, News)


class Scene:
    """A kit, with the gate of its handlers."""

    def __init__(self, **options: Any) -> None:
        self.gate, self.entered = asyncio.Event(), asyncio.Event()
        self.ended: list[Close | None] = []
        shared = {"gate": self.gate, "entered": self.entered, "ended": self.ended}
        handler = type("Doer", (Doer,), shared)
        self.kit = GuardKit([(r"/ws", handler)], registry=REGISTRY, **options)

    async def connect(self, subject: str = "ann", **options: Any) -> Client:
        return await self.kit.connect("/ws", subject=subject, **options)

    def live(self, subject: str = "ann") -> Live:
        """The live connection of a subject."""
        return next(live for live in self.kit.guard.hub if live.session.identity.subject == subject)


async def turn() -> None:
    """Let everybody else run once."""
    await asyncio.sleep(0)


def play(scenario: Callable[[Scene], Awaitable[None]], **options: Any) -> None:
    """Run a scenario against a fresh guard."""

    async def played() -> None:
        scene = Scene(**options)
        async with scene.kit:
            await scenario(scene)

    asyncio.run(played())


def fail(*arguments: object) -> None:
    """Fail as nobody foresaw."""
    raise TypeError("a socket in an odd state")


class Broken:
    """A connection of which nothing works any more."""

    send = ping = close = abort = fail


# --- one socket ---


def test_sweep_survives_a_connection_that_fails() -> None:
    """A connection whose socket raises is dropped; the deadlines of the others are kept."""

    async def scenario(scene: Scene) -> None:
        await scene.connect("bad", subprotocols=["wssec.v1"])
        good = await scene.connect("good")
        scene.live("bad").tell_expiring = fail
        await scene.kit.advance(560)
        await scene.kit.advance(66)

        await good.assert_closed(CloseCode.TOKEN_EXPIRED)

    play(scenario)


def test_fan_out_survives_a_listener_that_fails() -> None:
    """A listener whose socket raises costs neither the publisher nor the listeners behind it anything."""

    async def scenario(scene: Scene) -> None:
        bad, good, speaker = [await scene.connect(name) for name in ("bad", "good", "speaker")]
        for client in (bad, good):
            await client.request("wssec.subscribe", {"channel": "news:sport"})
        scene.live("bad").connection = Broken()  # type: ignore[assignment]

        assert {"done": "tell"} == await speaker.request("do", {"what": "tell"})
        assert {"text": "goal"} == await good.assert_received("told")

    play(scenario)


def test_buffered_bytes_of_a_failed_socket_are_none() -> None:
    """Tornado forgets the buffer of a stream that failed; asking for its size is no error."""

    async def scenario(scene: Scene) -> None:
        client = await scene.connect()
        connection = scene.live().connection
        client.socket.reset()
        await until_turned(lambda: not len(scene.kit.guard.hub))
        connection._protocol.stream._write_buffer = None  # type: ignore[attr-defined]

        assert 0 == connection.buffered_bytes

    play(scenario, framing="stock")


def test_client_that_leaves_while_paused_is_counted_out() -> None:
    """Reading was paused by a full inbox; a reset is noticed all the same, and the quota freed."""

    async def scenario(scene: Scene) -> None:
        client = await scene.connect()
        await client.send("do", {"what": "wait"})
        for _ in range(4):
            await client.send("do", {"what": "nothing"})
        await until_turned(lambda: not scene.live().connection.is_reading)
        client.socket.reset()
        scene.gate.set()
        await until_turned(lambda: not len(scene.kit.guard.hub))

        assert 0 == scene.kit.guard.hub.at_address("127.0.0.1")

    play(scenario, limits=Limits(inbox_messages=3))


# --- one handler ---


@pytest.mark.parametrize("what", ["be_cancelled", "raise_nameless", "raise_wrong_fields"])
def test_handler_that_fails_oddly_gets_an_answer(what: str) -> None:
    """Whatever a handler raises, its message is answered with `internal`, and the connection ends with 1011."""

    async def scenario(scene: Scene) -> None:
        client = await scene.connect()
        await client.assert_refused("internal", "do", {"what": what})
        await client.assert_closed(CloseCode.INTERNAL_ERROR)

    play(scenario)


def test_application_pays_for_its_own_mistake() -> None:
    """What the server's own schema refuses to send is our fault: `internal`, not the client's `invalid`."""

    async def scenario(scene: Scene) -> None:
        client = await scene.connect()
        await client.assert_refused("internal", "do", {"what": "tell_too_much"})

    play(scenario)


def test_subscription_of_who_has_left_is_refused() -> None:
    """A handler that subscribes its client after that has gone leaves nothing behind."""

    async def scenario(scene: Scene) -> None:
        client = await scene.connect()
        await client.send("do", {"what": "wait_and_subscribe"})
        await scene.entered.wait()
        live = scene.live()
        client.socket.reset()
        await until_turned(lambda: not len(scene.kit.guard.hub))
        scene.gate.set()
        await live.settled()

        assert 0 == len(scene.kit.guard.channels)

    play(scenario)


# --- what the peer does ---


def test_f16_nothing_is_handled_after_our_close() -> None:
    """Text that is no UTF-8 ends the connection with 1007; what was sent behind it is not handled."""

    async def scenario(scene: Scene) -> None:
        client = await scene.connect()
        await client.socket.send_frame(TEXT, b"\xff\xfe")
        await client.send("do", {"what": "wait"})
        await client.assert_closed(CloseCode.INVALID_PAYLOAD)

        assert not scene.entered.is_set()
        await until_turned(lambda: scene.ended == [Close(CloseCode.INVALID_PAYLOAD)])

    play(scenario)


def test_f02_oversize_is_known_to_the_session() -> None:
    """A message over the cap is told to the application as what ended the connection."""

    async def scenario(scene: Scene) -> None:
        client = await scene.connect()
        await client.socket.send_frame(TEXT, b"x" * 70_000)
        await client.assert_closed(CloseCode.MESSAGE_TOO_BIG)
        await until_turned(lambda: bool(scene.ended))

        assert [Close(CloseCode.MESSAGE_TOO_BIG)] == scene.ended

    play(scenario)


def test_r02_bytes_are_counted_as_they_come() -> None:
    """Characters of four bytes cost four each."""

    async def scenario(scene: Scene) -> None:
        client = await scene.connect()
        await client.send_text("😀" * 300)
        await client.assert_refused("malformed")
        await client.send_text("😀" * 300)
        await client.assert_refused("rate_limited")

    play(scenario, limits=Limits(bytes_burst=2_000, bytes_per_second=1.0))


# --- refresh ---


def test_refresh_with_a_token_of_another_session_is_refused() -> None:
    """A connection cannot slip out of one session's revocation into another session's name."""

    async def scenario(scene: Scene) -> None:
        client = await scene.connect(token=scene.kit.token(session_id="s1"))
        await client.send("wssec.refresh", {"token": scene.kit.token(session_id="s2")})
        await client.assert_closed(CloseCode.UNAUTHENTICATED)

    play(scenario)


# --- the store ---


class FailingOnce(MemoryStore):
    """A store that gives one entry, and then does not answer once."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.fails_at: int | None = None

    async def read_after(self, cursor: str | None, limit: int) -> Any:
        entries: list[LogEntry] = list(await super().read_after(cursor, limit))
        if self.fails_at is not None:
            self.fails_at -= 1
            if self.fails_at < 0:
                self.fails_at = None
                raise StoreUnavailable("cut off")
        return entries


def test_revocation_read_before_a_failure_is_enforced() -> None:
    """When the store fails in the middle of the log, what was read by then closes its sockets."""
    store = FailingOnce(wall=lambda: NOON)

    async def scenario(scene: Scene) -> None:
        client = await scene.connect()
        store.fails_at = 1
        with pytest.raises(StoreError):
            await scene.kit.guard.revoke(subject="ann")
        await client.assert_closed(CloseCode.REVOKED)

    play(scenario, store=store)


class Held(MemoryStore):
    """A store whose first reader is held up until the test lets it go on."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.gate: asyncio.Event | None = None
        self.readers = 0

    async def read_after(self, cursor: str | None, limit: int) -> Any:
        entries = await super().read_after(cursor, limit)
        self.readers += 1
        if self.gate is not None and self.readers == 1:
            await self.gate.wait()
        return entries


def test_slow_look_at_the_log_brings_back_nothing_that_was_undone() -> None:
    """A look that has read a revocation and is held up does not apply it behind another look that saw it undone."""
    store = Held(wall=lambda: NOON)

    async def scenario(scene: Scene) -> None:
        client = await scene.connect()
        entry = make_revocation(Kind.SUBJECT, "ann", NOON, rules=TokenRules(), margin=60.0)
        await store.append(entry)
        store.gate, store.readers = asyncio.Event(), 0
        slow = asyncio.create_task(scene.kit.guard.watcher.catch_up())
        await until_turned(lambda: store.readers == 1)
        await store.append(make_undo(entry, NOON))
        quick = asyncio.create_task(scene.kit.guard.watcher.catch_up())
        for _ in range(5):
            await turn()
        assert 1 == store.readers
        store.gate.set()
        await asyncio.gather(slow, quick)
        await scene.kit.advance(61)

        assert {"done": "nothing"} == await client.request("do", {"what": "nothing"})

    play(scenario, store=store)


class Flushed(MemoryStore):
    """A store that loses its generation."""

    lost: Generation | bool | None = False

    async def generation(self) -> Generation | None:
        return await super().generation() if self.lost is False else self.lost  # type: ignore[return-value]


@pytest.mark.parametrize("lost", [None, Generation("older", 1.0)])
def test_lost_generation_admits_nobody_new_and_drops_nobody(lost: Generation | None) -> None:
    """A flushed store, or an older one in its place, says nothing about revocations: 503, and the mirror stays."""
    store = Flushed(wall=lambda: NOON)

    async def scenario(scene: Scene) -> None:
        client = await scene.connect()
        store.lost = lost
        await scene.kit.advance(1)
        await scene.kit.assert_handshake_refused(503, "/ws", token=scene.kit.token())

        assert {"done": "nothing"} == await client.request("do", {"what": "nothing"})

    play(scenario, store=store)


# --- the end ---


def test_stop_lets_a_handler_finish_and_calls_closed() -> None:
    """A handler that runs when the server drains answers first; then comes 1001, and `closed` is called."""

    async def played() -> tuple[dict[str, Any], int | None, list[Close | None]]:
        scene = Scene()
        async with scene.kit:
            client = await scene.connect()
            await client.send("do", {"what": "wait"}, "a1")
            await scene.entered.wait()
            stopping = asyncio.create_task(scene.kit.guard.stop())
            await asyncio.sleep(0)
            scene.gate.set()
            answer = await client.answer("a1")
            await client.assert_closed(CloseCode.GOING_AWAY)
            await stopping
            return answer, client.close_code, scene.ended

    answer, code, ended = asyncio.run(played())
    assert {"done": "wait"} == answer["data"]
    assert (CloseCode.GOING_AWAY, [going_away(1.0)]) == (code, ended)


class Slow:
    """An authenticator that takes as long as the test wants."""

    name = "slow"

    def __init__(self) -> None:
        self.gate, self.asked = asyncio.Event(), 0

    def find(self, request: Any) -> Any:
        """Everybody shows something."""
        return Credential("something", "header")

    async def verify(self, credential: Any, request: Any, desk: Any) -> Any:
        """Let the test decide when."""
        self.asked += 1
        await self.gate.wait()
        return desk.verify_token(self.token)

    token = ""


def test_r03_quota_holds_for_handshakes_that_wait_together() -> None:
    """Handshakes that were all below the quota when they began do not pass it together."""

    async def played() -> list[int]:
        slow = Slow()
        scene = Scene(authenticators=[slow], limits=Limits(connections_per_address=2))
        async with scene.kit as kit:
            slow.token = kit.token()
            waiting = [asyncio.create_task(kit.handshake("/ws")) for _ in range(5)]
            await until_turned(lambda: slow.asked == 5)
            slow.gate.set()
            return sorted(answer.status for _, answer in await asyncio.gather(*waiting))

    assert [101, 101, 429, 429, 429] == asyncio.run(played())


def test_handshake_under_way_when_the_guard_stops_is_refused() -> None:
    """A handshake that is being identified while the guard stops gets 503, not a socket that nobody guards."""

    async def played() -> int:
        slow = Slow()
        scene = Scene(authenticators=[slow])
        async with scene.kit as kit:
            own = HTTPServer(kit.app)  # one that the guard does not stop
            sockets = bind_sockets(0, "127.0.0.1")
            own.add_sockets(sockets)
            kit.port = sockets[0].getsockname()[1]
            slow.token = kit.token()
            waiting = asyncio.create_task(kit.handshake("/ws"))
            await until_turned(lambda: slow.asked == 1)
            await kit.guard.stop()
            slow.gate.set()
            _, answer = await waiting
            own.stop()
            return answer.status

    assert 503 == asyncio.run(played())


def test_guard_is_started_once() -> None:
    """A second start would follow everything twice; it is an error."""

    async def scenario(scene: Scene) -> None:
        with pytest.raises(RuntimeError, match="started already"):
            await scene.kit.guard.start()

    play(scenario)
