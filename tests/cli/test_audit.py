"""`wssec audit` shows and searches what was recorded, and proves that it is whole; commands are recorded themselves."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Terminal
from tests.cli.test_help import COMMANDS
from tests.telemetry.kit import AT, writer_of, written
from tornado_wssec.cli.recording import RECORDED
from tornado_wssec.telemetry.audit import record_of
from tornado_wssec.telemetry.audit_file import made_folder

CHANGE_NOTHING = {
    *("keys list", "keys show", "keys export", "token inspect", "token verify", "revocations list", "revocations show"),
    *("revocations export", "sessions list", "sessions show", "apikeys list", "top", "schemas list", "schemas check"),
    *("schemas export", "store ping", "store doctor", "audit tail", "audit query", "audit verify", "audit replay"),
    *("check", "completion", "channels list", "channels show", "connect"),
}


@pytest.fixture
def folder(wssec: Terminal, tmp_path: Path) -> Path:
    """The folder that WSSEC_AUDIT names."""
    wssec.environment["WSSEC_AUDIT"] = str(tmp_path / "audit")
    return made_folder(tmp_path / "audit")


def lines(text: str) -> list[Any]:
    """Events, one a line."""
    return [json.loads(line) for line in text.splitlines()]


def record(folder: Path) -> None:
    """What a server has recorded of two people."""
    writer = writer_of(folder)
    writer.put(record_of("handshake.refused", AT, {"address": "192.0.2.7", "stage": "origin"}))
    writer.put(record_of("session.opened", AT + 60, {"subject": "ann", "session": "s1"}))
    writer.put(record_of("session.opened", AT + 120, {"subject": "bob", "session": "s2"}))
    writer.close(5)


@pytest.mark.parametrize("path", [path for path in map(" ".join, COMMANDS) if path], ids=str)
def test_every_command_is_recorded_or_changes_nothing(path: str) -> None:
    """Whoever adds a command has to say which it is."""
    nouns = {name.partition(" ")[0] for name in map(" ".join, COMMANDS) if " " in name}

    assert 1 == sum([path in nouns, path in RECORDED, path in CHANGE_NOTHING])


@pytest.mark.requirement("R083")
def test_operator_is_recorded(wssec: Terminal, folder: Path) -> None:
    """Who did what, about whom, and how it ended; a refusal and a mistake, too."""
    wssec.done("keys", "generate")
    wssec.done("revoke", "subject", "u42", "--reason", "laptop stolen")
    wssec("keys", "promote", "no-such-key")
    wssec.done("keys", "list")

    found = lines(wssec.done("audit", "query", "--json"))
    assert [
        ("keys generate", "done", None, None),
        ("revoke subject", "done", "u42", "laptop stolen"),
        ("keys promote", "failed", None, None),
    ] == [(e["command"], e["outcome"], e.get("subject"), e.get("reason")) for e in found]
    assert ["operator.acted"] * 3 == [event["event"] for event in found]
    assert [] == wssec.json("audit", "verify")[0]["faults"]


def test_operator_is_recorded_without_secrets(wssec: Terminal, folder: Path) -> None:
    """A whole token typed by mistake is refused, and is not kept either."""
    wssec.done("keys", "generate")
    token = wssec.done("token", "issue", "--subject", "u42").strip()
    wssec("revoke", "token", token)

    kept = b"".join(path.read_bytes() for path in folder.glob("*.jsonl")).decode()
    assert "[redacted]" in kept
    assert [part for part in token.split(".") if part in kept] == []


def test_operator_whose_act_cannot_be_recorded(wssec: Terminal, tmp_path: Path) -> None:
    """The command is done, and says that nobody will read of it."""
    wssec.environment["WSSEC_AUDIT"] = str(tmp_path / "absent" / "audit")

    outcome = wssec("keys", "generate")
    assert 0 == outcome.code
    assert "this is not in the audit" in outcome.err


def test_audit_query(wssec: Terminal, folder: Path) -> None:
    """By name or group, subject, session, address and time; the newest where there are too many."""
    record(folder)

    def sessions(*options: str) -> list[str]:
        return [
            event.get("session", event["event"]) for event in lines(wssec.done("audit", "query", "--json", *options))
        ]

    assert ["s1", "s2"] == sessions("--event", "session.opened")
    assert ["s1", "s2"] == sessions("--event", "session.")
    assert ["s2"] == sessions("--subject", "bob")
    assert ["s1"] == sessions("--session", "s1")
    assert ["handshake.refused"] == sessions("--address", "192.0.2.7")
    assert ["s2"] == sessions("--since", str(int(AT + 61)))
    assert ["s1"] == sessions("--event", "session.", "--until", str(int(AT + 61)))
    assert ["s2"] == sessions("--event", "session.", "--limit", "1")
    assert re.search(r"2026-01-01T00:01:00Z +session.opened +subject=ann session=s1", wssec.done("audit", "query"))


def test_audit_tail(wssec: Terminal, folder: Path) -> None:
    """The newest of all chains, by time."""
    record(folder)
    found = lines(wssec.done("audit", "tail", "-n", "2", "--json", "--event", "session."))

    assert ["s1", "s2"] == [event["session"] for event in found]
    assert [] == lines(wssec.done("audit", "tail", "-n", "0", "--json"))


def test_l09_audit_verify(wssec: Terminal, folder: Path) -> None:
    """Whole: exit 0. An edited line: exit 1, and the file and line in words."""
    (path,) = written(folder)
    assert [("one", "ended", 5)] == [(v["chain"], v["state"], v["lines"]) for v in wssec.json("audit", "verify")]

    path.write_bytes(path.read_bytes().replace(b'"number": 1', b'"number": 9'))

    outcome = wssec("audit", "verify")
    assert 1 == outcome.code
    assert "wssec: one: one.0001.jsonl: line 2 does not fit its hash" in outcome.err


def test_l09_audit_verify_against_a_head(wssec: Terminal, folder: Path) -> None:
    """What the log has told is compared with what is there."""
    written(folder)
    (verdict,) = wssec.json("audit", "verify")
    told = f"{verdict['chain']}:{verdict['seq']}:{verdict['hash']}"

    assert 0 == wssec("audit", "verify", "--head", told).code
    assert 1 == wssec("audit", "verify", "--head", told.replace(":5:", ":6:")).code
    assert 2 == wssec("audit", "verify", "--head", "nonsense").code


def test_audit_replay(wssec: Terminal, folder: Path) -> None:
    """Which alerts there would have been, of what happened; those since a time alone, where one is named."""
    writer = writer_of(folder)
    for number in range(90):
        facts = {"address": f"203.0.113.{number % 9}", "stage": "credential", "status": 401}
        writer.put(record_of("handshake.refused", AT + number / 10, facts))
    writer.put(record_of("session.opened", AT + 600, {"subject": "ann", "session": "s1", "address": "192.0.2.7"}))
    writer.close(5)

    (alert,) = wssec.json("audit", "replay")
    assert ("credentials.attack", True, 9.0) == (alert["kind"], alert["is_abuse"], alert["addresses"])
    assert 0 < alert["since"] - AT <= 10 < alert["ended_at"] - AT
    assert re.search(r"2026-01-01T00:00:10Z +2026-.+Z +credentials.attack +everybody +", wssec.done("audit", "replay"))
    assert [] == wssec.json("audit", "replay", "--since", str(int(AT + 60)))


def test_audit_without_a_folder(wssec: Terminal, tmp_path: Path) -> None:
    """Refused, with the remedy."""
    outcome = wssec("audit", "tail", "--folder", str(tmp_path / "absent"))

    assert 1 == outcome.code
    assert "is no folder; WSSEC_AUDIT, or --folder, names the one that the servers write to" in outcome.err
