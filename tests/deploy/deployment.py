"""A real proxy in front of a real server, each in a process of its own, on free loopback ports.

The proxy runs on the file of `examples/deploy/`: what differs here, ports, places and sizes, is replaced
text by text, and each of these texts must stand in the file.
"""

import asyncio
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from tests.certificates import Certified, certify
from tests.left_out import leave_out
from tests.ports import free_port
from tests.redis_server import wait_until
from tests.starter.running import ROOT, bare_environment, port_said_by, read_settings, run
from tornado_wssec.testing import Client, RawSocket, Response
from tornado_wssec.testing.raw import handshake_headers

PROXIES: Final = ("nginx", "haproxy")
FILES: Final = {"nginx": "nginx.conf", "haproxy": "haproxy.cfg"}
SITE: Final = "app.example.com"
PAGE: Final = f"https://{SITE}"
INTERNAL: Final = "wssec.internal"
FROM: Final = "127.0.0.9"
"""Where the proxies connect from, and whom the server trusts."""
PATIENCE_SECONDS: Final = 20.0
NOBODY: Final = 65534


@dataclass(frozen=True)
class Server:
    """A running server behind the proxy.

    Args:
        process: to be told to stop.
        port: where it listens on loopback.
        log: what it says, the audit too.
        env: what a command of the same deployment has.
    """

    process: "subprocess.Popen[str]"
    port: int
    log: Path
    env: dict[str, str]
    tokens: dict[tuple[str, ...], str] = field(default_factory=dict)

    def token(self, subject: str, *permissions: str) -> str:
        """A token of the command line's; the same for the same."""
        asked = (subject, *permissions)
        if asked not in self.tokens:
            chosen = [part for permission in permissions for part in ("--permission", permission)]
            self.tokens[asked] = self.wssec("token", "issue", "--subject", subject, *chosen)
        return self.tokens[asked]

    def wssec(self, *arguments: str) -> str:
        """Run a command on this deployment; return what it printed."""
        return run(sys.executable, "-m", "tornado_wssec", *arguments, env=self.env)

    def audited(self, event: str) -> list[dict[str, Any]]:
        """What the audit says of an event."""
        marked = "tornado_wssec.audit "
        said = [line.removeprefix(marked) for line in self.log.read_text().splitlines() if line.startswith(marked)]
        return [line for line in map(json.loads, said) if line["event"] == event]


@dataclass(frozen=True)
class Deployment:
    """A proxy, and the server behind it.

    Args:
        proxy: its name.
        port: where it listens on loopback, with TLS.
        certified: what it shows.
        folder: with everything that it writes.
        server: what is behind it.
        other: what else is, where there are two.
    """

    proxy: str
    port: int
    certified: Certified
    folder: Path
    server: Server
    other: Server | None = None

    async def socket(self, source: str) -> RawSocket:
        """A socket through TLS to the proxy, from one of the addresses of loopback."""
        opened = await asyncio.open_connection(
            "127.0.0.1", self.port, ssl=self.certified.trusted(), local_addr=(source, 0)
        )
        return RawSocket(*opened)

    async def direct(self, source: str) -> RawSocket:
        """A socket to the server, past the proxy."""
        return RawSocket(*await asyncio.open_connection("127.0.0.1", self.server.port, local_addr=(source, 0)))

    async def connect(self, source: str, token: str, path: str = "/ws") -> Client:
        """A client that has come in by the proxy."""
        socket = await self.socket(source)
        response = await socket.upgrade(path, good_headers(token))
        assert 101 == response.status, response
        return Client(socket, response.headers.get("sec-websocket-protocol"))

    def written(self, source: str, requests: int) -> str:
        """Everything that the proxy has logged, once so many requests from there are in it: it answers first."""
        wait_until(lambda: self._logs().count(f"{source} [") >= requests, "the log of the proxy")
        return self._logs()

    def _logs(self) -> str:
        return "".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("*.log")))


def good_headers(token: str | None, *extra: tuple[str, str]) -> list[tuple[str, str]]:
    """Those of a handshake that is let in."""
    return handshake_headers(SITE, origin=PAGE, token=token, extra=extra)


async def knock(socket: RawSocket, headers: list[tuple[str, str]], path: str = "/ws", **options: str) -> Response:
    """Send a handshake, read the answer and hang up."""
    try:
        return await socket.upgrade(path, headers, **options)
    finally:
        await socket.close()


# --- starting them ---


@contextmanager
def deployed(
    proxy: str,
    *,
    limits: Mapping[str, Any] | None = None,
    encrypted: bool = False,
    is_twofold: bool = False,
    changes: Mapping[str, str] | None = None,
) -> Iterator[Deployment]:
    """Run a server and this proxy in front of it.

    Args:
        limits: of the server.
        encrypted: whether the proxy speaks TLS to the server as well.
        is_twofold: whether there is a second server, of the same store and keys.
        changes: of the configuration, text by text.
    """
    program = program_of(proxy)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="wssec-deploy-")))
        server = stack.enter_context(serving(folder / "server", limits or {}, encrypted=encrypted))
        place = folder / "proxy"
        place.mkdir()
        certified = certify(place, SITE)
        port = free_port()
        file = place / FILES[proxy]
        text = localised(proxy, place, port, server, encrypted=encrypted)
        for before, after in (changes or {}).items():
            assert before in text, f"{before!r} does not stand in {FILES[proxy]}"
            text = text.replace(before, after)
        other = None
        if is_twofold:
            other = stack.enter_context(_serving(folder / "other", server.env))
            text = with_second_server(text, server.port, other.port)
        file.write_text(text)
        _give_away(folder, place)
        stack.enter_context(_running(command_of(proxy, program, file, place), place, port))
        yield Deployment(proxy, port, certified, place, server, other)


def program_of(proxy: str) -> str:
    """Where the proxy's program is; system folders are looked at, too, since they are on root's path alone."""
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"))
    return shutil.which(proxy, path=path) or leave_out(proxy, f"apt-get install {proxy}")


def command_of(proxy: str, program: str, file: Path, place: Path) -> list[str]:
    """How the program is started in the foreground, writing into `place` alone."""
    if proxy == "haproxy":
        return [program, "-f", str(file), "-db"]
    return [program, "-c", str(file), "-p", str(place), "-e", str(place / "start.log"), "-g", "daemon off;"]


def localised(proxy: str, place: Path, port: int, server: Server, *, encrypted: bool) -> str:
    """The configuration of `examples/deploy/`, with the ports, places and sizes of a test."""
    text = (ROOT / "examples" / "deploy" / FILES[proxy]).read_text()
    if encrypted:
        text = with_encrypted_hop(text)
    for before, after in _replacements(proxy, place, port, server, encrypted=encrypted).items():
        assert before in text, f"{before!r} does not stand in {FILES[proxy]}"
        text = text.replace(before, after)
    return text


def with_encrypted_hop(text: str) -> str:
    """The lines behind `#:` instead of the one that they are to replace."""
    plain = (
        "            proxy_pass http://wssec;\n",
        "    server wssec1 127.0.0.1:8888 source 127.0.0.9 check inter 2s\n",
    )
    (line,) = [line for line in plain if line in text]
    return text.replace(line, "").replace("#: ", "")


def with_second_server(text: str, port: int, other: int) -> str:
    """One more line beside that of the first, as the files say."""
    (line,) = [
        line
        for line in text.splitlines(keepends=True)
        if f"server 127.0.0.1:{port}" in line or ("server wssec1 " in line and "#:" not in line)
    ]
    return text.replace(line, line + line.replace(str(port), str(other)).replace("wssec1", "wssec2"))


def _replacements(proxy: str, place: Path, port: int, server: Server, *, encrypted: bool) -> dict[str, str]:
    internal = {"/etc/ssl/wssec/internal-ca.pem": server.env["WSSEC_TLS_CERT"]} if encrypted else {}
    upstream = f"127.0.0.1:{server.port}"
    if proxy == "haproxy":
        both = place / "edge-with-key.pem"
        both.write_text((place / "certificate.pem").read_text() + (place / "key.pem").read_text())
        return {
            "bind :443": f"bind 127.0.0.1:{port}",
            "127.0.0.1:8888": upstream,
            "/etc/ssl/wssec/edge-with-key.pem": str(both),
            "maxconn 20000": "maxconn 200",
            **internal,
        }
    temporary = [f"{name}_temp_path {place}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")]
    return {
        "listen 443": f"listen 127.0.0.1:{port}",
        "127.0.0.1:8888": upstream,
        "/etc/ssl/wssec/edge.pem": str(place / "certificate.pem"),
        "/etc/ssl/wssec/edge.key": str(place / "key.pem"),
        "/run/nginx.pid": str(place / "nginx.pid"),
        "/var/log/nginx/": f"{place}/",
        "20000;": "200;",
        "worker_processes auto;": "worker_processes 1;",
        "http {\n": f"http {{\n{' '.join(temporary)}\n",  # its usual ones belong to root
        **internal,
    }


def _give_away(folder: Path, place: Path) -> None:
    """Let the proxy, which is nobody where we are root, have its own folder and find it."""
    if os.geteuid() == 0:
        folder.chmod(0o711)
        for path in (place, *place.iterdir()):
            os.chown(path, NOBODY, NOBODY)


@contextmanager
def _running(command: list[str], place: Path, port: int) -> Iterator[None]:
    nobody: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    with (place / "program.log").open("w") as log:
        process = subprocess.Popen(command, cwd=place, stdout=log, stderr=log, stdin=subprocess.DEVNULL, **nobody)
    try:
        _await_listener(process, place, port)
        yield
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE_SECONDS)


def _await_listener(process: "subprocess.Popen[bytes]", place: Path, port: int) -> None:
    ends = time.monotonic() + PATIENCE_SECONDS
    while process.poll() is None and time.monotonic() < ends:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.02)  # there is no word of a program's that it listens
    raise AssertionError("".join(path.read_text() for path in place.glob("*.log")))


@contextmanager
def serving(folder: Path, limits: Mapping[str, Any], *, encrypted: bool = False) -> Iterator[Server]:
    """Run the server alone, in a deployment made in `folder`."""
    folder.mkdir()
    bare = bare_environment()
    run(sys.executable, "-m", "tornado_wssec", "init", str(folder / "demo"), env=bare)
    env = {
        **bare,
        **read_settings(folder / "demo"),
        "WSSEC_ORIGINS": PAGE,
        "WSSEC_TRUSTED_PROXIES": FROM,
        "CHAT_LIMITS": json.dumps(dict(limits)),
    }
    if encrypted:
        internal = certify(folder, INTERNAL)
        env |= {"WSSEC_TLS_CERT": str(internal.certificate), "WSSEC_TLS_KEY": str(internal.key)}
    with _serving(folder, env) as server:
        yield server


@contextmanager
def _serving(folder: Path, env: dict[str, str]) -> Iterator[Server]:
    """Run a server with these variables."""
    folder.mkdir(exist_ok=True)
    log = folder / "server.log"
    command = [sys.executable, "-m", "tests.deploy.served"]
    with log.open("w") as file:
        process = subprocess.Popen(command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=file, text=True)
    try:
        yield Server(process, port_said_by(process), log, env)
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE_SECONDS)
