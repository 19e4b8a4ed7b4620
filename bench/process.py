"""A server under measurement: a process of its own, asked over its standard input what it has spent.

It answers each line it reads with one line of JSON. The first thing it prints is its port. It ends with its
standard input, so that nothing is left running whatever happens to us.
"""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Final, Self

from tornado_wssec.accepting import DESCRIPTORS_SHARE

_CORES: Final = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_setaffinity") else [0]
SERVER_CORE: Final = _CORES[0]
CLIENT_CORE: Final = _CORES[-1]
SPARE_DESCRIPTORS: Final = 100
PATIENCE_SECONDS: Final = 10.0


class ServerProcess:
    """Runs a module as a server.

    Args:
        module: what `python -m` runs, or another program its source.
        arguments: its arguments.
        program: what runs it; None: this Python.
        environment: variables for it, beside ours.
        core: where it runs.
    """

    def __init__(
        self,
        module: str,
        *arguments: str,
        program: Sequence[str] | None = None,
        environment: Mapping[str, str] | None = None,
        core: int = SERVER_CORE,
    ) -> None:
        command = [*(program or (sys.executable, "-m")), module, *arguments]
        self._process = started(command, core, environment)
        try:
            self.port: int = self._read()["port"]
        except BaseException:
            self.__exit__(None, None, None)
            raise

    def ask(self, *words: str) -> Any:
        """Send one line and return the answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(" ".join(words) + "\n")
        self._process.stdin.flush()
        return self._read()

    def cpu_seconds(self) -> float:
        """CPU time that all threads of the server have used so far."""
        return float(self.ask("cpu"))

    def resident_bytes(self) -> int:
        """Memory that it has now."""
        return int(self.ask("resident"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        try:
            self._process.communicate(timeout=PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()

    def _read(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the server ended with {self._process.wait()}; its errors stand above")
        return json.loads(line)


def most_connections(wanted: int) -> int:
    """So many connections, or as many as a process may have here: ours turns away who comes when most are in use."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return wanted if most == resource.RLIM_INFINITY else min(wanted, int(most * DESCRIPTORS_SHARE) - SPARE_DESCRIPTORS)


def started(command: Sequence[str], core: int, environment: Mapping[str, str] | None = None) -> "subprocess.Popen[str]":
    """Start a program on one core, with all threads that it will have. A Ctrl-C for us is not for it."""
    pipe = subprocess.PIPE
    surroundings = {**os.environ, **(environment or {})}
    with pinned(core):
        return subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, start_new_session=True, env=surroundings)


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """Be on one core meanwhile; a child that is born there stays there, and its threads with it."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    pin(0, core)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def pin(pid: int, core: int) -> None:
    """Keep a process on one core, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(pid, {core})
