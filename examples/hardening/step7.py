"""Step 7: who has left is gone."""

import asyncio
import os
from pathlib import Path
from typing import Any

from marshmallow import fields, validate
from tornado.web import Application, HTTPError, RequestHandler

from tornado_wssec import (
    Assertion,
    Channel,
    Envelope,
    Guard,
    Limits,
    Message,
    Registry,
    SecureWebSocketHandler,
    SignedCookie,
    StrictInteger,
    on,
)

PAGES = Path(__file__).parent / "pages"
PEOPLE = {"ann": "correct horse", "bob": "battery staple"}
ROOMS = {"ann": ["lobby", "board"], "bob": ["lobby"]}
ORIGIN = "http://127.0.0.1:8888"  # of the page; where others connect from, it begins with https://


RoomName = fields.String(required=True, validate=validate.Regexp(r"[a-z0-9-]{1,64}\Z"))


class Join(Message):
    class Meta:
        type = "join"
        permission = "chat:read:{room}"

    room = RoomName


class Say(Message):
    class Meta:
        type = "say"
        permission = "chat:write:{room}"
        bind = {"author": "sub"}
        rate = "5/second, 60/minute"
        max_bytes = 8 * 1024

    room = RoomName
    author = fields.String(required=True, validate=validate.Length(max=64))
    text = fields.String(required=True, validate=validate.Length(1, 2_000))
    ts = StrictInteger()


class Said(Message):
    class Meta:
        type = "said"
        direction = "out"
        permission = "chat:read:{room}"

    room = fields.String(required=True, validate=validate.Length(max=64))
    author = fields.String(required=True, validate=validate.Length(max=64))
    text = fields.String(required=True, validate=validate.Length(max=100_000))
    html = fields.String(validate=validate.Length(max=100_000))
    ts = StrictInteger()


class Room(Channel):
    class Meta:
        pattern = "room:{room}"
        subscribe = "chat:read:{room}"
        publish = None

    room = RoomName


class Page(RequestHandler):
    def get(self) -> None:
        name = self.get_signed_cookie("user")
        csrf = self.settings["wssec"].csrf_value(self.request)
        self.render("chat.html", name=name and name.decode(), socket=f"/chat?csrf={csrf}")


class Login(RequestHandler):
    def post(self) -> None:
        name = self.get_body_argument("name")
        if PEOPLE.get(name) != self.get_body_argument("password"):
            raise HTTPError(401)
        self.set_signed_cookie("user", name)
        self.redirect("/")


class Logout(RequestHandler):
    async def post(self) -> None:
        await self.settings["wssec"].sign_out(self)
        self.redirect("/")


class Chat(SecureWebSocketHandler):
    envelope = Envelope.flat(type="action")

    @on(Join)
    async def join(self, data: dict[str, Any]) -> None:
        await self.subscribe(f"room:{data['room']}")
        await self.send(Said, {"room": data["room"], "author": "chat", "text": "", "html": "<em>Be kind.</em>"})

    @on(Say)
    async def say(self, data: dict[str, Any]) -> None:
        await self.publish(f"room:{data['room']}", Said, data)


def person(name: str) -> Assertion | None:
    if name not in PEOPLE:
        return None
    return Assertion(subject=name, permissions=[f"chat:*:{room}" for room in ROOMS[name]])


def make_guard(**options: Any) -> Guard:
    return Guard.from_env(
        registry=Registry(Join, Say, Said, Room),
        origins=[ORIGIN],
        authenticators=[SignedCookie("user", identify=person, max_age=8 * 3600, allow_unprefixed=True)],
        cookie_secret=os.environ["COOKIE_SECRET"],
        limits=Limits(message_bytes=16 * 1024, connections_per_subject=3),
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
    )


async def main() -> None:
    async with make_guard() as guard:
        guard.listen(make_app(guard), 8888)
        await guard.until_stopped()


if __name__ == "__main__":
    asyncio.run(main())
