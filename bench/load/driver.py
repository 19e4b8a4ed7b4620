"""A load client under our hand: a process of its own, in C where there is a compiler, else in Python."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from ..environments import Missing, compiled
from ..process import CLIENT_CORE, started

HERE: Final = Path(__file__).parent
SOURCE: Final = HERE / "client.c"
IN_PYTHON: Final = (sys.executable, "-m", "bench.load.client")


class LoadFailed(Exception):
    """What was measured means nothing: connections were lost, or not all was answered as it should be."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What the clients do.

    Args:
        requests: handshakes; a connection takes the next one, and the first one again after the last.
        message: what is said, again and again.
        outstanding: messages of a connection that wait for their answers at once.
        active: messages of all connections together that wait, the turn going round; 0: each by itself.
        fan: how many answers one message of the first connection has, over all connections; 0: it has its own.
        pace: seconds between two messages of one connection; 0: as fast as it is answered.
        hello: what is said once, after the handshake; a message a line.
        greeted: how many messages then come before the connection is ready.
        is_deaf: whether they read nothing once they have been greeted.
        is_stamped: whether they say nothing, and each message that comes ends with the time at which it was made; what
            is measured is then how old messages are.
        is_tls: whether to speak TLS.
        expects: text that stands in every answer, once spaces are left out.
    """

    requests: Sequence[str]
    message: str
    outstanding: int = 1
    active: int = 0
    fan: int = 0
    pace: float = 0
    hello: str | None = None
    greeted: int = 0
    is_deaf: bool = False
    is_stamped: bool = False
    is_tls: bool = False
    expects: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """What one run came to.

    Args:
        messages: answers that came.
        busy: share of its core that the client used; near 1 it was the bottleneck.
        p50, p99: seconds from message to answer.
    """

    messages: int
    seconds: float
    busy: float
    p50: float
    p99: float
    skipped: int


class Load:
    """Clients of one server.

    Args:
        port: where it listens on loopback.
        plan: what they do.
    """

    def __init__(self, port: int, plan: Plan) -> None:
        self.port = port
        self._plan = plan
        self._folder = tempfile.TemporaryDirectory()
        self._process = started([*program(), *self._options(port)], CLIENT_CORE)
        self.connections = 0

    def connect(self, count: int) -> None:
        """Open so many more connections.

        Raises:
            LoadFailed: one was refused.
        """
        self._tell(f"connect {count}")
        answer = self._listen()
        self.connections += count
        if answer["lost"] or answer["connected"] != self.connections:
            raise LoadFailed(f"{answer['lost']} of {self.connections} connections were refused; the first stands above")

    def run(self, seconds: float) -> Run:
        """Talk for so long, and wait for what is still to be answered.

        Raises:
            LoadFailed: something was lost, or answered otherwise than it should be.
        """
        self.begin(seconds)
        return self.finish()

    def begin(self, seconds: float) -> None:
        """Begin such a run; `finish` waits for its end."""
        self._tell(f"run {seconds}")

    def finish(self) -> Run:
        """What the run came to."""
        return checked(self._plan, self._listen())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._folder.cleanup()

    def _options(self, port: int) -> list[str]:
        plan = self._plan
        options = [
            f"port={port}",
            f"outstanding={plan.outstanding}",
            f"active={plan.active}",
            f"fan={plan.fan}",
            f"pace={plan.pace}",
            f"tls={int(plan.is_tls)}",
            f"deaf={int(plan.is_deaf)}",
            f"greeted={plan.greeted}",
            f"stamped={int(plan.is_stamped)}",
            f"requests={self._file('requests', ''.join(plan.requests))}",
            f"message={self._file('message', plan.message)}",
        ]
        return options if plan.hello is None else [*options, f"hello={self._file('hello', plan.hello)}"]

    def _file(self, name: str, text: str) -> Path:
        path = Path(self._folder.name) / name
        path.touch(mode=0o600)  # requests hold tokens
        path.write_bytes(text.encode())
        return path

    def _tell(self, command: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()

    def _listen(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise LoadFailed(f"the load client ended with {self._process.wait()}; its errors stand above")
        return json.loads(line)


def checked(plan: Plan, told: dict[str, Any]) -> Run:
    """What the client tells of a run, once it is known to mean something.

    Raises:
        LoadFailed: something was lost, or answered otherwise than it should be.
    """
    sample = bytes.fromhex(told["sample"]).decode("utf-8", "replace")
    if told["lost"] or told["unanswered"] or told["odd"] or not told["messages"]:
        faults = {name: told[name] for name in ("lost", "unanswered", "odd", "messages")}
        raise LoadFailed(f"the run means nothing: {faults}; the first answer was {sample!r}")
    if plan.expects not in sample.replace(" ", ""):
        raise LoadFailed(f"{plan.expects!r} was expected in the answers; the first was {sample!r}")
    return Run(
        messages=told["messages"],
        seconds=told["seconds"],
        busy=told["busy"],
        p50=told["p50_us"] / 1e6,
        p99=told["p99_us"] / 1e6,
        skipped=told["skipped"],
    )


def request(port: int, path: str = "/ws", *, token: str | None = None, origin: str | None = None) -> str:
    """One handshake, as a browser asks for it."""
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        f"Origin: {origin or f'http://127.0.0.1:{port}'}",
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    ]
    lines += [f"Authorization: Bearer {token}"] if token else []
    return "\r\n".join(lines) + "\r\n\r\n"


@cache
def program() -> tuple[str, ...]:
    """What runs the client."""
    if sys.platform != "linux":  # it is written for epoll
        return IN_PYTHON
    try:
        return (str(compiled(SOURCE, "dl")),)
    except Missing as error:
        print(f"The load client runs in Python, and may be what limits the fastest: {error}", flush=True)
        return IN_PYTHON
