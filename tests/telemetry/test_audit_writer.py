"""The thread that puts the audit's lines on the disk."""

import errno
import json
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.telemetry.kit import AT, writer_of, written
from tornado_wssec.errors import AuditError
from tornado_wssec.settings import Limits
from tornado_wssec.telemetry.audit import record_of
from tornado_wssec.telemetry.audit_file import made_folder
from tornado_wssec.telemetry.audit_reading import events
from tornado_wssec.telemetry.audit_verdict import judged
from tornado_wssec.telemetry.audit_writer import AuditWriter


def put(writer: AuditWriter, count: int, name: str = "tests.event") -> None:
    """Record so many events."""
    for number in range(count):
        writer.put(record_of(name, AT, {"number": number}))


def names(folder: Path) -> list[str]:
    """What has been recorded, in order."""
    return [event["event"] for event in events(folder)]


class Disk:
    """A disk that refuses when it is told to.

    Args:
        takes: bytes of each write that it takes before it refuses.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, takes: int = 0) -> None:
        self.is_full = False
        self.refused = threading.Event()
        self._write: Callable[..., int] = os.write
        self._takes = takes
        monkeypatch.setattr("tornado_wssec.telemetry.audit_file.os.write", self.write)

    def write(self, descriptor: int, data: Any) -> int:
        """As `os.write`."""
        if not self.is_full:
            return self._write(descriptor, data)
        if self._takes and len(data) > self._takes:
            return self._write(descriptor, data[: self._takes])
        self.refused.set()
        raise OSError(errno.ENOSPC, "No space left on device")

    def truncate(self, descriptor: int, size: int) -> None:
        """Refuse what would have undone the write."""
        raise OSError(errno.EIO, "Input/output error")


def test_writer_writes_everything(tmp_path: Path) -> None:
    """In order, between a first and a last line, in a file that is its owner's alone."""
    writer = writer_of(tmp_path, pid=99)
    put(writer, 1_000)
    writer.close(5)

    (path,) = tmp_path.iterdir()
    assert ["audit.began", *["tests.event"] * 1_000, "audit.ended"] == names(tmp_path)
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    assert 99 == json.loads(path.read_bytes().splitlines()[0])["pid"]
    assert list(range(1_000)) == [event["number"] for event in events(tmp_path) if "number" in event]


def test_writer_says_whom_it_has_seen(tmp_path: Path) -> None:
    """The head of each other chain is in the first lines."""
    writer_of(tmp_path, 1).close(5)
    writer_of(tmp_path, 2).close(5)

    saw = [event for event in events(tmp_path) if event["event"] == "audit.saw"]
    assert [(2, 64)] == [(event["other_seq"], len(event["other_hash"])) for event in saw]


@pytest.mark.parametrize("takes", [0, 20])
def test_l07_disk_full(takes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the disk refuses is kept in order, what does not fit is counted, and no line is torn or lost unsaid."""
    disk = Disk(monkeypatch, takes)
    writer = writer_of(tmp_path, limits=Limits(audit_queue=100))
    put(writer, 10)
    disk.is_full = True
    put(writer, 50)
    assert disk.refused.wait(10)
    put(writer, 200)
    disk.is_full = False
    writer.close(10)

    kept = sum(name == "tests.event" for name in names(tmp_path))
    lost = [event["count"] for event in events(tmp_path) if event["event"] == "audit.dropped"]
    assert (260, writer.dropped) == (kept + sum(lost), sum(lost))
    assert writer.dropped >= 260 - 10 - 50 - 100
    assert [("ended", [])] == [(verdict.state, verdict.faults) for verdict in judged(tmp_path)]


def test_l07_disk_that_cannot_take_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where not even the torn rest can be removed, the next file says what stands there."""
    disk = Disk(monkeypatch, takes=20)
    monkeypatch.setattr("tornado_wssec.telemetry.audit_file.os.ftruncate", disk.truncate)
    writer = writer_of(tmp_path)
    disk.is_full = True
    put(writer, 1)
    assert disk.refused.wait(10)
    disk.is_full = False
    writer.close(10)

    (verdict,) = judged(tmp_path)
    assert ("ended", []) == (verdict.state, verdict.faults)
    assert ["audit.began", "audit.recovered", "tests.event", "audit.ended"] == names(tmp_path)


def test_folder_has_room_for_so_much(tmp_path: Path) -> None:
    """The oldest files go when there are too many bytes, the chain says which, and nobody misses them."""
    old = written(tmp_path, "old", 50, piece_bytes=2_000)
    limits = Limits(audit_piece_bytes=2_000, audit_folder_bytes=8_000)
    for pid in range(3):
        writer = writer_of(tmp_path, pid, limits)
        put(writer, 20)
        writer.close(10)

    gone = [path for path in old if not path.exists()]
    removed = [event for event in events(tmp_path) if event["event"] == "audit.removed"]
    assert [] != gone
    assert len(gone) <= len(removed)
    assert [] == [fault for verdict in judged(tmp_path) for fault in verdict.faults]


def test_folder_that_others_may_write_in(tmp_path: Path) -> None:
    """It is made for its owner alone, and refused where it is open."""
    folder = made_folder(tmp_path / "audit")

    assert 0o700 == stat.S_IMODE(folder.stat().st_mode)
    folder.chmod(0o777)
    with pytest.raises(AuditError, match="others may write in it"):
        made_folder(folder)
    (tmp_path / "file").touch()
    with pytest.raises(AuditError, match="is no folder"):
        made_folder(tmp_path / "file")
    with pytest.raises(AuditError, match="No such file"):
        made_folder(tmp_path / "absent" / "audit")
