"""Spans of handshakes and messages, as OpenTelemetry's own SDK keeps them, over real sockets."""

import asyncio
from typing import Any, ClassVar

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from schemas import chat
from tests.kits import CHAT, chat_kit, in_loop, settled
from tornado_wssec import ConfigurationError, SecureWebSocketHandler, on
from tornado_wssec.conversation import Conversation
from tornado_wssec.errors import HandlerTimedOut, StoreUnavailable
from tornado_wssec.settings import Secret
from tornado_wssec.testing import GuardKit
from tornado_wssec.testing.raw import frame_bytes
from tornado_wssec.wire.frames import TEXT

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = ("traceparent", f"00-{TRACE}-b7ad6b7169203331-01")


class Spans:
    """Keeps what a provider is told."""

    def __init__(self) -> None:
        self._kept = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self._kept))

    def named(self, name: str) -> list[ReadableSpan]:
        """Those of a name, in the order of their ends."""
        return [span for span in self._kept.get_finished_spans() if span.name == name]

    def one(self, name: str) -> ReadableSpan:
        """The only one of a name."""
        (span,) = self.named(name)
        return span

    def told(self) -> str:
        """All of them, as an exporter writes them."""
        return "".join(span.to_json() for span in self._kept.get_finished_spans())


@pytest.fixture
def spans() -> Spans:
    """None yet."""
    return Spans()


def facts(span: ReadableSpan) -> dict[str, Any]:
    """Its attributes."""
    return dict(span.attributes or {})


class TroubledSocket(SecureWebSocketHandler):
    """Does as the text says."""

    @on(chat.Send)
    async def send_line(self, data: dict[str, Any]) -> dict[str, Any]:
        if data["text"] == "wait":
            await asyncio.sleep(0)
        if data["text"] == "fail":
            raise KeyError("s3cr3t")
        if data["text"] == "fail later":
            await asyncio.sleep(0)
            raise HandlerTimedOut("too long")
        if data["text"] == "no store":
            raise StoreUnavailable("s3cr3t")
        if data["text"] == "inner":
            with trace.get_tracer("app", tracer_provider=self.tracer).start_as_current_span("app.query"):
                await asyncio.sleep(0)
        return {}

    tracer: ClassVar[TracerProvider]


def troubled_kit(spans: Spans, **options: Any) -> GuardKit:
    """One whose handlers do as they are told."""
    TroubledSocket.tracer = spans.provider
    return GuardKit([(r"/ws", TroubledSocket)], registry=CHAT, tracer_provider=spans.provider, **options)


@in_loop
async def test_otel_span_of_a_message_is_linked_to_its_handshake(spans: Spans) -> None:
    """One span each, in traces of their own; the type, the endpoint and the declared origin are told, and nobody."""
    async with chat_kit(tracer_provider=spans.provider) as kit:
        ann = await kit.connect("/ws", subject="ann", permissions=["chat:write:lobby"])
        await ann.request("chat.send", {"room": "lobby", "text": "hello"})
        await ann.request("chat.send", {"room": "lobby", "text": "hello"})
        await ann.close()

    handshake, (message, _) = spans.one("handshake ChatSocket"), spans.named("chat.send")
    (link,) = message.links
    assert handshake.context == link.context
    assert handshake.context is not None
    assert message.context is not None
    assert (None, None) == (handshake.parent, message.parent)
    assert handshake.context.trace_id != message.context.trace_id
    assert {
        "wssec.endpoint": "ChatSocket",
        "wssec.origin": "https://app.example.com",
        "http.response.status_code": 101,
    } == facts(handshake)
    assert {"wssec.type": "chat.send", "wssec.endpoint": "ChatSocket"} == facts(message)
    assert StatusCode.UNSET == message.status.status_code


@in_loop
async def test_otel_spans_of_messages_that_come_together(spans: Spans) -> None:
    """Several in one packet have a span each, and are answered in their order."""
    async with chat_kit(tracer_provider=spans.provider) as kit:
        ann = await kit.connect("/ws", permissions=["chat:write:lobby"])
        frames = [f'{{"type":"chat.send","id":"{n}","data":{{"room":"lobby","text":"x"}}}}' for n in range(3)]
        await ann.socket.write(b"".join(frame_bytes(TEXT, frame.encode()) for frame in frames))
        answers = [(await ann.receive())["id"] for _ in range(3)]
        await ann.close()

    assert ["0", "1", "2"] == answers
    assert 3 == len(spans.named("chat.send"))


@in_loop
async def test_otel_span_of_a_refused_handshake(spans: Spans) -> None:
    """The stage and the status are told; only a fault of ours counts as an error."""
    async with chat_kit(tracer_provider=spans.provider) as kit:
        await kit.assert_handshake_refused(403, "/ws", origin="https://evil.example.com")

    refused = spans.one("handshake ChatSocket")
    assert ("origin", 403, "other") == tuple(
        facts(refused)[name] for name in ("wssec.stage", "http.response.status_code", "wssec.origin")
    )
    assert StatusCode.UNSET == refused.status.status_code


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fine", ({}, StatusCode.UNSET)),
        ("wait", ({}, StatusCode.UNSET)),
        ("fail", ({"wssec.code": "internal", "error.type": "KeyError"}, StatusCode.ERROR)),
        ("fail later", ({"wssec.code": "timeout"}, StatusCode.ERROR)),
        ("no store", ({"wssec.code": "unavailable"}, StatusCode.ERROR)),
    ],
)
@in_loop
async def test_otel_span_tells_the_outcome(
    spans: Spans, text: str, expected: tuple[dict[str, str], StatusCode]
) -> None:
    """Of what is done at once and of what has to wait; of an exception its class, and nothing that it says."""
    async with troubled_kit(spans) as kit:
        ann = await kit.connect("/ws", permissions=["chat:write:lobby"])
        await ann.send("chat.send", {"room": "lobby", "text": text}, "a")
        await ann.receive()

    span = spans.one("chat.send")
    assert expected == (
        {name: value for name, value in facts(span).items() if name not in ("wssec.type", "wssec.endpoint")},
        span.status.status_code,
    )
    assert "s3cr3t" not in spans.told()


@in_loop
async def test_otel_span_of_a_message_that_is_not_admitted(spans: Spans) -> None:
    """Its name is fixed, since its type is a stranger's word; the code is told."""
    async with troubled_kit(spans) as kit:
        ann = await kit.connect("/ws", permissions=["chat:write:lobby"])
        await ann.assert_refused("unknown_type", "evil.type", {})
        await ann.assert_refused("permission_denied", "chat.send", {"room": "attic", "text": "x"})

    codes = [facts(span)["wssec.code"] for span in spans.named("wssec.refused")]
    assert ["unknown_type", "permission_denied"] == codes
    assert "evil" not in spans.told()
    assert [] == spans.named("chat.send")


@in_loop
async def test_otel_spans_of_the_application_belong_to_the_message(spans: Spans) -> None:
    """What a handler begins is a child of the span of its message, before and after it has waited."""
    async with troubled_kit(spans) as kit:
        ann = await kit.connect("/ws", permissions=["chat:write:lobby"])
        await ann.request("chat.send", {"room": "lobby", "text": "inner"})

    parent = spans.one("app.query").parent
    assert parent == spans.one("chat.send").context


# --- who may say what ---


@pytest.mark.parametrize(
    ("options", "is_heard"),
    [({}, False), ({"trust_traceparent": True}, True), ({"settings": {"trusted_proxies": ("127.0.0.1",)}}, True)],
    ids=["a stranger", "whoever connects", "a trusted proxy"],
)
@in_loop
async def test_otel_trace_of_a_client(spans: Spans, options: dict[str, Any], *, is_heard: bool) -> None:
    """It is taken on from a trusted proxy, or where that is asked for, and from nobody else."""
    forwarded = [("X-Forwarded-For", "203.0.113.7"), ("X-Forwarded-Proto", "https")]
    async with chat_kit(tracer_provider=spans.provider, **options) as kit:
        extra = [PARENT, *(forwarded if "settings" in options else [])]
        _, answer = await kit.handshake("/ws", token=kit.token("ann", []), extra=extra)

    context = spans.one("handshake ChatSocket").context
    assert 101 == answer.status
    assert context is not None
    assert is_heard == (f"{context.trace_id:032x}" == TRACE)


@pytest.mark.parametrize("value", ["", "00-" + "0" * 32 + "-" + "0" * 16 + "-01", "x" * 2_000, "00-\x01"])
@in_loop
async def test_otel_trace_that_is_none(spans: Spans, value: str) -> None:
    """Nonsense begins a trace of our own, and keeps nobody out."""
    async with chat_kit(tracer_provider=spans.provider, trust_traceparent=True) as kit:
        token = kit.token("ann", [])
        _, answer = await kit.handshake("/ws", token=token, extra=[("traceparent", value.replace("\x01", "z"))])

    assert 101 == answer.status
    assert spans.one("handshake ChatSocket").parent is None


@in_loop
async def test_otel_span_names_a_person_by_a_pseudonym_alone(spans: Spans) -> None:
    """And only where pseudonyms are in force; it is the one that the audit has."""
    key = Secret("k" * 32)
    async with chat_kit(tracer_provider=spans.provider, settings={"audit_pseudonyms": key}) as kit:
        ann = await kit.connect("/ws", subject="ann-of-accounting", permissions=["chat:write:lobby"])
        await ann.request("chat.send", {"room": "lobby", "text": "hello"})
        expected = kit.guard.audit.named("ann-of-accounting", None)

    assert expected == facts(spans.one("chat.send"))["enduser.pseudo.id"]
    assert "ann-of-accounting" not in spans.told()


# --- a tracer that fails ---


class Broken:
    """A provider, a tracer and a span that fail, each as it is asked to."""

    def __init__(self, where: str, failure: type[BaseException] = RuntimeError) -> None:
        self._where = where
        self._failure = failure

    def __getattr__(self, name: str) -> Any:
        if name == self._where:
            raise self._failure("s3cr3t of a tracer")
        return lambda *given, **named: self


class Panic(BaseException):
    """As exporters written in Rust raise it: no `Exception`."""


@pytest.mark.parametrize("where", ["start_span", "get_span_context", "set_attributes", "set_status", "end"])
@pytest.mark.parametrize("failure", [RuntimeError, Panic])
@in_loop
async def test_otel_failure_stops_no_message(
    where: str, failure: type[BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    """Handshakes and messages are as without it; the fault is told once, without what it says."""
    async with GuardKit([(r"/ws", TroubledSocket)], registry=CHAT, tracer_provider=Broken(where, failure)) as kit:
        for _ in range(2):
            ann = await kit.connect("/ws", permissions=["chat:write:lobby"])
            await ann.request("chat.send", {"room": "lobby", "text": "wait"})
            await ann.assert_refused("unknown_type", "evil.type", {})
            await ann.assert_refused("internal", "chat.send", {"room": "lobby", "text": "fail"})
            await ann.assert_closed(1011)

    told = [record.getMessage() for record in caplog.records if "a tracer failed" in record.getMessage()]
    assert 1 == len(told)
    assert "s3cr3t" not in told[0]


@in_loop
async def test_otel_provider_that_is_none() -> None:
    """Something else in its place is refused at the start, with what it lacks."""
    with pytest.raises(ConfigurationError, match=r"tracer_provider.* has no get_tracer\(\)"):
        chat_kit(tracer_provider=object())
    with pytest.raises(ConfigurationError, match=r"meter_provider.* has no get_meter\(\)"):
        chat_kit(meter_provider=object())


@in_loop
async def test_otel_is_off_by_default() -> None:
    """Then a conversation is the plain one, and no span could be made."""
    async with chat_kit() as kit:
        await kit.connect("/ws")
        await settled(kit, 1)
        (live,) = kit.guard.hub

        assert Conversation is type(getattr(live.tell_expiring, "__self__", None))
