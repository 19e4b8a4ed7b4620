"""Lines L01, L03, L04, L06 and L08: no secret reaches a log, wherever it was put and whatever failed.

`leaks.py` is run as a process of its own, in asyncio's development mode and with every logger at its loudest. What it
wrote to standard error is the log; what the files of the audit, metrics, pages, alerts and commands have kept
or shown, it has collected.
"""

import json
import logging
import os
import re
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.kits import chat_kit, in_loop
from tornado_wssec.testing import GuardKit

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60
SINKS: Final = {
    "audit files": '"event": "audit.ended"',
    "metrics": "wssec_messages_total",
    "operations page": "ops.",
    "spans": '"wssec.code": "internal"',
    "meters": "wssec_messages_refused",
    "alert hook": "egress.burst",
    "alert webhook": "Wssec-Signature",
    "wssec audit query --json": '"event": "handshake.refused"',
    "wssec audit tail --lines 1000": "message.signed",
    "wssec sessions list": "nina",
    "wssec apikeys list --json": "of a robot",
    "wssec check tests.attacks.leak_sinks:make_app --report --json": '"standards"',
    "wssec check tests.attacks.leak_sinks:make_app --format markdown": "Verdict",
}
"""What shows that each sink has something in it."""


@dataclass(frozen=True)
class Run:
    """What a run has left.

    Args:
        known: the secrets, by their places.
        log: what it logged.
        sinks: what everything else has kept or shown.
    """

    known: dict[str, str]
    log: str
    sinks: dict[str, str]


@pytest.fixture(scope="module")
def run() -> Run:
    """The secrets of a run, and what it left."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("WSSEC_")}
    command = [sys.executable, "-X", "dev", "-m", "tests.attacks.leaks"]
    done = subprocess.run(command, cwd=ROOT, env=bare, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr[-4_000:]
    said = json.loads(done.stdout)
    return Run(said["secrets"], done.stderr, said["sinks"])


def test_l03_every_place_is_tried(run: Run) -> None:
    """The run did what it is for: each stage has left its line, and there are a hundred secrets to look for."""
    known, log = run.known, run.log
    stages = ["101 GET /ws?[redacted]", "401 GET", "403 GET", "421 GET", "426 GET", "404 GET", "405 POST", "400 GET"]
    stages += ["ValueError at", "ExceptionGroup at", '"event": "session.opened"', '"event": "message.refused"']
    stages += ["authentication failed unexpectedly: OSError at", "Malformed HTTP message from", "DEBUG asyncio"]

    assert [] == [stage for stage in stages if stage not in log]
    assert len(known) > 100
    assert len(set(known.values())) == len(known)


@pytest.mark.requirement("R020", "R025")
def test_l03_no_secret_in_any_log(run: Run) -> None:
    """Query, Authorization, Cookie, subprotocol, Referer, bodies, exceptions, tickets: none is in any line."""
    known, log = run.known, run.log

    assert [] == [name for name, value in known.items() if value in log]


def test_l03_every_sink_is_filled(run: Run) -> None:
    """What is looked through below is not empty, and every command did what it is for."""
    assert [] == [name for name, mark in SINKS.items() if mark not in run.sinks[name]]
    assert [] == [
        name for name, text in run.sinks.items() if name.startswith("wssec ") and not text.startswith("exit 0")
    ]


@pytest.mark.standard("WebSocket cheat sheet logging")
@pytest.mark.requirement("R025")
def test_l03_no_secret_in_any_sink(run: Run) -> None:
    """Audit files, metrics, pages, alerts, webhooks and what commands print hold none of them, nor a part of a body."""
    found = [(sink, name) for sink, text in run.sinks.items() for name, value in run.known.items() if value in text]

    assert [] == found


def test_l04_no_traceback_in_any_sink(run: Run) -> None:
    """No line of a command, a page or a file is one of a traceback."""
    assert [] == [sink for sink, text in run.sinks.items() if "Traceback (most recent" in text]


def test_l06_labels_are_declared(run: Run) -> None:
    """What strangers have called themselves, and what they asked for, is no label."""
    labels = set(re.findall(r'(?:endpoint|origin|type|pattern|code|stage)="([^"]*)"', run.sinks["metrics"]))

    assert labels
    assert [] == [label for label in labels if "evil" in label or "s3cr3t" in label]


def test_l08_no_line_is_long(run: Run) -> None:
    """A User-Agent, a header and a token of 10 KB leave no long string in any line of the audit."""
    values = re.findall(r'"((?:[^"\\]|\\.)*)"', run.sinks["audit files"])

    assert 300 > max(map(len, values))
    assert "xxxxxxxxxxxxxxxxxxxxxxxx" not in run.sinks["audit files"] + run.log


@pytest.mark.requirement("R025")
def test_l04_no_traceback(run: Run) -> None:
    """Nothing that failed in a handler, a hook or an authenticator left a traceback: it would quote data."""
    log = run.log
    outside = re.findall(r'File "([^"]+)", line', log)

    assert [] == [path for path in outside if "tornado" in path or "leaks" in path]


def test_l01_one_event_is_one_line(run: Run) -> None:
    """Every line that is ours begins with a level, and every line of the audit is one JSON object."""
    log = run.log
    audit = re.findall(r'^INFO tornado_wssec\.audit (\{"v".*?\}) \(', log, re.MULTILINE)

    assert len(audit) > 50
    assert {True} == {isinstance(json.loads(line), dict) for line in audit}
    assert log.count('"event"') // 2 == len(audit)  # once as the line, once as its argument


async def asked(kit: GuardKit, path: str, **options: Any) -> None:
    """Ask for a handshake that is refused, or hung up on."""
    with suppress(EOFError):
        _, response = await kit.handshake(path, **options)
        assert response.status != 101


HOSTILE_TEXTS = ["a%0d%0aINFO forged", "a%0aforged", "%1b[2J", "a\u0085forged", "a\u009bforged", "\u202eforged", "%00"]


@pytest.mark.parametrize("text", HOSTILE_TEXTS, ids=ascii)
@in_loop
async def test_l01_no_forged_line(text: str, caplog: pytest.LogCaptureFixture) -> None:
    """Line breaks, escapes and overrides in a path, an Origin or a header stay within one printable line."""
    caplog.set_level(logging.DEBUG)
    sent = text.encode().decode("latin-1")
    async with chat_kit() as kit:
        await asked(kit, f"/ws/{sent}")
        await asked(kit, f"/ws?{sent}")
        await asked(kit, "/ws", origin=f"https://{sent}")
        for header in ("User-Agent", "Cookie", "X-Forwarded-For", "Forwarded", "Referer"):
            await asked(kit, "/ws", extra=[(header, sent)])
    lines = [record.getMessage() for record in caplog.records]

    assert [] == [line for line in lines if not line.isprintable() or not line.isascii()]
    assert [] == [line for line in lines if line.startswith(("INFO", "forged"))]


@in_loop
async def test_l08_long_values_are_cut(caplog: pytest.LogCaptureFixture) -> None:
    """A stranger's 10 KB fill no line."""
    caplog.set_level(logging.DEBUG)
    async with chat_kit() as kit:
        await kit.assert_handshake_refused(403, "/ws", origin="https://" + "x" * 10_000)
        await kit.assert_handshake_refused(421, "/ws", host="x" * 10_000)
        await kit.assert_handshake_refused(404, "/" + "x" * 10_000)

    assert 1_500 > max(len(record.getMessage()) for record in caplog.records)
