"""`wssec` as a program of its own: signals, pipes, terminals, and what a closed stream does."""

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Terminal
from tests.cli.prepared import PYTHONPATH, command, shell

WSSEC = [sys.executable, "-P", "-m", "tornado_wssec"]


@pytest.fixture
def environment(wssec: Terminal) -> dict[str, str]:
    """That of a process."""
    return {**os.environ, **wssec.environment, "PYTHONPATH": PYTHONPATH}


def run(environment: dict[str, str], *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run it as a program."""
    return subprocess.run(
        [*WSSEC, *arguments], env=environment, capture_output=True, text=True, timeout=60, check=False, **options
    )


def test_module_is_the_command(environment: dict[str, str]) -> None:
    """`python -m tornado_wssec` calls itself wssec."""
    ran = run(environment, "--help")

    assert (0, True) == (ran.returncode, ran.stdout.startswith("Usage: wssec "))


def test_tokens_pass_through_pipes(environment: dict[str, str], tmp_path: Path) -> None:
    """What one command prints another one reads."""
    environment["PATH"] = f"{command(tmp_path)}:{environment['PATH']}"

    ran = shell("wssec token issue --subject u42 | wssec token verify --json", tmp_path, environment)

    assert (0, True) == (ran.returncode, '"valid": true' in ran.stdout)


@pytest.mark.parametrize(
    "command_line", ["keys list", "keys list --json", "revocations export", "revocations list --ids"]
)
def test_broken_pipe_is_silent(environment: dict[str, str], wssec: Terminal, command_line: str) -> None:
    """`wssec … | head -1` ends without a word."""
    wssec.done("revoke", "subject", "u42")
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as pipe:
        ran = subprocess.run(
            [*WSSEC, *command_line.split()],
            env=environment,
            stdout=pipe,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )

    assert ran.returncode == 1
    assert [] == [line for line in ran.stderr.splitlines() if not line.startswith(b"wssec: warning: running as root")]


def test_interrupt_exits_130(environment: dict[str, str], wssec: Terminal) -> None:
    """Ctrl-C at the question: one line, no traceback, the shell's own code, and everything as it was."""
    _, terminal = pty.openpty()
    asking = [*WSSEC, "keys", "retire", "current"]
    with subprocess.Popen(
        asking, env=environment, stdin=terminal, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr is not None
        shown = b""
        while b"Retire the current key" not in shown:
            piece = os.read(process.stderr.fileno(), 4_096)
            assert piece, shown
            shown += piece
        out, err = interrupt(process)

    assert (130, b"") == (process.returncode, out)
    assert err.endswith(b"wssec: interrupted; no file is torn, and `wssec store doctor` tells what is left to do\n")
    assert b"Traceback" not in err
    assert ["current"] == [key["state"] for key in wssec.json("keys", "list")]


def interrupt(process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    """Press Ctrl-C; again where it came just before the read that it should have ended, as a person would."""
    while True:
        process.send_signal(signal.SIGINT)
        try:
            return process.communicate(timeout=2)
        except subprocess.TimeoutExpired:
            continue


def test_terminal_is_asked(environment: dict[str, str], wssec: Terminal) -> None:
    """At a real terminal the question appears, and "n" leaves everything as it was."""
    controller, terminal = pty.openpty()
    os.write(controller, b"n\n")

    ran = run(environment, "keys", "retire", "current", stdin=terminal)

    assert (1, True) == (ran.returncode, "Retire the current key" in ran.stderr)
    assert "nothing was changed" in ran.stderr
    assert ["current"] == [key["state"] for key in wssec.json("keys", "list")]


def test_closed_streams_are_no_traceback(environment: dict[str, str], tmp_path: Path) -> None:
    """A service may start it with nothing open."""
    environment["PATH"] = f"{command(tmp_path)}:{environment['PATH']}"

    for script in ("wssec token inspect <&-", "wssec keys retire current <&-", "wssec keys list >&- 2>&1"):
        ran = shell(script, tmp_path, environment)

        assert "Traceback" not in ran.stdout + ran.stderr, script


@pytest.mark.parametrize(("variables", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_colour_is_for_terminals_that_want_it(
    environment: dict[str, str], variables: dict[str, str], coloured: bool
) -> None:
    """Escapes go to a terminal, unless NO_COLOR is set, and never into a pipe."""
    environment.pop("NO_COLOR", None)
    controller, terminal = pty.openpty()

    subprocess.run([*WSSEC, "keys", "list"], env=environment | variables, stdout=terminal, timeout=60, check=True)
    piped = run(environment | variables, "keys", "list")

    assert (coloured, False) == (b"\x1b[" in os.read(controller, 65_536), "\x1b[" in piped.stdout)
