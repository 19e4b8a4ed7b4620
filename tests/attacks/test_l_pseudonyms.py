"""Line L10: with WSSEC_AUDIT_PSEUDONYMS no line and no alert names a person, and one person can be followed."""

import json
import logging
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.kits import CHAT, GENEROUS, ChatSocket, in_loop, settled
from tornado_wssec import Alert, SecureWebSocketHandler
from tornado_wssec.cli import main
from tornado_wssec.settings import Secret, Timeouts
from tornado_wssec.telemetry.pseudonyms import Pseudonyms
from tornado_wssec.testing import GuardKit
from tornado_wssec.testing.kit import ISSUER

KEY = "0123456789abcdef0123456789abcdef"
ZOE = "zoe.zebra@example.com"
PSEUDONYM = Pseudonyms(Secret(KEY), ISSUER).of(ZOE)
LIMITS = replace(GENEROUS, alert_messages=1, connections_per_subject=3, tickets_per_subject=1)


class Door(SecureWebSocketHandler):
    """Asks for what nobody has."""

    requires = "nobody:{room}"


async def live(kit: GuardKit) -> None:
    """Everything that leaves a line with a name: what she may do, what she may not, and what is done to her."""
    client = await kit.connect("/ws", subject=ZOE, permissions=["chat:write:lobby"])
    for _ in range(20):
        await client.assert_refused("unknown_type", "no.such", {})
    await client.assert_refused("permission_denied", "chat.send", {"room": "attic", "text": "hello"})
    await client.request("wssec.refresh", {"token": kit.token(ZOE)})
    await kit.assert_handshake_refused(403, "/door/a", token=kit.token(ZOE))
    kept = [await kit.connect("/ws", subject=ZOE) for _ in range(2)]
    await kit.assert_handshake_refused(429, "/ws", token=kit.token(ZOE))
    await kit.ticket("/ws", ZOE)
    with suppress(Exception):
        await kit.ticket("/ws", ZOE)
    await kit.guard.create_api_key(ZOE)
    await kit.advance(Timeouts().alert_look)
    await kit.guard.moderation.mute("room:lobby", subject=ZOE)
    await kit.guard.disconnect(subject=ZOE, reason="over")
    old = kit.token(ZOE)
    await kit.guard.revoke(subject=ZOE)
    await kit.advance(1.0)
    for one in (client, *kept):
        await one.socket.close()
    await settled(kit, 0)
    await kit.assert_handshake_refused(401, "/ws", token=old)
    for _ in range(30):
        await kit.advance(Timeouts().alert_look)


def run(audit: Path, *command: str, key: str = KEY) -> str:
    """What a command prints, with the audit of the servers."""
    given = {"WSSEC_AUDIT": str(audit), "WSSEC_AUDIT_PSEUDONYMS": key, "WSSEC_ISSUER": ISSUER}
    result = CliRunner().invoke(main, list(command), env=given)
    assert "Traceback" not in result.output
    return result.stdout


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The folder of a server's audit, its log, and the alerts that it has told."""
    audit, alerts, lines = tmp_path_factory.mktemp("audit"), [], []

    async def hook(alert: Alert) -> None:
        alerts.append(alert)

    @in_loop
    async def served() -> None:
        settings = {"audit": str(audit), "audit_pseudonyms": KEY}
        routes = [("/ws", ChatSocket), (r"/door/(?P<room>\w+)", Door)]
        async with GuardKit(routes, registry=CHAT, limits=LIMITS, settings=settings, alerts=hook) as kit:
            await live(kit)

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(f"{record.getMessage()} {record.args!r}")

    root, handler = logging.getLogger(), Kept()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        served()
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    run(audit, "keys", "promote", "none", "--keys", str(audit / "keys.json"))
    run(audit, "revoke", "subject", ZOE, "--store", f"sqlite:///{audit / 'no.db'}")
    return {"audit": audit, "log": "\n".join(lines), "alerts": alerts}


def test_l10_no_name_in_any_line(told: dict[str, Any]) -> None:
    """Neither in a fact nor in a sentence, by servers or by commands; her pseudonym is in every kind of them."""
    text = "".join(path.read_text() for path in told["audit"].glob("*.jsonl"))
    events = {line["event"] for line in map(json.loads, text.splitlines()) if line.get("subject") == PSEUDONYM}

    assert "zebra" not in text
    assert {
        *("session.opened", "session.refreshed", "session.closed", "message.refused", "egress.measured"),
        *("api_key.created", "alert.raised", "alert.ended", "channel.mute", "operator.acted"),
    } <= events
    assert f"{PSEUDONYM} lacks nobody:{{room}}" in text
    assert f"{PSEUDONYM} has 3 connections" in text


def test_l10_no_name_in_the_log(told: dict[str, Any]) -> None:
    """Refusals and alerts are told there, too."""
    assert "zebra" not in told["log"]
    assert f"alert messages.burst of {PSEUDONYM}" in told["log"]


def test_l10_no_name_in_an_alert(told: dict[str, Any]) -> None:
    """A hook is told of the same pseudonym when it begins and when it is over."""
    assert {PSEUDONYM} == {alert.whom.subject for alert in told["alerts"]}
    assert {True, False} == {alert.ended_at is None for alert in told["alerts"]}


def test_l10_one_person_can_be_followed(told: dict[str, Any]) -> None:
    """By the pseudonym, by the name with the key, and not by the name with another key."""
    audit = told["audit"]
    by_pseudonym = run(audit, "audit", "query", "--subject", PSEUDONYM, "--json")

    assert len(by_pseudonym.splitlines()) > 10
    assert by_pseudonym == run(audit, "audit", "query", "--subject", ZOE, "--json")
    assert "" == run(audit, "audit", "query", "--subject", ZOE, "--json", key="another key, of thirty-two bytes.")
