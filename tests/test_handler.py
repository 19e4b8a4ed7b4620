"""The class to subclass: what cannot be overridden, what is called when, and what a handler may do."""

import asyncio
import gc
import weakref
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import pytest

from schemas import chat
from tests.kits import CHAT, V1, ChatSocket, in_loop, settled
from tests.naming import stable
from tests.talk import Heard, Script, TalkSocket, talk_kit
from tornado_wssec import Close, Guard, Message, SecureWebSocketHandler, on
from tornado_wssec.testing import GuardKit
from tornado_wssec.testing.kit import ORIGIN
from tornado_wssec.testing.raw import CLOSE, TEXT, frame_bytes, handshake_headers

SEALED = {
    "on_message": "@on(Message)",
    "open": "opened()",
    "on_close": "closed(close)",
    "prepare": "Authenticator",
    "get": "opened()",
    "check_origin": "origins=",
    "select_subprotocol": "subprotocols =",
    "get_compression_options": "compression stays off",
    "get_websocket_protocol": "protocol",
    "write_message": "await self.send(Message, data)",
    "ping": "heartbeat",
    "on_connection_close": "closed(close)",
    "log_exception": "guard logs",
}


@pytest.mark.parametrize(("name", "instead"), SEALED.items())
def test_handler_sealed_in_a_subclass(name: str, instead: str) -> None:
    """To override what would go around the guard is a TypeError at import, naming the hook to use instead."""
    with pytest.raises(TypeError) as refused:
        type("Unsafe", (SecureWebSocketHandler,), {name: lambda self: None})

    assert "Unsafe cannot be secured" in str(refused.value)
    assert f"Unsafe.{name} would go around the guard" in str(refused.value)
    assert instead in str(refused.value)


@pytest.mark.parametrize("name", SEALED)
@pytest.mark.parametrize(
    "value", [lambda self: None, None, property(lambda self: None), staticmethod(print)], ids=stable
)
def test_handler_sealed_in_a_mixin(name: str, value: Any) -> None:
    """A mixin before it overrides as well, whatever it puts there; behind it, it overrides nothing."""
    mixin = type("Mixin", (), {name: value})

    with pytest.raises(TypeError, match=rf"Mixin\.{name} would go around the guard"):
        type("Unsafe", (mixin, SecureWebSocketHandler), {})
    with pytest.raises(TypeError, match=rf"Mixin\.{name} would go around the guard"):
        type("Unsafe", (mixin, TalkSocket), {})
    assert "Safe" == type("Safe", (SecureWebSocketHandler, mixin), {}).__name__


def test_handler_sealed_all_at_once() -> None:
    """One import names everything that must be mended."""
    with pytest.raises(TypeError) as refused:
        type("Unsafe", (SecureWebSocketHandler,), dict.fromkeys(SEALED))

    assert list(SEALED) == [name for name in SEALED if f"Unsafe.{name}" in str(refused.value)]


@pytest.mark.parametrize("name", ["clear", "finish", "send", "publish", "settings", "identity"])
def test_handler_hidden_by_a_message(name: str) -> None:
    """A message's method by the name of one that every handler has would break it, with each handshake: not made."""
    method = on(chat.Send)(lambda self, data: None)

    with pytest.raises(TypeError, match=rf"Unsafe\.{name} handles a message, and hides"):
        type("Unsafe", (SecureWebSocketHandler,), {name: method})
    assert "Safe" == type("Safe", (ChatSocket,), {"send_line": method}).__name__


def test_handler_names_of_the_guards_own() -> None:
    """A subclass does not shadow by accident what the guard keeps on the handler."""
    with pytest.raises(TypeError, match="_refresh is a name of the guard's own"):
        type("Unsafe", (SecureWebSocketHandler,), {"_refresh": None})


@pytest.mark.parametrize("wrong", [(), ("chat.send",), (dict,), (chat.Send(),), (None,), (Message, int)], ids=repr)
def test_on_takes_message_classes(wrong: tuple[Any, ...]) -> None:
    """Anything else is a fault at import that shows how it is written."""
    with pytest.raises(TypeError, match=r"@on takes Message classes, as in @on\(chat.Send\)"):
        on(*wrong)


@in_loop
async def test_on_in_a_subclass() -> None:
    """The most derived method handles a message, whether it repeats `@on` or overrides by its name."""

    class Again(TalkSocket):
        @on(*TalkSocket.do._wssec_handles)  # type: ignore[attr-defined]  # the mark that @on leaves
        def other(self, data: dict[str, Any]) -> Any:
            return {"by": "other"}

    class Named(TalkSocket):
        def do(self, data: dict[str, Any]) -> Any:
            return {"by": "name"}

    for handler, by in ((Again, "other"), (Named, "name")):
        async with talk_kit(handler=handler) as kit:
            assert {"by": by} == await (await kit.connect("/ws")).request("talk.do")


# --- hooks ---


@in_loop
async def test_h24_opened_before_any_message() -> None:
    """Messages sent right behind the handshake wait for `opened`, and find what it has made ready."""
    script, opened = Script(), asyncio.Event()

    class Slow(TalkSocket):
        async def opened(self) -> None:
            opened.set()
            await script.go_on.wait()
            script.told.append("opened")

    script.do = lambda socket, data: script.told.append(data["what"])
    async with talk_kit(script, Slow) as kit:
        raw = await kit.raw()
        head = "\r\n".join(
            [
                "GET /ws HTTP/1.1",
                *(f"{n}: {v}" for n, v in handshake_headers(kit.host, origin=ORIGIN, token=kit.token())),
            ]
        )
        message = frame_bytes(TEXT, b'{"type":"talk.do","id":"a","data":{"what":"early"}}')
        await raw.write(head.encode() + b"\r\n\r\n" + message)
        await opened.wait()
        assert [] == script.told
        script.go_on.set()
        assert 101 == (await raw.response()).status
        assert await raw.receive_frame() is not None

    assert ["opened", "early"] == script.told[:2]


@in_loop
async def test_h24_rejected_in_opened() -> None:
    """Who is closed in `opened` has no message handled, though it had been sent already."""
    script = Script(lambda socket, data: script.told.append("handled"))

    class Rejecting(TalkSocket):
        def opened(self) -> None:
            self.close(4100, "not today")

    async with talk_kit(script, Rejecting) as kit:
        client = await kit.connect("/ws")
        await client.send("talk.do")

        assert "not today" == await client.assert_closed(4100)
    assert [("closed", 4100)] == script.told


@in_loop
async def test_handler_opened_that_fails() -> None:
    """It ends the connection with 1011, and `closed` is told so."""

    class Failing(TalkSocket):
        def opened(self) -> None:
            raise ValueError

    script = Script()
    async with talk_kit(script, Failing) as kit:
        client = await kit.connect("/ws")
        await client.assert_refused("internal")
        await client.assert_closed(1011)
        await script.left.wait()

    assert [("closed", 1011)] == script.told


@pytest.mark.parametrize(
    ("payload", "told"),
    [(b"\x03\xe8", 1000), (b"\x0f\xa1bye", 4001), (b"", None), (None, None)],
    ids=["1000", "4001", "no code", "no close"],
)
@in_loop
async def test_handler_closed_by_the_peer(payload: bytes | None, told: int | None) -> None:
    """`closed` runs once, with what the peer said; None when it said nothing."""
    script = Script()
    async with talk_kit(script) as kit:
        client = await kit.connect("/ws")
        if payload is None:
            client.socket.reset()
        else:
            await client.socket.send_frame(CLOSE, payload)
        await script.left.wait()
        await settled(kit, 0)

    assert [("opened", "ann"), ("closed", told)] == script.told


@in_loop
async def test_handler_closed_by_us() -> None:
    """Our own reason stays, whatever the peer echoes."""
    script = Script()
    async with talk_kit(script) as kit:
        client = await kit.connect("/ws")
        await kit.guard.disconnect(subject="ann")
        await client.socket.send_frame(CLOSE, b"\x03\xe8")
        await script.left.wait()

    assert [("opened", "ann"), ("closed", 4403)] == script.told


@in_loop
async def test_handler_closed_knows_nothing_of_who_ended_it() -> None:
    """Whose handler finds that a reader is too slow, or gone, leaves no context variable to that one's `closed`."""
    user, script = ContextVar("user", default="nobody"), Script()

    class Asking(TalkSocket):
        def closed(self, close: Close | None) -> None:
            script.told.append(user.get())
            script.left.set()

    async def drop_bob(socket: TalkSocket, data: dict[str, Any]) -> None:
        user.set(socket.identity.subject)
        next(live for live in kit.guard.hub if live.session.identity.subject == "bob").drop_slow()

    script.do = drop_bob
    async with talk_kit(script, Asking) as kit:
        ann, _ = [await kit.connect("/ws", subject=subject) for subject in ("ann", "bob")]
        await ann.request("talk.do")
        await script.left.wait()

        assert "nobody" == script.told[-1]


@in_loop
async def test_handler_closed_when_the_guard_stops() -> None:
    """A drain says 1001, and waits for the hooks that it causes."""
    script, ended = Script(), asyncio.Event()

    class Saving(TalkSocket):
        async def closed(self, close: Close | None) -> None:
            for _ in range(10):
                await asyncio.sleep(0)  # as a database would
            ended.set()

    async with talk_kit(script, Saving) as kit:
        client = await kit.connect("/ws")
        stopping = asyncio.create_task(kit.guard.stop())
        await client.assert_closed(1001)
        await stopping

        assert ended.is_set()


# --- what a handler may do ---


@pytest.mark.parametrize("name", ["write_message", "ping"])
@in_loop
async def test_handler_around_the_guard(name: str) -> None:
    """What would send undeclared things is a mistake of the handler's, and says what to call instead."""
    seen: list[str] = []

    def do(socket: TalkSocket, data: dict[str, Any]) -> None:
        try:
            getattr(socket, name)("x")
        except TypeError as error:
            seen.append(str(error))

    async with talk_kit(Script(do)) as kit:
        client = await kit.connect("/ws")
        await client.request("talk.do")
        await client.assert_nothing_received()

    assert ("self.send(Message, data)" if name == "write_message" else "heartbeat") in seen[0]


@pytest.mark.parametrize(("permissions", "code"), [(["talk:hear"], None), ([], "permission_denied")])
@in_loop
async def test_handler_send(permissions: list[str], code: str | None) -> None:
    """A declared message reaches a client that may receive it; to one that may not, it is refused."""

    async def do(socket: TalkSocket, data: dict[str, Any]) -> None:
        await socket.send(Heard, {"text": "hi"})

    async with talk_kit(Script(do)) as kit:
        client = await kit.connect("/ws", permissions=permissions)
        if code:
            await client.assert_refused(code, "talk.do")
        else:
            await client.request("talk.do")
            assert {"text": "hi"} == await client.assert_received("talk.heard")
        await client.assert_nothing_received()


@in_loop
async def test_handler_subscribes_its_client() -> None:
    """A handler subscribes as its client could: with its rights, and no others."""

    class Joining(ChatSocket):
        async def opened(self) -> None:
            await self.subscribe("room:lobby")

    async with GuardKit([("/ws", Joining)], registry=CHAT) as kit:
        ann = await kit.connect("/ws", permissions=["chat:*:lobby"])
        eve = await kit.connect("/ws", subject="eve")
        await ann.request("chat.send", {"room": "lobby", "text": "hi"})

        assert {"room": "lobby", "text": "hi", "author": "ann"} == await ann.assert_received("chat.posted")
        await eve.assert_refused("permission_denied")
        await eve.assert_nothing_received()


@in_loop
async def test_handler_identity() -> None:
    """It is the credential in force: the same person with fewer rights after a refresh, in the same session."""
    seen: list[Any] = []
    script = Script(lambda socket, data: seen.append(socket.identity))
    async with talk_kit(script) as kit:
        client = await kit.connect("/ws", permissions=["a", "b"], subprotocols=V1)
        session = (await client.assert_received("wssec.ready"))["session"]
        await client.request("talk.do")
        await client.request("wssec.refresh", {"token": kit.token("ann", ["a"])})
        await client.request("talk.do")

    assert [("ann", ["a", "b"]), ("ann", ["a"])] == [(who.subject, sorted(who.permissions)) for who in seen]
    assert {session} == {who.session_id for who in seen}
    assert seen[0].token_id != seen[1].token_id


@pytest.mark.parametrize(
    ("code", "reason", "told"),
    [(None, None, (1000, "done")), (4_000, "x" * 200, (4_000, "x" * 123)), (3_000, "é", (3_000, "é"))],
)
@in_loop
async def test_handler_close(code: int | None, reason: str | None, told: tuple[int, str]) -> None:
    """A handler ends its connection with a code and a reason that fit."""
    async with talk_kit(Script(lambda socket, data: socket.close(code, reason))) as kit:
        client = await kit.connect("/ws")
        await client.send("talk.do")

        assert told[1] == await client.assert_closed(told[0])


@pytest.mark.parametrize("code", [0, 999, 1005, 1006, 1015, 2_000, 5_000, 65_535, -1])
@in_loop
async def test_handler_close_with_a_code_that_may_not_be_sent(code: int) -> None:
    """It is a mistake of the handler's (1011), not a malformed frame."""
    async with talk_kit(Script(lambda socket, data: socket.close(code or 1))) as kit:
        client = await kit.connect("/ws")
        await client.send("talk.do")
        await client.assert_refused("internal")
        await client.assert_closed(1011)


@in_loop
async def test_handler_without_a_guard(caplog: pytest.LogCaptureFixture) -> None:
    """An application that was made without one answers 503, and the log says what to do."""
    async with talk_kit() as kit:
        del kit.app.settings["wssec"]
        await kit.assert_handshake_refused(503, "/ws", token=kit.token())
        kit.app.settings["wssec"] = kit.guard

    assert "pass wssec=guard to the Application, or call guard.install(app)" in caplog.text


@in_loop
async def test_handler_in_debug_mode(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure of ours answers 500 without a traceback, even where the application serves them."""

    def fail(*_: object) -> None:
        raise ValueError("s3cr3t")

    async with talk_kit(app_settings={"serve_traceback": True}) as kit:
        monkeypatch.setattr(Guard, "require_checked", fail)
        answer = await kit.assert_handshake_refused(500, "/ws", token=kit.token())

    assert b"500\n" == answer.body
    assert "s3cr3t" not in caplog.text
    assert "ValueError at" in caplog.text


@pytest.fixture
def no_collector() -> Iterator[None]:
    """What holds itself stays."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
@in_loop
async def test_handler_that_was_left_is_no_work_for_the_collector() -> None:
    """Handler and conversation end with the connection: a crowd that comes and goes makes no pauses."""
    known: list[weakref.ref[object]] = []

    class Watched(TalkSocket):
        def opened(self) -> None:
            known.extend([weakref.ref(self), weakref.ref(self._open_talk())])

    async with talk_kit(Script(), Watched) as kit:
        client = await kit.connect("/ws")
        await client.request("talk.do")
        await client.close()
        await settled(kit, 0)

        assert [None, None] == [each() for each in known]


@in_loop
async def test_handler_lets_go_of_its_request() -> None:
    """`opened` sees the request whole; from then on no credential is kept, and templates can still be rendered."""
    seen: list[Any] = []

    class Curious(TalkSocket):
        def opened(self) -> None:
            seen.append("Authorization" in self.request.headers)

    def look(socket: TalkSocket, data: dict[str, Any]) -> None:
        request = socket.request
        seen.append((request.path, request.connection, "Authorization" in request.headers, socket.current_user))
        seen.append(str(vars(request)))
        seen.append(sorted(socket.ui))
        seen.append(socket.identity)

    async with talk_kit(Script(look), Curious) as kit:
        token = kit.token("ann")
        client = await kit.connect("/ws", token=token)
        await client.request("talk.do")

    was_whole, (path, connection, has_credential, user), rest, ui, identity = seen
    assert (True, "/ws", None, False) == (was_whole, path, connection, has_credential)
    assert token not in rest
    assert (["_tt_modules", "modules"], True) == (ui, user is identity)
