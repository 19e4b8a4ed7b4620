"""A server under measurement: a process of its own, asked over its standard input what it has spent.

It answers each line it reads with one line of JSON. The first thing it prints is its port.
"""

import json
import os
import subprocess
import sys
from types import TracebackType
from typing import Any, Final, Self

SERVER_CORE: Final = 0
CLIENT_CORE: Final = 1


class ServerProcess:
    """Runs a module as a server.

    Args:
        module: what `python -m` runs.
        arguments: its arguments.
    """

    def __init__(self, module: str, *arguments: str) -> None:
        command = [sys.executable, "-m", module, *arguments]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        pin(self._process.pid, SERVER_CORE)
        self.port: int = self._read()["port"]

    def ask(self, *words: str) -> Any:
        """Send one line and return the answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(" ".join(words) + "\n")
        self._process.stdin.flush()
        return self._read()

    def cpu_seconds(self) -> float:
        """CPU time that all threads of the server have used so far."""
        return float(self.ask("cpu"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.communicate()

    def _read(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the server ended with {self._process.wait()}; its errors stand above")
        return json.loads(line)


def pin(pid: int, core: int) -> None:
    """Keep a process on one core, where there are several and the system can."""
    if hasattr(os, "sched_setaffinity") and core in os.sched_getaffinity(0):
        os.sched_setaffinity(pid, {core})
