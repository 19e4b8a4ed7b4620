"""Processes of a run: each has a log of its own, is told once to end, and is waited for."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, Final

PATIENCE_SECONDS: Final = 40.0
"""A little more than a server may take to drain."""


class Ended(KeyboardInterrupt):
    """Somebody wants it to end. An event loop lets nothing else pass out of whatever it is doing."""


class CannotRun(Exception):
    """Something is missing, or a program does not start; the message says what, and the remedy."""


@contextlib.contextmanager
def running(
    command: Sequence[str], log: Path, *, env: Mapping[str, str] | None = None, **options: Any
) -> Iterator["subprocess.Popen[str]"]:
    """Run a program until the block ends. Ctrl-C is for us alone: it is told by SIGTERM.

    Args:
        log: what it says on standard error.
        options: of `subprocess.Popen`.
    """
    with log.open("w") as file:
        given = {"stdin": subprocess.DEVNULL, "stderr": file, "text": True, "start_new_session": True, **options}
        process = subprocess.Popen(command, env=env, **given)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.communicate(timeout=PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def await_port(process: "subprocess.Popen[str]", name: str, port: int, *logs: Path) -> None:
    """Wait until a program that says nothing listens on loopback.

    Raises:
        CannotRun: it has ended, or does not listen.
    """
    until = time.monotonic() + PATIENCE_SECONDS
    while process.poll() is None and time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.02)
    said = "".join(log.read_text() for log in logs if log.exists())
    raise CannotRun(f"{name} does not listen on port {port}:\n{said}")


def free_port(wanted: Sequence[int] = ()) -> int:
    """The first of the wanted ports that nobody has, or any."""
    for port in (*wanted, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            found: int = probe.getsockname()[1]
            return found
    raise CannotRun("no port of this machine is free")


def end_on_signals() -> None:
    """From now on Ctrl-C and SIGTERM raise Ended, once: it is ending then."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)


def _end(number: int, frame: FrameType | None) -> None:
    for again in (signal.SIGINT, signal.SIGTERM):
        signal.signal(again, signal.SIG_IGN)
    os.write(1, b"\nEnding.\n")
    raise Ended
