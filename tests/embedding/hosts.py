"""The hosts of `examples/embedding/`, each a process of its own."""

import contextlib
import http.client
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.ports import free_port
from tests.starter.running import ROOT, bare_environment, read_settings, run
from tornado_wssec.testing import Client, RawSocket, Response
from tornado_wssec.testing.raw import handshake_headers

PAGE: Final = "https://app.example.com"
JUPYTER_TOKEN: Final = "of-the-notebook"
PATIENCE_SECONDS: Final = 60.0
WAIT_SECONDS: Final = 0.05


@dataclass(frozen=True)
class Host:
    """A running host.

    Args:
        process: to be told to stop.
        port: where it listens on loopback.
        base: its base URL, with a slash at the end.
        python: that it runs on.
        env: what a command of the same deployment has.
        log: what it says.
    """

    process: "subprocess.Popen[str]"
    port: int
    base: str
    python: Path
    env: dict[str, str]
    log: Path
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The Host to ask for."""
        return f"127.0.0.1:{self.port}"

    def wssec(self, *arguments: str) -> str:
        """Run a command of ours on this deployment."""
        return run(sys.executable, "-m", "tornado_wssec", *arguments, env=self.env, cwd=ROOT)

    def token(self, subject: str = "ann") -> str:
        """A token that may write to the lobby; the same for the same."""
        if subject not in self.tokens:
            may = ("--permission", "chat:write:lobby")
            self.tokens[subject] = self.wssec("token", "issue", "--subject", subject, *may)
        return self.tokens[subject]

    async def socket(self) -> RawSocket:
        """A socket to it."""
        return await RawSocket.open(self.port)

    async def ask(self, path: str, *extra: tuple[str, str], origin: str | None = PAGE) -> Response:
        """The answer to a handshake, after which the socket is closed."""
        socket = await self.socket()
        try:
            return await socket.upgrade(path, handshake_headers(self.name, origin=origin, extra=extra))
        finally:
            await socket.close()

    async def connect(self, path: str, token: str) -> Client:
        """A client of our socket."""
        socket = await self.socket()
        response = await socket.upgrade(path, handshake_headers(self.name, origin=PAGE, token=token))
        assert 101 == response.status, response
        return Client(socket, None)


@contextmanager
def jupyter(python: Path, folder: Path, *options: str) -> Iterator[Host]:
    """Jupyter Server with the extension, below a base URL of its own."""
    port = free_port()
    command = [str(python), "-m", "jupyter_server", "--allow-root", "--no-browser", "--ServerApp.ip=127.0.0.1"]
    command += [f"--ServerApp.port={port}", "--ServerApp.port_retries=0", "--ServerApp.base_url=/lab/"]
    command += [f"--IdentityProvider.token={JUPYTER_TOKEN}", f"--ServerApp.root_dir={folder}"]
    command += ["--ServerApp.jpserver_extensions={'examples.embedding.jupyter_chat': True}", *options]
    kept = {name: str(folder) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")}
    with _running(command, python, folder, port, "/lab/", kept) as host:
        yield host


@contextmanager
def bokeh(python: Path, folder: Path) -> Iterator[Host]:
    """Bokeh's server with the chat beside its plot."""
    with _program("examples.embedding.bokeh_chat", python, folder) as host:
        yield host


@contextmanager
def panel(python: Path, folder: Path) -> Iterator[Host]:
    """Panel's server with the chat beside its app."""
    with _program("examples.embedding.panel_chat", python, folder) as host:
        yield host


@contextmanager
def _program(module: str, python: Path, folder: Path) -> Iterator[Host]:
    port = free_port()
    with _running([str(python), "-m", module], python, folder, port, "/", {"PORT": str(port)}) as host:
        yield host


@contextmanager
def _running(
    command: list[str], python: Path, folder: Path, port: int, base: str, more: dict[str, str]
) -> Iterator[Host]:
    run(sys.executable, "-m", "tornado_wssec", "init", str(folder / "demo"), env=bare_environment())
    env = {**bare_environment(), **read_settings(folder / "demo"), "WSSEC_ORIGINS": PAGE, **more}
    log = folder / "host.log"
    with ExitStack() as stack:
        file = stack.enter_context(log.open("w"))
        process = subprocess.Popen(
            command, cwd=ROOT, env=env, stdout=file, stderr=file, stdin=subprocess.DEVNULL, text=True
        )
        stack.callback(_end, process)
        host = Host(process, port, base, python, env, log)
        _await_ready(host)
        yield host


def _end(process: "subprocess.Popen[str]") -> None:
    process.terminate()
    process.wait(timeout=PATIENCE_SECONDS)


def _await_ready(host: Host) -> None:
    ends = time.monotonic() + PATIENCE_SECONDS
    while host.process.poll() is None and time.monotonic() < ends:
        with contextlib.suppress(OSError):
            connection = http.client.HTTPConnection("127.0.0.1", host.port, timeout=WAIT_SECONDS * 100)
            with contextlib.closing(connection):
                connection.request("GET", f"{host.base}wssec/ready")
                if connection.getresponse().status == 200:
                    return
        time.sleep(WAIT_SECONDS)  # no host has a word for it
    raise AssertionError(host.log.read_text())


async def get(host: Host, path: str, *headers: tuple[str, str], method: str = "GET", body: bytes = b"") -> Response:
    """The answer to a plain request below the base URL."""
    socket = await host.socket()
    length = [("Content-Length", str(len(body)))] if body else []
    lines = [f"{name}: {value}" for name, value in [("Host", host.name), *headers, *length]]
    await socket.write("\r\n".join([f"{method} {host.base}{path} HTTP/1.1", *lines, "", ""]).encode() + body)
    try:
        return await socket.response()
    finally:
        await socket.close()


def checked(host: Host, folder: Path, name: str, text: str) -> dict[str, Any]:
    """What `wssec check` says of the `app` that a module makes, in the environment of the hosts."""
    (folder / f"{name}.py").write_text(text)
    command = [str(host.python), "-m", "tornado_wssec", "check", f"{name}:make", "--json"]
    ended = subprocess.run(command, cwd=folder, env=host.env, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 1, ended.stdout + ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout)
    return found
