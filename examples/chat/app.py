"""The chat of the README as a server, with a login and a logout of ten lines each.

Needs the environment that `wssec init` writes:

    wssec init demo && set -a && . demo/wssec.env && set +a
    python -m examples.chat.app
"""

import asyncio
import os
from typing import Any

import tornado.web

from schemas import chat
from tornado_wssec import BearerToken, Guard, Limits, Registry, SecureWebSocketHandler, Ticket, on

PEOPLE = {
    "ann": ["chat:read:*", "chat:write:*"],
    "bob": ["chat:read:*", "chat:write:lobby"],
    "eve": ["chat:read:lobby"],
}
"""Who may do what. A real application asks its database, and for a password."""


class ChatSocket(SecureWebSocketHandler):
    """Lines of chat, to everybody who listens to the room."""

    allow_missing_origin = True  # the tour's clients are native programs and send none

    @on(chat.Send)
    async def send_line(self, data: dict[str, Any]) -> dict[str, Any]:
        await self.publish(f"room:{data['room']}", chat.Posted, {**data, "author": self.identity.subject})
        return {"delivered": True}


class Login(tornado.web.RequestHandler):
    """`POST /login name=ann` gives an access token."""

    def post(self) -> None:
        name = self.get_body_argument("name")
        if name not in PEOPLE:
            raise tornado.web.HTTPError(401)
        self.set_header("Cache-Control", "no-store")
        self.write({"token": self.settings["wssec"].issue_token(name, PEOPLE[name])})


class Logout(tornado.web.RequestHandler):
    """`POST /logout` with the token ends it, and every socket that it opened, on every node."""

    async def post(self) -> None:
        guard = self.settings["wssec"]
        identity = await guard.authenticate(self.request)
        await guard.revoke(token=identity.token_id, reason="logout")
        self.set_status(204)


async def main() -> None:
    async with Guard.from_env(
        registry=Registry.scan("schemas.chat"),
        authenticators=[BearerToken(), Ticket()],
        limits=Limits(connections_per_subject=5),
    ) as guard:
        routes: list[Any] = [(r"/ws/chat", ChatSocket), (r"/login", Login), (r"/logout", Logout), *guard.routes()]
        port = guard.listen(tornado.web.Application(routes, wssec=guard), int(os.environ.get("PORT", "8888")))
        print(f"listening on ws://127.0.0.1:{port}/ws/chat", flush=True)
        await guard.until_stopped()


if __name__ == "__main__":
    asyncio.run(main())
