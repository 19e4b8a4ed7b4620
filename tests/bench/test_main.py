"""The command: a suite that fails, and one that is interrupted."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bench import __main__ as command
from bench.bars import ALL, Bar
from bench.load.driver import LoadFailed
from bench.results import Figure, Outcome
from tests.docs.pages import ROOT

BARS = [Bar("P0.x", "a figure", 1.0), Bar("P0.y", "another", 1.0)]


def failing(rounds: int) -> Outcome:
    """A suite that means nothing."""
    raise LoadFailed("one was lost")


def test_suite_that_fails_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """None of its bars holds, and the reason is told with each."""
    working = Outcome([Figure(Bar("P0.z", "a third", 1.0), 2.0, "")], {"z": 1})
    monkeypatch.setattr(command, "SUITES", {"one": (failing, BARS), "two": (lambda rounds: working, [])})
    figures, tables = command.measured(["one", "two"], 1)

    assert [(None, "one was lost"), (None, "one was lost"), (2.0, "")] == [(each.figure, each.note) for each in figures]
    assert {"z": 1} == tables


def test_suites_measure_every_bar() -> None:
    """None is forgotten."""

    assert {bar.id for bar in ALL} == {bar.id for _, its in command.SUITES.values() for bar in its}


def test_interrupted_run_leaves_nothing_running() -> None:
    """The servers and the clients are gone with it."""
    bench = subprocess.Popen(
        [sys.executable, "-m", "bench", "flood", "--rounds", "1000", "--uncompiled"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert bench.stdout is not None
    while not (line := bench.stdout.readline()).startswith("  round"):
        assert line, (bench.wait(), bench.communicate()[1])
    children = Path(f"/proc/{bench.pid}/task/{bench.pid}/children")
    started = [int(pid) for pid in children.read_text().split()] if children.exists() else []
    bench.send_signal(signal.SIGINT)
    _, errors = bench.communicate(timeout=60)

    last = errors.splitlines()[-1]  # behind what was set up, where this is the first to need it
    assert (1, "Interrupted; nothing was written, and nothing is left running.") == (bench.returncode, last)
    assert [] == [pid for pid in started if is_running(pid)]


def is_running(pid: int) -> bool:
    """Whether there is such a process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
