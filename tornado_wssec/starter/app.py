"""A secured chat: rooms, who may read and write them, a sign-in and a page. Yours to change.

    python app.py

Read `schemas/chat.py` first: what may be said, by whom, how often. This is the server around it. It takes its
settings from the environment, and what is not set there from `wssec.env` beside this file.
"""

import asyncio
import json
import os
import secrets
import shlex
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import tornado.web

from schemas import chat
from tornado_wssec import (
    BearerToken,
    Grants,
    Guard,
    Identity,
    Registry,
    SecureWebSocketHandler,
    StoreError,
    Ticket,
    TokenRules,
    on,
)

HERE: Final = Path(__file__).resolve().parent
SESSION_SECONDS: Final = 12 * 3600
"""How long one may go on without signing in again, however often the token is renewed."""

ROOMS: Final = ("lobby", "design", "incidents")
PEOPLE: Final[Mapping[str, tuple[str, ...]]] = {
    "ann": ("chat:read:*", "chat:write:*"),
    "bob": ("chat:read:*", "chat:write:lobby"),
    "eve": ("chat:read:lobby",),
}
"""Who may do what. `*` stands for any room here, and nowhere else. A product asks its database."""


class ChatSocket(SecureWebSocketHandler):
    """The socket. Whatever arrives in a method is authenticated, validated, authorised and within its rate."""

    @on(chat.Send)
    async def send_line(self, data: dict[str, Any]) -> dict[str, Any]:
        """Pass a line on to everybody who listens to its room and may read it."""
        await self.publish(f"room:{data['room']}", chat.Posted, {**data, "author": self.identity.subject})
        return {"delivered": True}


# --- who you are, over plain HTTP ---


class Api(tornado.web.RequestHandler):
    """What the plain handlers share: they answer pages of our own alone, and nobody keeps the answer."""

    @property
    def guard(self) -> Guard:
        """What decides."""
        guard: Guard = self.settings["wssec"]
        return guard

    def prepare(self) -> None:
        """Refuse the pages of other sites."""
        self.guard.refuse_cross_site(self.request)

    def set_default_headers(self) -> None:
        """Nothing of it is cached, guessed at, or embedded elsewhere."""
        set_security_headers(self)
        self.set_header("Cache-Control", "no-store")

    def answer_with_token(self, name: str, session: str, signed_in_at: float) -> None:
        """Give a fresh token with the rights that this person has now."""
        token = self.guard.issue_token(name, PEOPLE[name], session_id=session, claims={"auth_time": int(signed_in_at)})
        self.write({"token": token, "name": name, "rooms": rooms_for(Grants(PEOPLE[name]))})


class DevelopmentLogin(Api):
    """`POST /login {"name": "ann"}`: whoever you say you are. In development only.

    A product checks a password or asks an identity provider here, and then goes on in the same way.
    """

    def post(self) -> None:
        """Believe the name, and start a session."""
        if not self.request.headers.get("Content-Type", "").startswith("application/json"):
            raise tornado.web.HTTPError(415)  # a form could be posted by any site
        name = _name_in(self.request.body)
        if name not in PEOPLE:
            raise tornado.web.HTTPError(401)
        self.answer_with_token(name, secrets.token_urlsafe(16), time.time())


class DevelopmentPeople(Api):
    """`GET /people`: whom one may sign in as. In development only."""

    def get(self) -> None:
        """Name everybody, and what they may do."""
        people = [{"name": name, "rooms": rooms_for(Grants(grants))} for name, grants in PEOPLE.items()]
        self.write({"people": people})


class Renew(Api):
    """`POST /renew` with a token that still holds gives a fresh one for the same session."""

    async def post(self) -> None:
        """Look up the rights anew, so that what was taken away is gone."""
        identity: Identity = await self.guard.authenticate(self.request)
        signed_in_at = identity.claims.get("auth_time", 0)
        if identity.subject not in PEOPLE or time.time() > signed_in_at + SESSION_SECONDS or not identity.session_id:
            raise tornado.web.HTTPError(401)
        self.answer_with_token(identity.subject, identity.session_id, signed_in_at)


class Me(Api):
    """`GET /me` with a token says who one is and what one may do."""

    async def get(self) -> None:
        """Answer from the token, not from the list: this is what the socket goes by."""
        identity = await self.guard.authenticate(self.request)
        self.write({"name": identity.subject, "rooms": rooms_for(identity.permissions)})


class Logout(Api):
    """`POST /logout` with a token ends its session: every token and socket of it, on every node."""

    async def post(self) -> None:
        """Revoke, and say nothing; 503 where it may not hold, since the store did not acknowledge it."""
        identity = await self.guard.authenticate(self.request)
        whole = {"session": identity.session_id} if identity.session_id else {"token": identity.token_id}
        try:
            await self.guard.revoke(**whole, reason="signed out")
        except StoreError as error:
            raise tornado.web.HTTPError(503) from error
        self.set_status(204)


# --- the page ---


class Page(tornado.web.StaticFileHandler):
    """The page and its files. A line of chat can never become a program: no inline script, no HTML from strings."""

    def set_default_headers(self) -> None:
        """Say what the page may load and where it may connect."""
        set_security_headers(self)
        self.set_header("Cache-Control", "no-cache")  # kept, but asked for again each time


def set_security_headers(handler: tornado.web.RequestHandler) -> None:
    """Tell browsers what neither the page nor an answer will ever need."""
    sockets = [origin.replace("http", "ws", 1) for origin in handler.settings["wssec"].settings.origins]
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self'",
        "connect-src": " ".join(["'self'", *sockets]),
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    handler.clear_header("Server")
    handler.set_header("Content-Security-Policy", "; ".join(f"{name} {value}" for name, value in policy.items()))
    handler.set_header("X-Content-Type-Options", "nosniff")
    handler.set_header("Referrer-Policy", "no-referrer")
    handler.set_header("Cross-Origin-Opener-Policy", "same-origin")
    handler.set_header("Cross-Origin-Resource-Policy", "same-origin")


def rooms_for(grants: Grants) -> list[dict[str, Any]]:
    """What the page shows. It is a courtesy: the server decides at every message."""
    return [
        {"name": room, "read": grants.allows(f"chat:read:{room}"), "write": grants.allows(f"chat:write:{room}")}
        for room in ROOMS
    ]


def _name_in(body: bytes) -> str:
    try:
        name = json.loads(body)["name"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise tornado.web.HTTPError(400) from None
    return str(name)


# --- the server ---


def settings() -> dict[str, str]:
    """The environment; what is not set there comes from the `wssec.env` that `wssec init` wrote here."""
    file = HERE / "wssec.env"
    words = shlex.split(file.read_text(), comments=True) if file.exists() else []
    return {**dict(word.split("=", 1) for word in words), **os.environ}


def make_app() -> tornado.web.Application:
    """The application and its guard: `wssec check app:make_app` says what they expose."""
    environ = settings()
    guard = Guard.from_env(
        environ,
        registry=Registry.scan("schemas.chat"),
        authenticators=[BearerToken(), Ticket()],
        token_rules=TokenRules(ttl=float(environ.get("CHAT_TOKEN_SECONDS", TokenRules().ttl))),
    )
    # Without the switch there is no sign-in until you have written one: nothing here is left open by accident.
    in_development = environ.get("CHAT_DEVELOPMENT") == "1"
    routes: list[Any] = [
        (r"/ws/chat", ChatSocket),
        (r"/me", Me),
        (r"/renew", Renew),
        (r"/logout", Logout),
        *guard.routes(),
        *(_development_routes() if in_development else []),
        (r"/(.*)", Page, {"path": HERE / "static", "default_filename": "index.html"}),
    ]
    return tornado.web.Application(routes, wssec=guard)


def _development_routes() -> list[Any]:
    return [
        (r"/login", DevelopmentLogin),
        (r"/people", DevelopmentPeople),
        (r"/(attacks\.js|attacks\.css)", Page, {"path": HERE / "development"}),
    ]


async def main() -> None:
    """Serve until SIGTERM or Ctrl-C; then say goodbye to everybody."""
    app = make_app()
    wanted = int(settings().get("PORT", "8888"))
    async with app.settings["wssec"] as guard:
        try:
            port = guard.listen(app, wanted)
        except OSError as error:
            remedy = "PORT=8890 WSSEC_ORIGINS=http://127.0.0.1:8890 python app.py"
            sys.exit(f"port {wanted} cannot be used ({error.strerror}); another one: {remedy}")
        print(f"listening on ws://127.0.0.1:{port}/ws/chat", flush=True)
        print(f"pages that may connect: {' '.join(guard.settings.origins) or 'none; set WSSEC_ORIGINS'}", flush=True)
        await guard.until_stopped()


if __name__ == "__main__":
    asyncio.run(main())
