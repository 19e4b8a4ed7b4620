"""Folders of audit files for tests."""

from pathlib import Path

from tornado_wssec.settings import Limits
from tornado_wssec.telemetry.audit import record_of
from tornado_wssec.telemetry.audit_chain import Chain
from tornado_wssec.telemetry.audit_file import ChainFile
from tornado_wssec.telemetry.audit_writer import AuditWriter

AT = 1_767_225_600.0


def written(folder: Path, name: str = "one", count: int = 5, *, piece_bytes: int = 1_000_000) -> list[Path]:
    """The files of a chain of so many lines, the last of which is its end."""
    file = ChainFile(folder, Chain(name), 1, piece_bytes)
    for number in range(count - 1):
        file.write([record_of("tests.event", AT + number, {"number": number})], AT)
    file.write([record_of("audit.ended", AT + count, {})], AT)
    file.close()
    return sorted(folder.glob(f"{name}.*.jsonl"))


def writer_of(folder: Path, pid: int = 7, limits: Limits | None = None) -> AuditWriter:
    """A writer on a clock that stands still."""
    return AuditWriter(folder, limits or Limits(), lambda: AT, pid)
