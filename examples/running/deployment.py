"""The processes of one example: as many servers as wanted, and what stands before and behind them."""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from . import edge, redis
from .folder import own_folder
from .processes import CannotRun, free_port, running
from .stage import Stage

USUAL_PORTS: Final = (8888, 8889, 8890)
EDGE_PORTS: Final = (8443, 8444, 8445)
MINE: Final = ("WSSEC_", "EXAMPLE_", "PORT")
WSSEC: Final = (sys.executable, "-m", "tornado_wssec")


@contextmanager
def deployed(name: str, *, port: int | None = None, nodes: int = 1, on_redis: bool = False) -> Iterator[Stage]:
    """Run an example in a folder of its own, which goes with it.

    Args:
        name: of the folder below `examples/`.
        port: of the page.
        nodes: servers; more than one stand behind nginx, with TLS.
        on_redis: whether Redis is the store; else SQLite.

    Raises:
        CannotRun: something is missing, or does not start.
    """
    if nodes > 1:
        edge.find_program()  # before anything is begun
    with ExitStack() as stack:
        folder = stack.enter_context(own_folder(name))
        store = stack.enter_context(redis.redis(folder)) if on_redis else None
        public = port or free_port(EDGE_PORTS if nodes > 1 else USUAL_PORTS)
        env = furnish(folder / name, store, _settings(public, is_behind_edge=nodes > 1))
        if nodes == 1:
            _, log = stack.enter_context(_server(name, 1, folder, {**env, "PORT": str(public)}))
            yield Stage(f"http://127.0.0.1:{public}", env, logs=(log,))
            return
        servers = [stack.enter_context(_server(name, number + 1, folder, env)) for number in range(nodes)]
        place = folder / "nginx"
        place.mkdir()
        certificate = stack.enter_context(edge.edge(place, public, [at for at, _ in servers]))
        yield Stage(f"https://127.0.0.1:{public}", env, certificate, tuple(log for _, log in servers))


def furnish(folder: Path, store: str | None, settings: dict[str, str]) -> dict[str, str]:
    """Make keys and a store by `wssec init`; return the environment of whoever works on them.

    The file `wssec.env` in the folder holds the same settings, for a shell.
    """
    bare = {name: value for name, value in os.environ.items() if not name.startswith(MINE)}
    bare["PYTHONPATH"] = os.getcwd()
    _wssec("init", str(folder), env=bare)
    file = folder / "wssec.env"
    words = shlex.split(file.read_text(), comments=True)
    made = {**dict(word.split("=", 1) for word in words), **settings, "EXAMPLE_DATA": str(folder)}
    if store is not None:
        made["WSSEC_STORE"] = store
        _wssec("store", "migrate", "--yes", env={**bare, **made})
    file.write_text("".join(f"{name}={shlex.quote(value)}\n" for name, value in made.items()))
    return {**bare, **made, "PYTHONUNBUFFERED": "1"}


def _settings(port: int, *, is_behind_edge: bool) -> dict[str, str]:
    scheme = "https" if is_behind_edge else "http"
    pages = ",".join(f"{scheme}://{host}:{port}" for host in ("127.0.0.1", "localhost"))
    trusted = {"WSSEC_TRUSTED_PROXIES": edge.FROM} if is_behind_edge else {}
    return {"WSSEC_ORIGINS": pages, "EXAMPLE_SIGN_IN": "1", "PORT": "0", **trusted}


@contextmanager
def _server(name: str, number: int, folder: Path, env: dict[str, str]) -> Iterator[tuple[int, Path]]:
    """One server; gives its port and its log."""
    log = folder / f"server-{number}.log"
    command = [sys.executable, "-m", f"examples.{name}.app"]
    with running(command, log, env=env, stdout=subprocess.PIPE) as process:
        line = process.stdout.readline() if process.stdout else ""
        if "listening on" not in line:
            process.wait()
            raise CannotRun(f"the server of {name} does not start: {line}{log.read_text()}".strip())
        yield int(line.partition("127.0.0.1:")[2].split()[0].partition("/")[0]), log


def _wssec(*arguments: str, env: dict[str, str]) -> None:
    ended = subprocess.run([*WSSEC, *arguments], env=env, check=False, capture_output=True, text=True)
    if ended.returncode:
        raise CannotRun(f"wssec {' '.join(arguments)} exited with {ended.returncode}: {ended.stderr.strip()}")
