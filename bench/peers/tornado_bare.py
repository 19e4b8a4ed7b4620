"""Tornado as it is: each message is answered with the same text, and nobody looks into it."""

import asyncio
import sys
from typing import ClassVar

from tornado.httpserver import HTTPServer
from tornado.web import Application
from tornado.websocket import WebSocketHandler

from ..messages import SMALL, reply
from .control import answer, listening
from .tls import context

FIXED = reply("17", SMALL.answer)


class Echo(WebSocketHandler):
    """Answers."""

    def check_origin(self, origin: str) -> bool:
        """Anybody."""
        return True

    def on_message(self, message: str | bytes) -> None:
        """Say the same again."""
        self.write_message(FIXED)


class Room(Echo):
    """Hands on what comes, to one listener after another."""

    listeners: ClassVar[set[WebSocketHandler]] = set()

    def open(self) -> None:
        """Listen."""
        self.listeners.add(self)

    def on_close(self) -> None:
        """Listen no more."""
        self.listeners.discard(self)

    def on_message(self, message: str | bytes) -> None:
        """Write it to each."""
        if '"chat.post"' not in str(message):
            self.write_message(FIXED)
            return
        for listener in self.listeners:
            listener.write_message(message)


async def main() -> None:
    """Serve."""
    sock = listening()
    sock.setblocking(False)
    server = HTTPServer(Application([(r"/ws", Echo), (r"/room", Room)]), ssl_options=context(sys.argv[1:]))
    server.add_socket(sock)
    answer(sock.getsockname()[1])
    await asyncio.Event().wait()


asyncio.run(main())
