"""A guard keeps its evidence in files, and says what it does where it cannot."""

import errno
import logging
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.kits import chat_kit, in_loop
from tornado_wssec import AuditError, ConfigurationError
from tornado_wssec.telemetry.audit_reading import events
from tornado_wssec.telemetry.audit_verdict import judged


def kit_of(folder: Path, **options: Any) -> Any:
    """A chat whose audit goes into this folder."""
    return chat_kit(settings={"audit": str(folder)}, **options)


@pytest.mark.requirement("R082", "R094")
@in_loop
async def test_evidence_of_a_visit(tmp_path: Path) -> None:
    """Who came, who was refused and who left stands in a chain that is whole."""
    async with kit_of(tmp_path / "audit") as kit:
        client = await kit.connect("/ws", permissions=["chat:read:a"])
        await client.close()
        await kit.assert_handshake_refused(403, "/ws", origin="https://evil.example.com")

    names = [event["event"] for event in events(tmp_path / "audit")]
    assert ("audit.began", "audit.ended") == (names[0], names[-1])
    assert {"session.opened", "handshake.refused", "session.closed"} <= set(names)
    assert [("ended", [])] == [(verdict.state, verdict.faults) for verdict in judged(tmp_path / "audit")]


@in_loop
async def test_l07_evidence_is_required(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the disk refuses, newcomers get 503 and who is there stays; then all is as before."""
    refused, is_full = threading.Event(), [True]
    write = os.write

    def refuse(descriptor: int, data: Any) -> int:
        if not is_full[0]:
            return write(descriptor, data)
        refused.set()
        raise OSError(errno.ENOSPC, "No space left on device")

    async with kit_of(tmp_path / "audit", audit_is_required=True) as kit:
        client = await kit.connect("/ws", permissions=["chat:read:a"])
        monkeypatch.setattr("tornado_wssec.telemetry.audit_file.os.write", refuse)
        await kit.assert_handshake_refused(401, "/ws")
        assert refused.wait(10)

        response = await kit.assert_handshake_refused(503, "/ws", token=kit.token())
        assert "retry-after" in response.headers
        await client.send("ping")
        await client.assert_received("pong")
        is_full[0] = False


@pytest.mark.parametrize("is_required", [True, False])
@in_loop
async def test_evidence_that_cannot_begin(is_required: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A folder that cannot be used keeps a guard from starting where it is required, and is told where not."""
    caplog.set_level(logging.ERROR)
    kit = kit_of(tmp_path / "absent" / "audit", audit_is_required=is_required)
    if is_required:
        with pytest.raises(AuditError, match="name a folder whose parent exists"):
            await kit.guard.start()
    else:
        async with kit:
            await kit.connect("/ws")
        assert "the audit goes to the log alone" in caplog.text


def test_evidence_that_is_required_needs_a_folder() -> None:
    """The logger alone proves nothing."""
    with pytest.raises(ConfigurationError, match="WSSEC_AUDIT"):
        chat_kit(audit_is_required=True)
