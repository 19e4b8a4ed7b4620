"""Tornado, secured as most do it: the token's expiry and permissions, a window of moments, json, `Schema().load`."""

import asyncio
import fnmatch
import json
import time
from typing import ClassVar

from marshmallow import Schema, ValidationError
from tornado.httpserver import HTTPServer
from tornado.web import Application
from tornado.websocket import WebSocketHandler

from ..messages import KINDS
from .control import answer, listening
from .loose import Chat, Stroke

WINDOW_SECONDS = 0.001
"""So short that nothing is refused; the list is made anew for each message all the same."""
MOST = 1_000_000


class Secured(WebSocketHandler):
    """Looks at everything, one after another."""

    schemas: ClassVar[dict[str, tuple[Schema, str, dict[str, object]]]] = {
        "chat.send": (Chat(), "chat:write", KINDS["small"].answer),
        "board.stroke": (Stroke(), "board:draw", KINDS["medium"].answer),
    }

    def check_origin(self, origin: str) -> bool:
        """Anybody."""
        return True

    def open(self) -> None:
        """Who it is, as a token would have said."""
        self.permissions = ["chat:*", "board:*"]
        self.expires_at = time.time() + 86_400
        self.moments: list[float] = []

    def on_message(self, message: str | bytes) -> None:
        """Decide, and answer."""
        now = time.time()
        if now >= self.expires_at:
            self.close(4401)
            return
        self.moments = [moment for moment in self.moments if now - moment < WINDOW_SECONDS]
        if len(self.moments) >= MOST:
            return
        self.moments.append(now)
        self.write_message(self.decide(message))

    def decide(self, message: str | bytes) -> dict[str, object]:
        """Read, validate and authorise one message."""
        frame = json.loads(message)
        schema, permission, accepted = self.schemas[frame["type"]]
        if not any(fnmatch.fnmatchcase(permission, granted) for granted in self.permissions):
            return {"type": "error", "id": frame["id"], "code": "permission_denied"}
        try:
            schema.load(frame["data"])
        except ValidationError as error:
            return {"type": "error", "id": frame["id"], "code": "invalid", "fields": error.messages}
        return {"type": "reply", "id": frame["id"], "data": accepted}


async def main() -> None:
    """Serve."""
    sock = listening()
    sock.setblocking(False)
    server = HTTPServer(Application([(r"/ws", Secured)]))
    server.add_socket(sock)
    answer(sock.getsockname()[1])
    await asyncio.Event().wait()


asyncio.run(main())
