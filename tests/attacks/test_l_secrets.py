"""Lines L01, L03 and L04: no secret reaches a log, wherever it was put and whatever failed.

`leaks.py` is run as a process of its own, in asyncio's development mode and with every logger at
its loudest; what it wrote to standard error is everything that any sink could have kept.
"""

import json
import logging
import os
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.kits import chat_kit, in_loop
from tornado_wssec.testing import GuardKit

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60
Run = tuple[dict[str, str], str]


@pytest.fixture(scope="module")
def run() -> Run:
    """The secrets of a run, and what it logged."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("WSSEC_")}
    command = [sys.executable, "-X", "dev", "-m", "tests.attacks.leaks"]
    done = subprocess.run(command, cwd=ROOT, env=bare, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr[-4_000:]
    return json.loads(done.stdout), done.stderr


def test_l03_every_place_is_tried(run: Run) -> None:
    """The run did what it is for: each stage has left its line, and there are a hundred secrets to look for."""
    known, log = run
    stages = ["101 GET /ws?[redacted]", "401 GET", "403 GET", "421 GET", "426 GET", "404 GET", "405 POST", "400 GET"]
    stages += ["ValueError at", "ExceptionGroup at", '"event": "session.opened"', '"event": "message.refused"']
    stages += ["authentication failed unexpectedly: OSError at", "Malformed HTTP message from", "DEBUG asyncio"]

    assert [] == [stage for stage in stages if stage not in log]
    assert len(known) > 100
    assert len(set(known.values())) == len(known)


def test_l03_no_secret_in_any_log(run: Run) -> None:
    """Query, Authorization, Cookie, subprotocol, Referer, bodies, exceptions, tickets: none is in any line."""
    known, log = run

    assert [] == [name for name, value in known.items() if value in log]


def test_l04_no_traceback(run: Run) -> None:
    """Nothing that failed in a handler, a hook or an authenticator left a traceback: it would quote data."""
    _, log = run
    outside = re.findall(r'File "([^"]+)", line', log)

    assert [] == [path for path in outside if "tornado" in path or "leaks" in path]


def test_l01_one_event_is_one_line(run: Run) -> None:
    """Every line that is ours begins with a level, and every line of the audit is one JSON object."""
    _, log = run
    audit = re.findall(r'^INFO tornado_wssec\.audit (\{"at".*?\}) \(', log, re.MULTILINE)

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
