"""A program that kills a writer at every system call it makes, and looks at what is left.

    python -m tests.stores.torture append|migrate DIRECTORY

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
from tornado_wssec.policy.revocation_entries import Kind, Revocation
from tornado_wssec.stores.sqlite_file import SqliteFile
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
    path = directory / "store.db"
    pristine = _pristine(path)
    outcomes = {"old": 0, "new": 0, "stops": 0}
    is_finished = False
    while not is_finished:
        # Each time from the same state: what a kill leaves behind changes the steps of the next.
        for name, content in pristine.items():
            (directory / name).write_bytes(content)
        is_finished, is_acknowledged = killed_at(outcomes["stops"], partial(_append, path, "new"))
        found = judge(path)
        assert found in (["old"], ["old", "new"]), found
        assert "new" in found or not is_acknowledged, "it was acknowledged and is lost"
        outcomes[found[-1]] += 1
        outcomes["stops"] += 1
    return outcomes


def _pristine(path: Path) -> dict[str, bytes]:
    """The files of a store with one entry, as its last process left them."""
    _migrate(path)
    _append(path, "old")
    return {file.name: file.read_bytes() for file in path.parent.iterdir()}


def _append(path: Path, id: str) -> None:
    # A reason of several pages, so that one entry is many writes.
    entry = Revocation(id=id, kind=Kind.TOKEN, value=id, at=NOW, effective_at=NOW, reason="\x01" * 1000)
    truth = truth_at(path)
    with closing(truth.file):
        truth.append(entry)


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
    json.dump({"append": append, "migrate": migrate}[sys.argv[1]](Path(sys.argv[2])), sys.stdout)
