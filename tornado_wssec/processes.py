"""Several processes that serve one port: the first one starts the others, and starts them anew when they end.

Rules of this file:
1. Nothing is forked: event loops, locks and the threads of a store do not survive it. Each process runs the whole
   program from its beginning, with what it then opens for itself.
2. A process that has lost the first one drains: nobody would start it anew, and nobody could stop it.
3. A port is shared within one program alone; another one on it is an error, as ever.
"""

import asyncio
import logging
import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tornado.netutil import bind_sockets

from .errors import ConfigurationError, Problem
from .stores.base import Store
from .stores.memory import MemoryStore
from .supervision import forget_manager

logger = logging.getLogger(__name__)

MARKER: Final = "TORNADO_WSSEC_PROCESS"
"""The variable that tells a process which one it is: `for:…` as it is started, `of:…` once it knows."""
_STARTED: Final = re.compile(r"for:(\d+):(\d+):(\d+):(\d+)").fullmatch
FIRST_PAUSE_SECONDS: Final = 0.5
LONGEST_PAUSE_SECONDS: Final = 30.0
HEALTHY_SECONDS: Final = 60.0
"""A process that lived so long did not end of how it starts: the next one comes at once."""
SPARE_SECONDS: Final = 3.0
"""Beyond its drain, for a process to end: what the program itself does at its end."""


def sharing(processes: int, port: int, address: str, store: Store) -> "First | Follower":
    """How this process takes part in serving a port.

    Args:
        processes: in all, this one among them.
        port: 0 takes a free one.
        address: where to bind.
        store: the one that this process uses.

    Raises:
        ConfigurationError: it cannot be shared; says why and the remedy.
        OSError: another program has the port.
    """
    if problems := _problems(processes, store):
        raise ConfigurationError(problems)
    marker = os.environ.get(MARKER, "")
    if marker == f"of:{os.getpid()}":
        raise _refused("this program shares a port already", "listen on the other one with processes=1, in process 0")
    if (started := _STARTED(marker)) is None:  # also where a program that shares a port has started another
        _ensure_free(port, address)
        return First(processes, port)
    parent, number, shared_port, lifeline = map(int, started.groups())
    if parent != os.getppid():
        raise _refused(f"{MARKER} is of a process that has ended", f"unset {MARKER} where this was not started by it")
    if port not in (0, shared_port):
        raise _refused(f"this process was started to serve {shared_port}, not {port}", "share one port a program")
    return Follower(number, shared_port, lifeline)


def _problems(processes: int, store: Store) -> list[Problem]:
    where = f"listen(processes={processes!r})"
    if not isinstance(processes, int) or processes < 1:
        return [Problem(where, "is no number of processes", "write 1 or more")]
    problems = []
    if sys.platform != "linux":
        remedy = "give each process a port of its own, behind a proxy"
        problems.append(Problem(where, f"{sys.platform} does not spread connections over processes", remedy))
    if isinstance(store, MemoryStore):
        remedy = "set WSSEC_STORE to sqlite:///… or redis://…"
        problems.append(Problem(where, "each process would have a store of its own in its memory", remedy))
    if not _command():
        remedy = "write the program into a file and run that"
        problems.append(Problem(where, "there is no program to start again: it came from a prompt or -c", remedy))
    return problems


def _refused(fault: str, remedy: str) -> ConfigurationError:
    return ConfigurationError([Problem("listen(processes=…)", fault, remedy)])


def _command() -> Sequence[str]:
    """What starts this program again; empty where there is none."""
    path = getattr(sys.modules.get("__main__"), "__file__", None)
    is_file = path is not None and Path(path).exists()
    return [sys.executable, *sys.orig_argv[1:]] if is_file and sys.executable and sys.orig_argv else []


def _ensure_free(port: int, address: str) -> None:
    """Bind without sharing, and let go: else a second start of the program would be served half of everybody."""
    if port:
        for bound in bind_sockets(port, address):
            bound.close()


@dataclass(slots=True)
class _Seat:
    """One of the other processes, whichever runs."""

    number: int
    process: subprocess.Popen[bytes] | None = None
    began: float = 0.0
    pause: float = 0.0
    due: float = 0.0

    def vacate(self, how: str, now: float) -> None:
        """Say when the next one starts: the sooner the last ones ended, the later."""
        is_healthy = now - self.began >= HEALTHY_SECONDS
        self.pause = 0.0 if is_healthy else min(LONGEST_PAUSE_SECONDS, 2 * self.pause or FIRST_PAUSE_SECONDS)
        self.process, self.due = None, now + self.pause
        logger.error("process %d %s; it is started again in %g s", self.number, how, self.pause)


class First:
    """The process that was started by somebody else, and starts the others.

    Args:
        processes: in all.
        port: as it was asked for.
    """

    number: Final = 0

    def __init__(self, processes: int, port: int) -> None:
        self.port = port
        self._seats = [_Seat(number) for number in range(1, processes)]
        self._command = _command()
        self._lifeline: tuple[int, int] | None = None
        self._stopped_at = 0.0

    def begin(self, port: int) -> None:
        """Start the others, as soon as somebody looks; `port` is the one that is bound."""
        self.port = port
        self._lifeline = os.pipe()
        os.environ[MARKER] = f"of:{os.getpid()}"

    def look(self, now: float) -> None:
        """Start who is not there; `now` in monotonic seconds."""
        if self._lifeline is None:
            return
        for seat in self._seats:
            if seat.process is not None and (status := seat.process.poll()) is not None:
                seat.vacate(f"(pid {seat.process.pid}) has ended with {_told(status)}", now)
            if seat.process is None and now >= seat.due:
                self._start(seat, self._lifeline[0], now)

    def _start(self, seat: _Seat, lifeline: int, now: float) -> None:
        marker = f"for:{os.getpid()}:{seat.number}:{self.port}:{lifeline}"
        seat.began = now
        try:
            seat.process = subprocess.Popen(  # noqa: S603  # the program that runs, and nothing that anybody sent
                self._command,
                env=_environment(marker),
                stdin=subprocess.DEVNULL,
                pass_fds=[lifeline],
                process_group=0,  # a Ctrl-C is for the first one, who tells the others once
            )
        except OSError as error:
            seat.vacate(f"cannot be started: {error.strerror}", now)
        else:
            logger.info("process %d is pid %d", seat.number, seat.process.pid)

    def stop(self) -> None:
        """Tell the others to drain: their end of the pipe ends."""
        if self._lifeline is not None:
            for end in self._lifeline:
                os.close(end)
            self._lifeline = None
            self._stopped_at = asyncio.get_running_loop().time()

    def hurry(self) -> None:
        """Tell the others that nobody is waited for."""
        for seat in self._seats:
            if seat.process is not None:
                seat.process.terminate()

    async def ended(self, patience: float) -> None:
        """Return when the others have ended; who takes longer than `patience` seconds from `stop` on is killed."""
        loop, until = asyncio.get_running_loop(), self._stopped_at + patience + SPARE_SECONDS
        for process in [seat.process for seat in self._seats if seat.process is not None]:
            try:
                await asyncio.to_thread(process.wait, max(0.0, until - loop.time()))
            except subprocess.TimeoutExpired:
                logger.error("pid %d has not ended %g s after its drain; it is killed", process.pid, SPARE_SECONDS)
                process.kill()
                process.wait()
        os.environ.pop(MARKER, None)


def _environment(marker: str) -> dict[str, str]:
    """Of a process that is started: the manager of ours hears of all of them by the first."""
    environment = {**os.environ, MARKER: marker}
    forget_manager(environment)
    return environment


def _told(status: int) -> str:
    return f"status {status}" if status >= 0 else signal.Signals(-status).name


class Follower:
    """A process that the first one has started.

    Args:
        number: from 1 on.
        port: the one that is shared.
        lifeline: the descriptor of a pipe that ends with the first process, or with its wish.
    """

    def __init__(self, number: int, port: int, lifeline: int) -> None:
        self.number = number
        self.port = port
        self._lifeline: int | None = lifeline
        os.set_inheritable(lifeline, False)

    def begin(self, port: int) -> None:
        """Drain when the first one does, or has gone."""
        os.environ[MARKER] = f"of:{os.getpid()}"
        if self._lifeline is not None:
            asyncio.get_running_loop().add_reader(self._lifeline, self._lose)

    def _lose(self) -> None:
        self.stop()
        logger.info("process %d: the first process drains, or has gone", self.number)
        os.kill(os.getpid(), signal.SIGTERM)  # whatever the program does at one, also where it waits for its own

    def look(self, now: float) -> None:
        """Nothing: nobody depends on this process."""

    def stop(self) -> None:
        """Listen to the first one no more: this process ends anyway."""
        if self._lifeline is not None:
            asyncio.get_running_loop().remove_reader(self._lifeline)
            os.close(self._lifeline)
            self._lifeline = None

    def hurry(self) -> None:
        """Nothing: nobody depends on this process."""

    async def ended(self, patience: float) -> None:
        """At once: nobody is waited for."""
