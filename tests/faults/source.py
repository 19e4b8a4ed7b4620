"""A source of permissions in a process of its own, asked over HTTP, so that it can be frozen and killed.

`python -m tests.faults.source` writes its port to standard output, and answers until it is ended.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tornado.httpclient import AsyncHTTPClient
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from tornado_wssec import Identity

ROOT: Final = Path(__file__).resolve().parents[2]


class Rights(RequestHandler):
    """What somebody may do: whatever was put there last."""

    def get(self, subject: str) -> None:
        self.write(json.dumps({"permissions": self.settings["rights"].get(subject, ["chat:**"])}))


async def serve() -> None:
    """Answer until the process ends."""
    (socket, *_) = bind_sockets(0, "127.0.0.1")
    HTTPServer(Application([(r"/(\w+)", Rights)], rights={})).add_socket(socket)
    sys.stdout.write(f"{socket.getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


class Source:
    """A running one.

    Args:
        process: in which it runs.
        port: where it answers.
    """

    def __init__(self, process: "subprocess.Popen[str]", port: int) -> None:
        self._process = process
        self._port = port

    async def permissions(self, identity: Identity) -> list[str]:
        """The hook of a guard."""
        answer = await AsyncHTTPClient(force_instance=True).fetch(f"http://127.0.0.1:{self._port}/{identity.subject}")
        found: list[str] = json.loads(answer.body)["permissions"]
        return found

    def freeze(self) -> None:
        """Let it accept connections, and answer nothing."""
        os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        os.kill(self._process.pid, signal.SIGCONT)

    def kill(self) -> None:
        """End it as a crash would."""
        self._process.kill()
        self._process.wait()


@contextmanager
def source() -> Iterator[Source]:
    """One that is ended afterwards, whatever was done to it."""
    command = [sys.executable, "-m", "tests.faults.source"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Source(process, int(process.stdout.readline()))
        finally:
            process.kill()


if __name__ == "__main__":
    asyncio.run(serve())
