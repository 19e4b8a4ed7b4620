"""A program that serves a port by several processes, as its user would write it. Who speaks is told which one hears.

`python -m tests.processes.many PROCESSES PORT` writes the port to standard output once, and serves until SIGTERM.
"""

import asyncio
import os
import sys
from typing import Any

from tornado.web import Application

from schemas import chat
from tests.kits import CHAT, GENEROUS
from tornado_wssec import Guard, SecureWebSocketHandler, on

from .counting import TIMEOUTS


class Numbered(SecureWebSocketHandler):
    """Says where it is."""

    @on(chat.Send)
    async def send_line(self, data: dict[str, Any]) -> dict[str, Any]:
        return {"pid": os.getpid()}


async def main(processes: int, port: int) -> None:
    """Serve."""
    async with Guard.from_env(registry=CHAT, limits=GENEROUS, timeouts=TIMEOUTS) as guard:
        app = Application([("/ws", Numbered), *guard.routes()], wssec=guard)
        port = guard.listen(app, port, processes=processes)
        if guard.process_number == 0:
            sys.stdout.write(f"{port}\n")
            sys.stdout.flush()
        await guard.until_stopped()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
