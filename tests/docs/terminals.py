"""Terminals in which a page's commands run as its reader would type them, in a folder of their own.

`$ ` begins a command, `> ` a line typed to the program that runs, `^C` interrupts it. Every other line is
output: it must appear, in this order, with `…` standing for what differs each time, and alone on its line for
any lines. A command must succeed, unless the page goes on to ask for `echo $?`.
"""

import contextlib
import os
import queue
import re
import signal
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.ports import free_port

from .pages import ROOT, Block

PATIENCE_SECONDS: Final = 30.0
PORT: Final = "8888"
"""The port of the pages; each reading of one takes another that is free."""

ANYTHING: Final = "…"
END: Final = "\x1e"
STAYS: Final = re.compile(r"python (?:app|client)\.py\b").match
"""Programs that go on until they are stopped."""

ROOT_WARNING: Final = "wssec: warning: running as root"


class Desk:
    """A folder, a free port, and a terminal for each caption; everything ends with the block."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "desk"
        self.folder.mkdir()
        self.port = free_port()
        self._environment = environment(folder)
        self._terminals: dict[str, Terminal] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for terminal in self._terminals.values():
            terminal.kill()

    def localised(self, text: str) -> str:
        """The text with our port in the place of the page's."""
        return text.replace(PORT, str(self.port))

    def write(self, name: str, text: str) -> None:
        """Save a file as the reader would in an editor."""
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(self.localised(text), encoding="utf-8")

    def terminal(self, name: str) -> "Terminal":
        """The terminal of that name; it is opened where it is new."""
        if name not in self._terminals:
            self._terminals[name] = Terminal(self.folder, self._environment, self.port)
        return self._terminals[name]

    def follow(self, block: Block) -> None:
        """Do what a block of the page shows, and see that what it shows happens."""
        self.terminal(block.caption).follow(self.localised(block.text).splitlines())


class Terminal:
    """One bash, fed line by line."""

    def __init__(self, folder: Path, environment: dict[str, str], port: int) -> None:
        self._shell = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._port = port
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._running = ""
        self._may_fail = self._is_shown = self._may_skip = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._type("trap : INT")

    def follow(self, lines: list[str]) -> None:
        """Type what is typed and expect what is not."""
        for place, line in enumerate(lines):
            if line.startswith("$ "):
                following = next((later for later in lines[place + 1 :] if later.startswith("$ ")), "")
                self.run(line[2:], may_fail=following == "$ echo $?")
            elif line.startswith("> "):
                self._type(line[2:])
            elif line == "^C":
                self.interrupt()
            elif line:
                self._expect(line)
        self.settle()

    def run(self, command: str, *, may_fail: bool = False) -> None:
        """Type a command, once the one before has ended as it should."""
        self.settle()
        self._type(command)
        if STAYS(command):
            if command == "python app.py":
                self._wait_until_listening()
            return
        self._type(f"__status=$?; printf '\\n{END}%s\\n' $__status; (exit $__status)")
        self._running, self._may_fail = command, may_fail
        self._is_shown = self._may_skip = False

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        os.killpg(self._shell.pid, signal.SIGINT)

    def settle(self) -> None:
        """See that the command before has ended, as it should, and has said no more than the page shows.

        Of a command for which the page shows nothing, whatever it says is skipped.
        """
        command, self._running = self._running, ""
        if not command:
            return
        line = self._next(f"the end of `{command}`")
        while not self._is_shown and not line.startswith(END):
            line = self._next(f"the end of `{command}`")
        assert line.startswith(END), f"`{command}` said more than the page shows: {line}"
        assert self._may_fail or line == f"{END}0", f"`{command}` exited with {line[1:]}"

    def kill(self) -> None:
        """End the shell and all that runs in it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._shell.pid, signal.SIGKILL)
        self._shell.wait()
        self._reader.join()
        for stream in (self._shell.stdin, self._shell.stdout):
            assert stream is not None
            stream.close()

    def _expect(self, wanted: str) -> None:
        self._is_shown = wanted != ANYTHING
        if wanted == ANYTHING:
            self._may_skip = True
            return
        found = self._next(wanted)
        while self._may_skip and not found.startswith(END) and not fits(wanted, found):
            found = self._next(wanted)
        self._may_skip = False
        assert fits(wanted, found), f"the page says\n  {wanted}\nand it was\n  {found}"

    def _type(self, line: str) -> None:
        assert self._shell.stdin is not None
        self._shell.stdin.write(f"{line}\n")
        self._shell.stdin.flush()

    def _read(self) -> None:
        assert self._shell.stdout is not None
        for line in self._shell.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def _next(self, wanted: str) -> str:
        while True:
            try:
                line = self._lines.get(timeout=PATIENCE_SECONDS)
            except queue.Empty:
                raise AssertionError(f"nothing came where the page says: {wanted}") from None
            assert line is not None, f"the terminal ended where the page says: {wanted}"
            if not line.startswith(ROOT_WARNING) and line.strip():
                return line

    def _wait_until_listening(self) -> None:
        for _ in range(600):
            with socket.socket() as probe:
                probe.settimeout(1.0)
                if probe.connect_ex(("127.0.0.1", self._port)) == 0:
                    return
            try:
                self._shell.wait(0.05)
            except subprocess.TimeoutExpired:
                continue
        raise AssertionError(f"nobody listens: {list(self._lines.queue)}")


def fits(wanted: str, found: str) -> bool:
    """Whether a line of output is what the page says, `…` standing for anything."""
    return re.fullmatch(".*".join(map(re.escape, wanted.split("…"))), found) is not None


def environment(folder: Path) -> dict[str, str]:
    """That of a reader who has installed the package: this interpreter, this tree's package, and nothing else of it.

    `pip install` is not let loose on the network: it is checked that it names this package.
    """
    place = folder / "bin"
    place.mkdir()
    _script(place / "python", f'exec {sys.executable} "$@"')
    _script(place / "wssec", f'exec {sys.executable} -P -m tornado_wssec "$@"')
    _script(place / "pip", '[ "$*" = "install tornado_wssec" ]')
    library = folder / "lib"
    library.mkdir()
    (library / "tornado_wssec").symlink_to(ROOT / "tornado_wssec")
    bare = {name: text for name, text in os.environ.items() if not name.startswith(("WSSEC_", "PYTHON", "COV_"))}
    path = os.pathsep.join((str(place), os.environ["PATH"]))
    return {**bare, "PATH": path, "PYTHONPATH": str(library), "PYTHONDONTWRITEBYTECODE": "1", "NO_COLOR": "1"}


def _script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
