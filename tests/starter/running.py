"""The starter as a person has it: written by `wssec init --starter`, run as a process of its own."""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.ports import free_port

ROOT: Final = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS: Final = 30.0


@dataclass(frozen=True)
class Chat:
    """A running chat.

    Args:
        folder: where `wssec init` wrote it.
        port: where it listens on loopback.
        env: what a command on the same machine would have.
    """

    folder: Path
    port: int
    env: dict[str, str]

    @property
    def url(self) -> str:
        """Where its page is."""
        return f"http://127.0.0.1:{self.port}"

    def wssec(self, *arguments: str) -> str:
        """Run a command in a process of its own; return what it printed."""
        return run(sys.executable, "-m", "tornado_wssec", *arguments, env=self.env)


def run(*command: str, env: dict[str, str], cwd: Path | None = None) -> str:
    """Run a program that must succeed; return what it printed."""
    ended = subprocess.run(command, env=env, cwd=cwd, check=False, capture_output=True, text=True)
    assert 0 == ended.returncode, ended.stdout + ended.stderr
    return ended.stdout.strip()


def bare_environment() -> dict[str, str]:
    """The environment without settings of whoever runs the tests; our package is found in this tree."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith(("WSSEC_", "CHAT_"))}
    return {**mine, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}


def read_settings(folder: Path) -> dict[str, str]:
    """The variables of the folder's wssec.env."""
    words = shlex.split((folder / "wssec.env").read_text(), comments=True)
    return dict(word.split("=", 1) for word in words)


def port_said_by(server: "subprocess.Popen[str]") -> int:
    """The port in the first line that a starting server prints."""
    line = server.stdout.readline() if server.stdout else ""
    if "listening on" not in line:
        server.kill()
        raise AssertionError(f"the server did not start: {server.communicate()}")
    return int(line.partition("127.0.0.1:")[2].partition("/")[0])


@contextmanager
def served(folder: Path, **variables: str) -> Iterator[Chat]:
    """Write the starter into `folder` and run it on a free port; `variables` are added to its environment."""
    bare = bare_environment()
    run(sys.executable, "-m", "tornado_wssec", "init", str(folder), "--starter", env=bare)
    with serving(folder, **variables) as chat:
        yield chat


@contextmanager
def serving(folder: Path, **variables: str) -> Iterator[Chat]:
    """Run the starter that stands in `folder`."""
    port = free_port()
    env = {**bare_environment(), "PORT": str(port), "WSSEC_ORIGINS": f"http://127.0.0.1:{port}", **variables}
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "app.py"], cwd=folder, env=env, stdout=subprocess.PIPE, stderr=log, text=True
        )
        try:
            yield Chat(
                folder, port_said_by(server), {**env, **read_settings(folder), "WSSEC_ORIGINS": env["WSSEC_ORIGINS"]}
            )
        finally:
            server.terminate()
            server.communicate(timeout=PATIENCE_SECONDS)


@dataclass(frozen=True)
class Serving:
    """`examples --serve` at work.

    Args:
        program: its process.
        chat: what it serves.
        line: what it prints to end Ann's access.
    """

    program: "subprocess.Popen[str]"
    chat: Chat
    line: str

    def revoke_ann(self) -> None:
        """Run the printed line as it stands, in a shell of its own."""
        run("sh", "-c", self.line, env={**bare_environment(), "PYTHONPATH": ""})


@contextmanager
def kept_up(folder: Path) -> Iterator[Serving]:
    """Run `examples --serve` on a free port, with its deployment below `folder`."""
    env = {**bare_environment(), "PORT": str(free_port()), "TMPDIR": str(folder)}
    command = [sys.executable, "-m", "examples.serve"]
    program = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        said = _said_by(program)
        (line,) = [line for line in said if "revoke" in line]
        yield Serving(program, Chat(folder, int(env["PORT"]), {}), line)
    finally:
        program.terminate()
        program.communicate(timeout=PATIENCE_SECONDS)


def _said_by(program: "subprocess.Popen[str]") -> list[str]:
    """The lines that it prints until it waits."""
    said: list[str] = []
    for line in program.stdout or ():
        said.append(line)
        if line.startswith("Ctrl-C"):
            return said
    raise AssertionError(f"it ended: {said}")
