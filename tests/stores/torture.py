"""A program that kills a writer at every system call it makes, and looks at what is left.

    python -m tests.stores.torture append|put|drop|migrate DIRECTORY

For n = 0, 1, 2 … a child starts the operation and is killed (SIGKILL, by ptrace) at its n-th stop at
the edge of a system call: before it is done or after. Then the store is opened as the next process
would, and judged. It ends when a child finishes. Prints one JSON object; exit code 3 means that this
machine lets nobody trace. Linux only.
"""

import ctypes
import json
import os
import signal
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Final

from tornado_wssec.errors import StoreMissing
from tornado_wssec.policy.credential_records import RecordKind
from tornado_wssec.policy.revocation_entries import Kind, Revocation
from tornado_wssec.stores.sqlite_file import SqliteFile
from tornado_wssec.stores.sqlite_records import Records
from tornado_wssec.stores.sqlite_schema import TRUTH
from tornado_wssec.stores.sqlite_truth import Truth

PTRACE_TRACEME: Final = 0
PTRACE_SYSCALL: Final = 24
CANNOT_TRACE: Final = 3
NOW: Final = 1_700_000_000.0

libc = ctypes.CDLL(None, use_errno=True)


def truth_at(path: Path) -> Truth:
    """The store's truth, as a process that has just started opens it."""
    file = SqliteFile(path, TRUTH)
    file.deadline = time.monotonic() + 60
    return Truth(file)


def trace(request: int, pid: int) -> None:
    """ptrace(2), or the end of this program."""
    if libc.ptrace(request, pid, None, None) == -1:
        sys.exit(CANNOT_TRACE)


def killed_at(stop: int, work: Callable[[], None]) -> tuple[bool, bool]:
    """Do `work` in a child and kill it at its n-th stop: (it finished, it had acknowledged)."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        trace(PTRACE_TRACEME, 0)
        os.kill(os.getpid(), signal.SIGSTOP)
        work()
        os.write(writer, b"!")
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as acknowledgement:
        has_finished = not _run_to(stop, child)
        return has_finished, acknowledgement.read() == b"!"


def _run_to(stop: int, child: int) -> bool:
    """Let the child run to its n-th stop and kill it there; False when it ended before."""
    _, status = os.waitpid(child, 0)
    if not os.WIFSTOPPED(status):
        sys.exit(CANNOT_TRACE)
    for _ in range(stop):
        trace(PTRACE_SYSCALL, child)
        _, status = os.waitpid(child, 0)
        if not os.WIFSTOPPED(status):
            assert os.waitstatus_to_exitcode(status) == 0, status
            return False
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return True


def judge(path: Path) -> list[str]:
    """The ids in the log, of a file that is sound."""
    truth = truth_at(path)
    with closing(truth.file):
        truth.ensure_made()
        ids = [entry.body.id for entry in truth.read_after(None, 10_000)]
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    return ids


def append(directory: Path) -> dict[str, int]:
    """Kill an append at every step. What is there afterwards is the old log or the new one."""
    return _changed(directory, _append, judge, [["old"], ["old", "new"]])


def put(directory: Path) -> dict[str, int]:
    """Kill the keeping of a record at every step. Afterwards there is the old one alone, or both."""
    return _changed(directory, _put, _records_at, [["old"], ["new", "old"]])


def drop(directory: Path) -> dict[str, int]:
    """Kill the dropping of a record at every step. Afterwards there is the one, or none."""
    return _changed(directory, _drop, _records_at, [["old"], []])


def _changed(
    directory: Path, change: Callable[[Path, str], None], look: Callable[[Path], list[str]], states: list[list[str]]
) -> dict[str, int]:
    """Kill a change at every step; what is found afterwards must be the first state or the second."""
    path = directory / "store.db"
    pristine = _pristine(path)
    outcomes = {"old": 0, "new": 0, "stops": 0}
    is_finished = False
    while not is_finished:
        # Each time from the same state: what a kill leaves behind changes the steps of the next.
        for name, content in pristine.items():
            (directory / name).write_bytes(content)
        is_finished, is_acknowledged = killed_at(outcomes["stops"], partial(change, path, "new"))
        found = look(path)
        assert found in states, found
        assert found == states[1] or not is_acknowledged, "it was acknowledged and is lost"
        outcomes["new" if found == states[1] else "old"] += 1
        outcomes["stops"] += 1
    return outcomes


def _pristine(path: Path) -> dict[str, bytes]:
    """The files of a store with one entry and one record, as its last process left them."""
    _migrate(path)
    _append(path, "old")
    _put(path, "old")
    return {file.name: file.read_bytes() for file in path.parent.iterdir()}


def _append(path: Path, id: str) -> None:
    # A reason of several pages, so that one entry is many writes.
    entry = Revocation(id=id, kind=Kind.TOKEN, value=id, at=NOW, effective_at=NOW, reason="\x01" * 1000)
    truth = truth_at(path)
    with closing(truth.file):
        truth.append(entry)


def _records_at(path: Path) -> list[str]:
    """The names of the records in a file that is sound."""
    judge(path)
    truth = truth_at(path)
    with closing(truth.file):
        return [record.name for record in Records(truth.file).listed(RecordKind.API_KEY, NOW, "", 10)]


def _put(path: Path, name: str) -> None:
    # Several pages, so that one record is many writes.
    truth = truth_at(path)
    with closing(truth.file):
        Records(truth.file).put(RecordKind.API_KEY, name, "x" * 10_000, None, NOW)


def _drop(path: Path, _: str) -> None:
    truth = truth_at(path)
    with closing(truth.file):
        Records(truth.file).drop(RecordKind.API_KEY, "old")


def migrate(directory: Path) -> dict[str, int]:
    """Kill the making of a store at every step. Afterwards there is none, or a whole one; a second try makes it."""
    outcomes = {"old": 0, "new": 0, "stops": 0}
    is_finished = False
    while not is_finished:
        path = directory / f"{outcomes['stops']}.db"
        is_finished, is_acknowledged = killed_at(outcomes["stops"], partial(_migrate, path))
        try:
            judge(path)
            outcomes["new"] += 1
        except StoreMissing:
            assert not is_acknowledged
            outcomes["old"] += 1
        _migrate(path)
        assert judge(path) == []
        assert path.stat().st_mode & 0o777 == 0o600
        outcomes["stops"] += 1
    return outcomes


def _migrate(path: Path) -> None:
    truth = truth_at(path)
    with closing(truth.file):
        truth.migrate(NOW)


if __name__ == "__main__":
    operations = {"append": append, "put": put, "drop": drop, "migrate": migrate}
    json.dump(operations[sys.argv[1]](Path(sys.argv[2])), sys.stdout)
