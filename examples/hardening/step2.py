"""Step 2: what is said has fields; what does not fit is told of."""

import asyncio
import os
from pathlib import Path
from typing import Any

from marshmallow import fields, validate
from tornado.web import Application, HTTPError, RequestHandler

from tornado_wssec import (
    PUBLIC,
    Channel,
    Envelope,
    Guard,
    Message,
    Registry,
    SecureWebSocketHandler,
    StrictInteger,
    WarnOnly,
    on,
)

PAGES = Path(__file__).parent / "pages"
PEOPLE = {"ann": "correct horse", "bob": "battery staple"}
ORIGIN = "http://127.0.0.1:8888"  # of the page; where others connect from, it begins with https://


RoomName = fields.String(required=True, validate=validate.Regexp(r"[a-z0-9-]{1,64}\Z"))


class Join(Message):
    class Meta:
        type = "join"
        permission = PUBLIC

    room = RoomName


class Say(Message):
    class Meta:
        type = "say"
        permission = PUBLIC

    room = RoomName
    author = fields.String(required=True, validate=validate.Length(max=64))
    text = fields.String(required=True, validate=validate.Length(1, 2_000))


class Said(Message):
    class Meta:
        type = "said"
        direction = "out"
        permission = PUBLIC

    room = fields.String(required=True, validate=validate.Length(max=64))
    author = fields.String(required=True, validate=validate.Length(max=64))
    text = fields.String(required=True, validate=validate.Length(max=100_000))
    html = fields.String(validate=validate.Length(max=100_000))
    ts = StrictInteger()


class Room(Channel):
    class Meta:
        pattern = "room:{room}"
        subscribe = PUBLIC
        publish = None

    room = RoomName


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


class Chat(SecureWebSocketHandler):
    envelope = Envelope.flat(type="action")
    anonymous = True

    @on(Join)
    async def join(self, data: dict[str, Any]) -> None:
        await self.subscribe(f"room:{data['room']}")
        await self.send(Said, {"room": data["room"], "author": "chat", "text": "", "html": "<em>Be kind.</em>"})

    @on(Say)
    async def say(self, data: dict[str, Any]) -> None:
        await self.publish(f"room:{data['room']}", Said, data)


def make_guard(**options: Any) -> Guard:
    return Guard.from_env(
        registry=Registry(Join, Say, Said, Room, warn_only=WarnOnly(until="2027-01-31")),
        origins=[ORIGIN],
        **options,
    )


def make_app(guard: Guard | None = None) -> Application:
    guard = guard or make_guard()
    return Application(
        [("/", Page), ("/login", Login), ("/logout", Logout), ("/chat", Chat), *guard.routes()],
        wssec=guard,
        cookie_secret=os.environ["COOKIE_SECRET"],
        template_path=str(PAGES),
        static_path=str(PAGES),
        debug=True,
    )


async def main() -> None:
    async with make_guard() as guard:
        guard.listen(make_app(guard), 8888)
        await guard.until_stopped()


if __name__ == "__main__":
    asyncio.run(main())
