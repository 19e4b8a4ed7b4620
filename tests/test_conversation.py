"""What is said on an open connection: one answer for each id, nothing stuck behind a slow handler, and how it ends."""

import asyncio
import json
import logging
import random
from dataclasses import replace
from typing import Any

import pytest

from tests.kits import GENEROUS, V1, audited, in_loop, settled
from tests.naming import stable
from tests.talk import Heard, Script, TalkSocket, talk_kit
from tornado_wssec import Close, Disconnect, Envelope, Limits, PermissionDenied, Timeouts, Unavailable
from tornado_wssec.errors import FrameDropped, HandlerFailed, NotAcknowledged, NotReady, StoreUnavailable
from tornado_wssec.policy.pipeline import Pipeline
from tornado_wssec.standing import Standing
from tornado_wssec.testing.raw import BINARY, PING, PONG, TEXT, frame_bytes

SECRET = "s3cr3t-of-the-handler"


async def passed(value: Any) -> Any:
    """A value, as a coroutine."""
    return value


@pytest.mark.parametrize("result", [None, {}, {"a": 1}, {"a": [None, {"b": "é"}]}], ids=repr)
@pytest.mark.parametrize("is_coroutine", [False, True])
@in_loop
async def test_conversation_reply(result: Any, is_coroutine: bool) -> None:
    """What a handler returns is the reply, from a plain function and a coroutine alike; None is an empty one."""
    script = Script(lambda socket, data: passed(result) if is_coroutine else result)
    async with talk_kit(script) as kit:
        client = await kit.connect("/ws")

        assert (result or {}) == await client.request("talk.do")
        await client.send("talk.do")
        await client.assert_nothing_received()


@pytest.mark.parametrize(
    "result",
    ["text", 1, True, [], (), b"", {"a": object()}, {"a": float("nan")}, {"a": "\ud800"}, {1: {2}}],
    ids=stable,
)
@in_loop
async def test_conversation_reply_that_is_none(result: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Anything else is our mistake: `internal` for the id, then 1011, and one line in the log."""
    async with talk_kit(Script(lambda socket, data: result)) as kit:
        client = await kit.connect("/ws")
        await client.assert_refused("internal", "talk.do")

        assert "internal error" == await client.assert_closed(1011)
    assert 1 == len([record for record in caplog.records if record.name == "tornado_wssec.handling"])


FAILURES = [
    ValueError(SECRET),
    KeyError(SECRET),
    TimeoutError(SECRET),
    asyncio.CancelledError(SECRET),
    AssertionError(),
]


@pytest.mark.parametrize(
    "failure", [*FAILURES, ExceptionGroup(SECRET, [ValueError(SECRET)]), StopIteration(SECRET)], ids=repr
)
@in_loop
async def test_f21_handler_that_fails(failure: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    """`internal` for the id, then 1011, and one line in the log: where, without message or payload."""
    caplog.set_level(logging.DEBUG)
    async with talk_kit(Script(Script().fail(failure))) as kit:
        client = await kit.connect("/ws")
        await client.assert_refused("internal", "talk.do", {"what": SECRET})

        await client.assert_closed(1011)
    errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert ["tornado_wssec.handling"] == [record.name for record in errors]
    assert errors[0].getMessage().startswith("TalkSocket: talk.do: ")
    assert SECRET not in caplog.text


class Panic(BaseException):
    """As extensions written in Rust raise it: no `Exception`."""


@pytest.mark.parametrize("turns", [None, 0, 1])
@in_loop
async def test_f21_handler_that_panics(turns: int | None, caplog: pytest.LogCaptureFixture) -> None:
    """What is no `Exception` is a failure like any other, in a plain function, at once, and after waiting."""

    async def panic() -> None:
        for _ in range(turns or 0):
            await asyncio.sleep(0)
        raise Panic(SECRET)

    async with talk_kit(Script(Script().fail(Panic(SECRET)) if turns is None else lambda *_: panic())) as kit:
        client = await kit.connect("/ws")
        await client.assert_refused("internal", "talk.do")

        await client.assert_closed(1011)
    assert SECRET not in caplog.text


@in_loop
async def test_conversation_validator_that_panics(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nor does it get further than that while a message is admitted."""

    def panic(*_: object) -> None:
        raise Panic(SECRET)

    async with talk_kit() as kit:
        client = await kit.connect("/ws")
        monkeypatch.setattr(Pipeline, "admit", panic)
        await client.send("talk.do")

        await client.assert_refused("internal")
        await client.assert_closed(1011)
    assert SECRET not in caplog.text


@pytest.mark.parametrize("is_coroutine", [False, True])
@in_loop
async def test_conversation_handler_that_fails_without_an_id(is_coroutine: bool) -> None:
    """Without an id the error comes without one."""

    async def fail() -> None:
        raise ValueError

    async with talk_kit(Script(lambda socket, data: fail() if is_coroutine else 1 / 0)) as kit:
        client = await kit.connect("/ws")
        await client.send("talk.do")

        assert {"type", "code", "detail"} == set(await client.assert_refused("internal"))
        await client.assert_closed(1011)


@pytest.mark.parametrize(
    ("error", "code"),
    [(PermissionDenied("x"), "permission_denied"), (Unavailable("x"), "unavailable"), (HandlerFailed("x"), "internal")],
)
@in_loop
async def test_conversation_handler_that_refuses(error: Exception, code: str) -> None:
    """A FrameError raised by a handler is the answer, and the connection lives."""
    async with talk_kit(Script(Script().fail(error))) as kit:
        client = await kit.connect("/ws")
        await client.assert_refused(code, "talk.do")
        await client.assert_nothing_received()


@pytest.mark.parametrize("is_coroutine", [False, True])
@pytest.mark.parametrize("error", [StoreUnavailable("s"), NotAcknowledged("s"), NotReady("s")], ids=stable)
@in_loop
async def test_conversation_handler_whose_store_fails(
    error: Exception, is_coroutine: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """What it does not catch is `unavailable`, charged to nobody; the connection lives, and the audit knows why."""
    caplog.set_level(logging.INFO, "tornado_wssec.audit")

    async def fail() -> None:
        await asyncio.sleep(0)
        raise error

    script = Script((lambda *_: fail()) if is_coroutine else Script().fail(error))
    async with talk_kit(script, limits=replace(GENEROUS, error_budget=1)) as kit:
        client = await kit.connect("/ws")
        for _ in range(3):
            await client.assert_refused("unavailable", "talk.do")
        await client.assert_nothing_received()

    told = {line["evidence"] for line in audited(caplog.records, "message.refused")}
    assert {f"{type(error).__name__}: s"} == told


@in_loop
async def test_conversation_handler_that_ends_the_connection() -> None:
    """A Disconnect raised by a handler closes with its code and reason."""
    async with talk_kit(Script(Script().fail(Disconnect(Close(4242, "enough"))))) as kit:
        client = await kit.connect("/ws")
        await client.send("talk.do")

        assert "enough" == await client.assert_closed(4242)


@in_loop
async def test_conversation_handler_that_drops() -> None:
    """A FrameDropped raised by a handler is no answer, and no failure."""
    async with talk_kit(Script(Script().fail(FrameDropped("x")))) as kit:
        client = await kit.connect("/ws")
        await client.send("talk.do", id="a")
        await client.assert_nothing_received()


@pytest.mark.parametrize("kind", ["send", "publish"])
@in_loop
async def test_conversation_handler_that_sends_what_does_not_fit(kind: str) -> None:
    """What the application sends wrongly is its own mistake, not the peer's: `internal`, then 1011."""

    async def send(socket: TalkSocket, data: dict[str, Any]) -> None:
        await (
            socket.send(Heard, {"text": 1}) if kind == "send" else socket.publish("no:channel", Heard, {"text": "a"})
        )

    async with talk_kit(Script(send)) as kit:
        client = await kit.connect("/ws", permissions=["talk:hear"])
        await client.assert_refused("internal", "talk.do")
        await client.assert_closed(1011)


# --- slow handlers ---


@in_loop
async def test_f22_handler_that_hangs() -> None:
    """At its deadline it is cancelled: `timeout` for the id, no error charged, and the next message is handled."""
    script = Script()
    script.do = script.wait
    limits = replace(GENEROUS, error_budget=1)
    async with talk_kit(script, timeouts=Timeouts(handler=0.02), limits=limits) as kit:
        client = await kit.connect("/ws")
        for _ in range(3):
            await client.assert_refused("timeout", "talk.do")
        script.go_on.set()

        assert {"what": ""} == await client.request("talk.do")
        assert [""] == script.told[1:]


@in_loop
async def test_conversation_slow_handler_delays_nothing() -> None:
    """While it runs, ping frames, `ping` messages, mistakes and events are answered; its own answer comes last."""
    script = Script()
    script.do = script.wait
    async with talk_kit(script) as kit:
        client = await kit.connect("/ws", permissions=["talk:hear"])
        await client.send("talk.do", {"what": "slow"}, "slow")
        await script.entered.wait()
        await client.socket.send_frame(PING, b"alive")
        frame = await client.socket.receive_frame()
        assert frame is not None
        assert (PONG, b"alive") == (frame.opcode, frame.payload)
        await client.assert_nothing_received()
        await client.assert_refused("unknown_type", "talk.none")
        script.go_on.set()

        assert {"what": "slow"} == (await client.answer("slow"))["data"]


@pytest.mark.parametrize("how", ["revoke", "disconnect"])
@in_loop
async def test_conversation_slow_handler_delays_no_end(how: str) -> None:
    """A revocation closes at once what a handler is still working for; its late answer goes nowhere."""
    script = Script()
    script.do = script.wait
    async with talk_kit(script) as kit:
        client = await kit.connect("/ws")
        await client.send("talk.do", {"what": "slow"}, "slow")
        await script.entered.wait()
        if how == "revoke":
            await kit.guard.revoke(subject="ann")
        else:
            await kit.guard.disconnect(subject="ann")

        await client.assert_closed(4403)
        script.go_on.set()
        await settled(kit, 0)
        assert ("closed", 4403) in script.told


@in_loop
async def test_conversation_nothing_handled_after_the_end() -> None:
    """What waits behind a running handler is not handled once the end is decided, though the peer is still there."""
    script = Script()
    script.do = script.wait
    async with talk_kit(script) as kit:
        client = await kit.connect("/ws")
        await client.send("talk.do", {"what": "first"})
        await client.send("talk.do", {"what": "second"})
        await script.entered.wait()
        await client.assert_nothing_received()
        (live,) = kit.guard.hub
        await kit.guard.revoke(subject="ann")
        script.go_on.set()
        await live.settled()

        assert 1 == len(kit.guard.hub)
        assert [("opened", "ann"), "first"] == script.told


@in_loop
async def test_conversation_peer_that_leaves_meanwhile() -> None:
    """F17: what waits behind a running handler is dropped when the peer is gone, and `closed` runs once."""
    script = Script()
    script.do = script.wait
    async with talk_kit(script) as kit:
        client = await kit.connect("/ws")
        for what in ("first", "second", "third"):
            await client.send("talk.do", {"what": what})
        await script.entered.wait()
        client.socket.reset()
        await script.left.wait()
        script.go_on.set()
        await settled(kit, 0)

        assert [("opened", "ann"), ("closed", None), "first"] == script.told


@in_loop
async def test_conversation_inbox_bound() -> None:
    """Beyond its bound reading pauses; nothing is lost or reordered, and each id gets its one answer."""
    script, count = Script(), 60
    script.do = script.wait
    limits = replace(GENEROUS, inbox_messages=4)
    async with talk_kit(script, limits=limits) as kit:
        client = await kit.connect("/ws")
        for number in range(count):
            await client.send("talk.do", {"what": str(number)}, f"i{number}")
        await script.entered.wait()
        (live,) = kit.guard.hub
        while live.connection.is_reading:
            await (await kit.raw()).upgrade("/wssec/live", [("Host", kit.host)])
        script.go_on.set()

        assert [f"i{number}" for number in range(count)] == [(await client.receive())["id"] for _ in range(count)]
        assert [str(number) for number in range(count)] == script.told[1:]
        assert live.connection.is_reading


@in_loop
async def test_conversation_paused_reader_is_not_timed_out() -> None:
    """Who is not listened to cannot prove life: a paused connection survives its ping, and closes when revoked."""
    script = Script()
    script.do = script.wait
    async with talk_kit(script, limits=replace(GENEROUS, inbox_messages=1)) as kit:
        client = await kit.connect("/ws")
        for _ in range(4):
            await client.send("talk.do")
        await script.entered.wait()
        (live,) = kit.guard.hub
        while live.connection.is_reading:
            await (await kit.raw()).upgrade("/wssec/live", [("Host", kit.host)])
        await kit.advance(kit.guard.timeouts.ping_interval)
        await kit.advance(kit.guard.timeouts.pong + 1)

        assert not live.session.is_closing
        await kit.guard.revoke(subject="ann")
        await client.assert_closed(4403)
        script.go_on.set()


@in_loop
async def test_conversation_rights_that_shrink_in_the_queue() -> None:
    """R043: a message that was allowed when it came is asked again when its turn comes."""
    script = Script()
    script.do = script.wait
    async with talk_kit(script) as kit:
        client = await kit.connect("/ws", permissions=["talk:guarded"])
        await client.send("talk.do", id="slow")
        await script.entered.wait()
        await client.send("talk.guarded", id="queued")
        (live,) = kit.guard.hub
        await client.assert_nothing_received()
        await kit.guard.reception.refresh(live, kit.token("ann", []))
        script.go_on.set()

        assert "reply" == (await client.answer("slow"))["type"]
        assert "permission_denied" == (await client.answer("queued"))["code"]
        assert 2 == len(script.told)


# --- ids ---


ONE_OF_EACH: list[tuple[str, dict[str, Any], str]] = [
    ("talk.do", {}, "reply"),
    ("talk.do", {"what": 1}, "invalid"),
    ("talk.do", {"other": 1}, "invalid"),
    ("talk.none", {}, "unknown_type"),
    ("talk.guarded", {}, "permission_denied"),
    ("ping", {}, "pong"),
    ("wssec.subscribe", {"channel": "none"}, "permission_denied"),
    ("wssec.unsubscribe", {"channel": "none"}, "reply"),
]


@in_loop
async def test_conversation_id_gets_one_answer() -> None:
    """Whatever becomes of a message, its id comes back exactly once, and without one only errors do."""
    async with talk_kit(limits=GENEROUS) as kit:
        client = await kit.connect("/ws")
        for type, data, expected in ONE_OF_EACH:
            await client.send(type, data, "the id")
            answer = await client.receive()
            assert (type, "the id", expected) == (type, answer["id"], answer.get("code", answer["type"]))
            await client.assert_nothing_received()
        for type, data, expected in ONE_OF_EACH:
            await client.send(type, data)
            if expected != "reply":
                assert "id" not in await client.receive()
            await client.assert_nothing_received()


@pytest.mark.parametrize("id", ["", "i" * 64, "é\U0001f600", "\u0000", '"\\', "a b"], ids=ascii)
@in_loop
async def test_conversation_id_comes_back_as_it_was(id: str) -> None:
    """An id is text of the peer's own, and comes back as the same text."""
    async with talk_kit() as kit:
        client = await kit.connect("/ws")
        await client.send("talk.do", {}, id)

        assert id == (await client.receive())["id"]


# --- budgets ---


@in_loop
async def test_r01_flood() -> None:
    """Excess is told, with the wait, then dropped in silence, then ended with 4429."""
    limits = Limits(frames_burst=10, frames_per_second=10, rate_refusals_until_silence=5, rate_refusals_until_close=20)
    async with talk_kit(limits=limits) as kit:
        client = await kit.connect("/ws")
        for _ in range(10):
            await client.request("talk.do")
        for number in range(21):
            await client.send("talk.do", id=f"i{number}")
        answers = [message async for message in client]

    assert [(f"i{number}", "rate_limited") for number in range(5)] == [(told["id"], told["code"]) for told in answers]
    assert {True} == {0.1 <= told["retry_after"] < 0.11 for told in answers}
    assert 4429 == client.close_code


@pytest.mark.parametrize("opcode", [PING, PONG])
@in_loop
async def test_f11_control_frames_are_frames(opcode: int) -> None:
    """Pings and pongs use up the frame budget like anything else, and a flood of them ends with 4429."""
    limits = Limits(frames_burst=10, frames_per_second=10, rate_refusals_until_silence=5, rate_refusals_until_close=20)
    async with talk_kit(limits=limits) as kit:
        client = await kit.connect("/ws")
        for _ in range(31):
            await client.socket.send_frame(opcode, b"x")

        await client.assert_closed(4429)


@in_loop
async def test_r02_few_but_huge() -> None:
    """Bytes have a bucket of their own."""
    limits = Limits(bytes_burst=1_000, bytes_per_second=100)
    async with talk_kit(limits=limits) as kit:
        client = await kit.connect("/ws")
        padding = " " * 900
        await client.send_text(json.dumps({"type": "talk.do", "id": "a"}) + padding)
        assert "reply" == (await client.answer("a"))["type"]
        await client.send_text(json.dumps({"type": "talk.do", "id": "b"}) + padding)
        assert "rate_limited" == (await client.answer("b"))["code"]
        await kit.advance(10)
        await client.request("talk.do")


@in_loop
async def test_conversation_rate_of_a_type() -> None:
    """R070: one identity shares it over its connections, invalid messages pay too, and other types are untouched."""
    async with talk_kit() as kit:
        first, second = await kit.connect("/ws"), await kit.connect("/ws")
        bob = await kit.connect("/ws", subject="bob")
        await first.request("talk.rare")
        await second.assert_refused("invalid", "talk.rare", {"wrong": 1})
        refused = await first.assert_refused("rate_limited", "talk.rare")
        await second.assert_refused("rate_limited", "talk.rare")
        await bob.request("talk.rare")
        await first.request("talk.do")
        await kit.advance(refused["retry_after"])
        await second.request("talk.rare")


@in_loop
async def test_conversation_binary(caplog: pytest.LogCaptureFixture) -> None:
    """F18: a binary frame closes with 1003, though its bytes are a message."""
    async with talk_kit() as kit:
        client = await kit.connect("/ws")
        await client.socket.send_frame(BINARY, b'{"type":"talk.do","id":"a"}')

        assert "binary is not declared" == await client.assert_closed(1003)
        assert [("opened", "ann")] == [each for each in kit.app.settings["script"].told if each[0] != "closed"]


@in_loop
async def test_conversation_nothing_after_the_close() -> None:
    """F16: frames that arrive after the close was decided are neither handled nor answered."""
    script = Script()
    async with talk_kit(script) as kit:
        client = await kit.connect("/ws")
        await kit.guard.disconnect(subject="ann")
        for _ in range(5):
            await client.socket.send_frame(TEXT, b'{"type":"talk.do","id":"late"}')
        await client.socket.send_frame(TEXT, b"{")

        assert [] == [message async for message in client]
        assert 4403 == client.close_code


@in_loop
async def test_conversation_greets_those_who_asked_for_it() -> None:
    """`wssec.v1` gets `wssec.ready` first; others get nothing unasked, not even the warning before expiry."""
    async with talk_kit() as kit:
        spoken, plain = await kit.connect("/ws", subprotocols=V1), await kit.connect("/ws", subject="bob")
        ready = await spoken.assert_received("wssec.ready")
        await kit.advance(545)

        assert {"session", "expires_in", "nonce", "heartbeat"} == set(ready)
        assert (600.0, 25.0) == (ready["expires_in"], ready["heartbeat"])
        assert {"expires_in": 55.0, "grace": 25.0} == await spoken.assert_received("wssec.expiring")
        await plain.assert_nothing_received()


@in_loop
async def test_conversation_flat_envelope() -> None:
    """An application's own flat format: fields beside the type, in both directions, errors too."""

    class FlatSocket(TalkSocket):
        envelope = Envelope.flat(type="action")

    script = Script(lambda socket, data: {"echo": data["what"]})
    async with talk_kit(script, FlatSocket) as kit:
        client = await kit.connect("/ws")
        answers = []
        for text in (
            '{"action":"talk.do","id":"a","what":"x"}',
            '{"action":"talk.do","id":"a","else":1}',
            '{"type":"a"}',
        ):
            await client.send_text(text)
            answers.append(await client.receive())

    assert {"action": "reply", "id": "a", "echo": "x"} == answers[0]
    assert ["invalid", "malformed"] == [answer["code"] for answer in answers[1:]]
    assert ["error", "error"] == [answer["action"] for answer in answers[1:]]


@in_loop
async def test_conversation_refusals_are_audited(caplog: pytest.LogCaptureFixture) -> None:
    """Each refused message is one line with the code, the subject and the session, without what was sent."""
    caplog.set_level(logging.INFO)
    async with talk_kit() as kit:
        client = await kit.connect("/ws", subprotocols=V1)
        session = (await client.assert_received("wssec.ready"))["session"]
        await client.assert_refused("invalid", "talk.do", {"what": SECRET * 9})
        await client.assert_refused("permission_denied", "talk.guarded")

    lines = audited(caplog.records, "message.refused")
    assert ["invalid", "permission_denied"] == [line["code"] for line in lines]
    assert {("ann", session)} == {(line["subject"], line["session"]) for line in lines}
    assert SECRET not in caplog.text


ODD = (
    '{"type":"talk.do","id":"%s","data":{"what":"a"}}',
    '{"type":"talk.do","id":"%s","data":{"what":"fail"}}',
    '{"type":"talk.do","id":"%s","data":{"what":"wait"}}',
    '{"type":"talk.do","id":"%s","data":{"what":"cancel"}}',
    '{"type":"talk.do","id":"%s","data":{"what":"future"}}',
    '{"type":"talk.do","id":"%s","data":{"what":"later"}}',
    '{"type":"talk.do","id":"%s","data":{"what":1}}',
    '{"type":"talk.guarded","id":"%s","data":{}}',
    '{"type":"ping","id":"%s"}',
    '{"type":"none","id":"%s"}',
    '{"type":"ping","id":"%s","what":1}',
)


def do_as_told(socket: TalkSocket, data: dict[str, Any]) -> Any:
    """One of the ways in which a handler may end, or not yet."""
    what = data["what"]
    if what == "fail":
        raise PermissionDenied("told so")
    if what == "future":
        done: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        done.set_result({"what": what})
        return done
    if what == "later":
        return asyncio.ensure_future(passed({"what": what}))
    return _waiting(what) if what == "wait" else passed({"what": what})


async def _waiting(what: str) -> dict[str, Any]:
    await asyncio.sleep(0)
    return {"what": what}


@pytest.mark.parametrize("seed", range(12))
@in_loop
async def test_conversation_frames_that_come_together(seed: int) -> None:
    """They are answered as they are one after another: the same to the same ids, and what is handled in order."""
    chance = random.Random(seed)
    frames = [chance.choice(ODD) % f"i{number}" for number in range(24)]
    answers = []
    for size in (1, 5, 24):
        async with talk_kit(Script(do_as_told), limits=replace(GENEROUS, error_budget=100)) as kit:
            client, found = await kit.connect("/ws"), []
            for start in range(0, len(frames), size):
                part = frames[start : start + size]
                await client.socket.write(b"".join([frame_bytes(TEXT, frame.encode()) for frame in part]))
                found += [await client.receive() for _ in part]
            answers.append(found)
    by_id = [{str(each["id"]): each for each in found} for found in answers]
    handled = [[each["id"] for each in found if each["type"] == "reply"] for found in answers]

    assert by_id[0] == by_id[1] == by_id[2]
    assert handled[0] == handled[1] == handled[2]
    assert {f"i{number}" for number in range(len(frames))} == by_id[0].keys()


@pytest.mark.parametrize("is_coroutine", [False, True])
@in_loop
async def test_conversation_end_among_frames_that_come_together(is_coroutine: bool) -> None:
    """Behind the message whose handler ends the connection none is handled."""
    handled: list[str] = []

    def do(socket: TalkSocket, data: dict[str, Any]) -> Any:
        handled.append(data["what"])
        if data["what"] == "2":
            socket.close(4499)
        return passed(None) if is_coroutine else None

    async with talk_kit(Script(do)) as kit:
        client = await kit.connect("/ws")
        frame = '{"type":"talk.do","data":{"what":"%d"}}'
        await client.socket.write(b"".join([frame_bytes(TEXT, (frame % number).encode()) for number in range(6)]))
        await client.assert_closed(4499)

    assert ["0", "1", "2"] == handled


@in_loop
async def test_conversation_rights_asked_for_among_frames_that_come_together() -> None:
    """What came with the message during which a change was announced waits for the answer, as any other does."""
    handled: list[int] = []
    answered = asyncio.Event()

    def do(socket: TalkSocket, data: dict[str, Any]) -> None:
        handled.append(len(handled))
        if len(handled) == 1:
            (live,) = kit.guard.hub
            asking: Any = asyncio.ensure_future(answered.wait())
            live.standing = Standing(live.session.identity, is_announced=True, asking=asking)

    async with talk_kit(Script(do)) as kit:
        client = await kit.connect("/ws", permissions=["talk:guarded"])
        await client.socket.write(2 * frame_bytes(TEXT, b'{"type":"talk.guarded","id":"a","data":{}}'))
        await client.receive()
        before = handled[:]
        answered.set()
        await client.receive()

    assert ([0], [0, 1]) == (before, handled)
