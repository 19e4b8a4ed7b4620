"""A chat as tutorials show it."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any, ClassVar

from tornado.web import Application, HTTPError, RequestHandler
from tornado.websocket import WebSocketHandler

PAGES = Path(__file__).parent / "pages"
PEOPLE = {"ann": "correct horse", "bob": "battery staple"}


class Page(RequestHandler):
    def get(self) -> None:
        name = self.get_signed_cookie("user")
        self.render("chat.html", name=name and name.decode(), socket="/chat")


class Login(RequestHandler):
    def post(self) -> None:
        name = self.get_body_argument("name")
        if PEOPLE.get(name) != self.get_body_argument("password"):
            raise HTTPError(401)
        self.set_signed_cookie("user", name)
        self.redirect("/")


class Logout(RequestHandler):
    def post(self) -> None:
        self.clear_cookie("user")
        self.redirect("/")


class Chat(WebSocketHandler):
    rooms: ClassVar[dict[str, set["Chat"]]] = {}

    def check_origin(self, origin: str) -> bool:
        return True  # it did not work behind the proxy otherwise

    def on_message(self, text: Any) -> None:
        data = json.loads(text)
        members = self.rooms.setdefault(data["room"], set())
        if data["action"] == "join":
            members.add(self)
            greeting = {"author": "chat", "text": "", "html": "<em>Be kind.</em>"}
            self.write_message({"action": "said", "room": data["room"], **greeting})
        elif data["action"] == "say":
            for member in members:
                member.write_message({**data, "action": "said"})

    def on_close(self) -> None:
        for members in self.rooms.values():
            members.discard(self)


def make_app() -> Application:
    return Application(
        [("/", Page), ("/login", Login), ("/logout", Logout), ("/chat", Chat)],
        cookie_secret=os.environ["COOKIE_SECRET"],
        template_path=str(PAGES),
        static_path=str(PAGES),
        debug=True,
    )


async def main() -> None:
    make_app().listen(8888)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
