"""A chat in a process of its own whose dependencies a test takes away, and what the test sees of it.

`python -m tests.faults.node JSON` serves with the limits and timeouts that the JSON names, by the WSSEC_* variables.
It writes its port, and then one line of JSON for each line of standard input: see `Controls`.
"""

import asyncio
import json
import logging
import os
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from tornado.web import Application

from tests.kits import CHAT, GENEROUS, V1, ChatSocket
from tests.processes.sharing import PATIENCE_SECONDS, ROOT, environment_of, make_store
from tests.waiting import until_found
from tornado_wssec import BearerToken, Guard, Ticket, Timeouts
from tornado_wssec.testing import Client, RawSocket, Response
from tornado_wssec.testing.kit import ORIGIN
from tornado_wssec.testing.raw import handshake_headers

HASTE: Final[Mapping[str, float]] = {
    "store_call": 1.0,
    "mirror_for_new": 2.0,
    "mirror_for_live": 8.0,
    "store_sync": 2.0,
}
"""So that a test need not wait for a minute; what happens is the same."""
STORE_CALL_SECONDS: Final = 5.0
"""A busy machine is no fault. Who wants to see a store that does not answer names a time of his own."""
ROOM: Final = {"room": "lobby", "text": "hi"}
WRITER: Final = ("chat:write:lobby",)
__all__ = ["HASTE", "Node", "environment_of", "make_store", "running"]


class Controls:
    """What the process can be told to do."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._held: list[bytearray] = []

    def token(self, subject: str, session: str, ttl: str) -> str:
        """A token for the chat."""
        return self._guard.issue_token(subject, WRITER, session=session, ttl=float(ttl))

    def block(self, seconds: str) -> bool:
        """Block the event loop, as a slow call without await does."""
        time.sleep(float(seconds))
        return True

    def hold(self, mebibytes: str) -> bool:
        """Use so much memory more; 0 lets go of all of it."""
        self._held = [bytearray(b"x" * 2**20) for _ in range(int(mebibytes))]
        return True

    def connections(self) -> int:
        """How many are in."""
        return len(self._guard.hub)

    async def ticket(self, subject: str) -> str:
        """A ticket for the chat."""
        return await self._guard.issue_ticket(subject, WRITER, path="/ws", origin=ORIGIN)

    async def revoke(self, kind: str, value: str) -> str:
        """Revoke, and say what came of it."""
        try:
            named: dict[str, Any] = {kind: value}
            await self._guard.revoke(**named)
        except Exception as error:
            return type(error).__name__
        return "acknowledged"


async def serve(options: dict[str, Any]) -> None:
    """Serve until standard input ends."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    limits = replace(GENEROUS, **options.get("limits", {}))
    timeouts = Timeouts(**{"store_call": STORE_CALL_SECONDS, **options.get("timeouts", {})})
    guard = Guard.from_env(
        registry=CHAT,
        limits=limits,
        timeouts=timeouts,
        authenticators=[BearerToken(), Ticket(query=True)],
        audit_is_required=options.get("audit_is_required", False),
    )
    async with guard:
        app = Application([("/ws", ChatSocket), *guard.routes()], wssec=guard)
        tell(guard.listen(app, 0))
        controls = Controls(guard)
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            command, *arguments = json.loads(line)
            answer = getattr(controls, command)(*arguments)
            tell(await answer if asyncio.iscoroutine(answer) else answer)


def tell(facts: Any) -> None:
    """Write one line."""
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


class Node:
    """The process, seen from the test."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self.process = process
        self._log = log
        self._open: list[RawSocket] = []
        self.port = 0

    def log(self) -> str:
        """Everything it has logged."""
        return self._log.read_text()

    def told(self, level: str, words: str) -> int:
        """How many lines of a level hold these words."""
        return sum(line.startswith(level) and words in line for line in self.log().splitlines())

    async def ask(self, *words: object) -> Any:
        """Tell it to do something; see `Controls`."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([str(word) for word in words]).encode() + b"\n")
        return await self.line()

    async def line(self) -> Any:
        """What it says."""
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE_SECONDS):
            line = await self.process.stdout.readline()
        assert line, f"the server has ended: {self.log()}"
        return json.loads(line)

    async def token(self, subject: str = "ann", session: str = "s1", ttl: float = 600.0) -> str:
        """A token for the chat."""
        token: str = await self.ask("token", subject, session, ttl)
        return token

    async def raw(self) -> RawSocket:
        """A socket that has said nothing yet; it is closed at the end."""
        socket = await RawSocket.open(self.port)
        self._open.append(socket)
        return socket

    async def let_go(self) -> None:
        """Close every socket."""
        for socket in self._open:
            await socket.close()

    async def handshake(self, token: str | None = None, *, ticket: str | None = None) -> tuple[RawSocket, Response]:
        """Ask for an upgrade."""
        socket = await self.raw()
        shown = () if ticket is None else (f"wssec.ticket.{ticket}",)
        headers = handshake_headers(
            f"127.0.0.1:{self.port}", origin=ORIGIN, token=token, subprotocols=[*V1, *shown] if ticket else ()
        )
        return socket, await socket.upgrade("/ws", headers)

    async def status(self, token: str | None = None, *, ticket: str | None = None) -> int:
        """What a handshake is answered with; the connection is not kept."""
        socket, response = await self.handshake(token, ticket=ticket)
        await socket.close()
        return response.status

    async def connect(self, token: str) -> Client:
        """A connected client."""
        socket, response = await self.handshake(token)
        assert response.status == 101, f"{response.status}: {self.log()}"
        return Client(socket, response.headers.get("sec-websocket-protocol"))

    async def get(self, path: str) -> int:
        """The status of a plain request."""
        socket = await self.raw()
        response = await socket.upgrade(path, [("Host", f"127.0.0.1:{self.port}")])
        await socket.close()
        return response.status


async def is_served(client: Client) -> bool:
    """Whether a connection lives and its messages are handled."""
    return {"delivered": True} == await client.request("chat.send", ROOM)


async def is_served_alone(client: Client) -> bool:
    """Whether a connection lives and its messages are handled, while what the handler publishes reaches nobody."""
    await client.assert_refused("unavailable", "chat.send", ROOM)
    return True


async def until_status(node: Node, status: int, token: str, *, never: int | None = None) -> None:
    """Return once handshakes are answered so, and in between not otherwise than they may be."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        found = 0
        while found != status:
            await asyncio.sleep(0.02)
            found = await node.status(token)
            assert found != never, f"{found}: {node.log()}"


async def until_ready(node: Node) -> None:
    """Return once it says that it lets people in."""
    await until_found(200, lambda: node.get("/wssec/ready"))


@asynccontextmanager
async def running(
    environment: Mapping[str, str], folder: Path, *, is_served: bool = True, is_ready: bool = True, **options: Any
) -> AsyncIterator[Node]:
    """A running process.

    Args:
        folder: for its log.
        is_served: False: it is not expected to serve; its end is for the test.
        is_ready: False: it has no store that it could use.
        options: `limits`, `timeouts` and `audit_is_required`.
    """
    bare = {name: value for name, value in os.environ.items() if not name.startswith("WSSEC_")}
    log = folder / f"node-{time.monotonic_ns()}.log"
    pipe = asyncio.subprocess.PIPE
    command = [sys.executable, "-m", "tests.faults.node", json.dumps(options)]
    with log.open("wb") as stream:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=pipe, stdout=pipe, stderr=stream, cwd=ROOT, env={**bare, **environment}
        )
    assert process.stdin is not None
    node = Node(process, log)
    try:
        if is_served:
            node.port = await node.line()
        if is_served and is_ready:
            await until_ready(node)
        yield node
    finally:
        await node.let_go()
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), PATIENCE_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()


if __name__ == "__main__":
    asyncio.run(serve(json.loads(sys.argv[1])))
