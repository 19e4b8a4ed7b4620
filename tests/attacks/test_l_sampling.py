"""Line L02: a hundred thousand bad handshakes fill no disk, and every one of them is counted."""

import json
import logging
from typing import Final

import pytest
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine
from tornado.web import HTTPError, RequestHandler

from tests.kits import CHAT, GENEROUS, ChatSocket, audited, chat_kit, in_loop
from tornado_wssec import Limits
from tornado_wssec.errors import CredentialRefused, HandshakeRefused, HostRefused, OriginRefused, TooManyAttempts
from tornado_wssec.testing import GuardKit

FLOOD: Final = 100_000
WINDOWS: Final = 10
KINDS: Final = (OriginRefused, HostRefused, CredentialRefused, TooManyAttempts)
LOGGED: Final = Limits().refusals_logged
QUIET: Final = Limits(
    **{name: value for name, (value, _) in GENEROUS.changed().items() if name != "refusals_logged"},
)


def asked(uri: str, **headers: str) -> HTTPServerRequest:
    """A request with these headers."""
    return HTTPServerRequest(
        headers=HTTPHeaders({"Host": "a", **headers}), start_line=RequestStartLine("GET", uri, "HTTP/1.1")
    )


def refuse(kit: GuardKit, kind: type[HandshakeRefused], number: int) -> None:
    """One refused handshake, as the door records it."""
    request = asked(f"/ws?token={number}", Origin=f"https://{number}")
    kit.guard.reception.record_refusal(kind(f"value {number}"), request, "ChatSocket")


def flood(kit: GuardKit) -> None:
    """The whole of it, over some windows of time."""
    for window in range(WINDOWS):
        for number in range(FLOOD // WINDOWS):
            refuse(kit, KINDS[number % len(KINDS)], window * FLOOD + number)
        kit.clock.advance(kit.guard.timeouts.refusal_window)
        kit.guard.tick(kit.clock.monotonic)


@pytest.mark.requirement("R082")
def test_l02_counters_are_exact() -> None:
    """By stage and status, however few of them are told."""
    kit = chat_kit()
    flood(kit)

    assert {(kind.stage, kind.status): FLOOD // len(KINDS) for kind in KINDS} == dict(kit.guard.refusals)


def test_l02_log_and_audit_are_bounded(caplog: pytest.LogCaptureFixture) -> None:
    """In each window the first of a kind and one line with the number of the rest; the numbers add up."""
    caplog.set_level(logging.INFO)
    flood(chat_kit())
    told = WINDOWS * len(KINDS) * LOGGED
    refused, sampled = audited(caplog.records, "handshake.refused"), audited(caplog.records, "log.sampled")
    lines = [record.getMessage() for record in caplog.records if "refused with" in record.getMessage()]

    assert told == len(refused) == len(lines)
    assert WINDOWS * len(KINDS) == len(sampled)
    assert FLOOD == told + sum(line["count"] for line in sampled)
    alerts = [message for message in caplog.messages if "refusals.address" in message or "credentials." in message]
    assert 2 * (told + len(sampled)) == len(caplog.records) - len(alerts)
    assert len(alerts) < 10


def test_l02_kinds_do_not_hide_each_other(caplog: pytest.LogCaptureFixture) -> None:
    """Under a flood of one kind the first of another is told at once."""
    kit = chat_kit()
    for number in range(1_000):
        refuse(kit, OriginRefused, number)
    caplog.clear()
    refuse(kit, CredentialRefused, 7)

    assert ["ChatSocket refused with 401 at credential: value 7"] == caplog.messages


@in_loop
async def test_l02_over_a_socket(caplog: pytest.LogCaptureFixture) -> None:
    """Refusals, unknown paths and what is no request: each sampled, Tornado's own lines too, each counted."""
    caplog.set_level(logging.INFO)
    count = LOGGED + 30
    async with chat_kit(limits=QUIET) as kit:
        for _ in range(count):
            await kit.assert_handshake_refused(403, "/ws", origin="https://evil.example.com")
            await kit.assert_handshake_refused(401, "/ws", token="none")
            await kit.assert_handshake_refused(404, "/nowhere")
            raw = await kit.raw()
            await raw.write(b"GET / HTTP/1.1\nHost: a\n\n")
            assert 400 == (await raw.response()).status
        assert {("origin", 403): count, ("credential", 401): count, ("request", 400): count} == dict(kit.guard.refusals)

    text = caplog.text
    kinds = ["refused with 403 at origin", "refused with 401 at credential", "a malformed request was refused with 400"]
    kinds += [" 403 GET /ws", " 401 GET /ws", " 404 GET /nowhere", "Malformed HTTP message from 127"]
    assert dict.fromkeys(kinds, LOGGED) == {kind: text.count(kind) for kind in kinds}
    rest = [line["count"] for line in audited(caplog.records, "log.sampled")]
    assert [30] * len(kinds) == rest


@in_loop
async def test_l02_requests_that_are_served_are_all_told(caplog: pytest.LogCaptureFixture) -> None:
    """The samples are of refusals; the access log of what was served is whole."""
    caplog.set_level(logging.INFO)
    async with chat_kit(limits=QUIET) as kit:
        for _ in range(LOGGED + 10):
            await kit.connect("/ws", subject="ann")

    assert LOGGED + 10 == sum("101 GET /ws" in line for line in caplog.messages)
    assert LOGGED + 10 == len(audited(caplog.records, "session.opened"))


@in_loop
async def test_r083_refusals_before_anybody_was_asked_are_told(caplog: pytest.LogCaptureFixture) -> None:
    """A ticket request that is a form, or no JSON: refused by the route, counted and told like every other."""
    caplog.set_level(logging.INFO)
    async with chat_kit() as kit:
        for kind in ("text/plain", "application/json"):
            raw = await kit.raw()
            body = "\r\n".join(
                [
                    "POST /wssec/ticket HTTP/1.1",
                    f"Host: {kit.host}",
                    f"Content-Type: {kind}",
                    "Content-Length: 1",
                    "",
                    "x",
                ]
            )
            await raw.write(body.encode())
            await raw.response()

    assert {("origin", 403): 1, ("handshake", 400): 1} == dict(kit.guard.refusals)
    events = audited(caplog.records, "handshake.refused")
    assert [("origin", "/wssec/ticket"), ("handshake", "/wssec/ticket")] == [
        (event["stage"], event["endpoint"]) for event in events
    ]


class Crashing(RequestHandler):
    """A plain handler of the application's, with a mistake."""

    def get(self) -> None:
        """Fail, or refuse."""
        if self.get_query_argument("how") == "crash":
            raise ZeroDivisionError
        raise HTTPError(418, "refused %s", self.request.uri)


@pytest.mark.parametrize(("how", "status"), [("crash", 500), ("refuse", 418)])
@in_loop
async def test_l04_plain_handler_that_fails(how: str, status: int, caplog: pytest.LogCaptureFixture) -> None:
    """Tornado tells the URI and the request of each; their query is not in it, and not all of them are told."""
    caplog.set_level(logging.DEBUG)
    async with GuardKit([("/ws", ChatSocket), ("/plain", Crashing)], registry=CHAT, limits=QUIET) as kit:
        raw = await kit.raw()
        for _ in range(100):
            assert status == (await raw.upgrade(f"/plain?how={how}&token=s3cr3t", [("Host", kit.host)])).status

    assert "s3cr3t" not in caplog.text
    lines = [record for record in caplog.records if record.name in ("tornado.general", "tornado.application")]
    assert LOGGED == len(lines)
    assert {True} == {"/plain?[redacted]" in record.getMessage() for record in lines}


def test_l08_user_agent_of_10_kb_is_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    """What is told of a stranger's request is cut; headers that nobody asked for are not told at all."""
    kit = chat_kit()
    caplog.set_level(logging.INFO)
    request = asked("/ws", **{"User-Agent": "a" * 10_240, "Origin": "o" * 10_240})
    kit.guard.reception.record_refusal(OriginRefused("e" * 10_240), request, "ChatSocket")

    (event,) = audited(caplog.records, "handshake.refused")
    assert {"origin": 257, "evidence": 257} == {name: len(event[name]) for name in ("origin", "evidence")}
    assert "aaaa" not in json.dumps(event)
    assert 1_024 > max(len(message) for message in caplog.messages)
