"""The page on alerts: its code runs, its commands answer, and each kind has a runbook."""

import asyncio
import json
import re
import shlex
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.docs.pages import DOCS, blocks
from tests.kits import chat_kit
from tests.receivers import receiving
from tests.telemetry.kit import AT, writer_of
from tornado_wssec import Alert, AlertKind, Limits, Timeouts
from tornado_wssec.alert_responses import ABOUT_ONE, Response
from tornado_wssec.alert_webhook import body_of, ways_of
from tornado_wssec.cli import main
from tornado_wssec.cli.application_audit import audit
from tornado_wssec.settings import Secret
from tornado_wssec.telemetry.anomaly_alerts import Whom
from tornado_wssec.telemetry.audit import record_of
from tornado_wssec.telemetry.audit_file import made_folder

PAGE = DOCS / "alerts.md"
TEXT = PAGE.read_text()
ALERT = Alert(
    id="a1", kind=AlertKind.EGRESS_BURST, whom=Whom("ann", "i"), value=9.0, usual=1.0, band=8.0, since=AT - 5.0
)


def executed(name: str) -> dict[str, Any]:
    """What a file of the page defines."""
    (block,) = (block for block in blocks(PAGE) if block.file_name == name)
    names: dict[str, Any] = {}
    exec(block.text, names)  # noqa: S102 - it is our own page
    return names


def made(monkeypatch: pytest.MonkeyPatch, name: str) -> Any:
    """The guard that a file of the page makes, with the parts of a kit."""
    kit = chat_kit()
    monkeypatch.setenv("ALERT_SECRET", "0123456789abcdef0123456789abcdef")
    parts = {"registry": kit.guard.registry, "store": kit.store, "keys": kit.keys, "issuer": "i", "audience": "a"}
    return executed(name)["make_guard"](**parts)


def test_alerts_page_makes_a_guard_that_tells(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its hook says who it is, how much and against what."""
    guard = made(monkeypatch, "alerted.py")
    asyncio.run(executed("alerted.py")["tell"](ALERT))

    assert ["the hook alerts=", "the webhook"] == [way.way for way in guard.alarm.ways]
    assert "egress.burst of ann: 9 bytes in 10 s, usually 1\n" == capsys.readouterr().out


def test_alerts_page_makes_a_guard_that_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """And each response shows in the check."""
    guard = made(monkeypatch, "answered.py")
    told = [line.where for line in audit(chat_kit().app, guard) if "alert_responses" in line.where]

    assert 3 == len(told)


def test_alerts_page_has_a_receiver_that_knows_us() -> None:
    """It takes what a webhook posts, and nothing that was changed, is of another secret, or is old."""
    is_ours, secret = executed("receiver.py")["is_ours"], "0123456789abcdef0123456789abcdef"

    async def post(at: float) -> tuple[str, bytes]:
        async with receiving() as receiver:
            (way,) = ways_of(None, receiver.url, Secret(secret), limits=Limits(), timeouts=Timeouts(), wall=lambda: at)
            way.put(ALERT)
            await receiver.wait()
            await way.stop(5)
            ((headers, body),) = receiver.got
            return headers["Wssec-Signature"], body

    header, body = asyncio.run(post(time.time()))
    assert body_of(ALERT) == body
    assert [True, False, False] == [
        is_ours(secret, header, body),
        is_ours(secret, header, body + b" "),
        is_ours("another" * 6, header, body),
    ]
    assert not is_ours(secret, *asyncio.run(post(time.time() - 600)))


def test_alerts_page_has_commands_that_answer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each as it stands, over a folder in which something happened."""
    writer = writer_of(made_folder(tmp_path / "audit"))
    for number in range(90):
        facts = {"address": f"203.0.113.{number % 9}", "stage": "credential", "status": 401}
        writer.put(record_of("handshake.refused", AT + number / 10, facts))
    writer.close(5)
    monkeypatch.setenv("WSSEC_AUDIT", str(tmp_path / "audit"))
    shown = [line[2:] for block in blocks(PAGE) if block.language == "console" for line in block.text.splitlines()]
    commands = [line for line in shown if line.startswith("wssec ")]
    answers = [CliRunner().invoke(main, shlex.split(command)[1:], catch_exceptions=False) for command in commands]

    assert ["wssec audit replay", "wssec audit replay --since 2026-01-31T08:00:00Z --json"] == commands
    assert [0, 0] == [answer.exit_code for answer in answers]
    assert answers[0].stdout.startswith("SINCE")
    assert "credentials.attack" in answers[0].stdout
    assert [] == json.loads(answers[1].stdout)


def test_alerts_page_has_a_runbook_for_each_kind() -> None:
    """What it means, what to look at, what to do; and where a link leads."""
    found = re.findall(
        r"^\(([\w-]+)\)=\n### `([\w.]+)`\n\n- \*\*It means\*\*: .*?- \*\*Look at\*\*: .*?- \*\*Do\*\*: ",
        TEXT,
        re.M | re.S,
    )

    assert [(str(kind).replace(".", "-"), str(kind)) for kind in AlertKind] == found


def test_alerts_page_names_each_response() -> None:
    """In its table, and the kinds that they are for."""
    assert list(map(str, Response)) == re.findall(r"^\| `(\w+)` \|", TEXT, re.M)
    assert f"`{ABOUT_ONE[0]}`, `{ABOUT_ONE[1]}`, `{ABOUT_ONE[2]}` and `{ABOUT_ONE[3]}`" in TEXT
