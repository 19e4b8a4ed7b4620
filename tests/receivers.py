"""A receiver of webhooks for the tests: a real server on loopback that keeps what came, and answers as it is told."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPHeaders
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler

from tests.certificates import Certified


@dataclass
class Receiver:
    """What a receiver has got.

    Args:
        url: where it is.
        answers: statuses of the next answers; then 204. 302 leads elsewhere on the same server.
    """

    url: str
    answers: list[int] = field(default_factory=list)
    got: list[tuple[HTTPHeaders, bytes]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait(self, count: int = 1) -> None:
        """Until so many posts have come."""
        async with asyncio.timeout(10):
            while len(self.got) < count:
                self.came.clear()
                await self.came.wait()


class _Posted(RequestHandler):
    def initialize(self, receiver: Receiver) -> None:
        """Whose it is."""
        self.receiver = receiver

    def post(self) -> None:
        """Keep it, and answer."""
        receiver = self.receiver
        receiver.got.append((self.request.headers, self.request.body))
        receiver.paths.append(self.request.path)
        status = receiver.answers.pop(0) if receiver.answers else 204
        self.set_status(status)
        if status == 302:
            self.set_header("Location", "/elsewhere")
        receiver.came.set()


@asynccontextmanager
async def receiving(certified: Certified | None = None, answers: Sequence[int] = ()) -> AsyncIterator[Receiver]:
    """A receiver, with TLS where there is a certificate."""
    socket, port = bind_unused_port()
    receiver = Receiver(f"{'https' if certified else 'http'}://127.0.0.1:{port}/alerts", list(answers))
    tls = {"certfile": str(certified.certificate), "keyfile": str(certified.key)} if certified else None
    server = HTTPServer(Application([(r"/.*", _Posted, {"receiver": receiver})]), ssl_options=tls)
    server.add_socket(socket)
    try:
        yield receiver
    finally:
        server.stop()
        await server.close_all_connections()
