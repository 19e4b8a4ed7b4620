"""The plain HTTP side of an example: signing in and out by a cookie, and the files of a page.

Rules of this file:
1. Whoever you say you are, you are: for `python3 examples` alone. Without EXAMPLE_SIGN_IN=1 there is no such route.
2. No page of another site is answered, and no answer is cached, guessed at or embedded elsewhere.
3. A page loads its own files and connects to its own server: no inline script or style, no HTML from strings.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import tornado.web

from tornado_wssec import Guard

STATIC: Final = Path(__file__).parent / "static"
MOST_BYTES: Final = 4_096


class Api(tornado.web.RequestHandler):
    """What the plain handlers share: they answer pages of our own alone, and nobody keeps the answer."""

    @property
    def guard(self) -> Guard:
        guard: Guard = self.settings["wssec"]
        return guard

    def prepare(self) -> None:
        self.guard.refuse_cross_site(self.request)

    def set_default_headers(self) -> None:
        set_security_headers(self)
        self.set_header("Cache-Control", "no-store")

    def said(self, name: str) -> str:
        """A text of the JSON object in the body.

        Raises:
            HTTPError: 415 for what a form could send from any site, 400 for anything else that is not one.
        """
        value = self.sent(name)
        if not isinstance(value, str):
            raise tornado.web.HTTPError(400)
        return value

    def sent(self, name: str) -> Any:
        """What the JSON object in the body says under a name; None where it says nothing.

        Raises:
            HTTPError: 415 and 400, as for `said`.
        """
        if not self.request.headers.get("Content-Type", "").startswith("application/json"):
            raise tornado.web.HTTPError(415)
        body = self.request.body
        try:
            return json.loads(body).get(name) if len(body) <= MOST_BYTES else None
        except (ValueError, AttributeError, RecursionError):
            raise tornado.web.HTTPError(400) from None


class DemoSignIn(Api):
    """`GET /sign-in`: who there is. `POST /sign-in {"name": "ann"}`: whoever you say you are.

    A product checks a password or asks an identity provider here, and goes on in the same way.
    """

    def initialize(self, people: Mapping[str, Mapping[str, Any]]) -> None:
        self.people = people

    def get(self) -> None:
        self.write({"people": [{"name": name, "may": facts["may"]} for name, facts in self.people.items()]})

    async def post(self) -> None:
        name = self.said("name")
        if name not in self.people:
            raise tornado.web.HTTPError(401)
        options = {key: value for key, value in self.people[name].items() if key != "may"}
        self.write({"name": name, "csrf": await self.guard.sign_in(self, name, **options)})


class SignOut(Api):
    """`POST /sign-out` ends the login: its cookie, its tickets and every socket of it, on every node."""

    async def post(self) -> None:
        await self.guard.sign_out(self)
        self.set_status(204)


class Page(tornado.web.StaticFileHandler):
    """A page and its files."""

    trusted_types = "'none'"
    """The policies by which its scripts may make markup of a text (Trusted Types)."""

    def parse_url_path(self, url_path: str) -> str:
        """The file that is asked for; one with a NUL in its name would be an error of ours, and a traceback a try."""
        if "\0" in url_path:
            raise tornado.web.HTTPError(404)
        return super().parse_url_path(url_path)

    def set_default_headers(self) -> None:
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
        "trusted-types": getattr(handler, "trusted_types", "'none'"),
    }
    handler.clear_header("Server")
    handler.set_header("Content-Security-Policy", "; ".join(f"{name} {value}" for name, value in policy.items()))
    handler.set_header("X-Content-Type-Options", "nosniff")
    handler.set_header("Referrer-Policy", "no-referrer")
    handler.set_header("Cross-Origin-Opener-Policy", "same-origin")
    handler.set_header("Cross-Origin-Resource-Policy", "same-origin")


def sign_in_routes(people: Mapping[str, Mapping[str, Any]]) -> list[Any]:
    """Signing out, and, where EXAMPLE_SIGN_IN=1 allows it, signing in.

    Args:
        people: name → `may`, what the page says of them, and the options of `guard.sign_in`, such as `permissions`.
    """
    sign_in = [("/sign-in", DemoSignIn, {"people": people})] if os.environ.get("EXAMPLE_SIGN_IN") == "1" else []
    return [*sign_in, ("/sign-out", SignOut)]


def page_routes(folder: Path) -> list[Any]:
    """The page in this folder at `/`, and what all pages share at `/look/`. For the end of the list."""
    return [
        (r"/look/(.*)", Page, {"path": STATIC}),
        (r"/(.*)", Page, {"path": folder, "default_filename": "index.html"}),
    ]
